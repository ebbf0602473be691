"""Running cycles in this process with parts of the test's own: a clock that hurries, deadlines that are short."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.cli.progress import Lines
from reconciler.cli.wiring import Workplace
from reconciler.config.load import load_project_file
from reconciler.connectors.base import Unlimited
from reconciler.connectors.gainsight_cc.client import CcClient
from reconciler.connectors.gainsight_cc.client import base_url as cc_url
from reconciler.connectors.gainsight_cs.client import CsClient
from reconciler.connectors.gainsight_cs.client import base_url as cs_url
from reconciler.connectors.http import HttpClient
from reconciler.engine.cycle import Report
from reconciler.engine.sync import Remotes, sync
from reconciler.model.resources import CcConnection, CsConnection
from tests.acceptance.projects import ProjectFolder

HEARTBEAT = 5.0


class HurriedClock:
    """Long waits are over at once, and the wall clock has moved on as if they had happened.

    Monotonic time is real, because deadlines of requests and leases are; so is the pause between two heartbeats.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()
        self.waited: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        if seconds == HEARTBEAT:
            return stop.wait(seconds)
        with self._lock:
            self._ahead += seconds
            self.waited.append(seconds)
        return stop.wait(0.001)


@dataclass
class Hurry:
    """A workplace with a hurried clock. `http` overrides parameters of the HTTP clients."""

    project: ProjectFolder
    clock: HurriedClock
    work: Workplace
    http: dict[str, Any]

    def sync(self, name: str = "acme-profile") -> Report:
        report = sync(
            self.work.database,
            name,
            Remotes(cs=self._cs, cc=self._cc, sql=self.work.sql, tables=self.work.tables)
            if self.http
            else self.work.remotes(),
            holder="test",
            clock=self.clock,
            stop=self.work.stop,
            progress=Lines(self.clock),
        )
        assert report.run.tally.balanced
        assert all(tally.balanced for tally in report.tallies.values())
        return report

    def _client(self, url: str, connections: int, stop: threading.Event) -> HttpClient:
        options = {"clock": self.clock, "budget": Unlimited(), **self.http}
        return HttpClient(url, stop=stop, connections=connections, allow_loopback=True, **options)

    def _cs(self, connection: CsConnection, stop: threading.Event) -> CsClient:
        http = self._client(cs_url(connection), connection.concurrency, stop)
        return CsClient(connection, "sandbox-access-key", http=http, clock=self.clock)

    def _cc(self, connection: CcConnection, stop: threading.Event) -> CcClient:
        http = self._client(cc_url(connection), connection.concurrency, stop)
        return CcClient(connection, "sandbox-client", "sandbox-secret", http=http, clock=self.clock)


@contextmanager
def hurry(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, **http: Any) -> Iterator[Hurry]:
    """Cycles of a project that is ready, without waiting for back-offs and windows."""
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    root, found = load_project_file(project.root, project.root)
    clock = HurriedClock()
    work = Workplace(root=root, project=found, clock=clock)
    with work.database:
        yield Hurry(project=project, clock=clock, work=work, http=http)
