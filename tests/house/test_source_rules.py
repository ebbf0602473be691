"""Every rule of source_rules finds what it is for, and nothing in this checkout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.house import source_rules

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reconciler"
PUBLISHED = (".ci", "bench", "deploy", "docs", "examples", "reconciler", "schemas", "scripts", "tests")
TEXT = {
    "",
    ".cfg",
    ".css",
    ".csv",
    ".html",
    ".ini",
    ".json",
    ".mako",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}

Rule = Callable[[str], Iterator[str]]


def modules(*exempt: str) -> Iterable[Path]:
    """The modules of the package, except those whose path starts with one of `exempt`."""
    found = sorted(PACKAGE.rglob("*.py"))
    assert found
    return [path for path in found if not path.relative_to(PACKAGE).as_posix().startswith(exempt or ("\0",))]


NOT_OURS = {".coverage", ".git"}
"""What tools leave at the top: measurements, and the pointer of a second working tree."""


def published_files() -> Iterable[Path]:
    """Every text file that people get to read; samples of bad text in the test of a rule are not meant."""
    inside = (path for folder in PUBLISHED for path in (ROOT / folder).rglob("*"))
    files = [
        path
        for path in (*ROOT.iterdir(), *inside)
        if path.is_file() and path.suffix in TEXT and path.name not in NOT_OURS
    ]
    return sorted(path for path in files if "__pycache__" not in path.parts and path != Path(__file__))


def findings(rule: Rule, paths: Iterable[Path]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{found}" for path in paths for found in rule(path.read_text(encoding="utf-8"))]


def test_no_function_is_too_long() -> None:
    assert findings(source_rules.long_functions, modules()) == []


def test_no_module_is_too_long() -> None:
    assert findings(source_rules.long_module, modules()) == []


def test_only_the_command_line_and_the_sandbox_print() -> None:
    assert findings(source_rules.prints, modules("cli/", "sandbox/")) == []


def test_time_and_chance_have_one_door() -> None:
    assert findings(source_rules.impure_calls, modules("clock.py", "sandbox/")) == []


def test_nothing_names_a_folder_of_the_machine_it_was_written_on() -> None:
    assert findings(source_rules.machine_paths, published_files()) == []


BODY = "\n".join(f"    x = {number}" for number in range(60))


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (source_rules.long_functions, f"def f():\n{BODY}\n"),
        (source_rules.long_functions, f"class A:\n  async def f():\n{BODY}\n"),
        (source_rules.long_module, "x = 1\n" * 501),
        (source_rules.prints, "def f():\n    print('x')\n"),
        (source_rules.impure_calls, "import datetime\ndatetime.datetime.now()\n"),
        (source_rules.impure_calls, "from datetime import datetime as d, UTC\nimport time\ntime.time()\n"),
        (source_rules.impure_calls, "from time import time\n"),
        (source_rules.impure_calls, "from uuid import uuid4\n"),
        (source_rules.impure_calls, "def f():\n    import random\n"),
        (source_rules.impure_calls, "from random import choice\n"),
        (source_rules.impure_calls, "clock = datetime.now\n"),
        (source_rules.machine_paths, "see " + "/".join(["", "root", "project", "x"]) + "\n"),
        (source_rules.machine_paths, "path = '/home/jane/project'\n"),
        (source_rules.machine_paths, "path=" + "/".join(["", "work", "main", "x"]) + "\n"),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: Rule, bad: str) -> None:
    assert list(rule(bad))


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (source_rules.long_functions, "def f():\n" + BODY.rpartition("\n")[0]),
        (source_rules.long_module, "x = 1\n" * 500),
        (source_rules.prints, "printer('x')\nrich.print_json\n"),
        (source_rules.impure_calls, "import time\nself.clock.now()\ntime.monotonic()\ntime = run.time\n"),
        (source_rules.machine_paths, "https://example.com/work/x\n$HOME/work/\n./work/x\n/run/secrets/x\n"),
    ],
)
def test_a_rule_leaves_the_rest_alone(rule: Rule, good: str) -> None:
    assert list(rule(good)) == []
