"""Values that are rejected at the moment, each kept until it is acknowledged or no longer asked for."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, select
from sqlalchemy import text as sql

from reconciler.model.document import DocumentId
from reconciler.model.outcome import SKIPS, Reason, Rejection
from reconciler.state import tables
from reconciler.state.order import natural
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.outcomes
_BY_KEY = sql(natural("outcomes.key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRejection:
    """A rejection with its history: how often and since when it was tried."""

    document: DocumentId
    rejection: Rejection
    first_seen: datetime
    last_seen: datetime
    attempts: int
    run_id: int


def record(
    session: Session, document: DocumentId, rejections: Iterable[Rejection], run_id: int, *, now: datetime
) -> None:
    """Record rejections; one that is known already keeps its first date and counts one attempt more."""
    rows = [_values(document, rejection, run_id, now) for rejection in rejections]
    if rows:
        session.execute(upsert(session, _table, first_seen=_table.c.first_seen, attempts=_table.c.attempts + 1), rows)


def some(session: Session, document: DocumentId) -> bool:
    """Whether anything of a document is rejected."""
    of_document = (_table.c.kind == document.kind) & (_table.c.name == document.name)
    return session.execute(select(_table.c.key).where(of_document).limit(1)).first() is not None


def clear(session: Session, document: DocumentId, acknowledged: Iterable[tuple[str, str]]) -> None:
    """Take away what is acknowledged by now, as pairs of item and key."""
    statement = delete(_table).where(
        _table.c.kind == document.kind,
        _table.c.name == document.name,
        _table.c.item == bindparam("of_item"),
        _table.c.key == bindparam("of_key"),
    )
    pairs = [{"of_item": item, "of_key": key} for item, key in acknowledged]
    if pairs:
        session.execute(statement, pairs)


def remove(session: Session, document: DocumentId, items: Collection[str] | None = None) -> None:
    """Take away what concerns forgotten mappings, or a whole forgotten document."""
    statement = delete(_table).where(_table.c.kind == document.kind, _table.c.name == document.name)
    session.execute(statement if items is None else statement.where(_table.c.item.in_(sorted(items))))


def sweep(session: Session, document: DocumentId, run_id: int) -> int:
    """Take away what the complete run `run_id` did not reject; gives how many. Never for a run that did not read all."""
    at = (_table.c.kind == document.kind) & (_table.c.name == document.name)
    return session.execute(delete(_table).where(at, _table.c.run_id != run_id)).rowcount


def unread(session: Session, document: DocumentId, run_id: int) -> dict[tuple[str, Reason], int]:
    """How many rejections are on record that the run `run_id` did not look at again, by item and reason."""
    query = (
        select(_table.c.item, _table.c.reason, func.count())
        .where(_table.c.kind == document.kind, _table.c.name == document.name, _table.c.run_id != run_id)
        .where(_table.c.reason.not_in([reason.value for reason in SKIPS]))
        .group_by(_table.c.item, _table.c.reason)
    )
    return {(item, Reason(reason)): count for item, reason, count in session.execute(query)}


def search(
    session: Session,
    *,
    document: DocumentId | None = None,
    item: str | None = None,
    reason: Reason | None = None,
    text: str | None = None,
) -> Generator[RecordedRejection, None, None]:
    """Rejections in order of document, item and, naturally, of key; a page at a time in memory.

    `text` is looked for in key, label, item, value and detail, in any case of letters.
    """
    query = select(_table).where(and_(True, *_filters(document, item, reason, text)))
    for row in session.stream(query.order_by(_table.c.kind, _table.c.name, _table.c.item, _BY_KEY)):
        yield _recorded(row)


def by_record(session: Session, document: DocumentId) -> Iterator[RecordedRejection]:
    """Rejections of one document in natural order of key, then of item, a page at a time in memory."""
    query = select(_table).where(and_(*_filters(document, None, None, None))).order_by(_BY_KEY, _table.c.item)
    return map(_recorded, session.stream(query))


def count(
    session: Session,
    *,
    document: DocumentId | None = None,
    item: str | None = None,
    reason: Reason | None = None,
    text: str | None = None,
) -> int:
    """How many `search` would give."""
    query = select(func.count()).select_from(_table).where(and_(True, *_filters(document, item, reason, text)))
    return int(session.execute(query).scalar_one())


def _filters(
    document: DocumentId | None, item: str | None, reason: Reason | None, text: str | None
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if document is not None:
        wanted += [_table.c.kind == document.kind, _table.c.name == document.name]
    if item is not None:
        wanted.append(_table.c.item == item)
    if reason is not None:
        wanted.append(_table.c.reason == reason.value)
    if text:
        wanted.append(_table.c.haystack.contains(text.casefold(), autoescape=True))
    return wanted


def _values(document: DocumentId, rejection: Rejection, run_id: int, now: datetime) -> dict[str, Any]:
    searched = (rejection.key, rejection.label, rejection.item, rejection.value or "", rejection.detail)
    return {
        "kind": document.kind,
        "name": document.name,
        "item": rejection.item,
        "key": rejection.key,
        "label": rejection.label,
        "value": rejection.value,
        "reason": rejection.reason.value,
        "detail": rejection.detail,
        "first_seen": now,
        "last_seen": now,
        "attempts": 1,
        "run_id": run_id,
        "haystack": "\n".join(searched).casefold(),
    }


def _recorded(row: Row[*tuple[Any, ...]]) -> RecordedRejection:
    rejection = Rejection(
        key=row.key, label=row.label, item=row.item, value=row.value, reason=Reason(row.reason), detail=row.detail
    )
    return RecordedRejection(
        document=DocumentId(row.kind, row.name),
        rejection=rejection,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        attempts=row.attempts,
        run_id=row.run_id,
    )
