"""The full lookup test: every sign alone is enough, and what only looks like one is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler import errors
from reconciler.connectors.gainsight_cs import describe
from reconciler.connectors.gainsight_cs.lookup import MAPPED_IDENTITIES, OWN_IDENTITY, SIGNS, lookup_reason
from reconciler.connectors.gainsight_cs.target import Place, where
from reconciler.model.catalog import DataType


def field(name: str = "Title", data_type: str = "STRING", **meta: Any) -> dict[str, Any]:
    return {"fieldName": name, "label": f"The {name}", "dataType": data_type, "meta": {"hasLookup": False, **meta}}


LOOKUPS = [
    field(data_type="LOOKUP"),
    field(hasLookup=True),
    field(hasLookup="true"),
    field(lookupDetail={"lookupName": "CreatedBy__gr"}),
    field("ParentCompany", "GSID", selfLookup=True),
    field("CreatedBy", "GSID", originalDataType="lookup"),
    field("CreatedBy", "GSID", mappings={"GAINSIGHT": {"key": "GS_USER_ID"}}),
]


@pytest.mark.parametrize("described", LOOKUPS)
def test_every_sign_alone_is_enough(described: dict[str, Any]) -> None:
    assert lookup_reason(described) in [words for words, _ in SIGNS]
    found = describe.catalog_field(described, "company")
    assert found.lookup
    assert found.lookup_reason == lookup_reason(described)


def test_every_sign_has_a_sample() -> None:
    assert {lookup_reason(described) for described in LOOKUPS} == {words for words, _ in SIGNS}


@pytest.mark.parametrize("key", sorted(MAPPED_IDENTITIES))
def test_every_mapped_identity_is_a_lookup_except_on_its_own_record(key: str) -> None:
    mapped = {"mappings": {"GAINSIGHT": {"key": key}}}
    assert lookup_reason(field("Owner", "GSID", **mapped))
    for own in OWN_IDENTITY:
        assert lookup_reason(field(own.title(), "GSID", **mapped)) is None


@pytest.mark.parametrize(
    "described",
    [
        field(),
        field("Gsid", "GSID"),
        field(lookupDetail={}),
        field(lookupDetail=None, selfLookup=False, originalDataType="string"),
        field(mappings={"GAINSIGHT": {"key": "GS_COMPANY_ARR"}}),
        field(mappings={"SALESFORCE": {"key": "GS_USER_ID"}}),
        field(mappings=[], hasLookup="false"),
        {"fieldName": "Bare", "dataType": "STRING"},
        {"fieldName": "Odd", "dataType": None, "meta": "nothing"},
    ],
)
def test_plain_fields_stay_plain(described: dict[str, Any]) -> None:
    assert lookup_reason(described) is None
    assert not describe.catalog_field(described, "company").lookup


def test_a_picklist_keeps_its_inactive_items() -> None:
    options: list[Any] = [
        {"value": "1I001", "label": "Gold", "active": True},
        {"value": "1I002", "label": "Silver", "active": False},
        {"value": None, "label": "nothing"},
    ]
    found = describe.catalog_field({**field("Tier", "picklist", decimalPlaces=2, hidden=True), "options": options}, "x")
    assert found.data_type == DataType.PICKLIST
    assert found.options == {"1I001": "Gold", "1I002": "Silver"}
    assert (found.decimal_places, found.hidden, found.label) == (2, True, "The Tier")


@pytest.mark.parametrize("name", ["JSONSTRING", "WHOID", "", "SOMETHING_NEW"])
def test_a_data_type_that_we_do_not_know_is_other(name: str) -> None:
    assert describe.catalog_field(field(data_type=name), "x").data_type == DataType.OTHER


def test_every_known_data_type_is_kept() -> None:
    for known in DataType:
        assert describe.catalog_field(field(data_type=known.value), "x").data_type == known


def test_a_key_of_lookups_alone_never_reads_a_whole_object() -> None:
    lookups = Place(object_name="Onboarding__gc", paths=("Company__gc", "Owner__gc"), types=(DataType.LOOKUP,) * 2)
    with pytest.raises(errors.RemoteRefused, match="not found by Company__gc and Owner__gc") as caught:
        where(lookups, [("1P01", "1P02")])
    assert caught.value.hint
    named = replace(lookups, types=(DataType.STRING, DataType.LOOKUP))
    assert [one["name"] for one in where(named, [("Acme", "1P02")]).every] == ["Company__gc"]
