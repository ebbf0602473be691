"""Rules about Syncs beside others, and about how a field gets its value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.config.facts import Facts, Finding, Place, Span, Written
from reconciler.config.rules import examples, fits, imports
from reconciler.config.rules.base import Example, Rule
from reconciler.config.rules.destinations import described
from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING, SYNC, DocumentId
from reconciler.records.template import FILTERS, Template, TemplateError

# -- values ------------------------------------------------------------------------------------------------------------


def _templates(facts: Facts) -> Iterator[Finding]:
    hint = f"columns stand in braces, filters after a bar: {{name|trim}}; filters: {', '.join(FILTERS)}"
    for line in facts.writes:
        try:
            if line.rule.template is not None:
                Template.parse(line.rule.template)
        except TemplateError as error:
            place = line.place("template")
            span = Span(None, 1, error.at + 1, error.length)
            yield Finding(Place(place.origin, place.path, span=span), str(error), hint)


def _types(facts: Facts) -> Iterator[Finding]:
    for line, field in described(facts):
        if line.rule.lookup is not None:
            continue
        if why := fits.never(field):
            yield Finding(line.place("field"), f"'{field.name}' {why}", "remove this line")
            continue
        kind = facts.kinds.get(line.sync.model, {}).get((line.rule.column or "").casefold())
        if kind is not None and not fits.takes(field, kind):
            hint = f"it is {field.data_type.value}: choose another column, or make a fitting value of it with SQL"
            yield Finding(
                line.place("column"),
                f"the column '{line.rule.column}' is {kind}, which '{field.name}' does not take",
                hint,
            )
        for key, value in (("constant", line.rule.constant), ("default", line.rule.default)):
            if value is not None and (wrong := fits.wrong(value, field)):
                yield Finding(line.place(key), f"'{field.name}' {wrong[0]}", wrong[1])


# -- writers -----------------------------------------------------------------------------------------------------------


def _writers(facts: Facts) -> Iterator[Finding]:
    written: dict[tuple[str, str, str], list[Written]] = {}
    for line in facts.writes:
        known = facts.target(line.sync)
        object = (known.name if known else line.sync.object).casefold()
        written.setdefault((line.sync.connection, object, line.rule.field), []).append(line)
    for lines in written.values():
        if len(lines) > 1:
            yield from _contested(
                sorted(lines, key=lambda line: (line.place("field").origin, line.place("field").path[2:3]))
            )


def _contested(lines: Sequence[Written]) -> Iterator[Finding]:
    """Several writers of one field: it is clear who overwrites only where one is the owner and the others fill gaps."""
    first = lines[0]
    names = {line.sync.name for line in lines}
    what = f"the field '{first.rule.field}' of {first.sync.object}"
    if len(names) < len(lines):
        for line in lines[1:]:
            related = (("also written here", first.place("field")),)
            yield Finding(
                line.place("field"), f"{what} is written twice by one document", "keep one of the two", related
            )
        return
    owners = [line for line in lines if line.rule.owner]
    if not owners:
        hint = "write `owner: true` in the one that decides, and `setIfEmpty: true` in the others"
        for line in lines[1:]:
            related = (("also written here", first.place("field")),)
            yield Finding(line.place("field"), f"{what} is written by several documents", hint, related)
        return
    related = (("the owner", owners[0].place("field")),)
    for line in owners[1:]:
        yield Finding(line.place("owner"), f"{what} has two owners", "leave one of them", related)
    for line in lines:
        if not line.rule.owner and not line.rule.set_if_empty:
            hint = "write `setIfEmpty: true`, so that it only fills what is empty; or remove this line"
            message = f"{what} is owned by the Sync '{owners[0].sync.name}', and this one would overwrite it"
            yield Finding(line.place("field"), message, hint, related)


# -- order -------------------------------------------------------------------------------------------------------------


def _after(facts: Facts) -> Iterator[Finding]:
    if not facts.complete:
        return
    known = _with_cycles(facts)
    chain: dict[str, list[str]] = {}
    for typed in facts.syncs:
        for at, name in enumerate(typed.resource.after):
            place = typed.entry.place("spec", "after", at)
            meant = [id for id in known if name in (id.name, str(id))]
            if not meant:
                hint = facts.suggest(name, sorted({id.name for id in known}), "name a document that has cycles")
                yield Finding(place, f"there is no document '{name}' that has cycles", hint)
            elif len(meant) > 1:
                yield Finding(place, f"'{name}' could be {' or '.join(map(str, meant))}", "write its kind, too")
            elif meant[0].kind == SYNC:
                chain.setdefault(typed.resource.name, []).append(meant[0].name)
    yield from _circles(facts, chain)


def _with_cycles(facts: Facts) -> list[DocumentId]:
    declared = [
        *(DocumentId(PROFILE_FIELD_MAPPING, typed.resource.name) for typed in facts.mappings),
        *(DocumentId(SYNC, typed.resource.name) for typed in facts.syncs),
        *(DocumentId(COMMUNITY_IMPORT, community.name) for community, _ in imports.running(facts)),
    ]
    return sorted({*declared, *(id for id in facts.doubtful if id.kind in (PROFILE_FIELD_MAPPING, SYNC))})


def _circles(facts: Facts, chain: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Documents that wait for themselves, each circle once."""
    entries = {typed.resource.name: typed.entry for typed in facts.syncs}
    done: set[str] = set()
    for start in sorted(chain):
        path = _circle(start, chain, done)
        done.update(path or (start,))
        if path:
            words = " → ".join((*path, path[0]))
            message = f"'{path[0]}' waits for itself: {words}" if len(path) > 1 else f"'{path[0]}' waits for itself"
            yield Finding(entries[path[0]].place("spec", "after"), message, "take one of them out")


def _circle(start: str, chain: Mapping[str, Sequence[str]], done: set[str]) -> list[str] | None:
    """The way from `start` back to it."""
    came: dict[str, str] = {}
    pending = [start]
    while pending:
        here = pending.pop()
        for name in chain.get(here, ()):
            if name == start:
                way = [here]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if name not in came and name not in done:
                came[name] = here
                pending.append(name)
    return None


def _sync(*fields: str, rest: str = "") -> Example:
    return Example(text=examples.sync(*fields, rest=rest), files=examples.MODELS)


def _two(first: str, second: str) -> Example:
    text = examples.sync(first) + "---\n" + examples.sync(second, name="renewals")
    return Example(text=text, files=examples.MODELS)


_GOOD = _sync()

RULES = (
    Rule(
        code="E-FIELD-RULE",
        title="it is not clear how a field gets its value",
        why="A value comes from exactly one of `column`, `constant` and `template`. `default` belongs to `whenNull: default`, a "
        "constant is never null, and a field that is only filled where it is empty has another owner and is never cleared.",
        fix="Write one source, and with it only what can happen.",
        bad=_sync("column: stage, field: Stage, whenNull: default"),
        good=_sync("column: stage, field: Stage, whenNull: default, default: Launched"),
    ),
    Rule(
        code="E-TEMPLATE",
        title="a template that cannot be read",
        why="A template is text with columns in braces and a handful of filters. It is no programming language.",
        fix="Write {column}, {column|filter}, and {{ for a brace. What needs more is written in SQL.",
        bad=_sync('template: "{name", field: TickerSymbol'),
        good=_sync('template: "{name|trim|upper|first:5}", field: TickerSymbol'),
        check=_templates,
    ),
    Rule(
        code="E-SYNC-TYPE",
        title="a value does not fit the field",
        why="Gainsight refuses a whole call of fifty records for one value of the wrong type. Of constants and defaults it is "
        "known beforehand, and of columns where the SQL says what they hold; all other values are looked at in each cycle, and "
        "those that do not fit are rejected one by one.",
        fix="Write a value of the field's type: a number, true or false, a date such as 2026-01-31, an item of the picklist.",
        bad=_sync("constant: Lunched, field: Stage"),
        good=_sync("constant: Launched, field: Stage"),
        check=_types,
    ),
    Rule(
        code="E-OWNER",
        title="a field is written by several documents, and it is not clear who decides",
        why="Two documents that write one field would overwrite each other in every cycle. Where several must write it, one is "
        "its owner, and the others only fill it where it is empty.",
        fix="Remove all but one; or write `owner: true` in the one that decides and `setIfEmpty: true` in the others.",
        bad=_two("column: stage, field: Stage", "constant: Launched, field: Stage"),
        good=_two("column: stage, field: Stage, owner: true", "constant: Launched, field: Stage, setIfEmpty: true"),
        check=_writers,
    ),
    Rule(
        code="E-AFTER",
        title="a document waits for what never comes",
        why="`after` names documents with cycles of their own. One that is not there never succeeds, and documents that wait for "
        "each other never begin.",
        fix="Correct the name, or take it out.",
        bad=_sync(rest="  after: [people]\n"),
        good=Example(
            text=examples.sync(rest="  after: [people]\n")
            + "---\n"
            + examples.sync("column: name, field: Name", name="people", object="Person", key="{Email: email}"),
            files=examples.MODELS,
        ),
        check=_after,
    ),
)
