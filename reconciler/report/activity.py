"""The activity log and single runs, with the Summary of what was valid and invalid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING
from reconciler.model.json import Json
from reconciler.model.outcome import ADVICE, Outcome
from reconciler.model.run import Extent, Run, RunResult, Tally
from reconciler.report.text import PLAIN, Style, moment, plural, table, visible

FORMAT_VERSION = 1
EXTENTS = {
    Extent.FULL: "all of the model",
    Extent.CURSOR: "those since the cursor; rejected values of other rows are counted again",
}
CSV_HEAD = ("Run", "Start", "End", "Job", "Document", "Connection", "Result", "Valid", "Invalid", "Calls", "Reason")


class Words(NamedTuple):
    """What a run counts, and what it counts them by."""

    counted: str
    item: str


_WORDS = {PROFILE_FIELD_MAPPING: Words("value", "Profile field"), COMMUNITY_IMPORT: Words("record", "Object")}
_OTHERS = Words("value", "Field")


def to_text(runs: Sequence[Run], *, style: Style = PLAIN) -> str:
    """One line a run, newest first."""
    if not runs:
        return "No runs match."
    head = ("Run", "Start", "End", "Job", "Document", "Connection", "Result", "Valid", "Invalid")
    rows = [[*_cells(run)[:6], _coloured(run.result, style), *_cells(run)[7:9]] for run in runs]
    cut_off = [f"run {run.id} was {run.reason}" for run in runs if run.cut_off]
    return "\n".join([table(head, rows, style=style, right=(0, 7, 8)), *([""] if cut_off else []), *cut_off])


def _cells(run: Run) -> list[str]:
    return [
        str(run.id),
        moment(run.started_at),
        moment(run.ended_at),
        run.job,
        visible(run.document),
        visible(run.connection),
        run.result.value,
        f"{run.tally.valid:,}",
        f"{run.tally.invalid:,}",
    ]


def _coloured(result: RunResult, style: Style) -> str:
    paint = {RunResult.SUCCESS: style.green, RunResult.PARTIAL: style.yellow, RunResult.FAILED: style.red}
    return paint.get(result, style.dim)(result.value)


def csv_rows(runs: Sequence[Run]) -> list[list[str]]:
    return [
        [*_cells(run)[:7], str(run.tally.valid), str(run.tally.invalid), str(run.calls), run.reason] for run in runs
    ]


def run_to_text(run: Run, items: Mapping[str, Tally], *, notes: Sequence[str] = (), style: Style = PLAIN) -> str:
    """One run in full: what it did for each mapping or object, and the balance of its counts. `notes` stand at its end."""
    words = _WORDS.get(run.kind, _OTHERS)
    valid, invalid = (f"{how} {words.counted}" for how in ("valid", "invalid"))
    lines = [
        f"Run {run.id}  {style.bold(run.job)}  {_coloured(run.result, style)}",
        f"  document    {run.kind}/{visible(run.document)}",
        f"  connection  {visible(run.connection)}",
        f"  time        {moment(run.started_at)} → {moment(run.ended_at)}  ({duration(run)})",
        f"  calls       {run.calls:,}",
        f"  Summary     {plural(run.tally.valid, valid)}, {plural(run.tally.invalid, invalid)}",
    ]
    if run.extent is not None:
        lines.append(f"  rows        {EXTENTS[run.extent]}")
    if run.reason:
        lines.append(f"  reason      {visible(run.reason)}")
    shown = mapping_table(items, words.item, style=style)
    told = balance(run.tally, words.counted)
    return "\n".join([*lines, "", shown, "", told, *notes, *_departed(run), *_advice(run)])


def _departed(run: Run) -> list[str]:
    gone = run.tally.departed
    if not gone:
        return []
    said = f"{plural(gone, 'record')} departed: no longer in the model, left as it is in Gainsight"
    return [said, f"reconcile records {run.document} --reason departed"]


def mapping_table(items: Mapping[str, Tally], name: str = "Profile field", *, style: Style = PLAIN) -> str:
    """What became of the values of each mapping. `name` is what items are called."""
    shown = _shown(Tally.total(items.values()))
    head = (name, *(outcome.value.replace("_", " ") for outcome in shown), "read")
    rows = [
        [visible(item), *(f"{tally.outcomes[outcome]:,}" for outcome in shown), f"{tally.read:,}"]
        for item, tally in sorted(items.items())
    ]
    return table(head, rows, style=style, right=tuple(range(1, len(head))))


def _shown(tally: Tally) -> list[Outcome]:
    """What has a figure of its own. Profile values are never created, so that one appears only where it is not zero."""
    order = (
        Outcome.UPDATED,
        Outcome.CREATED,
        Outcome.UNCHANGED,
        Outcome.SKIPPED,
        Outcome.REJECTED,
        Outcome.NOT_ATTEMPTED,
    )
    return [outcome for outcome in order if outcome is not Outcome.CREATED or tally.outcomes[outcome]]


def balance(tally: Tally, counted: str = "value") -> str:
    """The line that shows that nothing got lost."""
    parts = " + ".join(f"{tally.outcomes[outcome]:,} {outcome.value.replace('_', ' ')}" for outcome in _shown(tally))
    return f"{tally.read:,} {counted}s read = {parts}"


def _advice(run: Run) -> list[str]:
    found = [(reason, count) for reason, count in sorted(run.tally.reasons.items()) if count]
    return ["", *(f"  {count:>7,}  {reason.value}: {ADVICE[reason]}" for reason, count in found)] if found else []


def duration(run: Run) -> str:
    if run.ended_at is None:
        return f"{'cut off' if run.cut_off else 'running'}, last progress {moment(run.progress_at)}"
    return f"{(run.ended_at - run.started_at).total_seconds():.1f} s"


def run_json(run: Run, items: Mapping[str, Tally] | None = None) -> dict[str, Json]:
    """One run; with its mappings where they are given."""
    data: dict[str, Json] = {
        "id": run.id,
        "kind": run.kind,
        "document": run.document,
        "job": run.job,
        "connection": run.connection,
        "start": _time(run.started_at),
        "end": _time(run.ended_at),
        "result": run.result.value,
        "reason": run.reason,
        "calls": run.calls,
        "extent": run.extent,
        "valid": run.tally.valid,
        "invalid": run.tally.invalid,
        "counts": run.tally.to_json(),
    }
    if items is not None:
        data["mappings"] = {item: tally.to_json() for item, tally in sorted(items.items())}
    return data


def to_json(runs: Sequence[Run]) -> dict[str, Json]:
    return {"formatVersion": FORMAT_VERSION, "runs": [run_json(run) for run in runs]}


def _time(when: datetime | None) -> str | None:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
