"""Whether a record at the destination shows the values that were sent to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def holds(shown: Mapping[str, Json], sent: Mapping[str, Json], fields: Mapping[str, CatalogField]) -> bool:
    """Whether all sent values are there. A value that the server spells in a way that we do not know counts as missing, which
    costs a call and no harm: it is sent again."""
    return all(same(shown.get(name), value, fields.get(name)) for name, value in sent.items())


def same(shown: Json, sent: Json, field: CatalogField | None) -> bool:
    """Whether `shown`, as the query API answers, is the value `sent`."""
    if is_empty(sent) or is_empty(shown):
        return is_empty(sent) and is_empty(shown)
    compare = _text if field is None else _COMPARED.get(field.data_type, _text)
    return compare(shown, field) == compare(sent, field)


def is_empty(value: Json) -> bool:
    """Null, no text, no items: what a field without a value shows."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _moment(value: Json, field: CatalogField | None) -> str:
    """Epoch milliseconds or an ISO 8601 text, in UTC; what is no moment of the years 1 to 9999 as it is."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            found = _EPOCH + timedelta(milliseconds=value)
        else:
            found = datetime.fromisoformat(str(value))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return str(value)
    return found.isoformat(timespec="milliseconds")


def _day(value: Json, field: CatalogField | None) -> str:
    return _moment(value, field)[:10]


def _number(value: Json, field: CatalogField | None) -> float | str:
    """Rounded as the field rounds, where it says so: 0 places is also what the metadata says of fields that nobody set."""
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    places = None if field is None else field.decimal_places
    return round(number, places) if places and places > 0 else float(f"{number:.15g}")


def _boolean(value: Json, field: CatalogField | None) -> str:
    return str(value).lower()


def _items(value: Json, field: CatalogField | None) -> list[str]:
    """Ids of the items, whether they come as a list or joined, as ids or as labels."""
    ids = {} if field is None else {label: item for item, label in field.options.items()}
    parts = value if isinstance(value, list) else str(value).split(";")
    return sorted({ids.get(str(part), str(part)) for part in parts if str(part)})


def _text(value: Json, field: CatalogField | None) -> str:
    return " ".join(unicodedata.normalize("NFC", str(value)).split())


_COMPARED: dict[DataType, Callable[[Json, CatalogField | None], object]] = {
    DataType.DATE: _day,
    DataType.DATETIME: _moment,
    DataType.NUMBER: _number,
    DataType.CURRENCY: _number,
    DataType.PERCENTAGE: _number,
    DataType.BOOLEAN: _boolean,
    DataType.PICKLIST: _items,
    DataType.MULTISELECT: _items,
}
