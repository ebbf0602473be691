"""The activity log: one row for each run of a document, and one for each of its mappings.

A run that a killed process left behind stays `Running` in its row until the next cycle of its document closes it. Whoever
reads one sees it as interrupted as soon as nobody holds the lease of its document.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from reconciler import errors
from reconciler.model.document import DocumentId
from reconciler.model.run import CUT_OFF, Extent, Run, RunResult, Tally, Trigger
from reconciler.state import leases, tables
from reconciler.state.session import Session

_table = tables.runs
_PROGRESS = update(_table).where(_table.c.id == bindparam("of_id"))
"""Made once: it is run for each batch."""
_items = tables.run_items

KILLED = "the process that ran it ended without closing it"


def open_run(
    session: Session,
    document: DocumentId,
    *,
    job: str,
    connection: str,
    now: datetime,
    trigger: Trigger = Trigger.MANUAL,
    slot: datetime | None = None,
) -> Run:
    """Start a run; its id grows with every run of the project. `job` and `connection` as the activity log shows them.

    It carries the commit that is applied at this moment.
    """
    values = {
        "kind": document.kind,
        "document": document.name,
        "job": job,
        "connection": connection,
        "started_at": now,
        "result": RunResult.RUNNING.value,
        "tally": _text(Tally()),
        "calls": 0,
        "reason": "",
        "haystack": _haystack(job, connection, str(document)),
        "commit_id": select(tables.meta.c.commit_id).scalar_subquery(),
        "trigger": trigger.value,
        "slot": slot,
    }
    row = session.execute(insert(_table).values(**values).returning(*_table.c)).one()
    return _run(row)


def progress(session: Session, run_id: int, tally: Tally, calls: int, *, now: datetime) -> None:
    """Counts so far, for those who watch."""
    values = {"of_id": run_id, "tally": _text(tally), "calls": calls, "progress_at": now}
    _exactly_one(session.execute(_PROGRESS, values).rowcount, run_id)


def touch(session: Session, run_id: int, calls: int, *, now: datetime) -> None:
    """The run is getting on: it has made so many calls."""
    session.execute(update(_table).where(_table.c.id == run_id).values(calls=calls, progress_at=now))


def close(
    session: Session,
    run_id: int,
    *,
    result: RunResult,
    tally: Tally,
    items: Mapping[str, Tally],
    calls: int,
    reason: str,
    now: datetime,
    extent: Extent | None = None,
) -> Run:
    """End a run with its final counts, in all and for each item. Raises `errors.NotFound`."""
    row = session.execute(select(_table).where(_table.c.id == run_id)).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no run {run_id}.")
    values = {
        "result": result.value,
        "tally": _text(tally),
        "calls": calls,
        "reason": reason,
        "ended_at": now,
        "progress_at": now,
        "haystack": _haystack(row.job, row.connection, f"{row.kind}/{row.document}", reason),
        "extent": extent,
    }
    closed = session.execute(update(_table).where(_table.c.id == run_id).values(**values).returning(*_table.c)).one()
    if items:
        counted = [{"run_id": run_id, "item": item, "tally": _text(count)} for item, count in sorted(items.items())]
        session.execute(insert(_items), counted)
    return _run(closed)


def items(session: Session, run_id: int) -> dict[str, Tally]:
    """Counts of each item of a closed run, in order of the items."""
    query = select(_items.c.item, _items.c.tally).where(_items.c.run_id == run_id).order_by(_items.c.item)
    return {item: _tally(text) for item, text in session.execute(query)}


def search(
    session: Session,
    *,
    document: DocumentId | None = None,
    result: RunResult | None = None,
    text: str | None = None,
    limit: int,
    before: int | None = None,
) -> list[Run]:
    """Runs, newest first. `text` is looked for in job, connection, document and reason, in any case of letters.

    `before` is the id that the last page ended with.
    """
    query = _query(session).order_by(_table.c.id.desc()).limit(limit)
    if document is not None:
        query = query.where(_table.c.kind == document.kind, _table.c.document == document.name)
    if result is not None:
        query = query.where(_with_result(session, result))
    if text:
        found = _table.c.haystack.contains(text.casefold(), autoescape=True)
        query = query.where(or_(found, _cut_off(session)) if text.casefold() in CUT_OFF else found)
    if before is not None:
        query = query.where(_table.c.id < before)
    return [_seen(row) for row in session.execute(query)]


def get(session: Session, run_id: int) -> Run:
    """Raises `errors.NotFound`."""
    row = session.execute(_query(session).where(_table.c.id == run_id)).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no run {run_id}.", hint="`reconcile activity` lists the runs")
    return _seen(row)


def by_id(session: Session, run_ids: Collection[int]) -> dict[int, Run]:
    """The runs with these ids, as far as they exist."""
    rows = session.execute(select(_table).where(_table.c.id.in_(sorted(run_ids)))).all()
    return {row.id: _run(row) for row in rows}


def newest_id(session: Session) -> int:
    """The id of the newest run of all documents; 0 when there is none. The newest one that a status speaks of never expires."""
    return int(session.execute(select(func.max(_table.c.id))).scalar() or 0)


def latest(session: Session, document: DocumentId) -> Run | None:
    """The newest run of a document, which may be running."""
    found = search(session, document=document, limit=1)
    return found[0] if found else None


def newest(
    session: Session, ids: Collection[DocumentId], results: Collection[RunResult], *, whole: bool = False
) -> Run | None:
    """The newest run of any of some documents with one of some results; with `whole`, of those that read everything."""
    mine = or_(*((_table.c.kind == id.kind) & (_table.c.document == id.name) for id in ids))
    query = select(_table).where(mine, _table.c.result.in_([result.value for result in results]))
    if whole:
        query = query.where(_table.c.extent.is_distinct_from(Extent.CURSOR.value))
    row = session.execute(query.order_by(_table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _run(row)


def unfinished(session: Session) -> dict[DocumentId, Run]:
    """For each document the run that is under way or was cut off: a cycle closes the one before, so there is one at most."""
    rows = session.execute(_query(session).where(_table.c.result == RunResult.RUNNING.value))
    return {DocumentId(row.kind, row.document): _seen(row) for row in rows}


def abandoned(session: Session, document: DocumentId, *, now: datetime) -> list[Run]:
    """Close the runs that a killed process left running, and give them. Only for the holder of the document's lease."""
    left = (_table.c.kind == document.kind) & (_table.c.document == document.name)
    statement = (
        update(_table)
        .where(left, _table.c.result == RunResult.RUNNING.value)
        .values(
            result=RunResult.INTERRUPTED.value, ended_at=now, reason=KILLED, haystack=_table.c.haystack + "\n" + KILLED
        )
        .returning(*_table.c)
    )
    return sorted((_run(row) for row in session.execute(statement)), key=lambda run: run.id)


def expire(session: Session, *, before: datetime) -> None:
    """Drop runs that ended before a moment, but for those that a status or the journal speaks of."""
    spoken_of = select(tables.statuses.c.run_id).where(tables.statuses.c.run_id.is_not(None))
    journalled = select(tables.batches.c.run_id)
    old = (_table.c.ended_at < before) & _table.c.id.not_in(spoken_of) & _table.c.id.not_in(journalled)
    session.execute(delete(_items).where(_items.c.run_id.in_(select(_table.c.id).where(old))))
    session.execute(delete(_table).where(old))


def _exactly_one(rows: int, run_id: int) -> None:
    if rows != 1:
        raise errors.NotFound(f"There is no run {run_id}.")


def _haystack(*parts: str) -> str:
    """What a search looks in. Folded here, because the databases disagree on the case of letters beyond ASCII."""
    return "\n".join(parts).casefold()


def _text(tally: Tally) -> str:
    return json.dumps(tally.to_json())


def _tally(text: str) -> Tally:
    return Tally.from_json(json.loads(text))


def _cut_off(session: Session) -> ColumnElement[bool]:
    held = leases.held(session, "runs.kind || '/' || runs.document")
    return literal_column(f"(runs.result = '{RunResult.RUNNING.value}' AND NOT {held})", Boolean)


def _query(session: Session) -> Select[*tuple[Any, ...]]:
    return select(_table, _cut_off(session).label("cut_off"))


def _with_result(session: Session, result: RunResult) -> ColumnElement[bool]:
    recorded = _table.c.result == result.value
    if result is RunResult.RUNNING:
        return and_(recorded, not_(_cut_off(session)))
    return or_(recorded, _cut_off(session)) if result is RunResult.INTERRUPTED else recorded


def _seen(row: Row[*tuple[Any, ...]]) -> Run:
    """A run as it stands by its document's lease."""
    run = _run(row)
    return replace(run, result=RunResult.INTERRUPTED, reason=CUT_OFF) if row.cut_off else run


def _run(row: Row[*tuple[Any, ...]]) -> Run:
    return Run(
        id=row.id,
        kind=row.kind,
        document=row.document,
        job=row.job,
        connection=row.connection,
        started_at=row.started_at,
        ended_at=row.ended_at,
        result=RunResult(row.result),
        tally=_tally(row.tally),
        calls=row.calls,
        reason=row.reason,
        progress_at=row.progress_at,
        trigger=Trigger(row.trigger),
        slot=row.slot,
        commit=row.commit_id,
        extent=Extent(row.extent) if row.extent else None,
    )
