"""What is said of long waits: in the bar on a terminal, as single lines elsewhere."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from reconciler.cli.progress import LONG, Bar, Lines, Notices


class StillClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 23, 58, 0, 250_000, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.passed += seconds
        return stop.is_set()


def test_a_line_for_each_long_wait_however_many_share_it(capsys: pytest.CaptureFixture[str]) -> None:
    clock = StillClock()
    lines = Lines(clock)
    for seconds in (5.0, 60.2, 90.0, 89.9, 91.0):
        with lines.waiting("acme-community", "rate limited", seconds):
            pass
    with lines.waiting("acme-cs", "asked to wait", 600.0):
        pass
    clock.passed = 85.0
    with lines.waiting("acme-community", "rate limited", 5.0), lines.waiting("acme-community", "rate limited", 300.0):
        pass
    assert capsys.readouterr().err.splitlines() == [
        "rate limited by acme-community, waiting until 23:59:31Z",
        "asked to wait by acme-cs, waiting until 2026-11-23 00:08:01Z",
        "rate limited by acme-community, waiting until 2026-11-23 00:04:26Z",
    ]


def test_a_minute_used_up_is_the_usual_pace_and_no_news() -> None:
    assert LONG > 60 + 2 * 0.2


def test_progress_is_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = StillClock()
    lines = Lines(clock)
    lines.phase("writing", 5000)
    for _ in range(130):
        clock.passed += 1
        lines.advance(10)
    assert capsys.readouterr().err.splitlines() == ["writing: 600 of 5,000 values", "writing: 1,200 of 5,000 values"]


def test_progress_of_what_has_no_known_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = StillClock()
    lines = Lines(clock)
    lines.phase("reading replies", None)
    clock.passed += 60
    lines.advance(1_234)
    assert capsys.readouterr().err == "reading replies: 1,234\n"


def test_on_a_terminal_a_command_without_a_bar_tells_of_shorter_waits(capsys: pytest.CaptureFixture[str]) -> None:
    told = Notices(StillClock(), 2.0)
    for seconds in (1.0, 4.0):
        with told.waiting("acme-cs", "rate limited", seconds):
            pass
    assert capsys.readouterr().err == "rate limited by acme-cs, waiting until 23:58:05Z\n"


def test_the_bar_shows_a_wait_as_long_as_it_lasts() -> None:
    bars = Progress(TextColumn("{task.description}"), console=Console(file=StringIO()), auto_refresh=False)
    bar = Bar(bars, StillClock())

    def shown() -> str:
        return bars.tasks[0].description

    bar.phase("writing", 100)
    with bar.waiting("acme-community", "rate limited", 0.4):
        assert shown() == "writing"
    with bar.waiting("acme-community", "rate limited", 30.0):
        assert shown() == "writing: rate limited by acme-community, waiting until 23:58:31Z"
        with bar.waiting("acme-community", "rate limited", 40.0):
            assert shown() == "writing: rate limited by acme-community, waiting until 23:58:41Z"
        bar.phase("closing", None)
        assert shown() == "closing: rate limited by acme-community, waiting until 23:58:31Z"
    assert shown() == "closing"
    bar.advance(1)
    assert bars.tasks[0].completed == 1


def test_the_bar_forgets_a_wait_that_was_interrupted() -> None:
    bars = Progress(TextColumn("{task.description}"), console=Console(file=StringIO()), auto_refresh=False)
    bar = Bar(bars, StillClock())
    with pytest.raises(KeyboardInterrupt), bar.waiting("acme-cs", "rate limited", 30.0):
        raise KeyboardInterrupt
    assert bars.tasks[0].description == "starting"
