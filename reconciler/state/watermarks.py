"""Up to where the rows of a document have been read and settled, for models with a cursor."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update

from reconciler.model.document import DocumentId
from reconciler.model.watermark import Mark
from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.watermarks


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """`basis` names what the mark was made with: with anything else it means nothing. `cycles` since everything was read."""

    basis: str
    mark: Mark
    cycles: int = 0


def get(session: Session, document: DocumentId) -> Watermark | None:
    row = session.execute(select(_table).where(_of(document))).one_or_none()
    if row is None:
        return None
    return Watermark(basis=row.basis, mark=Mark(text=row.value, type=row.type), cycles=row.cycles)


def start(session: Session, document: DocumentId, watermark: Watermark) -> None:
    """Everything was read."""
    row = {
        "kind": document.kind,
        "name": document.name,
        "basis": watermark.basis,
        "value": watermark.mark.text,
        "type": watermark.mark.type,
        "cycles": watermark.cycles,
    }
    session.execute(upsert(session, _table), row)


def advance(session: Session, document: DocumentId, mark: Mark) -> None:
    """What came since was read. One that was forgotten meanwhile stays forgotten."""
    moved = {"value": mark.text, "type": mark.type, "cycles": _table.c.cycles + 1}
    session.execute(update(_table).where(_of(document)).values(**moved))


def forget(session: Session, document: DocumentId) -> None:
    """The next cycle reads everything."""
    session.execute(delete(_table).where(_of(document)))


def _of(document: DocumentId) -> ColumnElement[bool]:
    return (_table.c.kind == document.kind) & (_table.c.name == document.name)
