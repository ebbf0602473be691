"""State outside of the project's folder, as in a container whose project is mounted read-only."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.commands import REPOSITORY, Done, in_process


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(REPOSITORY / "examples" / "configs" / "sandbox", folder, ignore=shutil.ignore_patterns("var"))
    file = folder / "reconcile.yaml"
    text = file.read_text("utf-8").replace("sqlite:///var/", f"sqlite:///{tmp_path}/state/")
    file.write_text(text.replace("stateFile: var/", f"stateFile: {tmp_path}/state/"), "utf-8")
    (tmp_path / "state").mkdir()
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "start")):
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def reconcile(project: Path, *arguments: str) -> Done:
    return in_process(*arguments, "--project", project, env={}).expect(0)


def test_the_state_file_is_written_and_made_again(project: Path, tmp_path: Path) -> None:
    reconcile(project, "apply")
    state = tmp_path / "state" / "state.json"
    written = json.loads(state.read_text("utf-8"))
    state.unlink()
    assert reconcile(project, "state", "rebuild").out == f"{state} written from the database, serial 8\n"
    again = json.loads(state.read_text("utf-8"))
    assert (again["serial"], again["lineage"]) == (written["serial"], written["lineage"])


def test_a_changed_working_tree_is_not_taken_for_a_commit(project: Path, tmp_path: Path) -> None:
    reconcile(project, "apply")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    ).stdout.strip()
    state = tmp_path / "state" / "state.json"
    assert json.loads(state.read_text("utf-8"))["commit"] == head
    (project / "mappings" / "partners-profile.yaml").unlink()
    reconcile(project, "apply", "--allow-mass-change", "1")
    assert json.loads(state.read_text("utf-8"))["commit"] == f"{head}+changes"
