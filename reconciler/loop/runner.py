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
from reconciler.loop.guard import Guard, Memory, Pulse
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

COURIER_EVERY = 5.0
FIRST_LOOK = 15.0
"""Seconds that the first tick waits for the first look at the configuration."""

SILENT = 20.0
"""Seconds after which a database that answers nothing at all counts as lost, although nothing has failed yet."""

STUCK = 600.0
"""Seconds without an answer of the database after which the loop no longer counts as alive: what hangs that long, hangs
here. An outage is told much earlier, and would be no reason to start every replica anew."""

GRACE = 8.0
FAREWELL = 1.5
"""Seconds that cycles get to finish their batches when the loop stops, and what follows: it is over within ten."""


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
    guard: Guard
    memory: Memory
    changed: threading.Event
    """Set when the state file is behind the database."""
    work: dict[DocumentId, Work] = field(default_factory=dict)
    abandoned: int = 0
    """Cycles that did not end in time when the loop stopped."""
    hung: bool = False
    """Whether threads are left that may never end: in a call, or waiting for a database that says nothing."""
    _entered: bool = False
    _serial: int | None = None
    _state_file_every: float = STATE_FILE_EVERY
    _last: dict[str, float] = field(default_factory=dict)
    _seen: tuple[datetime, float] | None = None
    _followed: threading.Event = field(default_factory=threading.Event)
    """Set after the first look at the configuration."""

    # -- living

    def run(self) -> None:
        """Work until somebody sets `stop`. Raises what the loop cannot go on after, when everything has ended.

        This thread itself does nothing that may take long: it is the one that hears signals, and whose pulse says that the
        process is alive. A database that never answers keeps the ticker, and no more.
        """
        self.emit(Event(name=EventName.LOOP_STARTED, fields={"holder": self.replica.holder}))
        threads = self.crew.start(self.settings.workers)
        for name, work in (("follower", self._keep_following), ("ticker", self._keep_ticking), ("courier", self._send)):
            threading.Thread(target=work, name=name, daemon=True).start()
        while not self.clock.wait(TICK, self.stop):
            self._beat()
        self._finish(threads)
        if self.guard.trouble is not None:
            raise self.guard.trouble

    def _beat(self) -> None:
        silence = self.pulse.silence()
        if silence > SILENT:
            self.guard.silent(self.database.label, silence)
        if silence < STUCK:
            self.pulse.ticked = self.clock.monotonic()

    @property
    def follow_every(self) -> float:
        """Seconds between two looks at the configuration."""
        source = self.follower.project.source
        return (source.every if source is not None else self.settings.poll).total_seconds()

    def _keep_following(self) -> None:
        self.follow()
        while not self.clock.wait(self.follow_every, self.stop):
            self.follow()

    def _keep_ticking(self) -> None:
        # What is new in the configuration should count from the first cycle on, but a slow source keeps nothing waiting.
        self.clock.wait(FIRST_LOOK, self._followed)
        self.pulse.looked = self.clock.monotonic()
        while not self.stop.is_set():
            self.tick()
            self.clock.wait(TICK, self.board.hungry)

    def _send(self) -> None:
        while not self.clock.wait(COURIER_EVERY, self.stop):
            self._guarded("courier", self.courier)

    def _finish(self, threads: list[threading.Thread]) -> None:
        """Let cycles finish their batches; what takes too long is left to the journal, and its lease given up."""
        self.emit(Event(name=EventName.LOOP_STOPPING, fields={"cycles": len(self.board.running)}))
        self.board.close()
        deadline = self.clock.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - self.clock.monotonic()))
        self.abandoned = len(self.board.running)
        farewell = threading.Thread(target=self._say_farewell, name="farewell", daemon=True)
        farewell.start()
        farewell.join(FAREWELL)
        self.hung = self.abandoned > 0 or farewell.is_alive()
        trouble = self.guard.trouble
        level = Level.ERROR if trouble is not None else Level.INFO
        why = {"reason": trouble.message, "hint": trouble.hint} if trouble is not None else {}
        self.emit(Event(name=EventName.LOOP_STOPPED, level=level, fields={"abandoned": self.abandoned, **why}))

    def _say_farewell(self) -> None:
        if self.guard.run("end", self.memory.recognise) and self.guard.run("end", self.replica.leave):
            self.guard.run("end", self._write_state_file)

    # -- one look

    def tick(self) -> None:
        """Look once. Whatever is wrong is told and tried again with the next tick."""
        lost = self.guard.lost
        if self.guard.run("tick", self._look):
            if lost or not self.guard.lost:
                self.guard.found()
        elif self.guard.lost:
            self.board.offer([], connections=0, full=False)
        self.pulse.looked = self.clock.monotonic()

    def _recognise(self) -> None:
        """Before anything else is done with the database. A neighbour on another machine is noticed, too."""
        self.memory.recognise()
        if not self._entered:
            self.replica.report()
            self._entered = True

    def _look(self) -> None:
        self._recognise()
        # What was lost is back when it can be written: a disk that is full can still be read.
        if self._is_time("alive", ALIVE_EVERY) or self.guard.lost:
            self.database.refuse_other_schema()
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
        except errors.StateProblem as error:
            # Cycles need the database only, so they go on; whether that is well is not found out here.
            self.changed.set()
            self.pulse.state_problem = error.message
            self.guard.tell("state file", error.message)
            return
        self.pulse.state_problem = ""
        self.guard.well("state file")

    # -- the other threads

    def follow(self) -> None:
        """Look at the configuration once."""

        def look() -> None:
            if self.follower.poll() is not None:
                self.changed.set()
            # What is wrong with a newer one is told elsewhere: the last good one goes on.
            self.pulse.config_problem = "" if self._anything_applied() else self.follower.last_problem

        self._guarded("follower", look)
        self._followed.set()

    def _anything_applied(self) -> bool:
        with self.database.read() as session:
            return meta.read(session) is not None

    def _guarded(self, part: str, work: Callable[[], object]) -> None:
        """Do what needs the database, unless it is lost, which the ticker finds out."""

        def known() -> None:
            self._recognise()
            work()

        if not self.guard.lost:
            self.guard.run(part, known)
