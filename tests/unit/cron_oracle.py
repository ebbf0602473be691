"""Cron, written a second time and as simply as possible: it looks at every minute. What `schedule` says is compared with it.

The rule: a slot is due the first time that the clocks of the zone show its time, or have passed it. So a time that
clocks skip is due when they have skipped it, and of a time that they show twice only the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIELDS = ((0, 59, []), (0, 23, []), (1, 31, []), (1, 12, ["", *MONTHS]), (0, 6, DAYS))


def numbers(field: str, lowest: int, highest: int, names: list[str]) -> set[int]:
    """The numbers that one field stands for. A range may go over the end: FRI-MON."""
    found: set[int] = set()
    for item in field.split(","):
        values, _, step = item.partition("/")
        if values == "*":
            first, last = lowest, highest
        else:
            ends = [names.index(end) if end in names else int(end) for end in values.split("-")]
            first, last = ends[0], ends[-1] if len(ends) == 2 or not step else highest
            if names is DAYS:
                first, last = first % 7, last % 7
        if last < first:
            last += highest - lowest + 1
        for number in range(first, last + 1, int(step or 1)):
            found.add((number - lowest) % (highest - lowest + 1) + lowest)
    return found


@dataclass(frozen=True)
class Oracle:
    """What five fields stand for."""

    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    any_day: bool
    any_weekday: bool

    def on(self, day: date) -> bool:
        """Whether a day is one of those meant. Day of month and day of week, when both are given, are alternatives."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week

    def at(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.on(wall.date())

    def times(self, midnight: datetime) -> list[datetime]:
        """The times of one day that is meant."""
        return [
            midnight + timedelta(hours=hour, minutes=minute)
            for hour in sorted(self.hours)
            for minute in sorted(self.minutes)
        ]

    def slots(self, timezone: str, start: datetime, minutes: int) -> list[datetime]:
        """All slots in the minutes after `start`."""
        return [minute for minute, shown in walk(timezone, start, minutes) if any(self.at(wall) for wall in shown)]


def parse(expression: str) -> Oracle:
    fields = expression.split()
    minutes, hours, days, months, weekdays = (
        numbers(field, *range_) for field, range_ in zip(fields, FIELDS, strict=True)
    )
    return Oracle(minutes, hours, days, months, weekdays, fields[2] == "*", fields[4] == "*")


@cache
def walk(timezone: str, start: datetime, minutes: int) -> tuple[tuple[datetime, tuple[datetime, ...]], ...]:
    """Each minute after `start` in which clocks show, or pass, something for the first time, and what that is."""
    zone = ZoneInfo(timezone)
    reached = start.astimezone(zone).replace(tzinfo=None)
    found = []
    for n in range(1, minutes + 1):
        wall = (start + n * MINUTE).astimezone(zone).replace(tzinfo=None)
        if wall > reached:
            found.append(
                (start + n * MINUTE, tuple(reached + k * MINUTE for k in range(1, (wall - reached) // MINUTE + 1)))
            )
            reached = wall
    return tuple(found)


def changes(timezone: str, first: int, last: int) -> Iterator[datetime]:
    """The hours (UTC) of the years `first` to `last` in which a zone changes its clocks."""
    zone, moment = ZoneInfo(timezone), datetime(first, 1, 1, tzinfo=UTC)
    day, hour = timedelta(days=1), timedelta(hours=1)
    while moment.year <= last:
        if moment.astimezone(zone).utcoffset() != (moment + day).astimezone(zone).utcoffset():
            yield next(
                moment + n * hour
                for n in range(24)
                if (moment + n * hour).astimezone(zone).utcoffset()
                != (moment + (n + 1) * hour).astimezone(zone).utcoffset()
            )
        moment += day
