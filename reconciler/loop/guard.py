"""The boundary of the loop's threads: what each kind of trouble means for the loop, told once and not once a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reconciler import errors
from reconciler.clock import Clock
from reconciler.engine.projection import refuse_older, refuse_unusable
from reconciler.model.event import Emit, Event, EventName, Level
from reconciler.state import meta, runs
from reconciler.state.database import Database


@dataclass(kw_only=True)
class Pulse:
    """What the health checks ask: when the loop went round last, and what is wrong with the database and the configuration.

    `looked` is when the loop had the last answer of the database, good or bad.
    """

    clock: Clock
    ticked: float
    looked: float
    database_problem: str = "not reached yet"
    config_problem: str = "not looked at yet"
    state_problem: str = ""

    def tick_age(self) -> float:
        """Seconds since the last tick."""
        return self.clock.monotonic() - self.ticked

    def silence(self) -> float:
        """Seconds without an answer of the database."""
        return self.clock.monotonic() - self.looked

    def checks(self) -> dict[str, str]:
        """For each part, what is wrong with it; empty when it is well."""
        return {"database": self.database_problem, "config": self.config_problem, "state": self.state_problem}


@dataclass(kw_only=True)
class Guard:
    """Runs what the threads do. A lost database is waited for, one that is not ours ends the loop, a bug ends nothing."""

    pulse: Pulse
    emit: Emit
    stop: threading.Event
    trouble: errors.ReconcileError | None = None
    """What the loop cannot go on after."""
    lost: bool = False
    """The database cannot be used. Only who has written to it again says that it can."""
    _told: dict[str, str] = field(default_factory=dict)

    def run(self, part: str, work: Callable[[], object]) -> bool:
        """Do `work`, a piece of `part`. Whether it went through; what it met otherwise is told when it is news."""
        try:
            work()
        except errors.StateUnavailable as error:
            self._lose(error)
        except (errors.StateProblem, errors.Locked, errors.UsageError) as error:
            # A database that is not ours, that somebody else uses, or whose URL is wrong: going on would do harm.
            self.trouble = error
            self.pulse.database_problem = error.message
            self.stop.set()
        except Exception as error:  # noqa: BLE001 - the boundary: a bug in one part must not end the others
            bug = f"internal error: {type(error).__name__}"
            self.tell(part, error.message if isinstance(error, errors.ReconcileError) else bug)
        else:
            self.well(part)
            return True
        return False

    def silent(self, database: str, seconds: float) -> None:
        """The database was asked so long ago and has said nothing, not even that it cannot be reached."""
        hint = "check that the server is well and that nothing between here and there swallows packets"
        self._lose(errors.StateUnavailable(f"The database {database} has not answered for {seconds:.0f} s.", hint=hint))

    def found(self) -> None:
        """The database was written to: it is there."""
        self.pulse.database_problem = ""
        if self.lost:
            self.lost = False
            self.emit(Event(name=EventName.STATE_BACK))

    def _lose(self, error: errors.StateUnavailable) -> None:
        self.pulse.database_problem = error.message
        if not self.lost:
            self.lost = True
            fields = {"reason": error.message, "hint": error.hint}
            self.emit(Event(name=EventName.STATE_LOST, level=Level.ERROR, fields=fields))

    def tell(self, part: str, reason: str) -> None:
        """Log what is wrong with a part that is tried again, unless that was the last that was said of it."""
        if self._told.get(part) != reason:
            self._told[part] = reason
            fields = {"where": part, "reason": reason}
            self.emit(Event(name=EventName.LOOP_TROUBLE, level=Level.ERROR, fields=fields))

    def well(self, part: str) -> None:
        """A part works: what is wrong with it next is news."""
        self._told.pop(part, None)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where the database was when it was looked at last."""

    lineage: str | None
    serial: int
    newest_run: int

    def leads_to(self, later: _Mark) -> bool:
        """Whether a database may have gone from here to there, by being worked on."""
        same = self.lineage in (None, later.lineage)
        return same and self.serial <= later.serial and self.newest_run <= later.newest_run


@dataclass(kw_only=True)
class Memory:
    """Knows the database again. One that is another, or an older copy, is not worked with.

    A file can be put into the place of another while the loop runs, or while it did not.
    """

    database: Database
    state_file: Path
    _mark: _Mark | None = None

    def recognise(self) -> None:
        """Raises `errors.StateUnavailable` as long as the database is behind what was seen of it, and so does the state file say.

        It is not the end of the loop: somebody may bring the newer one back, or decide for this one by `state rebuild`. At
        the start it is, because nothing is running yet that could be kept: any `errors.StateProblem`.
        """
        if self._mark is None:
            self._meet()
        with self.database.read() as session:
            current = meta.read(session)
            newest = runs.newest_id(session)
        mark = _Mark(current.lineage if current else None, current.serial if current else 0, newest)
        if self._mark is not None and not self._mark.leads_to(mark):
            self._refuse_older()
        self._mark = mark

    def _meet(self) -> None:
        try:
            refuse_older(self.database, self.state_file)
        except errors.StateUnavailable:
            self.database.migrate()  # what is of an older version can be read after that; what is out of reach still cannot
            refuse_older(self.database, self.state_file)

    def _refuse_older(self) -> None:
        try:
            refuse_unusable(self.database, self.state_file)
        except (errors.StateUnavailable, errors.StateDamaged, errors.StateNewer):
            return  # the trouble is with the file: that is told when it is written
        except errors.StateProblem as error:
            raise errors.StateUnavailable(error.message, hint=error.hint) from None
