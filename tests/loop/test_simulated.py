"""Months of the loop in seconds: the real loop, sandbox and databases, and a clock that the test moves."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.engine import asking, timetable
from reconciler.model.document import DocumentId
from reconciler.model.resources import LoopSettings
from reconciler.sandbox import Sandbox, SandboxConfig
from reconciler.state import replicas, schedules
from tests.acceptance.projects import COUNTRY, ROLE, SEATS, TITLE, ProjectFolder
from tests.acceptance.world import World, running
from tests.integration.kills import execute, let_leases_end
from tests.loop.simulated import DOCUMENT, HandClock, Simulation, moment, runs, simulate

START = moment("2026-06-01 10:07")
EVERY = "schedule: {every: 4h}"
HOUR = timedelta(hours=1)
SPREAD = timedelta(seconds=30)


@pytest.fixture(scope="module")
def few() -> Iterator[World]:
    """Four people: a cycle takes no time."""
    yield from running(Sandbox(SandboxConfig(people=4, quirks=False, person_null_share=0.0)))


@pytest.fixture
def acme(few: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """A project on SQLite with a pulled catalog; nothing is applied."""
    return _project(few, tmp_path, None, monkeypatch)


@pytest.fixture
def on_each(few: World, tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """The same on SQLite, then on PostgreSQL."""
    return _project(few, tmp_path, database_url, monkeypatch)


def _project(world: World, folder: Path, url: str | None, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    world.reset()
    project = ProjectFolder(folder / "acme", world, url)
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    project.mapping(DOCUMENT, [TITLE])
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


@pytest.fixture
def clock() -> HandClock:
    return HandClock(START)


@pytest.fixture
def acting(acme: ProjectFolder, clock: HandClock) -> Iterator[Simulation]:
    """A loop that has run its first cycle."""
    with simulate(acme, clock) as loop:
        loop.follow()
        assert [run.result for run in loop.runs()] == ["Success"]
        yield loop


def _schedule(project: ProjectFolder, document: str, schedule: str) -> None:
    project.replace(f"mappings/{document}.yaml", EVERY, f"schedule: {schedule}")


def _break(project: ProjectFolder) -> None:
    project.world.fault({"status": 403}, side="cs")


# ---- slots


def test_two_clock_changes_in_nine_months(acme: ProjectFolder, clock: HandClock) -> None:
    """A job at 02:30 in Berlin runs once on each day, in the nights without and with two 02:30, too."""
    _schedule(acme, DOCUMENT, "{cron: '30 2 * * *', timezone: Europe/Berlin}")
    clock.set(moment("2026-03-01 12:00"))
    with simulate(acme, clock) as loop:
        loop.follow()
        loop.forget_runs()
        loop.live(moment("2026-12-01 12:00"), longest=timedelta(days=2))
        found = loop.runs()
    assert all(run.result == "Success" and run.trigger == "schedule" for run in found)
    slots = {run.slot.date(): run.slot for run in found if run.slot}
    assert len(slots) == len(found) == 275
    for day, slot in slots.items():
        expected = "01:30" if day < moment("2026-03-29 00:00").date() else "00:30"
        expected = (
            "01:00" if day == moment("2026-03-29 00:00").date() else expected
        )  # 02:30 is skipped: the end of the gap
        expected = "01:30" if day > moment("2026-10-25 00:00").date() else expected
        assert slot.strftime("%H:%M") == expected, slot
    assert all(timedelta() <= run.started - run.slot <= SPREAD for run in found if run.slot)


NIGHTS = {
    ("America/New_York", "30 1,2 * * *", "2026-03-07 20:00"): [
        "2026-03-08 06:30",
        "2026-03-08 07:00",
        "2026-03-09 05:30",
    ],
    ("America/New_York", "30 1 * * *", "2026-10-31 20:00"): ["2026-11-01 05:30", "2026-11-02 06:30"],
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00"): ["2026-10-03 15:30", "2026-10-04 15:15"],
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00"): ["2026-04-04 14:45", "2026-04-05 15:15"],
    ("Europe/Berlin", "0 * * * *", "2026-10-24 22:30"): [
        *("2026-10-24 23:00", "2026-10-25 00:00", "2026-10-25 02:00", "2026-10-25 03:00")
    ],
}


@pytest.mark.parametrize(("zone", "cron", "start"), NIGHTS)
def test_nights_in_which_clocks_change(acme: ProjectFolder, clock: HandClock, zone: str, cron: str, start: str) -> None:
    expected = [moment(slot) for slot in NIGHTS[zone, cron, start]]
    _schedule(acme, DOCUMENT, f"{{cron: '{cron}', timezone: {zone}}}")
    clock.set(moment(start))
    with simulate(acme, clock) as loop:
        loop.follow()
        loop.forget_runs()
        loop.live(expected[-1] + timedelta(minutes=20), longest=timedelta(minutes=15))
        assert [run.slot for run in loop.runs()] == expected


def test_a_week_of_downtime_is_one_cycle(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
    clock.advance(timedelta(days=7))
    with simulate(on_each, clock) as loop:
        for _ in range(20):
            loop.wait(seconds=1)
        first, caught_up = loop.runs()
        assert (first.slot, caught_up.slot) == (START, moment("2026-06-08 08:00"))
        assert caught_up.trigger == "schedule"
        loop.live(moment("2026-06-08 17:00"))
        assert [run.slot for run in loop.runs()[2:]] == [moment("2026-06-08 12:00"), moment("2026-06-08 16:00")]


def test_a_cycle_longer_than_its_period_skips_what_it_missed(acting: Simulation) -> None:
    """While it ran, three slots passed: the latest of them is due when it ends."""
    loop, clock = acting, acting.clock
    clock.advance(moment("2026-06-01 12:01") - clock.now())
    loop.loop.tick()
    real = loop.loop.crew.remotes

    def slow(connection: object) -> object:
        clock.advance(timedelta(hours=13))
        return real.cs(connection)  # type: ignore[arg-type]

    loop.loop.crew.remotes = replace(real, cs=slow)  # type: ignore[arg-type]
    assert loop.loop.crew.work_one()
    loop.loop.crew.remotes = real
    loop.step()
    loop.wait(hours=1)
    assert [run.slot for run in loop.runs()][1:] == [moment("2026-06-02 00:00")]


def test_a_shorter_period_counts_from_the_last_slot(acting: Simulation) -> None:
    loop = acting
    _schedule(loop.project, DOCUMENT, "{every: 1h}")
    loop.follow()
    assert len(loop.runs()) == 1, "a changed schedule is no new beginning"
    loop.live(moment("2026-06-01 13:10"))
    assert [run.slot for run in loop.runs()[1:]] == [moment(f"2026-06-01 {hour}:00") for hour in (11, 12, 13)]


# ---- clocks that are wrong


def test_to_2030_and_back(on_each: ProjectFolder, clock: HandClock) -> None:
    """At the worst one cycle too many, and at once back on the schedule."""
    with simulate(on_each, clock) as loop:
        loop.follow()
        loop.live(moment("2026-06-02 09:00"))
        before = len(loop.runs())
        right = clock.now()
        clock.set(moment("2030-01-01 05:00"))
        for _ in range(5):
            loop.wait(seconds=1)
        there = loop.runs()[before:]
        assert [run.slot for run in there] == [moment("2030-01-01 04:00")]
        clock.set(right + timedelta(minutes=1))
        for _ in range(5):
            loop.wait(seconds=1)
        loop.live(moment("2026-06-03 13:00"))
        slots = [run.slot for run in loop.runs()[before + 1 :]]
        expected = [moment(f"2026-06-0{day} {hour:02}:00") for day, hour in _every_four_hours(2, 12, 7)]
        assert slots == expected, "nothing runs again, nothing is left out"


def _every_four_hours(day: int, hour: int, count: int) -> list[tuple[int, int]]:
    return [(day + (hour + 4 * n) // 24, (hour + 4 * n) % 24) for n in range(count)]


def test_a_slot_that_ran_too_early_is_not_asked_for_again_and_again(acting: Simulation) -> None:
    """The clock was a day ahead for a moment. When that day comes, its slot has run, and that is found out once."""
    loop, clock = acting, acting.clock
    right = clock.now()
    clock.set(right + timedelta(days=1))
    loop.wait(seconds=1)
    assert loop.runs()[-1].slot == moment("2026-06-02 08:00")
    clock.set(right + timedelta(seconds=2))
    loop.wait(seconds=1)
    loop.live(moment("2026-06-02 07:59"))
    slots = [run.slot for run in loop.runs()]
    clock.advance(timedelta(minutes=5))
    attempts = sum(_second(loop) for _ in range(30))
    assert attempts <= 1
    assert [run.slot for run in loop.runs()] == slots
    loop.live(moment("2026-06-02 13:00"))
    assert [run.slot for run in loop.runs()[len(slots) :]] == [moment("2026-06-02 12:00")]


def _second(loop: Simulation) -> int:
    loop.clock.advance(timedelta(seconds=1))
    return loop.step()


def test_a_clock_that_was_wrong_costs_no_history(acting: Simulation) -> None:
    loop, clock = acting, acting.clock
    right = clock.now()
    clock.set(moment("2030-01-01 05:00"))
    loop.live(moment("2030-01-01 10:00"), longest=timedelta(minutes=30))
    clock.set(right)
    loop.wait(seconds=1)
    assert loop.runs()[0].started == START, "the activity log is kept for 400 days of a clock that can be believed"


def test_a_clock_that_is_set_back_a_little_repeats_nothing(acting: Simulation) -> None:
    loop, clock = acting, acting.clock
    loop.live(moment("2026-06-01 12:02"))
    clock.set(moment("2026-06-01 11:30"))
    loop.live(moment("2026-06-01 16:01"), longest=timedelta(minutes=1))
    assert [run.slot for run in loop.runs()[1:]] == [moment("2026-06-01 12:00"), moment("2026-06-01 16:00")]


# ---- failures


def test_backoff_doubles_up_to_its_limit_and_ends_with_success(acting: Simulation) -> None:
    loop, project = acting, acting.project
    _schedule(project, DOCUMENT, "{cron: '0 0 * * *'}")
    loop.follow()
    _break(project)
    loop.live(moment("2026-06-02 00:01"))
    waits: list[float] = []
    for failures in range(1, 10):
        row = loop.schedule()
        assert row["failures"] == failures
        assert set(loop.badges()) == {"retrying"}
        waits.append((row["retry_at"] - loop.runs()[-1].started).total_seconds() / 60)
        loop.clock.advance(row["retry_at"] - loop.clock.now())
        assert _ran(loop) == ("retry", "Failed")
    for wait, expected in zip(waits, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert 0.8 * expected <= wait <= 1.2 * expected
    project.world.heal()
    loop.clock.advance(loop.schedule()["retry_at"] - loop.clock.now())
    assert _ran(loop) == ("retry", "Success")
    row = loop.schedule()
    assert (row["failures"], row["retry_at"]) == (0, None)
    assert row["due_at"] - moment("2026-06-03 00:00") <= SPREAD
    assert not loop.badges()


def _ran(loop: Simulation) -> tuple[str, str]:
    """(trigger, result) of the one run of a step."""
    before = len(loop.runs())
    assert loop.step() == 1
    (run,) = loop.runs()[before:]
    return run.trigger, run.result


def test_a_slot_takes_the_place_of_a_retry(acting: Simulation) -> None:
    loop = acting
    _break(loop.project)
    loop.live(moment("2026-06-01 15:59"))
    assert {run.trigger for run in loop.runs()[2:]} == {"retry"}
    loop.live(moment("2026-06-01 16:01"))
    last = loop.runs()[-1]
    assert (last.trigger, last.slot) == ("schedule", moment("2026-06-01 16:00"))


def test_a_new_generation_has_no_backoff(acting: Simulation) -> None:
    loop, project = acting, acting.project
    _break(project)
    loop.live(moment("2026-06-01 13:00"))
    assert loop.schedule()["failures"] > 3
    project.mapping(DOCUMENT, [TITLE, COUNTRY])
    loop.follow()
    row = loop.schedule()
    assert (row["generation"], row["failures"], row["retry_at"]) == (2, 0, None)
    assert row["due_at"] >= moment("2026-06-01 16:00")


def test_a_run_by_hand_that_succeeds_ends_the_backoff(acting: Simulation) -> None:
    loop, project = acting, acting.project
    _break(project)
    loop.live(moment("2026-06-01 12:30"))
    project.world.heal()
    _by_hand(loop)
    row = loop.schedule()
    assert (row["failures"], row["retry_at"]) == (0, None)
    before = len(loop.runs())
    loop.live(moment("2026-06-01 15:59"))
    assert len(loop.runs()) == before


def _by_hand(loop: Simulation) -> None:
    """As `sync` does it where no loop is alive."""
    from reconciler.engine.sync import sync
    from reconciler.loop.crew import Unwatched

    crew = loop.loop.crew
    report = sync(
        crew.database,
        DOCUMENT,
        crew.remotes,
        holder="somebody",
        clock=loop.clock,
        stop=loop.loop.stop,
        progress=Unwatched(),
    )
    assert report.run.result.value == "Success"


def test_an_end_that_is_suddenly_empty_waits_for_the_next_slot(acting: Simulation) -> None:
    loop, world = acting, acting.project.world
    for member in world.members():
        world.erase(member["userid"])
    loop.live(moment("2026-06-01 15:59"))
    assert [run.result for run in loop.runs()] == ["Success", "Failed"]
    loop.live(moment("2026-06-01 16:01"))
    assert loop.runs()[-1].slot == moment("2026-06-01 16:00")


# ---- badges


def test_overdue_while_nobody_works_and_stalled_while_somebody_hangs(acting: Simulation) -> None:
    loop, clock = acting, acting.clock
    clock.advance(moment("2026-06-01 12:04") - clock.now())
    assert not loop.badges()
    clock.advance(timedelta(minutes=2))
    assert set(loop.badges()) == {"overdue"}
    seen: list[dict[str, str]] = []
    real = loop.loop.crew.remotes

    def hanging(connection: object) -> object:
        found = real.cc(connection)  # type: ignore[arg-type]
        listed = found.members

        def members() -> object:
            for minutes in (9, 2):
                clock.advance(timedelta(minutes=minutes))
                seen.append(loop.badges())
            return listed()

        found.members = members  # type: ignore[method-assign,assignment]
        return found

    loop.loop.crew.remotes = replace(real, cc=hanging)  # type: ignore[arg-type]
    loop.step()
    assert [set(badges) for badges in seen] == [set(), {"stalled"}]
    assert loop.runs()[-1].result == "Success"
    assert not loop.badges()


# ---- people


def test_suspended_for_a_month_then_one_cycle(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
        settings = loop.loop.settings
        assert asking.suspend(loop.loop.database, DOCUMENT, "ann", settings, clock)
        assert loop.schedule()["due_at"] is None
        assert set(loop.badges()) == {"suspended"}
        loop.live(moment("2026-07-01 10:00"), longest=timedelta(days=1))
        assert len(loop.runs()) == 1
        assert asking.resume(loop.loop.database, DOCUMENT, settings, clock)
        assert loop.step() == 1
        assert loop.runs()[-1].slot == moment("2026-07-01 08:00")
        loop.live(moment("2026-07-01 12:01"))
        assert [run.slot for run in loop.runs()[1:]] == [moment(f"2026-07-01 {hour}:00") for hour in ("08", "12")]


def test_a_request_is_served_once_and_several_by_one_run(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
        database = loop.loop.database
        asked = [asking.ask(database, DOCUMENT, who, clock) for who in ("ann", "bob")]
        assert _ran(loop) == ("request", "Success")
        for _ in range(5):
            loop.wait(seconds=1)
        assert len(loop.runs()) == 2
        served = {asking.wait(database, one, clock, loop.loop.stop, lambda _: None).run.id for one in asked}  # type: ignore[union-attr]
        assert len(served) == 1
        loop.live(moment("2026-06-01 12:01"))
        assert loop.runs()[-1].slot == moment("2026-06-01 12:00"), "a request moves no slot"


def test_a_request_does_not_wait_for_the_backoff(acting: Simulation) -> None:
    loop = acting
    _break(loop.project)
    loop.live(moment("2026-06-01 14:00"))
    loop.project.world.heal()
    asking.ask(loop.loop.database, DOCUMENT, "ann", loop.clock)
    assert _ran(loop) == ("request", "Success")
    assert loop.schedule()["retry_at"] is None


def test_suspended_by_its_document(acting: Simulation) -> None:
    loop, project = acting, acting.project
    project.replace(f"mappings/{DOCUMENT}.yaml", EVERY, f"{EVERY}\n  suspend: true")
    loop.follow()
    loop.live(moment("2026-06-02 09:00"))
    assert len(loop.runs()) == 1
    with pytest.raises(errors.ConfigIncomplete, match="suspended by its document"):
        asking.ask(loop.loop.database, DOCUMENT, "ann", loop.clock)
    project.replace(f"mappings/{DOCUMENT}.yaml", "  suspend: true\n", "")
    loop.follow()
    assert [run.slot for run in loop.runs()[1:]] == [moment("2026-06-02 08:00")]


def test_a_pause_that_comes_while_the_timetable_is_made_anew(on_each: ProjectFolder, clock: HandClock) -> None:
    """Both write the same row. The timetable waits for the person and takes what they wrote."""
    with simulate(on_each, clock) as loop:
        loop.follow()
        database, settings = loop.loop.database, loop.loop.settings
        later = clock.now() + timedelta(days=2)
        again = threading.Thread(
            target=lambda: database.run(lambda session: timetable.refresh(session, settings, later)), daemon=True
        )
        with database.begin() as session:
            (id,) = schedules.read(session)
            entry = schedules.get(session, id, lock=True)
            assert entry is not None
            again.start()
            time.sleep(0.3)
            schedules.save(session, [replace(entry, suspended_at=clock.now(), suspended_by="ann", due_at=None)])
        again.join(20)
        assert not again.is_alive()
        assert loop.schedule()["suspended_at"] == clock.now()
        assert loop.schedule()["due_at"] is None


def test_which_slots_ran_is_kept_by_number(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
        id = DocumentId("ProfileFieldMapping", DOCUMENT)
        with loop.loop.database.begin() as session:
            for number in range(1200):
                slot = START + timedelta(minutes=5 * number + 5)
                assert schedules.claim_slot(session, id, slot, 1)
                schedules.complete_slot(session, id, slot, 1, now=slot)
        loop.wait(hours=2)
        assert loop.runs()[-1].result == "Success"
        kept = execute(on_each, "SELECT count(*), max(slot) FROM slots")
        assert kept[0][0] == schedules.KEPT
        assert datetime.fromisoformat(kept[0][1]) == START + timedelta(minutes=6000)


# ---- what is applied meanwhile


def _deactivate(project: ProjectFolder, *, back: bool = False) -> None:
    """As the middle of an apply records it: the mapping over the connection goes with a later transaction."""
    words = ('"active":false,"baseUrl"', '"baseUrl"')
    before, after = words if back else words[::-1]
    execute(project, f"UPDATE documents SET spec = replace(spec, '{before}', '{after}') WHERE name = 'acme-cs'")
    execute(project, "UPDATE meta SET serial = serial + 1")
    (found,) = execute(project, "SELECT spec FROM documents WHERE name = 'acme-cs'")
    assert (words[0] in found[0]) is not back


def test_a_deactivated_connection_stops_its_documents_until_it_is_back(acting: Simulation) -> None:
    loop, project = acting, acting.project
    _deactivate(project)
    loop.live(moment("2026-06-08 09:00"), longest=timedelta(days=1))
    assert len(loop.runs()) == 1
    assert set(loop.badges()) == {"deactivated"}
    _deactivate(project, back=True)
    loop.step()
    assert [run.slot for run in loop.runs()[1:]] == [moment("2026-06-08 08:00")]


def test_deactivated_between_the_look_and_the_cycle(acting: Simulation) -> None:
    """What is on the board is a moment old. That a connection was deactivated since is no failure of the document."""
    loop, clock = acting, acting.clock
    clock.advance(moment("2026-06-01 12:01") - clock.now())
    loop.loop.tick()
    _deactivate(loop.project)
    assert loop.loop.crew.work_one()
    loop.wait(minutes=10)
    assert [run.result for run in loop.runs()] == ["Success"]
    assert loop.schedule()["failures"] == 0
    assert execute(loop.project, f"SELECT status FROM statuses WHERE name = '{DOCUMENT}' AND item = ''") == [
        ("Successful",)
    ]


def test_forgotten_between_the_look_and_the_cycle(acting: Simulation) -> None:
    loop, project, clock = acting, acting.project, acting.clock
    project.mapping("other", [COUNTRY])
    loop.follow()
    clock.advance(moment("2026-06-01 12:01") - clock.now())
    loop.loop.tick()
    project.forget("other")
    loop.loop.follow()
    while loop.loop.crew.work_one():
        pass
    loop.step()
    assert len(loop.runs("other")) == 1
    assert not loop.schedule("other")
    assert execute(project, "SELECT count(*) FROM conditions") == [(0,)]
    project.run("status").expect(0)


def test_forgotten_and_applied_again(on_each: ProjectFolder, clock: HandClock) -> None:
    project = on_each
    project.mapping("other", [COUNTRY])
    with simulate(project, clock) as loop:
        loop.follow()
        asking.ask(loop.loop.database, "other", "ann", clock)
        project.forget("other")
        loop.follow()
        assert not loop.schedule("other")
        loop.live(moment("2026-06-01 16:01"))
        assert len(loop.runs("other")) == 1, "its request is gone, too"
        project.mapping("other", [COUNTRY])
        loop.follow()
        again = loop.runs("other")[1:]
        assert [(run.trigger, run.slot) for run in again] == [("schedule", clock.now().replace(microsecond=0))]
        loop.live(moment("2026-06-01 20:01"))
        assert loop.runs("other")[-1].slot == moment("2026-06-01 20:00")


def test_what_ran_by_hand_before_there_was_a_loop(acme: ProjectFolder, clock: HandClock) -> None:
    acme.apply()
    acme.sync()
    (by_hand,) = runs(acme)
    clock.set(by_hand.started + timedelta(minutes=1))
    with simulate(acme, clock) as loop:
        loop.follow()
        assert len(loop.runs()) == 1 or loop.runs()[1].slot > by_hand.started  # type: ignore[operator]
        loop.live(by_hand.started + timedelta(hours=4, minutes=1))
        assert len(loop.runs()) == 2


# ---- several loops, and processes that end


@pytest.fixture
def several(on_each: ProjectFolder) -> ProjectFolder:
    """Four documents for two communities."""
    for number, line in enumerate((COUNTRY, ROLE, SEATS)):
        project_name = f"more-{number}"
        on_each.mapping(project_name, [line], to="acme-partners" if number else "acme-community")
    return on_each


def _no_slot_twice(found: list[object]) -> None:
    done = Counter((run.document, run.slot) for run in found if run.slot and run.result != "Interrupted")  # type: ignore[attr-defined]
    assert done
    assert set(done.values()) == {1}


def test_two_replicas_with_clocks_three_seconds_apart(several: ProjectFolder, clock: HandClock) -> None:
    """Whatever the order in which they get their turns. A few seconds a step, so that one is often before a slot."""
    draw, ahead = random.Random(5), HandClock(START + timedelta(seconds=3))
    with simulate(several, clock) as left, simulate(several, ahead) as right:
        right.loop.follow()
        moves: list[Callable[[], object]] = [
            *(each.loop.tick for each in (left, right)),
            *(each.loop.crew.work_one for each in (left, right)),
        ]
        while clock.now() < moment("2026-06-02 10:00"):
            due = [due for due in left._due() if due > clock.now() + timedelta(seconds=5)]
            near = any(due - clock.now() < timedelta(seconds=10) for due in left._due())
            jump = timedelta(seconds=1) if near else min(due, default=clock.now() + HOUR) - clock.now() - SPREAD / 10
            for each in (clock, ahead):
                each.advance(max(timedelta(seconds=1), min(jump, HOUR)))
            for _ in range(4):
                draw.choice(moves)()
        found = left.runs()
    _no_slot_twice(list(found))
    assert {run.result for run in found} == {"Success"}
    for document in {run.document for run in found}:
        slots = [run.slot for run in found if run.document == document]
        assert slots[1:] == [moment(f"2026-06-0{day} {hour:02}:00") for day, hour in _every_four_hours(1, 12, 6)]


def test_a_restart_at_any_moment(several: ProjectFolder, clock: HandClock) -> None:
    """A process ends between any two steps, also in the middle of a cycle; the next one carries on."""
    draw = random.Random(9)
    with ExitStack() as stack:
        stack.enter_context(simulate(several, clock)).loop.follow()
        for _ in range(60):
            with simulate(several, clock) as loop:
                steps: list[Callable[[], object]] = [loop.loop.follow, loop.loop.tick, loop.loop.crew.work_one]
                for step in (*steps[1:], *draw.choices(steps, k=draw.randrange(4))):
                    step()
                if draw.random() < 0.3:
                    _cut_off(loop)
            clock.advance(timedelta(minutes=draw.randrange(1, 50)))
        with simulate(several, clock) as loop:
            loop.live(clock.now() + timedelta(hours=5))
            found = loop.runs()
    _no_slot_twice(list(found))
    assert {run.result for run in found} == {"Success", "Interrupted"}
    for document in {run.document for run in found}:
        slots = [run.slot for run in found if run.document == document and run.result == "Success"]
        assert all(slot is not None for slot in slots)
        assert slots == sorted(slots)  # type: ignore[type-var]
    assert execute(several, "SELECT count(*) FROM runs WHERE result = 'Running'") == [(0,)]
    assert execute(several, "SELECT count(*) FROM slots WHERE attempts > 1") != [(0,)], "some were cut off and resumed"


class _Killed(BaseException):
    pass


def _cut_off(loop: Simulation) -> None:
    """The process ends while its next cycle lists members: nothing of it runs any more, and its lease ends by itself."""
    real = loop.loop.crew.remotes

    def dying(connection: object) -> object:
        found = real.cc(connection)  # type: ignore[arg-type]

        def members() -> object:
            raise _Killed

        found.members = members  # type: ignore[method-assign,assignment]
        return found

    loop.loop.crew.remotes = replace(real, cc=dying)  # type: ignore[arg-type]
    try:
        loop.loop.crew.work_one()
    except _Killed:
        let_leases_end(loop.project)


def test_a_loop_that_leaves_is_not_counted_any_more(acting: Simulation) -> None:
    database = acting.loop.database
    with database.read() as session:
        assert [other.holder for other in replicas.alive(session)] == [acting.loop.replica.holder]
    acting.loop.replica.leave()
    with database.read() as session:
        assert not replicas.alive(session)


def test_the_settings_of_the_simulation_are_those_of_a_project(acting: Simulation) -> None:
    """The figures above rest on these."""
    assert acting.loop.settings == LoopSettings()
    assert acting.loop.settings.jitter == SPREAD
