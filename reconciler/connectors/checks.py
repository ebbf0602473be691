"""The steps that `connections test` takes with every connection over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.answer import Response
from reconciler.connectors.backoff import http_date
from reconciler.connectors.base import Check
from reconciler.connectors.http import HttpClient
from reconciler.model.resources import RateLimit

TOLERATED_SKEW = 120.0
"""Seconds that the clocks may differ."""


class Probe:
    """Collects checks. A step that fails is a check that is not ok; only an interrupt is an exception."""

    def __init__(self, http: HttpClient, clock: Clock, limit: RateLimit) -> None:
        self.checks: list[Check] = []
        self._http = http
        self._clock = clock
        self._limit = limit

    def passed(self, name: str, detail: str) -> None:
        self.checks.append(Check(name=name, ok=True, detail=detail))

    def failed(self, name: str, error: errors.RemoteError) -> None:
        hint = error.hint or ""
        self.checks.append(Check(name=name, ok=False, detail=error.message, hint=hint, exit_code=error.exit_code))

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Run one step, which returns its detail or raises `errors.RemoteError`."""
        try:
            self.passed(name, work())
        except errors.RemoteError as error:
            self.failed(name, error)
            return False
        return True

    def reach(self, first: Callable[[], Response], name: str) -> bool:
        """The first request: it tells about the way there, the limits and the clock, and then about step `name`."""
        try:
            answer = first()
        except (errors.RemoteUnavailable, errors.AddressRefused, errors.RemoteMalformed) as error:
            self.failed("reachable", error)
            return False
        except errors.RemoteError as error:
            self._reachable()
            self.failed(name, error)
            return False
        self._reachable()
        self.passed(name, "accepted")
        self._rate_limit()
        self._clock_skew(answer)
        return True

    def _reachable(self) -> None:
        way = "https, certificate verified" if self._http.secure else "plain http to this machine"
        self.passed("reachable", f"{self._http.host} ({way})")

    def _rate_limit(self) -> None:
        limits = [(self._limit.per_minute, "minute"), (self._limit.per_day, "day")]
        ours = ", ".join(f"{calls:,} calls a {window}" for calls, window in limits if calls is not None)
        self.passed("rate limit", f"{ours or 'none of ours'}; the remote throttles nothing at the moment")

    def _clock_skew(self, answer: Response) -> None:
        served = http_date(answer.headers.get("date", ""))
        if served is None:
            self.passed("clock", "the remote does not tell the time")
            return
        skew = (self._clock.now() - served).total_seconds()
        hint = "" if abs(skew) <= TOLERATED_SKEW else "set this machine's clock: tokens and schedules depend on it"
        self.checks.append(Check(name="clock", ok=not hint, detail=f"{skew:+.0f} s from the remote's clock", hint=hint))
