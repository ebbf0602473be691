"""What tests of the web part share: a health that says what it is told, and plain requests."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.engine.observing import Observed
from reconciler.model.event import Event
from reconciler.web.metrics import Metrics
from tests.connectors.servers import FakeClock

NOTHING = Observed(
    serial=None, commit=None, config_valid=True, documents=(), conditions=(), budgets=(), notices_waiting=0
)


@dataclass(slots=True)
class Pulse:
    """A loop that is as well as the test says."""

    age: float = 0.5
    found: dict[str, str] = field(default_factory=lambda: {"database": "", "config": "", "state": ""})
    hangs: threading.Event | None = None

    def tick_age(self) -> float:
        return self.age

    def checks(self) -> Mapping[str, str]:
        if self.hangs is not None:
            self.hangs.wait(30)
        if "bug" in self.found:
            raise RuntimeError("a secret text")
        return self.found


@dataclass(slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(address: str, path: str, method: str = "GET") -> Answer:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()


def metrics(observed: Observed = NOTHING, *, clock: FakeClock | None = None, holder: str = "me") -> Metrics:
    return Metrics(lambda: observed, lambda: 0.5, clock=clock or FakeClock(), holder=holder)


def quiet(event: Event) -> None:
    """Nobody listens."""
