"""When a document is due. Pure: the moment is always a parameter, everything is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from reconciler.model.resources import Cron, Every, Schedule


def next_slot(schedule: Schedule, after: datetime) -> datetime:
    """The first slot strictly after `after` (aware). Periods are anchored to the epoch, cron lives in its own time zone."""
    match schedule:
        case Every(seconds=seconds):
            return datetime.fromtimestamp((int(after.timestamp()) // seconds + 1) * seconds, UTC)
        case Cron():
            return _next_cron(schedule, after)
        case _:
            assert_never(schedule)


def _next_cron(schedule: Cron, after: datetime) -> datetime:
    from croniter import croniter

    local = after.astimezone(ZoneInfo(schedule.timezone))
    found: datetime = croniter(schedule.expression, local).get_next(datetime)
    while found.astimezone(UTC) <= after:  # the second pass through a repeated hour is no new slot
        found = croniter(schedule.expression, found + timedelta(seconds=1)).get_next(datetime)
    return found.astimezone(UTC)


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
