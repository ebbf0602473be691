"""A progress bar where a person watches, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.cli.terminal import style_for

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from reconciler.engine.cycle import Progress


class Silent:
    """Nobody watches."""

    def phase(self, text: str, total: int | None) -> None:
        return None

    def advance(self, count: int) -> None:
        return None


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
def watching() -> Iterator[Progress]:
    """A bar on a terminal; otherwise nothing, so that logs stay clean."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not style_for(sys.stderr).enabled)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield Bar(bars)
