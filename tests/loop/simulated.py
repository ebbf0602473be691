"""The real loop in this process, with a clock that passes only when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.cli.looping import assemble
from reconciler.cli.wiring import Workplace
from reconciler.config.load import load_project_file
from reconciler.loop.runner import Loop
from tests.acceptance.projects import ProjectFolder
from tests.integration.kills import execute

DOCUMENT = "acme-profile"
EVERY = "schedule: {every: 4h}"


def moment(text: str) -> datetime:
    """`2026-03-29 02:30` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


START = moment("2026-06-01 10:07")


@dataclass
class HandClock:
    """Wall and monotonic time, moved by hand. Who waits, waits for real: a heartbeat between two moves must not spin."""

    wall: datetime
    passed: float = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(max(0.0, seconds))

    def advance(self, time: timedelta) -> None:
        """Time goes by."""
        self.wall += time
        self.passed += time.total_seconds()

    def set(self, wall: datetime) -> None:
        """Somebody sets the clock."""
        self.wall = wall


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as it is recorded."""

    document: str
    trigger: str
    result: str
    started: datetime
    slot: datetime | None
    reason: str


class Simulation:
    """One loop, and what it left in the database."""

    def __init__(self, project: ProjectFolder, clock: HandClock, loop: Loop) -> None:
        self.project, self.clock, self.loop = project, clock, loop

    def step(self) -> int:
        """One tick, and the cycles that it found. Gives how many attempts there were."""
        self.loop.tick()
        assert not self.loop.pulse.database_problem
        attempts = 0
        while self.loop.crew.work_one():
            attempts += 1
        return attempts

    def follow(self) -> None:
        """Look at the configuration, then step."""
        self.loop.follow()
        self.step()

    def wait(self, **time: float) -> None:
        """Let time pass at once, then step."""
        self.clock.advance(timedelta(**time))
        self.step()

    def live(self, until: datetime, longest: timedelta = timedelta(hours=6)) -> int:
        """Live through time: look whenever something is due, and now and then in between. Gives the attempts that were made."""
        attempts = self.step()
        while self.clock.now() < until:
            stops = [until, self.clock.now() + longest, *self.due()]
            self.clock.advance(min(stop for stop in stops if stop > self.clock.now()) - self.clock.now())
            attempts += self.step()
        return attempts

    def due(self) -> list[datetime]:
        rows = execute(self.project, "SELECT due_at FROM schedules WHERE due_at IS NOT NULL")
        return [datetime.fromisoformat(due) for (due,) in rows]

    # -- what is recorded

    def runs(self, document: str | None = None) -> list[RunSeen]:
        """Every run in its order."""
        return runs(self.project, document)

    def forget_runs(self) -> None:
        execute(self.project, "DELETE FROM runs")

    def schedule(self, document: str = DOCUMENT) -> dict[str, Any]:
        """The row of a document in the table of schedules; empty when there is none."""
        names = ("generation", "last_slot", "due_at", "failures", "retry_at", "suspended_at")
        rows = execute(self.project, f"SELECT {', '.join(names)} FROM schedules WHERE name = '{document}'")
        values = dict(zip(names, rows[0], strict=True)) if rows else {}
        return {name: _moment(value) if isinstance(value, str) else value for name, value in values.items()}

    def badges(self, document: str = DOCUMENT) -> dict[str, str]:
        """Badges of a document at this moment, with their texts."""
        from reconciler.engine.looking import document_statuses

        work = self.loop
        (found,) = document_statuses(work.database, document, work.settings, self.clock.now())
        return {badge.name.value: badge.text for badge in found.badges}


def runs(project: ProjectFolder, document: str | None = None) -> list[RunSeen]:
    rows = execute(project, "SELECT document, trigger, result, started_at, slot, reason FROM runs ORDER BY id")
    found = [
        RunSeen(name, trigger, result, datetime.fromisoformat(started), _moment(slot), reason)
        for name, trigger, result, started, slot, reason in rows
    ]
    return [run for run in found if document in (None, run.document)]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@contextmanager
def simulate(project: ProjectFolder, clock: HandClock) -> Iterator[Simulation]:
    """A loop that is put together as `reconcile run` does it. Leaving the context is as if its process had ended."""
    work = Workplace(
        root=project.root, project=load_project_file(project.root, project.root)[1], clock=clock, attempts=1
    )
    with ExitStack() as stack:
        loop = stack.enter_context(assemble(work))
        stack.callback(work.database.close)
        yield Simulation(project, clock, loop)


def schedule_by(project: ProjectFolder, document: str, schedule: str) -> None:
    """Give a document another schedule."""
    project.replace(f"mappings/{document}.yaml", EVERY, f"schedule: {schedule}")


def break_source(project: ProjectFolder) -> None:
    """CS forbids everything until `heal`."""
    project.world.fault({"status": 403}, side="cs")


def ran(loop: Simulation) -> tuple[str, str]:
    """(trigger, result) of the one run of a step."""
    before = len(loop.runs())
    assert loop.step() == 1
    (run,) = loop.runs()[before:]
    return run.trigger, run.result


def every_four_hours(day: int, hour: int, count: int) -> list[datetime]:
    """Slots of June 2026."""
    first = moment(f"2026-06-{day:02} {hour:02}:00")
    return [first + timedelta(hours=4 * number) for number in range(count)]
