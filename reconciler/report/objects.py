"""What an import writes where, and what an admin still has to create: for plans and for `explain`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.community import PROFILE, FieldDefinition, ObjectDefinition
from reconciler.model.json import Json
from reconciler.model.resources import CommunityImport
from reconciler.planning.objects import TargetObject, TargetState, choose
from reconciler.report.text import plural, table, visible
from reconciler.schedule import describe

MARKDOWN_LIMIT = 20_000
"""Characters that a comment on a pull request has for what is missing: the plan itself is of more interest."""

_COLUMNS = 120

NO_CATALOG = "nobody has looked which objects {target} has. Pull its catalog and apply."
AND_THEN = "An admin creates what is listed here; then pull the catalog and apply. The rest is imported without it."
THEN = "An admin creates the low volume objects listed here; then pull the catalog and apply."


# -- what is missing ---------------------------------------------------------------------------------------------------


def lacking(states: Sequence[TargetState]) -> Iterator[str]:
    """What the targets of imports lack, by object and type, and which tables are made in databases. Objects that several
    imports share are listed once."""
    for state in states:
        if state.tables is not None:
            yield f"{visible(str(state.document))} makes these tables in {visible(state.target)}, where they are missing:"
            yield from _wrapped("", sorted(state.tables.values()))
    listed: set[tuple[str, str]] = set()
    for number, state in enumerate(one for one in states if one.incomplete):
        if number or any(one.tables is not None for one in states):
            yield ""
        yield f"! {_headline(state)}"
        if state.catalogued:
            new = [one for one in state.incomplete if (state.target, one.definition.name) not in listed]
            listed |= {(state.target, one.definition.name) for one in new}
            for one in new:
                yield from _object_lines(one)
            if len(new) < len(state.incomplete):
                yield "    and the objects of all communities, as above"


def _headline(state: TargetState) -> str:
    name, target = visible(str(state.document)), visible(state.target)
    if not state.catalogued:
        return f"{name} waits: {NO_CATALOG.format(target=target)}"
    if state.waits:
        return f"{name} waits: {target} has none of its objects. {THEN}"
    return f"{name}: {target} lacks {' and '.join(_amount(state.incomplete))}. {AND_THEN}"


def _amount(incomplete: Iterable[TargetObject]) -> Iterator[str]:
    absent = sum(one.found is None for one in incomplete)
    fields = sum(len(one.missing) for one in incomplete if one.found is not None)
    unfit = sum(len(one.unsuitable) for one in incomplete)
    blocked = sum(bool(one.problems) for one in incomplete)
    if absent:
        yield plural(absent, "object")
    if fields:
        yield plural(fields, "field")
    if unfit:
        yield f"{plural(unfit, 'field')} of the right type"
    if blocked:
        yield f"{plural(blocked, 'object')} that can be written"


def _object_lines(one: TargetObject) -> Iterator[str]:
    mark = "+" if one.found is None else "~"
    yield f"    {mark} {visible(one.definition.name)}{''.join(f'  {problem};' for problem in one.problems).rstrip(';')}"
    for choice, names in _by_type(one.missing, one.definition).items():
        yield from _wrapped(f"{choice}: ", names)
    for wrong in one.unsuitable:
        yield f"        {visible(wrong.field.name)} {visible(wrong.why)}, not {_typed(wrong.field)}"


def _by_type(fields: Iterable[FieldDefinition], definition: ObjectDefinition) -> Mapping[str, list[str]]:
    """The names of fields by the type that an admin chooses. Lookups are named like the object that they point to. The key is
    marked, and so is what got another name."""
    found: dict[str, list[str]] = {}
    for field in fields:
        key = " (key)" if field.name == definition.key else ""
        choice = "Lookup" if field.refers_to == field.name else _typed(field)
        found.setdefault(choice, []).append(f"{visible(field.name)}{key}{_renamed(field)}")
    return found


def _typed(field: FieldDefinition) -> str:
    """The type and, where it is not the usual one, the length."""
    return f"{choose(field)} ({field.length:,})" if field.length and field.length != 255 else choose(field)


def _renamed(field: FieldDefinition) -> str:
    """What a profile field is called in the community, where the object already has a field of that name."""
    own = field.source.removeprefix(PROFILE)
    return f" (the profile field {visible(own)})" if field.source.startswith(PROFILE) and own != field.name else ""


def _wrapped(head: str, names: Sequence[str]) -> Iterator[str]:
    # A name is not cut in two: its blanks are no places to break a line.
    text = ", ".join(name.replace(" ", "\0") for name in names)
    lines = textwrap.wrap(text, _COLUMNS - 10 - len(head), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"        {head if not number else ' ' * len(head)}{line}".replace("\0", " ")


def markdown(states: Sequence[TargetState]) -> list[str]:
    """The same for a comment on a pull request: one line, and the list to be opened."""
    lines = [line.replace("```", "'''") for line in lacking(states)]
    if not lines:
        return []
    summary = [line.removeprefix("! ") for line in lines if line.startswith("! ")]
    listed = [line for line in lines if not line.startswith("! ")]
    head = [part for line in summary for part in (f"> {line}", "")]
    if not any(listed):
        return head
    if sum(len(line) + 1 for line in listed) > MARKDOWN_LIMIT:
        return [*head, "> What is to be created is more than a comment holds: `reconcile plan` lists it.", ""]
    return [
        *head,
        "<details><summary>What is to be created</summary>",
        "",
        "```text",
        *listed,
        "```",
        "",
        "</details>",
        "",
    ]


# -- JSON --------------------------------------------------------------------------------------------------------------


def to_json(state: TargetState) -> dict[str, Json]:
    """For programs: every object of an import, with what its target lacks of it."""
    return {
        "kind": state.document.kind,
        "name": state.document.name,
        "target": state.target,
        "catalogued": state.catalogued,
        "waits": state.waits,
        "objects": [_object_json(one, state.tables) for one in state.objects],
    }


def _object_json(one: TargetObject, tables: Mapping[str, str] | None) -> dict[str, Json]:
    if tables is not None:
        missing, exists = [], False
    else:
        missing, exists = [_field_json(field) for field in one.missing], one.found is not None
    return {
        "object": one.definition.name,
        "table": None if tables is None else tables[one.definition.name],
        "exists": exists,
        "key": one.definition.key,
        "problems": list(one.problems),
        "missing": list(missing),
        "unsuitable": [{**_field_json(wrong.field), "why": wrong.why} for wrong in one.unsuitable],
    }


def _field_json(field: FieldDefinition) -> dict[str, Json]:
    return {"field": field.name, "type": choose(field), "length": field.length}


_TEXT: Mapping[str, Json] = {"type": "string"}
_FIELD: dict[str, Json] = {
    "field": _TEXT,
    "type": {"type": "string", "description": "The type to choose in Gainsight."},
    "length": {"type": ["integer", "null"]},
}
_OBJECT: dict[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["object", "table", "exists", "key", "problems", "missing", "unsuitable"],
    "properties": {
        "object": _TEXT,
        "table": {"type": ["string", "null"], "description": "At a database: the table that the import makes."},
        "exists": {"type": "boolean", "description": "Whether the catalog of the target has it."},
        "key": {"type": "string", "description": "The field by which records are known."},
        "problems": {"type": "array", "items": _TEXT, "description": "Why nothing at all can be written to it."},
        "missing": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": False, "required": list(_FIELD), "properties": _FIELD},
        },
        "unsuitable": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [*_FIELD, "why"],
                "properties": {**_FIELD, "why": _TEXT},
            },
        },
    },
}
SCHEMA: dict[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "name", "target", "catalogued", "waits", "objects"],
    "properties": {
        "kind": _TEXT,
        "name": _TEXT,
        "target": _TEXT,
        "catalogued": {
            "type": "boolean",
            "description": "Whether there is a catalog that tells which objects are there.",
        },
        "waits": {"type": "boolean", "description": "Whether there is nothing that the import could write to."},
        "objects": {"type": "array", "items": _OBJECT},
    },
}
"""JSON Schema of what a plan says of an import."""


# -- explain -----------------------------------------------------------------------------------------------------------


def explained(
    flow: CommunityImport, state: TargetState, *, tuned: str | None, columns: Mapping[str, Mapping[str, str]]
) -> str:
    """Everything that an import does: which objects and fields go where. `columns` are those of a database, by object."""
    lines = [*_head(flow, tuned), ""]
    missing = list(lacking([state]))
    lines += [*missing, ""] if missing else []
    for one in state.objects:
        lines += [*_explained_object(one, state, columns.get(one.definition.name, {})), ""]
    return "\n".join(lines)


def _head(flow: CommunityImport, tuned: str | None) -> Iterator[str]:
    yield f"CommunityImport/{flow.name}: from {flow.name} to {flow.target}, {describe(flow.schedule)}"
    by = f"{tuned} tunes it" if tuned else "no document tunes it"
    yield f"It is mandatory for a connected community; {by}."
    yield (
        f"Every {_ordinal(flow.full_every)} run reads everything, the others what changed."
        if flow.full_every > 1
        else ("Every run reads everything.")
    )
    yield "Members are tied to people and companies by, in this order: " + "; ".join(
        " and ".join(rule) for rule in flow.identity.rules
    )
    if flow.identity.aliases:
        yield f"{plural(len(flow.identity.aliases), 'alias', 'aliases')} win over these rules."


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _explained_object(one: TargetObject, state: TargetState, columns: Mapping[str, str]) -> Iterator[str]:
    definition = one.definition
    of = "of this community" if definition.raw else "of all communities"
    yield f"{definition.name}  ({of}; {_place(one, state)})"
    rows = [
        [field.name, _typed(field), _value(field), columns.get(field.name) or _at_target(one, field, state)]
        for field in definition.fields
    ]
    head = ("field", "type", "value", "column" if state.tables is not None else f"in {state.target}")
    yield from (f"    {line}" for line in table(head, [[visible(cell) for cell in row] for row in rows]).splitlines())


def _place(one: TargetObject, state: TargetState) -> str:
    if state.tables is not None:
        return f"the table {state.tables[one.definition.name]}, which the import makes"
    if not state.catalogued:
        return "not known: no catalog"
    return "missing" if one.found is None else one.found.name


def _value(field: FieldDefinition) -> str:
    if field.source.startswith(PROFILE):
        return f"profile field {field.source.removeprefix(PROFILE)}"
    return field.source.replace("_", " ")


def _at_target(one: TargetObject, field: FieldDefinition, state: TargetState) -> str:
    if state.tables is not None or not state.catalogued:
        return "-"
    if field.name in one.fields:
        return one.fields[field.name].name
    wrong = next((wrong for wrong in one.unsuitable if wrong.field == field), None)
    return f"{wrong.found.name}: {wrong.why}" if wrong else "missing"
