"""Damaged, empty, foreign and newer state; a full disk; and the one command that repairs the file."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance import commands
from tests.acceptance.projects import COUNTRY, ROLE, TITLE, ProjectFolder
from tests.acceptance.world import World
from tests.integration.disks import can_mount, small_disk
from tests.integration.kills import state_serial
from tests.postgres import Postgres

REPAIR = "reconcile state rebuild"


@pytest.fixture
def synced(project: ProjectFolder) -> ProjectFolder:
    project.ready().sync()
    return project


def _file(project: ProjectFolder) -> Path:
    return project.root / "var/state.json"


def _change(project: ProjectFolder, **values: object) -> None:
    """A state file with other values, honestly spelled: only its checksum is not touched."""
    data = json.loads(_file(project).read_bytes())
    _file(project).write_text(json.dumps({**data, **values}, indent=2, sort_keys=True) + "\n")


# ---- the state file

DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "one byte": lambda path: path.write_bytes(path.read_bytes().replace(b'"Successful"', b'"successful"', 1)),
    "not json": lambda path: path.write_text("status: fine"),
    "a list": lambda path: path.write_text("[]"),
    "an empty object": lambda path: path.write_text("{}"),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "deep": lambda path: path.write_text("[" * 200_000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_file_is_refused_and_rebuilt(synced: ProjectFolder, damage: str) -> None:
    before = _file(synced).read_bytes()
    DAMAGES[damage](_file(synced))
    for words in (("state", "show"), ("sync", "acme-profile")):
        done = synced.run(*words).expect(1)
        assert "is damaged" in done.err
        assert REPAIR in done.err
    assert "FAILED  state file" in synced.run("doctor", "--offline").expect(1).out
    synced.run("state", "rebuild").expect(0)
    assert json.loads(_file(synced).read_bytes())["lineage"] == json.loads(before)["lineage"]
    synced.run("state", "show").expect(0)
    synced.sync()


def test_a_newer_state_file_is_refused(synced: ProjectFolder) -> None:
    _change(synced, formatVersion=2)
    done = synced.run("state", "show").expect(1)
    assert "newer than 1" in done.err
    assert "update reconcile" in done.err
    assert REPAIR in done.err


def test_a_state_file_of_another_project_is_refused(synced: ProjectFolder, world: World, tmp_path: Path) -> None:
    other = ProjectFolder(tmp_path / "other", world).ready()
    shutil.copy(_file(other), _file(synced))
    for words in (("state", "show"), ("apply",), ("sync", "acme-profile")):
        done = synced.run(*words).expect(1)
        assert "they do not belong together" in done.err, words
        assert REPAIR in done.err
    synced.run("state", "rebuild").expect(0)
    synced.run("state", "show").expect(0)


def test_a_missing_state_file_comes_back_by_itself_or_by_rebuild(synced: ProjectFolder) -> None:
    serial = state_serial(synced)
    _file(synced).unlink()
    assert REPAIR in synced.run("state", "show").expect(1).err
    synced.run("state", "rebuild").expect(0)
    assert state_serial(synced) == serial
    _file(synced).unlink()
    synced.sync()
    assert state_serial(synced) >= serial


def test_a_database_from_a_backup_is_noticed(synced: ProjectFolder) -> None:
    """The two serials are told, and nothing is recorded or sent before somebody says which one is right."""
    database = synced.root / "var/reconciler.db"
    backup = database.read_bytes()
    synced.mapping("acme-profile", [TITLE, COUNTRY])
    synced.apply()
    synced.replace_database(backup)
    for words in (("apply",), ("sync", "acme-profile")):
        done = synced.run(*words).expect(1)
        assert "the database went back" in done.err
        assert "reconcile state rebuild" in done.err
    synced.run("state", "rebuild").expect(0)
    synced.run("apply").expect(0)


def test_an_older_copy_with_the_same_serial_is_noticed_by_its_runs(synced: ProjectFolder) -> None:
    """The serial counts applies and not cycles: what only a cycle recorded is missing from such a copy."""
    database = synced.root / "var/reconciler.db"
    backup = database.read_bytes()
    synced.sync()
    synced.replace_database(backup)
    for words in (("apply",), ("sync", "acme-profile")):
        done = synced.run(*words).expect(1)
        assert "knows of run 2" in done.err
        assert "of 1: the database went back" in done.err
        assert REPAIR in done.err
    looked = synced.run("doctor", "--offline").expect(1).out
    assert "; run 2, database 1\n" in looked
    assert REPAIR in looked
    for words in (("status",), ("plan",)):
        done = synced.run(*words).expect(0)
        assert done.err.startswith("warning: the state file "), words
        assert "the database went back; restore the newer database" in done.err
    synced.run("state", "rebuild").expect(0)
    assert synced.run("status").expect(0).err == ""
    synced.sync()


def test_a_database_that_vanished_is_told_to_those_who_look(synced: ProjectFolder) -> None:
    assert synced.run("status", "--output", "json").json["warnings"] == []
    assert "warnings" not in synced.run("plan", "--format", "json").json
    (synced.root / "var/reconciler.db").unlink()
    for words in (("plan",), ("status",), ("activity",), ("export",)):
        done = synced.run(*words).expect(0)
        assert done.err.startswith("warning: the state file "), words
        assert "reconciler.db is empty or missing; restore the database; to begin anew" in done.err
    for words in (("plan", "--format", "json"), ("status", "--output", "json")):
        (warning,) = synced.run(*words).expect(0).json["warnings"]
        assert "is empty or missing" in warning, words
    assert "> ⚠️ the state file" in synced.run("plan", "--format", "markdown").expect(0).out
    looked = synced.run("doctor", "--offline").expect(1).out
    assert "delete the state file" in looked
    assert REPAIR not in looked, "there is nothing to rebuild it from"
    assert [path.name for path in (synced.root / "var").glob("reconciler.db*")] == [], "looking made no database"
    _file(synced).unlink()
    for words in (("plan",), ("status",)):
        assert synced.run(*words).expect(0).err == ""


def test_a_plan_that_was_printed_with_a_warning_is_a_plan_file(synced: ProjectFolder) -> None:
    database = synced.root / "var/reconciler.db"
    backup = database.read_bytes()
    synced.mapping("acme-profile", [TITLE, COUNTRY])
    printed = synced.run("plan", "--format", "json").expect(0).json
    file = synced.write("plan.json", json.dumps({**printed, "warnings": ["as if the database was in doubt"]}))
    synced.run("apply", file).expect(0)
    assert database.read_bytes() != backup


def test_a_state_file_that_cannot_be_used_is_told_to_those_who_look(synced: ProjectFolder) -> None:
    _file(synced).write_text("{}")
    for words in (("plan",), ("status",)):
        done = synced.run(*words).expect(0)
        assert "is damaged" in done.err, words
        assert REPAIR in done.err


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_something_else_in_place_of_the_state_file(synced: ProjectFolder, kind: str) -> None:
    _file(synced).unlink()
    {"folder": Path.mkdir, "link": _link, "pipe": os.mkfifo}[kind](_file(synced))
    for words in (("state", "show"), ("state", "rebuild"), ("sync", "acme-profile")):
        done = synced.run(*words).expect(1)
        assert "spec.stateFile" in done.err


def test_the_state_file_tells_what_the_status_tells(synced: ProjectFolder) -> None:
    data = json.loads(_file(synced).read_bytes())
    assert (data["formatVersion"], data["project"]) == (1, "acme")
    assert {entry["name"]: entry["status"] for entry in data["connections"]}["acme-community"] == "Successful"
    (document,) = (entry for entry in data["documents"] if entry["name"] == "acme-profile")
    (listed,) = synced.run("status", "acme-profile", "--output", "json").expect(0).json["documents"]
    assert document["mappings"]
    assert {entry["item"]: entry["counts"] for entry in document["mappings"]} == {
        entry["profileField"]: entry["counts"] for entry in listed["mappings"]
    }
    assert document["status"] == "Successful"
    assert synced.run("state", "show", "--output", "json").json == data


def test_the_state_file_fits_the_schema_that_is_published(synced: ProjectFolder) -> None:
    from jsonschema import Draft202012Validator

    schema = synced.run("schema", "state").json
    Draft202012Validator(schema).validate(json.loads(_file(synced).read_bytes()))


def test_the_serial_grows_with_every_apply_and_never_falls(project: ProjectFolder) -> None:
    project.ready()
    seen = [state_serial(project)]
    for lines in ([TITLE], [TITLE, ROLE], [TITLE, ROLE]):
        project.mapping("acme-profile", lines)
        project.apply()
        seen.append(state_serial(project))
    assert seen == sorted(seen)
    assert seen[3] == seen[2], "an apply without changes changes nothing"
    assert seen[2] > seen[1] > seen[0]


# ---- the database


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE customers (id)")
        file.commit()


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE " + _version_table(file) + " SET version_num = '9999'")
        file.commit()


def _version_table(file: sqlite3.Connection) -> str:
    rows = file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%version%'").fetchall()
    assert len(rows) == 1
    return str(rows[0][0])


DATABASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is an empty file"),
    "text": (
        lambda path: path.write_text("no database at all, but long enough to be read as one\n" * 50),
        "is damaged",
    ),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[: 6 * 4096]), "is damaged"),
    "foreign": (_foreign, "the tables of another program"),
    "newer": (_newer, "newer than"),
}


@pytest.mark.parametrize("damage", DATABASES)
def test_a_database_that_cannot_be_used_is_refused_by_every_command(synced: ProjectFolder, damage: str) -> None:
    make, message = DATABASES[damage]
    path = synced.root / "var/reconciler.db"
    for extra in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        extra.unlink(missing_ok=True)
    make(path)
    before, state = path.read_bytes(), _file(synced).read_bytes()
    for words in (("plan",), ("apply",), ("sync", "acme-profile"), ("status",), ("export",), ("state", "rebuild")):
        done = synced.run(*words).expect(1)
        assert message in done.err, words
        assert "hint:" in done.err
    assert _file(synced).read_bytes() == state
    # Looking at a database may switch its journal, which the first hundred bytes tell; nothing else may change.
    assert path.read_bytes()[100:] == before[100:], "nothing was made worse"


def test_a_database_of_another_project_is_refused(synced: ProjectFolder) -> None:
    synced.name = "globex"
    synced.write_project()
    for words in (("plan",), ("apply",)):
        done = synced.run(*words).expect(1)
        assert "holds the state of project 'acme', not of 'globex'" in done.err


def test_a_database_server_that_is_not_there(project: ProjectFolder) -> None:
    project.database = "postgresql://somebody:pa55word-canary@127.0.0.1:9/state"
    project.env["RECONCILER_DATABASE_URL"] = project.database
    project.write_project()
    project.run("validate").expect(0)
    for words in (("plan",), ("doctor", "--offline")):
        done = project.run(*words).expect(1)
        assert "cannot be reached" in done.all
        assert "canary" not in done.all


# ---- a full disk


def test_a_full_disk_leaves_the_old_state_file(project: ProjectFolder, tmp_path: Path) -> None:
    """On a disk of its own where that can be had (as root); the test below needs no rights."""
    if not can_mount(tmp_path / "try"):
        return
    (project.root / "var").mkdir()
    with small_disk(project.root / "var", 2048):
        project.ready().sync()
        _fills_up(project, project.root / "var")


def _fills_up(project: ProjectFolder, disk: Path) -> None:
    before = _file(project).read_bytes()
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    filler.write_bytes(b"x" * max(0, free - 4096))
    project.mapping("acme-profile", [TITLE, COUNTRY, ROLE])
    done = project.command("apply").expect(1)
    assert "space" in done.err
    assert "Traceback" not in done.all
    assert _file(project).read_bytes() == before
    assert [path.name for path in disk.glob(".state.json*")] == []
    filler.unlink()
    project.run("apply").expect(0)
    project.sync()


def test_a_limit_on_the_size_of_files_leaves_the_old_state_file(
    world: World, tmp_path: Path, postgres: Postgres
) -> None:
    """With the database on a server, the state file is the only one that is written."""
    project = ProjectFolder(tmp_path / "acme", world, postgres.create_database()).ready()
    before = _file(project).read_bytes()
    project.mapping("acme-profile", [TITLE, COUNTRY, ROLE])
    size = _file(project).stat().st_size // 2
    process = subprocess.run(
        commands.command("state", "rebuild"), cwd=project.root, env=commands.environment(project.env), text=True,
        capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)), check=False,
    )  # fmt: skip
    assert process.returncode == 1, process.stderr
    assert "The state file" in process.stderr
    assert "has space left" in process.stderr
    assert _file(project).read_bytes() == before
    assert [path.name for path in (project.root / "var").glob(".state.json*")] == []
    project.run("state", "rebuild").expect(0)


def test_a_folder_that_may_not_be_written(project: ProjectFolder) -> None:
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.write("blocked", "a file where a folder should be")
    project.replace("reconcile.yaml", "var/state.json", "blocked/state.json")
    done = project.run("apply").expect(1)
    assert "cannot be used" in done.err
    assert "the documents are recorded all the same, serial" in done.err
    assert "hint:" in done.err
