"""`scripts/check_coverage` on reports of its own making."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_coverage"
CORE = [
    "reconciler/model/value.py",
    "reconciler/planning/diff.py",
    "reconciler/records/match.py",
    "reconciler/schedule.py",
]


def entry(lines: list[int] | None = None, branches: list[list[int]] | None = None) -> dict[str, Any]:
    return {"missing_lines": lines or [], "missing_branches": branches or []}


def check(
    folder: Path, files: dict[str, Any], *, total: float = 95.0, branch: bool = True
) -> subprocess.CompletedProcess[str]:
    report = {"meta": {"branch_coverage": branch}, "totals": {"percent_covered": total}, "files": files}
    path = folder / "coverage.json"
    path.write_text(json.dumps(report))
    return subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, check=False)


@pytest.fixture
def complete() -> dict[str, Any]:
    return {path: entry() for path in CORE}


def test_everything_covered_passes(tmp_path: Path, complete: dict[str, Any]) -> None:
    done = check(tmp_path, complete | {"reconciler/state/ledger.py": entry([4])})
    assert (done.returncode, done.stderr) == (0, "")
    assert "95.00 %" in done.stdout


def test_a_missing_line_of_the_core_fails_and_is_named(tmp_path: Path, complete: dict[str, Any]) -> None:
    done = check(tmp_path, complete | {"reconciler/planning/deep/diff.py": entry([3, 7, 8, 9, 11])})
    assert done.returncode == 1
    assert "reconciler/planning/deep/diff.py: lines 3, 7-9, 11" in done.stderr


def test_a_missing_branch_of_the_core_fails_and_is_named(tmp_path: Path, complete: dict[str, Any]) -> None:
    done = check(tmp_path, complete | {"reconciler/schedule_cron.py": entry([], [[9, 11], [12, -1]])})
    assert done.returncode == 1
    assert "reconciler/schedule_cron.py: branches 9->11, 12->exit" in done.stderr


def test_a_low_total_fails_and_names_the_largest_gap_first(tmp_path: Path, complete: dict[str, Any]) -> None:
    gaps = {"reconciler/a.py": entry([1]), "reconciler/b.py": entry([1, 2])}
    done = check(tmp_path, complete | gaps, total=89.99)
    assert done.returncode == 1
    assert done.stderr.index("89.99 %") < done.stderr.index("reconciler/b.py") < done.stderr.index("reconciler/a.py")


def test_a_threshold_for_files_that_are_gone_fails(tmp_path: Path, complete: dict[str, Any]) -> None:
    del complete["reconciler/schedule.py"]
    done = check(tmp_path, complete)
    assert done.returncode == 1
    assert "reconciler/schedule*.py: no such file" in done.stderr


def test_a_report_without_branches_fails(tmp_path: Path, complete: dict[str, Any]) -> None:
    assert check(tmp_path, complete, branch=False).returncode == 1
