"""The example projects do what their pages say."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
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
    ("name", "documents", "mappings"),
    [("sandbox", 9, 8), ("profile-fields", 9, 11), ("warehouse", 12, 24), ("communities", 7, 0)],
)
def test_an_example_is_green_and_can_be_planned_offline(
    name: str, documents: int, mappings: int, tmp_path: Path
) -> None:
    project = copied(name, tmp_path)
    written = [*project.rglob("*.yaml"), *project.rglob("models/*.sql")]
    files = len([path for path in written if path.name != "reconcile.yaml"])
    assert reconcile(project, "validate", "--strict").splitlines() == [f"{files} files ok"]
    parts = [f"{documents} documents to add", *([f"{mappings} mappings to add"] if mappings else [])]
    assert f"Plan: {'; '.join(parts)}." in reconcile(project, "plan")


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
    with Sandbox(SandboxConfig(people=PEOPLE, quirks=False)) as sandbox:
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


@pytest.fixture(scope="module")
def communities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example of imports, pointed at a sandbox of its size."""
    project = copied("communities", tmp_path_factory.mktemp("example"))
    connections = project / "connections" / "gainsight.yaml"
    with Sandbox(SandboxConfig(people=PEOPLE)) as sandbox:
        text = connections.read_text("utf-8").replace("http://127.0.0.1:9401", sandbox.cs_url)
        connections.write_text(text.replace("http://127.0.0.1:9402", sandbox.cc_url), "utf-8")
        yield project


def test_the_example_of_imports_brings_two_communities_to_two_targets(communities: Path) -> None:
    pulled = [line for line in reconcile(communities, "catalog", "pull").splitlines() if line.startswith("catalog/")]
    assert len(pulled) == 3
    assert [line for line in pulled if not line.endswith(", unchanged")] == []
    plan = reconcile(communities, "apply")
    assert "CommunityImport/acme-partners makes these tables in warehouse" in reconcile(
        communities, "explain", "CommunityImport/acme-partners"
    )
    assert " lacks " not in plan, "the tenant has every object, with every field that the connection declares"
    for name in ("acme-community", "acme-partners"):
        first, again = reconcile(communities, "sync", name), reconcile(communities, "sync", name)
        assert " 0 rejected + 0 not attempted" in first
        assert " 0 updated + " in again and "created +" not in again
    assert reconcile(communities, "status").count("● Successful") == 2 * (1 + 8)
    found = reconcile(communities, "records", "acme-partners", "--outcome", "matched", "--output", "csv")
    rules = [row["Rule"] for row in csv.DictReader(found.splitlines())]
    assert set(rules) == {"email", "name+company", "domain", "alias"}
    with contextlib.closing(sqlite3.connect(communities / "warehouse.db")) as database:
        query = "SELECT match_rule, count(*) FROM community_acme_partners_en_user WHERE match_outcome = 'matched' GROUP BY 1"
        assert dict(database.execute(query)) == Counter(rules)
        (tenants,) = database.execute("SELECT count(DISTINCT community) FROM community_content").fetchone()
    assert tenants == 1, "the other community is in CS"
