"""The imports that connected communities have: in plans, in statuses, and what keeps one from running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import catalogs
from reconciler.model import community
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType
from reconciler.model.community import FieldType, ObjectDefinition
from reconciler.planning.objects import api_name
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.projects import FIELDS, ProjectFolder
from tests.acceptance.world import World, running
from tests.loop.processes import until

IMPORTS = {"CommunityImport/acme-community", "CommunityImport/acme-partners"}
TUNED = """\
apiVersion: reconciler/v1
kind: CommunityImport
metadata: {name: acme-community}
spec: {schedule: {every: 7d}}
"""
WAREHOUSE = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: warehouse}
spec: {type: sql, dialect: sqlite, url: {env: WAREHOUSE_URL}}
"""

_TYPES = {
    FieldType.STRING: DataType.STRING,
    FieldType.LIST: DataType.STRING,
    FieldType.TEXT: DataType.RICHTEXTAREA,
    FieldType.INTEGER: DataType.NUMBER,
    FieldType.NUMBER: DataType.NUMBER,
    FieldType.BOOLEAN: DataType.BOOLEAN,
    FieldType.DATETIME: DataType.DATETIME,
    FieldType.DATE: DataType.DATE,
    FieldType.LOOKUP: DataType.LOOKUP,
}


@pytest.fixture(scope="module")
def bare_world() -> Iterator[World]:
    """A tenant in which nobody has created the objects yet."""
    yield from running(Sandbox(SandboxConfig(people=30, quirks=False, community_objects=False)))


@pytest.fixture
def world(bare_world: World) -> World:
    bare_world.reset()
    return bare_world


@pytest.fixture
def project(tmp_path: Path, world: World, database_url: str | None) -> ProjectFolder:
    return ProjectFolder(tmp_path / "acme", world, database_url).ready()


def created(definition: ObjectDefinition) -> CatalogObject:
    """The object as somebody created it in the tenant."""
    fields = [
        CatalogField(name=api_name(one.name), label=one.name, data_type=_TYPES[one.type]) for one in definition.fields
    ]
    name = api_name(definition.name)
    known = {one.name: one for one in fields}
    return CatalogObject(name=name, label=definition.name, fields=known, custom=True, low_volume=True, editable=True)


def give(project: ProjectFolder, *objects: CatalogObject) -> None:
    """Put objects into the pinned catalog, beside those that are there."""
    path = project.root / "catalog" / "acme-cs.json"
    known = catalogs.parse(path.read_bytes(), str(path))
    assert isinstance(known, Catalog)
    catalogs.write(path, replace(known, objects={**known.objects, **{one.label: one for one in objects}}))


def statuses(project: ProjectFolder) -> dict[str, tuple[str, str, str | None]]:
    """Document → status, reason, next due."""
    found = project.run("status", "--output", "json").expect(0).json["documents"]
    return {f"{one['kind']}/{one['name']}": (one["status"], one["reason"], one["nextDue"]) for one in found}


def changes(project: ProjectFolder) -> set[tuple[str, str]]:
    found = project.run("plan", "--format", "json").expect(0).json["changes"]
    return {(one["action"], f"{one['kind']}/{one['name']}") for one in found if not one["item"]}


def test_connecting_a_community_is_enough(tmp_path: Path, world: World, database_url: str | None) -> None:
    project = ProjectFolder(tmp_path / "acme", world, database_url)
    project.run("catalog", "pull", "acme-cs").expect(0)
    plan = project.run("plan").expect(0).out
    assert "+ CommunityImport/acme-community  acme-community → acme-cs  (mandatory" in plan
    assert "! CommunityImport/acme-community waits: acme-cs has none of its objects." in plan
    assert "    + Community acme-en User\n        String: Community User Id (key), Username, Email," in plan
    assert "        Lookup: Company, Person, Company Person\n" in plan
    assert plan.count("    + Community Content\n") == 1, "what all communities share is listed once"
    project.apply()
    assert project.run("plan").expect(0).out.startswith("No changes.")


def test_an_import_without_objects_waits_and_disturbs_nobody(project: ProjectFolder) -> None:
    found = statuses(project)
    for name in IMPORTS:
        status, reason, due = found[name]
        assert (status, due) == ("Pending", None)
        assert reason.startswith("waits: acme-cs has none of its objects; `reconcile explain CommunityImport/")
    assert found["ProfileFieldMapping/acme-profile"][2] is not None
    assert "waits: acme-cs has none" in project.run("status").expect(0).out
    done = project.run("sync", "CommunityImport/acme-community")
    assert done.code == 1
    assert "waits: acme-cs has none of its objects" in done.err
    project.sync("acme-profile")
    state = json.loads((project.root / "var/state.json").read_text())
    (connection,) = (one for one in state["connections"] if one["name"] == "acme-cs")
    assert connection["reason"] == "no applied document writes to it"


def test_it_stops_waiting_when_the_catalog_has_objects(project: ProjectFolder) -> None:
    fields = [one for one in community.raw_objects("acme-en") if one.kind == "User"]
    give(project, *map(created, fields))
    plan = project.run("plan", "--format", "json").expect(0).json
    by_name = {one["name"]: one for one in plan["imports"]}
    assert (by_name["acme-community"]["waits"], by_name["acme-partners"]["waits"]) == (False, True)
    (user,) = (one for one in by_name["acme-community"]["objects"] if one["object"] == "Community acme-en User")
    assert user["exists"]
    assert {one["field"] for one in user["missing"]} == {*FIELDS, "Renewal Date", "Seats"}
    assert {one["type"] for one in user["missing"]} == {"String"}
    project.apply()
    found = statuses(project)
    assert found["CommunityImport/acme-community"][:2] == ("Pending", "new: waits for its first cycle")
    assert found["CommunityImport/acme-community"][2] is not None
    assert found["CommunityImport/acme-partners"][1].startswith("waits: ")
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    assert statuses(project)["CommunityImport/acme-community"][1].startswith("waits: ")


def test_fields_that_cannot_take_the_values_are_named(project: ProjectFolder) -> None:
    user = created(community.raw_objects("acme-en")[0])
    wrong = replace(user.fields["Posts__gc"], data_type=DataType.STRING)
    give(project, replace(user, fields={**user.fields, "Posts__gc": wrong}))
    assert "        Posts is STRING, not Number\n" in project.run("plan").expect(0).out
    text = project.run("plan", "--format", "markdown").expect(0).out
    assert "<details><summary>What is to be created</summary>" in text
    assert "Posts is STRING, not Number" in text


def test_without_a_catalog_nobody_knows_and_it_waits(tmp_path: Path, world: World, database_url: str | None) -> None:
    project = ProjectFolder(tmp_path / "acme", world, database_url)
    project.forget("acme-profile")
    project.write("mappings/import.yaml", TUNED)
    assert "nobody has looked which objects acme-cs has" in project.run("plan").expect(0).out
    project.apply()
    assert statuses(project)["CommunityImport/acme-community"][1].startswith("waits: nobody has looked")
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    assert "has none of its objects" in statuses(project)["CommunityImport/acme-community"][1]


def test_a_document_tunes_it_and_its_removal_keeps_it(project: ProjectFolder) -> None:
    project.write("mappings/import.yaml", TUNED)
    assert changes(project) == {("change", "CommunityImport/acme-community")}
    assert "+ schedule: " in project.run("plan").expect(0).out
    project.apply()
    project.forget("import")
    assert changes(project) == {("change", "CommunityImport/acme-community")}


def test_switching_off_is_refused(project: ProjectFolder) -> None:
    project.write("mappings/import.yaml", TUNED.replace("{schedule: {every: 7d}}", "{suspend: true}"))
    done = project.run("plan")
    assert done.code == 1
    assert "E-IMPORT-OFF" in done.all and "deactivate the connection" in done.all
    project.forget("import")
    done = project.run("suspend", "CommunityImport/acme-community")
    assert done.code == 1
    assert "an import cannot be switched off" in done.err and "active: false" in done.err


def test_deactivating_the_connection_stops_the_import_and_keeps_everything(project: ProjectFolder) -> None:
    project.edit_connection("tenant: acme-partners-en", "tenant: acme-partners-en\n  active: false")
    assert changes(project) == {("forget", "CommunityImport/acme-partners"), ("change", "Connection/acme-partners")}
    assert "(the import stops: its community is deactivated or gone, and all data is kept)" in project.run("plan").out
    project.apply()
    assert "CommunityImport/acme-partners" not in statuses(project)
    project.edit_connection("active: false", "active: true")
    project.apply()
    assert statuses(project)["CommunityImport/acme-partners"][0] == "Pending"


def test_removing_the_connection_forgets_the_import_after_it_is_no_longer_used(project: ProjectFolder) -> None:
    whole = (project.root / "connections/gainsight.yaml").read_text()
    project.write("connections/gainsight.yaml", "---\n".join(whole.split("---\n")[:2]))
    assert changes(project) == {("forget", "CommunityImport/acme-partners"), ("forget", "Connection/acme-partners")}
    project.run("apply", "--only", "Connection/acme-partners").expect(0)
    assert project.run("plan").expect(0).out.startswith("No changes.")


def test_a_database_as_target_is_told_its_tables(project: ProjectFolder) -> None:
    project.write("connections/warehouse.yaml", WAREHOUSE)
    project.write("mappings/import.yaml", TUNED.replace("{schedule: {every: 7d}}", "{to: warehouse}"))
    plan = project.run("plan").expect(0).out
    assert "~ to: acme-cs → warehouse" in plan
    assert "makes these tables in warehouse, where they are missing:" in plan
    assert "community_acme_en_user" in plan and "community_content" in plan
    text = project.run("explain", "CommunityImport/acme-community").expect(0).out
    assert "(of this community; the table community_acme_en_topic_reply, which the import makes)" in text
    assert "community_user_id" in text
    project.apply()
    status, reason, due = statuses(project)["CommunityImport/acme-community"]
    assert (status, reason, due is None) == ("Pending", "new: waits for its first cycle", False)


def test_explain_says_where_everything_goes_and_what_is_missing(project: ProjectFolder) -> None:
    give(project, created(community.raw_objects("acme-en")[0]))
    text = project.run("explain", "CommunityImport/acme-community").expect(0).out
    assert text.startswith("CommunityImport/acme-community: from acme-community to acme-cs, every 1d\n")
    assert "no document tunes it" in text
    assert "Every 7th run reads everything" in text
    assert "Community acme-en User  (of this community; Community_acme_en_User__gc)" in text
    assert "Community_User_Id__gc" in text
    assert "profile field Job Title" in text
    assert "Community Content  (of all communities; missing)" in text
    project.write("mappings/import.yaml", TUNED.replace("{schedule: {every: 7d}}", "{fullEvery: 1}"))
    text = project.run("explain", "CommunityImport/acme-community").expect(0).out
    assert "mappings/import.yaml tunes it" in text and "Every run reads everything." in text
    done = project.run("explain", "CommunityImport/acme-comunity")
    assert done.code == 1 and "did you mean 'acme-community'" in done.err
    assert "fullEvery" in project.run("explain", "CommunityImport").expect(0).out


def test_the_loop_does_not_schedule_what_waits(project: ProjectFolder) -> None:
    loop = project.start("run", "--listen", "127.0.0.1:0")
    try:
        until(lambda: any(one["end"] for one in runs(project)))
    finally:
        loop.terminate()
        loop.communicate(timeout=30)
    assert {one["job"] for one in runs(project)} == {"CC User Profile Update"}
    found = statuses(project)
    assert all(found[name][1].startswith("waits: ") and found[name][2] is None for name in IMPORTS)


def runs(project: ProjectFolder) -> list[dict[str, Any]]:
    return list(project.run("activity", "--output", "json").expect(0).json["runs"])


def test_an_import_has_no_values_to_export_and_says_so_before_anything_is_printed(project: ProjectFolder) -> None:
    done = project.run("export", "CommunityImport/acme-community").expect(64)
    assert done.out == ""
    assert "what an import has written is in acme-cs itself, as records" in done.err
