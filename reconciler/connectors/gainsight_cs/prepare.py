"""From changed records to records that are ready to be sent: keys read in bulk, names resolved, values left out or added.

What cannot be sent becomes a result right here, without a call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reconciler.connectors.gainsight_cs import readback
from reconciler.connectors.gainsight_cs.ready import Ready
from reconciler.connectors.gainsight_cs.resolve import Directory, Found, Index, Read, find_keys
from reconciler.connectors.gainsight_cs.target import (
    COMPANY_NAME,
    PERSON,
    PERSON_EMAIL,
    RELATIONSHIP_NAME,
    Identity,
    RecordTarget,
)
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


NOBODY: frozenset[Json] = frozenset()

_UNKNOWN = {COMPANY_NAME: Reason.COMPANY_UNKNOWN, RELATIONSHIP_NAME: Reason.RELATIONSHIP_UNKNOWN}
_AMBIGUOUS = {COMPANY_NAME: Reason.COMPANY_AMBIGUOUS, RELATIONSHIP_NAME: Reason.RELATIONSHIP_AMBIGUOUS}


class Preparer:
    """Made anew for each run: it remembers what names stand for, and which records this run creates. Not thread-safe."""

    def __init__(self, read: Read, target: RecordTarget) -> None:
        self._read = read
        self._target = target
        self._place = target.place
        self._directories = {name: Directory(read, target.other(name)) for name in target.looked_up}
        self.remembers = True
        """Whether two of the keys that come may mean one record: then all that are created are kept in memory."""
        self._creating: dict[Identity, tuple[str, ...]] = {}
        hanging = target.of_people and len(self._place.paths) > 1
        self._person_link = target.link(PERSON, "Person_ID") if hanging else None
        self._extra = [*sorted(target.set_if_empty), *([self._person_link] if self._person_link else [])]
        self._keys = [(name, target.key_field(name)) for name in target.key]
        self._at_person = target.key.index(PERSON_EMAIL) if PERSON_EMAIL in target.key else None
        # Asked for each record.
        self._of_people, self._creates = target.of_people, target.creates
        self._required = [] if target.of_people else _required(target)

    def load_names(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Look up what records name, for the whole run: the fewest calls."""
        for name, directory in self._directories.items():
            directory.load(texts.get(name, ()))

    def prepare(self, window: Sequence[RecordWrite]) -> list[Ready | RecordResult]:
        """Each record as it can be sent, or what is wrong with it. One read of keys for a window of up to a chunk."""
        self._load_names_of(window)
        keyed: list[Keyed | RecordResult] = [self._keyed(write) for write in window]
        index = self._found([one for one in keyed if not isinstance(one, RecordResult)])
        persons = self._persons(index)
        seen: dict[Identity, RecordWrite] = {}
        prepared: list[Ready | RecordResult] = []
        for one in keyed:
            if isinstance(one, RecordResult):
                prepared.append(one)
            elif one.identity in seen:
                prepared.append(_second(one.write, seen[one.identity].key))
            else:
                seen[one.identity] = one.write
                prepared.append(self._ready(one, index.get(one.identity, ()), persons.get(one.identity[0], NOBODY)))
        return prepared

    # ---- what is there

    def _found(self, wanted: Sequence[Keyed]) -> Index:
        """The records at the destination, by our identity. Whether case matters in a text is for the tenant to say: a record
        that it gives for a key is the record of that key."""
        index = dict(find_keys(self._read, self._place, self._extra, [one.values for one in wanted]))
        ours = {one.identity for one in wanted}
        others: defaultdict[Identity, list[Found]] = defaultdict(list)
        for identity in index.keys() - ours:
            others[_folded(identity)] += index[identity]
        for one in wanted if others else ():
            if one.identity not in index and _folded(one.identity) in others:
                index[one.identity] = others[_folded(one.identity)]
        return index

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
        values: list[Json] = []
        for (name, field), text in zip(self._keys, write.key, strict=True):
            try:
                value = coerce(text, field)
            except Uncoercible as wrong:
                return RecordResult(write=write, reason=Reason.KEY_INVALID, detail=str(wrong), field=name)
            if readback.is_empty(value):
                return RecordResult(write=write, reason=Reason.KEY_INVALID, detail="the key is empty", field=name)
            values.append(value)
        if self._at_person is not None:
            return self._hanging(write, dict(zip(self._target.key, write.key, strict=True)), values[self._at_person])
        return Keyed(write, tuple(values), self._place.identity(values))

    def _hanging(self, write: RecordWrite, parts: Mapping[str, str], email: Json) -> Keyed | RecordResult:
        """A record that hangs on a person and a company, or on a relationship of the company."""
        company = self._one(write, COMPANY_NAME, parts[COMPANY_NAME])
        if isinstance(company, RecordResult):
            return company
        link = company
        if RELATIONSHIP_NAME in parts:
            relationship = self._one(write, RELATIONSHIP_NAME, parts[RELATIONSHIP_NAME], company)
            if isinstance(relationship, RecordResult):
                return relationship
            link = relationship
        values = (email, link)
        return Keyed(write, values, self._place.identity(values), company)

    # ---- the record

    def _persons(self, index: Index) -> Mapping[str, set[Json]]:
        """The persons behind each e-mail address, where records hang on persons."""
        persons: defaultdict[str, set[Json]] = defaultdict(set)
        if self._person_link is not None:
            for identity, found in index.items():
                persons[identity[0]].update(one.values.get(self._person_link) for one in found)
        return persons

    def _ready(self, one: Keyed, found: Sequence[Found], persons: Collection[Json]) -> Ready | RecordResult:
        write = one.write
        before = self._creating.get(one.identity, write.key)
        if before != write.key:
            return _second(write, before)
        if len(persons) > 1 or (len(found) > 1 and self._of_people and self._person_link is None):
            return RecordResult(write=write, reason=Reason.AMBIGUOUS_PERSON)
        if len(found) > 1:
            return RecordResult(write=write, reason=Reason.AMBIGUOUS_KEY, detail=f"{len(found)} records")
        if not found and not self._creates:
            return RecordResult(write=write, reason=Reason.RECORD_MISSING)
        if not found:
            return self._to_create(one)
        return self._to_update(one, found[0])

    def _to_update(self, one: Keyed, found: Found) -> Ready | RecordResult:
        write = one.write
        fields = dict(write.values)
        for name in self._target.set_if_empty:
            if not readback.is_empty(found.values.get(name)):
                fields.pop(name, None)
        problem = self._resolve(write, fields)
        if problem is not None:
            return problem
        if not fields:
            return RecordResult(write=write, outcome=Outcome.UNCHANGED)
        return self._made(one, found.gsid, fields)

    def _to_create(self, one: Keyed) -> Ready | RecordResult:
        given = {**one.write.unchanged, **one.write.values} if one.write.unchanged else one.write.values
        fields: dict[str, Json] = {name: value for name, value in given.items() if value is not None}
        problem = self._resolve(one.write, fields)
        if problem is not None:
            return problem
        if not self._of_people:
            fields.update(zip(self._target.key, one.values, strict=True))
        for name in self._required:
            if readback.is_empty(fields.get(name)):
                return RecordResult(write=one.write, reason=Reason.REQUIRED_EMPTY, field=name)
        if self.remembers:
            self._creating[one.identity] = one.write.key
        return self._made(one, None, fields)

    def _made(self, one: Keyed, gsid: str | None, fields: Mapping[str, Json]) -> Ready:
        return Ready(
            write=one.write,
            identity=one.identity,
            gsid=gsid,
            fields=fields,
            created=gsid is None,
            company=one.company,
        )

    def _resolve(self, write: RecordWrite, fields: dict[str, Json]) -> RecordResult | None:
        """Put ids in place of what names other records. Gives what is wrong with one of them."""
        for name in self._target.lookups:
            if name not in fields:
                continue
            text = _lookup_text(fields[name])
            gsid = self._one(write, name, text) if text else None
            if isinstance(gsid, RecordResult):
                return gsid
            fields[name] = gsid
        return None


def _second(write: RecordWrite, first: Sequence[str]) -> RecordResult:
    """For a record that another one of these, which has the key `first`, means as well."""
    return RecordResult(write=write, reason=Reason.DUPLICATE_KEY, detail=f"the same record as {' · '.join(first)}")


def _lookup_text(value: Json) -> str:
    return "" if value is None else str(value)


def _required(target: RecordTarget) -> list[str]:
    """Fields that a new record must have."""
    return [field.name for field in target.object.fields.values() if field.required and not field.read_only]


def _folded(identity: Identity) -> Identity:
    return tuple(part.casefold() for part in identity)
