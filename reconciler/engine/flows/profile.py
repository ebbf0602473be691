"""CS attributes to community profile fields: how this flow reads, maps and matches. Writing is the cycle's business."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.connectors.base import MemberDirectory, ObjectSource, Row
from reconciler.engine.flows.base import REJECTED, Emptiness, Plain, Staged
from reconciler.model.catalog import Catalog, CatalogField
from reconciler.model.outcome import Outcome, Reason
from reconciler.model.resources import FieldMapping, ProfileFieldMapping
from reconciler.model.run import Tally
from reconciler.model.value import Rendered
from reconciler.records.matching import Choice, Identity, MemberRecord, SourceRecord, identities, normalise
from reconciler.records.render import Unrenderable, render
from reconciler.records.text_of import UNSTORABLE, storable, without_unstorable
from reconciler.state.staging import Workspace

CHUNK = 2_000
"""Identities that are staged together."""


def scope(community: str) -> str:
    """The ledger of a community's profile fields. It is not a mapping's: a field keeps its history when its mapping moves."""
    return f"profile:{community}"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a source object ties its records to a person: the fields that are read besides the mapped attributes."""

    email: str
    note: str
    primary: str | None

    @property
    def several(self) -> bool:
        """Whether one person may have several records."""
        return self.primary is not None


ENDS = {
    "Person": End(email="Email", note="Name", primary=None),
    "Company Person": End(email="Person_ID__gr.Email", note="Company_ID__gr.Name", primary="IsPrimaryCompany"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One mapping with its attribute's metadata and its place among the staged items."""

    item: str
    index: int
    attribute: str
    meta: CatalogField


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One source object of a cycle: what is selected from it, and which column of the stage each value goes to."""

    label: str
    api_name: str
    end: End
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        return "source_" + self.api_name.lower()

    @property
    def fields(self) -> list[str]:
        """What is asked for, each field once."""
        base = ["Gsid", self.end.email, self.end.note, *([self.end.primary] if self.end.primary else [])]
        return list(dict.fromkeys([*base, *(column.attribute for column in self.columns)]))


class ProfileFlow(Plain):
    """One cycle's reading side of a `ProfileFieldMapping`."""

    whole = False
    """A user whose value is null is read, and not staged."""

    def __init__(
        self, mapping: ProfileFieldMapping, catalog: Catalog, source: ObjectSource, directory: MemberDirectory
    ) -> None:
        self._source = source
        self._directory = directory
        self.items = tuple(sorted(entry.profile_field for entry in mapping.mappings))
        self.staged = Staged(tallies={item: Tally() for item in self.items})
        self._members = 0
        self._readings = self._plan_readings(mapping.mappings, catalog)

    @property
    def readable(self) -> tuple[str, ...]:
        """The items that can be read, in the order of the stage's columns."""
        return tuple(item for item in self.items if item not in self.staged.failures)

    def empty(self) -> list[Emptiness]:
        """A community without users, and source objects without records."""
        nobody = [] if self._members else [Emptiness(text="the community lists no users", matched=True)]
        silent = [item for item in self.readable if not self.staged.tallies[item].read]
        return nobody + [Emptiness(text=f"the source returned no records for '{item}'", item=item) for item in silent]

    def _plan_readings(self, mappings: Sequence[FieldMapping], catalog: Catalog) -> list[Reading]:
        readings = []
        for label, end in ENDS.items():
            columns = [c for entry in mappings if entry.object == label and (c := self._column(entry, catalog))]
            if columns:
                name = catalog.objects[label].name
                readings.append(Reading(label=label, api_name=name, end=end, columns=tuple(columns)))
        return readings

    def _column(self, entry: FieldMapping, catalog: Catalog) -> Column | None:
        known = catalog.objects.get(entry.object)
        meta = known.fields.get(entry.attribute) if known else None
        if meta is None or meta.lookup:
            self._fail(entry.profile_field, f"{entry.object}.{entry.attribute} is not in the recorded catalog")
            return None
        return Column(
            item=entry.profile_field,
            index=self.items.index(entry.profile_field),
            attribute=entry.attribute,
            meta=meta,
        )

    def _fail(self, item: str, why: str) -> None:
        self.staged.failures[item] = why

    def stage(self, workspace: Workspace) -> Staged:
        """Read both ends into temporary tables, match, and fill the stage. Raises `errors.RemoteError`."""
        self._readings = [kept for reading in self._readings if (kept := self._load_records(workspace, reading))]
        self._load_members(workspace)
        workspace.stage(self.items)
        workspace.create("rejected", REJECTED)
        for chunk in _chunks(self._identities(workspace)):
            rows, rejected = _Matcher(self._readings, self.staged, len(self.items)).match(chunk)
            workspace.load("stage", rows)
            workspace.load("rejected", rejected)
        return self.staged

    def _load_records(self, workspace: Workspace, reading: Reading) -> Reading | None:
        """Stage one object's records. An attribute that the tenant no longer has fails its mapping, not the cycle."""
        try:
            self._load_pages(workspace, reading)
        except errors.RemoteRefused as refused:
            reduced = self._without_missing(reading, refused)
            if reduced is not None:
                self._load_pages(workspace, reduced)
            return reduced
        return reading

    def _without_missing(self, reading: Reading, refused: errors.RemoteRefused) -> Reading | None:
        live = self._source.describe([reading.label]).get(reading.label)
        known = live.fields if live else {}
        gone = [c for c in reading.columns if c.attribute not in known or known[c.attribute].lookup]
        if not gone:
            raise refused
        for column in gone:
            why = "is no longer there" if column.attribute not in known else "has become a lookup"
            self._fail(
                column.item,
                f"{reading.label}.{column.attribute} {why} in CS; run `reconcile catalog pull` and correct the mapping",
            )
        columns = tuple(column for column in reading.columns if column not in gone)
        if not columns:
            return None
        return Reading(label=reading.label, api_name=reading.api_name, end=reading.end, columns=columns)

    def _load_pages(self, workspace: Workspace, reading: Reading) -> None:
        values = [f"v{n}" for n in range(len(reading.columns))]
        workspace.create(reading.table, ("email", "id", "note", "main", "problems", *values))
        reader = _RecordReader(reading)
        read = without_email = 0
        for page in self._source.read(reading.api_name, reading.fields):
            records = [reader.record(row) for row in page]
            matched = [record for record in records if record[0]]
            workspace.load(reading.table, matched)
            read += len(page)
            without_email += len(page) - len(matched)
        self._count_read(reading, read, without_email)

    def _count_read(self, reading: Reading, read: int, without_email: int) -> None:
        for column in reading.columns:
            tally = self.staged.tallies[column.item]
            tally.read += read
            tally.add(Outcome.SKIPPED, Reason.NO_EMAIL, without_email)

    def _load_members(self, workspace: Workspace) -> None:
        workspace.create("members", ("email", "id", "name"))
        for page in self._directory.members():
            self._members += len(page)
            workspace.load(
                "members",
                [
                    (email, m.id, without_unstorable(m.name))
                    for m in page
                    if (email := normalise(without_unstorable(m.email)))
                ],
            )

    def _identities(self, workspace: Workspace) -> Iterator[Identity]:
        members = (
            MemberRecord(email or "", id or "", name or "")
            for email, id, name in workspace.sorted("members", ("email", "id", "name"), ("email", "id"))
        )
        objects = [_sorted_records(workspace, reading) for reading in self._readings]
        return identities(members, objects, [reading.end.several for reading in self._readings])


def _sorted_records(workspace: Workspace, reading: Reading) -> Iterator[SourceRecord]:
    columns = ("email", "id", "note", "main", "problems", *(f"v{n}" for n in range(len(reading.columns))))
    for email, id, note, main, problems, *values in workspace.sorted(reading.table, columns, ("email", "id")):
        yield SourceRecord(email or "", id or "", note or "", main == "1", problems or "", tuple(values))


class _RecordReader:
    """Turns raw rows of one object into rows of its staging table."""

    def __init__(self, reading: Reading) -> None:
        place = {name: n for n, name in enumerate(reading.fields)}
        self._id = place["Gsid"]
        self._email = place[reading.end.email]
        self._note = place[reading.end.note]
        self._primary = place[reading.end.primary] if reading.end.primary else None
        self._values = [(place[column.attribute], column.meta) for column in reading.columns]

    def record(self, row: Row) -> tuple[Rendered, ...]:
        """(email, id, note, main, problems, values…) as text; the e-mail address is empty where there is none."""
        problems: dict[int, tuple[str, str]] = {}
        values: list[Rendered] = []
        for number, (place, meta) in enumerate(self._values):
            try:
                value = render(row[place], meta)
            except Unrenderable as problem:
                problems[number], value = (Reason.WRONG_TYPE.value, str(problem)), None
            if value is not None and not storable(value):
                problems[number], value = (Reason.UNSENDABLE.value, UNSTORABLE), None
            values.append(value)
        return (
            normalise(without_unstorable(_text(row[self._email]))),
            _text(row[self._id]),
            without_unstorable(_text(row[self._note])),
            "1" if self._primary is not None and str(row[self._primary]).lower() == "true" else "0",
            json.dumps(problems) if problems else "",
            *values,
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _chunks(stream: Iterator[Identity]) -> Iterator[list[Identity]]:
    chunk: list[Identity] = []
    for identity in stream:
        chunk.append(identity)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


StageRow = tuple[Rendered, ...]


class _Matcher:
    """Decides for a chunk of identities what is staged, what is skipped and what is rejected, and counts it."""

    def __init__(self, readings: Sequence[Reading], staged: Staged, width: int) -> None:
        self._readings = readings
        self._tallies = staged.tallies
        self._width = width
        self._rejected: list[tuple[Rendered, ...]] = []

    def match(self, chunk: Sequence[Identity]) -> tuple[list[StageRow], list[tuple[Rendered, ...]]]:
        rows = [row for identity in chunk if (row := self._row(identity))]
        return rows, self._rejected

    def _row(self, identity: Identity) -> StageRow | None:
        values: list[Rendered] = [None] * self._width
        for reading, choice in zip(self._readings, identity.choices, strict=True):
            if choice is not None:
                self._spare(reading, choice)
                self._choose(reading, choice, identity, values)
        if identity.member is None or not any(value is not None for value in values):
            return None
        return (identity.member.id, identity.member.name, *values)

    def _spare(self, reading: Reading, choice: Choice) -> None:
        if choice.spare:
            for column in reading.columns:
                self._tallies[column.item].add(Outcome.SKIPPED, choice.spare_reason, choice.spare)

    def _choose(self, reading: Reading, choice: Choice, identity: Identity, values: list[Rendered]) -> None:
        if identity.member is None and not identity.problem:
            for column in reading.columns:
                self._tallies[column.item].add(Outcome.SKIPPED, Reason.NO_MEMBER)
        elif identity.member is not None and not identity.member.id:
            self._reject_all(reading, identity, Reason.MALFORMED, "the community lists this user without a usable id")
        elif identity.problem:
            self._reject_all(reading, identity, Reason.AMBIGUOUS_MEMBER, identity.problem)
        elif choice.record is None:
            assert choice.reason is not None
            self._reject_all(reading, identity, choice.reason, choice.detail)
        else:
            self._take(reading, choice.record, identity, values)

    def _take(self, reading: Reading, record: SourceRecord, identity: Identity, values: list[Rendered]) -> None:
        problems: Mapping[str, tuple[str, str]] = json.loads(record.problems) if record.problems else {}
        for number, (column, value) in enumerate(zip(reading.columns, record.values, strict=True)):
            if str(number) in problems:
                reason, detail = problems[str(number)]
                self._reject(column.item, identity, Reason(reason), detail)
            elif value is None:
                self._tallies[column.item].add(Outcome.SKIPPED, Reason.NULL)
            else:
                values[column.index] = value

    def _reject_all(self, reading: Reading, identity: Identity, reason: Reason, detail: str) -> None:
        for column in reading.columns:
            self._reject(column.item, identity, reason, detail)

    def _reject(self, item: str, identity: Identity, reason: Reason, detail: str) -> None:
        self._tallies[item].add(Outcome.REJECTED, reason)
        member = identity.member
        key, label = (member.id, member.name) if member and member.id else (identity.email, identity.email)
        self._rejected.append((item, key, label, reason.value, detail))
