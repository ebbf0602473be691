"""Kept connections to one host.

The transport's own pool looks at all its connections for every request, twice and under one lock, which costs more than the
request itself when there are a hundred. Every request of ours goes to the same host, so the last one used will do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpcore2


class ConnectionStack:
    """At most `size` connections in use at once; the one used last is used again first. Thread-safe."""

    def __init__(self, make: Callable[[], httpcore2.HTTPConnection], size: int) -> None:
        self._make = make
        self._free = threading.Semaphore(size)
        self._idle: list[httpcore2.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def connection(self, timeout: float) -> Iterator[httpcore2.HTTPConnection]:
        """A connection for one request. Raises `httpcore2.PoolTimeout` when none is free for `timeout` seconds."""
        if not self._free.acquire(timeout=timeout):
            raise httpcore2.PoolTimeout
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close what is idle, and whatever comes back from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> httpcore2.HTTPConnection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._make()
            if not connection.has_expired():
                return connection
            connection.close()

    def _give_back(self, connection: httpcore2.HTTPConnection) -> None:
        with self._lock:
            keep = connection.is_idle() and not connection.is_closed() and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
