"""The current status of each document (item `''`) and of each of its mappings."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Row, delete, select

from reconciler.model.document import DocumentId
from reconciler.model.run import Tally
from reconciler.model.status import Status, StatusEntry
from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.statuses


def replace(session: Session, entries: Iterable[StatusEntry]) -> None:
    """Record each entry in place of the one with the same kind, name and item."""
    rows = [_values(entry) for entry in entries]
    if rows:
        session.execute(upsert(session, _table), rows)


def read(session: Session, id: DocumentId | None = None) -> list[StatusEntry]:
    """Entries in order of kind, name and item, so a document comes just before its mappings."""
    query = select(_table).order_by(_table.c.kind, _table.c.name, _table.c.item)
    if id is not None:
        query = query.where(_table.c.kind == id.kind, _table.c.name == id.name)
    return [_entry(row) for row in session.execute(query)]


def remove(session: Session, id: DocumentId, items: Collection[str] | None = None) -> None:
    """Take away the entries of a document, or of some of its items."""
    statement = delete(_table).where(_table.c.kind == id.kind, _table.c.name == id.name)
    if items is not None:
        statement = statement.where(_table.c.item.in_(sorted(items)))
    session.execute(statement)


def _values(entry: StatusEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "item": entry.item,
        "status": entry.status.value,
        "reason": entry.reason,
        "since": entry.since,
        "run_id": entry.run_id,
        "last_run_at": entry.last_run_at,
        "tally": json.dumps(entry.tally.to_json()),
    }


def _entry(row: Row[*tuple[Any, ...]]) -> StatusEntry:
    return StatusEntry(
        kind=row.kind,
        name=row.name,
        item=row.item,
        status=Status(row.status),
        reason=row.reason,
        since=row.since,
        run_id=row.run_id,
        last_run_at=row.last_run_at,
        tally=Tally.from_json(json.loads(row.tally)),
    )
