"""What is missing is never taken for removed, and nobody changes much without saying so."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.acceptance.commands import finish
from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, TITLE, ProjectFolder, as_root
from tests.acceptance.world import World

LINES = [
    ("Company Person", "Title", "Job Title"), ("Company Person", "Role", "Department"),
    ("Company Person", "Region__gc", "Region"), ("Company Person", "Products__gc", "Products"),
    ("Company Person", "Lifecycle_Stage__gc", "Lifecycle Stage"), ("Person", "Country__gc", "Country"),
    ("Person", "City__gc", "City"), ("Company Person", "Seats__gc", "Seats"),
    ("Company Person", "Renewal_Date__gc", "Renewal Date"), ("Company Person", "Department__gc", "Support Tier"),
]  # fmt: skip


def _recorded(project: ProjectFolder) -> str:
    return project.run("status").out


# ---- how much


def test_a_mass_change_stops_unless_the_number_is_confirmed(on_both: ProjectFolder) -> None:
    project = on_both
    project.mapping("acme-profile", LINES)
    project.ready()
    before = _recorded(project)
    project.mapping("acme-profile", LINES[4:])
    plan = project.run("plan").expect(0).out
    assert "4 of 10 recorded mappings would change (40 %, the limit is 30 %)" in plan
    done = project.run("apply").expect(4)
    assert "--allow-mass-change 4" in done.err
    assert _recorded(project) == before, "nothing was changed"
    project.run("apply", "--allow-mass-change", "3").expect(4)
    assert _recorded(project) == before
    project.run("apply", "--allow-mass-change", "4").expect(0)
    assert project.run("plan").out.startswith("No changes")


def test_three_of_ten_pass_and_so_does_any_change_of_few(project: ProjectFolder) -> None:
    project.mapping("acme-profile", LINES)
    project.ready()
    project.mapping("acme-profile", LINES[3:])
    project.apply()
    project.mapping("acme-profile", LINES[8:])
    project.apply()  # 5 of 7 recorded: fewer than ten are no mass


def test_adding_is_never_a_mass_change(project: ProjectFolder) -> None:
    project.mapping("acme-profile", LINES[:2])
    project.ready()
    project.mapping("acme-profile", LINES)
    project.apply()


def test_the_limits_are_those_of_the_project(project: ProjectFolder) -> None:
    project.limits = "  limits: {maxChangePercent: 10, minRecords: 2}\n"
    project.write_project()
    project.ready()
    project.mapping("acme-profile", [TITLE, COUNTRY])
    project.run("apply").expect(4)


# ---- what is not there


def _gone(project: ProjectFolder) -> None:
    shutil.rmtree(project.root / "mappings")


def _empty(project: ProjectFolder) -> None:
    for path in (project.root / "mappings").iterdir():
        path.unlink()
    for path in (project.root / "connections").iterdir():
        path.unlink()


def _dangling(project: ProjectFolder) -> None:
    shutil.rmtree(project.root / "mappings")
    (project.root / "mappings").symlink_to("elsewhere")


def _broken(project: ProjectFolder) -> None:
    project.write("mappings/acme-profile.yaml", "kind: [")


def _emptied(project: ProjectFolder) -> None:
    project.write("mappings/acme-profile.yaml", "")


@pytest.mark.parametrize("loss", [_gone, _empty, _dangling, _broken])
def test_what_cannot_be_read_is_not_forgotten(project: ProjectFolder, loss: object) -> None:
    project.ready()
    before = _recorded(project)
    assert callable(loss)
    loss(project)
    for words in (("plan",), ("apply",), ("apply", "--allow-mass-change", "100")):
        done = project.run(*words).expect(1)
        assert "forget" not in done.all
        assert "hint" in done.all or "help:" in done.all
    assert _recorded(project) == before


def test_an_unreadable_folder_is_not_an_empty_one(project: ProjectFolder) -> None:
    project.ready()
    before = _recorded(project)
    folder = project.root / "mappings"
    if as_root():
        # Root reads everything, so a folder is put in place of the file: just as unreadable.
        folder.joinpath("acme-profile.yaml").unlink()
        folder.joinpath("acme-profile.yaml").mkdir()
        (folder / "acme-profile.yaml" / "x.yaml").symlink_to("/etc/hostname")
    else:
        folder.chmod(0)
    try:
        done = project.run("apply", "--allow-mass-change", "100").expect(1)
    finally:
        folder.chmod(0o755)
    assert "/etc" not in done.all
    assert _recorded(project) == before


def test_a_wrong_path_in_the_project_file_is_an_error(project: ProjectFolder) -> None:
    project.ready()
    project.replace("reconcile.yaml", "configs: [connections, mappings]", "configs: [connections, maps]")
    done = project.run("apply", "--allow-mass-change", "100").expect(1)
    assert "maps does not exist" in done.err
    assert "Successful" in _recorded(project) or "Pending" in _recorded(project)


# ---- stale plans


def _saved(project: ProjectFolder) -> Path:
    """A plan file that adds one document."""
    project.mapping("acme-more", [ROLE])
    path = project.root / "plan.json"
    project.run("plan", "--out", path).expect(0)
    return path


def test_a_saved_plan_is_applied_as_it_was_reviewed(on_both: ProjectFolder) -> None:
    project = on_both.ready()
    path = _saved(project)
    assert "+ ProfileFieldMapping/acme-more" in project.run("apply", path).expect(0).out
    assert "acme-more" in _recorded(project)
    again = project.run("apply", path).expect(5)
    assert "the state has moved from serial" in again.err


def test_a_plan_is_stale_when_the_documents_changed(project: ProjectFolder) -> None:
    path = _saved(project.ready())
    project.mapping("acme-more", [("Company Person", "Region__gc", "Department")])
    assert "the documents or catalogs have changed since" in project.run("apply", path).expect(5).err
    assert "acme-more" not in _recorded(project)


def test_a_plan_is_stale_when_the_catalog_changed(project: ProjectFolder) -> None:
    path = _saved(project.ready())
    pinned = project.root / "catalog/acme-cs.json"
    pinned.write_text(pinned.read_text().replace('"label": "Role"', '"label": "Rolle"'))
    assert "the documents or catalogs have changed since" in project.run("apply", path).expect(5).err


def test_a_plan_file_that_was_edited_is_refused(project: ProjectFolder) -> None:
    path = _saved(project.ready())
    data = json.loads(path.read_text())
    data["changes"] = data["changes"][:1]
    path.write_text(json.dumps(data))
    assert "was changed after it was made" in project.run("apply", path).expect(5).err
    data["formatVersion"] = 99
    path.write_text(json.dumps(data))
    assert "format version 99" in project.run("apply", path).expect(5).err


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"formatVersion": 1}', "[" * 100_000, "\x00"])
def test_what_is_no_plan_file_is_a_usage_error(project: ProjectFolder, text: str) -> None:
    project.ready()
    path = project.write("plan.json", text)
    assert "not a plan file" in project.run("apply", path).expect(64).err


def test_a_plan_of_another_project_is_refused(project: ProjectFolder, world: World, tmp_path: Path) -> None:
    project.ready()
    other = ProjectFolder(tmp_path / "other", world).ready()
    path = _saved(other)
    done = project.run("apply", path).expect(5)
    assert "it was made for another project's state" in done.err


def test_only_some_documents(project: ProjectFolder) -> None:
    project.mapping("acme-more", [ROLE])
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.run("apply", "--only", "acme-more").expect(0)
    assert "acme-more" in _recorded(project)
    assert "acme-profile" not in _recorded(project)
    project.sync("acme-more")
    plan = project.run("plan").out
    assert "+ ProfileFieldMapping/acme-profile" in plan
    assert "acme-more" not in plan
    path = project.root / "plan.json"
    project.run("plan", "--only", "acme-profile", "--out", path).expect(0)
    project.run("apply", path, "--only", "acme-profile").expect(64)
    project.run("apply", path).expect(0)
    rest = project.run("plan").out
    assert "+ Connection/acme-partners" in rest, "nothing that was named needs it"
    assert "+ CommunityImport/acme-community" in rest, "and no mapping needs the import"
    assert "3 documents to add." in rest


def test_apply_without_a_catalog_is_refused(project: ProjectFolder) -> None:
    done = project.run("apply").expect(1)
    assert "reconcile catalog pull acme-cs" in done.err
    assert "No mapping is applied" in _recorded(project)


# ---- two at once


def test_a_second_cycle_of_a_document_finds_it_locked(on_both: ProjectFolder) -> None:
    project, world = on_both.ready(), on_both.world
    world.fault({"delay": 2}, method="GET", path="/api1/user", times=1)
    first = project.start("sync", "acme-profile")
    try:
        _until_struck(world)
        done = project.run("sync", "acme-profile").expect(5)
        assert "ProfileFieldMapping/acme-profile is being worked on" in done.err
    finally:
        code = finish(first).code
    assert code == 0
    project.sync()


def test_two_applies_at_once_do_the_work_once(project: ProjectFolder) -> None:
    project.run("catalog", "pull", "acme-cs").expect(0)
    codes = sorted(finish(process).code for process in [project.start("apply"), project.start("apply")])
    assert codes in ([0, 0], [0, 5])
    project.sync()
    state = project.run("state", "show", "--output", "json").expect(0).json
    assert {entry["generation"] for entry in state["documents"]} == {1}
    assert project.run("plan").out.startswith("No changes")


def _until_struck(world: World) -> None:
    """Wait until the fault has struck: then the cycle is at work."""
    deadline = time.monotonic() + 20
    while not world.hits():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---- sources and connections


@pytest.mark.parametrize("switch", ["200", "result_false", "400"])
def test_a_source_that_is_suddenly_empty_stops_the_cycle(project: ProjectFolder, world: World, switch: str) -> None:
    project.ready().sync()
    world.switch(empty=switch)
    for row in world.query("person", ["Email"]):
        world.remove_person(row["Email"])
    before = world.profiles()
    world.new_writes()
    done = project.run("sync", "acme-profile").expect(4)
    assert "the source returned no records" in done.all
    assert (world.new_writes(), world.profiles()) == ([], before)
    assert project.status()[""][0] == "Failed"
    project.run("sync", "acme-profile").expect(4)
    assert "Updated" in project.run("export").out, "everything that is known is kept"


def test_a_source_that_was_always_empty_is_no_fault(project: ProjectFolder, world: World) -> None:
    for row in world.query("person", ["Email"]):
        world.remove_person(row["Email"])
    project.ready().sync()


@pytest.mark.parametrize("place", ["acme-cs", "acme-community"])
def test_a_deactivated_connection_syncs_nothing_and_keeps_everything(project: ProjectFolder, place: str) -> None:
    world = project.world
    project.ready().sync()
    before = world.profiles()
    project.replace(
        "connections/gainsight.yaml", f"name: {place}}}\nspec:\n", f"name: {place}}}\nspec:\n  active: false\n"
    )
    refused = project.run("apply")
    assert refused.code == 1
    assert "E-INACTIVE" in refused.all
    project.forget("acme-profile")
    (project.root / "mappings/none.yaml").write_text("# none at the moment\n")
    project.apply()
    assert world.profiles() == before
    assert "no document 'acme-profile'" in project.run("sync", "acme-profile").expect(1).err


def test_cycles_run_what_is_applied_and_not_what_is_written(project: ProjectFolder) -> None:
    project.ready()
    project.mapping("acme-profile", [TITLE, RENEWAL, ROLE])
    project.world.new_writes()
    project.sync()
    assert {entry.field for entry in project.world.new_writes()} == {"Job Title", "Country", "Renewal Date"}
