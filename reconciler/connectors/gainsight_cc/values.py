"""Single values as the community writes them, made into what a record holds. What says nothing is None."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler import errors
from reconciler.connectors.answer import SHAPE_HINT
from reconciler.connectors.gainsight_cc.plain import clean
from reconciler.model.json import Json

_MILLISECONDS = 100_000_000_000
"""Numbers from here on are no seconds: that would be the year 5138."""


def moment(value: Json) -> str | None:
    """Epoch seconds, or ISO 8601 with or without an offset (without: UTC), as ISO 8601 in UTC: `2026-11-22T13:41:57Z`."""
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            found = datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            seconds = number(value)
            if seconds is None or seconds <= 0:
                return None
            found = datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{found.year:04}-{found.month:02}-{found.day:02}T{found.hour:02}:{found.minute:02}:{found.second:02}Z"


def number(value: Json) -> int | None:
    """A whole number, also when it is written as a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**18 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 10**15 else None
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 19:
        return int(value)
    return None


def flag(value: Json) -> bool | None:
    """Yes or no, also as 1 and 0, and as texts."""
    if isinstance(value, bool):
        return value
    return {"1": True, "true": True, "0": False, "false": False}.get(str(value).strip().lower())


def word(value: Json) -> str | None:
    """A text with something in it; numbers are texts, too."""
    if isinstance(value, str):
        return clean(value).strip() or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def words(value: Json) -> list[str] | None:
    """The names in a list of texts, or of objects with a name, each once. A list may be an object of numbered items."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        return None
    found = (word(item.get("name") or item.get("title")) if isinstance(item, Mapping) else word(item) for item in value)
    return list(dict.fromkeys(name for name in found if name is not None))


def identifier(value: Json) -> str | None:
    """An id, which some routes write as a number and some as a text. Some write 0 for nobody."""
    found = word(value) if not isinstance(value, float) else None
    return None if found in (None, "0") or not found.isprintable() or len(found) > 255 else found


def required(value: Json, what: str) -> str:
    """An id that a record cannot be without. Raises `errors.RemoteMalformed`."""
    found = identifier(value)
    if found is None:
        raise errors.RemoteMalformed(f"{what} came without a usable id", hint=SHAPE_HINT)
    return found


def said(**values: Json) -> dict[str, Json]:
    """Those values that say something."""
    return {name: value for name, value in values.items() if value is not None}
