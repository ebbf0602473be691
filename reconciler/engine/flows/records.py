"""Changed values on their way to a destination of whole records: the changes of a key become one record, its result theirs."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from reconciler.connectors.base import RecordDestination, Workload
from reconciler.model.catalog import CatalogField
from reconciler.model.json import Json
from reconciler.model.outcome import OF_VALUES, Reason, RecordResult, RecordWrite, Write, WriteResult
from reconciler.model.value import INVALID
from reconciler.records.coerce import Uncoercible, coerce
from reconciler.records.text_of import rendition
from reconciler.state.staging import Workspace

PAGE = 500
"""Records that are read from the changes at once."""

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def key_text(values: Sequence[str]) -> str:
    """The values of a sync key as one text, by which stage and ledger know a record."""
    return _text(list(values))


def key_values(text: str) -> tuple[str, ...]:
    """The contrary of `key_text`."""
    return tuple(json.loads(text))


class Composed(NamedTuple):
    """The record that writes of one key make, those of them that it carries, and results of those that no record takes."""

    record: RecordWrite | None
    carried: Sequence[Write]
    refused: Sequence[WriteResult]


class RecordEnd(ABC):
    """Where records go, and how changes become records."""

    writer: RecordDestination

    @abstractmethod
    def workload(self, workspace: Workspace) -> Workload:
        """What the changes of a workspace are for the destination."""

    @abstractmethod
    def compose(self, writes: Sequence[Write], unchanged: Mapping[str, str]) -> Composed:
        """One record of the changes of one key. `unchanged` is what else is staged for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsEnd(RecordEnd):
    """Each item is a field of the record. `fields` says what each takes, `plain` up to which length a text is taken as it is;
    `key_names` and `item_names` what of a record names others, by the name that the destination has for it: parts of the key by
    their place, and items."""

    writer: RecordDestination
    fields: Mapping[str, CatalogField]
    plain: Mapping[str, int]
    key_names: Mapping[str, int]
    item_names: Sequence[str]

    def workload(self, workspace: Workspace) -> Workload:
        names = {name: workspace.changed_key_parts(place) for name, place in self.key_names.items()}
        names.update((item, workspace.changed_values(item)) for item in self.item_names)
        return Workload(
            records=workspace.count_changed_records(), names=names, spelled_alike=not workspace.changes_plain_keys()
        )

    def compose(self, writes: Sequence[Write], unchanged: Mapping[str, str]) -> Composed:
        """A value that its field cannot take is rejected alone; the rest of its record is sent."""
        values: dict[str, Json] = {}
        carried: list[Write] = []
        refused: list[WriteResult] = []
        for found in writes:
            if self._is_plain(found.item, found.value):
                values[found.item] = found.value
                carried.append(found)
                continue
            # A stage that the database itself has filled holds what has no text as it is.
            value = rendition(found.value) or ""
            write = found if value == found.value else replace(found, value=value)
            try:
                values[write.item] = self._coerced(write.item, value)
            except Uncoercible as problem:
                refused.append(WriteResult(write=write, reason=problem.reason, detail=str(problem)))
            else:
                carried.append(write)
        if not carried:
            return Composed(None, (), refused)
        key, label = key_values(carried[0].key), carried[0].label
        record = RecordWrite(key=key, values=values, label=label, unchanged=dict(self._kept(unchanged)))
        return Composed(record, carried, refused)

    def _is_plain(self, item: str, text: str) -> bool:
        """Whether it goes as it is: most values do, and to look at them in every way takes ten times as long."""
        return len(text) <= self.plain[item] and text.isascii() and "\0" not in text

    def _kept(self, unchanged: Mapping[str, str]) -> Iterator[tuple[str, Json]]:
        """What was taken once is taken again, unless the catalog has changed since: then it is left out."""
        for item, text in unchanged.items():
            try:
                yield item, self._coerced(item, text)
            except Uncoercible:
                continue

    def _coerced(self, item: str, text: str) -> Json:
        if text.startswith(INVALID):
            raise Uncoercible(text.removeprefix(INVALID))
        return coerce(text, self.fields[item])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records of one batch, with the writes that each is made of, and results of values that no record takes."""

    records: Sequence[RecordWrite]
    writes: Mapping[tuple[str, ...], Sequence[Write]]
    refused: Sequence[WriteResult]


class Records:
    """The changes of a workspace, as batches of records. One thread at a time asks; asking makes calls.

    `door` is held for every look into the workspace, and never during a call.
    """

    def __init__(self, end: RecordEnd, workspace: Workspace, workload: Workload, door: threading.Lock) -> None:
        self._end = end
        self._workspace = workspace
        self._door = door
        self._asking = threading.Lock()
        self._batches = end.writer.batches(self._records(), workload)
        self._refused: list[WriteResult] = []
        self._writes: dict[tuple[str, ...], Sequence[Write]] = {}

    def next(self) -> Batch | None:
        """The next batch, without records when only refused values are left; None at the end. Raises `errors.RemoteError`."""
        with self._asking:
            records = next(self._batches, [])
            refused, self._refused = self._refused, []
            if not records and not refused:
                return None
            writes = {record.key: self._writes.pop(record.key) for record in records}
        return Batch(records=records, writes=writes, refused=refused)

    def send(self, batch: Batch) -> Iterator[Sequence[WriteResult]]:
        """The results for the writes of each record of a batch. What was said of a record holds for each of its values."""
        for result in self._end.writer.write(batch.records):
            yield list(_spread(result, batch.writes[result.write.key]))

    def _records(self) -> Iterator[RecordWrite]:
        last = 0
        while True:
            with self._door:
                found = self._workspace.changes_of_records(last, PAGE)
                unchanged = self._workspace.unchanged(found)
            if not found:
                return
            last = found[-1][0]
            for key, group in groupby((write for _, write in found), key=lambda write: write.key):
                record = self._compose(list(group), unchanged.get(key, {}))
                if record is not None:
                    yield record

    def _compose(self, writes: Sequence[Write], unchanged: Mapping[str, str]) -> RecordWrite | None:
        record, carried, refused = self._end.compose(writes, unchanged)
        self._refused += refused
        if record is not None:
            self._writes[record.key] = carried
        return record


def _spread(result: RecordResult, writes: Sequence[Write]) -> Iterator[WriteResult]:
    """What was said of a record, for each of its values.

    Only the value that is to blame is refused for good. The others would otherwise wait for a change of their own: they go
    with the next cycle, and without it.
    """
    detail = f"{result.field}: {result.detail}" if result.field and result.detail else result.field or result.detail
    for write in writes:
        if result.outcome is None:
            yield WriteResult(write=write, reason=_reason(result, write), detail=detail)
        else:
            yield WriteResult(write=write, outcome=result.outcome)


def _reason(result: RecordResult, write: Write) -> Reason | None:
    innocent = result.reason in OF_VALUES and write.item != result.field
    return Reason.RECORD_REFUSED if innocent else result.reason
