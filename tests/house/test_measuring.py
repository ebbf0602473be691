"""What coverage measures, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.measuring import PER_DATABASE, UNMEASURED, is_measured

ROOT = Path(__file__).parents[2]
TESTS = """
import subprocess, sys, thing

def test_here_and_in_a_process():
    thing.{name}()
    subprocess.run([sys.executable, "-c", "import thing; thing.{name}_elsewhere()"], check=True)
"""
NAMES = ("one", "two", "three")
THING = "".join(f"def {name}{end}():\n    print()\n" for name in NAMES for end in ("", "_elsewhere"))
SETTINGS = "[run]\nsource_pkgs = thing\nparallel = true\npatch = subprocess\n"


@pytest.mark.parametrize(
    ("nodeid", "measured"),
    [
        ("tests/unit/test_diff.py::test_x", True),
        ("tests/acceptance/test_syncs.py::test_x[sqlite]", True),
        ("tests/acceptance/test_syncs.py::test_x[cs-postgresql]", False),
        ("tests/acceptance/test_syncs.py::test_and_so_it_does_on_postgresql", True),
        ("tests/state/test_ledger.py::test_x[postgresql]", True),
        ("tests/migration/test_versions.py::test_x[sqlite]", False),
    ],
)
def test_what_differs_between_databases_is_measured_on_both(nodeid: str, measured: bool) -> None:
    assert is_measured(nodeid) is measured


def test_every_place_that_is_named_exists() -> None:
    places = [path.partition("::")[0] for path in (*UNMEASURED, *PER_DATABASE)]
    assert [path for path in places if not (ROOT / path).exists()] == []


def test_tests_are_measured_and_their_processes_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of three: measuring goes on after it."""
    for number, name in enumerate(NAMES):
        folder = tmp_path / "tests" / ("docs" if name == "two" else f"unit{number}")
        folder.mkdir(parents=True)
        (folder / f"test_{name}.py").write_text(TESTS.format(name=name))
    (tmp_path / "thing.py").write_text(THING)
    (tmp_path / "settings").write_text(SETTINGS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    files = [f"tests/{path}" for path in ("unit0/test_one.py", "docs/test_two.py", "unit2/test_three.py")]
    coverage = [sys.executable, "-m", "coverage"]
    for command in (
        ["run", "--rcfile=settings", "-m", "pytest", "-q", "-p", "tests.house.measuring", *files],
        ["combine", "--rcfile=settings", "--quiet"],
        ["json", "--rcfile=settings", "--quiet", "-o", "found.json"],
    ):
        done = subprocess.run([*coverage, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "found.json").read_text())["files"].values()
    measured = {name for name, entry in found["functions"].items() if name and entry["summary"]["covered_lines"]}
    assert measured == {"one", "one_elsewhere", "two", "three", "three_elsewhere"}
