"""Cycles that other things start: `after` other documents have succeeded, and `runOnApply`. Each start is a request, which the
loop serves, or whoever runs the cycle by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from reconciler.engine import kinds
from reconciler.engine.kinds import possible
from reconciler.model.document import MODEL, SYNC, DocumentId
from reconciler.model.resources import Sync
from reconciler.model.run import Run, RunResult
from reconciler.state import documents, requests, runs, schedules
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session

_BEGUN = (RunResult.RUNNING, RunResult.SUCCESS, RunResult.PARTIAL, RunResult.FAILED)

COMPLETED = (RunResult.SUCCESS, RunResult.PARTIAL)
"""A run that read everything counts, even if some values were rejected: one bad row must not hold up all that follow."""


def ask_followers(session: Session, document: DocumentId, now: datetime) -> None:
    """A run of `document` has ended well: ask for those that waited for it. It may itself wait for one that ended meanwhile."""
    followers = {
        id: recorded
        for id, recorded in documents.of_kind(session, SYNC).items()
        if id == document or document in _names(recorded.document.spec.get("after"))
    }
    ask_for_ready(session, followers, now)


def ask_for_ready(session: Session, recorded: Mapping[DocumentId, RecordedDocument], now: datetime) -> None:
    """Ask for those of the documents that something has made due since their own last run began."""
    for id, found in recorded.items():
        spec = found.document.spec
        if id.kind == SYNC and (spec.get("after") or spec.get("runOnApply")):
            flow = kinds.cyclic(found.document)
            assert isinstance(flow, Sync)
            why = _ready(session, found, flow, now)
            if why and not requests.waiting(session, id) and not _paused(session, id, flow):
                requests.ask(session, id, why, now=now)


def _paused(session: Session, id: DocumentId, flow: Sync) -> bool:
    """Suspended by its document or by somebody, or deactivated: nobody asks for what cannot run. When it goes on, what was
    ready meanwhile is found ready."""
    entry = schedules.get(session, id)
    around = kinds.surroundings(session, flow)
    ends = [around.get(end) for end in kinds.ends(flow, around)]
    inactive = any(end is None or end.document.spec.get("active") is False for end in ends)
    return flow.suspended or inactive or (entry is not None and entry.suspended_at is not None)


def _ready(session: Session, recorded: RecordedDocument, flow: Sync, now: datetime) -> str | None:
    """Why a document should run: it or its model was applied, or all that it waits for have ended well since its last run."""
    last = runs.newest(session, [recorded.document.id], _BEGUN)
    if flow.run_on_apply and _since(_applied_at(session, recorded, flow), last, now):
        return "apply"
    before = [runs.newest(session, possible(name), COMPLETED) for name in flow.after]
    if before and all(run is not None and _later(run, last, now) for run in before):
        return f"after {', '.join(flow.after)}"
    return None


def _applied_at(session: Session, recorded: RecordedDocument, flow: Sync) -> datetime:
    model = documents.load(session, [DocumentId(MODEL, flow.model)]).values()
    return max([recorded.applied_at, *(found.applied_at for found in model)])


def _later(run: Run, last: Run | None, now: datetime) -> bool:
    """Whether a run ended after another one had begun."""
    return last is None or run.id > last.id or (run.ended_at is not None and _since(run.ended_at, last, now))


def _since(when: datetime, last: Run | None, now: datetime) -> bool:
    """Whether something happened after a run had begun. What a clock that was ahead has dated into the future does not count:
    it would make the document due again and again."""
    return last is None or last.started_at < when <= now


def _names(after: object) -> set[DocumentId]:
    return {id for name in (after if isinstance(after, Iterable) else ()) for id in possible(str(name))}
