"""What is generated for readers is what the code says today."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", ["generate_docs", "generate_examples", "generate_demo_image", "generate_dashboard"])
def test_a_generator_would_change_nothing(name: str) -> None:
    done = check(ROOT / "scripts" / f"{name}.py", ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), f"run scripts/{name}.py"


def test_a_page_that_was_edited_by_hand_is_found(tmp_path: Path) -> None:
    for folder in ("scripts", "docs/reference"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    page = tmp_path / "docs" / "reference" / "exit-codes.md"
    page.write_text(page.read_text("utf-8").replace("safety stop", "safety net"), "utf-8")
    (tmp_path / "docs" / "reference" / "rules" / "E-GONE.md").write_text("A rule that is no longer there.\n")
    done = check(tmp_path / "scripts" / "generate_docs.py", tmp_path)
    found = sorted(line.removeprefix("out of date: ") for line in done.stdout.splitlines())
    assert (done.returncode, found) == (1, ["docs/reference/exit-codes.md", "docs/reference/rules/E-GONE.md"])
