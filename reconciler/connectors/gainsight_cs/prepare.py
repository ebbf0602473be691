"""From changed records to records that are ready to be sent: keys read in bulk, names resolved, values left out or added.

What cannot be sent becomes a result right here, without a call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.connectors.gainsight_cs import readback
from reconciler.connectors.gainsight_cs.query import EVERYTHING
from reconciler.connectors.gainsight_cs.ready import Ready
from reconciler.connectors.gainsight_cs.resolve import Directory, Found, Index, Read, find, find_keys
from reconciler.connectors.gainsight_cs.target import (
    COMPANY_NAME,
    EMAIL,
    PERSON,
    PERSON_EMAIL,
    RELATIONSHIP_NAME,
    Identity,
    RecordTarget,
)
from reconciler.model.catalog import CatalogField
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason, RecordResult, RecordWrite
from reconciler.records.coerce import Uncoercible, coerce


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record, the values by which it is looked for, its identity, and the company it belongs to, if any."""

    write: RecordWrite
    values: tuple[Json, ...]
    identity: Identity
    company: str = ""


_UNKNOWN = {COMPANY_NAME: Reason.COMPANY_UNKNOWN, RELATIONSHIP_NAME: Reason.RELATIONSHIP_UNKNOWN}
_AMBIGUOUS = {COMPANY_NAME: Reason.COMPANY_AMBIGUOUS, RELATIONSHIP_NAME: Reason.RELATIONSHIP_AMBIGUOUS}


class Preparer:
    """Made anew for each run: it remembers what names stand for, and which records this run creates. Not thread-safe."""

    def __init__(self, read: Read, target: RecordTarget) -> None:
        self._read = read
        self._target = target
        self._place = target.place
        self._directories = {name: Directory(read, target.other(name)) for name in target.looked_up}
        self._creating: dict[Identity, tuple[str, ...]] = {}
        self._everything: Index | None = None

    def load_names(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Look up what records name, for the whole run: the fewest calls."""
        for name, directory in self._directories.items():
            directory.load(texts.get(name, ()))

    def load_everything(self) -> None:
        """Read the keys of all records at the destination."""
        self._everything = find(self._read, self._place, self._extra, EVERYTHING)

    @property
    def _extra(self) -> list[str]:
        """Fields that are read beside the key."""
        person = (
            [self._target.link(PERSON, "Person_ID")] if len(self._place.paths) > 1 and self._target.of_people else []
        )
        return [*sorted(self._target.set_if_empty), *person]

    def prepare(self, window: Sequence[RecordWrite]) -> list[Ready | RecordResult]:
        """Each record as it can be sent, or what is wrong with it. One read of keys for a window of up to a chunk."""
        self._load_names_of(window)
        keyed: list[Keyed | RecordResult] = [self._keyed(write) for write in window]
        wanted = [one for one in keyed if not isinstance(one, RecordResult)]
        index = self._everything
        if index is None:
            index = find_keys(self._read, self._place, self._extra, [one.values for one in wanted])
        persons = self._persons(index)
        seen: set[Identity] = set()
        prepared: list[Ready | RecordResult] = []
        for one in keyed:
            if isinstance(one, RecordResult):
                prepared.append(one)
                continue
            if one.identity in seen:
                prepared.append(RecordResult(write=one.write, reason=Reason.DUPLICATE_KEY))
                continue
            seen.add(one.identity)
            ready = self._ready(
                one.write, one.identity, index.get(one.identity, ()), persons.get(one.identity[0], set())
            )
            prepared.append(replace(ready, company=one.company) if isinstance(ready, Ready) else ready)
        return prepared

    # ---- names

    def _load_names_of(self, window: Sequence[RecordWrite]) -> None:
        for name, directory in self._directories.items():
            directory.load(
                text for write in window for text in self._named(name, write) if isinstance(text, str) and text
            )

    def _named(self, name: str, write: RecordWrite) -> list[Json]:
        if name in self._target.key:
            return [write.key[self._target.key.index(name)]]
        return [_lookup_text(values.get(name)) for values in (write.values, write.unchanged)]

    def _one(self, write: RecordWrite, name: str, *values: str) -> str | RecordResult:
        """The GSID of the one record that a name stands for."""
        found = self._directories[name].matches(*values)
        if len(found) == 1:
            return found[0].gsid
        reason = _AMBIGUOUS.get(name, Reason.LOOKUP_AMBIGUOUS) if found else _UNKNOWN.get(name, Reason.LOOKUP_UNKNOWN)
        return RecordResult(write=write, reason=reason, field=name)

    # ---- keys

    def _keyed(self, write: RecordWrite) -> Keyed | RecordResult:
        parts = dict(zip(self._target.key, write.key, strict=True))
        texts: dict[str, Json] = {}
        for name, text in parts.items():
            try:
                texts[name] = coerce(text, self._target.key_field(name))
            except Uncoercible as wrong:
                return RecordResult(write=write, reason=Reason.KEY_INVALID, detail=str(wrong), field=name)
            if readback.is_empty(texts[name]):
                return RecordResult(write=write, reason=Reason.KEY_INVALID, detail="the key is empty", field=name)
        return self._values(write, parts, texts)

    def _values(self, write: RecordWrite, parts: Mapping[str, str], texts: Mapping[str, Json]) -> Keyed | RecordResult:
        if PERSON_EMAIL not in parts:
            whole = tuple(texts[name] for name in self._target.key)
            return Keyed(write, whole, self._place.identity(whole))
        company = self._one(write, COMPANY_NAME, parts[COMPANY_NAME])
        if isinstance(company, RecordResult):
            return company
        link = company
        if RELATIONSHIP_NAME in parts:
            relationship = self._one(write, RELATIONSHIP_NAME, parts[RELATIONSHIP_NAME], company)
            if isinstance(relationship, RecordResult):
                return relationship
            link = relationship
        values = (texts[PERSON_EMAIL], link)
        return Keyed(write, values, self._place.identity(values), company)

    # ---- the record

    def _persons(self, index: Index) -> dict[str, set[Json]]:
        """The persons behind each e-mail address, where records hang on persons."""
        persons: defaultdict[str, set[Json]] = defaultdict(set)
        if self._target.of_people and len(self._place.paths) > 1:
            link = self._target.link(PERSON, "Person_ID")
            for identity, found in index.items():
                persons[identity[0]].update(one.values.get(link) for one in found)
        return persons

    def _ready(
        self, write: RecordWrite, identity: Identity, found: Sequence[Found], persons: set[Json]
    ) -> Ready | RecordResult:
        if self._creating.get(identity, write.key) != write.key:
            return RecordResult(write=write, reason=Reason.DUPLICATE_KEY)
        if len(persons) > 1 or (len(found) > 1 and self._place.paths == (EMAIL,) and self._target.of_people):
            return RecordResult(write=write, reason=Reason.AMBIGUOUS_PERSON)
        if len(found) > 1:
            return RecordResult(write=write, reason=Reason.AMBIGUOUS_KEY, detail=f"{len(found)} records")
        if not found and not self._target.creates:
            return RecordResult(write=write, reason=Reason.RECORD_MISSING)
        if not found:
            return self._to_create(write, identity)
        return self._to_update(write, identity, found[0])

    def _to_update(self, write: RecordWrite, identity: Identity, found: Found) -> Ready | RecordResult:
        kept = {name for name in self._target.set_if_empty if not readback.is_empty(found.values.get(name))}
        fields = self._resolved(write, {name: value for name, value in write.values.items() if name not in kept})
        if isinstance(fields, RecordResult):
            return fields
        if not fields:
            return RecordResult(write=write, outcome=Outcome.UNCHANGED)
        return Ready(write=write, identity=identity, gsid=found.gsid, fields=fields, created=False)

    def _to_create(self, write: RecordWrite, identity: Identity) -> Ready | RecordResult:
        given = {**write.unchanged, **write.values}
        fields = self._resolved(write, {name: value for name, value in given.items() if value is not None})
        if isinstance(fields, RecordResult):
            return fields
        if not self._target.of_people:
            for name, text in zip(self._target.key, write.key, strict=True):
                fields[name] = coerce(text, self._target.object.fields[name])
            missing = next((one.name for one in self._target.object.fields.values() if _lacks(one, fields)), None)
            if missing is not None:
                return RecordResult(write=write, reason=Reason.REQUIRED_EMPTY, field=missing)
        self._creating[identity] = write.key
        return Ready(write=write, identity=identity, gsid=None, fields=fields, created=True)

    def _resolved(self, write: RecordWrite, values: Mapping[str, Json]) -> dict[str, Json] | RecordResult:
        fields = dict(values)
        for name in self._target.lookups:
            if name not in fields:
                continue
            text = _lookup_text(fields[name])
            gsid = self._one(write, name, text) if text else None
            if isinstance(gsid, RecordResult):
                return gsid
            fields[name] = gsid
        return fields


def _lookup_text(value: Json) -> str:
    return "" if value is None else str(value)


def _lacks(field: CatalogField, given: Mapping[str, Json]) -> bool:
    return bool(field.required and not field.read_only and readback.is_empty(given.get(field.name)))
