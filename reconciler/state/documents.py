"""Documents as they were last applied. A forgotten one keeps its row: forgetting deletes nothing."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, tuple_, update

from reconciler import errors
from reconciler.model.document import Document, DocumentId
from reconciler.model.json import canonical
from reconciler.state import tables
from reconciler.state.session import Session

_table = tables.documents


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDocument:
    """`generation` starts at 1 and grows whenever the content changed. `forgotten_at` is None while the document counts."""

    document: Document
    generation: int
    applied_at: datetime
    applied_serial: int
    forgotten_at: datetime | None = None
    commit: str | None = None


def load(
    session: Session, ids: Collection[DocumentId] | None = None, *, forgotten: bool = False
) -> dict[DocumentId, RecordedDocument]:
    """Recorded documents in order of their ids; all of them, or those of `ids` that exist. `forgotten` ones only if asked."""
    query = select(_table).order_by(_table.c.kind, _table.c.name)
    if not forgotten:
        query = query.where(_table.c.forgotten_at.is_(None))
    found: dict[DocumentId, RecordedDocument] = {}
    for part in _parts(query, ids):
        for row in session.execute(part):
            recorded = _recorded(row)
            found[recorded.document.id] = recorded
    return found


def of_kind(session: Session, kind: str) -> dict[DocumentId, RecordedDocument]:
    """The recorded documents of one kind, in order of their names."""
    query = select(_table).where(_table.c.kind == kind, _table.c.forgotten_at.is_(None)).order_by(_table.c.name)
    found = map(_recorded, session.execute(query))
    return {recorded.document.id: recorded for recorded in found}


def save(session: Session, document: Document, *, now: datetime, serial: int, commit: str | None = None) -> int:
    """Record `document` as applied and give its generation."""
    at = (_table.c.kind == document.id.kind) & (_table.c.name == document.id.name)
    content = {
        "spec": canonical(document.spec),
        "labels": canonical(document.labels),
        "digest": document.digest,
        "applied_at": now,
        "applied_serial": serial,
        "forgotten_at": None,
        "commit_id": commit,
    }
    row = session.execute(select(_table.c.generation, _table.c.digest).where(at)).one_or_none()
    if row is None:
        session.execute(insert(_table).values(kind=document.id.kind, name=document.id.name, generation=1, **content))
        return 1
    generation = int(row.generation) + int(row.digest != document.digest)
    session.execute(update(_table).where(at).values(generation=generation, **content))
    return generation


def forget(session: Session, id: DocumentId, *, now: datetime, serial: int) -> None:
    """Stop counting a document; its row and everything written for it stay. Raises `errors.NotFound`."""
    at = (_table.c.kind == id.kind) & (_table.c.name == id.name) & _table.c.forgotten_at.is_(None)
    if not session.execute(update(_table).where(at).values(forgotten_at=now, applied_serial=serial)).rowcount:
        raise errors.NotFound(f"{id} is not recorded.")


def _parts(query: Select[Any], ids: Collection[DocumentId] | None) -> list[Select[Any]]:
    """A statement takes a limited number of parameters, so many ids are asked for in parts."""
    if ids is None:
        return [query]
    wanted = sorted(ids)
    key = tuple_(_table.c.kind, _table.c.name)
    return [query.where(key.in_(wanted[start : start + 500])) for start in range(0, len(wanted), 500)]


def _recorded(row: Row[*tuple[Any, ...]]) -> RecordedDocument:
    document = Document(id=DocumentId(row.kind, row.name), spec=json.loads(row.spec), labels=json.loads(row.labels))
    return RecordedDocument(
        document=document,
        generation=row.generation,
        applied_at=row.applied_at,
        applied_serial=row.applied_serial,
        forgotten_at=row.forgotten_at,
        commit=row.commit_id,
    )
