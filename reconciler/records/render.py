"""Source values as the text a person expects to read in a profile."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json
from reconciler.model.value import Rendered

JOINER = "; "
"""Between the labels of a multi-select."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNIFICANT_DIGITS = 15
"""What a double holds without noise."""

_EXACT_INTEGERS = 2**53
"""Up to here a double holds every integer."""

_NUMERAL = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


class Unrenderable(ValueError):
    """The value is not of the type that the catalog says. The message is for people and does not repeat the value."""


def render(raw: Json, field: CatalogField) -> Rendered:
    """The text for a raw value, or None where there is none: null, and text that is empty or blank.

    Raises Unrenderable where the value does not fit the field's type.
    """
    if raw is None or raw == [] or (isinstance(raw, str) and not raw.strip()):
        return None
    text = _RENDERERS.get(field.data_type, _text)(raw, field)
    return text if text is None or text.strip() else None


def _text(raw: Json, field: CatalogField) -> Rendered:
    match raw:
        case str():
            return raw
        case bool():
            return _boolean(raw, field)
        case int() | float():
            return _number(raw, field)
        case _:
            raise Unrenderable(f"a list or an object where {field.data_type.value} is expected")


def _number(raw: Json, field: CatalogField) -> Rendered:
    match raw:
        case bool():
            raise Unrenderable("a boolean where a number is expected")
        case int():
            return _whole(raw)
        case float():
            return _decimal(raw, field.decimal_places)
        case str() if _NUMERAL.fullmatch(raw.strip()):
            return raw.strip()
        case str():
            raise Unrenderable("a text where a number is expected")
        case _:
            raise Unrenderable("a list or an object where a number is expected")


def _whole(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to spell out thousands of digits
        raise Unrenderable("a number with too many digits") from None


def _decimal(value: float, places: int | None) -> str:
    if not math.isfinite(value):
        raise Unrenderable("a number that is not finite")
    if value.is_integer() and abs(value) <= _EXACT_INTEGERS:
        return str(int(value))
    plain = format(_rounded(Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}").normalize(), places), "f")
    return "0" if plain == "-0" else plain


def _rounded(exact: Decimal, places: int | None) -> Decimal:
    """`exact` to `places` after the point, halves away from zero as spreadsheets do.

    The describe API says 0 also of fields that nobody set, so 0 takes nothing away.
    """
    exponent = exact.as_tuple().exponent
    if not places or places < 0 or not isinstance(exponent, int) or exponent >= -places:
        return exact
    return exact.quantize(Decimal((0, (1,), -places)), ROUND_HALF_UP).normalize()


def _boolean(raw: Json, field: CatalogField) -> Rendered:
    match raw:
        case bool():
            return "true" if raw else "false"
        case str() if raw.strip().lower() in ("true", "false"):
            return raw.strip().lower()
        case _:
            raise Unrenderable("not a boolean")


def _date(raw: Json, field: CatalogField) -> Rendered:
    return _moment(raw).date().isoformat()


def _datetime(raw: Json, field: CatalogField) -> Rendered:
    moment = _moment(raw)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _moment(raw: Json) -> datetime:
    """Epoch milliseconds, as the query API answers, or an ISO 8601 text. A text without an offset is UTC."""
    try:
        if isinstance(raw, int) and not isinstance(raw, bool):
            return _EPOCH + timedelta(milliseconds=raw)
        if isinstance(raw, str):
            found = datetime.fromisoformat(raw.strip())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unrenderable("neither epoch milliseconds nor an ISO 8601 date")


def _picklist(raw: Json, field: CatalogField) -> Rendered:
    if not isinstance(raw, str):
        raise Unrenderable("not a picklist item")
    return _label(raw, field)


def _multiselect(raw: Json, field: CatalogField) -> Rendered:
    parts = raw.split(";") if isinstance(raw, str) else raw
    if not isinstance(parts, (list, tuple)):
        raise Unrenderable("not a list of picklist items")
    if not all(isinstance(part, str) for part in parts):
        raise Unrenderable("a multi-select with an item that is not text")
    chosen = [part.strip() for part in parts if isinstance(part, str) and part.strip()]
    return JOINER.join(_label(part, field) for part in chosen)


def _label(item: str, field: CatalogField) -> str:
    if item in field.options:
        return field.options[item]
    if item in field.options.values():
        return item
    raise Unrenderable("a picklist item that the catalog does not know")


_RENDERERS: dict[DataType, Callable[[Json, CatalogField], Rendered]] = {
    DataType.NUMBER: _number,
    DataType.CURRENCY: _number,
    DataType.PERCENTAGE: _number,
    DataType.BOOLEAN: _boolean,
    DataType.DATE: _date,
    DataType.DATETIME: _datetime,
    DataType.PICKLIST: _picklist,
    DataType.MULTISELECT: _multiselect,
}
