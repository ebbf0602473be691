"""Values of records as values for columns: checked here, so that what a database would change or refuse is told by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from reconciler.model.community import FieldType
from reconciler.model.json import Json, canonical
from reconciler.model.outcome import Reason

Value = None | str | int | Decimal | bool | datetime | date
"""Moments are in UTC and know it."""

INTEGERS = 2**63 - 1
MOST_CHARACTERS = 100_000_000
"""Databases take up to 256 million or more bytes in a text."""

_NUMERAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Unfit(ValueError):
    """The value cannot be written. The message does not repeat it."""

    def __init__(self, message: str, reason: Reason = Reason.VALUE_INVALID) -> None:
        super().__init__(message)
        self.reason = reason


def fitted(value: Json, type: FieldType) -> Value:
    """`value` for a column of `type`; None, which clears, stays None. Raises Unfit."""
    return None if value is None else _BY_TYPE.get(type, _text)(value)


def _text(value: Json) -> str:
    match value:
        case str():
            text = value
        case _:
            text = _json(value)
    if "\0" in text:
        raise Unfit("a NUL character, which no text of a database can hold")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Unfit("half of a character, which is no text")
    if len(text) > MOST_CHARACTERS:
        raise Unfit(f"{len(text):,} characters, of at most {MOST_CHARACTERS:,}", Reason.VALUE_OVERLONG)
    return text


def _json(value: Json) -> str:
    try:
        return canonical(value)
    except ValueError:
        raise Unfit("a number that has no text") from None


def _list(value: Json) -> str:
    """Items with a semicolon between them, as Gainsight writes its lists."""
    if isinstance(value, list | tuple):
        return ";".join(_text(item) for item in value if item is not None)
    return _text(value)


def _integer(value: Json) -> int:
    number = _number(value)
    # Asked first: an exponent of thousands would be written out in full.
    if number.adjusted() > 19 or number != number.to_integral_value():
        raise Unfit("not a whole number of at most 64 bits")
    whole = int(number)
    if not -INTEGERS - 1 <= whole <= INTEGERS:
        raise Unfit("not a whole number of at most 64 bits")
    return whole


def _number(value: Json) -> Decimal:
    match value:
        case bool():
            raise Unfit("not a number")
        case int():
            return Decimal(value)
        case float() if math.isfinite(value):
            return Decimal(repr(value))
        case str() if _NUMERAL.fullmatch(value.strip()):
            try:
                return Decimal(value.strip())
            except InvalidOperation:
                raise Unfit("a number that is out of range") from None
    raise Unfit("not a number")


def _boolean(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    found = {"true": True, "false": False, "1": True, "0": False}.get(str(value).strip().lower())
    if found is None:
        raise Unfit("not a boolean: true, false, 1 or 0")
    return found


def _datetime(value: Json) -> datetime:
    """A moment without an offset is one of UTC."""
    moment = _parsed(value)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Unfit("a date and time outside the years 1 to 9999") from None


def _date(value: Json) -> date:
    """The day as it is written: a time zone does not move it."""
    return _parsed(value).date()


def _parsed(value: Json) -> datetime:
    text = value.strip() if isinstance(value, str) else ""
    # Python also takes week dates and dates without hyphens, which could as well be numbers.
    if _DAY_FIRST.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise Unfit("not an ISO 8601 date")


_BY_TYPE: dict[FieldType, Callable[[Json], Value]] = {
    FieldType.LIST: _list,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _datetime,
    FieldType.DATE: _date,
}


def exact_double(number: Decimal) -> float:
    """For a column of doubles. Raises Unfit where one would not be the same number."""
    found = float(number)
    if Decimal(repr(found)) != number or not math.isfinite(found):
        raise Unfit("a number with more digits than the column keeps")
    return found
