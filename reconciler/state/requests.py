"""Wishes for a run now. The loop serves each once; several that wait for one document are served by one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, text, update

from reconciler.model.document import DocumentId
from reconciler.state import tables
from reconciler.state.session import Session

_table = tables.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`run_id` is the run that serves it; closed when that run ended."""

    id: int
    document: DocumentId
    run_id: int | None
    closed: bool


def ask(session: Session, document: DocumentId, by: str, *, now: datetime) -> int:
    """Record a wish and give its id."""
    row = {"kind": document.kind, "name": document.name, "requested_at": now, "requested_by": by}
    return int(session.execute(insert(_table).values(**row).returning(_table.c.id)).scalar_one())


def get(session: Session, id: int) -> Request | None:
    """None: it was withdrawn, or its document was forgotten."""
    row = session.execute(select(_table).where(_table.c.id == id)).one_or_none()
    if row is None:
        return None
    document = DocumentId(row.kind, row.name)
    return Request(id=row.id, document=document, run_id=row.run_id, closed=row.closed_at is not None)


def withdraw(session: Session, id: int) -> bool:
    """Take a wish back. False when a run serves it already."""
    at = (_table.c.id == id) & _table.c.run_id.is_(None)
    return bool(session.execute(delete(_table).where(at)).rowcount)


def waiting(session: Session, document: DocumentId) -> bool:
    """Whether somebody waits for a run of `document`."""
    at = (_table.c.kind == document.kind) & (_table.c.name == document.name) & _table.c.closed_at.is_(None)
    return session.execute(select(_table.c.id).where(at).limit(1)).scalar() is not None


def take(session: Session, document: DocumentId, run_id: int) -> int:
    """Everything that waits for `document` is served by `run_id`. Gives how many wishes that are."""
    # As text, like all that each cycle comes by.
    statement = text("UPDATE requests SET run_id = :run_id WHERE kind = :kind AND name = :name AND closed_at IS NULL")
    return session.execute(statement, {"run_id": run_id, "kind": document.kind, "name": document.name}).rowcount


def close(session: Session, run_id: int, *, now: datetime) -> None:
    """The run ended: what it served is done."""
    session.execute(update(_table).where(_table.c.run_id == run_id).values(closed_at=now))


def expire(session: Session, *, before: datetime) -> None:
    """Drop what was done before a moment."""
    session.execute(delete(_table).where(_table.c.closed_at < before))
