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
import atexit, os, subprocess, sys, thing

def test_here_and_in_a_process():
    atexit.register(os._exit, 0)  # whatever waits for the end of a worker may be the last that it does
    thing.{name}()
    subprocess.run([sys.executable, "-c", "import thing; thing.{name}_elsewhere()"], check=True)
"""
NAMES = ("one", "two")
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


def test_workers_and_their_processes_are_measured_except_for_what_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, folder in zip(NAMES, ("unit", "docs"), strict=True):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{name}.py").write_text(TESTS.format(name=name))
    (tmp_path / "thing.py").write_text(THING)
    (tmp_path / "settings").write_text(SETTINGS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    pytest_command = ["-m", "pytest", "-q", "-p", "tests.house.measuring", "-m"]
    outputs = []
    for command in (
        ["-m", "coverage", "run", "--rcfile=settings", *pytest_command, "not unmeasured", "-n", "1"],
        [*pytest_command, "unmeasured"],
        ["-m", "coverage", "combine", "--rcfile=settings", "--quiet"],
        ["-m", "coverage", "json", "--rcfile=settings", "--quiet", "-o", "found.json"],
    ):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(done.stdout)
    assert all("1 passed" in output for output in outputs[:2])
    (found,) = json.loads((tmp_path / "found.json").read_text())["files"].values()
    measured = {name for name, entry in found["functions"].items() if name and entry["summary"]["covered_lines"]}
    assert measured == {"one", "one_elsewhere"}
