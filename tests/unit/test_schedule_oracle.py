"""Cron slots against two other implementations: our own slow one (`cron_oracle`), and a library.

Where cronsim differs, on purpose or not: it takes `*/2` in one of the two day fields for "any" (then both fields have to
match; here a field that is not `*` restricts), `FRI/2` for Friday and Sunday, refuses ranges over the end (`FRI-MON`),
and follows Debian's rules on the nights when clocks change. So it is asked in UTC, and not about those.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.config import shapes
from reconciler.model.resources import Cron
from reconciler.schedule import latest_slot, next_slot
from tests.unit.cron_oracle import DAYS, MONTHS, Oracle, changes, parse

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

# -- random expressions ------------------------------------------------------------------------------------------------


def items(lowest: int, highest: int, names: list[str]) -> st.SearchStrategy[str]:
    size = highest - lowest + 1
    value = st.integers(lowest, highest).map(str)
    if names:
        value |= st.sampled_from(names)
    step = st.integers(1, size - 1).map(lambda step: f"/{step}")
    return st.one_of(
        value,
        step.map("*{}".format),
        st.tuples(value, value).map("-".join),
        st.tuples(value, value, step).map(lambda parts: f"{parts[0]}-{parts[1]}{parts[2]}"),
        st.tuples(value, step).map("".join),
    )


def fields(lowest: int, highest: int, names: list[str]) -> st.SearchStrategy[str]:
    return st.just("*") | st.lists(items(lowest, highest, names), min_size=1, max_size=3).map(",".join)


hours, days, months, weekdays = fields(0, 23, []), fields(1, 31, []), fields(1, 12, MONTHS), fields(0, 7, DAYS)
minutes = st.one_of(
    st.integers(0, 59).map(str),
    st.sampled_from(["*/5", "*/10", "5/15", "8-58/25", "50-5", "*/30,40", "20-35/15,5"]),
    st.sets(st.integers(0, 11).map(lambda number: 5 * number), min_size=1, max_size=4).map(
        lambda chosen: ",".join(map(str, chosen))
    ),
)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """What the rules accept, as the rules write it."""
    drawn = " ".join(draw(part) for part in (minutes, hours, days, months, weekdays))
    try:
        return shapes.cron(drawn)
    except ValueError:
        assume(False)
        raise


moments = st.timedeltas(timedelta(), 5 * 365 * DAY).map(lambda since: datetime(2024, 1, 1, tzinfo=UTC) + since)


def after(oracle: Oracle, moment: datetime) -> datetime:
    """The first slot (UTC) after a moment, found by going from day to day."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        if oracle.on(day.date()):
            for slot in oracle.times(day):
                if slot > moment:
                    return slot
        day += DAY


def up_to(oracle: Oracle, moment: datetime) -> datetime:
    """The last slot (UTC) up to a moment, in the same way."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        if oracle.on(day.date()):
            for slot in reversed(oracle.times(day)):
                if slot <= moment:
                    return slot
        day -= DAY


@settings(max_examples=120, deadline=None)
@given(expressions(), moments)
def test_dates_are_those_of_the_calendar(expression: str, moment: datetime) -> None:
    cron, oracle = Cron(expression=expression, timezone="UTC"), parse(expression)
    first, last = next_slot(cron, moment), latest_slot(cron, moment - 4000 * DAY, moment)
    assert (first, last) == (after(oracle, moment), up_to(oracle, moment))
    assert latest_slot(cron, moment, first) == first
    assert latest_slot(cron, moment, first - MINUTE) is None


@settings(max_examples=80, deadline=None)
@given(expressions(), moments)
def test_dates_are_those_of_another_library(expression: str, moment: datetime) -> None:
    *_, day, _, weekday = expression.split()
    assume(not any(field.startswith("*") and field != "*" for field in (day, weekday)))
    assume(not re.search(r"(^|,)\w+/", weekday))
    cron = Cron(expression=expression, timezone="UTC")
    try:
        forward, back = CronSim(expression, moment), CronSim(expression, moment + MINUTE, reverse=True)
    except CronSimError:
        assume(False)
        raise
    found = moment
    for _ in range(3):
        found = next_slot(cron, found)
        assert found == next(forward)
    assert latest_slot(cron, moment - 4000 * DAY, moment) == next(slot for slot in back if slot <= moment)


# -- nights when clocks change -----------------------------------------------------------------------------------------

ZONES = {
    "Africa/Cairo": (2023, 2026),
    "Africa/Casablanca": (2018, 2026),  # winter time during Ramadan only
    "America/Havana": (2023, 2026),  # midnight twice
    "America/New_York": (2023, 2026),
    "America/Nuuk": (2022, 2026),  # changed its rules in 2023
    "America/Santiago": (2022, 2026),  # midnight does not exist
    "America/Sao_Paulo": (2017, 2019),  # the same, until 2018
    "America/St_Johns": (2010, 2012),  # one minute past midnight, until 2011
    "Antarctica/Troll": (2023, 2026),  # two hours
    "Asia/Amman": (2021, 2023),
    "Asia/Beirut": (2022, 2026),
    "Asia/Gaza": (2023, 2026),
    "Asia/Kathmandu": (2025, 2026),  # no changes, 5:45
    "Asia/Tehran": (2021, 2023),
    "Atlantic/Azores": (2023, 2026),  # over midnight
    "Australia/Lord_Howe": (2023, 2026),  # half an hour
    "Europe/Berlin": (2023, 2026),
    "Europe/Dublin": (2023, 2026),  # negative summer time
    "Europe/Moscow": (2010, 2014),
    "Pacific/Apia": (2010, 2013),  # 30 December 2011 did not exist
    "Pacific/Chatham": (2023, 2026),  # 12:45
}
EXPRESSIONS = (
    "*/30 * * * *",
    "7 * * * *",
    "15 2 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "10,45 0-4 * * *",
    "5 1-23/2 * * MON-FRI",
    "30 0 1 * SUN",
)
SPAN = timedelta(hours=16)


@cache
def nights(timezone: str) -> list[datetime]:
    return list(changes(timezone, *ZONES[timezone])) or [datetime(2025, 4, 13, 18, 15, tzinfo=UTC)]


def check(timezone: str, expression: str, night: datetime) -> int:
    """Both directions give exactly the slots of the oracle, however one walks over them."""
    start, end = night - SPAN, night + SPAN
    cron, expected = Cron(expression=expression, timezone=timezone), parse(expression).slots(timezone, start, 32 * 60)
    found, moment = [], start
    while (moment := next_slot(cron, moment)) <= end:
        found.append(moment)
    assert found == expected, "next_slot"
    back, until = [], end
    while slot := latest_slot(cron, start, until):
        back.append(slot)
        until = slot - timedelta(microseconds=1)
    assert back[::-1] == expected, "latest_slot"
    return len(expected)


@pytest.mark.parametrize("timezone", ZONES)
def test_nights_when_clocks_change(timezone: str) -> None:
    seen = [check(timezone, expression, night) for night in nights(timezone) for expression in EXPRESSIONS]
    assert sum(seen) > 60


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(sorted(ZONES)), expressions(), st.integers(-15 * 3600 * 10, 15 * 3600 * 10))
def test_any_expression_at_any_moment_of_such_a_night(
    data: st.DataObject, timezone: str, expression: str, tenths: int
) -> None:
    night = data.draw(st.sampled_from(nights(timezone)))
    start, moment = night - SPAN, night + timedelta(seconds=tenths / 10)
    slots = parse(expression).slots(timezone, start, 32 * 60)
    cron = Cron(expression=expression, timezone=timezone)
    assert latest_slot(cron, start, moment) == max((slot for slot in slots if slot <= moment), default=None)
    found = next_slot(cron, moment)
    assert found == min((slot for slot in slots if slot > moment), default=found)
    assert found in slots or found > night + SPAN


def test_the_nights_are_what_they_are_said_to_be() -> None:
    """Guards the table above: with other data of time zones the tests would prove less than they say."""
    assert sum(len(nights(zone)) for zone in ZONES) > 100
    assert datetime(2011, 12, 30, 9, tzinfo=UTC) in nights("Pacific/Apia")
    assert parse("0 12 * * *").slots("Pacific/Apia", datetime(2011, 12, 29, 23, tzinfo=UTC), 24 * 60) == [
        datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2011, 12, 30, 22, tzinfo=UTC)
    ]  # fmt: skip
