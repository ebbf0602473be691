"""When each document is due next, and which slots have been run.

A row says when its document should start; it is moved on in the transaction that closes a run. So a document whose process was
killed is still due, and whoever finds its lease free carries on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, delete, func, or_, select, text, tuple_

from reconciler.model.document import DocumentId
from reconciler.state import tables
from reconciler.state.leases import free
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.schedules
_slots = tables.slots
_requests = tables.requests

# Made once: each cycle asks, and putting a query together takes longer than its execution.
_ONE = select(_table).where(_table.c.kind == bindparam("kind"), _table.c.name == bindparam("name"))
_LOCKED = _ONE.with_for_update()

KEPT = 1000
"""Slots of a document of which it is known that they ran. A number and not a time: a clock that is years ahead for an hour
must not make the past unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """When a document is due.

    `generation` is that of the document the entry was made for, `since` when its schedule began to hold, `last_slot` the last
    one that was completed. `due_at` is None while nothing may start by itself. `failures` counts failed runs in a row; after
    one, `retry_at` may be earlier than the next slot.
    """

    document: DocumentId
    generation: int
    since: datetime
    last_slot: datetime | None = None
    due_at: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    suspended_at: datetime | None = None
    suspended_by: str | None = None


def read(session: Session, *, lock: bool = False) -> dict[DocumentId, Entry]:
    """Every entry, in order of the documents. `lock`: ours alone until the transaction ends."""
    query = select(_table).order_by(_table.c.kind, _table.c.name)
    rows = session.execute(query.with_for_update() if lock else query)
    return {entry.document: entry for entry in map(_entry, rows)}


def get(session: Session, document: DocumentId, *, lock: bool = False) -> Entry | None:
    """The entry of one document. `lock`: ours alone until the transaction ends."""
    bound = {"kind": document.kind, "name": document.name}
    row = session.execute(_LOCKED if lock else _ONE, bound).one_or_none()
    return None if row is None else _entry(row)


def save(session: Session, entries: Iterable[Entry]) -> None:
    """Record entries, new or changed."""
    rows = [
        {
            "kind": entry.document.kind,
            "name": entry.document.name,
            "generation": entry.generation,
            "since": entry.since,
            "last_slot": entry.last_slot,
            "due_at": entry.due_at,
            "failures": entry.failures,
            "retry_at": entry.retry_at,
            "suspended_at": entry.suspended_at,
            "suspended_by": entry.suspended_by,
        }
        for entry in entries
    ]
    if rows:
        session.execute(upsert(session, _table), rows)


def move(session: Session, entry: Entry) -> None:
    """Record what a run changes of an entry: slot, failures, retry and when it is due, unless it was suspended meanwhile."""
    # As text: each cycle comes by, and putting the statement together takes longer than its execution.
    statement = text(
        "UPDATE schedules SET last_slot = :last_slot, failures = :failures, retry_at = :retry_at, "
        "due_at = CASE WHEN suspended_at IS NULL THEN :due_at END WHERE kind = :kind AND name = :name"
    )
    times = {"last_slot": entry.last_slot, "retry_at": entry.retry_at, "due_at": entry.due_at}
    bound = {name: tables.to_text(when) if when is not None else None for name, when in times.items()}
    key = {"kind": entry.document.kind, "name": entry.document.name}
    session.execute(statement, {**bound, **key, "failures": entry.failures})


def remove(session: Session, document: DocumentId) -> None:
    """The document is forgotten: nothing of it is due. Which slots ran stays known."""
    session.execute(delete(_table).where(_at(_table, document)))
    session.execute(delete(_requests).where(_at(_requests, document), _requests.c.closed_at.is_(None)))


def due(session: Session, now: datetime, limit: int) -> list[DocumentId]:
    """Documents that should start and that nobody works on, in the order in which they became due.

    A request makes its document due whatever its schedule says. Leases are judged by the clock of the database, as always.
    """
    asked = (
        select(_requests.c.kind, _requests.c.name, func.min(_requests.c.requested_at).label("asked_at"))
        .where(_requests.c.closed_at.is_(None))
        .group_by(_requests.c.kind, _requests.c.name)
        .subquery()
    )
    lease = tables.leases
    idle = text(f"(leases.name IS NULL OR {free(session)})")
    when = case((asked.c.asked_at.is_not(None), asked.c.asked_at), else_=_table.c.due_at)
    query = (
        select(_table.c.kind, _table.c.name)
        .select_from(
            _table.outerjoin(asked, (asked.c.kind == _table.c.kind) & (asked.c.name == _table.c.name)).outerjoin(
                lease, lease.c.name == _table.c.kind + "/" + _table.c.name
            )
        )
        .where(or_(_table.c.due_at <= now, asked.c.asked_at.is_not(None)), _table.c.suspended_at.is_(None), idle)
        .order_by(when, _table.c.kind, _table.c.name)
        .limit(limit)
    )
    return [DocumentId(row.kind, row.name) for row in session.execute(query)]


def claim_slot(session: Session, document: DocumentId, slot: datetime, run_id: int) -> bool:
    """Note that `run_id` runs a slot. False when the slot was completed before; a slot that was cut off is taken over."""
    # As text: each cycle comes by, and putting the statement together takes longer than its execution.
    statement = text(
        "INSERT INTO slots (kind, name, slot, run_id, attempts) VALUES (:kind, :name, :slot, :run_id, 1) "
        "ON CONFLICT (kind, name, slot) DO UPDATE SET run_id = excluded.run_id, attempts = slots.attempts + 1 "
        "RETURNING completed_at"
    )
    bound = {"kind": document.kind, "name": document.name, "slot": tables.to_text(slot), "run_id": run_id}
    return session.execute(statement, bound).scalar_one() is None


def complete_slot(session: Session, document: DocumentId, slot: datetime, run_id: int, *, now: datetime) -> None:
    """The slot ran to its end, well or badly, and is not run again."""
    statement = text(
        "UPDATE slots SET completed_at = :now WHERE kind = :kind AND name = :name AND slot = :slot AND run_id = :run_id"
    )
    bound = {"kind": document.kind, "name": document.name, "slot": tables.to_text(slot), "run_id": run_id}
    session.execute(statement, {**bound, "now": tables.to_text(now)})


def last_completed(session: Session, document: DocumentId, until: datetime) -> datetime | None:
    """The last slot up to `until` that ran to its end."""
    at = _at(_slots, document) & _slots.c.completed_at.is_not(None) & (_slots.c.slot <= until)
    found: datetime | None = session.execute(
        select(_slots.c.slot).where(at).order_by(_slots.c.slot.desc()).limit(1)
    ).scalar()
    return found


def expire_slots(session: Session) -> None:
    """Drop what is known of slots that nobody can ask for any more."""
    place = func.row_number().over(partition_by=(_slots.c.kind, _slots.c.name), order_by=_slots.c.slot.desc())
    key = (_slots.c.kind, _slots.c.name, _slots.c.slot)
    placed = select(*key, place.label("place")).subquery()
    old = select(placed.c.kind, placed.c.name, placed.c.slot).where(placed.c.place > KEPT)
    session.execute(delete(_slots).where(tuple_(*key).in_(old)))


def _at(table: Any, document: DocumentId) -> Any:
    return (table.c.kind == document.kind) & (table.c.name == document.name)


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(
        document=DocumentId(row.kind, row.name),
        generation=row.generation,
        since=row.since,
        last_slot=row.last_slot,
        due_at=row.due_at,
        failures=row.failures,
        retry_at=row.retry_at,
        suspended_at=row.suspended_at,
        suspended_by=row.suspended_by,
    )
