"""Whether a value that is known beforehand fits a field: constants and defaults."""

from __future__ import annotations

import math
from datetime import datetime

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json

_NUMBERS = frozenset((DataType.NUMBER, DataType.CURRENCY, DataType.PERCENTAGE))
_DATES = frozenset((DataType.DATE, DataType.DATETIME))
_TEXTS = frozenset((DataType.STRING, DataType.RICHTEXTAREA, DataType.EMAIL, DataType.URL))

Misfit = tuple[str, str | None]
"""What is wrong, to be said after the name of the field, and a hint."""


def never(field: CatalogField) -> str | None:
    """Why nothing can be written to a field at all."""
    return "is an image, and the API takes none" if field.data_type is DataType.IMAGE else None


def wrong(value: Json, field: CatalogField) -> Misfit | None:
    """Why a value cannot be written to a field."""
    kind = field.data_type
    if kind in _NUMBERS and not _is_number(value):
        return "takes a number", "write a number, without quotes"
    if kind is DataType.BOOLEAN and value not in (True, False, "true", "false"):
        return "takes true or false", "write true or false, without quotes"
    if kind in _DATES and not _is_date(value):
        return f"takes a {'date' if kind is DataType.DATE else 'date and time'}", 'write it as "2026-01-31"'
    if kind is DataType.PICKLIST:
        return _unlisted([str(value)], field)
    if kind is DataType.MULTISELECT:
        return _unlisted([item.strip() for item in str(value).split(";")], field)
    if kind is DataType.EMAIL and not (isinstance(value, str) and 0 < value.find("@") < len(value) - 1):
        return "takes an e-mail address", None
    if kind in _TEXTS and field.length is not None and len(str(value)) > field.length:
        return f"takes at most {field.length:,} characters", "write less"
    return None


def _is_number(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return isinstance(value, int | float | str) and math.isfinite(float(value))
    except ValueError:
        return False


def _is_date(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _unlisted(items: list[str], field: CatalogField) -> Misfit | None:
    known = {*field.options, *field.options.values()}
    missing = [item for item in items if item not in known]
    if not known or not missing:
        return None
    labels = sorted(field.options.values())
    return f"has no item '{missing[0]}'", f"its items: {', '.join(labels[:10])}{', …' if len(labels) > 10 else ''}"
