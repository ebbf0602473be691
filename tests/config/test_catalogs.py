from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config import catalogs
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


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b'{"formatVersion": 1,\n  x', "not JSON"),
        (b"\xff", "not that of a catalog"),
        (b"[]", "not that of a catalog"),
        (b"{}", "not that of a catalog"),
        (b'{"formatVersion": 2}', "formatVersion"),
        (b'{"formatVersion": 1, "connection": 5, "objects": {}, "profileFields": {}, "usersRead": 0}', "content"),
        (b'{"formatVersion": 1, "connection": "a", "objects": [], "profileFields": {}, "usersRead": 0}', "content"),
        (
            b'{"formatVersion": 1, "connection": "a", "objects": {}, "profileFields": {"x": true}, "usersRead": 0}',
            "content",
        ),
        (
            b'{"formatVersion": 1, "connection": "b", "objects": {}, "profileFields": {}, "usersRead": 0}',
            "another connection",
        ),
        (catalogs.to_text(CS).replace("PICKLIST", "NEW").replace("acme-cs", "a").encode(), "content"),
        (b"[" * 100_000, "content"),
        (b'{"formatVersion": ' + b"9" * 5000 + b"}", "content"),
    ],
)
def test_damaged_catalogs_are_findings(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = catalogs.read(tmp_path, "a.json", "a")
    assert isinstance(found, Diagnostic)
    assert found.code == "E-CATALOG" and why in found.message and found.hint
    assert found.position and found.position.file == "a.json"


def test_a_place_in_damaged_json() -> None:
    found = catalogs.parse(b'{"formatVersion": 1,\n  x', "a.json")
    assert isinstance(found, Diagnostic) and str(found.position) == "a.json:2:3"


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
