"""Values of a database as text: the one form in which the stage and the ledger hold them.

Text stays as it is; numbers are canonical decimals without an exponent (1.50 is 1.5, 1e3 is 1000); booleans are true and
false; dates and times are ISO 8601, with an offset as UTC and Z, the fraction of a second without zeros at its end; lists
and objects are JSON. Equal values have equal texts, whichever way they took.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from reconciler.model.value import CLEARED, INVALID

NOT_FINITE = "a number that is not finite"
TOO_LONG = "a number with too many digits"
BINARY = "binary data, which has no text"
UNSTORABLE = "the value has NUL or half a surrogate pair, which no text can hold"
OUT_OF_RANGE = "a date outside the years 1 to 9999"
TOO_DEEP = "a list or an object that is nested too deeply"
NO_TEXT = "a value of a type that has no text; cast it to text in the query"
RESERVED = "a text that begins with a character of private use (U+E000 or U+E001), which stands for something else here"

FLAWS = frozenset({NOT_FINITE, TOO_LONG, BINARY, UNSTORABLE, OUT_OF_RANGE, TOO_DEEP, NO_TEXT})


class Untextable(ValueError):
    """The value has no text. The message is one of `FLAWS` and does not repeat the value."""


def text_of(value: object) -> str | None:
    """The text of a value, None for null. Raises Untextable."""
    return None if value is None else _BY_TYPE.get(type(value), _by_inheritance)(value)


def rendition(value: object) -> str | None:
    """The text of a value as it travels: what has no text is marked, so that its row can be refused and no other."""
    try:
        return None if value is None else _BY_TYPE.get(type(value), _by_inheritance)(value)
    except Untextable as flaw:
        return INVALID + str(flaw)


def decoded(raw: bytes) -> str:
    """A text as a database keeps it, in UTF-8 as it should be: for `text_factory` of SQLite, which checks nothing."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return INVALID + UNSTORABLE


def flaw_of(text: str | None) -> str | None:
    """Why a text that came from a source cannot be used; None where it can be."""
    if text is None or not text.startswith((CLEARED, INVALID)):
        return None
    return text[1:] if text[0] == INVALID and text[1:] in FLAWS else RESERVED


def _text(value: str) -> str:
    if not storable(value):
        raise Untextable(UNSTORABLE)
    return value


def without_unstorable(text: str) -> str:
    """`text` without what a database refuses: NUL and lone surrogates."""
    return text if storable(text) else text.replace("\0", "").encode("utf-8", "ignore").decode()


def storable(value: str) -> bool:
    """Whether every database can hold a text."""
    if value.isascii():
        return "\0" not in value
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _integer(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to spell out thousands of digits
        raise Untextable(TOO_LONG) from None


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise Untextable(NOT_FINITE)
    return _decimal(Decimal(repr(value)))


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Untextable(NOT_FINITE)
    if value.adjusted() > _MOST_DIGITS:
        raise Untextable(TOO_LONG)
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


_MOST_DIGITS = 200_000
"""More digits before the point than any database has: an exponent is easily written, and its zeros fill the memory."""


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return _without_zeros(value.isoformat())
    try:
        return _without_zeros(value.astimezone(UTC).replace(tzinfo=None).isoformat()) + "Z"
    except OverflowError:
        raise Untextable(OUT_OF_RANGE) from None


def _time(value: time) -> str:
    offset = value.isoformat()[len(value.replace(tzinfo=None).isoformat()) :]
    return _without_zeros(value.replace(tzinfo=None).isoformat()) + offset


def _without_zeros(moment: str) -> str:
    return moment.rstrip("0") if "." in moment else moment


def _document(value: object) -> str:
    try:
        return _json(value)
    except RecursionError:
        raise Untextable(TOO_DEEP) from None


def _json(value: object) -> str:
    """JSON whose numbers and dates are spelled as they are outside of it."""
    match value:
        case Mapping():
            return "{" + ",".join(f"{_quoted(str(text_of(key)))}:{_json(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_json, value)) + "]"
        case None:
            return "null"
    text = str(text_of(value))
    return text if isinstance(value, int | float | Decimal) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _binary(value: object) -> str:
    raise Untextable(BINARY)


def _by_inheritance(value: object) -> str | None:
    """For a class of a driver that extends one of ours."""
    for kind, spell in _BY_TYPE.items():
        if isinstance(value, kind):
            return spell(value)
    raise Untextable(NO_TEXT)


_BY_TYPE: dict[type, Callable[[Any], str]] = {
    str: _text,
    bool: _boolean,
    int: _integer,
    float: _float,
    Decimal: _decimal,
    datetime: _datetime,
    date: date.isoformat,
    time: _time,
    UUID: str,
    dict: _document,
    list: _document,
    tuple: _document,
    Mapping: _document,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
}
"""A class before those that it extends."""
