"""The package as a whole: imports, start-up, version, schemas."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema

import reconciler

ROOT = Path(__file__).parents[2]
SLOW = {
    "alembic",
    "croniter",
    "httpcore2",
    "phonenumbers",
    "pydantic",
    "rapidfuzz",
    "rich",
    "sqlalchemy",
    "starlette",
    "yaml",
}


def test_imports_go_in_the_declared_directions() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter), "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_starts_without_the_heavy_libraries() -> None:
    """Coverage measures started processes by importing itself; here that would be measured instead of the program."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "reconciler" in imported, "the list of imports was not understood"
    assert imported & SLOW == set()


def test_a_cycle_of_a_sync_loads_nothing_that_only_imports_need() -> None:
    """Half of a short cycle is its start."""
    rooms = "engine.asking, engine.sync, engine.projection, connectors.gainsight_cs.client, connectors.sql.source"
    modules = ", ".join(f"reconciler.{name}" for name in rooms.split(", "))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "sqlalchemy.dialects.sqlite" in loaded
    heavy = {*SLOW, "jsonschema"} - {"sqlalchemy"}
    others = {"sqlalchemy.dialects.postgresql"} | {
        f"reconciler.{name}" for name in ("engine.resolving", "engine.flows.profile", "model.community", "model.plan")
    }
    assert loaded & {*heavy, *others} == set()


def test_the_changelog_starts_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == reconciler.__version__
    assert headings in (released, ["Unreleased", *released]), "what is not released stands in one place, at the top"
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert len(kinds) == len(set(kinds)), "one list of each kind"


def test_the_version_exists_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "reconciler.__version__"}


def test_every_schema_is_a_valid_json_schema() -> None:
    paths = sorted((ROOT / "schemas").rglob("*"))
    assert paths, "there are no schemas"
    for path in paths:
        assert path.suffix == ".json", path
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validators.validator_for(schema).check_schema(schema)
