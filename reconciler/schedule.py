"""When a document is due, when it starts, when it is tried again. Pure: the moment is always a parameter (aware).

A slot is a moment at which a schedule wants a cycle. It follows from the schedule alone, so that restarts and replicas
agree on it, and (document, slot) names one piece of work. See docs/explanation/schedules.md.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import assert_never
from zoneinfo import ZoneInfo

from reconciler.model.resources import Cron, Every, Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)

# Clocks of replicas differ, and clocks are set back. A slot that ran "in the future" is believed that far.
SKEW = timedelta(hours=1)


def next_slot(schedule: Schedule, after: datetime) -> datetime:
    """The first slot strictly after `after` (aware). Periods are anchored to the epoch, cron lives in its own time zone."""
    match schedule:
        case Every(seconds=seconds):
            period = timedelta(seconds=seconds)
            return _EPOCH + ((after - _EPOCH) // period + 1) * period
        case Cron():
            return _next_cron(schedule, after)
        case _:
            assert_never(schedule)


def latest_slot(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The last slot with after < slot <= until. Takes as long for ten years as for a day."""
    found = _last_slot(schedule, until)
    return found if found > after else None


def _last_slot(schedule: Schedule, until: datetime) -> datetime:
    match schedule:
        case Every(seconds=seconds):
            period = timedelta(seconds=seconds)
            return _EPOCH + (until - _EPOCH) // period * period
        case Cron():
            return _last_cron(schedule, until)
        case _:
            assert_never(schedule)


def due_slot(schedule: Schedule, last: datetime | None, since: datetime, now: datetime) -> datetime | None:
    """The slot to run now, if there is one.

    `last` is the last slot that was completed. However many were missed since, only the latest is due: a cycle takes
    what is true when it runs, so a second one would find nothing to do. A changed document keeps its `last`.

    A document that never ran is due at once. Its slot is `since`, the moment at which it was first applied, in whole
    seconds: fixed, so that trying again and other replicas mean the same slot. (If that is in the future, the latest slot
    takes its place, so that nothing waits for it.)

    `last` may lie in the future. Up to `SKEW`, it counts: another replica's clock is ahead, or this one was set back.
    Beyond that, some clock was wrong, and waiting until `last` is past might take years. What ran before cannot be known
    from it, so the latest slot is due. Whoever has a record that this slot was completed takes it as `last` in place of
    the wrong one, runs nothing, and goes on with the next; otherwise completing it puts `last` right.
    """
    if last is None:
        first = since.astimezone(UTC).replace(microsecond=0)
        return first if first <= now else _last_slot(schedule, now)
    if last > now + SKEW:
        return _last_slot(schedule, now)
    return latest_slot(schedule, last, now)


def next_due(schedule: Schedule, last: datetime | None, since: datetime, now: datetime) -> datetime:
    """When `due_slot` will next have something to run: `now`, or a slot in the future."""
    if last is None or due_slot(schedule, last, since, now) is not None:
        return now
    return next_slot(schedule, max(last, now))


def is_overdue(due: datetime, now: datetime, grace: timedelta) -> bool:
    """Whether what was due is late by more than `grace`."""
    return now - due > grace


def start_at(slot: datetime, name: str, spread: timedelta) -> datetime:
    """When the work of a slot starts: up to `spread` later, for the same name always the same.

    Otherwise all documents would call the same API at the full hour. The first cycle of a document is waited for and
    takes no spread.
    """
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return slot + timedelta(microseconds=(spread // timedelta(microseconds=1) * place) >> 64)


def spread_of(schedule: Schedule, limit: timedelta) -> timedelta:
    """How far starts are spread: 5 % of the shortest period, at most `limit`."""
    return min(limit, shortest_period(schedule) / 20)


def shortest_period(schedule: Schedule) -> timedelta:
    """The least time between two slots as clocks show it; for cron at most a day, as if it fired on each day."""
    match schedule:
        case Every(seconds=seconds):
            return timedelta(seconds=seconds)
        case Cron(expression=expression):
            times = _times_of_day(expression)
            return min(later - earlier for earlier, later in pairwise([*times, times[0] + _DAY]))
        case _:
            assert_never(schedule)


def retry_delay(failures: int, first: timedelta, longest: timedelta, chance: float) -> timedelta:
    """How long to wait after so many failures in a row: `first`, doubled up to `longest`, give or take a fifth.

    `chance` (0 to 1) places the wait in that range, so that what failed together does not come back together.
    """
    delay = min(first, longest)
    for _ in range(failures - 1):
        if delay > longest / 2:
            delay = longest
            break
        delay *= 2
    return delay * (0.8 + 0.4 * chance)


def _next_cron(schedule: Cron, after: datetime) -> datetime:
    from croniter import croniter

    zone = ZoneInfo(schedule.timezone)
    # Wall-clock times without a zone: given one, croniter fires a daily job twice on the night that repeats its hour.
    walls = croniter(schedule.expression, after.astimezone(zone).replace(tzinfo=None))
    found = after
    while found <= after:  # the second pass through a repeated hour is no new slot
        found = _instant(walls.get_next(datetime), zone)
    return found


def _last_cron(schedule: Cron, until: datetime) -> datetime:
    from croniter import croniter

    zone = ZoneInfo(schedule.timezone)
    local = until.astimezone(zone)
    # In the second pass through a repeated hour, clocks have shown later times before: all up to the end of that hour.
    first_pass = local.replace(fold=0).astimezone(UTC)
    shown = until.astimezone(UTC) - first_pass + local.replace(tzinfo=None)
    walls = croniter(schedule.expression, shown.replace(second=0, microsecond=0) + _MINUTE)
    found = _instant(walls.get_prev(datetime), zone)
    while found > until:
        found = _instant(walls.get_prev(datetime), zone)
    return found


def _times_of_day(expression: str) -> list[timedelta]:
    """The times of a day at which a cron expression fires, in order."""
    from croniter import croniter

    minutes, hours = (
        range(size) if field == ["*"] else field
        for field, size in zip(croniter.expand(expression)[0], (60, 24), strict=False)
    )
    return sorted(timedelta(hours=int(hour), minutes=int(minute)) for hour in hours for minute in minutes)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone first show `wall` (whole minutes), or where they skip it, the end of the gap."""
    while True:
        found = wall.replace(tzinfo=zone).astimezone(UTC)
        if found.astimezone(zone).replace(tzinfo=None) == wall:
            return found
        wall += timedelta(minutes=1)


def describe(schedule: Schedule) -> str:
    """The schedule in words: `every 4h`, `0 */4 * * * (Europe/Berlin)`."""
    match schedule:
        case Every(seconds=seconds):
            for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
                if seconds % length == 0:
                    return f"every {seconds // length}{unit}"
            return f"every {seconds}s"
        case Cron(expression=expression, timezone=timezone):
            return f"{expression} ({timezone})"
        case _:
            assert_never(schedule)
