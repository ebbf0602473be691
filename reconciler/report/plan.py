"""A plan as text, JSON and Markdown. Three visitors of one value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import groupby, islice
from typing import assert_never

from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, MODEL, SYNC
from reconciler.model.json import Json, canonical
from reconciler.model.plan import FORMAT_VERSION, Action, Change, Cost, Counts, Detail, Plan
from reconciler.planning.limits import Exceeded, needed
from reconciler.planning.objects import TargetState
from reconciler.report import objects
from reconciler.report.text import PLAIN, Style, plural, visible

KEPT = "all data is kept"
IMPORT_STOPS = "the import stops: its community is deactivated or gone, and all data is kept"
MANDATORY = "mandatory: every connected community has one"
KEPT_VALUES = {SYNC: "values already in Gainsight are kept"}
KEPT_IN_COMMUNITY = "values already in the community are kept"
MARKDOWN_LIMIT = 60_000
"""Characters that fit into a comment on the usual git hosts, with room to spare."""

MARKDOWN_DETAILS = 40
"""Changed keys of one document that a comment shows, so that a long document leaves room for the others."""

MANY, NAMED = 6, 3
"""More objects of a catalog than this are told by the first ones and a number."""

FULL_PLAN = "`reconcile plan` prints all of them."

TWO_TREES = "compares two trees, not with what is recorded"

_SOURCES = ("object", "attribute", "column", "template", "constant")
"""Keys of an entry that say where its values come from."""


def to_text(
    plan: Plan,
    *,
    exceeded: Sequence[Exceeded] = (),
    costs: Sequence[Cost] = (),
    imports: Sequence[TargetState] = (),
    style: Style = PLAIN,
) -> str:
    """One line a change, then a summary."""
    if plan.empty:
        return f"No changes. {_unchanged(plan)}"
    lines = [f"Plan for {visible(plan.project)} ({_base(plan)})", ""]
    for _, changes in groupby(plan.changes, key=lambda change: change.id):
        for change in changes:
            lines += _lines(change, style)
    lines += ["", _summary(plan)]
    if costs:
        lines += ["", *map(_cost, costs)]
    if lacking := list(objects.lacking(imports)):
        lines += ["", *lacking]
    if exceeded:
        lines += ["", style.yellow("! " + limit_message(exceeded, kind=_kind(plan)))]
    return "\n".join(lines)


def _cost(cost: Cost) -> str:
    """Only what changed is written, so that this is what the first cycle costs, and no later one costs more."""
    calls, records = cost.predicted, plural(cost.records, "record")
    kinds = [plural(calls.reads, "read"), plural(calls.writes, "write")]
    kinds += [plural(calls.polls, "question about jobs", "questions about jobs")] if calls.polls else []
    what = f"for each {records} that are new" if cost.example else f"when all {records} of its last run are written"
    took = cost.minutes
    minutes = "" if took is None else f", {_minutes(took)} at {plural(cost.per_minute or 0, 'call')} a minute"
    most = "at most " if cost.names else ""
    price = f"{most}{plural(calls.calls, 'call')} ({', '.join(kinds)}){minutes}"
    return f"{visible(str(cost.document))}: no call while nothing changes; {what} {price}"


def _minutes(minutes: float) -> str:
    return "less than a minute" if minutes < 1 else plural(math.ceil(minutes), "minute")


def _base(plan: Plan) -> str:
    if plan.base.tree is not None:
        return TWO_TREES
    return f"serial {plan.base.serial}" if plan.base.lineage else "nothing applied yet"


def _unchanged(plan: Plan) -> str:
    if plan.base.tree is not None:
        return f"{_subject(plan)} declared alike in both trees; what is recorded was not looked at."
    return f"{_subject(plan)} as declared (serial {plan.base.serial})."


def _subject(plan: Plan) -> str:
    """What a plan without changes vouches for: with `--only` that is not the whole project."""
    if not plan.only:
        return f"{visible(plan.project)} is"
    return f"{', '.join(map(visible, plan.only))} {'is' if len(plan.only) == 1 else 'are'}"


def _lines(change: Change, style: Style) -> Iterator[str]:
    paint = {Action.ADD: style.green, Action.CHANGE: style.yellow, Action.FORGET: style.red}[change.action]
    if change.item:
        yield "      " + paint(f"{_verb(change)} {visible(change.item)}") + _item_text(change)
        return
    yield "  " + paint(f"{_verb(change)} {visible(str(change.id))}") + _document_text(change)
    yield from (f"        {line}" for line in _detail_lines(change.details))


def _verb(change: Change) -> str:
    return f"{change.action.symbol} forget" if change.action is Action.FORGET else change.action.symbol


def _document_text(change: Change) -> str:
    if change.action is Action.FORGET:
        return f"  ({IMPORT_STOPS})" if change.id.kind == COMMUNITY_IMPORT else f"  ({KEPT})"
    return f"  {outline}" if (outline := _outline(change)) else ""


def _outline(change: Change) -> str:
    """What the document is, in a few words."""
    spec = _object(_object(change.after).get("spec"))
    if change.id.kind == CONNECTION:
        return _text(spec.get("type"))
    if change.id.kind == "Catalog":
        return _some(sorted(_object(spec.get("objects"))))
    if change.id.kind == MODEL:
        return _text(spec.get("connection")) if spec else ""
    if change.id.kind == SYNC:
        target = _object(spec.get("to"))
        words = (_object(spec.get("from")).get("model"), target.get("connection"), target.get("object"))
        return "{} → {} {}".format(*map(_text, words))
    if change.id.kind == COMMUNITY_IMPORT:
        return f"{_text(change.id.name)} → {_text(spec.get('to'))}  ({MANDATORY})" if spec else ""
    return f"{_text(spec.get('from'))} → {_text(spec.get('to'))}"


def _some(names: Sequence[str]) -> str:
    """Names, of which the first ones are enough where there are many."""
    shown = names if len(names) <= MANY else names[:NAMED]
    listed = ", ".join(map(visible, shown))
    return f"{listed} and {len(names) - NAMED} more" if len(names) > MANY else listed


def _item_text(change: Change) -> str:
    match change.action:
        case Action.ADD:
            return f"  ← {_source(change.after)}"
        case Action.CHANGE:
            return f"  ← {_changed(change)}"
        case Action.FORGET:
            return f"  ({KEPT_VALUES.get(change.id.kind, KEPT_IN_COMMUNITY)})"
        case _:
            assert_never(change.action)


def _changed(change: Change) -> str:
    """Where the values came from and come from, and what else is said of them now."""
    before, after = _source(change.before), _source(change.after)
    rules = [detail for detail in change.details if detail.path not in _SOURCES]
    said = "; ".join(f"{visible(rule.path)}: {_text(rule.before)} → {_text(rule.after)}" for rule in rules)
    return (f"{before} → {after}" if before != after else after) + (f"  ({said})" if said else "")


def _source(entry: Json) -> str:
    found = _object(entry)
    if "field" in found:
        return next(
            (_text(found[key]) for key in ("column", "template") if key in found),
            _text(canonical(found.get("constant"))),
        )
    return f"{_text(found.get('object'))}.{_text(found.get('attribute'))}"


def _object(value: Json) -> Mapping[str, Json]:
    """A JSON value as the object that it is, or should have been."""
    return value if isinstance(value, Mapping) else {}


def _detail_lines(details: Sequence[Detail]) -> Iterator[str]:
    for detail in details:
        if isinstance(detail.before, str) and isinstance(detail.after, str) and "\n" in detail.before + detail.after:
            yield f"~ {visible(detail.path)}:"
            yield from _line_by_line(detail.before, detail.after)
        elif detail.before is None:
            yield f"+ {visible(detail.path)}: {_whole(detail.after)}"
        elif detail.after is None:
            yield f"- {visible(detail.path)}: {_whole(detail.before)}"
        else:
            yield f"~ {visible(detail.path)}: {_text(detail.before)} → {_text(detail.after)}"


def _whole(value: Json) -> str:
    """A value that comes or goes. An object of a catalog is thousands of characters, of which nobody needs more than how many
    fields it has."""
    found = _object(value)
    if {"name", "fields"} <= found.keys() and isinstance(found["fields"], Mapping):
        return f"{_text(found['name'])}, {plural(len(found['fields']), 'field')}"
    return _text(value)


def _line_by_line(before: str, after: str) -> Iterator[str]:
    """What changed in a text of several lines, with a line around it."""
    compared = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    for line in islice(compared, 2, None):
        if not line.startswith("@@"):
            yield f"    {line[0]} {visible(line[1:])}".rstrip()


def _text(value: Json) -> str:
    if value is None:
        return "-"
    return visible(value if isinstance(value, str) else canonical(value))


def _summary(plan: Plan) -> str:
    return f"Plan: {counted(plan)}."


def counted(plan: Plan) -> str:
    """How much a plan does."""
    parts = [_counts(plan.documents, "document"), _counts(plan.mappings, "mapping")]
    return "; ".join(part for part in parts if part)


def _counts(counts: Counts, noun: str) -> str:
    numbers = [(counts.add, "to add"), (counts.change, "to change"), (counts.forget, "to forget")]
    shown = [f"{plural(n, noun)} {what}" for n, what in numbers if n]
    return ", ".join(shown)


def _kind(plan: Plan) -> str:
    """What the limits count in this plan."""
    return "recorded" if plan.base.tree is None else "so far declared"


def limit_message(exceeded: Sequence[Exceeded], *, kind: str = "recorded") -> str:
    """Why apply will stop, and how to go on."""
    return f"{limits_exceeded(exceeded, kind=kind)}: apply needs --allow-mass-change {needed(exceeded)}"


def limits_exceeded(exceeded: Sequence[Exceeded], *, kind: str = "recorded") -> str:
    """By how much which limits are exceeded."""
    return " and ".join(
        f"{one.affected:,} of {one.recorded:,} {kind} {one.what} would change "
        f"({_percent(one.percent)} %, the limit is {one.allowed_percent} %)"
        for one in exceeded
    )


def _percent(value: float) -> str:
    """Rounded up, because a share just above the limit must not read as the limit itself."""
    return f"{math.ceil(value * 10) / 10:g}"


def to_json(
    plan: Plan,
    *,
    costs: Sequence[Cost] = (),
    imports: Sequence[TargetState] = (),
    warnings: Sequence[str] = (),
) -> str:
    """The plan file: sorted keys, two blanks, one final line break. What is no part of the plan is there when there is some."""
    more: dict[str, Json] = {"costs": [cost.to_json() for cost in costs]} if costs else {}
    more |= {"imports": [objects.to_json(state) for state in imports]} if imports else {}
    content = {**plan.to_json(), **more, **({"warnings": list(warnings)} if warnings else {})}
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def to_markdown(
    plan: Plan,
    *,
    exceeded: Sequence[Exceeded] = (),
    costs: Sequence[Cost] = (),
    imports: Sequence[TargetState] = (),
    warnings: Sequence[str] = (),
) -> str:
    """For a comment on a pull request. Cut only where a host would cut, and then it says so."""
    noted = [line for warning in warnings for line in (f"> ⚠️ {visible(warning)}", "")]
    if plan.empty:
        return "\n".join(["### reconcile plan: no changes", "", *noted, _unchanged(plan)]) + "\n"
    head = ["### reconcile plan", "", *noted, f"**{_summary(plan)}**", ""]
    if exceeded:
        head += [f"> ⚠️ {limit_message(exceeded, kind=_kind(plan))}", ""]
    head += [line for cost in costs for line in (_cost(cost), "")]
    head += objects.markdown(imports)
    head += ["```diff"]
    room = MARKDOWN_LIMIT - sum(len(line) + 1 for line in head)
    shown, left = _fitting(plan, room)
    base = TWO_TREES if plan.base.tree is not None else f"serial {plan.base.serial}"
    tail = ["```", "", f"<sub>{base} · plan `{plan.digest[:12]}`</sub>"]
    if left:
        tail.insert(1, f"**{left:,} more {'change is' if left == 1 else 'changes are'} not shown**: {FULL_PLAN}")
    return "\n".join([*head, *shown, *tail]) + "\n"


def _fitting(plan: Plan, room: int) -> tuple[list[str], int]:
    """The lines of the changes that fit as a whole, and how many changes do not."""
    shown: list[str] = []
    used = 0
    for number, change in enumerate(plan.changes):
        lines = list(_diff_lines(change))
        used += sum(len(line) + 1 for line in lines)
        if used > room - 200:
            return shown, sum(not left.is_header for left in plan.changes[number:])
        shown += lines
    return shown, 0


def _diff_lines(change: Change) -> Iterator[str]:
    mark = {Action.ADD: "+", Action.CHANGE: "!", Action.FORGET: "-"}[change.action]
    lines = list(_lines(change, PLAIN))
    if (more := len(lines) - 1 - MARKDOWN_DETAILS) > 0:
        lines = [*lines[:-more], f"… and {plural(more, 'more key')} of it"]
    for line in lines:
        yield f"{mark} {line.strip() if not change.item else '    ' + line.strip()}".replace("```", "'''")


_COUNTS: dict[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["add", "change", "forget", "recorded"],
    "properties": {name: {"type": "integer", "minimum": 0} for name in ("add", "change", "forget", "recorded")},
}
_DETAIL: dict[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "before", "after"],
    "properties": {"path": {"type": "string"}, "before": True, "after": True},
}
_NUMBER: Mapping[str, Json] = {"type": "integer", "minimum": 0}
_COST: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "name", "records", "example", "atMost", "reads", "writes", "polls", "minutes"],
    "properties": {
        "kind": {"type": "string"},
        "name": {"type": "string"},
        "records": {**_NUMBER, "description": "Records that are written: those of the last run, or an example."},
        "example": {"type": "boolean"},
        "atMost": {
            "type": "boolean",
            "description": "How many names are looked up is not known; here each is another one.",
        },
        "reads": _NUMBER,
        "writes": _NUMBER,
        "polls": {**_NUMBER, "description": "Questions after background jobs."},
        "minutes": {
            "type": ["number", "null"],
            "description": "Within the connection's calls per minute; null without.",
        },
    },
}

_CHANGE: dict[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["action", "kind", "name", "item", "before", "after", "details"],
    "properties": {
        "action": {
            "enum": [action.value for action in Action],
            "description": "forget stops writing and keeps all data",
        },
        "kind": {"type": "string"},
        "name": {"type": "string"},
        "item": {
            "type": "string",
            "description": "The profile field of a mapping, the field of a sync; empty for the document itself.",
        },
        "before": True,
        "after": True,
        "details": {"type": "array", "items": _DETAIL},
    },
}
SCHEMA: dict[str, Json] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Plan",
    "description": "What `reconcile plan --out` writes and `reconcile apply FILE` carries out.",
    "type": "object",
    "additionalProperties": False,
    "required": ["formatVersion", "project", "base", "only", "summary", "changes", "digest"],
    "properties": {
        "formatVersion": {"const": FORMAT_VERSION},
        "project": {"type": "string"},
        "base": {
            "description": "What the plan was made from. It applies to nothing else.",
            "type": "object",
            "additionalProperties": False,
            "required": ["lineage", "serial", "desired"],
            "properties": {
                "lineage": {"type": ["string", "null"]},
                "serial": {"type": "integer", "minimum": 0},
                "desired": {"type": "string"},
                "tree": {
                    "type": "string",
                    "description": "Only of `plan --base`: what the other tree declares. Such a plan cannot be applied.",
                },
            },
        },
        "only": {"type": "array", "items": {"type": "string"}},
        "summary": {
            "type": "object",
            "additionalProperties": False,
            "required": ["documents", "mappings"],
            "properties": {"documents": _COUNTS, "mappings": _COUNTS},
        },
        "changes": {"type": "array", "items": _CHANGE},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Over the rest of the file."},
        "costs": {
            "type": "array",
            "items": _COST,
            "description": "What a cycle of each new or changed sync costs; only where `plan` prints it, not part of the digest.",
        },
        "imports": {
            "type": "array",
            "items": objects.SCHEMA,
            "description": "What each import that the plan is about writes, and what its target lacks; only where `plan` prints "
            "it, not part of the digest.",
        },
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Why this database is in doubt; only where `plan` prints it, not part of the digest.",
        },
    },
}
"""JSON Schema of a plan file."""
