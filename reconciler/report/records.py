"""Rejected values and records with their reason and advice, and the CSV export of synced data."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Protocol

from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING, DocumentId
from reconciler.model.json import Json
from reconciler.model.outcome import ADVICE, Rejection, ValueStatus, status_word
from reconciler.model.value import Rendered, natural, presentable
from reconciler.report.text import PLAIN, Style, moment, plural, table, visible

FORMAT_VERSION = 1
_HISTORY = ("Reason", "Detail", "First seen", "Last seen", "Attempts", "Advice")
VALUE_WIDTH = 40
"""Characters of a value that a table shows; JSON and CSV have it whole."""


class RejectedRecord(Protocol):
    """A rejected value with its history."""

    @property
    def document(self) -> DocumentId: ...
    @property
    def rejection(self) -> Rejection: ...
    @property
    def first_seen(self) -> datetime: ...
    @property
    def last_seen(self) -> datetime: ...
    @property
    def attempts(self) -> int: ...


def to_text(records: Sequence[RejectedRecord], total: int, *, kind: str = "", style: Style = PLAIN) -> str:
    """One line a value, or a whole record of an import, then the advice for each reason that occurs. `kind` is that of the
    document."""
    counted = "record" if kind == COMMUNITY_IMPORT else "value"
    if not records:
        return f"No rejected {counted}s match."
    head = (*_NAMES.get(records[0].document.kind, _OF_FIELDS), "Reason", "First seen", "Attempts", "Detail")
    rows = [
        [
            *_named(r),
            style.yellow(r.rejection.reason.value),
            moment(r.first_seen),
            str(r.attempts),
            visible(r.rejection.detail),
        ]
        for r in records
    ]
    reasons = sorted({record.rejection.reason for record in records})
    lines = [table(head, rows, style=style, right=(len(head) - 2,)), ""]
    lines += [f"{reason.value}: {ADVICE[reason]}" for reason in reasons]
    if total > len(records):
        lines += [
            "",
            f"{plural(total - len(records), f'more {counted}')} not shown: --limit, or --output csv for all of them",
        ]
    return "\n".join(lines)


_NAMES = {
    PROFILE_FIELD_MAPPING: ("Profile field", "User", "Name", "Value"),
    COMMUNITY_IMPORT: ("Object", "Key", "Name"),
}
_OF_FIELDS = ("Field", "Record", "Value")
"""What a table says of a rejected value besides why. The value of an import is a whole record, which says less than its name."""


def _named(record: RejectedRecord) -> list[str]:
    """The cells for `_NAMES`."""
    found = record.rejection
    item, label = visible(found.item), visible(found.label)
    match record.document.kind:
        case kind if kind == PROFILE_FIELD_MAPPING:
            return [item, visible(found.key), label, _short(found.value)]
        case kind if kind == COMMUNITY_IMPORT:
            return [item, visible(_as_read(found.key)), label]
        case _:
            return [item, label, _short(found.value)]


def _short(value: Rendered) -> str:
    text = visible(presentable(value))
    return text if len(text) <= VALUE_WIDTH else text[: VALUE_WIDTH - 1] + "…"


def csv_head(document: DocumentId) -> tuple[str, ...]:
    """The first line of the CSV."""
    if document.kind == COMMUNITY_IMPORT:
        return ("Object", "Key", "Name", *_HISTORY)
    names = ("Profile Field", "User") if document.kind == PROFILE_FIELD_MAPPING else ("Field", "Key")
    return (*names, "Name", "Value", *_HISTORY)


def csv_rows(records: Iterable[RejectedRecord]) -> Iterator[list[str]]:
    for r in records:
        found = r.rejection
        of_users, whole = (r.document.kind == kind for kind in (PROFILE_FIELD_MAPPING, COMMUNITY_IMPORT))
        yield [
            found.item,
            found.key if of_users else _as_read(found.key),
            found.label,
            *([] if whole else [presentable(found.value)]),
            found.reason.value,
            found.detail,
            moment(r.first_seen),
            moment(r.last_seen),
            str(r.attempts),
            ADVICE[found.reason],
        ]


def to_json(record: RejectedRecord) -> dict[str, Json]:
    found = record.rejection
    of_users, whole = (record.document.kind == kind for kind in (PROFILE_FIELD_MAPPING, COMMUNITY_IMPORT))
    return {
        "profileField" if of_users else "object" if whole else "field": found.item,
        "key": found.key if of_users else _parts(found.key),
        "name": found.label,
        **_value(found.value, whole=whole),
        "reason": found.reason.value,
        "status": status_word(found.reason).value,
        "detail": found.detail,
        "advice": ADVICE[found.reason],
        "firstSeen": moment(record.first_seen),
        "lastSeen": moment(record.last_seen),
        "attempts": record.attempts,
    }


def _value(value: Rendered, *, whole: bool) -> dict[str, Json]:
    if whole:
        return {"record": None if value is None else json.loads(value)}
    return {"value": None if value is None else presentable(value)}


def _parts(key: str) -> list[Json]:
    """The values of a key of several parts, as the ledger holds it."""
    return [presentable(part) for part in json.loads(key)] if key.startswith("[") else []


def _as_read(key: str) -> str:
    """The same in one cell of a table."""
    return " · ".join(map(str, _parts(key)))


ExportRow = tuple[str, str, str, str, str]
"""User ID, User Name, CC User Profile Field, Value, Status."""


def record_rows(rows: Iterable[ExportRow]) -> Iterator[ExportRow]:
    """The export of records: keys as people read them."""
    return ((_as_read(key), name, item, presentable(value), word) for key, name, item, value, word in rows)


def export_rows(
    acknowledged: Iterable[tuple[str, str, str, str]], rejected: Iterable[Rejection]
) -> Iterator[ExportRow]:
    """The rows of the export: what was written, and what could not be. A value is listed once, as it stands now.

    Both inputs are sorted by key in natural order, then by item; `acknowledged` are (key, name, item, value).
    """
    written = (
        ((natural(key), item), 1, (key, label, item, value, ValueStatus.UPDATED.value))
        for key, label, item, value in acknowledged
    )
    refused = (
        ((natural(r.key), r.item), 0, (r.key, r.label, r.item, r.value or "", status_word(r.reason).value))
        for r in rejected
    )
    merged = heapq.merge(refused, written, key=lambda row: row[:2])
    for _, rows in groupby(merged, key=lambda row: row[0]):
        yield next(rows)[2]
