"""Whether a value that is known beforehand fits a field: constants and defaults."""

from __future__ import annotations

import math
from datetime import datetime

from reconciler.config.sqltypes import Kind
from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json

_NUMBERS = frozenset((DataType.NUMBER, DataType.CURRENCY, DataType.PERCENTAGE))
_ITEMS = frozenset((DataType.PICKLIST, DataType.MULTISELECT))
_FLAGS = (True, False, "true", "false")
_DATES = frozenset((DataType.DATE, DataType.DATETIME))
_TEXTS = frozenset((DataType.STRING, DataType.RICHTEXTAREA, DataType.EMAIL, DataType.URL))

Misfit = tuple[str, str | None]
"""What is wrong, to be said after the name of the field, and a hint."""


def never(field: CatalogField) -> str | None:
    """Why nothing can be written to a field at all."""
    return "is an image, and the API takes none" if field.data_type is DataType.IMAGE else None


_NEVER = {
    Kind.BOOLEAN: _NUMBERS | _DATES | {DataType.EMAIL},
    Kind.DATE: _NUMBERS | {DataType.BOOLEAN, DataType.EMAIL},
    Kind.NUMBER: _DATES | {DataType.EMAIL},
}


def takes(field: CatalogField, kind: Kind) -> bool:
    """Whether values of a kind that is certain can be written to a field."""
    return field.data_type not in _NEVER[kind]


def wrong(value: Json, field: CatalogField) -> Misfit | None:
    """Why a value cannot be written to a field."""
    kind = field.data_type
    if kind in _ITEMS:
        items = str(value).split(";") if kind is DataType.MULTISELECT else [str(value)]
        return _unlisted([item.strip() for item in items], field)
    if kind in _NUMBERS:
        return None if _is_number(value) else ("takes a number", "write a number, without quotes")
    if kind is DataType.BOOLEAN:
        return None if value in _FLAGS else ("takes true or false", "write true or false, without quotes")
    if kind in _DATES:
        what = "date" if kind is DataType.DATE else "date and time"
        return None if _is_date(value) else (f"takes a {what}", 'write it as "2026-01-31"')
    return _text(value, field) if kind in _TEXTS else None


def _text(value: Json, field: CatalogField) -> Misfit | None:
    text = str(value)
    if field.data_type is DataType.EMAIL and not 0 < text.find("@") < len(text) - 1:
        return "takes an e-mail address", None
    if field.length is not None and len(text) > field.length:
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
