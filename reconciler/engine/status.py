"""The only writer of statuses: after an apply, and after a run. What they mean is decided in `model.status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.model.document import COMMUNITY_IMPORT, DocumentId
from reconciler.model.run import RunResult, Tally
from reconciler.model.status import WAITS, Status, StatusEntry, combined, of_document, of_mapping
from reconciler.state import outcomes, statuses, watermarks
from reconciler.state.session import Session

if TYPE_CHECKING:
    from reconciler.model.plan import Change

Verdicts = Mapping[str, tuple[Status, str]]
"""Status and reason of each mapping, by item."""

_REROUTING = {"from", "to", "key", "behavior", "identity"}
"""Keys of a document whose change, or that of something below them, makes all of its mappings wait for their next cycle."""

NEW = "new: waits for its first cycle"
CHANGED = "changed: waits for its next cycle"


def verdicts(
    tallies: Mapping[str, Tally],
    failures: Mapping[str, str],
    *,
    error: errors.ReconcileError | None,
    completed: bool,
    whole: bool = True,
) -> dict[str, tuple[Status, str]]:
    """What a run says about each mapping. An interruption is no failure. `whole`: whether all rows were read."""
    general = None if error is None or isinstance(error, errors.Interrupted) else error.message
    return {
        item: of_mapping(tally, completed=completed, failure=failures.get(item) or general, whole=whole)
        for item, tally in tallies.items()
    }


def result(found: Verdicts, error: errors.ReconcileError | None) -> RunResult:
    """The word for a run in the activity log."""
    if isinstance(error, errors.Interrupted):
        return RunResult.INTERRUPTED
    if error is not None:
        return RunResult.FAILED
    whole, _ = of_document(list(found.values()))
    return {Status.SUCCESSFUL: RunResult.SUCCESS, Status.FAILED: RunResult.FAILED}.get(whole, RunResult.PARTIAL)


def after_run(
    session: Session, document: DocumentId, run_id: int, found: Verdicts, tallies: Mapping[str, Tally], *, now: datetime
) -> None:
    """Record what a run says. Mappings that were forgotten while it ran stay forgotten."""
    before = _by_item(session, document)
    entries = [
        _entry(document, item, verdict, before.get(item), now=now, run=run_id, at=now, tally=tallies[item])
        for item, verdict in found.items()
        if item in before or (document.kind == COMMUNITY_IMPORT and before)
    ]
    _replace(session, document, before, entries, now=now, run=run_id, at=now)


def after_apply(session: Session, document: DocumentId, changes: Sequence[Change], *, now: datetime) -> None:
    """New and changed mappings wait for their next cycle; forgotten ones leave no status and no rejected values."""
    from reconciler.model.plan import Action  # which a cycle does without

    before = _by_item(session, document)
    if any(change.action is Action.FORGET and not change.item for change in changes):
        statuses.remove(session, document)
        outcomes.remove(session, document)
        watermarks.forget(session, document)
        return
    gone = [change.item for change in changes if change.item and change.action is Action.FORGET]
    if gone:
        statuses.remove(session, document, gone)
        outcomes.remove(session, document, gone)
    rerouted = any(
        detail.path.partition(".")[0] in _REROUTING
        for change in changes
        if not change.item
        for detail in change.details
    )
    waiting = {change.item: NEW if change.action is Action.ADD else CHANGED for change in changes if change.item}
    if document.kind == COMMUNITY_IMPORT and not any(before):
        return  # Nothing of it has a status of its own before its first cycle.
    if rerouted:
        waiting = {**dict.fromkeys((item for item in before if item), CHANGED), **waiting}
    entries = [
        _entry(document, item, (Status.PENDING, why), before.get(item), now=now)
        for item, why in waiting.items()
        if item not in gone
    ]
    remaining = {item: entry for item, entry in before.items() if item not in gone}
    _replace(session, document, remaining, entries, now=now)


def after_apply_of_target(session: Session, document: DocumentId, waiting: str, *, now: datetime) -> None:
    """What an import could write to may be there now, or gone: it begins to wait, or ends."""
    before = _by_item(session, document)
    reason = before[""].reason if "" in before else NEW
    if waiting:
        verdict = (Status.PENDING, waiting)
    elif reason.startswith(WAITS) or "" not in before:
        verdict = (Status.PENDING, NEW)
    else:
        return
    statuses.replace(session, [_entry(document, "", verdict, before.get(""), now=now)])


def after_apply_of_source(session: Session, document: DocumentId, *, now: datetime) -> None:
    """The rows that a document reads are others now: all that it writes waits for its next cycle."""
    before = _by_item(session, document)
    waiting = (Status.PENDING, CHANGED)
    entries = [
        _entry(document, item, waiting, entry, now=now)
        for item, entry in before.items()
        if item and (entry.status, entry.reason) != (Status.PENDING, NEW)
    ]
    if entries:
        _replace(session, document, before, entries, now=now)


def _by_item(session: Session, document: DocumentId) -> dict[str, StatusEntry]:
    return {entry.item: entry for entry in statuses.read(session, document)}


def _replace(
    session: Session,
    document: DocumentId,
    before: Mapping[str, StatusEntry],
    entries: Iterable[StatusEntry],
    *,
    now: datetime,
    run: int | None = None,
    at: datetime | None = None,
) -> None:
    """Write the entries, and the document's own status over all of its mappings."""
    parts = {**{item: entry for item, entry in before.items() if item}, **{entry.item: entry for entry in entries}}
    verdict, tally = combined(list(parts.values()))
    whole = _entry(document, "", verdict, before.get(""), now=now, run=run, at=at, tally=tally)
    statuses.replace(session, [*parts.values(), whole])


def _entry(
    document: DocumentId,
    item: str,
    verdict: tuple[Status, str],
    before: StatusEntry | None,
    *,
    now: datetime,
    run: int | None = None,
    at: datetime | None = None,
    tally: Tally | None = None,
) -> StatusEntry:
    """An entry that keeps since when the status holds, and the last run where there was none now."""
    status, reason = verdict
    return StatusEntry(
        kind=document.kind,
        name=document.name,
        item=item,
        status=status,
        reason=reason,
        since=before.since if before and before.status is status else now,
        run_id=run if run is not None else before.run_id if before else None,
        last_run_at=at or (before.last_run_at if before else None),
        tally=tally or (before.tally if before else Tally()),
    )
