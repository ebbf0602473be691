"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells once for each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from reconciler.state.session import Session


def upsert(session: Session, table: Table, **replaced: Any) -> Any:
    """An insert that updates the row when its primary key is there already.

    Every other column takes the new value; `replaced` gives expressions for those that do not, None keeps the old one.
    """
    insert = postgresql.insert(table) if session.postgresql else sqlite.insert(table)
    changed: dict[str, Any] = {}
    for column in table.c:
        if not column.primary_key:
            value = replaced.get(column.name, insert.excluded[column.name])
            if value is not None:
                changed[column.name] = value
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)


def insert_missing(session: Session, table: Table) -> Any:
    """An insert that does nothing when the primary key is there already."""
    insert = postgresql.insert(table) if session.postgresql else sqlite.insert(table)
    return insert.on_conflict_do_nothing(index_elements=list(table.primary_key))
