"""Months of the loop in seconds: the real loop, sandbox and databases, and a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.acceptance.projects import COUNTRY, TITLE, ProjectFolder
from tests.loop.simulated import (
    DOCUMENT,
    START,
    HandClock,
    Simulation,
    break_source,
    every_four_hours,
    moment,
    ran,
    schedule_by,
    simulate,
)

HOUR = timedelta(hours=1)
SPREAD = timedelta(seconds=30)


# ---- slots


def test_two_clock_changes_in_nine_months(acme: ProjectFolder, clock: HandClock) -> None:
    """A job at 02:30 on Sundays in Berlin runs once on each, in the nights without and with two 02:30, too."""
    schedule_by(acme, DOCUMENT, "{cron: '30 2 * * SUN', timezone: Europe/Berlin}")
    clock.set(moment("2026-03-01 12:00"))
    with simulate(acme, clock) as loop:
        loop.follow()
        loop.forget_runs()
        loop.live(moment("2026-12-01 12:00"), longest=timedelta(days=2))
        found = loop.runs()
    assert all(run.result == "Success" and run.trigger == "schedule" for run in found)
    slots = {run.slot.date(): run.slot for run in found if run.slot}
    assert len(slots) == len(found) == 39
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
    schedule_by(acme, DOCUMENT, f"{{cron: '{cron}', timezone: {zone}}}")
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

    def slow(connection: object, stop: object) -> object:
        clock.advance(timedelta(hours=13))
        return real.cs(connection, stop)  # type: ignore[arg-type]

    loop.loop.crew.remotes = replace(real, cs=slow)  # type: ignore[arg-type]
    assert loop.loop.crew.work_one()
    loop.loop.crew.remotes = real
    loop.step()
    loop.wait(hours=1)
    assert [run.slot for run in loop.runs()][1:] == [moment("2026-06-02 00:00")]


def test_a_shorter_period_counts_from_the_last_slot(acting: Simulation) -> None:
    loop = acting
    schedule_by(loop.project, DOCUMENT, "{every: 1h}")
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
        expected = every_four_hours(2, 12, 7)
        assert slots == expected, "nothing runs again, nothing is left out"


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
    schedule_by(project, DOCUMENT, "{cron: '0 0 * * *'}")
    loop.follow()
    break_source(project)
    loop.live(moment("2026-06-02 00:00:45"))  # after the start, which is spread, and before the first retry
    waits: list[float] = []
    for failures in range(1, 10):
        row = loop.schedule()
        assert row["failures"] == failures
        assert set(loop.badges()) == {"retrying"}
        waits.append((row["retry_at"] - loop.runs()[-1].started).total_seconds() / 60)
        loop.clock.advance(row["retry_at"] - loop.clock.now())
        assert ran(loop) == ("retry", "Failed")
    for wait, expected in zip(waits, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert 0.8 * expected <= wait <= 1.2 * expected
    project.world.heal()
    loop.clock.advance(loop.schedule()["retry_at"] - loop.clock.now())
    assert ran(loop) == ("retry", "Success")
    row = loop.schedule()
    assert (row["failures"], row["retry_at"]) == (0, None)
    assert row["due_at"] - moment("2026-06-03 00:00") <= SPREAD
    assert not loop.badges()


def test_a_slot_takes_the_place_of_a_retry(acting: Simulation) -> None:
    loop = acting
    break_source(loop.project)
    loop.live(moment("2026-06-01 15:59"))
    assert {run.trigger for run in loop.runs()[2:]} == {"retry"}
    loop.live(moment("2026-06-01 16:01"))
    last = loop.runs()[-1]
    assert (last.trigger, last.slot) == ("schedule", moment("2026-06-01 16:00"))


def test_a_new_generation_has_no_backoff(acting: Simulation) -> None:
    loop, project = acting, acting.project
    break_source(project)
    loop.live(moment("2026-06-01 13:00"))
    assert loop.schedule()["failures"] > 3
    project.mapping(DOCUMENT, [TITLE, COUNTRY])
    loop.follow()
    row = loop.schedule()
    assert (row["generation"], row["failures"], row["retry_at"]) == (2, 0, None)
    assert row["due_at"] >= moment("2026-06-01 16:00")


def test_a_run_by_hand_that_succeeds_ends_the_backoff(acting: Simulation) -> None:
    loop, project = acting, acting.project
    break_source(project)
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

    def hanging(connection: object, stop: object) -> object:
        found = real.cc(connection, stop)  # type: ignore[arg-type]
        listed = found.members

        def members() -> object:
            for minutes in (9, 2):
                # The wall clock alone: a lease that nobody renewed for so long would be lost.
                clock.set(clock.now() + timedelta(minutes=minutes))
                seen.append(loop.badges())
            return listed()

        found.members = members  # type: ignore[method-assign,assignment]
        return found

    loop.loop.crew.remotes = replace(real, cc=hanging)  # type: ignore[arg-type]
    loop.step()
    assert [set(badges) for badges in seen] == [set(), {"stalled"}]
    assert loop.runs()[-1].result == "Success"
    assert not loop.badges()
