"""A plan as text, JSON and Markdown."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.model.document import CONNECTION, Document
from reconciler.model.json import Json
from reconciler.model.plan import Action, Plan, digest_of_content
from reconciler.planning.diff import declared_elsewhere, diff
from reconciler.planning.limits import Exceeded
from reconciler.report.plan import (
    MARKDOWN_DETAILS,
    MARKDOWN_LIMIT,
    SCHEMA,
    limit_message,
    to_json,
    to_markdown,
    to_text,
)
from reconciler.report.text import Style
from tests.unit import projects
from tests.unit.projects import Documents, document, mapping, plan_between

CS = document(CONNECTION, "cs", {"type": "gainsight-cs", "rateLimit": {"perMinute": 90}, "sso": True})
CC = document(CONNECTION, "cc", {"type": "gainsight-cc", "connectedTo": "cs"})
BEFORE = (CS, CC, mapping("m", {"City": "Location", "Job Title": "Title"}), mapping("old", {"Age": "Age"}))
AFTER = (
    document(CONNECTION, "cs", {"type": "gainsight-cs", "rateLimit": {"perMinute": None}, "concurrency": 2}),
    CC,
    mapping("m", {"Job Title": "Role", "Tier": "Tier"}),
    document("Catalog", "cs", {"objects": {"Person": {}, "Company Person": {}}}),
)
EXCEEDED = (Exceeded(what="mappings", affected=1204, recorded=4000, percent=30.1, allowed_percent=30),)
PLAN_FILES = Draft202012Validator(SCHEMA)
FEW = settings(max_examples=40)


@pytest.fixture
def plan() -> Plan:
    return plan_between(BEFORE, AFTER)


def change_lines(text: str) -> list[str]:
    """Lines of changes: documents are indented by two, mappings by six; what changed in a document by eight."""
    return [line for line in text.split("\n") if re.match(r"(  |      )[-+~] ", line)]


# -- text --------------------------------------------------------------------------------------------------------------


def test_what_is_said_of_a_field_besides_its_source() -> None:
    def sync(*fields: dict[str, Json]) -> Document:
        spec = {"from": {"model": "m"}, "to": {"connection": "cs", "object": "Company"}, "fields": list(fields)}
        return document("Sync", "s", spec)

    before = [{"field": "A", "column": "a", "whenNull": "clear"}, {"field": "B", "column": "b", "lookup": "Email"}]
    after = [
        {"field": "A", "column": "a", "whenNull": "default", "default": 0},
        {"field": "B", "template": "{b}", "lookup": "Name"},
    ]
    assert change_lines(to_text(plan_between((sync(*before),), (sync(*after),)))) == [
        "  ~ Sync/s  m → cs Company",
        "      ~ A  ← a  (default: - → 0; whenNull: clear → default)",
        "      ~ B  ← b → {b}  (lookup: Email → Name)",
    ]


def test_the_whole_text(plan: Plan) -> None:
    assert to_text(plan) == "\n".join(
        [
            "Plan for acme (serial 7)",
            "",
            "  + Catalog/cs  Company Person, Person",
            "  ~ Connection/cs  gainsight-cs",
            "        + concurrency: 2",
            "        ~ rateLimit.perMinute: 90 → null",
            "        - sso: true",
            "  ~ ProfileFieldMapping/m  cs → cc",
            "      - forget City  (values already in the community are kept)",
            "      ~ Job Title  ← Company Person.Title → Company Person.Role",
            "      + Tier  ← Company Person.Tier",
            "  - forget ProfileFieldMapping/old  (all data is kept)",
            "      - forget Age  (values already in the community are kept)",
            "",
            "Plan: 1 document to add, 1 document to change, 1 document to forget; "
            "1 mapping to add, 1 mapping to change, 2 mappings to forget.",
        ]
    )


@FEW
@given(projects.projects(), projects.projects())
def test_every_change_has_exactly_one_line(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    lines = change_lines(to_text(plan))
    assert len(lines) == len(plan.changes)
    for line, change in zip(lines, plan.changes, strict=True):
        assert line.lstrip().startswith(change.action.symbol)
        assert ("forget" in line) == (change.action is Action.FORGET)
        assert line.startswith("      ") == bool(change.item)


@given(st.text(min_size=1), st.text())
def test_no_name_can_add_a_line_or_move_the_cursor(field: str, attribute: str) -> None:
    plan = plan_between([CC], [CC, mapping("m", {field: attribute})])
    text = to_text(plan)
    assert len(change_lines(text)) == len(plan.changes) == 2
    assert len(text.splitlines()) == 6
    assert "\x1b" not in text


def test_colours_change_nothing_but_colours(plan: Plan) -> None:
    coloured = to_text(plan, exceeded=EXCEEDED, style=Style(enabled=True))
    assert "\x1b[32m+ Tier\x1b[0m" in coloured
    assert "\x1b[31m- forget City\x1b[0m" in coloured
    assert "\x1b[33m~ Job Title\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == to_text(plan, exceeded=EXCEEDED)


def test_a_plan_without_changes() -> None:
    assert to_text(plan_between([CS], [CS])) == "No changes. acme is as declared (serial 7)."


def test_a_partial_plan_without_changes_does_not_vouch_for_the_rest() -> None:
    assert to_text(plan_between([CC], [CC, CS], "cc")) == "No changes. cc is as declared (serial 7)."
    assert "\ncc, m are as declared" in to_markdown(plan_between([CC], [CC, CS], "cc", "m"))


def test_only_mappings_in_the_summary_when_only_mappings_change() -> None:
    plan = plan_between([mapping("m", {"City": "Location"})], [mapping("m", {"City": "Town"})])
    assert to_text(plan).endswith("\nPlan: 1 mapping to change.")


@pytest.mark.parametrize(
    ("kind", "spec", "line"),
    [
        ("Catalog", {}, "  + Catalog/x"),
        ("Catalog", {"objects": []}, "  + Catalog/x"),
        ("Catalog", {"objects": {name: {} for name in "fbdcea"}}, "  + Catalog/x  a, b, c, d, e, f"),
        ("Catalog", {"objects": {name: {} for name in "gfbdcea"}}, "  + Catalog/x  a, b, c and 4 more"),
        ("Connection", {}, "  + Connection/x  -"),
        ("ProfileFieldMapping", {}, "  + ProfileFieldMapping/x  - → -"),
        ("ProfileFieldMapping", {"from": "a", "to": ["b"]}, '  + ProfileFieldMapping/x  a → ["b"]'),
    ],
)
def test_what_a_document_is_may_be_missing(kind: str, spec: dict[str, Json], line: str) -> None:
    assert change_lines(to_text(plan_between([], [document(kind, "x", spec)]))) == [line]


def test_objects_of_a_catalog_that_come_or_go_are_told_by_their_number_of_fields() -> None:
    def catalog(**objects: Json) -> Document:
        return document("Catalog", "cs", {"objects": objects})

    field = {"dataType": "STRING", "label": "City", "length": 220}
    small, large = (
        {"custom": True, "fields": {f"{n}__gc": field for n in range(size)}, "name": "A__gc"} for size in (1, 99)
    )
    lines = to_text(plan_between([catalog(Old=small)], [catalog(New=large)])).split("\n")
    assert lines[3:5] == ["        + objects.New: A__gc, 99 fields", "        - objects.Old: A__gc, 1 field"]
    changed = to_text(plan_between([catalog(Old=small)], [catalog(Old=large)])).split("\n")
    assert changed[3] == '        + objects.Old.fields.10__gc: {"dataType":"STRING","label":"City","length":220}'
    assert '"99__gc"' not in changed and '"98__gc"' in to_json(plan_between([catalog(Old=small)], [catalog(New=large)]))


# -- two trees ---------------------------------------------------------------------------------------------------------


def between_trees(before: tuple[Document, ...], after: tuple[Document, ...]) -> Plan:
    there = projects.desired(projects.by_id(before))
    return diff(projects.desired(projects.by_id(after)), declared_elsewhere(there))


def test_a_comparison_of_two_trees_says_that_it_is_one() -> None:
    plan = between_trees(BEFORE, AFTER)
    assert to_text(plan).startswith("Plan for acme (compares two trees, not with what is recorded)\n\n  + Catalog/cs")
    assert "<sub>compares two trees, not with what is recorded · plan `" in to_markdown(plan)
    base = json.loads(to_json(plan))["base"]
    assert base["tree"] == projects.desired(projects.by_id(BEFORE)).digest
    assert (base["lineage"], base["serial"]) == (None, 0)
    PLAN_FILES.validate(json.loads(to_json(plan)))


def test_two_equal_trees_vouch_for_nothing_that_is_recorded() -> None:
    plan = between_trees((CS,), (CS,))
    said = "acme is declared alike in both trees; what is recorded was not looked at."
    assert to_text(plan) == f"No changes. {said}"
    assert to_markdown(plan) == f"### reconcile plan: no changes\n\n{said}\n"


def test_limits_speak_of_what_was_declared_so_far() -> None:
    plan = between_trees(BEFORE, AFTER)
    assert plan.mappings.recorded == 3
    assert "1,204 of 4,000 so far declared mappings would change" in to_text(plan, exceeded=EXCEEDED)
    assert "1,204 of 4,000 so far declared mappings would change" in to_markdown(plan, exceeded=EXCEEDED)


@FEW
@given(projects.projects(), projects.projects())
def test_a_tree_compares_like_a_database_to_which_it_was_applied(before: Documents, after: Documents) -> None:
    trees = between_trees(tuple(before.values()), tuple(after.values()))
    recorded = diff(projects.desired(after), projects.recorded(before))
    assert trees.changes == recorded.changes
    assert (trees.documents, trees.mappings) == (recorded.documents, recorded.mappings)
    assert trees.digest != recorded.digest


# -- limits ------------------------------------------------------------------------------------------------------------


def test_an_exceeded_limit_says_how_to_go_on(plan: Plan) -> None:
    message = "1,204 of 4,000 recorded mappings would change (30.1 %, the limit is 30 %): apply needs --allow-mass-change 1204"
    assert limit_message(EXCEEDED) == message
    assert to_text(plan, exceeded=EXCEEDED).endswith(f"\n\n! {message}")
    assert f"> ⚠️ {message}\n" in to_markdown(plan, exceeded=EXCEEDED)


@given(st.integers(0, 100), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_above_the_limit_never_reads_as_the_limit(allowed: int, recorded: int, affected: int) -> None:
    percent = 100 * affected / recorded
    message = limit_message(
        [Exceeded(what="documents", affected=affected, recorded=recorded, percent=percent, allowed_percent=allowed)]
    )
    shown = re.search(r"\(([\d.e+]+) %", message)
    assert shown is not None
    assert (float(shown[1]) > allowed) == (percent > allowed)


def test_every_limit_that_is_broken_is_named_and_one_number_confirms_them_all() -> None:
    documents = Exceeded(what="documents", affected=2, recorded=4, percent=50.0, allowed_percent=10)
    mappings = Exceeded(what="mappings", affected=4, recorded=8, percent=50.0, allowed_percent=10)
    message = limit_message([documents, mappings])
    assert "2 of 4 recorded documents" in message
    assert "4 of 8 recorded mappings" in message
    assert message.endswith("--allow-mass-change 4")


# -- JSON --------------------------------------------------------------------------------------------------------------


def test_the_plan_file(plan: Plan) -> None:
    text = to_json(plan)
    data = json.loads(text)
    assert text.endswith("}\n")
    assert list(data) == sorted(data)
    assert data["formatVersion"] == 1
    assert data["base"] == {"lineage": "0" * 32, "serial": 7, "desired": plan.base.desired}
    assert data["summary"]["mappings"] == {"add": 1, "change": 1, "forget": 2, "recorded": 3}
    assert [(c["action"], c["kind"], c["name"], c["item"]) for c in data["changes"]] == [
        (c.action.value, c.id.kind, c.id.name, c.item) for c in plan.changes
    ]
    assert data["changes"][1]["details"][1] == {"path": "rateLimit.perMinute", "before": 90, "after": "null"}


def test_warnings_are_told_and_change_nothing_about_the_plan(plan: Plan) -> None:
    data = json.loads(to_json(plan, warnings=["the database is empty"]))
    assert data["warnings"] == ["the database is empty"]
    PLAN_FILES.validate(data)
    assert data["digest"] == digest_of_content(data) == plan.digest
    assert {key: value for key, value in data.items() if key != "warnings"} == json.loads(to_json(plan))
    for shown in (plan, plan_between([CS], [CS])):
        assert to_markdown(shown, warnings=["the database\nis empty"]).count("> ⚠️ the database\\nis empty\n\n") == 1


@FEW
@given(projects.projects(), projects.projects())
def test_a_plan_file_is_what_its_schema_says(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before, serial=0))
    PLAN_FILES.validate(json.loads(to_json(plan)))


@pytest.mark.parametrize(
    "damage",
    [
        {"formatVersion": 2},
        {"digest": "0"},
        {"changes": [{}]},
        {"only": "m"},
        {"base": {"lineage": None, "serial": -1, "desired": ""}},
        {"summary": {"documents": {"add": -1, "change": 0, "forget": 0, "recorded": 0}}},
        {"more": 1},
    ],
)
def test_the_schema_of_a_plan_file_refuses_anything_else(plan: Plan, damage: dict[str, Json]) -> None:
    assert not PLAN_FILES.is_valid({**json.loads(to_json(plan)), **damage})


def test_a_plan_file_is_made_for_reading() -> None:
    text = to_json(plan_between([], [mapping("m", {"Größe": "Size"})]))
    assert '\n      "action": "add",\n' in text
    assert '"item": "Größe"' in text


# -- Markdown ----------------------------------------------------------------------------------------------------------


def test_the_whole_markdown() -> None:
    plan = plan_between([CC, mapping("m", {"City": "L", "Tier": "T"})], [CC, mapping("m", {"City": "M", "Age": "A"})])
    assert to_markdown(plan) == "\n".join(
        [
            "### reconcile plan",
            "",
            "**Plan: 1 mapping to add, 1 mapping to change, 1 mapping to forget.**",
            "",
            "```diff",
            "! ~ ProfileFieldMapping/m  cs → cc",
            "+     + Age  ← Company Person.A",
            "!     ~ City  ← Company Person.L → Company Person.M",
            "-     - forget Tier  (values already in the community are kept)",
            "```",
            "",
            f"<sub>serial 7 · plan `{plan.digest[:12]}`</sub>",
            "",
        ]
    )


def test_markdown_of_a_plan_without_changes() -> None:
    text = to_markdown(plan_between([CS], [CS]))
    assert text == "### reconcile plan: no changes\n\nacme is as declared (serial 7).\n"


def big_plan(count: int, length: int) -> Plan:
    entries = {f"{n:06}{'x' * length}": "Title" for n in range(count)}
    return plan_between([], [mapping("m", entries)])


def left_out(text: str) -> int:
    found = re.search(r"\*\*([\d,]+) more (?:change is|changes are) not shown\*\*", text)
    return int(found[1].replace(",", "")) if found else 0


@settings(max_examples=25)
@example(count=2500, length=0, exceeded=EXCEEDED)
@given(st.integers(0, 2500), st.integers(0, 300), st.sampled_from([(), EXCEEDED]))
def test_markdown_fits_and_says_what_it_left_out(count: int, length: int, exceeded: Exceeded | None) -> None:
    plan = big_plan(count, length)
    text = to_markdown(plan, exceeded=exceeded)
    assert len(text) <= MARKDOWN_LIMIT
    shown = text.partition("```diff\n")[2].partition("```")[0].splitlines()
    assert len(shown) + left_out(text) == len(change_lines(to_text(plan)))
    assert text.count("```") == 2
    if left_out(text):
        assert len(text) > MARKDOWN_LIMIT - 1000
        assert re.search(r"\n```\n\*\*[\d,]+ more changes? (is|are) not shown\*\*: `reconcile plan` prints", text)


def test_a_long_document_leaves_room_for_the_others() -> None:
    keys: dict[str, Json] = {f"key{n:03}": n for n in range(MARKDOWN_DETAILS + 5)}
    plan = plan_between(
        [document(CONNECTION, "a", {}), CC], [document(CONNECTION, "a", keys), mapping("m", {"A": "A"})]
    )
    shown = to_markdown(plan).splitlines()
    assert f"! + key{MARKDOWN_DETAILS - 1:03}: {MARKDOWN_DETAILS - 1}" in shown
    assert "! … and 5 more keys of it" in shown
    assert f"! + key{MARKDOWN_DETAILS:03}: {MARKDOWN_DETAILS}" not in shown
    assert "+     + A  ← Company Person.A" in shown


def test_one_line_that_does_not_fit_is_left_out_too() -> None:
    text = to_markdown(big_plan(1, MARKDOWN_LIMIT))
    assert len(text) < 1000
    assert left_out(text) == 1


@FEW
@given(projects.projects(), projects.projects())
def test_markdown_of_any_plan_is_one_closed_block(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    text = to_markdown(plan)
    assert text.count("```") == (0 if plan.empty else 2)
    assert left_out(text) == 0
    for change in plan.changes:
        assert (change.item or str(change.id)).replace("\n", "\\n").replace("```", "'''") in text
