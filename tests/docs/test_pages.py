"""Links lead somewhere, every page can be reached, and the environment variables are those that the program reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCED = re.compile(r"^(?P<mark>`{3,}).*?^(?P=mark)\s*$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def text(page: Path) -> str:
    """The page without its blocks."""
    return FENCED.sub("", page.read_text("utf-8"))


def targets(page: Path) -> list[tuple[Path, str]]:
    """Where the links of a page lead within the repository: a path and the heading in it, empty for the whole."""
    local = [found["target"] for found in LINK.finditer(text(page)) if "://" not in found["target"]]
    parts = [target.partition("#") for target in local]
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in parts]


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    headings = re.findall(r"^#+ (.*)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        f"{path.relative_to(ROOT)}#{anchor}"
        for path, anchor in targets(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            waiting += [path for path, _ in targets(page)]
    # Results of the benchmarks are looked at by those who run them.
    missing = {page for page in pages() if page.is_relative_to(ROOT / "docs")} - reached
    assert sorted(page.name for page in missing if page.name != "benchmarks.md") == []


def test_environment_variables_are_those_of_the_program() -> None:
    source = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "reconciler").rglob("*.py")))
    page = (ROOT / "docs" / "reference" / "environment.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page.partition("## ")[0], re.MULTILINE))
    assert {name for name in documented if name not in source} == set()
    read = set(re.findall(r'environ(?:\.get)?[(\[]"([A-Z_]+)"', source)) | set(re.findall(r'"(RECONCILE_\w+)"', source))
    assert read <= documented
