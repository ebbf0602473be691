"""What records are written to, and how a record of the warehouse is known there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from reconciler import errors
from reconciler.connectors.gainsight_cs import query
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.destination import GSID
from reconciler.model.json import Json
from reconciler.model.resources import Behavior, Sync

EMAIL, PERSON_EMAIL, COMPANY_NAME, RELATIONSHIP_NAME = "Email", "Person Email", "Company Name", "Relationship Name"
PERSON, COMPANY_PERSON, RELATIONSHIP_PERSON = "person", "company_person", "relationship_person"

_KEYS = {
    PERSON_EMAIL: CatalogField(name=PERSON_EMAIL, label=PERSON_EMAIL, data_type=DataType.EMAIL),
    COMPANY_NAME: CatalogField(name=COMPANY_NAME, label=COMPANY_NAME, data_type=DataType.STRING),
    RELATIONSHIP_NAME: CatalogField(name=RELATIONSHIP_NAME, label=RELATIONSHIP_NAME, data_type=DataType.STRING),
}
"""Keys that are no fields of the object but those of records it hangs on."""

Identity = tuple[str, ...]
"""By what a record is known at the destination: one text for each path of its `Place`, spelled in the one way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where records are looked for: an object, and the paths by which they are told apart, with the type of each."""

    object_name: str
    paths: tuple[str, ...]
    types: tuple[DataType, ...]

    @property
    def exact(self) -> bool:
        """Whether different texts, of ASCII and the case of addresses aside, are different identities. A number has many
        spellings, and two names may lead to one record."""
        return not any(kind in (DataType.NUMBER, DataType.LOOKUP) for kind in self.types)

    def identity(self, values: Sequence[Json]) -> Identity:
        return tuple(map(spelled, values, self.types))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTarget:
    """One object as a sync writes it.

    `key` are the destination fields of the sync key, in order; `lookups` says for a lookup field by which field of the other
    object its value names a record; fields in `set_if_empty` are filled and never overwritten.
    """

    object: CatalogObject
    key: tuple[str, ...]
    behavior: Behavior
    set_if_empty: frozenset[str] = frozenset()
    lookups: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The object as the API calls it in paths."""
        return self.object.name

    @property
    def of_people(self) -> bool:
        """Whether the People API takes these records, and no other does."""
        return self.name.lower() in (PERSON, COMPANY_PERSON, RELATIONSHIP_PERSON)

    @property
    def creates(self) -> bool:
        return self.behavior is Behavior.UPDATE_OR_CREATE

    @property
    def looked_up(self) -> tuple[str, ...]:
        """Everything of a record that names another record, and is looked up: key parts and fields."""
        parts = [name for name in (COMPANY_NAME, RELATIONSHIP_NAME) if name in self.key]
        return (*parts, *self.lookups)

    @property
    def place(self) -> Place:
        """Where the records themselves are looked for."""
        if self.name.lower() == COMPANY_PERSON:
            return self._hanging(self.link("company", "Company_ID"))
        if self.name.lower() == RELATIONSHIP_PERSON:
            return self._hanging(self.link("relationship", "Relationship_ID"))
        types = tuple(self.key_field(name).data_type for name in self.key)
        return Place(object_name=self.name, paths=self.key, types=types)

    def _hanging(self, link: str) -> Place:
        person = self.link(PERSON, "Person_ID")
        paths = (f"{person}__gr.Email", link)
        return Place(object_name=self.name, paths=paths, types=(DataType.EMAIL, DataType.LOOKUP))

    def link(self, other: str, usual: str) -> str:
        """The field that points to another object."""
        names = [found.name for found in self.object.fields.values() if (found.lookup_object or "").lower() == other]
        return usual if usual in names or not names else names[0]

    def key_field(self, name: str) -> CatalogField:
        """A part of the key. KeyError when the object has no such field."""
        found = _KEYS.get(name)
        return found if found is not None and self.of_people else self.object.fields[name]

    def other(self, name: str) -> Place:
        """Where the records are looked for that a part of the key, or a lookup field, names."""
        if name == COMPANY_NAME:
            return Place(object_name="company", paths=("Name",), types=(DataType.STRING,))
        if name == RELATIONSHIP_NAME:
            paths = ("Name", "CompanyId")
            return Place(object_name="relationship", paths=paths, types=(DataType.STRING, DataType.LOOKUP))
        field_, by = self.object.fields[name], self.lookups[name]
        if field_.lookup_object is None:
            raise errors.RemoteRefused(
                f"it is not known which object {self.object.label}.{name} points to, so nothing can be looked up for it",
                hint="run `reconcile catalog pull`, or map the GSID itself and leave out `lookup`",
            )
        kind = DataType.EMAIL if by.lower() == "email" else DataType.STRING
        return Place(object_name=field_.lookup_object, paths=(by,), types=(kind,))


def target_of(sync: Sync, known: CatalogObject) -> RecordTarget:
    """What a sync writes to; `known` is its object as the catalog has it."""
    return RecordTarget(
        object=known,
        key=tuple(sync.key),
        behavior=sync.behavior,
        set_if_empty=frozenset(rule.field for rule in sync.fields if rule.set_if_empty),
        lookups={rule.field: rule.lookup for rule in sync.fields if rule.lookup not in (None, GSID)},
    )


def spelled(value: Json, kind: DataType) -> str:
    """The one spelling of a key's value: numbers by their value, e-mail addresses without case, all else as it is."""
    text = "" if value is None else str(value)
    if kind is DataType.EMAIL:
        return text.strip().casefold()
    if kind is DataType.NUMBER:
        try:
            return str(Decimal(text.strip()).normalize() + 0)
        except ArithmeticError:
            return text
    return text


def by_number(place: Place) -> bool:
    """Whether nothing but a number tells the records apart; for numbers the API documents no IN."""
    return all(kind is DataType.NUMBER for kind in place.types)


def where(place: Place, identities: list[tuple[Json, ...]]) -> query.Where:
    """A condition that holds for the records of these keys, and perhaps for others: the answer is sorted out here.

    Keys of several parts are narrowed by each part alone, because a list of alternatives would need parentheses. Raises
    `errors.RemoteRefused` where no part of a key narrows anything.
    """
    if by_number(place):
        numbers = sorted({str(values[0]) for values in identities})
        return query.Where(either=tuple(query.condition(place.paths[0], "EQ", [number]) for number in numbers))
    narrowing = []
    for at, (path, kind) in enumerate(zip(place.paths, place.types, strict=True)):
        if kind not in (DataType.NUMBER, DataType.LOOKUP):
            texts = {str(values[at]) for values in identities}
            # A tenant may compare texts exactly: what was written with capitals is then found only so.
            if kind is DataType.EMAIL:
                texts = {spelling for text in texts for spelling in (text.strip(), text.strip().lower())}
            narrowing.append(query.condition(path, "IN", sorted(texts)))
    if not narrowing:
        # Validation refuses such a key. Without a condition every record of the object would be read, for each chunk of keys.
        raise errors.RemoteRefused(
            f"records of {place.object_name} are not found by {' and '.join(place.paths)}: at least one part of the key has to "
            "be a text",
            hint="run `reconcile catalog pull` and `reconcile validate`, and correct the key",
        )
    return query.Where(every=tuple(narrowing))
