from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config import catalogs, json_places
from reconciler.config.rules import examples
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType, SeenProfileField
from reconciler.model.diagnostic import Diagnostic

STATUS = CatalogField(
    name="Status__gc",
    label="Status",
    data_type=DataType.PICKLIST,
    decimal_places=0,
    hidden=True,
    options={"1I002": "Lost", "1I001": "Active – 50 %"},
)
PARENT = CatalogField(name="Parent", label="Parent", data_type=DataType.GSID, lookup=True)
PERSON = CatalogObject(name="person", label="Person", fields={"Status__gc": STATUS, "Parent": PARENT})
CS = Catalog(connection="acme-cs", objects={"Person": PERSON})
CC = Catalog(
    connection="acme-cc", profile_fields={"Job Title": SeenProfileField(name="Job Title", id=5)}, users_read=100
)


def change(**fields: CatalogField) -> Catalog:
    return replace(CS, objects={"Person": replace(PERSON, fields={**PERSON.fields, **fields})})


@pytest.mark.parametrize("catalog", [CS, CC, examples.CATALOG])
def test_what_is_written_is_read(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "catalog" / f"{catalog.connection}.json"
    assert catalogs.write(path, catalog) is True
    assert catalogs.write(path, catalog) is False
    name = catalogs.file_name("catalog/", catalog.connection)
    assert catalogs.read(tmp_path, name, catalog.connection) == catalog
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert catalogs.from_json(catalogs.to_json(catalog), "x") == catalog


def test_the_file_is_sorted_and_readable() -> None:
    text = catalogs.to_text(CS)
    assert text.index('"Parent"') < text.index('"Status__gc"')
    assert text.index('"1I001"') < text.index('"1I002"')
    assert "Active – 50 %" in text and text.endswith("}\n")


def damaged(old: str, new: str) -> bytes:
    """A catalog with one thing in it replaced."""
    text = catalogs.to_text(CS).replace("acme-cs", "a")
    assert text.count(old) == 1, old
    return text.replace(old, new).encode()


HEAD = b'{"formatVersion": 1, "connection": "a", '


@pytest.mark.parametrize(
    ("content", "place", "why"),
    [
        (b"", "1:1", "it is not JSON"),
        (b'{"formatVersion": 1,\n  x', "2:3", "it is not JSON"),
        (b"\xff", "1:1", "it is not UTF-8 text"),
        (b"\n  []", "2:3", "an object {…} is expected, found a list"),
        (b"null", "1:1", "an object {…} is expected, found null"),
        (b"{}", "1:1", "the key 'formatVersion' is missing"),
        (b'{"formatVersion": 2}', "1:19", "its formatVersion is not 1; another version of reconcile wrote it (at formatVersion)"),
        (b'{"formatVersion": true}', "1:19", "a whole number is expected, found true (at formatVersion)"),
        (b'{"formatVersion": 1,\n "connection": 5}', "2:16", "text is expected, found a number (at connection)"),
        (HEAD + b'"objects": []}', "1:52", "an object {…} is expected, found a list (at objects)"),
        (HEAD + b'"objects": {}}', "1:1", "the key 'profileFields' is missing"),
        (HEAD + b'"objects": {}, "profileFields": {\n"x": true}}', "2:6", "a whole number is expected, found true"),
        (damaged('"label": "Parent"', '"label": 5'), "9:15", "text is expected, found a number (at objects.Person.fields.Par"),
        (damaged('"label": "Parent",', ""), "7:15", "the key 'label' is missing (at objects.Person.fields.Parent)"),
        (damaged('"lookup": true', '"lookup": 1'), "10:16", "a reason is expected, found a number"),
        (damaged('"PICKLIST"', '"NEW"'), "13:18", "this is no data type; known are BOOLEAN"),
        (damaged('"decimalPlaces": 0', '"decimalPlaces": "0"'), "14:23", "a whole number is expected, found text"),
        (damaged('"hidden": true', '"hidden": "x"'), "15:16", "true or false is expected, found text"),
        (damaged('"Lost"', "[1.5]"), "19:16", "text is expected, found a list (at objects.Person.fields.Status__gc.opt"),
        (damaged('"Lost"', '"\\ud800"'), "19:17", "an escape stands for half of a character"),
        (damaged('"Lost"', '"\\ud83d\\ude00 \\udc00"'), "19:30", "an escape stands for half of a character"),
        (b"[" * 100_000, "1:1", "it is nested too deeply"),
        (b'{"formatVersion": ' + b"9" * 5000 + b"}", "1:1", "a number in it has too many digits"),
    ],
)  # fmt: skip
def test_damaged_catalogs_are_findings(content: bytes, place: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = catalogs.read(tmp_path, "a.json", "a")
    assert isinstance(found, Diagnostic)
    assert found.code == "E-CATALOG" and found.hint
    assert found.message.startswith(f"this catalog cannot be used: {why}")
    assert str(found.position) == f"a.json:{place}"


def test_the_catalog_of_another_connection(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(catalogs.to_text(CS))
    found = catalogs.read(tmp_path, "a.json", "a")
    assert isinstance(found, Diagnostic) and "another connection" in found.message
    assert str(found.position) == "a.json:2:16"


def test_the_place_of_a_key_that_stands_twice_is_the_one_that_counts() -> None:
    text = '{"a": {"b": "x:{[,"}, "c": [{"d": 1}, {"d": 2}],\n "a": {"b": "\\"}"}}'
    assert str(json_places.position(text, ("a", "b"), "f")) == "f:2:13"
    assert str(json_places.position(text, ("c", 1, "d"), "f")) == "f:1:45"
    assert str(json_places.position(text, ("c", 7, "d"), "f")) == "f:1:28"
    assert json_places.position(text, ("a", "b"), "f").length == len('"\\"}"')


def test_whole_characters_as_escapes_are_no_damage() -> None:
    text = catalogs.to_text(CS).replace("Lost", "\\ud83d\\ude00 \\\\ud800")
    found = catalogs.parse(text.encode(), "a.json")
    assert isinstance(found, Catalog)
    assert found.objects["Person"].fields["Status__gc"].options["1I002"] == "\U0001f600 \\ud800"


def test_a_byte_order_mark_is_no_damage() -> None:
    assert catalogs.parse(b"\xef\xbb\xbf" + catalogs.to_text(CS).encode(), "a.json") == CS


def test_too_large_catalogs() -> None:
    found = catalogs.parse(b" " * (catalogs.MAX_BYTES + 1), "a.json")
    assert isinstance(found, Diagnostic) and "64 MiB" in found.message


def test_no_catalog_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    assert catalogs.read(tmp_path, "none.json", "none") is None
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    assert isinstance(catalogs.read(tmp_path, "link.json", "link"), Diagnostic)
    (tmp_path / "folder.json").mkdir()
    assert isinstance(catalogs.read(tmp_path, "folder.json", "folder"), Diagnostic)


def test_a_catalog_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "catalog").write_text("a file")
    with pytest.raises(errors.ConfigIncomplete, match="cannot be written"):
        catalogs.write(tmp_path / "catalog" / "a.json", CS)
    (tmp_path / "b.json").mkdir()
    with pytest.raises(errors.ConfigIncomplete, match="cannot be written"):
        catalogs.write(tmp_path / "b.json", CS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.json", "catalog"]


def test_a_recorded_catalog_that_cannot_be_understood() -> None:
    with pytest.raises(errors.StateDamaged, match="of acme-cs"):
        catalogs.from_json({"formatVersion": 1}, "acme-cs")


def test_no_difference() -> None:
    assert catalogs.diff(CS, CS) == [] == catalogs.diff(CC, CC)


def test_what_the_tenant_changed() -> None:
    title = CatalogField(name="Title", label="Title", data_type=DataType.STRING)
    new = change(Title=title, Status__gc=replace(STATUS, label="State", options={"1I001": "Active"}, hidden=False))
    company = CatalogObject(name="company_person", label="Company Person", fields={})
    new = replace(new, objects={**new.objects, "Company Person": company})
    assert [found.line for found in catalogs.diff(CS, new)] == [
        "+ Company Person",
        '~ Person.Status__gc hidden: true → nothing',
        '~ Person.Status__gc label: "Status" → "State"',
        '~ Person.Status__gc options: {"1I001": "Active – 50 %", "1I002": "Lost"} → {"1I001": "Active"}',
        "+ Person.Title STRING",
    ]  # fmt: skip
    assert catalogs.diff(new, CS)[0].line == "- Company Person"
    assert "- Person.Title STRING" in [found.line for found in catalogs.diff(new, CS)]


def test_an_attribute_that_became_a_lookup() -> None:
    (found,) = catalogs.diff(CS, change(Status__gc=replace(STATUS, lookup=True, lookup_reason="it points to a User")))
    assert (found.action, found.path, found.before, found.after) == (
        "changed",
        "Person.Status__gc lookup",
        None,
        "it points to a User",
    )


def test_profile_fields_that_were_seen() -> None:
    new = replace(
        CC,
        profile_fields={
            "Job Title": SeenProfileField(name="Job Title", id=6),
            "Region": SeenProfileField(name="Region", id=7),
        },
    )
    assert [found.line for found in catalogs.diff(CC, new)] == [
        "~ profile field Job Title: 5 → 6",
        "+ profile field Region",
    ]
    assert json.loads(catalogs.to_text(new))["profileFields"] == {"Job Title": 6, "Region": 7}
