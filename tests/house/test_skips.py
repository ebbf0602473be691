"""The rule about skips, tried on small test runs of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.skips import Allowed, Skip, SkipRules, parse_allowed

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_passes(): pass

@pytest.mark.skip(reason="no such service")
def test_skipped(): pass

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail(): assert False
"""


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *, ci: bool, tests: str = TESTS) -> tuple[int, str]:
    (folder / "test_sample.py").write_text(tests)
    monkeypatch.setenv("CI", "true" if ci else "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.house.skips", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_outside_ci_skips_are_listed_and_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, ci=False)
    assert code == 0, output
    assert "test_sample.py::test_skipped: no such service" in output
    assert "test_sample.py::test_expected_to_fail: expected to fail: known" in output


def test_in_ci_a_skip_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, ci=True)
    assert code == 1, output
    assert "test_sample.py::test_skipped | no such service" in output


def test_in_ci_a_run_without_skips_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, ci=True, tests="def test_passes(): pass")
    assert code == 0, output
    assert "skip" not in output


def test_in_ci_a_module_that_skips_itself_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = "import pytest\npytest.importorskip('there_is_no_such_module')\ndef test_passes(): pass"
    code, output = run(tmp_path, monkeypatch, ci=True, tests=tests)
    assert code == 1, output
    assert "there_is_no_such_module" in output


def test_the_allow_list_takes_a_prefix_and_the_whole_reason() -> None:
    rules = SkipRules(parse_allowed("# comment\n\ntests/a/ | no such service\n"))
    allowed = Skip(nodeid="tests/a/test_x.py::test_y", reason="no such service")
    elsewhere = Skip(nodeid="tests/b/test_x.py::test_y", reason="no such service")
    other_reason = Skip(nodeid="tests/a/test_x.py::test_y", reason="no such service today")
    rules.skips += [allowed, elsewhere, other_reason]
    assert rules.refused() == [elsewhere, other_reason]


@pytest.mark.parametrize("line", ["tests/a/", "tests/a/ |", "| reason"])
def test_a_line_of_the_allow_list_that_says_too_little_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"allowed_skips\.txt:2"):
        parse_allowed(f"# first\n{line}\n")


def test_an_allowed_skip_is_a_value() -> None:
    assert parse_allowed("a | b | c") == [Allowed(prefix="a", reason="b | c")]
