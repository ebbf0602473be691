"""Every command that the documentation shows is run, and prints what the documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.docs_page import parse
from tests.house.docs_run import ROOT, run_page


def pages() -> list[Path]:
    """README and all of docs/, as far as they show something to type."""
    found = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.is_file()]
    return [path for path in found if parse(path.read_text(encoding="utf-8")).steps]


def test_there_is_something_to_type() -> None:
    assert pages(), "neither README.md nor docs/ shows a command"


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_tells_the_truth(path: Path, tmp_path: Path) -> None:
    run_page(parse(path.read_text(encoding="utf-8")), tmp_path)
