"""Batches of writes, recorded before they are sent, so that a crash leaves no doubt about what may have arrived.

A closed batch stays: it is what is known of the values before a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from reconciler import errors
from reconciler.model.document import DocumentId
from reconciler.model.outcome import RecordChange, Write
from reconciler.state import tables
from reconciler.state.session import Session

_table = tables.batches
_OPEN = insert(_table).returning(_table.c.id)
_CLOSE = update(_table).where(_table.c.id == bindparam("of_id"), _table.c.closed_at.is_(None))
"""Made once: they are run for each batch."""

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Cells = Sequence[Any]
"""A write as [key, label, item, before, value]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Writes that were about to be sent. While it is open, each of them may or may not have arrived."""

    id: int
    run_id: int
    writes: tuple[Write, ...]
    opened_at: datetime


def open_batch(session: Session, run_id: int, document: DocumentId, writes: Sequence[Write], *, now: datetime) -> int:
    """Record `writes` as about to be sent and give the batch's id. Commit before sending."""
    content = [(w.key, w.label, w.item, w.before, w.value) for w in writes]
    return _open(session, run_id, document, content, now)


def open_records(
    session: Session,
    run_id: int,
    document: DocumentId,
    items: Sequence[str],
    changes: Sequence[RecordChange],
    *,
    now: datetime,
) -> int:
    """The same for the changes of records, whose values are those of `items`."""
    return _open(session, run_id, document, {"items": items, "records": changes}, now)


def _open(session: Session, run_id: int, document: DocumentId, content: object, now: datetime) -> int:
    values = {
        "run_id": run_id,
        "kind": document.kind,
        "name": document.name,
        "writes": _text(content),
        "opened_at": now,
    }
    return int(session.execute(_OPEN, values).scalar_one())


def close_batch(session: Session, batch_id: int, *, now: datetime) -> None:
    """Every write of the batch is accounted for. Raises `errors.NotFound` when it is not open."""
    if not session.execute(_CLOSE, {"of_id": batch_id, "closed_at": now}).rowcount:
        raise errors.NotFound(f"There is no open batch {batch_id}.")


def expire(session: Session, *, before: datetime) -> None:
    """Drop closed batches that were opened before a moment. Until then they say what a run wrote over what."""
    session.execute(delete(_table).where(_table.c.closed_at.is_not(None), _table.c.opened_at < before))


def pending(session: Session, document: DocumentId) -> list[Batch]:
    """Open batches of a document, oldest first: what a crash left in doubt."""
    query = (
        select(_table)
        .where(_table.c.kind == document.kind, _table.c.name == document.name, _table.c.closed_at.is_(None))
        .order_by(_table.c.id)
    )
    return [
        Batch(id=row.id, run_id=row.run_id, writes=_writes(row.writes), opened_at=row.opened_at)
        for row in session.execute(query)
    ]


def _writes(text: str) -> tuple[Write, ...]:
    return tuple(
        Write(key=key, label=label, item=item, before=before, value=value)
        for key, label, item, before, value in unpacked(text)
    )


def unpacked(text: str) -> list[Cells]:
    """Each write of a journalled batch."""
    content = json.loads(text)
    if isinstance(content, list):
        return content
    return [
        [key, label, item, before, value]
        for key, label, values, befores in content["records"]
        for item, value, before in zip(content["items"], values, befores, strict=True)
        if value is not None
    ]


def packed(writes: Sequence[Cells]) -> str:
    """The contrary of `unpacked`."""
    return _text(writes)
