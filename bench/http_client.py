"""How much of what the network allows the HTTP client gets, and what a call costs it.

    python -m bench.http_client [--seconds 3] [--rounds 3]

A sink in a process of its own answers every request after 50 ms. Our client and a bare socket loop take turns at it, so that
whatever else the machine does hits both. Ideal is concurrency / 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

from reconciler.clock import SystemClock
from reconciler.connectors.base import Unlimited
from reconciler.connectors.http import HttpClient
from reconciler.connectors.secret import Secret

LATENCY = 0.05
CONCURRENCIES = (8, 32, 128)
BODY = json.dumps({"result": {"userid": 7, "pad": "x" * 480}}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
REQUEST = b"PUT /user/7/profile_field/Job%%20Title/Engineer HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n"

LEAST_SHARE = 0.95
LEAST_SHARE_CROWDED = 0.8
MOST_CPU_US = 1000.0


class Sink(asyncio.Protocol):
    """Answers each request, whatever it is, after the latency."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(LATENCY, self._transport.write, ANSWER)


def serve(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def sink() -> Iterator[int]:
    """The port of a running sink."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class Measured(NamedTuple):
    per_second: float
    cpu_us: float


Worker = Callable[[Callable[[], bool]], int]
"""Calls until told to stop; returns how many calls it made."""


def ours(http: HttpClient) -> Worker:
    headers = {"Authorization": Secret("Bearer token")}
    path = ("user", "7", "profile_field", "Job Title", "Engineer")

    def work(going: Callable[[], bool]) -> int:
        calls = 0
        while going():
            http.request("PUT", path, headers=headers, idempotent=True).json()
            calls += 1
        return calls

    return work


def bare(port: int) -> Worker:
    request = REQUEST % port

    def work(going: Callable[[], bool]) -> int:
        calls = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while going():
                connection.sendall(request)
                received = 0
                while received < len(ANSWER):
                    received += len(connection.recv(65536))
                calls += 1
        return calls

    return work


def measure(worker: Worker, concurrency: int, seconds: float) -> Measured:
    counts: list[int] = []
    started, cpu = time.perf_counter(), time.process_time()
    going = lambda: time.perf_counter() - started < seconds  # noqa: E731
    threads = [threading.Thread(target=lambda: counts.append(worker(going))) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, used = time.perf_counter() - started, time.process_time() - cpu
    calls = sum(counts)
    return Measured(calls / took, used / calls * 1e6)


def compare(port: int, concurrency: int, seconds: float, rounds: int) -> dict[str, float]:
    http = HttpClient(
        f"http://127.0.0.1:{port}",
        budget=Unlimited(),
        clock=SystemClock(),
        stop=threading.Event(),
        connections=concurrency,
        allow_loopback=True,
    )
    mine, raw = [], []
    measure(ours(http), concurrency, 0.3)  # connections are made once, as in a long cycle
    for _ in range(rounds):
        mine.append(measure(ours(http), concurrency, seconds))
        raw.append(measure(bare(port), concurrency, seconds))
    http.close()
    ideal = concurrency / LATENCY
    ours_rate, raw_rate = (statistics.median(one.per_second for one in both) for both in (mine, raw))
    return {
        "concurrency": concurrency,
        "ideal": ideal,
        "calls_per_second": round(ours_rate, 1),
        "of_ideal": round(ours_rate / ideal, 3),
        "of_bare_socket": round(ours_rate / raw_rate, 3),
        "cpu_us": round(statistics.median(one.cpu_us for one in mine)),
        "bare_cpu_us": round(statistics.median(one.cpu_us for one in raw)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the HTTP client against a 50 ms sink.")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each client; the median counts")
    options = parser.parse_args()
    with sink() as port:
        rows = [compare(port, concurrency, options.seconds, options.rounds) for concurrency in CONCURRENCIES]
    print("concurrency   ideal/s    ours/s   of ideal   of bare socket   CPU µs/call   bare CPU µs/call")
    for row in rows:
        print(
            f"{row['concurrency']:11} {row['ideal']:9.0f} {row['calls_per_second']:9.1f} {row['of_ideal']:10.1%}"
            f" {row['of_bare_socket']:16.1%} {row['cpu_us']:13.0f} {row['bare_cpu_us']:18.0f}"
        )
    eight, *_, crowd = rows
    met = eight["of_ideal"] >= LEAST_SHARE and eight["cpu_us"] <= MOST_CPU_US
    met = met and crowd["of_bare_socket"] >= LEAST_SHARE_CROWDED
    print(json.dumps({"benchmark": "http_client", "latency_ms": LATENCY * 1000, "rows": rows, "met": met}))
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
