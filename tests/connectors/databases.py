"""Sources over real databases."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb

from reconciler.clock import SystemClock
from reconciler.connectors.sql.source import SqlSource
from reconciler.model.resources import Dialect, SecretRef, SqlConnection

Rows = list[tuple[str | None, ...]]

ENDLESS = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT a FROM n"
SLOW = f"SELECT count(*) AS a FROM ({ENDLESS} WHERE a > 0) AS m"
"""A query that never ends, and one that never says anything either."""


def declared(dialect: str, *, seconds: float = 60) -> SqlConnection:
    return SqlConnection(
        name="warehouse",
        dialect=Dialect(dialect),
        url=SecretRef(source="env", name="WAREHOUSE_URL"),
        active=True,
        statement_timeout=timedelta(seconds=seconds),
    )


def source(
    dialect: str, url: str, *, seconds: float = 60, stop: threading.Event | None = None, root: Path = Path("/nowhere")
) -> SqlSource:
    connection = declared(dialect, seconds=seconds)
    return SqlSource(connection, url, root=root, clock=SystemClock(), stop=stop or threading.Event())


def sqlite_source(path: Path, *, seconds: float = 60, stop: threading.Event | None = None) -> SqlSource:
    return source("sqlite", f"sqlite:///{path}", seconds=seconds, stop=stop)


def duck_source(path: Path, *, seconds: float = 60, stop: threading.Event | None = None) -> SqlSource:
    return source("duckdb", f"duckdb:///{path}", seconds=seconds, stop=stop)


def sqlite_file(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def duck_file(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def rows(found: SqlSource, query: str, columns: Sequence[str] | None = None) -> Rows:
    names = found.columns(query) if columns is None else columns
    return [row for page in found.pages(query, names) for row in page]


@contextlib.contextmanager
def stopping(stop: threading.Event, after: float = 0.4) -> Iterator[None]:
    """Sets `stop` in a moment; what is in the block must end within two seconds of that."""
    timer = threading.Timer(after, stop.set)
    began = time.monotonic()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        assert time.monotonic() - began < after + 2


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(listening.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()
