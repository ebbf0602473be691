"""Texts of a warehouse as the values that the API of Gainsight CS takes."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json
from reconciler.model.outcome import Reason
from reconciler.model.value import CLEARED
from reconciler.records.text_of import text_of

_NUMERAL = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)
_EXACT_INTEGERS = 2**53
"""Below this a double, which is what CS keeps, holds every integer."""

_LONGEST_NUMERAL = 64
"""Longer ones, and larger ones, are no keys that CS could tell apart."""

_DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d([T ]|$)", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_GSID_LENGTH = 36
_SHOWN = 10
"""Items of a dropdown that a message lists."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Uncoercible(ValueError):
    """The text cannot be a value of the field. The message is for people and does not repeat the text."""

    def __init__(self, message: str, reason: Reason = Reason.VALUE_INVALID) -> None:
        super().__init__(message)
        self.reason = reason


def coerce(text: str, field: CatalogField) -> Json:
    """What the API takes for `text`; None (which clears the field) for `CLEARED`. Raises `Uncoercible`.

    A lookup keeps its text: it is the GSID, or names the other record by one of its fields.
    """
    if text == CLEARED:
        return None
    if "\0" in text:
        raise Uncoercible("a NUL character, which no field can hold")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Uncoercible("half of a character, which is no text")
    return _COERCERS.get(field.data_type, _text)(text, field)


def usual_number(text: str) -> str:
    """The one spelling of a number, in which databases give it (`007` and `7.0` are `7`); what is none stays as it is."""
    if len(text) > _LONGEST_NUMERAL or not _NUMERAL.fullmatch(text):
        return text
    value = Decimal(text)
    return str(text_of(value)) if abs(value.adjusted()) < _LONGEST_NUMERAL else text


def plain_length(field: CatalogField) -> int:
    """Up to how many characters a text of ASCII without NUL is what the API takes, as it is; -1 where none is."""
    if _COERCERS.get(field.data_type, _text) is not _text:
        return -1
    return sys.maxsize if field.length is None else field.length


def _text(text: str, field: CatalogField) -> Json:
    if field.length is not None and len(text) > field.length:
        raise Uncoercible(f"{len(text):,} characters, of at most {field.length:,}", Reason.VALUE_OVERLONG)
    return text


def _email(text: str, field: CatalogField) -> Json:
    if text.strip() and not _EMAIL.fullmatch(text.strip()):
        raise Uncoercible("not an e-mail address")
    return _text(text.strip(), field)


def _gsid(text: str, field: CatalogField) -> Json:
    if len(text) != _GSID_LENGTH or not (text.isascii() and text.isalnum()):
        raise Uncoercible(f"not a GSID, which has {_GSID_LENGTH} letters and digits")
    return text


def _lookup(text: str, field: CatalogField) -> Json:
    return text


def _number(text: str, field: CatalogField) -> Json:
    if not _NUMERAL.fullmatch(text.strip()):
        raise Uncoercible("not a number")
    value = float(text)
    if not math.isfinite(value):
        raise Uncoercible("a number that is out of range")
    if abs(value) < _EXACT_INTEGERS:
        return int(value) if value.is_integer() else value
    if Decimal(text.strip()) != Decimal(repr(value)):
        raise Uncoercible("a number with more digits than CS keeps")
    return value


def _boolean(text: str, field: CatalogField) -> Json:
    found = _BOOLEANS.get(text.strip().lower())
    if found is None:
        raise Uncoercible("not a boolean: true, false, 1 or 0")
    return found


def _date(text: str, field: CatalogField) -> Json:
    """The day as the warehouse writes it: a time zone does not move it."""
    return _parsed(text, "a date such as 2026-01-31").date().isoformat()


def _datetime(text: str, field: CatalogField) -> Json:
    """With an offset, because the API does not say in which time zone it reads a text without one. Ours are UTC then."""
    moment = _parsed(text, "a date and time such as 2026-01-31T09:30:00Z")
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Uncoercible("a date and time that is out of range") from None
    return moment.isoformat(timespec="milliseconds")


def _parsed(text: str, what: str) -> datetime:
    given = text.strip()
    # Python also takes week dates and dates without hyphens, which could as well be numbers.
    if _DAY_FIRST.match(given):
        try:
            return datetime.fromisoformat(given)
        except ValueError:
            pass
    raise Uncoercible(f"not {what}")


def _picklist(text: str, field: CatalogField) -> Json:
    return _item(text.strip(), field)


def _multiselect(text: str, field: CatalogField) -> Json:
    whole = text.strip()
    if whole in _ids_and_labels(field):  # a label may hold a semicolon
        return [_item(whole, field)]
    parts = _array(whole)
    if parts is None:
        parts = whole.split(";")
    named = [part.strip() for part in parts if part.strip()]
    chosen = [
        _item(part, field, f"item {at} of {len(named)}" if len(named) > 1 else "") for at, part in enumerate(named, 1)
    ]
    return list(dict.fromkeys(chosen))


def _array(text: str) -> list[str] | None:
    """The texts of a JSON array, as warehouses spell lists. A null in it is no item: an outer join makes some."""
    if not text.startswith("["):
        return None
    try:
        given = [part for part in json.loads(text) if part is not None]
    except (ValueError, RecursionError):
        return None
    return given if all(isinstance(part, str) for part in given) else None


def _ids_and_labels(field: CatalogField) -> set[str]:
    return {*field.options, *field.options.values()}


def _item(text: str, field: CatalogField, which: str = "") -> str:
    """The id of an item given by id or label; the text itself where the catalog knows no items of the field. `which` names
    the item among several."""
    if text in field.options or not field.options:
        return text
    exact = [item for item, label in field.options.items() if label == text]
    found = exact or [item for item, label in field.options.items() if label.casefold() == text.casefold()]
    if not found:
        known = sorted(set(field.options.values()))
        shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
        raise Uncoercible(f"{which} is none of: {shown}".strip().removeprefix("is "), Reason.PICKLIST_UNKNOWN)
    if len(found) > 1:
        raise Uncoercible("several items of the dropdown have this label", Reason.PICKLIST_UNKNOWN)
    return found[0]


_COERCERS: dict[DataType, Callable[[str, CatalogField], Json]] = {
    DataType.EMAIL: _email,
    DataType.GSID: _gsid,
    DataType.LOOKUP: _lookup,
    DataType.NUMBER: _number,
    DataType.CURRENCY: _number,
    DataType.PERCENTAGE: _number,
    DataType.BOOLEAN: _boolean,
    DataType.DATE: _date,
    DataType.DATETIME: _datetime,
    DataType.PICKLIST: _picklist,
    DataType.MULTISELECT: _multiselect,
}
