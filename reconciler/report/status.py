"""Statuses as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome
from reconciler.model.run import Extent, Run
from reconciler.model.status import Badge, BadgeName, Status, StatusEntry
from reconciler.report.text import PLAIN, Style, moment, table, visible

FORMAT_VERSION = 1
SYMBOLS = {Status.SUCCESSFUL: "●", Status.PARTIAL: "◐", Status.PENDING: "○", Status.FAILED: "✗"}
"""So that the status can be told without colours."""

_WORDS = {PROFILE_FIELD_MAPPING: "profileField", COMMUNITY_IMPORT: "object"}
"""What the entries of a document are called."""

MANY = 60
"""More mappings than this are shown only when a document is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStatus:
    """A document with the statuses of its mappings."""

    whole: StatusEntry
    mappings: tuple[StatusEntry, ...]
    schedule: str
    next_due: datetime | None
    unfinished: Run | None = None
    """A run of it that is under way or was cut off."""
    badges: tuple[Badge, ...] = ()
    extent: Extent | None = None
    """How much its last run read; None where it is always everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something about the configuration that waits for somebody."""

    condition: str
    reason: str
    hint: str
    since: datetime


def to_text(
    documents: Sequence[DocumentStatus], *, named: bool, waiting: Sequence[Waiting] = (), style: Style = PLAIN
) -> str:
    """What waits for somebody, a line for each document and mapping, then the reasons of everything that is not green."""
    head = [line for one in waiting for line in _waiting(one, style)]
    return "\n".join([*head, *([""] if head else []), _listed(documents, named, style)])


def _waiting(one: Waiting, style: Style) -> list[str]:
    first = style.yellow(f"! {one.condition}") + f" since {moment(one.since)}: {visible(one.reason)}"
    return [first, *([f"  {visible(one.hint)}"] if one.hint else [])]


def _listed(documents: Sequence[DocumentStatus], named: bool, style: Style) -> str:
    if not documents:
        return "No mapping is applied. Run `reconcile plan`, then `reconcile apply`."
    short = not named and sum(len(d.mappings) for d in documents) > MANY
    rows = [row for document in documents for row in _rows(document, short, style)]
    head = (
        "Status",
        f"Document / {_parts(documents)}",
        "Since",
        "Last run",
        "Next due",
        "Read",
        "Updated",
        "Unchanged",
        "Rejected",
    )
    text = table(head, rows, style=style, right=(5, 6, 7, 8))
    reasons = [
        line
        for document in documents
        for line in (*_unfinished(document), *_badges(document), *_extent(document), *_reasons(document, short))
    ]
    if short:
        reasons.append("Mappings are left out: there are many. `reconcile status NAME` shows those of one document.")
    return "\n".join([text, *([""] if reasons else []), *reasons])


def _parts(documents: Sequence[DocumentStatus]) -> str:
    """What the lines below the documents are."""
    shown = [document for document in documents if document.mappings] or documents
    of_imports = {document.whole.kind == COMMUNITY_IMPORT for document in shown}
    return {(False, True): "mapping, object", (True,): "object"}.get(tuple(sorted(of_imports)), "mapping")


def _rows(document: DocumentStatus, short: bool, style: Style) -> list[list[str]]:
    first = _row(document.whole, visible(document.whole.name), style, moment(document.next_due))
    if short:
        return [first]
    return [first, *(_row(entry, f"  {visible(entry.item)}", style, "") for entry in document.mappings)]


def _row(entry: StatusEntry, name: str, style: Style, due: str) -> list[str]:
    tally = entry.tally
    written = tally.outcomes[Outcome.UPDATED] + tally.outcomes[Outcome.CREATED]
    numbers = [tally.read, written, tally.outcomes[Outcome.UNCHANGED]]
    return [
        style.coloured(entry.status.colour, f"{SYMBOLS[entry.status]} {entry.status.value}"),
        name,
        moment(entry.since),
        moment(entry.last_run_at),
        due,
        *(f"{number:,}" for number in [*numbers, tally.outcomes[Outcome.REJECTED]]),
    ]


def _unfinished(document: DocumentStatus) -> list[str]:
    run = document.unfinished
    if run is None:
        return []
    what = f"was {run.reason}" if run.cut_off else f"is running since {moment(run.started_at)}"
    return [f"{visible(document.whole.name)}: run {run.id} {what}"]


def _badges(document: DocumentStatus) -> list[str]:
    shown = [badge for badge in document.badges if badge.name is not BadgeName.CUT_OFF]  # the line of the run says it
    return [f"{visible(document.whole.name)}: {badge.name.value} {visible(badge.text)}" for badge in shown]


def _extent(document: DocumentStatus) -> list[str]:
    """The figures of such a run are not those of all rows."""
    if document.extent is not Extent.CURSOR:
        return []
    name = visible(document.whole.name)
    return [f"{name}: run {document.whole.run_id} read the rows since the cursor, not all"]


def _reasons(document: DocumentStatus, short: bool) -> list[str]:
    entries = [document.whole] if short or not document.mappings else document.mappings
    alike = len(entries) > 1 and len({(entry.status, entry.reason) for entry in entries}) == 1
    if alike and entries[0].status is not Status.PARTIAL:
        # What is true of all of them is said once. Counts of partial ones are those of each.
        entries = [replace(entries[0], item="")]
    return [
        f"{SYMBOLS[entry.status]} {_full_name(entry)}: {visible(entry.reason)}"
        for entry in entries
        if entry.reason and entry.status is not Status.SUCCESSFUL
    ]


def _full_name(entry: StatusEntry) -> str:
    return visible(f"{entry.name} / {entry.item}" if entry.item else entry.name)


def to_json(
    documents: Sequence[DocumentStatus], *, warnings: Sequence[str] = (), waiting: Sequence[Waiting] = ()
) -> dict[str, Json]:
    """`warnings` say why the database that this was read from is in doubt."""
    listed: list[Json] = [_json(document) for document in documents]
    conditions: list[Json] = [
        {"condition": one.condition, "since": _time(one.since), "reason": one.reason, "hint": one.hint}
        for one in waiting
    ]
    return {
        "formatVersion": FORMAT_VERSION,
        "warnings": list(warnings),
        "config": {"conditions": conditions},
        "documents": listed,
    }


def _json(document: DocumentStatus) -> dict[str, Json]:
    word = _WORDS.get(document.whole.kind, "field")
    return {
        "kind": document.whole.kind,
        "name": document.whole.name,
        "schedule": document.schedule,
        "nextDue": _time(document.next_due),
        "extent": document.extent,
        "unfinishedRun": _run(document.unfinished) if document.unfinished else None,
        "badges": [{"name": badge.name.value, "text": badge.text} for badge in document.badges],
        **_entry(document.whole),
        "mappings": [{word: entry.item, **_entry(entry)} for entry in document.mappings],
    }


def _run(run: Run) -> dict[str, Json]:
    return {"id": run.id, "result": run.result.value, "start": _time(run.started_at), "reason": run.reason}


def _entry(entry: StatusEntry) -> Mapping[str, Json]:
    return {
        "status": entry.status.value,
        "colour": entry.status.colour,
        "reason": entry.reason,
        "since": _time(entry.since),
        "lastRun": entry.run_id,
        "lastRunAt": _time(entry.last_run_at),
        "counts": entry.tally.to_json(),
    }


def _time(when: datetime | None) -> str | None:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
