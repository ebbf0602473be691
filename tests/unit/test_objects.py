"""What a target has of the objects of an import: by label, by API name, and what cannot be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model import community
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType
from reconciler.model.community import FieldDefinition, FieldType, ObjectDefinition
from reconciler.model.document import DocumentId
from reconciler.planning.objects import TargetState, api_name, choose, compare
from reconciler.report.objects import lacking

_TYPES = {
    FieldType.STRING: DataType.STRING,
    FieldType.TEXT: DataType.RICHTEXTAREA,
    FieldType.INTEGER: DataType.NUMBER,
    FieldType.NUMBER: DataType.NUMBER,
    FieldType.BOOLEAN: DataType.BOOLEAN,
    FieldType.DATETIME: DataType.DATETIME,
    FieldType.DATE: DataType.DATE,
    FieldType.LIST: DataType.STRING,
    FieldType.LOOKUP: DataType.LOOKUP,
}


def field(definition: FieldDefinition) -> CatalogField:
    to = definition.refers_to
    return CatalogField(
        name=api_name(definition.name),
        label=definition.name,
        data_type=_TYPES[definition.type],
        lookup_object=to.lower().replace(" ", "_") if to else None,
    )


def created(definition: ObjectDefinition) -> CatalogObject:
    """The object as an admin creates it from what the plan lists."""
    fields = [field(one) for one in definition.fields]
    return CatalogObject(
        name=api_name(definition.name),
        label=definition.name,
        fields={one.name: one for one in fields},
        custom=True,
        low_volume=True,
        editable=True,
    )


def catalog(*objects: CatalogObject) -> Catalog:
    return Catalog(connection="cs", objects={one.label: one for one in objects})


def with_field(known: CatalogObject, label: str, **facts: object) -> CatalogObject:
    changed = {
        name: replace(one, **facts) if one.label == label else one  # type: ignore[arg-type]
        for name, one in known.fields.items()
    }
    return replace(known, fields=changed)


ALL = community.objects("acme-us")
USER = ALL[0]


def state(catalogued: Catalog | None) -> TargetState:
    id = DocumentId("CommunityImport", "acme")
    return TargetState(document=id, target="cs", objects=compare(ALL, catalogued), catalogued=catalogued is not None)


def test_what_an_admin_created_from_the_list_is_complete() -> None:
    found = state(catalog(*map(created, ALL)))
    assert all(one.complete and one.usable for one in found.objects)
    assert (found.waits, found.incomplete) == (False, ())
    assert {one.definition.name: set(one.fields) for one in found.objects} == {
        definition.name: {one.name for one in definition.fields} for definition in ALL
    }


@pytest.mark.parametrize("known", [None, catalog(), catalog(replace(created(USER), name="Other__gc", label="Other"))])
def test_an_import_waits_where_nothing_is_there(known: Catalog | None) -> None:
    found = state(known)
    assert found.waits
    assert [one.missing for one in found.incomplete] == [definition.fields for definition in ALL]
    assert not any(one.usable for one in found.objects)


def test_one_object_is_enough_to_begin() -> None:
    found = state(catalog(created(USER)))
    assert not found.waits
    assert [one.definition.name for one in found.incomplete] == [definition.name for definition in ALL[1:]]


def test_a_database_lacks_nothing() -> None:
    id = DocumentId("CommunityImport", "acme")
    found = TargetState(document=id, target="warehouse", objects=compare(ALL, None), tables={"a": "b"})
    assert (found.waits, found.incomplete) == (False, ())


def test_labels_are_matched_in_any_case_and_api_names_where_there_is_no_label() -> None:
    user = created(USER)
    renamed = replace(
        user, label="Members of ours", fields={n: replace(f, label=f"{n} x") for n, f in user.fields.items()}
    )
    for known in (replace(user, name="Odd__gc", label=" COMMUNITY ACME-US USER "), renamed):
        (found,) = compare([USER], catalog(known))
        assert found.complete
    assert api_name("Community acme-us User") == "Community_acme_us_User__gc"


def test_two_fields_that_would_have_one_api_name_are_never_written_into_one() -> None:
    mine = replace(
        USER, fields=(*USER.fields, *(replace(USER.fields[1], name=name) for name in ("Job-Title", "Job Title")))
    )
    one = created(replace(mine, fields=tuple(field for field in mine.fields if field.name != "Job-Title")))
    (found,) = compare([mine], catalog(one))
    assert [field.name for field in found.missing] == ["Job-Title"]
    assert found.fields["Job Title"].label == "Job Title"


def test_a_label_wins_over_an_api_name() -> None:
    by_name = replace(created(USER), label="Members of ours")
    by_label = replace(created(USER), name="Odd__gc")
    (found,) = compare([USER], catalog(by_name, by_label))
    assert found.found is by_label


@pytest.mark.parametrize(
    ("label", "facts", "why"),
    [
        ("Posts", {"data_type": DataType.STRING}, "is STRING"),
        ("Username", {"data_type": DataType.NUMBER}, "is NUMBER"),
        ("Username", {"data_type": DataType.EMAIL}, "is EMAIL"),
        ("Username", {"read_only": True}, "cannot be written"),
        ("Match Confidence", {"decimal_places": 0}, "has no decimal places"),
        ("Company", {"lookup_object": "gsuser"}, "points to gsuser"),
        ("Registered At", {"data_type": DataType.DATE}, "is DATE"),
    ],
)
def test_a_field_of_the_right_name_that_cannot_take_the_values(label: str, facts: dict[str, object], why: str) -> None:
    (found,) = compare([USER], catalog(with_field(created(USER), label, **facts)))
    assert [(one.field.name, one.why) for one in found.unsuitable] == [(label, why)]
    assert (found.complete, found.usable, found.missing) == (False, True, ())
    assert label not in found.fields


@pytest.mark.parametrize(
    ("label", "facts"),
    [
        ("Email", {"data_type": DataType.EMAIL}),
        ("Profile Picture", {"data_type": DataType.URL}),
        ("Posts", {"data_type": DataType.CURRENCY, "decimal_places": 0}),
        ("Company", {"data_type": DataType.GSID, "lookup_object": None}),
        ("Username", {"data_type": DataType.RICHTEXTAREA}),
    ],
)
def test_other_types_that_take_the_values(label: str, facts: dict[str, object]) -> None:
    (found,) = compare([USER], catalog(with_field(created(USER), label, **facts)))
    assert found.complete


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"low_volume": False}, "is of high volume, and the API writes only to objects of low volume"),
        ({"editable": False}, "has records that may not be edited"),
    ],
)
def test_objects_that_nothing_can_be_written_to(facts: dict[str, bool], problem: str) -> None:
    (found,) = compare([USER], catalog(replace(created(USER), **facts)))  # type: ignore[arg-type]
    assert (found.problems, found.usable, found.complete) == ((problem,), False, False)


def test_a_required_field_that_no_import_fills() -> None:
    user = created(USER)
    extra = CatalogField(name="Owner__gc", label="Owner", data_type=DataType.STRING, required=True)
    for more, usable in (
        (extra, False),
        (replace(extra, read_only=True), True),
        (replace(extra, required=False), True),
    ):
        (found,) = compare([USER], catalog(replace(user, fields={**user.fields, more.name: more})))
        assert found.usable is usable


def test_without_its_key_an_object_cannot_be_written() -> None:
    user = created(USER)
    fields = {name: one for name, one in user.fields.items() if one.label != USER.key}
    (found,) = compare([USER], catalog(replace(user, fields=fields)))
    assert (found.usable, [one.name for one in found.missing]) == (False, [USER.key])


def test_what_is_missing_is_counted_in_one_line() -> None:
    known = [created(one) for one in ALL]
    title = with_field(known[1], "Title", data_type=DataType.BOOLEAN)
    category = replace(known[2], low_volume=False)
    fewer = replace(known[3], fields={name: one for name, one in known[3].fields.items() if one.label != "Visible"})
    expected = [
        ([title], "lacks 1 field of the right type"),
        ([category], "lacks 1 object that can be written"),
        ([fewer], "lacks 1 field"),
        ([title, fewer], "lacks 1 field and 1 field of the right type"),
    ]
    for changed, words in expected:
        others = [one for one in known if one.label not in {one.label for one in changed}]
        first = next(iter(lacking([state(catalog(*changed, *others))])))
        assert first.startswith(f"! CommunityImport/acme: cs {words}. An admin creates"), first
    assert "cs lacks 7 objects." in next(iter(lacking([state(catalog(known[0]))])))
    assert list(lacking([state(catalog(*known))])) == []


def test_tables_and_what_is_missing_are_told_apart() -> None:
    of_tables = replace(state(None), target="warehouse", tables={"Community Trend": "community_trend"})
    lines = list(lacking([of_tables, state(catalog())]))
    assert lines[:3] == [
        "CommunityImport/acme makes these tables in warehouse, where they are missing:",
        "        community_trend",
        "",
    ]
    assert lines[3].startswith("! CommunityImport/acme waits: ")
    assert list(lacking([of_tables]))[-1] == "        community_trend"


def test_every_field_has_a_type_to_choose() -> None:
    words = {choose(one) for definition in ALL for one in definition.fields}
    assert words == {
        *("String", "Rich Text Area", "Number", "Number with decimal places", "Boolean", "Date Time", "Date"),
        *("Lookup to Company", "Lookup to Person", "Lookup to Company Person"),
    }
