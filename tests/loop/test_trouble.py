"""What a loop does when the ground under it moves: the database goes, comes back as another one, or says nothing at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler import errors
from reconciler.cli.looping import assemble
from reconciler.cli.progress import Told
from reconciler.cli.wiring import workplace
from reconciler.clock import SystemClock
from reconciler.engine.occasion import Timing
from reconciler.engine.timetable import Work
from reconciler.loop.guard import Guard, Pulse
from reconciler.loop.runner import SILENT, STUCK
from reconciler.model.document import DocumentId
from reconciler.model.event import Event, EventName
from tests.acceptance.projects import COUNTRY, RENEWAL, SEATS, TITLE, ProjectFolder
from tests.acceptance.world import World
from tests.integration.kills import execute, let_leases_end
from tests.loop.processes import QUICK, Running, conditions, ended_runs, hurried, loop, runs, until
from tests.postgres import Postgres, binaries, relaunch, start


def _events(running: Running, name: str) -> list[Any]:
    lines = [line for line in running.text.splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def _move(project: ProjectFolder, to: Path, back: bool = False) -> None:
    folder = project.root / "var"
    to.mkdir(exist_ok=True)
    source, target = (to, folder) if back else (folder, to)
    for file in sorted(source.glob("reconciler.db*"), reverse=True):
        file.rename(target / file.name)


def test_a_database_that_is_moved_away_is_waited_for_and_not_made_anew(simple: ProjectFolder, tmp_path: Path) -> None:
    project, away = simple, tmp_path / "away"
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        _move(project, away)
        lost = until(lambda: _events(running, "state.lost"))
        assert "is gone" in lost[0]["reason"]
        project.mapping("acme-profile", [TITLE, COUNTRY, RENEWAL, SEATS])
        time.sleep(3)
        assert not list((project.root / "var").glob("reconciler.db*"))
        assert len(_events(running, "state.lost")) == 1, "once, not once a second"
        assert not _events(running, "loop.trouble")
        _move(project, away, back=True)
        until(lambda: _events(running, "state.back"))
        until(lambda: "Seats" in project.status())
        project.command("sync", "acme-profile").expect(0)
        assert runs(project)[-1][1:] == ("request", "Success")
        assert running.end() == 0


def _last_run(project: ProjectFolder, name: str) -> int | None:
    """The newest run of a mapping as the state file tells it."""
    documents = json.loads((project.root / "var/state.json").read_text())["documents"]
    (found,) = [one for one in documents if (one["kind"], one["name"]) == ("ProfileFieldMapping", name)]
    return found["lastRun"] and int(found["lastRun"]["id"])


def test_an_older_copy_is_not_worked_with_until_somebody_decides(simple: ProjectFolder, tmp_path: Path) -> None:
    project, older = simple, tmp_path / "older"
    project.apply()
    project.sync()
    older.mkdir()
    shutil.copy(project.root / "var/reconciler.db", older)
    with loop(project) as running:
        until(lambda: execute(project, "SELECT 1 FROM replicas"))
        project.command("sync", "acme-profile").expect(0)
        newest = runs(project)
        time.sleep(2.5)  # the loop has seen it
        until(lambda: _last_run(project, "acme-profile") == 2)
        _move(project, tmp_path / "newer")
        _move(project, older, back=True)
        until(lambda: "the database went back" in running.text)
        project.mapping("acme-profile", [TITLE])
        time.sleep(2)
        assert len(runs(project)) < len(newest), "nothing runs"
        assert "Country" in project.status(), "nothing is applied"
        project.command("state", "rebuild").expect(0)
        until(lambda: _events(running, "state.back"))
        until(lambda: "Country" not in project.status())
        assert running.end() == 0


def test_it_does_not_begin_anew_beside_the_state_file_of_a_lost_database(simple: ProjectFolder) -> None:
    project = simple
    project.apply()
    for file in (project.root / "var").glob("reconciler.db*"):
        file.unlink()
    with loop(project) as running:
        assert running.ended() == 1
        told = _events(running, "loop.stopped")[0]
        assert "is empty or missing" in told["reason"]
        assert "delete the state file" in told["hint"]
    assert not list((project.root / "var").glob("reconciler.db*"))
    assert not project.world.new_writes()


def test_a_newer_program_ends_an_older_loop(simple: ProjectFolder) -> None:
    project = simple
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        execute(project, "UPDATE schema_version SET version_num = '9999'")
        assert running.ended() == 1
        assert "has schema 9999" in _events(running, "loop.stopped")[0]["reason"]
        assert "Traceback" not in running.text


def test_a_state_file_that_cannot_be_written_stops_no_cycle_and_is_told_once(simple: ProjectFolder) -> None:
    project = simple
    (project.root / "var/state.json").mkdir(parents=True)
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        until(lambda: _events(running, "loop.trouble"))
        time.sleep(5)
        trouble = _events(running, "loop.trouble")
        assert [(event["where"], "state.json" in event["reason"]) for event in trouble] == [("state file", True)]
        (project.root / "var/state.json").rmdir()
        until((project.root / "var/state.json").is_file)
        assert not _events(running, "state.lost")
        assert running.end() == 0


def test_seven_digits_approve(simple: ProjectFolder) -> None:
    project = simple
    project.limits = QUICK + "  applyPolicy: manual\n"
    project.write_project()
    with loop(project) as running:
        _, hint = until(lambda: conditions(project).get("needs-approval"))
        digest = hint.rpartition(" ")[2]
        project.command("approve", digest[:6]).expect(1)
        project.command("approve", digest[:7]).expect(0)
        until(lambda: ended_runs(project) == 1)
        assert running.end() == 0


def test_a_terminal_that_closes_stops_it_properly(simple: ProjectFolder) -> None:
    with loop(simple) as running:
        until(lambda: ended_runs(simple) == 1)
        assert running.end(signal.SIGHUP) == 0
        assert _events(running, "loop.stopped")
    assert execute(simple, "SELECT count(*) FROM replicas") == [(0,)]


# -- PostgreSQL


@pytest.fixture
def server(postgres: Postgres) -> Any:
    """A server of the test's own, which it may stop. `postgres` skips where there is none."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL binaries of the system")
    with start(programs, durable=True) as made:  # it is killed, and must lose nothing that was committed
        yield made, programs


@pytest.fixture
def served(server: tuple[Postgres, Path], tmp_path: Path, world: World) -> ProjectFolder:
    return hurried(ProjectFolder(tmp_path / "acme", world, server[0].create_database()))


def test_a_server_that_is_killed_is_told_once_and_waited_for(
    served: ProjectFolder, server: tuple[Postgres, Path]
) -> None:
    project, (postgres, programs) = served, server
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        project.world.new_writes()
        assert postgres.process is not None
        postgres.process.send_signal(signal.SIGQUIT)
        postgres.process.wait(10)
        lost = until(lambda: _events(running, "state.lost"))
        assert "postgresql://127.0.0.1" in lost[0]["reason"]
        before = len(running.text.splitlines())
        time.sleep(4)
        assert len(running.text.splitlines()) - before <= 1
        relaunch(programs, postgres)
        until(lambda: _events(running, "state.back"))
        project.command("sync", "acme-profile").expect(0)
        assert running.end() == 0
        assert "Traceback" not in running.text


def test_nothing_is_sent_that_the_journal_does_not_know_when_the_server_goes_in_mid_cycle(
    served: ProjectFolder, server: tuple[Postgres, Path]
) -> None:
    project, (postgres, programs) = served, server
    world = project.world
    world.fault({"delay": 0.2}, method="PUT")
    with loop(project) as running:
        until(lambda: world.hits() > 3)
        assert postgres.process is not None
        postgres.process.send_signal(signal.SIGQUIT)
        postgres.process.wait(10)
        until(lambda: _events(running, "state.lost"))
        time.sleep(4)  # what is journalled may go on; nothing is taken after it
        sent = world.new_writes()
        assert sent
        world.heal()
        relaunch(programs, postgres)
        journalled = {
            (str(key), item, value)
            for (writes,) in execute(project, "SELECT writes FROM batches")
            for key, _, item, _, value in json.loads(writes)
        }
        assert {tuple(map(str, written)) for written in sent} <= journalled
        let_leases_end(project)
        until(lambda: project.status()[""][0] == "Successful", 60)
        assert running.end() == 0


def test_a_server_that_says_nothing_keeps_nobody_from_stopping_the_loop(
    served: ProjectFolder, server: tuple[Postgres, Path]
) -> None:
    project, (postgres, _) = served, server
    assert postgres.process is not None
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        numbers = [postgres.process.pid, *_children(postgres.process.pid)]
        _signal(numbers, signal.SIGSTOP)
        try:
            time.sleep(2)
            started = time.monotonic()
            assert running.end() == 0
            assert time.monotonic() - started < 10.5
        finally:
            _signal(numbers, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _signal(numbers: list[int], number: signal.Signals) -> None:
    for process in numbers:
        with contextlib.suppress(ProcessLookupError):  # a backend whose client went away has ended meanwhile
            os.kill(process, number)


def test_a_url_that_is_wrong_ends_it(served: ProjectFolder) -> None:
    served.env["RECONCILER_DATABASE_URL"] += "?nonsense=1"
    with loop(served) as running:
        assert running.ended() == 64
        assert "an option that PostgreSQL does not know" in running.text
        assert not _events(running, "loop.trouble")


# -- the parts


def _pulse() -> Pulse:
    now = SystemClock().monotonic()
    return Pulse(clock=SystemClock(), ticked=now, looked=now)


def _raise(error: Exception) -> Any:
    raise error


def test_a_silent_database_is_not_ready_but_alive(simple: ProjectFolder, capfd: pytest.CaptureFixture[str]) -> None:
    with assemble(workplace(simple.root), form="json") as made:
        made.pulse.database_problem = ""
        made.pulse.looked -= SILENT + 1
        made.pulse.ticked -= SILENT + 1
        made._beat()
        assert "has not answered for 21 s" in made.pulse.checks()["database"]
        assert made.pulse.tick_age() < 1
        made._beat()
        made.pulse.looked -= STUCK
        made.pulse.ticked -= 300
        made._beat()
        assert made.pulse.tick_age() >= 300, "what hangs for so long is cured by a restart"
    assert capfd.readouterr().out.count("state.lost") == 1


def test_the_same_trouble_is_told_once_until_it_was_well() -> None:
    seen: list[Event] = []
    guard = Guard(pulse=_pulse(), emit=seen.append, stop=threading.Event())
    for _ in range(3):
        assert not guard.run("tick", lambda: _raise(ValueError("a row of somebody")))
    assert not guard.run("tick", lambda: _raise(errors.RemoteError("another")))
    assert guard.run("tick", lambda: None)
    assert not guard.run("tick", lambda: _raise(ValueError("again")))
    reasons = [event.fields["reason"] for event in seen]
    assert reasons == ["internal error: ValueError", "another", "internal error: ValueError"]
    assert not guard.stop.is_set()


def test_a_document_whose_cycles_cannot_be_recorded_waits_longer_each_time(
    simple: ProjectFolder, tmp_path: Path
) -> None:
    simple.apply()
    seen: list[Event] = []
    with assemble(workplace(simple.root), form="json") as made:
        crew = made.crew
        crew.emit = seen.append
        timing = Timing(schedule=None, settings=made.settings, suspended=False, deactivated=False)
        id = DocumentId("ProfileFieldMapping", "acme-profile")
        work = Work(document=id, job="a job", connection="cc", timing=timing)
        crew.database.migrate()
        _move(simple, tmp_path / "away")
        ends = time.monotonic() + 2.5
        while time.monotonic() < ends:
            crew.board.offer([work], connections=1, full=False)
            assert crew.work_one()
            time.sleep(0.05)
        crew.database.close()
    skipped = [event for event in seen if event.name is EventName.CYCLE_SKIPPED]
    assert len(skipped) == 2, "at once and after a second, then after two"


def test_long_waits_are_events_of_the_loop_and_short_ones_nothing() -> None:
    seen: list[Event] = []
    waits = Told(SystemClock(), seen.append)
    for seconds in (1.0, 300.0, 300.0):
        with waits.waiting("acme-cs", "rate limited", seconds):
            pass
    assert [event.name for event in seen] == [EventName.CONNECTION_WAITS]
    assert seen[0].fields["connection"] == "acme-cs"
