"""pytest plugin: no skip goes unnoticed. Each is printed with its reason; in CI only those on the allow list may happen.

A test that is expected to fail counts as skipped: it proves as little.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

ALLOWED_SKIPS = Path(__file__).parent.parent / "allowed_skips.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    nodeid: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One line of the allow list: `node id prefix | reason`."""

    prefix: str
    reason: str

    def covers(self, skip: Skip) -> bool:
        return skip.nodeid.startswith(self.prefix) and skip.reason == self.reason


def parse_allowed(text: str) -> list[Allowed]:
    """The allow list. Raises ValueError for a line that has no prefix or no reason."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        prefix, separator, reason = (part.strip() for part in line.partition("|"))
        if not (prefix and separator and reason):
            raise ValueError(f"{ALLOWED_SKIPS.name}:{number}: expected `node id prefix | reason`")
        found.append(Allowed(prefix=prefix, reason=reason))
    return found


class SkipRules:
    """Collects the skips of a run. `allowed` is None outside CI, where any skip may happen."""

    def __init__(self, allowed: list[Allowed] | None) -> None:
        self.allowed = allowed
        self.skips: list[Skip] = []

    def refused(self) -> list[Skip]:
        if self.allowed is None:
            return []
        return [skip for skip in self.skips if not any(allowed.covers(skip) for allowed in self.allowed)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._collect(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._collect(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skips:
            terminalreporter.section("skipped")
        for skip in self.skips:
            terminalreporter.line(f"{skip.nodeid}: {skip.reason}")
        if refused := self.refused():
            terminalreporter.section("skips that are not allowed", red=True)
            terminalreporter.line(
                f"These {len(refused)} fail the run; an accepted one belongs in {ALLOWED_SKIPS.name}:"
            )
            for skip in refused:
                terminalreporter.line(f"{skip.nodeid} | {skip.reason}")

    def _collect(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped:
            self.skips.append(Skip(nodeid=report.nodeid, reason=_reason(report)))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        return f"expected to fail: {expected_failure.removeprefix('reason: ') or 'no reason given'}"
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(text.removeprefix("Skipped: ").split()) or "no reason given"


def pytest_configure(config: pytest.Config) -> None:
    in_ci = os.environ.get("CI", "").lower() == "true"
    allowed = parse_allowed(ALLOWED_SKIPS.read_text(encoding="utf-8")) if in_ci else None
    config.pluginmanager.register(SkipRules(allowed), "skip-rules")
