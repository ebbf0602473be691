"""The workers of the loop. Each runs one cycle at a time; what a cycle meets is its own business, and recorded by it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.clock import Clock
from reconciler.engine.cycle import Report, record_failure
from reconciler.engine.occasion import Announce, Scheduled
from reconciler.engine.sync import Remotes, sync
from reconciler.engine.timetable import Work, current, revise
from reconciler.loop.board import Board
from reconciler.model.document import DocumentId
from reconciler.model.event import Emit, Event, EventName, Level, Scalar
from reconciler.model.outcome import Outcome
from reconciler.model.run import Run, RunResult
from reconciler.state.database import Database

LOOK_AGAIN = 0.5
"""Seconds after which an idle worker looks whether it should end."""


LONGEST_PAUSE = 60.0


class Unwatched:
    """Nobody looks on: progress is in the database."""

    def phase(self, text: str, total: int | None) -> None:
        """Nothing to show."""

    def advance(self, count: int) -> None:
        """Nothing to show."""


@dataclass(kw_only=True)
class Crew:
    """Runs what is on the board. `finished` is set after each cycle."""

    board: Board
    database: Database
    remotes: Remotes
    holder: str
    clock: Clock
    stop: threading.Event
    emit: Emit
    announce: Announce | None
    finished: threading.Event
    _pauses: dict[DocumentId, float] = field(default_factory=dict)
    _waits: dict[DocumentId, float] = field(default_factory=dict)
    """Until when documents wait whose last cycle could not be recorded, and how long each time."""

    def start(self, workers: int) -> list[threading.Thread]:
        """Daemon threads, so that one that hangs in a call cannot keep the process from ending."""
        threads = [
            threading.Thread(target=self._work, name=f"worker {number}", daemon=True)
            for number in range(1, workers + 1)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _work(self) -> None:
        while not self.stop.is_set():
            self.work_one(LOOK_AGAIN)

    def work_one(self, seconds: float = 0.0) -> bool:
        """Run the next cycle, waiting at the most so long for one. Whether there was one."""
        work = self.board.take(seconds)
        if work is None:
            return False
        if self._waits.get(work.document, 0.0) > self.clock.monotonic():
            self.board.done(work)
            return True
        try:
            self._run(work)
            self._pauses.pop(work.document, None)
        except errors.Locked as error:
            lost = isinstance(error, errors.FenceLost)
            name = EventName.FENCE_LOST if lost else EventName.CYCLE_SKIPPED
            if not lost:
                self._postpone(work)  # another document writes to the same object, and may do so for a while
            self._tell(work, name, Level.WARNING if lost else Level.INFO, reason=error.message)
        except errors.NotDue:
            self._tell(work, EventName.CYCLE_SKIPPED, reason="nothing is due any more")
            self._quietly(work, lambda: self._revise(work))
        except errors.StateProblem as error:
            away = isinstance(error, errors.StateUnavailable)
            name = EventName.CYCLE_SKIPPED if away else EventName.LOOP_TROUBLE
            self._tell(work, name, Level.ERROR, reason=error.message)
            self._postpone(work)
        except Exception as error:  # noqa: BLE001 - the boundary of the loop: one cycle's bug must not end the others
            bug = errors.ReconcileError(f"internal error: {type(error).__name__}", hint="please report this")
            self._tell(work, EventName.LOOP_TROUBLE, Level.ERROR, reason=bug.message)
            self._postpone(work)
            self._quietly(work, lambda: self._failed(work, bug))
        finally:
            self.board.done(work)
            self.finished.set()
        return True

    def _postpone(self, work: Work) -> None:
        """What could not be recorded is still due, but not at each tick: a disk that is full stays so for a while."""
        pause = min(LONGEST_PAUSE, 2 * self._pauses.get(work.document, LOOK_AGAIN))
        self._pauses[work.document] = pause
        self._waits[work.document] = self.clock.monotonic() + pause

    def _run(self, work: Work) -> None:
        started = self.clock.monotonic()
        self._tell(work, EventName.CYCLE_STARTED)
        try:
            report = sync(
                self.database,
                str(work.document),
                self.remotes,
                holder=self.holder,
                clock=self.clock,
                stop=self.stop,
                progress=Unwatched(),
                occasion=Scheduled(work.timing, self.announce),
            )
        except (errors.Locked, errors.NotDue, errors.StateProblem):
            raise
        except errors.ReconcileError as error:
            report = self._failed(work, error)
        self._report(work, report, self.clock.monotonic() - started)

    def _failed(self, work: Work, error: errors.ReconcileError) -> Report:
        """Record a failure. Raises `errors.NotDue` when something was applied meanwhile after which it would not have begun."""
        with self.database.read() as session:
            now = current(session, work.document, work.timing.settings)
        if now is None:
            raise errors.NotDue
        return record_failure(
            self.database,
            work.document,
            error,
            job=now.job,
            connection=now.connection,
            holder=self.holder,
            clock=self.clock,
            occasion=Scheduled(now.timing, self.announce),
        )

    def _revise(self, work: Work) -> None:
        with self.database.begin() as session:
            revise(session, work, self.clock.now())

    def _quietly(self, work: Work, action: Callable[[], object]) -> None:
        """Something that may fail without harm: it is tried again with the next tick."""
        try:
            action()
        except errors.ReconcileError as error:
            self._tell(work, EventName.LOOP_TROUBLE, Level.ERROR, reason=error.message)

    def _report(self, work: Work, report: Report, seconds: float) -> None:
        run = report.run
        level = {RunResult.FAILED: Level.ERROR, RunResult.PARTIAL: Level.WARNING}.get(run.result, Level.INFO)
        self._tell(work, EventName.CYCLE_FINISHED, level, seconds=round(seconds, 3), **_counts(run))

    def _tell(self, work: Work, name: EventName, level: Level = Level.INFO, **fields: Scalar) -> None:
        self.emit(Event(name=name, level=level, fields={"sync": str(work.document), **fields}))


def _counts(run: Run) -> dict[str, Scalar]:
    counts = {outcome.value: run.tally.outcomes[outcome] for outcome in Outcome}
    return {
        "run": run.id,
        "trigger": run.trigger.value,
        "result": run.result.value,
        "read": run.tally.read,
        **counts,
        "calls": run.calls,
        "reason": run.reason,
    }
