"""DuckDB files, opened read only, with everything outside of the file switched off for good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from reconciler import errors
from reconciler.connectors.sql.base import PAGE_ROWS, Page, Proof, distinct, positions
from reconciler.connectors.sql.files import refuse_missing
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.words import CORRECT, one_line
from reconciler.model.value import INVALID
from reconciler.model.watermark import Highest, Mark, Since
from reconciler.records.text_of import OUT_OF_RANGE, rendition

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "512MB",
    "threads": "2",
    "preserve_insertion_order": "false",
}

SETTINGS = (
    # Of the whole file, for whoever opens it while it is open already.
    "SET GLOBAL TimeZone = 'UTC'",
    # It would be drawn on standard output.
    "SET enable_progress_bar = false",
)

PREPARATIONS = (
    *SETTINGS,
    # From here on not even a query can change a setting.
    "SET lock_configuration = true",
)

_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException)
"""Raised before a row is read: the message quotes the query and the schema, never a row."""


_OPENING = threading.Lock()


class Duck:
    """A file."""

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch

    def columns(self, query: str) -> list[str]:
        with self._session() as connection:
            return distinct([name for name, _ in self._described(connection, query)])

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        with self._session() as connection:
            described = self._described(connection, query)
            (place,) = positions([name for name, _ in described], [column])
            type = described[place][1]
            reached, bound = "false", []
            if past is not None and past.type == type:
                reached, bound = f"m >= ?::{type}", [past.text]
            top = f"SELECT max(c{place}) AS m FROM {_given(query, described)}"
            statement = f"SELECT m::VARCHAR, {_as_value('m', type)}, {reached} FROM ({top}) AS top"
            row = self._guarded(connection, lambda: connection.execute(statement, bound).fetchone())
        if row[0] is None or (rendition(row[1]) or INVALID).startswith(INVALID):
            return None
        return Highest(mark=Mark(text=row[0], type=type), reached=row[2])

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]:
        with self._session() as connection:
            described = self._described(connection, query)
            names = distinct([name for name, _ in described])
            wanted = ", ".join(_as_value(f"c{n}", described[n][1]) for n in positions(names, columns))
            statement, bound = f"SELECT {wanted} FROM {_given(query, described)}", []
            if since is not None:
                (place,) = positions(names, [since.column])
                statement += f" WHERE c{place} >= ?::{described[place][1]} OR c{place} IS NULL"
                bound = [since.mark.text]
            self._guarded(connection, lambda: connection.execute(statement, bound))
            while page := self._guarded(connection, lambda: connection.fetchmany(PAGE_ROWS)):
                yield [tuple(map(rendition, row)) for row in page]

    def proof(self) -> Proof:
        with self._session() as connection:
            try:
                connection.execute("CREATE TABLE reconcile_must_not_write (a INTEGER)")
                refused = False
            except duckdb.Error:
                refused = True
            began = self._watch.clock.monotonic()
            self._guarded(connection, lambda: connection.execute("SELECT 1").fetchall())
            seconds = self._watch.clock.monotonic() - began
        return Proof(
            reached=f"{self._path} ({self._path.stat().st_size:,} bytes)",
            read_only="the file is opened read only, without access to other files or the network",
            seconds=seconds,
            refused=refused,
        )

    def _described(self, connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
        """Name and type of each output column."""
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise errors.RemoteRefused("the query is not one SELECT", hint="the database is only ever read")
        rows = self._guarded(connection, lambda: connection.execute(f"DESCRIBE\n{query}").fetchall())
        return [(row[0], row[1]) for row in rows]

    def _guarded(self, connection: duckdb.DuckDBPyConnection, work: Callable[[], Any]) -> Any:
        self._watch.check()
        with self._watch.guarding(connection.interrupt):
            return work()

    @contextmanager
    def _session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        refuse_missing(self._path)
        with self._translated():
            connection = _opened(self._path)
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, RuntimeError) as error:
            self._watch.check()
            raise _meaning(error, self._path) from None


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection. Within one process those to the same file share their settings, which the first one makes and locks."""
    with _OPENING:
        connection = duckdb.connect(str(path), read_only=True, config=CONFIG)
        locked = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
        if locked != (True,):
            for statement in PREPARATIONS:
                connection.execute(statement)
    return connection


def _given(query: str, described: Sequence[tuple[str, str]]) -> str:
    """A query as something to select from, with columns c0, c1, …"""
    return f"(\n{query}\n) AS given ({', '.join(f'c{number}' for number in range(len(described)))})"


def _as_value(column: str, type: str) -> str:
    """`column` as something that arrives whole: Python has no infinite dates, and time zones only with another package."""
    if type != "DATE" and not type.startswith("TIMESTAMP"):
        return column
    text = f"replace({column}::VARCHAR, ' ', 'T')"
    spelled = f"left({text}, -3) || 'Z'" if type == "TIMESTAMP WITH TIME ZONE" else text
    moment = (
        column if type.endswith(("DATE", "ZONE")) else f"{column}::TIMESTAMP"
    )  # in nanoseconds there is no year 10000
    return (
        f"CASE WHEN {moment} >= '0001-01-01' AND {moment} < '10000-01-01' THEN {spelled} "
        f"WHEN {column} IS NOT NULL THEN '{INVALID}{OUT_OF_RANGE}' END"
    )


def _meaning(error: Exception, path: Path) -> errors.RemoteError:
    if isinstance(error, _ABOUT_THE_QUERY):
        return errors.RemoteRefused(f"DuckDB refuses the query: {one_line(str(error))}", hint=CORRECT)
    if isinstance(error, duckdb.IOException):
        hint = "a file that another process writes to is locked; else check that it is a DuckDB file that may be read"
        return errors.RemoteUnavailable(f"{path} cannot be opened or read", hint=hint)
    if isinstance(error, duckdb.OutOfMemoryException):
        message = f"the query takes more memory than DuckDB gets ({CONFIG['memory_limit']})"
        return errors.RemoteRefused(message, hint="make it a table in the database, and select from that")
    return errors.RemoteRefused(
        f"the query failed while rows were read ({type(error).__name__})",
        hint="run it in a SQL client: a function in it, or in a view, does not take the values of some row",
    )
