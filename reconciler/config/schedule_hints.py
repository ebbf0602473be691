"""What people mean by a schedule that cannot be kept, so that a hint can say how to write it. Imported only when one is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.config import closest, shapes

_UNITS = {
    word: size
    for words, size in (
        (("s", "sec", "secs", "second", "seconds"), 1),
        (("m", "min", "mins", "minute", "minutes"), 60),
        (("h", "hr", "hrs", "hour", "hours"), 3600),
        (("d", "day", "days"), 86_400),
        (("w", "week", "weeks"), 7 * 86_400),
    )
    for word in words
}
_PART = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) *([a-z]+)", re.ASCII)
_PARTS = re.compile(rf"(?:{_PART.pattern}[ ,]*){{1,4}}", re.ASCII)
_ISO = re.compile(r"p(?:[0-9]+d)?(?:t(?:[0-9]+[hms])+)?", re.ASCII)

_NICKNAMES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * SUN",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_RANGES = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))


def period(text: str) -> str | None:
    """The period that another spelling means: `4 hours`, `1h30m`, `1.5h`, `PT4H`, `1w`."""
    words = text.strip().lower()
    if words.startswith("-"):
        return "a period is never negative: write 4h"
    if words.isascii() and words.isdecimal() and len(words) < 7:
        return _units_for(int(words))
    words = words.lstrip("p").replace("t", "") if len(words) > 1 and _ISO.fullmatch(words) else words
    if not _PARTS.fullmatch(words):
        return None
    parts = [(float(number), _UNITS.get(unit, 0)) for number, unit in _PART.findall(words)]
    total = sum(number * size for number, size in parts)
    possible = shapes.MIN_PERIOD <= total <= shapes.MAX_PERIOD and total % 60 == 0
    return f"write {shapes.spelt(int(total))}" if possible and all(size for _, size in parts) else None


def _units_for(number: int) -> str | None:
    """What a number without a unit can stand for."""
    possible = [
        f"{number}{letter} for {word}"
        for letter, word, size in (("h", "hours", 3600), ("m", "minutes", 60), ("d", "days", 86_400))
        if shapes.MIN_PERIOD <= number * size <= shapes.MAX_PERIOD
    ]
    return f"write {', '.join(possible)}" if possible else None


def zone(name: str) -> str | None:
    """The time zones that look like a name. A city alone is enough."""
    from zoneinfo import available_timezones

    known = available_timezones()
    city = name.strip().casefold().replace(" ", "_")
    found = sorted(zone for zone in known if zone.casefold().rsplit("/", 1)[-1] == city)[:2]
    if found:
        return "did you mean " + " or ".join(f"'{zone}'" for zone in found) + "?"
    return closest.hint(name, known, "write REGION/CITY, such as Europe/Berlin, or UTC")


def fields(given: Sequence[str]) -> str | None:
    """What to do about a cron expression that does not have five fields."""
    nickname = _NICKNAMES.get(given[0]) if len(given) == 1 else None
    if nickname:
        return f'write "{nickname}"'
    if len(given) in (6, 7):
        return f"this one has {len(given)} fields: leave out the seconds at the beginning or the year at the end"
    return None


def out_of_range(given: Sequence[str]) -> str | None:
    """The first number in five cron fields that is impossible where it stands, in words."""
    for field, (word, least, most) in zip(given, _RANGES, strict=True):
        for number in map(int, re.findall(r"(?<![/0-9])[0-9]+", field)):
            if not least <= number <= most:
                return f"{number} is no {word}, which goes from {least} to {most}"
        if any(int(step) == 0 for step in re.findall(r"/([0-9]+)", field)):
            return f"the step of the {word} is 0"
    return None
