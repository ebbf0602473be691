"""The loop: one tick a second looks what is due, everything else happens in threads of its own.

tick      replica alive · clock looked at · documents reread when the serial moved · what is due goes on the board
workers   cycles
follower  the configuration plane
courier   messages of the outbox
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reconciler import errors
from reconciler.clock import Clock
from reconciler.engine.projection import write_state_file
from reconciler.engine.timetable import Work, refresh
from reconciler.loop.board import Board
from reconciler.loop.crew import Crew
from reconciler.loop.follow import Follower
from reconciler.loop.replica import Replica
from reconciler.model.document import DocumentId
from reconciler.model.event import Emit, Event, EventName, Level
from reconciler.model.resources import LoopSettings
from reconciler.state import meta, requests, runs, schedules
from reconciler.state.database import Database

TICK = 1.0
ALIVE_EVERY = 10.0
REFRESH_EVERY = 600.0
STATE_FILE_EVERY = 2.0
STATE_FILE_SHARE = 100
"""The state file is the whole state. Writing it again waits at least so many times as long as writing it took."""

HOUSEKEEPING_EVERY = 3600.0
JUMP = timedelta(seconds=30)
"""Wall time that goes by in another measure than the time that really went by: somebody has set the clock."""

TRUST_AFTER = 86400.0
"""Seconds without another jump after which a clock decides again what is old."""

RUNS_KEPT = timedelta(days=400)
REQUESTS_KEPT = timedelta(days=7)
ON_BOARD = 200
"""Due documents that are looked at together."""

GRACE = 8.0
"""Seconds that cycles get to finish their batches when the loop stops; with what follows, it is over within ten."""


@dataclass(kw_only=True)
class Pulse:
    """What the health checks ask: when the last tick ended, and what is wrong with the database and the configuration."""

    clock: Clock
    ticked: float
    database_problem: str = "not reached yet"
    config_problem: str = "not looked at yet"
    state_problem: str = ""

    def tick_age(self) -> float:
        """Seconds since the last tick."""
        return self.clock.monotonic() - self.ticked

    def checks(self) -> dict[str, str]:
        """For each part, what is wrong with it; empty when it is well."""
        return {"database": self.database_problem, "config": self.config_problem, "state": self.state_problem}


@dataclass(kw_only=True)
class Loop:
    """The parts of the loop and what it remembers between two ticks. `courier` delivers messages once."""

    database: Database
    settings: LoopSettings
    state_file: Path
    clock: Clock
    stop: threading.Event
    emit: Emit
    board: Board
    crew: Crew
    follower: Follower
    replica: Replica
    courier: Callable[[], object]
    pulse: Pulse
    changed: threading.Event
    """Set when the state file is behind the database."""
    work: dict[DocumentId, Work] = field(default_factory=dict)
    abandoned: int = 0
    """Cycles that did not end in time when the loop stopped."""
    trouble: errors.ReconcileError | None = None
    """What the loop cannot go on after."""
    _serial: int | None = None
    _state_file_every: float = STATE_FILE_EVERY
    _lost: bool = False
    _last: dict[str, float] = field(default_factory=dict)
    _seen: tuple[datetime, float] | None = None

    # -- living

    def run(self) -> None:
        """Work until somebody sets `stop`. Raises what the loop cannot go on after, when everything has ended."""
        self.emit(Event(name=EventName.LOOP_STARTED, fields={"holder": self.replica.holder}))
        self.follow()
        self.tick()
        threads = self.crew.start(self.settings.workers)
        for name, every, work in (
            ("follower", self.follow_every, self.follow),
            ("courier", 5.0, self._deliver),
        ):
            threading.Thread(target=self._repeat, args=(every, work), name=name, daemon=True).start()
        while not self.stop.is_set():
            self.clock.wait(TICK, self.board.hungry)
            if not self.stop.is_set():
                self.tick()
        self._finish(threads)
        if self.trouble is not None:
            raise self.trouble

    @property
    def follow_every(self) -> float:
        """Seconds between two looks at the configuration."""
        source = self.follower.project.source
        return (source.every if source is not None else self.settings.poll).total_seconds()

    def _repeat(self, every: float, work: Callable[[], None]) -> None:
        while not self.clock.wait(every, self.stop):
            work()

    def _finish(self, threads: list[threading.Thread]) -> None:
        """Let cycles finish their batches; what takes too long is left to the journal, and its lease given up."""
        self.emit(Event(name=EventName.LOOP_STOPPING, fields={"cycles": len(self.board.running)}))
        self.board.close()
        deadline = self.clock.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - self.clock.monotonic()))
        self.abandoned = len(self.board.running)
        self._guarded(self.replica.leave)
        self._guarded(self._write_state_file)
        self.emit(Event(name=EventName.LOOP_STOPPED, fields={"abandoned": self.abandoned}))

    # -- one look

    def tick(self) -> None:
        """Look once. Whatever is wrong is told and tried again with the next tick."""
        self._guarded(self._look)
        self.pulse.ticked = self.clock.monotonic()

    def _look(self) -> None:
        if self._is_time("alive", ALIVE_EVERY):
            self.replica.report()
        now = self.clock.now()
        if self._clock_jumped(now):
            self._serial = None
            # What is thrown away by a clock that is wrong for an hour does not come back.
            self._last["housekeeping"] = self.clock.monotonic() + TRUST_AFTER
        if self._is_time("refresh", REFRESH_EVERY):
            self._serial = None
        self._fill_board(now)
        if self.changed.is_set() and self._is_time("state file", self._state_file_every):
            started = self.clock.monotonic()
            self._write_state_file()
            self._state_file_every = max(STATE_FILE_EVERY, STATE_FILE_SHARE * (self.clock.monotonic() - started))
        if self._is_time("housekeeping", HOUSEKEEPING_EVERY):
            self._keep_house(now)

    def _is_time(self, what: str, every: float) -> bool:
        now = self.clock.monotonic()
        if what in self._last and now - self._last[what] < every:
            return False
        self._last[what] = now
        return True

    def _clock_jumped(self, now: datetime) -> bool:
        monotonic = self.clock.monotonic()
        before, self._seen = self._seen, (now, monotonic)
        if before is None:
            return False
        return abs((now - before[0]) - timedelta(seconds=monotonic - before[1])) > JUMP

    def _fill_board(self, now: datetime) -> None:
        """Put up what is due, after whatever was applied, by whichever replica, is in the timetable."""
        serial, due = self._read(now)
        if serial != self._serial:
            self.work = self.database.run(lambda session: refresh(session, self.settings, now))
            self._serial = serial
            _, due = self._read(now)
        ready = [self.work[id] for id in due if id in self.work]
        connections = len({work.connection for work in self.work.values()})
        self.board.offer(ready, connections=connections, full=len(due) == ON_BOARD)

    def _read(self, now: datetime) -> tuple[int, list[DocumentId]]:
        """The serial and what is due, in one transaction: this is all that an idle loop asks the database."""
        with self.database.read() as session:
            current = meta.read(session)
            return current.serial if current else 0, schedules.due(session, now, ON_BOARD)

    def _keep_house(self, now: datetime) -> None:
        with self.database.begin() as session:
            runs.expire(session, before=now - RUNS_KEPT)
            schedules.expire_slots(session)
            requests.expire(session, before=now - REQUESTS_KEPT)

    def _write_state_file(self) -> None:
        self.changed.clear()
        try:
            write_state_file(self.database, self.state_file)
        except errors.NotFound:
            return  # nothing is applied yet
        except errors.StateUnavailable:
            raise
        except errors.StateProblem as error:
            self.pulse.state_problem = error.message
            return
        self.pulse.state_problem = ""

    # -- the other threads

    def follow(self) -> None:
        """Look at the configuration once."""

        def look() -> None:
            if self.follower.poll() is not None:
                self.changed.set()
            # What is wrong with a newer one is told elsewhere: the last good one goes on.
            self.pulse.config_problem = "" if self._anything_applied() else self.follower.last_problem

        self._guarded(look)

    def _anything_applied(self) -> bool:
        with self.database.read() as session:
            return meta.read(session) is not None

    def _deliver(self) -> None:
        self._guarded(self.courier)

    def _guarded(self, work: Callable[[], object]) -> None:
        """The boundary of the loop: a lost database is told once and waited for, and a bug must not end everything else."""
        try:
            work()
        except errors.StateNewer as error:
            self._give_up(error)
        except errors.StateUnavailable as error:
            if not self._lost:
                self._lost = True
                self.emit(Event(name=EventName.STATE_LOST, level=Level.ERROR, fields={"reason": error.message}))
            self.pulse.database_problem = error.message
        except (errors.StateProblem, errors.Locked) as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - see above
            reason = (
                error.message if isinstance(error, errors.ReconcileError) else f"internal error: {type(error).__name__}"
            )
            self.emit(Event(name=EventName.LOOP_TROUBLE, level=Level.ERROR, fields={"reason": reason}))
        else:
            self.pulse.database_problem = ""
            if self._lost:
                self._lost = False
                self.emit(Event(name=EventName.STATE_BACK))

    def _give_up(self, error: errors.ReconcileError) -> None:
        """A database that is not ours, or that somebody else uses: going on would do harm."""
        self.trouble = error
        self.pulse.database_problem = error.message
        self.stop.set()
