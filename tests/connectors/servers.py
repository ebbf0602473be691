"""Real servers on loopback that can also answer wrongly, and clocks that need no waiting."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.connectors.base import Budget, Unlimited
from reconciler.connectors.http import HttpClient

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        with self._lock:
            self.waits.append(seconds)
            self.passed += seconds
        return stop.is_set()


class CountingBudget:
    """A budget that says yes and remembers."""

    def __init__(self) -> None:
        self.acquired = 0
        self.throttles: list[float | None] = []
        self._lock = threading.Lock()

    def acquire(self, stop: threading.Event) -> None:
        with self._lock:
            self.acquired += 1

    def throttled(self, retry_after: float | None) -> None:
        self.throttles.append(retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came over the wire; `target` is not decoded, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    number: int

    def json(self) -> Any:
        return json.loads(self.body)


Answer = bytes | Iterable[bytes] | None
"""Whole bytes, pieces sent one by one, or None to close without a word."""

Handler = Callable[[Request], Answer]


@dataclass(slots=True)
class Server:
    """Answers with whatever `handler` gives. An answer from `reply` keeps the connection; raw bytes end it."""

    handler: Handler
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=256))
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    def count(self, method: str, part: str = "") -> int:
        return sum(request.method == method and part in request.target for request in list(self.requests))

    def __post_init__(self) -> None:
        self.port = self._listener.getsockname()[1]

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming, contextlib.suppress(OSError, ValueError):
            while (request := self._read(incoming)) is not None:
                if not self._answer(connection, self.handler(request)):
                    # Said plainly, so that a cut answer ends in an orderly close and not in a reset.
                    connection.shutdown(socket.SHUT_RDWR)
                    break
        with self._lock:
            self._open.discard(connection)

    def _read(self, incoming: Any) -> Request | None:
        start = incoming.readline().decode("latin-1").split(" ")
        if len(start) != 3:
            return None
        headers: dict[str, str] = {}
        while line := incoming.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = incoming.read(int(headers.get("content-length", "0")))
        with self._lock:
            request = Request(
                method=start[0], target=start[1], headers=headers, body=body, number=len(self.requests) + 1
            )
            self.requests.append(request)
        return request

    @staticmethod
    def _answer(connection: socket.socket, answer: Answer) -> bool:
        if answer is None:
            return False
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return answer.startswith(KEPT)
        for piece in answer:
            connection.sendall(piece)
        return False

    def close(self) -> None:
        """Stop listening, and end every connection. May be called again."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


KEPT = b"HTTP/1.1 "


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[Server]:
    server = Server(handler)
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def reply(
    status: int = 200,
    body: object = None,
    *,
    kind: str | None = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A well-formed answer. `body` may be bytes, or anything that JSON can say; None is no body at all."""
    payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(payload)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + payload


def last(raw: bytes) -> Iterator[bytes]:
    """The same bytes, after which the server closes the connection."""
    yield raw


def in_turn(answers: Sequence[Answer]) -> Handler:
    """The first answer to the first request, and so on; the last one again and again."""
    return lambda request: answers[min(request.number, len(answers)) - 1]


def client(url: str, *, budget: Budget | None = None, clock: Any = None, **options: Any) -> HttpClient:
    """A client that waits for nothing but the network."""
    settings: dict[str, Any] = {
        "stop": threading.Event(),
        "connections": 8,
        "allow_loopback": True,
        "total_timeout": 10.0,
    }
    return HttpClient(url, budget=budget or Unlimited(), clock=clock or FakeClock(), **{**settings, **options})
