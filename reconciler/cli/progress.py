"""A progress bar where a person watches, silence elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import style_for
from reconciler.clock import Clock

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from reconciler.engine.cycle import Progress


class Lines:
    """A line a minute on standard error, for logs: a first cycle within a rate limit can take hours."""

    EVERY = 60.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._text = ""
        self._total: int | None = None
        self._done = 0
        self._told = clock.monotonic()

    def phase(self, text: str, total: int | None) -> None:
        with self._lock:
            self._text, self._total, self._done = text, total, 0

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = self._clock.monotonic()
            if now - self._told < self.EVERY:
                return
            self._told = now
            text = f"{self._text}: {self._done:,} of {self._total or 0:,} values"
        click.echo(text, err=True)


class Bar:
    """One bar for each phase of a cycle, on standard error."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=None)

    def phase(self, text: str, total: int | None) -> None:
        self._bars.reset(self._task, description=text, total=total, start=True)

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)


@contextmanager
def watching(clock: Clock) -> Iterator[Progress]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield Lines(clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not style_for(sys.stderr).enabled)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield Bar(bars)
