"""Declared against recorded documents."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.document import (
    COMMUNITY_IMPORT,
    CONNECTION,
    HAVING_CYCLES,
    MODEL,
    PROFILE_FIELD_MAPPING,
    SYNC,
    Document,
    DocumentId,
)
from reconciler.model.plan import Action, Change, Counts, Detail, digest_of_content
from reconciler.planning.diff import Recorded, diff, differing, items, references, unknown_names
from reconciler.report.plan import to_json
from tests.unit import projects
from tests.unit.projects import Documents, by_id, document, mapping, plan_between, sync

CS = document(CONNECTION, "cs", {"type": "gainsight-cs"})
CC = document(CONNECTION, "cc", {"type": "gainsight-cc", "connectedTo": "cs"})
M = mapping("m", {"City": "Location", "Job Title": "Title"})
BASE = (CS, CC, M)

FEW = settings(max_examples=40)
"""Whole projects take long to draw."""


def short(change: Change) -> tuple[str, str, str]:
    return (change.action.symbol, str(change.id), change.item)


# -- properties --------------------------------------------------------------------------------------------------------


@FEW
@given(projects.projects())
def test_nothing_differs_from_itself(documents: Documents) -> None:
    plan = diff(projects.desired(documents), projects.recorded(documents))
    assert plan.empty
    assert plan.documents == Counts(recorded=len(documents))


@FEW
@given(projects.projects(), projects.projects(), st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_documents_and_keys(
    before: Documents, after: Documents, chance: random.Random
) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    again = diff(
        projects.desired(projects.reordered(after, chance)), projects.recorded(projects.reordered(before, chance))
    )
    assert again.digest == plan.digest
    assert to_json(again) == to_json(plan)


@FEW
@given(projects.projects(), projects.projects())
def test_carrying_out_a_plan_gives_what_is_declared_and_the_next_plan_is_empty(
    before: Documents, after: Documents
) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    reached = projects.carried_out(plan, before)
    assert reached == after
    assert diff(projects.desired(after), projects.recorded(reached)).empty


@FEW
@given(projects.projects(), projects.projects())
def test_the_lines_of_the_mappings_lead_from_the_recorded_to_the_declared_ones(
    before: Documents, after: Documents
) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    for id in before.keys() | after.keys():
        if id.kind not in HAVING_CYCLES:
            assert not [change for change in plan.changes if change.id == id and change.item]
            continue
        entries = items(before.get(id))
        for change in (change for change in plan.changes if change.id == id and change.item):
            assert entries.get(change.item) == change.before
            entries.pop(change.item, None)
            if change.after is not None:
                entries[change.item] = change.after
        assert entries == items(after.get(id))


@FEW
@given(projects.projects(), projects.projects())
def test_the_counts_are_those_of_the_lines(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    actions = [change.action for change in plan.changes if change.item]
    assert plan.mappings.add == actions.count(Action.ADD)
    assert plan.mappings.change == actions.count(Action.CHANGE)
    assert plan.mappings.forget == actions.count(Action.FORGET)
    assert plan.documents.add == len(after.keys() - before.keys())
    assert plan.documents.forget == len(before.keys() - after.keys())
    assert plan.documents.recorded == len(before)
    assert plan.mappings.recorded + plan.mappings.add - plan.mappings.forget == sum(
        len(items(found)) for id, found in after.items() if id.kind in HAVING_CYCLES
    )


@FEW
@given(projects.projects(), projects.projects())
def test_every_changed_document_says_what_changes(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    for change in plan.changes:
        if change.action is Action.CHANGE:
            lines = [other for other in plan.changes if other.id == change.id and other.item]
            assert change.details or (not change.item and lines), change
        assert (change.before is None) == (change.action is Action.ADD)
        assert (change.after is None) == (change.action is Action.FORGET)


@FEW
@given(projects.projects(), projects.projects())
def test_a_plan_file_read_back_has_the_digest_of_the_plan(before: Documents, after: Documents) -> None:
    plan = diff(projects.desired(after), projects.recorded(before))
    read = json.loads(to_json(plan))
    assert read["digest"] == plan.digest == digest_of_content(read)


@FEW
@given(projects.projects(), projects.projects(), st.integers(0, 5))
def test_an_edited_plan_file_does_not_have_the_digest(before: Documents, after: Documents, serial: int) -> None:
    read = json.loads(to_json(diff(projects.desired(after), projects.recorded(before))))
    read["base"]["serial"] = serial
    assert digest_of_content(read) != read["digest"]


@FEW
@given(projects.projects(), projects.projects(), st.data())
def test_only_leaves_no_reference_dangling(before: Documents, after: Documents, data: st.DataObject) -> None:
    names = sorted({id.name for id in before.keys() | after.keys()})
    names += [str(id) for id in sorted(before.keys() | after.keys())]
    if not names:
        return
    only = tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))
    whole = diff(projects.desired(after), projects.recorded(before))
    part = diff(projects.desired(after), projects.recorded(before), only=only)
    reached = projects.carried_out(part, before)

    connections = {id.name for id in reached if id.kind == CONNECTION}
    used = {id for found in reached.values() for id in references(found)}
    assert {id.name for id in used if id.kind == CONNECTION} <= connections
    assert {id for id in used if id.kind == MODEL} <= reached.keys()
    named = {id for id in before.keys() | after.keys() if id.name in only or str(id) in only}
    assert all(reached.get(id) == after.get(id) for id in named)
    assert [change for change in whole.changes if change.id in {c.id for c in part.changes}] == list(part.changes)
    assert projects.carried_out(diff(projects.desired(after), projects.recorded(reached)), reached) == after


# -- examples ----------------------------------------------------------------------------------------------------------


def test_a_first_plan_adds_everything_in_order() -> None:
    plan = plan_between([], [M, CC, CS])
    assert [short(change) for change in plan.changes] == [
        ("+", "Connection/cc", ""),
        ("+", "Connection/cs", ""),
        ("+", "ProfileFieldMapping/m", ""),
        ("+", "ProfileFieldMapping/m", "City"),
        ("+", "ProfileFieldMapping/m", "Job Title"),
    ]
    assert (plan.documents, plan.mappings) == (Counts(add=3), Counts(add=2))
    assert plan.changes[0].after == {"spec": {"type": "gainsight-cc", "connectedTo": "cs"}, "labels": {}}


def test_mappings_are_added_changed_and_forgotten_one_by_one() -> None:
    plan = plan_between(BASE, (CS, CC, mapping("m", {"Job Title": "Role", "Tier": "Tier"})))
    assert [short(change) for change in plan.changes] == [
        ("~", "ProfileFieldMapping/m", ""),
        ("-", "ProfileFieldMapping/m", "City"),
        ("~", "ProfileFieldMapping/m", "Job Title"),
        ("+", "ProfileFieldMapping/m", "Tier"),
    ]
    assert plan.changes[2].details == (Detail(path="attribute", before="Title", after="Role"),)
    assert plan.mappings == Counts(add=1, change=1, forget=1, recorded=2)


def test_a_document_of_which_only_mappings_change_is_printed_but_not_counted() -> None:
    plan = plan_between(BASE, (CS, CC, mapping("m", {"City": "Location"})))
    assert plan.changes[0].is_header
    assert plan.documents == Counts(recorded=3)


def test_a_mapping_document_whose_own_keys_change_is_counted() -> None:
    plan = plan_between([CS, CC, M], [CS, CC, mapping("m", {"City": "Location"}, schedule={"every": "1h"})])
    assert plan.documents == Counts(change=1, recorded=3)
    assert not plan.changes[0].is_header


def test_a_forgotten_document_forgets_its_mappings() -> None:
    plan = plan_between(BASE, (CS, CC))
    assert [short(change)[::2] for change in plan.changes] == [("-", ""), ("-", "City"), ("-", "Job Title")]
    assert plan.documents.affected == 1
    assert plan.mappings.affected == 2


def connection(**spec: object) -> Document:
    return document(CONNECTION, "cc", {"type": "gainsight-cc", **spec})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        ({}, {"sso": True}, Detail(path="sso", before=None, after=True)),
        ({"sso": True}, {}, Detail(path="sso", before=True, after=None)),
        ({"concurrency": 1}, {"concurrency": 2}, Detail(path="concurrency", before=1, after=2)),
        (
            {"clientId": {"env": "A"}},
            {"clientId": {"env": "B"}},
            Detail(path="clientId.env", before="A", after="B"),
        ),
        # null lifts a limit, a missing key leaves the default: only the word tells one from the other.
        (
            {"rateLimit": {"perDay": 5, "perMinute": 9}},
            {"rateLimit": {"perDay": 5, "perMinute": None}},
            Detail(path="rateLimit.perMinute", before=9, after="null"),
        ),
        (
            {"rateLimit": {"perDay": 5}},
            {"rateLimit": {"perDay": 5, "perMinute": None}},
            Detail(path="rateLimit.perMinute", before=None, after="null"),
        ),
        (
            {"profileFields": [{"name": "City"}]},
            {"profileFields": [{"name": "City", "type": "number"}]},
            Detail(path="profileFields.City.type", before=None, after="number"),
        ),
        (
            {},
            {"profileFields": [{"name": "City"}]},
            Detail(path="profileFields", before=None, after={"City": {"name": "City"}}),
        ),
        (
            {"profileFields": [{"name": "City"}, {"name": "Tier"}]},
            {"profileFields": [{"name": "Tier"}]},
            Detail(path="profileFields.City", before={"name": "City"}, after=None),
        ),
    ],
)
def test_a_changed_key_is_named_by_its_path(
    before: dict[str, object], after: dict[str, object], detail: Detail
) -> None:
    (change,) = plan_between([connection(**before)], [connection(**after)]).changes
    assert change.details == (detail,)
    assert not change.is_header


def test_labels_are_part_of_a_document() -> None:
    (change,) = plan_between([CS], [document(CONNECTION, "cs", CS.spec, {"team": "a"})]).changes
    assert change.details == (Detail(path="labels", before=None, after={"team": "a"}),)


def test_documents_of_other_kinds_have_no_entries() -> None:
    assert items(document("Catalog", "cs", {"mappings": [{"profileField": "x"}]})) == {}
    assert items(None) == {}
    assert items(CC) == {}


def test_only_takes_what_the_named_document_needs_and_nothing_else() -> None:
    other = mapping("other", {"Tier": "Tier"}, source="cs-2", target="cc")
    plan = plan_between([], [CS, CC, M, other, document(CONNECTION, "cs-2", CS.spec)], "m")
    assert {str(change.id) for change in plan.changes} == {
        "Connection/cs",
        "Connection/cc",
        "ProfileFieldMapping/m",
    }
    assert plan.only == ("m",)


def test_only_takes_the_catalog_of_a_source_along() -> None:
    catalog = document("Catalog", "cs", {"objects": {}})
    plan = plan_between([], [CS, CC, M, catalog], "ProfileFieldMapping/m")
    assert DocumentId("Catalog", "cs") in {change.id for change in plan.changes}


def test_only_takes_along_what_would_refer_to_a_forgotten_connection() -> None:
    plan = plan_between(BASE, (document(CONNECTION, "new", CS.spec), connection(connectedTo="new")), "Connection/cs")
    assert [short(change)[:2] for change in plan.changes if not change.item] == [
        ("~", "Connection/cc"),
        ("-", "Connection/cs"),
        ("+", "Connection/new"),
        ("-", "ProfileFieldMapping/m"),
    ]


def test_the_counts_of_a_partial_plan_are_against_the_whole_record() -> None:
    plan = plan_between(BASE, (), "m")
    assert plan.documents == Counts(forget=1, recorded=3)
    assert plan.mappings == Counts(forget=2, recorded=2)


def test_only_what_somebody_wrote_counts_for_the_limits() -> None:
    """Not what is pinned, and not the imports that every connected community has, unless a document says something of them."""
    cs = Document(id=DocumentId("Connection", "cs"), spec={"type": "gainsight-cs"})
    unsaid = [Document(id=DocumentId("CommunityImport", name), spec={"to": "cs"}) for name in "abc"]
    tuned = Document(id=DocumentId("CommunityImport", "d"), spec={"to": "cs", "fullEvery": 3})
    pinned = Document(id=DocumentId("Catalog", "cs"), spec={"objects": {}})
    again = [replace(pinned, spec={"objects": {"x": {}}}), replace(unsaid[1], spec={"to": "cs", "fullEvery": 9})]
    plan = plan_between([cs, *unsaid, tuned, pinned], [cs, unsaid[0], *again])
    assert plan.documents == Counts(add=0, change=2, forget=2, recorded=6)
    assert plan.declared == Counts(add=0, change=1, forget=1, recorded=3), "cs, b since it is tuned, and d"


def test_unknown_names() -> None:
    ids = projects.digests(by_id(BASE))
    assert unknown_names(("m", "Connection/cs", "x", "Connection/m"), ids) == ["x", "Connection/m"]
    assert unknown_names((), ids) == []


def test_differing_reads_digests_only() -> None:
    a, b, c = (DocumentId(CONNECTION, name) for name in "abc")
    assert differing({a: "1", b: "2"}, {b: "2", c: "3"}) == [a, c]
    assert differing({b: "2"}, {b: "3"}) == [b]


def test_a_document_that_is_there_but_not_at_hand_is_not_taken_for_absent() -> None:
    found = projects.recorded(by_id(BASE))
    cut = Recorded(
        lineage=found.lineage, serial=found.serial, digests=found.digests, documents={}, mappings=found.mappings
    )
    with pytest.raises(KeyError):
        diff(projects.desired(by_id([CS])), cut)


def test_the_digest_of_a_plan_covers_its_base_and_its_selection() -> None:
    one = diff(projects.desired(by_id(BASE)), projects.recorded({}, serial=1))
    assert one.digest != diff(projects.desired(by_id(BASE)), projects.recorded({}, serial=2)).digest
    every = ("cc", "cs", "m")
    assert one.digest != diff(projects.desired(by_id(BASE)), projects.recorded({}, serial=1), only=every).digest


# -- models and syncs --------------------------------------------------------------------------------------------------

WAREHOUSE = document(CONNECTION, "warehouse", {"type": "sql"})
QUERY = document(MODEL, "m", {"connection": "warehouse", "sql": "SELECT a", "key": ["a"]})
S = sync("s", {"Stage": "stage", "Arr": "arr"}, after=["Sync/t", "u"])
CATALOG = document("Catalog", "cs", {})
FLOW = (CS, CATALOG, WAREHOUSE, QUERY, S)


def test_a_sync_is_planned_after_what_it_needs_with_a_line_for_each_field() -> None:
    plan = plan_between([], FLOW)
    assert [short(change) for change in plan.changes] == [
        ("+", "Catalog/cs", ""),
        ("+", "Connection/cs", ""),
        ("+", "Connection/warehouse", ""),
        ("+", "Model/m", ""),
        ("+", "Sync/s", ""),
        ("+", "Sync/s", "Arr"),
        ("+", "Sync/s", "Stage"),
    ]
    assert plan.mappings == Counts(add=2)


def test_a_field_of_a_sync_that_goes_is_forgotten() -> None:
    changed = sync("s", {"Stage": "phase", "Mrr": "mrr"}, after=["Sync/t", "u"])
    plan = plan_between(FLOW, [*FLOW[:-1], changed])
    assert [short(change) for change in plan.changes] == [
        ("~", "Sync/s", ""),
        ("-", "Sync/s", "Arr"),
        ("+", "Sync/s", "Mrr"),
        ("~", "Sync/s", "Stage"),
    ]
    assert plan.mappings == Counts(add=1, change=1, forget=1, recorded=2)


def test_only_takes_along_what_a_sync_needs() -> None:
    plan = plan_between([], FLOW, "s")
    assert {str(change.id) for change in plan.changes} == {str(found.id) for found in FLOW}
    forgotten = plan_between(FLOW, [CS, CATALOG], "Connection/warehouse")
    assert {str(change.id) for change in forgotten.changes} == {"Connection/warehouse", "Model/m", "Sync/s"}


def test_what_documents_refer_to() -> None:
    assert references(S) == {
        DocumentId(MODEL, "m"),
        *(DocumentId(kind, "cs") for kind in (CONNECTION, "Catalog")),
        *(DocumentId(kind, name) for kind in (SYNC, PROFILE_FIELD_MAPPING, COMMUNITY_IMPORT) for name in ("t", "u")),
    }
    assert references(QUERY) == {DocumentId(kind, "warehouse") for kind in (CONNECTION, "Catalog")}
    assert references(document(SYNC, "odd", {"from": "x", "to": 5, "after": "y"})) == set()
    assert references(None) == set()
