"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells once for each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from reconciler.state.session import Session


def upsert(session: Session, table: Table, **replaced: Any) -> Any:
    """An insert that updates the row when its primary key is there already.

    Every other column takes the new value; `replaced` gives expressions for those that do not, None keeps the old one.
    """
    insert = _insert(session, table)
    changed: dict[str, Any] = {}
    for column in table.c:
        if not column.primary_key:
            value = replaced.get(column.name, insert.excluded[column.name])
            if value is not None:
                changed[column.name] = value
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)


def insert_missing(session: Session, table: Table) -> Any:
    """An insert that does nothing when the primary key is there already."""
    insert = _insert(session, table)
    return insert.on_conflict_do_nothing(index_elements=list(table.primary_key))


def _insert(session: Session, table: Table) -> Any:
    # Imported when needed: the dialect of PostgreSQL costs a command that only reads a tenth of a second.
    if session.postgresql:
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
