"""A progress bar where a person watches, silence elsewhere; and word of long waits in both."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import click

from reconciler.cli.terminal import style_for
from reconciler.clock import Clock
from reconciler.model.event import Emit, Event, EventName

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

SHORT = 2.0
"""Seconds: a wait that nobody wonders about."""

LONG = 60.5
"""Seconds: more than the rest of a clock minute, which is the usual pace of a connection with a limit."""


class Waits(Protocol):
    """Somebody who is told that a connection makes us wait. Called from several threads."""

    def waiting(self, connection: str, why: str, seconds: float) -> AbstractContextManager[None]: ...


class Watcher(Waits, Protocol):
    """Somebody who watches a cycle."""

    def phase(self, text: str, total: int | None) -> None: ...

    def advance(self, count: int) -> None: ...


class Notices:
    """One line on standard error for each wait of more than `least` seconds, however many workers share it."""

    def __init__(self, clock: Clock, least: float) -> None:
        self._clock = clock
        self._least = least
        self._lock = threading.Lock()
        self._told: dict[str, datetime] = {}

    @contextmanager
    def waiting(self, connection: str, why: str, seconds: float) -> Iterator[None]:
        until = self._clock.now() + timedelta(seconds=seconds)
        with self._lock:
            told = self._told.get(connection)
            news = seconds > self._least and (told is None or until - told > timedelta(seconds=self._least))
            if news:
                self._told[connection] = until
        if news:
            self._say(connection, why, until)
        yield

    def _say(self, connection: str, why: str, until: datetime) -> None:
        click.echo(_words(connection, why, until, self._clock.now()), err=True)


def notices(clock: Clock) -> Notices:
    """For commands without a bar."""
    return Notices(clock, SHORT if sys.stderr.isatty() else LONG)


class Told(Notices):
    """An event for each long wait, where events are all that anybody reads."""

    def __init__(self, clock: Clock, emit: Emit) -> None:
        super().__init__(clock, LONG)
        self._emit = emit

    def _say(self, connection: str, why: str, until: datetime) -> None:
        fields = {"connection": connection, "reason": why, "until": until.isoformat(timespec="seconds")}
        self._emit(Event(name=EventName.CONNECTION_WAITS, fields=fields))


def _words(connection: str, why: str, until: datetime, now: datetime) -> str:
    # Rounded up: who comes back at the second that was told finds it over.
    until += timedelta(seconds=1) - timedelta(microseconds=1)
    day = "" if until.date() == now.date() else f"{until:%Y-%m-%d} "
    return f"{why} by {connection}, waiting until {day}{until:%H:%M:%S}Z"


class Lines(Notices):
    """A line a minute on standard error, for logs: a first cycle within a rate limit can take hours."""

    EVERY = 60.0

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, LONG)
        self._text = ""
        self._total: int | None = None
        self._done = 0
        self._said = clock.monotonic()

    def phase(self, text: str, total: int | None) -> None:
        with self._lock:
            self._text, self._total, self._done = text, total, 0

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = self._clock.monotonic()
            if now - self._said < self.EVERY:
                return
            self._said = now
            of = "" if self._total is None else f" of {self._total:,} values"
            text = f"{self._text}: {self._done:,}{of}"
        click.echo(text, err=True)


class Bar:
    """One bar for each phase of a cycle, on standard error."""

    def __init__(self, bars: Bars, clock: Clock) -> None:
        self._bars = bars
        self._clock = clock
        self._lock = threading.Lock()
        self._phase = "starting"
        self._waits: list[tuple[datetime, str]] = []
        self._task = bars.add_task(self._phase, total=None)

    def phase(self, text: str, total: int | None) -> None:
        with self._lock:
            self._phase = text
            self._bars.reset(self._task, description=self._description, total=total, start=True)

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)

    @contextmanager
    def waiting(self, connection: str, why: str, seconds: float) -> Iterator[None]:
        if seconds < SHORT:
            yield
            return
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)
        wait = (until, _words(connection, why, until, now))
        with self._lock:
            self._waits.append(wait)
            self._show()
        try:
            yield
        finally:
            with self._lock:
                self._waits.remove(wait)
                self._show()

    def _show(self) -> None:
        self._bars.update(self._task, description=self._description)

    @property
    def _description(self) -> str:
        """The phase, and the wait that ends last."""
        return f"{self._phase}: {max(self._waits)[1]}" if self._waits else self._phase


@contextmanager
def watching(clock: Clock) -> Iterator[Watcher]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield Lines(clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not style_for(sys.stderr).enabled)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield Bar(bars, clock)
