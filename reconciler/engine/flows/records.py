"""Changes on their way to a destination of whole records."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.connectors.base import RecordDestination, Workload
from reconciler.model.catalog import CatalogField
from reconciler.model.json import Json
from reconciler.model.outcome import OF_VALUES, Reason, RecordChange, RecordResult, RecordWrite, Rejection
from reconciler.model.value import INVALID, Rendered
from reconciler.records.coerce import Uncoercible, coerce
from reconciler.records.text_of import rendition
from reconciler.state.staging import Workspace

PAGE = 500
"""Records that are read from the changes at once."""

NOTHING: Mapping[str, str] = {}

Key = tuple[str, ...]

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def key_text(values: Sequence[str]) -> str:
    """The values of a sync key as one text, by which stage and ledger know a record."""
    return _text(list(values))


def key_values(text: str) -> Key:
    """The contrary of `key_text`."""
    return tuple(json.loads(text))


class Composed(NamedTuple):
    """The record that a change makes, the part of the change that it carries, and what of it no record takes."""

    record: RecordWrite | None
    carried: RecordChange
    refused: Sequence[Rejection]


class Settled(NamedTuple):
    """A change that was sent, and what the destination said of its record."""

    change: RecordChange
    result: RecordResult


class RecordEnd(ABC):
    """Where records go, and how changes become records."""

    writer: RecordDestination

    @abstractmethod
    def workload(self, workspace: Workspace) -> Workload:
        """What the changes of a workspace are for the destination."""

    @abstractmethod
    def compose(self, key: Key, change: RecordChange, unchanged: Mapping[str, str]) -> Composed:
        """The record of a change. `unchanged` is what else is staged for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsEnd(RecordEnd):
    """Each item is a field of the record. `fields` says what each takes; `plain`, in the order of the items, up to which length a
    text is taken as it is; `key_names` and `item_names` what of a record names others, by the name that the destination has for
    it: parts of the key by their place, and items."""

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

    def compose(self, key: Key, change: RecordChange, unchanged: Mapping[str, str]) -> Composed:
        """A value that its field cannot take is rejected alone; the rest of its record is sent."""
        whole = "".join(filter(None, change.values))
        plain = _is_plain(whole)
        if plain and len(whole) <= min(self.plain.values()) and not unchanged:
            # Most records go as they are, and to look at each value in every way takes ten times as long.
            found = {item: text for item, text in zip(self.plain, change.values, strict=True) if text is not None}
            return Composed(RecordWrite(key=key, values=found, label=change.label), change, ())
        values: dict[str, Json] = {}
        refused: list[Rejection] = []
        for (item, longest), text in zip(self.plain.items(), change.values, strict=True):
            if text is None:
                continue
            if len(text) <= longest and (plain or _is_plain(text)):
                values[item] = text
                continue
            # A stage that the database itself has filled holds what has no text as it is.
            known = rendition(text) or ""
            try:
                values[item] = self._coerced(item, known)
            except Uncoercible as problem:
                refused.append(refusal(change, item, known, problem))
        if refused or not plain:
            change = change._replace(values=self._carried(change, values))
        if not values:
            return Composed(None, change, refused)
        kept = dict(self._kept(unchanged)) if unchanged else unchanged
        return Composed(RecordWrite(key=key, values=values, label=change.label, unchanged=kept), change, refused)

    def _carried(self, change: RecordChange, values: Mapping[str, Json]) -> list[Rendered]:
        """The texts of those values that a record has."""
        texts = zip(self.plain, change.values, strict=True)
        return [rendition(text) if item in values else None for item, text in texts]

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


def _is_plain(text: str) -> bool:
    """Whether a field takes it as it is, if it takes a text that long."""
    return text.isascii() and "\0" not in text


def refusal(change: RecordChange, item: str, value: Rendered, problem: Uncoercible) -> Rejection:
    return Rejection(
        key=change.key, label=change.label, item=item, value=value, reason=problem.reason, detail=str(problem)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records of one batch, with the change that each is made of, and values that no record takes."""

    records: Sequence[RecordWrite]
    changes: Mapping[Key, RecordChange]
    refused: Sequence[Rejection]


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
        self._refused: list[Rejection] = []
        self._changes: dict[Key, RecordChange] = {}

    def next(self) -> Batch | None:
        """The next batch, without records when only refused values are left; None at the end. Raises `errors.RemoteError`."""
        with self._asking:
            records = next(self._batches, [])
            refused, self._refused = self._refused, []
            if not records and not refused:
                return None
            changes = {record.key: self._changes.pop(record.key) for record in records}
        return Batch(records=records, changes=changes, refused=refused)

    def send(self, batch: Batch) -> Iterator[Settled]:
        """What becomes of each record of a batch."""
        changes = batch.changes
        for result in self._end.writer.write(batch.records):
            yield Settled(changes[result.write.key], result)

    def _records(self) -> Iterator[RecordWrite]:
        last = 0
        while True:
            with self._door:
                found = self._workspace.changed_records(last, PAGE)
                unchanged = self._workspace.unchanged(found)
            if not found:
                return
            last = found[-1][0]
            keys = json.loads(f"[{','.join(change.key for _, change in found)}]")
            for values, (_, change) in zip(keys, found, strict=True):
                record = self._composed(tuple(values), change, unchanged.get(change.key, NOTHING))
                if record is not None:
                    yield record

    def _composed(self, key: Key, change: RecordChange, unchanged: Mapping[str, str]) -> RecordWrite | None:
        record, carried, refused = self._end.compose(key, change, unchanged)
        self._refused += refused
        if record is not None:
            self._changes[key] = carried
        return record


def rejections(settled: Settled, items: Sequence[str]) -> Iterator[Rejection]:
    """What was said of a record that was not acknowledged, for each of its values.

    Only the value that is to blame is refused for good. The others would otherwise wait for a change of their own: they go
    with the next cycle, and without it.
    """
    change, result = settled
    detail = f"{result.field}: {result.detail}" if result.field and result.detail else result.field or result.detail
    assert result.reason is not None
    for item, value in zip(items, change.values, strict=True):
        if value is not None:
            innocent = result.reason in OF_VALUES and item != result.field
            reason = Reason.RECORD_REFUSED if innocent else result.reason
            yield Rejection(key=change.key, label=change.label, item=item, value=value, reason=reason, detail=detail)
