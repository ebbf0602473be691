"""One cycle of one document: read, map, match, diff against the ledger, write in batches, record.

    lease taken → run opened → pages read → diff → for each batch: journalled → sent → answers → recorded under the fence
    → run closed with statuses → lease released → state file

Everything that the destination acknowledged is recorded in the transaction of its batch. Whatever happens between two of
these steps, the next cycle starts from what is recorded: at the most one batch a worker is sent again, with the same values.
"""

from __future__ import annotations

import threading
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from reconciler import errors, failpoints
from reconciler.clock import Clock
from reconciler.connectors.base import Destination
from reconciler.engine import holding, status
from reconciler.engine.flows.base import REJECTED, Emptiness, Flow
from reconciler.engine.flows.records import RecordEnd
from reconciler.engine.occasion import Occasion
from reconciler.engine.record_writer import RecordsWriter
from reconciler.engine.writer import ValuesWriter, Writer
from reconciler.failpoints import Step
from reconciler.model.document import DocumentId
from reconciler.model.outcome import PERMANENT, Outcome, Reason, Rejection
from reconciler.model.run import Extent, Run, RunResult, Tally
from reconciler.model.status import why
from reconciler.report.text import plural
from reconciler.state import journal, ledger, outcomes, runs, statuses
from reconciler.state.database import Database
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

PAGE = 1_000
KEPT = timedelta(days=30)
"""How long the journal says what a run wrote over what."""

LOOK_BACK = 100
"""Runs that are asked whether an end that reads as empty ever had something."""


class Progress(Protocol):
    """Somebody who watches: told what goes on and how far it is. Called from several threads."""

    def phase(self, text: str, total: int | None) -> None: ...

    def advance(self, count: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a cycle reads for one destination. No two parts of a cycle have an item in common."""

    flow: Flow
    destination: Destination | RecordEnd | None
    """None where there is nothing to write to, so that the flow reads nothing."""
    scope: str
    """Names the ledger: everything that was acknowledged by this destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two ends of a cycle, ready for use. Its parts come one after the other."""

    parts: Sequence[Part]
    job: str
    """The name in the activity log."""
    connection: str
    calls: Callable[[], int]
    prepare: Callable[[holding.Held, Progress], None] | None = None
    """What is done once before the parts, under the lease."""
    place: str | None = None
    """Names what only one cycle may write to at a time, whatever its document."""
    applied_at: datetime | None = None
    """When what decides about the values was last applied. What has been rejected for good since then is not sent again;
    None: everything is tried in each cycle."""


@dataclass(slots=True)
class Report:
    """What a cycle did, for whoever started it."""

    run: Run
    tallies: Mapping[str, Tally]
    failures: Mapping[str, str] = field(default_factory=dict)
    error: errors.ReconcileError | None = None


def run_cycle(
    database: Database,
    document: DocumentId,
    ends: Ends,
    *,
    holder: str,
    clock: Clock,
    halt: holding.Halt,
    progress: Progress,
    occasion: Occasion,
) -> Report:
    """Run one cycle. Raises `errors.Locked` when another process runs one; every other trouble is in the report.

    Raises `errors.NotDue` when there is no occasion any more.
    """
    with holding.held(database, str(document), holder) as lease, _alone(database, ends, holder):
        halt.watch(lease)
        run = _open(database, document, ends, lease, clock, occasion)
        failpoints.reached(Step.RUN_OPENED)
        cycle = _Cycle(
            database=database,
            document=document,
            ends=ends,
            lease=lease,
            run=run,
            clock=clock,
            stop=halt,
            occasion=occasion,
        )
        lease.at_each_renewal(cycle.show_progress)
        error = cycle.attempt(progress)
        try:
            return cycle.close(error)
        except errors.StateProblem as problem:
            if isinstance(error, errors.StateProblem):
                # The same trouble, which was told where it began.
                raise error from None
            raise cycle.told(problem) from None


def _alone(database: Database, ends: Ends, holder: str) -> AbstractContextManager[object]:
    """No other document writes to the same place at the same time: both could find that a record is not there, and create it."""
    return nullcontext() if ends.place is None else holding.held(database, ends.place, holder)


def record_failure(
    database: Database,
    document: DocumentId,
    error: errors.ReconcileError,
    *,
    job: str,
    connection: str,
    holder: str,
    clock: Clock,
    occasion: Occasion,
) -> Report:
    """Record a run that failed before it began: a secret is missing, or a connection is not recorded.

    Without it, a status would stay as it was while nothing runs any more. Raises `errors.Locked` and `errors.NotDue`.
    """
    with holding.held(database, str(document), holder) as lease, database.begin() as session:
        now = clock.now()
        lease.assert_held(session)
        runs.abandoned(session, document, now=now)
        run = occasion.open(session, document, job=job, connection=connection, now=now)
        items = [entry.item for entry in statuses.read(session, document) if entry.item]
        tallies = {item: Tally() for item in items}
        verdicts = status.verdicts(tallies, {}, error=error, completed=False)
        closed = runs.close(
            session,
            run.id,
            result=RunResult.FAILED,
            tally=Tally(),
            items=tallies,
            calls=0,
            reason=error.message,
            now=now,
        )
        status.after_run(session, document, run.id, verdicts, tallies, now=now)
        occasion.close(session, document, closed, error, now=now)
        return Report(run=closed, tallies=tallies, error=error)


def _open(
    database: Database, document: DocumentId, ends: Ends, lease: holding.Held, clock: Clock, occasion: Occasion
) -> Run:
    with database.begin() as session:
        now = clock.now()
        lease.assert_held(session)
        runs.abandoned(session, document, now=now)
        journal.expire(session, before=now - KEPT)
        for left in journal.pending(session, document):
            # What it sent is either in the ledger or differs from it, and is sent again with the value of today. Writing a
            # profile field twice does no harm. A destination of records looks its keys up before it creates any: what
            # came to be without our knowing is found there, and updated.
            journal.close_batch(session, left.id, now=now)
        run = occasion.open(session, document, job=ends.job, connection=ends.connection, now=now)
        for part in ends.parts:
            part.flow.recall(session)
        return run


@dataclass(slots=True, kw_only=True)
class _Cycle:
    database: Database
    document: DocumentId
    ends: Ends
    lease: holding.Held
    run: Run
    clock: Clock
    stop: threading.Event
    occasion: Occasion
    changed: int = 0
    """Values that this cycle has to write."""
    completed: bool = False
    departed: int = 0
    """Records that were written before and are not read any more."""
    unrecorded: int = 0
    """Values that were sent, or may have been, in batches whose results could not be recorded."""
    unread: Mapping[tuple[str, Reason], int] = field(default_factory=dict)
    """Rejections on record that this cycle did not look at again, because it read only what came since a mark."""
    _shown: int = 0
    """Calls that were made when progress was last recorded."""

    def show_progress(self, session: Session) -> None:
        """Tell those who watch that the cycle gets on. Reading writes nothing else for minutes."""
        calls = self.ends.calls()
        if calls != self._shown:
            self._shown = calls
            runs.touch(session, self.run.id, calls, now=self.clock.now())

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """Counts of every item of every part."""
        return ChainMap(*(part.flow.staged.tallies for part in self.ends.parts))

    @property
    def extent(self) -> Extent | None:
        """How much of the source was read; None where it is always everything."""
        found = [part.flow.extent for part in self.ends.parts]
        return Extent.CURSOR if Extent.CURSOR in found else found[0]

    @property
    def failures(self) -> Mapping[str, str]:
        """Items that could not be read at all, with the reason."""
        return ChainMap(*(part.flow.staged.failures for part in reversed(self.ends.parts)))

    def attempt(self, progress: Progress) -> errors.ReconcileError | None:
        """The cycle's work. Returns what stopped it, or None."""
        try:
            if self.ends.prepare is not None:
                self.ends.prepare(self.lease, progress)
            with self.database.workspace() as workspace:
                for part in self.ends.parts:
                    book = self._diff(part, workspace, progress)
                    failpoints.reached(Step.COMPARED)
                    self._writer(part, workspace, book, progress).run()
                    self._sweep_read(part, workspace)
            self.completed = True
        except errors.FenceLost as lost:
            raise self.told(lost) from None
        except errors.ReconcileError as error:
            return self.told(error)
        return None

    def told(self, error: errors.ReconcileError) -> errors.ReconcileError:
        """`error`, and what was sent but is not on record."""
        if self.unrecorded:
            sent = plural(self.unrecorded, "value")
            error.add(f"up to {sent} may have been sent without being recorded, and the next cycle sends them again")
        return error

    def _diff(self, part: Part, workspace: Workspace, progress: Progress) -> ledger.Ledger:
        flow = part.flow
        progress.phase("reading", None)
        flow.stage(workspace)
        self._refuse_emptiness(flow)
        progress.phase("comparing", None)
        with self.database.begin() as session:
            book = ledger.open_ledger(session, part.scope, flow.items)
        of_records = isinstance(part.destination, RecordEnd)
        changed = workspace.diff_records(book) if of_records else workspace.diff(book, flow.items)
        if flow.examine(workspace):
            changed = workspace.count_changed()
        staged = workspace.count_staged()
        for item in flow.items:
            self.tallies[item].add(Outcome.UNCHANGED, None, staged[item] - changed[item])
        self.changed = sum(changed.values()) - self._withhold(workspace)
        self._record_identity_problems(workspace)
        if flow.whole:
            self._record_departed(workspace, book)
        return book

    def _withhold(self, workspace: Workspace) -> int:
        """Leave out what was rejected for good before: it counts as rejected again, and costs nothing."""
        if self.ends.applied_at is None:
            return 0
        withheld = workspace.withhold(self.document, PERMANENT, self.ends.applied_at)
        if withheld:
            with workspace.begin() as session:
                self.lease.assert_held(session)
                workspace.still_withheld(session, self.document, self.run.id)
        for (item, reason), count in withheld.items():
            self.tallies[item].add(Outcome.REJECTED, reason, count)
        return sum(withheld.values())

    def _record_departed(self, workspace: Workspace, book: ledger.Ledger) -> None:
        """Note records that were written once and are not read any more. Nothing becomes of them: absence is no order."""
        departed = workspace.find_departed(book)
        self.departed += departed
        if not departed:
            return
        with workspace.begin() as session:
            self.lease.assert_held(session)
            workspace.still_departed(session, self.document, self.run.id)
        while page := workspace.newly_departed(self.document, PAGE):
            found = [
                Rejection(key=key, label=label, item="", value=None, reason=Reason.DEPARTED, detail="")
                for key, label in page
            ]
            with workspace.begin() as session:
                self.lease.assert_held(session)
                outcomes.record(session, self.document, found, self.run.id, now=self.clock.now())

    def _writer(self, part: Part, workspace: Workspace, book: ledger.Ledger, progress: Progress) -> Writer[Any]:
        """The writer that fits the destination of a part."""
        end = part.destination
        if isinstance(end, RecordEnd):
            return RecordsWriter(self, workspace, book, progress, end, part.flow.items)
        return ValuesWriter(self, workspace, book, progress, end)

    def _sweep_read(self, part: Part, workspace: Workspace) -> None:
        """After a part of the rows: what was rejected of others still is."""
        if part.flow.extent is not Extent.CURSOR:
            return
        with workspace.begin() as session:
            self.lease.assert_held(session)
            workspace.sweep_staged(session, self.document, self.run.id)
            self.unread = outcomes.unread(session, self.document, self.run.id)

    def _refuse_emptiness(self, flow: Flow) -> None:
        """An end that suddenly has nothing is a fault of that end, not news about everybody."""
        found = flow.empty()
        if not found:
            return
        with self.database.read() as session:
            for run in runs.search(session, document=self.document, limit=LOOK_BACK):
                before = runs.items(session, run.id)
                for empty in found:
                    then = _then(empty, run, before)
                    if then:
                        raise self._suddenly_empty(empty, run, then)

    def _suddenly_empty(self, empty: Emptiness, run: Run, then: str) -> errors.SafetyStop:
        hint = f"nothing was written; check that system, then run the cycle again; {empty.meant}"
        return errors.SafetyStop(f"{self.document}: {empty.text}, where run {run.id} {then}", hint=hint)

    def _record_identity_problems(self, workspace: Workspace) -> None:
        """What matching rejected becomes records that an admin can look up, a page at a time."""
        rows = workspace.sorted("rejected", REJECTED, ("item", "key"))
        while page := list(islice(rows, PAGE)):
            found = [
                Rejection(
                    item=item or "",
                    key=key or "",
                    label=label or "",
                    value=None,
                    reason=Reason(reason or ""),
                    detail=detail or "",
                )
                for item, key, label, reason, detail in page
            ]
            with workspace.begin() as session:
                self.lease.assert_held(session)
                outcomes.record(session, self.document, found, self.run.id, now=self.clock.now())

    def close(self, error: errors.ReconcileError | None) -> Report:
        """Account for what was not attempted, close the run and derive the statuses."""
        if not self.completed:
            for tally in self.tallies.values():
                tally.add(Outcome.NOT_ATTEMPTED, None, tally.missing)
        of_this = Tally.total(self.tallies.values())
        self._add_unread()
        total = Tally.total(self.tallies.values())
        total.departed = self.departed
        failures = self.failures
        whole = self.extent is not Extent.CURSOR
        verdicts = status.verdicts(self.tallies, failures, error=error, completed=self.completed, whole=whole)
        result = status.result(verdicts, error)
        reason = error.message if error else _first(failures) or why(total)
        with self.database.begin() as session:
            now = self.clock.now()
            self.lease.assert_held(session)
            if self.completed:
                if whole:
                    outcomes.sweep(session, self.document, self.run.id)
                for part in self.ends.parts:
                    part.flow.settle(session, of_this)
            closed = runs.close(
                session,
                self.run.id,
                result=result,
                tally=total,
                items=self.tallies,
                calls=self.ends.calls(),
                reason=reason,
                now=now,
                extent=self.extent if self.completed or not whole else None,
            )
            status.after_run(session, self.document, self.run.id, verdicts, self.tallies, now=now)
            self.occasion.close(session, self.document, closed, error, now=now)
        failpoints.reached(Step.RUN_CLOSED)
        return Report(run=closed, tallies=self.tallies, failures=failures, error=error)

    def _add_unread(self) -> None:
        """A value that was rejected before and not read again is still rejected, and counts as that."""
        for (item, reason), count in self.unread.items():
            for tally in (tally for name, tally in self.tallies.items() if item in ("", name)):
                tally.read += count
                tally.add(Outcome.REJECTED, reason, count)


def _first(failures: Mapping[str, str]) -> str:
    """Why the first of them failed, and that it is not the only one."""
    first, *others = failures.values() or [""]
    return f"{first}; {len(others):,} more failed" if others else first


def _then(empty: Emptiness, run: Run, before: Mapping[str, Tally]) -> str:
    """What an earlier run found where there is nothing now; empty when it was nothing then, too."""
    if empty.matched:
        matched = run.tally.outcomes[Outcome.UNCHANGED] + run.tally.outcomes[Outcome.UPDATED]
        return f"matched {matched:,} values" if matched else ""
    read = run.tally.read if empty.item is None else before[empty.item].read if empty.item in before else 0
    return f"read {read:,}" if read else ""


def exit_code(report: Report) -> int:
    """The exit code of `sync`: that of the error, else 3 for a partial run, 1 for a failed one."""
    if report.error is not None:
        return report.error.exit_code
    return {RunResult.SUCCESS: 0, RunResult.PARTIAL: 3}.get(report.run.result, 1)
