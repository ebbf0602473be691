"""How long calls waited for permission: a budget that says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

from reconciler.clock import Clock
from reconciler.connectors.base import Budget

NOTICED = 0.001
"""Seconds; less is no waiting but the time that asking takes."""


class MeasuredBudget:
    """`budget`, telling `waited` for how many seconds each call had to wait. Shared by threads, as the budget is."""

    def __init__(self, budget: Budget, clock: Clock, waited: Callable[[float], None]) -> None:
        self._budget = budget
        self._clock = clock
        self._waited = waited

    def acquire(self, stop: threading.Event) -> None:
        started = self._clock.monotonic()
        try:
            self._budget.acquire(stop)
        finally:
            seconds = self._clock.monotonic() - started
            if seconds >= NOTICED:
                self._waited(seconds)

    def throttled(self, retry_after: float | None) -> None:
        self._budget.throttled(retry_after)
