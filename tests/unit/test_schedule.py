"""Due slots, against a model that looks at every minute of four days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.resources import Cron, Every, Schedule
from reconciler.schedule import describe, next_slot

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(schedule: Schedule, after: str, count: int) -> list[str]:
    """The next slots, as wall-clock time of the schedule's zone."""
    zone = ZoneInfo(schedule.timezone if isinstance(schedule, Cron) else "UTC")
    moment, found = utc(after), []
    for _ in range(count):
        moment = next_slot(schedule, moment)
        found.append(moment.astimezone(zone).isoformat(timespec="minutes"))
    return found


# -- periods -----------------------------------------------------------------------------------------------------------

moments = st.timedeltas(timedelta(days=-30_000), timedelta(days=80_000)).map(lambda since: EPOCH + since)


@given(st.integers(300, 40 * 86_400), moments)
def test_a_period_is_anchored_to_the_epoch(seconds: int, after: datetime) -> None:
    period = timedelta(seconds=seconds)
    found = next_slot(Every(seconds=seconds), after)
    assert (found - EPOCH) % period == timedelta(0)
    assert after < found <= after + period
    assert found.tzinfo is UTC
    assert next_slot(Every(seconds=seconds), found) == found + period


def test_a_slot_is_not_its_own_successor() -> None:
    every = Every(seconds=4 * 3600)
    assert next_slot(every, utc("2026-11-22T08:00")) == utc("2026-11-22T12:00")
    assert next_slot(every, utc("2026-11-22T07:59:59.999999")) == utc("2026-11-22T08:00")
    assert next_slot(every, utc("2026-11-22T08:00:00.000001")) == utc("2026-11-22T12:00")


def test_the_moment_may_be_in_any_zone() -> None:
    berlin = datetime(2026, 11, 22, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert next_slot(Every(seconds=3600), berlin) == utc("2026-11-22T09:00")
    assert next_slot(Cron(expression="0 * * * *", timezone="UTC"), berlin) == utc("2026-11-22T09:00")


# -- cron --------------------------------------------------------------------------------------------------------------

TRANSITIONS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/St_Johns", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Beirut", date(2026, 3, 29)),  # midnight does not exist
    ("America/Havana", date(2026, 11, 1)),  # midnight exists twice
    ("Pacific/Apia", date(2011, 12, 30)),  # a whole day does not exist
    ("Asia/Kolkata", date(2026, 6, 1)),
    ("UTC", date(2026, 6, 1)),
]


@cache
def walls(timezone: str, day: date) -> list[tuple[datetime, datetime]]:
    """Each minute of the days around `day`, and what the clocks of the zone show then."""
    zone, start = ZoneInfo(timezone), datetime.combine(day, time(), UTC) - timedelta(days=2)
    minutes = [start + n * MINUTE for n in range(5 * 1440)]
    return [(minute, minute.astimezone(zone).replace(tzinfo=None)) for minute in minutes]


def model(timezone: str, day: date, minutes: set[int], hours: set[int], after: datetime) -> datetime:
    """A slot is due the first time that clocks show its time, or have passed it."""
    (_, reached), *later = walls(timezone, day)
    for minute, wall in later:
        if minute > after:
            passed = (reached + n * MINUTE for n in range(1, int((wall - reached) / MINUTE) + 1))
            if any(found.minute in minutes and found.hour in hours for found in passed):
                return minute
        reached = max(reached, wall)
    raise AssertionError("the model looks at too few days")


@settings(max_examples=150)
@given(
    st.sampled_from(TRANSITIONS),
    st.sets(st.sampled_from(range(0, 60, 5)), min_size=1, max_size=4),
    st.sets(st.integers(0, 3) | st.integers(0, 23), min_size=1, max_size=4) | st.just(set(range(24))),
    st.integers(-26 * 3600, 26 * 3600),
)
def test_each_time_of_the_clock_is_one_slot(
    transition: tuple[str, date], minutes: set[int], hours: set[int], offset: int
) -> None:
    timezone, day = transition
    after = datetime.combine(day, time(), UTC) + timedelta(seconds=offset)
    hour = "*" if len(hours) == 24 else ",".join(map(str, sorted(hours)))
    cron = Cron(expression=f"{','.join(map(str, sorted(minutes)))} {hour} * * *", timezone=timezone)
    found = next_slot(cron, after)
    assert found > after
    assert found.tzinfo is UTC
    assert found == model(timezone, day, minutes, hours, after)


@pytest.mark.parametrize(
    ("timezone", "expression", "after", "due"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T00:00",
            ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T00:00",
            ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            "Europe/Berlin",
            "0 * * * *",
            "2026-10-24T22:30",
            ["2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00"],
        ),
        # Two times within the gap are one slot at its end.
        (
            "Europe/Berlin",
            "0,30 2,3 * * *",
            "2026-03-29T00:30",
            ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00", "2026-03-30T02:00+02:00"],
        ),
        ("Asia/Beirut", "0 0 * * *", "2026-03-28T12:00", ["2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
        ("Pacific/Apia", "0 12 * * *", "2011-12-29T20:00", ["2011-12-29T12:00-10:00", "2011-12-31T00:00+14:00"]),
        ("UTC", "0 */4 * * *", "2026-11-22T08:00", ["2026-11-22T12:00+00:00", "2026-11-22T16:00+00:00"]),
        ("Europe/Berlin", "0 9 * * 1", "2026-11-22T00:00", ["2026-11-23T09:00+01:00", "2026-11-30T09:00+01:00"]),
        ("UTC", "0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00+00:00", "2032-02-29T00:00+00:00"]),
    ],
)
def test_cron_lives_in_its_own_time_zone(timezone: str, expression: str, after: str, due: list[str]) -> None:
    assert slots(Cron(expression=expression, timezone=timezone), after, len(due)) == due


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Every(seconds=300), "every 5m"),
        (Every(seconds=330), "every 330s"),
        (Every(seconds=3600), "every 1h"),
        (Every(seconds=5400), "every 90m"),
        (Every(seconds=86_400), "every 1d"),
        (Every(seconds=36 * 3600), "every 36h"),
        (Every(seconds=14 * 86_400), "every 14d"),
        (Cron(expression="0 */4 * * *", timezone="Europe/Berlin"), "0 */4 * * * (Europe/Berlin)"),
    ],
)
def test_a_schedule_in_words(schedule: Schedule, words: str) -> None:
    assert describe(schedule) == words
