"""Which documents the loop runs, and when: the recorded documents brought together with the table of schedules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.engine import chain, kinds
from reconciler.engine.occasion import Timing, believable
from reconciler.engine.waiting import Waiting
from reconciler.model.document import HAVING_CYCLES, Document, DocumentId
from reconciler.model.resources import CommunityImport, Cyclic, LoopSettings
from reconciler.model.run import Run, RunResult
from reconciler.schedule import SKEW
from reconciler.state import conditions, documents, runs, schedules
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A document that has cycles. `connection` is the one it writes to: the API that its calls go to. `job` is what the
    activity log calls its cycles."""

    document: DocumentId
    job: str
    connection: str
    timing: Timing


def refresh(session: Session, settings: LoopSettings, now: datetime) -> dict[DocumentId, Work]:
    """Bring the table of schedules up to what is recorded, and give the work there is.

    A new document is due at once. A changed one keeps the slots that it ran and loses its backoff. Every time is worked out
    anew, so a clock that jumped has no say any more.
    """
    recorded = documents.load(session)
    waiting = Waiting(session)
    work = {
        id: _work(kinds.cyclic(found.document), id, recorded, settings, waiting)
        for id, found in recorded.items()
        if id.kind in HAVING_CYCLES
    }
    before = schedules.read(session, lock=True)  # what a cycle or a person writes meanwhile must not be undone
    for gone in before.keys() - work.keys():
        schedules.remove(session, gone)
        conditions.remove(session, str(gone))
    changed = []
    for id, entry in work.items():
        found = _entry(session, before.get(id), recorded[id], now)
        found = replace(found, due_at=entry.timing.due_at(found, now))
        if found != before.get(id):
            changed.append(found)
    schedules.save(session, changed)
    chain.ask_for_ready(session, recorded, now)
    return work


def revise(session: Session, work: Work, now: datetime) -> None:
    """Work out anew when one document is due: somebody found that it was not.

    A slot that is known to have run is passed over, although the entry does not say so: it ran while a clock was ahead.
    """
    entry = schedules.get(session, work.document, lock=True)
    if entry is None:
        return
    entry = believable(session, entry, now)
    ran = schedules.last_completed(session, work.document, now + SKEW)
    if ran is not None and (entry.last_slot is None or ran > entry.last_slot):
        entry = replace(entry, last_slot=ran)
    schedules.save(session, [replace(entry, due_at=work.timing.due_at(entry, now))])


def ran_by_hand(session: Session, document: DocumentId, run: Run, now: datetime) -> None:
    """A run that somebody started does for the slots that went by unserved before it: nothing is overdue any more.

    Only where there is a timetable, that is, where a loop was at work once.
    """
    entry, work = schedules.get(session, document, lock=True), current(session, document, LoopSettings())
    if entry is None or work is None or run.result not in (RunResult.SUCCESS, RunResult.PARTIAL):
        return
    if entry.last_slot is None or entry.last_slot < run.started_at:
        entry = replace(entry, last_slot=run.started_at)
    schedules.save(session, [replace(entry, due_at=work.timing.due_at(entry, now))])


def current(session: Session, document: DocumentId, settings: LoopSettings) -> Work | None:
    """The work that a document is at this moment; None when it is forgotten."""
    found = documents.load(session, [document])
    if not found:
        return None
    flow = kinds.cyclic(found[document].document)
    return _work(flow, document, kinds.surroundings(session, flow), settings, Waiting(session))


def _work(
    flow: Cyclic,
    id: DocumentId,
    recorded: Mapping[DocumentId, RecordedDocument],
    settings: LoopSettings,
    waiting: Waiting,
) -> Work:
    when = timing(flow, recorded, settings, waiting)
    return Work(document=id, job=kinds.job(flow), connection=kinds.written(flow), timing=when)


def timing(
    flow: Cyclic,
    recorded: Mapping[DocumentId, RecordedDocument],
    settings: LoopSettings,
    waiting: Waiting,
) -> Timing:
    """What decides when a document is due, from what is recorded of everything that it names."""
    ends = (recorded.get(id) for id in kinds.ends(flow, recorded))
    return Timing(
        schedule=flow.schedule,
        settings=settings,
        suspended=flow.suspended,
        deactivated=not all(end is not None and _active(end.document) for end in ends),
        waiting=isinstance(flow, CommunityImport) and bool(waiting.why(flow, recorded)),
    )


def _active(connection: Document) -> bool:
    return connection.spec.get("active", True) is not False


def _entry(
    session: Session, before: schedules.Entry | None, recorded: RecordedDocument, now: datetime
) -> schedules.Entry:
    document = recorded.document.id
    if before is None:
        latest = runs.latest(session, document)
        ran = latest is not None and latest.ended_at is not None and latest.started_at >= recorded.applied_at
        return schedules.Entry(
            document=document,
            generation=recorded.generation,
            since=recorded.applied_at,
            # What ran by hand before there was a loop does not run again at once.
            last_slot=latest.started_at if latest is not None and ran else None,
        )
    entry = believable(session, before, now)
    if entry.generation == recorded.generation:
        return entry
    return replace(entry, generation=recorded.generation, failures=0, retry_at=None)
