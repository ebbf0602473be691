"""The one door to time and chance. Everything else takes a `Clock`, so a test can live through a year in a second."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC, monotonic time in seconds, and waiting that can be cut short."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait, at the longest until `stop` is set. Returns whether it was set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(max(0.0, seconds))


Waiting = Callable[[str, float], AbstractContextManager[None]]
"""Somebody who is told of a wait: why, in a few words, and for how many seconds at the longest. It lasts as long as the
context. Called from several threads."""


def unseen(why: str, seconds: float) -> AbstractContextManager[None]:
    """Nobody watches."""
    return nullcontext()


def new_token() -> str:
    """A random holder token or lineage: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def chance() -> float:
    """A random number from 0 to 1, for spreading things over time. Not for secrets."""
    return random.random()  # noqa: S311
