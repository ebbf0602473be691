"""The objects of a connected tenant: they are those that an import writes to, and any of them can be missing."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from reconciler.model import community
from reconciler.model.community import FieldType
from reconciler.model.resources import ProfileField, ProfileFieldType, Visibility
from reconciler.sandbox import Sandbox, SandboxConfig, SandboxError
from tests.sandbox.sandbox_client import Remote

LIST = "/v1/meta/services/objects/list"
TYPES = {
    FieldType.TEXT: "RICHTEXTAREA",
    FieldType.INTEGER: "NUMBER",
    FieldType.NUMBER: "NUMBER",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATETIME: "DATETIME",
    FieldType.DATE: "DATE",
    FieldType.LIST: "STRING",
    FieldType.LOOKUP: "LOOKUP",
}
TEXT, HIDDEN = ProfileFieldType.TEXT, Visibility.HIDDEN
LONGEST_STRING = 255
POINTS_TO = {"Company": "company", "Person": "person", "Company Person": "company_person"}


def labels(remote: Remote) -> dict[str, dict[str, Any]]:
    """The objects of an import as the metadata API lists them."""
    found = remote.cs("GET", LIST).json["data"]
    return {item["label"]: item for item in found if item["label"].startswith("Community ")}


def described(remote: Remote, name: str) -> dict[str, dict[str, Any]]:
    fields = remote.cs("GET", f"/v1/meta/services/objects/{name}/describe").json["data"][0]["fields"]
    return {field["label"]: field for field in fields if field["meta"]["fieldGroupType"] != "SYSTEM"}


def definitions(remote: Remote) -> list[community.ObjectDefinition]:
    found: dict[str, community.ObjectDefinition] = {}
    for number, tenant in ((1, "acme-en"), (2, "acme-partners-en")):
        fields = remote.control("GET", f"cc/{number}/fields")["fields"]
        declared = [ProfileField(name=field["name"], type=TEXT, visibility=HIDDEN) for field in fields]
        found |= {item.name: item for item in community.objects(tenant, declared)}
    return list(found.values())


def expected_type(field: community.FieldDefinition) -> str:
    if field.type is FieldType.STRING:
        return "STRING" if (field.length or 0) <= LONGEST_STRING else "RICHTEXTAREA"
    return TYPES[field.type]


def test_they_are_those_that_an_import_writes_to(remote: Remote) -> None:
    listed, defined = labels(remote), definitions(remote)
    assert set(listed) == {item.name for item in defined}
    for item in defined:
        entry = listed[item.name]
        assert (entry["objectType"], entry["transactional"], entry["createable"]) == ("CUSTOM", True, True)
        assert entry["objectName"] == "_".join(item.name.replace("-", " ").split()) + "__gc"
        fields = described(remote, entry["objectName"])
        assert list(fields) == [field.name for field in item.fields]
        for field in item.fields:
            shown = fields[field.name]
            assert shown["dataType"] == expected_type(field), field.name
            assert shown["fieldName"] == "_".join(field.name.split()) + "__gc"
            if shown["dataType"] in ("STRING", "RICHTEXTAREA"):
                assert shown["meta"]["length"] >= min(field.length or LONGEST_STRING, community.TEXT_LENGTH)
            if field.type is FieldType.LOOKUP:
                assert shown["meta"]["hasLookup"] is True
                target = shown["meta"]["lookupDetail"]["lookupObjects"][0]["objectName"]
                assert target == POINTS_TO[str(field.refers_to)]
        assert [name for name, shown in fields.items() if shown["meta"]["nameField"]] == [item.key]


def test_records_go_in_and_come_out(remote: Remote) -> None:
    name = "Community_acme_en_User__gc"
    person = remote.query("person", ["Gsid", "Email"], limit=1)[0]
    record = {
        "Community_User_Id__gc": "11",
        "Username__gc": "ada",
        "Company_Custom__gc": "Self-employed",
        "Registered_At__gc": "2026-03-01T10:00:00Z",
        "Is_Moderator__gc": False,
        "Match_Confidence__gc": 0.97,
        "Person__gc": person["Gsid"],
    }
    assert remote.cs("POST", f"/v1/data/objects/{name}", {"records": [record]}).status == 200
    change = {"records": [{"Community_User_Id__gc": "11", "Username__gc": "Ada"}]}
    assert remote.cs("PUT", f"/v1/data/objects/{name}?keys=Community_User_Id__gc", change).status == 200
    found = remote.query(name, ["Username__gc", "Person__gc__gr.Email", "Match_Confidence__gc", "Company_Custom__gc"])
    assert found == [
        {
            "Username__gc": "Ada",
            "Person__gc__gr.Email": person["Email"],
            "Match_Confidence__gc": 0.97,
            "Company_Custom__gc": "Self-employed",
        }
    ]
    too_long = {"records": [record | {"Username__gc": "x" * 256}]}
    assert remote.cs("POST", f"/v1/data/objects/{name}", too_long).json["errorCode"] == "GSOBJ_1001"


def test_all_or_some_are_left_out() -> None:
    with Sandbox(SandboxConfig(people=2, community_objects=False)) as sandbox, Remote(sandbox) as remote:
        assert labels(remote) == {}
        assert remote.cs("POST", "/v1/data/objects/query/Community_Content__gc", {"select": ["Gsid"]}).status == 400
        remote.control("POST", "objects")
        assert len(labels(remote)) == 13
        assert remote.query("Community_Content__gc", ["Gsid"]) == []
        remote.control("DELETE", "objects")
        assert labels(remote) == {}
    missing = ("Community acme-en Topic", "Community Trend")
    with Sandbox(SandboxConfig(people=2, missing_objects=missing)) as sandbox, Remote(sandbox) as remote:
        assert len(labels(remote)) == 11
        assert not set(missing) & set(labels(remote))
        remote.control("POST", "reset")
        assert len(labels(remote)) == 11
    with pytest.raises(SandboxError) as raised:
        Sandbox(SandboxConfig(people=2, missing_objects=("Community Tend",))).start()
    assert "'Community Tend'" in raised.value.message
    assert "Community Trend" in raised.value.hint


def test_an_administrator_takes_objects_and_fields_away_and_makes_them_again(remote: Remote) -> None:
    name, label = "Community_Content__gc", quote("Community Content")
    remote.cs("POST", f"/v1/data/objects/{name}", {"records": [{"Content_Data_Identifier__gc": "a", "Views__gc": 7}]})
    for field in ("Views", "Community"):
        remote.control("DELETE", f"objects/{label}/fields/{quote(field)}")
    assert not {"Views", "Community"} & set(described(remote, name))
    state = {item["label"]: item for item in remote.control("GET", "objects")["objects"]}
    assert state["Community Content"]["missing"] == ["Community", "Views"]
    assert remote.cs("POST", f"/v1/data/objects/query/{name}", {"select": ["Views__gc"]}).status == 400
    remote.control("POST", f"objects/{label}/fields/Views")
    assert "Community" not in described(remote, name)
    assert remote.query(name, ["Content_Data_Identifier__gc", "Views__gc"]) == [
        {"Content_Data_Identifier__gc": "a", "Views__gc": None}
    ]
    remote.control("DELETE", f"objects/{label}")
    assert "Community Content" not in labels(remote)
    remote.control("DELETE", f"objects/{label}/fields/Views", expect=404)
    remote.control("POST", f"objects/{label}")
    assert "Community" in described(remote, name)
    assert remote.query(name, ["Gsid"]) == []
    remote.control("DELETE", f"objects/{label}/fields/{quote('Content Data Identifier')}", expect=404)
    remote.control("DELETE", f"objects/{label}/fields/Colour", expect=404)
    remote.control("POST", f"objects/{label}/fields/Colour", expect=404)
    remote.control("DELETE", "objects/Person", expect=404)


def test_a_tenant_that_is_renamed(remote: Remote) -> None:
    assert remote.control("GET", "cc/1")["tenant"] == "acme-en"
    assert remote.control("PATCH", "cc/1", {"tenant": "acme-us"})["tenant"] == "acme-us"
    listed = labels(remote)
    assert "Community acme-en User" not in listed
    assert listed["Community acme-us User"]["objectName"] == "Community_acme_en_User__gc", "API names stay"
    question = remote.cc("GET", "/v2/questions/1").json["result"]
    assert question["seoCommunityUrl"].startswith("https://acme-us.community.example/")
    remote.control("PATCH", "cc/1", {"tenant": ""}, expect=400)
