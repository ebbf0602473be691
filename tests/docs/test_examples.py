"""The example projects do what their pages say."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.story import SECRETS
from reconciler.sandbox import Sandbox, SandboxConfig

EXAMPLES = Path(__file__).parents[2] / "examples" / "configs"
PEOPLE = 200
"""As many as the catalogs of the sandbox example were pulled from."""


def reconcile(folder: Path, *arguments: str, exit_code: int = 0) -> str:
    """What a command prints in a project."""
    command = [sys.executable, "-m", "reconciler", *arguments]
    variables = {**os.environ, **SECRETS, "RECONCILER_DATABASE_URL": "sqlite:///var/reconciler.db"}
    variables["WAREHOUSE_URL"] = "sqlite:///warehouse.db"
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("var")))


@pytest.mark.parametrize(
    ("name", "documents", "mappings"), [("sandbox", 9, 8), ("profile-fields", 9, 11), ("warehouse", 12, 24)]
)
def test_an_example_is_green_and_can_be_planned_offline(
    name: str, documents: int, mappings: int, tmp_path: Path
) -> None:
    project = copied(name, tmp_path)
    written = [*project.rglob("*.yaml"), *project.rglob("models/*.sql")]
    files = len([path for path in written if path.name != "reconcile.yaml"])
    assert reconcile(project, "validate", "--strict").splitlines() == [f"{files} files ok"]
    assert f"Plan: {documents} documents to add; {mappings} mappings to add." in reconcile(project, "plan")


def test_every_schema_that_an_editor_is_told_of_is_there() -> None:
    told = {
        path: (path.parent / line.partition("$schema=")[2]).resolve()
        for path in sorted((EXAMPLES / "profile-fields").rglob("*.yaml"))
        for line in path.read_text("utf-8").splitlines()[:1]
    }
    assert len(told) == 7
    assert [str(path) for path, schema in told.items() if not schema.is_file()] == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sandbox example, pointed at a sandbox of its size."""
    project = copied("sandbox", tmp_path_factory.mktemp("example"))
    connections = project / "connections" / "gainsight.yaml"
    with Sandbox(SandboxConfig(people=PEOPLE, quirks=False, community_objects=False)) as sandbox:
        addresses = {"http://127.0.0.1:9401": sandbox.cs_url, "http://127.0.0.1:9402": sandbox.cc_url}
        written = connections.read_text("utf-8")
        for shown, real in addresses.items():
            written = written.replace(shown, real)
        connections.write_text(written, "utf-8")
        yield project


def test_the_pinned_catalogs_are_those_of_the_sandbox(running: Path) -> None:
    pulled = [line for line in reconcile(running, "catalog", "pull").splitlines() if line.startswith("catalog/")]
    assert len(pulled) == 3
    assert [line for line in pulled if not line.endswith(", unchanged")] == []


def test_the_sandbox_example_syncs(running: Path) -> None:
    reconcile(running, "apply")
    reconcile(running, "sync", "acme-profile")
    reconcile(running, "sync", "partners-profile")
    told = reconcile(running, "sync", "acme-segments", exit_code=3)
    assert "profile-field-missing" in told
    status = reconcile(running, "status")
    assert [word in status for word in ("● Successful", "◐ Partially Successful", "Failed")] == [True, True, False]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The warehouse example with its warehouse, pointed at a sandbox of its size."""
    project = copied("warehouse", tmp_path_factory.mktemp("example"))
    with contextlib.closing(sqlite3.connect(project / "warehouse.db")) as database:
        database.executescript((project / "warehouse.sql").read_text("utf-8"))
    connection = project / "connections" / "gainsight.yaml"
    with Sandbox(SandboxConfig(people=PEOPLE, quirks=False, community_objects=False)) as sandbox:
        connection.write_text(connection.read_text("utf-8").replace("http://127.0.0.1:9401", sandbox.cs_url), "utf-8")
        yield project


def test_the_warehouse_example_syncs_every_object(warehouse: Path) -> None:
    assert reconcile(warehouse, "catalog", "pull", "acme-cs").endswith(", unchanged\n")
    reconcile(warehouse, "apply")
    done = {}
    for name in ("companies", "people", "company-persons", "relationship-persons", "onboardings"):
        (last,) = [line for line in reconcile(warehouse, "sync", name).splitlines() if " values read = " in line]
        done[name] = last
    assert done == {
        "companies": "28 values read = 21 updated + 7 created + 0 unchanged + 0 skipped + 0 rejected + 0 not attempted",
        "people": "20 values read = 0 updated + 19 created + 0 unchanged + 1 skipped + 0 rejected + 0 not attempted",
        "company-persons": "12 values read = 0 updated + 11 created + 0 unchanged + 1 skipped + 0 rejected + 0 not attempted",
        "relationship-persons": "2 values read = 0 updated + 2 created + 0 unchanged + 0 skipped + 0 rejected + 0 not attempted",
        "onboardings": "16 values read = 0 updated + 16 created + 0 unchanged + 0 skipped + 0 rejected + 0 not attempted",
    }
    assert "0 updated + 28 unchanged" in reconcile(warehouse, "sync", "companies").replace(" + 0 created", "")
    assert reconcile(warehouse, "status").count("● Successful") == 5 + 24
