"""P14 for records: two Syncs with more to write than a tenant allows, each with budget, HTTP client and writer of its own, by a
clock that stands still while anybody works. The tenant counts fixed windows by its own clock, and answers 429 above its limit.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.measure import Row
from bench.sink import KEY, Store, serve
from bench.warehouse_project import NAME, OBJECT
from reconciler.connectors.base import Workload
from reconciler.connectors.gainsight_cs.client import CsClient
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.connectors.http import HttpClient
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.outcome import RecordWrite
from reconciler.model.resources import Behavior, CsConnection, RateLimit, SecretRef
from reconciler.state.budgets import SharedBudget
from reconciler.state.database import open_database

START = datetime(2026, 11, 23, tzinfo=UTC)
PER_MINUTE = 100
CALL_SECONDS = 0.05
SKEW = 0.05
"""Seconds by which the server's clock is ahead."""

BACKLOG = 10**9


class SharedTime:
    """A clock for several threads. It goes on to the next moment that somebody waits for when all of them wait."""

    def __init__(self, threads: int) -> None:
        self.time = 0.0
        self._busy = threads
        self._moments: list[float] = []
        self._condition = threading.Condition()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        with self._condition:
            until = self.time + max(0.0, seconds)
            heapq.heappush(self._moments, until)
            self._leave()
            self._condition.wait_for(lambda: self.time >= until)
        return stop.is_set()

    def done(self) -> None:
        """This thread waits no more."""
        with self._condition:
            self._leave()

    def _leave(self) -> None:
        self._busy -= 1
        if self._busy or not self._moments:
            return
        self.time = self._moments[0]
        while self._moments and self._moments[0] <= self.time:
            heapq.heappop(self._moments)
            self._busy += 1
        self._condition.notify_all()


class Tenant:
    """Counts what arrives in each window, and says what does not fit."""

    def __init__(self, clock: SharedTime) -> None:
        self.windows: Counter[int] = Counter()
        self.refused = 0
        self._clock = clock
        self._store = Store()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        window = int((self._clock.time + SKEW) // 60)
        self.windows[window] += 1
        if self.windows[window] > PER_MINUTE:
            self.refused += 1
            return 429, {"result": False, "errorCode": "GU_2400", "errorDesc": "Too many request"}
        return 200, self._store.answer(method, path, body)


@contextmanager
def tenant(clock: SharedTime) -> Iterator[tuple[Tenant, str]]:
    found = Tenant(clock)
    ports: queue.Queue[int] = queue.Queue()
    loop = asyncio.new_event_loop()
    serving = loop.create_task(serve(found.answer, ports.put))

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serving)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield found, f"http://127.0.0.1:{ports.get(timeout=30)}"
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()


class Process:
    """What a cycle has of a connection. `run` writes until a moment."""

    def __init__(self, folder: Path, url: str, clock: SharedTime) -> None:
        self._clock = clock
        self._database = open_database(f"sqlite:///{folder}/bench.db", clock=clock, root=folder)
        limit = RateLimit(per_minute=PER_MINUTE, per_day=None)
        connection = CsConnection(
            name="cs",
            domain="bench.gainsightcloud.com",
            base_url=url,
            access_key=SecretRef(source="env", name="BENCH_KEY"),
            sso=False,
            active=True,
            rate_limit=limit,
            concurrency=1,
        )
        http = HttpClient(
            url,
            budget=SharedBudget(self._database, "cs", limit, clock),
            clock=clock,
            stop=threading.Event(),
            connections=1,
            allow_loopback=True,
        )
        self._client = CsClient(connection, "key", http=http, clock=clock)

    def run(self, records: Iterator[RecordWrite], until: float) -> None:
        writer = self._client.writer(_target())
        for batch in writer.batches(records, Workload(records=BACKLOG, spelled_alike=False)):
            results = list(writer.write(batch))
            assert all(result.acknowledged for result in results), results[0]
            self._clock.wait(CALL_SECONDS, threading.Event())
            if self._clock.time >= until:
                return

    def close(self) -> None:
        self._client.close()
        self._database.close()


def _target() -> RecordTarget:
    fields = {
        KEY: CatalogField(name=KEY, label="Email", data_type=DataType.EMAIL),
        "A0__gc": CatalogField(name="A0__gc", label="A0", data_type=DataType.STRING),
    }
    known = CatalogObject(name=NAME, label=OBJECT, fields=fields, custom=True, low_volume=True, editable=True)
    return RecordTarget(object=known, key=(KEY,), behavior=Behavior.UPDATE_OR_CREATE)


def _records(sync: int) -> Iterator[RecordWrite]:
    for number in itertools.count():
        key = f"person-{sync}-{number:09d}@example.org"
        yield RecordWrite(key=(key,), values={"A0__gc": f"value {number}"}, label=key)


def simulate(folder: Path, minutes: int) -> Tenant:
    """Two Syncs of one connection for some minutes; one of them is begun anew half-way."""
    clock = SharedTime(threads=2)
    troubles: list[BaseException] = []

    def work(sync: int, moments: list[float], url: str) -> None:
        try:
            records = _records(sync)
            for until in moments:
                process = Process(folder, url, clock)
                process.run(records, until)
                process.close()
        except Exception as trouble:  # noqa: BLE001 - raised where the threads were begun
            troubles.append(trouble)
        finally:
            clock.done()

    end = minutes * 60.0
    with tenant(clock) as (found, url):
        threads = [
            threading.Thread(target=work, args=(0, [end / 2 + 7, end], url)),
            threading.Thread(target=work, args=(1, [end], url)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if troubles:
        raise troubles[0]
    return found


def rows(folder: Path, minutes: int) -> list[Row]:
    found = simulate(folder, minutes)
    full = [found.windows[minute] for minute in range(1, minutes - 1)]
    words = f"{min(full)} of {PER_MINUTE} calls, {len(full):,} windows, two Syncs, one begun anew"
    use = min(full) / PER_MINUTE
    return [
        Row(
            goal="P14 records: use of the worst window under backlog",
            measured=words,
            value=use,
            bar=0.98,
            at_least=True,
        ),
        Row(
            goal="P14 records: calls answered 429",
            measured=f"server's clock {SKEW} s ahead",
            value=found.refused,
            bar=0,
        ),
    ]
