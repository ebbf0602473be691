"""Schedules lived through: documents, replicas and clocks that go wrong, over months, without waiting for any of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.resources import Cron, Every, Schedule
from reconciler.schedule import (
    SKEW,
    due_slot,
    is_overdue,
    latest_slot,
    next_due,
    next_slot,
    retry_delay,
    shortest_period,
    spread_of,
    start_at,
)

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NONE = timedelta()
FOUR_HOURS, DAILY = Every(seconds=4 * 3600), Every(seconds=86_400)
BERLIN = Cron(expression="30 2 * * *", timezone="Europe/Berlin")
OFFICE = Cron(expression="0,40 9,17 * * MON-FRI", timezone="America/New_York")
LEAP = Cron(expression="0 12 29 2 *", timezone="UTC")
SCHEDULES = (FOUR_HOURS, Every(seconds=300), Every(seconds=7 * 86_400), BERLIN, OFFICE)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Entry:
    """What is kept about one document: all that survives a restart."""

    schedule: Schedule
    since: datetime
    last: datetime | None = None
    completed: set[datetime] = field(default_factory=set)
    ran: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def slots(self) -> list[datetime]:
        return [slot for slot, _ in self.ran]


@dataclass
class Loop:
    """A loop as simple as one can be. It keeps nothing: it may be a new one at each call."""

    entries: dict[str, Entry]
    limit: timedelta = NONE

    def start(self, name: str, slot: datetime) -> datetime:
        entry = self.entries[name]
        return start_at(slot, name, NONE if entry.last is None else spread_of(entry.schedule, self.limit))

    def tick(self, now: datetime) -> None:
        for name, entry in self.entries.items():
            slot = due_slot(entry.schedule, entry.last, entry.since, now)
            if slot is None or now < self.start(name, slot):
                continue
            if slot not in entry.completed:
                entry.ran.append((slot, now))
                entry.completed.add(slot)
            entry.last = slot

    def wake(self, now: datetime) -> datetime:
        moments = []
        for name, entry in self.entries.items():
            slot = due_slot(entry.schedule, entry.last, entry.since, now)
            due = next_due(entry.schedule, entry.last, entry.since, now)
            assert due >= now and (due == now if slot else due > now)
            moments.append(self.start(name, slot) if slot else due)
        return min(moments)

    def live(self, start: datetime, end: datetime, poll: timedelta = NONE) -> None:
        """Sleeps until something is due, or as long as `poll`."""
        now = start
        while now <= end:
            self.tick(now)
            now = now + poll if poll else max(self.wake(now), now + SECOND)


def every_slot(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    while (after := next_slot(schedule, after)) <= until:
        found.append(after)
    return found


# -- ordinary time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_months_without_events_run_each_slot_once_and_on_time(schedule: Schedule) -> None:
    start, end = utc("2026-02-20T07:11:12"), utc("2026-04-20T07:00:00")
    entry = Entry(schedule, since=start)
    Loop({"a": entry}).live(start, end)
    assert entry.slots == [start, *every_slot(schedule, start, end)]
    assert all(slot == at for slot, at in entry.ran)


def test_leap_years() -> None:
    entry = Entry(LEAP, since=utc("2026-11-22T10:00"))
    Loop({"a": entry}).live(entry.since, utc("2048-12-31T00:00"))
    assert [slot.year for slot in entry.slots] == [2026, 2028, 2032, 2036, 2040, 2044, 2048]
    assert {(slot.month, slot.day, slot.hour) for slot in entry.slots[1:]} == {(2, 29, 12)}


def test_a_new_document_runs_at_once_and_then_at_its_slots() -> None:
    since = utc("2026-11-22T10:07:33.123456")
    assert due_slot(DAILY, None, since, since) == utc("2026-11-22T10:07:33")
    assert next_due(DAILY, None, since, since + HOUR) == since + HOUR
    # Not done for a month: still the same slot.
    assert due_slot(DAILY, None, since, since + 30 * DAY) == utc("2026-11-22T10:07:33")
    assert due_slot(DAILY, utc("2026-11-22T10:07:33"), since, since + HOUR) is None
    assert next_due(DAILY, utc("2026-11-22T10:07:33"), since, since + HOUR) == utc("2026-11-23T00:00")


def test_a_first_run_at_a_slot_is_that_slot() -> None:
    since = utc("2026-11-22T12:00:00.900000")
    first = due_slot(FOUR_HOURS, None, since, since)
    assert first == utc("2026-11-22T12:00")
    assert due_slot(FOUR_HOURS, first, since, since) is None


def test_a_changed_schedule_is_no_new_first_run() -> None:
    last = utc("2026-11-22T12:00")
    now = utc("2026-11-22T13:10")
    assert due_slot(DAILY, last, since=now, now=now) is None
    assert due_slot(Every(seconds=3600), last, since=now, now=now) == utc("2026-11-22T13:00")


# -- down --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_week_and_more_of_downtime_is_one_run(schedule: Schedule) -> None:
    start, down, up = utc("2026-03-01T00:01"), utc("2026-03-10T12:34"), utc("2026-03-24T21:30")
    entry = Entry(schedule, since=start)
    loop = Loop({"a": entry})
    loop.live(start, down)
    before = len(entry.ran)
    loop.tick(up)
    loop.tick(up)
    assert [slot for slot, _ in entry.ran[before:]] == [latest_slot(schedule, down, up)]
    loop.live(up, up + 9 * DAY)
    assert entry.slots[before + 1 :] == every_slot(schedule, up, up + 9 * DAY)


def test_a_failed_slot_stays_due_until_a_later_one_takes_its_place() -> None:
    last = utc("2026-11-22T08:00")
    for minutes in range(240):
        assert due_slot(FOUR_HOURS, last, last, utc("2026-11-22T12:00") + minutes * MINUTE) == utc("2026-11-22T12:00")
    assert due_slot(FOUR_HOURS, last, last, utc("2026-11-22T16:00")) == utc("2026-11-22T16:00")


# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("away", [timedelta(hours=3), timedelta(days=1500)])
def test_to_the_future_and_back(schedule: Schedule, away: timedelta) -> None:
    start, jump = utc("2026-11-02T00:01"), utc("2026-11-16T15:07")
    entry = Entry(schedule, since=start)
    loop = Loop({"a": entry})
    loop.live(start, jump)
    loop.live(jump + away, jump + away + 2 * HOUR)
    before = len(entry.ran)
    loop.live(jump + 2 * HOUR, jump + 30 * DAY)
    assert max(Counter(entry.slots).values()) == 1
    # Nothing but the slots that ran early is missing: also not the ones right after the clock was put right.
    assert set(every_slot(schedule, jump + 2 * HOUR, jump + 30 * DAY)) <= set(entry.slots)
    caught_up = latest_slot(schedule, start, jump + 2 * HOUR)
    assert set(entry.slots[before:]) <= {caught_up, *every_slot(schedule, jump + 2 * HOUR, jump + 30 * DAY)}


@pytest.mark.parametrize("schedule", [*SCHEDULES, LEAP])
def test_without_a_record_of_slots_a_wrong_clock_costs_one_run(schedule: Schedule) -> None:
    now, last = utc("2026-11-22T13:03"), utc("2030-01-01T00:00")
    found = due_slot(schedule, last, last, now)
    assert found is not None and found <= now < next_slot(schedule, found)
    assert next_due(schedule, last, last, now) == now
    assert due_slot(schedule, found, last, now) is None
    assert next_due(schedule, found, last, now) == next_slot(schedule, now)


@given(st.sampled_from(SCHEDULES), st.timedeltas(timedelta(microseconds=1), SKEW))
def test_a_clock_that_is_a_little_ahead_is_believed(schedule: Schedule, ahead: timedelta) -> None:
    now = utc("2026-11-22T13:03")
    assert due_slot(schedule, now + ahead, now, now) is None
    assert next_due(schedule, now + ahead, now, now) == next_slot(schedule, now + ahead)


def test_a_document_that_was_applied_in_the_future_runs_at_once() -> None:
    now, since = utc("2026-11-22T13:03"), utc("2030-01-01T00:00")
    entry = Entry(FOUR_HOURS, since)
    Loop({"a": entry}).live(now, now + DAY)
    assert entry.ran[0] == (utc("2026-11-22T12:00"), now)
    assert entry.slots == [utc("2026-11-22T12:00"), *every_slot(FOUR_HOURS, now, now + DAY)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_replicas_whose_clocks_differ(schedule: Schedule) -> None:
    start, end = utc("2026-03-25T00:01:05"), utc("2026-04-02T00:01:05")
    entry = Entry(schedule, since=start)
    first, second = Loop({"a": entry}), Loop({"a": entry})
    moments = {start + n * SECOND for n in range(9)}
    for slot in every_slot(schedule, start, end):
        moments |= {slot + offset * SECOND for offset in (-5, -3, -1, 0, 1, 2, 3, 5)}
    for moment in sorted(moments):
        first.tick(moment)
        second.tick(moment - 3 * SECOND)
    assert entry.slots == [start, *every_slot(schedule, start, end)]


def test_the_first_run_may_be_taken_by_the_replica_whose_clock_is_behind() -> None:
    start = utc("2026-11-22T10:10:10")
    entry = Entry(FOUR_HOURS, since=start)
    first, second = Loop({"a": entry}), Loop({"a": entry})
    for n in range(4 * 3600):
        second.tick(start + (n - 3) * SECOND)
        first.tick(start + n * SECOND)
    assert entry.slots == [utc("2026-11-22T08:00"), utc("2026-11-22T12:00")]


# -- anything ----------------------------------------------------------------------------------------------------------

events = st.lists(
    st.tuples(
        st.sampled_from(["live", "down", "ahead", "behind", "poll"]),
        st.timedeltas(SECOND, 5 * DAY),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([FOUR_HOURS, Every(seconds=3600), BERLIN]), events)
@example(FOUR_HOURS, [("live", DAY), ("ahead", 9 * DAY), ("live", 2 * DAY), ("behind", 9 * DAY), ("live", 9 * DAY)])
def test_no_slot_twice_and_none_forgotten(schedule: Schedule, events: list[tuple[str, timedelta]]) -> None:
    """Whatever happens, while a loop lives each slot runs that is not replaced by a later one, and none runs twice."""
    true = now = utc("2026-03-20T10:10:10")
    entry = Entry(schedule, since=now)
    for event, length in events:
        if event in ("live", "poll"):
            living = now
            loop = Loop({"a": entry}, limit=5 * MINUTE)
            loop.live(now, now + length, poll=17 * MINUTE if event == "poll" else NONE)
            now += length
            settled = living + SKEW + next_period(schedule, living)
            missing = set(every_slot(schedule, settled, now - 22 * MINUTE)) - entry.completed
            assert not missing
        elif event == "down":
            now += length
        else:
            now = now + length if event == "ahead" else max(now - length, true)
    assert max(Counter(entry.slots).values(), default=1) == 1


def next_period(schedule: Schedule, moment: datetime) -> timedelta:
    return next_slot(schedule, next_slot(schedule, moment)) - moment


# -- spread ------------------------------------------------------------------------------------------------------------


def test_the_start_of_a_document_is_the_same_everywhere() -> None:
    """Written down, so that it is the same for other processes, versions and machines, too."""
    slot = utc("2026-11-22T12:00")
    assert start_at(slot, "acme-profile", 10 * MINUTE) == slot + timedelta(microseconds=456706853)
    assert start_at(slot, "acme-profile", NONE) == slot


@given(st.text(max_size=63), st.timedeltas(NONE, DAY))
def test_a_start_is_within_the_spread(name: str, spread: timedelta) -> None:
    slot = utc("2026-11-22T12:00")
    assert slot <= start_at(slot, name, spread) < slot + max(spread, timedelta(microseconds=1))


def test_starts_are_spread_evenly() -> None:
    slot = utc("2026-11-22T12:00")
    minutes = Counter((start_at(slot, f"document-{n}", 10 * MINUTE) - slot) // MINUTE for n in range(2000))
    assert sorted(minutes) == list(range(10))
    assert all(140 < count < 260 for count in minutes.values())


@pytest.mark.parametrize(
    ("schedule", "shortest"),
    [
        (Every(seconds=300), 5 * MINUTE),
        (Every(seconds=7 * 86_400), 7 * DAY),
        (Cron(expression="*/5 * * * *", timezone="UTC"), 5 * MINUTE),
        (Cron(expression="0,50 * * * *", timezone="UTC"), 10 * MINUTE),
        (Cron(expression="0 */4 * * *", timezone="UTC"), 4 * HOUR),
        (Cron(expression="0 1,22 * * *", timezone="UTC"), 3 * HOUR),
        (Cron(expression="0 0 1 1 *", timezone="UTC"), DAY),
        (Cron(expression="0 * * * *", timezone="UTC"), HOUR),
    ],
)
def test_the_spread_follows_the_shortest_period(schedule: Schedule, shortest: timedelta) -> None:
    assert shortest_period(schedule) == shortest
    assert spread_of(schedule, 365 * DAY) == shortest / 20
    assert spread_of(schedule, SECOND) == SECOND


def test_spread_starts_run_each_slot_once() -> None:
    start, end = utc("2026-11-22T10:00"), utc("2026-11-29T10:00")
    entries = {f"document-{n}": Entry(FOUR_HOURS, since=start) for n in range(30)}
    Loop(entries, limit=5 * MINUTE).live(start, end, poll=30 * SECOND)
    for name, entry in entries.items():
        assert entry.slots == [start, *every_slot(FOUR_HOURS, start, end)]
        assert entry.ran[0] == (start, start)
        for slot, at in entry.ran[1:]:
            assert NONE <= at - start_at(slot, name, 5 * MINUTE) < 30 * SECOND


# -- trying again, being late ------------------------------------------------------------------------------------------


def test_waits_double_up_to_the_longest() -> None:
    waits = [retry_delay(failures, 30 * SECOND, HOUR, 0.5) for failures in range(1, 10)]
    assert waits == [min(30 * SECOND * 2**n, HOUR) for n in range(9)]
    assert retry_delay(0, 30 * SECOND, HOUR, 0.5) == 30 * SECOND
    assert retry_delay(1, 2 * HOUR, HOUR, 0.5) == HOUR


@given(st.integers(0, 10_000), st.timedeltas(NONE, 400_000_000 * DAY), st.timedeltas(NONE, DAY), st.floats(0, 1))
@example(10_000, 400_000_000 * DAY, timedelta(microseconds=1), 1.0)
@example(10_000, HOUR, NONE, 1.0)
def test_waits_stay_in_their_range(failures: int, longest: timedelta, first: timedelta, chance: float) -> None:
    middle = retry_delay(failures, first, longest, 0.5)
    assert min(first, longest) <= middle <= longest
    assert abs(retry_delay(failures, first, longest, 0.0) - middle * 0.8) < SECOND
    assert middle * 0.8 - SECOND < retry_delay(failures, first, longest, chance) < middle * 1.2 + SECOND
    assert retry_delay(failures + 1, first, longest, 0.5) >= middle


def test_being_late() -> None:
    due = utc("2026-11-22T12:00")
    assert not is_overdue(due, due - HOUR, NONE)
    assert not is_overdue(due, due, NONE)
    assert not is_overdue(due, due + 5 * MINUTE, 5 * MINUTE)
    assert is_overdue(due, due + 5 * MINUTE + timedelta(microseconds=1), 5 * MINUTE)
