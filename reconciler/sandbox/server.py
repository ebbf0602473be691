"""Starting and stopping: two loopback servers on one event loop in a background thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.sandbox import control, world
from reconciler.sandbox.app import App, Side
from reconciler.sandbox.cc import side as cc_side
from reconciler.sandbox.clock import Clock
from reconciler.sandbox.config import HOST, SandboxConfig, SandboxError
from reconciler.sandbox.cs import side as cs_side

START_SECONDS = 10
STOP_SECONDS = 10
BACKLOG = 2_048

_transports: dict[object, asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's protocol, which also remembers the transport, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self.client, None)
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs the sandbox."""
        yield


class Sandbox:
    """Both APIs, seeded from a config. A context manager; `start` and `stop` do the same by hand.

    Raises SandboxError when a port is taken.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self._world: world.World | None = None
        self._sockets: list[socket.socket] = []
        self._servers: list[_Server] = []
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def cs_url(self) -> str:
        return self._url(0)

    @property
    def cc_url(self) -> str:
        return self._url(1)

    @property
    def cc_urls(self) -> list[str]:
        """One base URL per community: the host is shared, the client id decides."""
        return [self.cc_url] * self.config.communities

    @property
    def clock(self) -> Clock:
        """The sandbox's time, for tests in the same process."""
        if self._world is None:
            raise SandboxError("the sandbox is not running", "call start() first")
        return self._world.clock

    def start(self) -> None:
        """Take the ports first, because that fails fast, then seed, then serve."""
        self._sockets = _listen(self.config)
        try:
            self._world = world.build(self.config)
            self._serve()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Finish open requests, close everything and remove the data. Safe to call twice."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        for item in self._sockets:
            item.close()
        if self._world is not None:
            self._world.store.close()
        self._servers, self._sockets, self._thread, self._world = [], [], None, None

    def serve_forever(self) -> int:
        """Start, print the ready line, wait for SIGINT or SIGTERM, stop. Returns exit code 0."""
        done = threading.Event()

        def finish(_signal: int, _frame: FrameType | None) -> None:
            done.set()

        before = {number: signal.signal(number, finish) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start()
            sys.stdout.write(self.ready_line() + "\n")
            sys.stdout.flush()
            done.wait()
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        return 0

    def ready_line(self) -> str:
        sizes = f"people={self.config.people} communities={self.config.communities} seed={self.config.seed}"
        return f"sandbox ready  cs={self.cs_url}  cc={self.cc_url}  {sizes}"

    def _url(self, at: int) -> str:
        if not self._sockets:
            raise SandboxError("the sandbox is not running", "call start() first")
        return f"http://{HOST}:{self._sockets[at].getsockname()[1]}"

    def _serve(self) -> None:
        built = self._world
        assert built is not None
        sides = [_side("cs", cs_side), _side("cc", cc_side)]
        controls = _side("control", control)
        self._servers = [_Server(_uvicorn_config(App(built, side, controls, _abort))) for side in sides]
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._thread.start()
        self._await_ready()

    def _run(self) -> None:
        async def both() -> None:
            pairs = zip(self._servers, self._sockets, strict=True)
            await asyncio.gather(*(server.serve(sockets=[item]) for server, item in pairs))

        asyncio.run(both())

    def _await_ready(self) -> None:
        pause = threading.Event()
        for _ in range(START_SECONDS * 200):
            if all(server.started for server in self._servers):
                return
            pause.wait(0.005)
        raise SandboxError(f"the sandbox did not start within {START_SECONDS} s", "try again")


def _side(name: str, module: Any) -> Side:
    return Side(
        name=name,
        router=module.routes(),
        locate=module.locate,
        admit=module.admit,
        unreadable=module.unreadable,
        unknown=module.unknown,
        broken=module.broken,
    )


def _abort(client: object) -> None:
    transport = _transports.get(client)
    if transport is not None:
        transport.abort()


# A fault cuts connections on purpose; asyncio would say so for each of them.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _uvicorn_config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_level="critical",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )


def _listen(config: SandboxConfig) -> list[socket.socket]:
    """Both ports on loopback, never on another address."""
    taken: list[socket.socket] = []
    for option, port in (("cs-port", config.cs_port), ("cc-port", config.cc_port)):
        # The protocol is named because asyncio switches Nagle off only on sockets that say they are TCP;
        # with Nagle on, each answer waits 40 ms.
        item = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            item.bind((HOST, port))
            item.listen(BACKLOG)
        except OSError as error:
            for opened in (*taken, item):
                opened.close()
            text = f"cannot listen on {HOST}:{port}: {error.strerror or error}"
            raise SandboxError(text, f"choose another --{option}, or 0 for a free one") from error
        taken.append(item)
    return taken
