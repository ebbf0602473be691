"""When a document is due. Pure: the moment is always a parameter, everything is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from reconciler.model.resources import Cron, Every, Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def _next_cron(schedule: Cron, after: datetime) -> datetime:
    from croniter import croniter

    zone = ZoneInfo(schedule.timezone)
    # Wall-clock times without a zone: given one, croniter fires a daily job twice on the night that repeats its hour.
    walls = croniter(schedule.expression, after.astimezone(zone).replace(tzinfo=None))
    found = after
    while found <= after:  # the second pass through a repeated hour is no new slot
        found = _instant(walls.get_next(datetime), zone)
    return found


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
