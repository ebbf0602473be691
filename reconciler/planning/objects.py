"""The objects that an import writes against those that Gainsight CS has: what is there, what is missing, what cannot be used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType
from reconciler.model.community import FieldDefinition, FieldType, ObjectDefinition
from reconciler.model.document import DocumentId

_WORDS = re.compile(r"[^A-Za-z0-9]+")
_CUSTOM = "__gc"

_TEXTS = frozenset((DataType.STRING, DataType.RICHTEXTAREA))
_NUMBERS = frozenset((DataType.NUMBER, DataType.CURRENCY, DataType.PERCENTAGE))

_TAKEN_BY: Mapping[FieldType, frozenset[DataType]] = {
    FieldType.STRING: _TEXTS,
    FieldType.TEXT: _TEXTS,
    FieldType.INTEGER: _NUMBERS,
    FieldType.NUMBER: _NUMBERS,
    FieldType.BOOLEAN: frozenset((DataType.BOOLEAN,)),
    FieldType.DATETIME: frozenset((DataType.DATETIME,)),
    FieldType.DATE: frozenset((DataType.DATE, DataType.DATETIME)),
    FieldType.LIST: _TEXTS,
    FieldType.LOOKUP: frozenset((DataType.LOOKUP, DataType.GSID)),
}
_BY_SOURCE: Mapping[str, DataType] = {"email": DataType.EMAIL, "url": DataType.URL, "avatar": DataType.URL}
"""Types that take the values of one source, and not those of every string field."""

_CHOOSE: Mapping[FieldType, str] = {
    FieldType.STRING: "String",
    FieldType.TEXT: "Rich Text Area",
    FieldType.INTEGER: "Number",
    FieldType.NUMBER: "Number with decimal places",
    FieldType.BOOLEAN: "Boolean",
    FieldType.DATETIME: "Date Time",
    FieldType.DATE: "Date",
    FieldType.LIST: "String",
}


def choose(field: FieldDefinition) -> str:
    """The type that an admin chooses for a field in Gainsight."""
    if field.type is FieldType.LOOKUP:
        return f"Lookup to {field.refers_to}"
    return _CHOOSE[field.type]


def api_name(name: str) -> str:
    """What Gainsight makes of a label: `Community User Id` is `Community_User_Id__gc`."""
    return _WORDS.sub("_", name).strip("_") + _CUSTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsuitable:
    """A field of the right name that cannot take the values."""

    field: FieldDefinition
    found: CatalogField
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetObject:
    """One object of an import, and what the target has of it.

    `fields` are the usable fields by the name in the definition; `problems` say why nothing at all can be written to it.
    """

    definition: ObjectDefinition
    found: CatalogObject | None
    fields: Mapping[str, CatalogField]
    missing: tuple[FieldDefinition, ...]
    unsuitable: tuple[Unsuitable, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.found is not None and not (self.missing or self.unsuitable or self.problems)

    @property
    def usable(self) -> bool:
        """Whether records can be written to it: it is there, it can be written, and so can its key."""
        return self.found is not None and not self.problems and self.definition.key in self.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What the target of an import has. `catalogued` is False where nobody has looked: there is no catalog of it.

    For a database `tables` are those that the import makes, by object: nothing is ever missing there.
    """

    document: DocumentId
    target: str
    objects: tuple[TargetObject, ...]
    catalogued: bool = True
    tables: Mapping[str, str] | None = None

    @property
    def waits(self) -> bool:
        """Whether the import has nothing to write to."""
        return self.tables is None and all(one.found is None for one in self.objects)

    @property
    def incomplete(self) -> tuple[TargetObject, ...]:
        return () if self.tables is not None else tuple(one for one in self.objects if not one.complete)


def compare(definitions: Iterable[ObjectDefinition], catalog: Catalog | None) -> tuple[TargetObject, ...]:
    """Every object of an import beside what the catalog of its target says of it."""
    known = list(catalog.objects.values()) if catalog else []
    return tuple(_object(definition, _found(definition, known)) for definition in definitions)


def _found(definition: ObjectDefinition, known: list[CatalogObject]) -> CatalogObject | None:
    """The object with this label, else the one with the API name that the label would have got."""
    wanted, spelled = definition.name.casefold(), api_name(definition.name).casefold()
    labelled = next((one for one in known if one.label.strip().casefold() == wanted), None)
    return labelled or next((one for one in known if one.name.casefold() == spelled), None)


def _object(definition: ObjectDefinition, found: CatalogObject | None) -> TargetObject:
    if found is None:
        return TargetObject(definition=definition, found=None, fields={}, missing=definition.fields)
    fields: dict[str, CatalogField] = {}
    missing, unsuitable = [], []
    labels = {field.name.casefold() for field in definition.fields}
    for field in definition.fields:
        there = _field(field, found, labels)
        why = None if there is None else _why_not(field, there)
        if there is None:
            missing.append(field)
        elif why is None:
            fields[field.name] = there
        else:
            unsuitable.append(Unsuitable(field=field, found=there, why=why))
    return TargetObject(
        definition=definition,
        found=found,
        fields=fields,
        missing=tuple(missing),
        unsuitable=tuple(unsuitable),
        problems=_problems(found, fields),
    )


def _field(field: FieldDefinition, found: CatalogObject, labels: Collection[str]) -> CatalogField | None:
    """The field with this label, else the one with the API name that the label would have got. `Job Title` and `Job-Title` would
    have got the same: a field that has one of our own `labels` is never another one, or two would be written into it."""
    wanted, spelled = field.name.casefold(), api_name(field.name).casefold()
    labelled = next((one for one in found.fields.values() if _label(one) == wanted), None)
    others = (one for one in found.fields.values() if _label(one) not in labels)
    return labelled or next((one for one in others if one.name.casefold() == spelled), None)


def _label(field: CatalogField) -> str:
    return field.label.strip().casefold()


def _why_not(field: FieldDefinition, there: CatalogField) -> str | None:
    """Why a field of the right name cannot take the values."""
    if there.read_only:
        return "cannot be written"
    if there.data_type is not _BY_SOURCE.get(field.source) and there.data_type not in _TAKEN_BY[field.type]:
        return f"is {there.data_type.value}"
    if field.type is FieldType.NUMBER and there.decimal_places == 0:
        return "has no decimal places"
    if field.type is FieldType.LOOKUP and there.lookup_object not in (None, _api_object(str(field.refers_to))):
        return f"points to {there.lookup_object}"
    return None


def _api_object(label: str) -> str:
    """The API name of a standard object: `Company Person` is `company_person`."""
    return label.casefold().replace(" ", "_")


def _problems(found: CatalogObject, fields: Mapping[str, CatalogField]) -> tuple[str, ...]:
    problems = []
    if found.low_volume is False:
        problems.append("is of high volume, and the API writes only to objects of low volume")
    if found.editable is False:
        problems.append("has records that may not be edited")
    written = {field.name for field in fields.values()}
    required = sorted(
        f.label for f in found.fields.values() if f.required and not f.read_only and f.name not in written
    )
    if required:
        problems.append(f"requires {', '.join(required)}, which an import does not fill")
    return tuple(problems)
