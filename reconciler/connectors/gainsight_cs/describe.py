"""From the describe API's metadata to catalog objects."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.connectors.answer import json_list, json_object
from reconciler.connectors.gainsight_cs.lookup import lookup_reason
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.json import Json

API_NAMES: Mapping[str, str] = {
    "Person": "person",
    "Company Person": "company_person",
    "Company": "company",
    "Relationship": "relationship",
    "Relationship Person": "relationship_person",
}
"""Labels of standard objects, which need no call to be found. Others are found in the list of objects."""


CUSTOM = "CUSTOM"


def catalog_object(described: Json, listed: Mapping[str, Json] | None = None) -> CatalogObject:
    """One described object. `listed` is its entry in the list of objects, which alone tells the volume of a custom object and
    whether its records may be edited. Of standard objects that is not noted: the list is not always read.

    Raises `errors.RemoteMalformed` when its shape is another.
    """
    whole = json_object(described, "a described object")
    name = _text(whole.get("objectName"))
    fields = [catalog_field(field, name) for field in json_list(whole.get("fields"), f"the fields of {name}")]
    custom = _text(whole.get("objectType")).upper() == CUSTOM
    facts = listed if custom else None
    return CatalogObject(
        name=name,
        label=_text(whole.get("label")) or name,
        fields={field.name: field for field in fields},
        custom=custom,
        low_volume=None if facts is None else facts.get("transactional") is True,
        editable=None if facts is None else facts.get("createable") is True,
    )


def catalog_field(described: Json, object_name: str) -> CatalogField:
    """One described field, with the verdict of the full lookup test."""
    field = json_object(described, f"a field of {object_name}")
    meta = field.get("meta")
    known = meta if isinstance(meta, Mapping) else {}
    reason = lookup_reason(field)
    places = known.get("decimalPlaces")
    name = _text(field.get("fieldName"))
    return CatalogField(
        name=name,
        label=_text(field.get("label")) or name,
        data_type=_data_type(field.get("dataType")),
        lookup=reason is not None,
        lookup_reason=reason,
        decimal_places=places if isinstance(places, int) and not isinstance(places, bool) else None,
        hidden=known.get("hidden") is True,
        options=_options(field.get("options")),
        required=known.get("required") is True,
        read_only=known.get("readOnly") is True or known.get("updateable") is False,
        createable=known.get("createable") is not False,
        length=_positive(known.get("length")),
        lookup_object=_lookup_object(known, object_name),
    )


def _positive(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _lookup_object(meta: Mapping[str, Json], object_name: str) -> str | None:
    """The object that a lookup points to, when it points to one kind of object alone."""
    detail = meta.get("lookupDetail")
    targets = detail.get("lookupObjects") if isinstance(detail, Mapping) else None
    listed = targets if isinstance(targets, list) else []
    names = {_text(target.get("objectName")) for target in listed if isinstance(target, Mapping)}
    if len(names) == 1:
        return names.pop() or None
    return object_name if not names and meta.get("selfLookup") is True else None


def _data_type(value: Json) -> DataType:
    text = _text(value).upper()
    return DataType(text) if text in DataType.__members__.values() else DataType.OTHER


def _options(value: Json) -> dict[str, str]:
    """Item id → label. Inactive items stay: old records still hold them."""
    items = [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
    pairs = [(item.get("value"), item.get("label")) for item in items]
    return {key: label for key, label in pairs if isinstance(key, str) and isinstance(label, str)}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
