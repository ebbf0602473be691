"""The web server: uvicorn on an event loop in a thread of its own, bounded in connections, sizes and time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler import errors

START_SECONDS = 10.0
STOP_SECONDS = 5.0
MAX_CONNECTIONS = 100
MAX_HEAD = 16 * 1024
"""Bytes of a request line with its headers."""

CONNECTION_SECONDS = 30.0
"""How long a connection may stay that is not just being answered, however slowly a request arrives on it."""

HINT = "write --listen HOST:PORT, such as 127.0.0.1:8080 or [::]:8080; port 0 takes a free one"


class _Protocol(H11Protocol):
    """uvicorn's protocol, which has no deadline of its own for the head of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._later(transport)

    def _later(self, transport: asyncio.Transport) -> None:
        self.loop.call_later(CONNECTION_SECONDS, self._expire, transport)

    def _expire(self, transport: asyncio.Transport) -> None:
        if transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._later(transport)
        else:
            transport.close()


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs the loop."""
        yield


class Server:
    """Serves an ASGI application. A context manager; `start` and `stop` do the same by hand, `stop` as often as one likes."""

    def __init__(self, listen: str, app: Any) -> None:
        self._host, self._port = _parsed(listen)
        self._listen = listen
        self._app = app
        self._socket: socket.socket | None = None
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it listens, as it stands in a URL; with the port that was taken."""
        if self._socket is None:
            return self._listen
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Listen, and return when requests are answered. Raises `errors.UsageError` when the address cannot be had."""
        self._socket = _bound(self._host, self._port, self._listen)
        self._server = _Uvicorn(_config(self._app))
        self._thread = threading.Thread(target=self._run, args=(self._server, self._socket), name="web", daemon=True)
        self._thread.start()
        pause = threading.Event()
        for _ in range(int(START_SECONDS * 100)):
            if self._server.started or not self._thread.is_alive():
                break
            pause.wait(0.01)
        if not self._server.started:
            self.stop()
            raise errors.UsageError(f"the web server does not start on {self._listen}", hint=HINT)

    def stop(self) -> None:
        """Answer what is under way, for a few seconds, and close."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        if self._socket is not None:
            self._socket.close()
        self._socket, self._server, self._thread = None, None, None

    @staticmethod
    def _run(server: _Uvicorn, listener: socket.socket) -> None:
        with asyncio.Runner() as runner:
            runner.run(server.serve(sockets=[listener]))


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


def _parsed(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else -1
    if not colon or not name or (":" in name) is not bracketed or not 0 <= number <= 65_535:
        raise errors.UsageError(f"{listen!r} is no address to listen on", hint=HINT)
    return name, number


def _bound(host: str, port: int, listen: str) -> socket.socket:
    reason = "there is no such address"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        found = []
    for family, kind, protocol, _, where in found:
        try:
            # The protocol is named because asyncio switches Nagle off only on sockets that say they are TCP.
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(MAX_CONNECTIONS)
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
            continue
        return listener
    raise errors.UsageError(
        f"cannot listen on {listen}: {reason}", hint="choose another --listen, or stop what uses it"
    )
