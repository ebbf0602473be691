"""Every other database, by its SQLAlchemy dialect.

There is no read-only session that all of them have: what keeps the database from being written is the user's rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, exc

from reconciler import errors
from reconciler.connectors.sql.address import no_driver
from reconciler.connectors.sql.base import PAGE_ROWS, Page, Proof, distinct, positions
from reconciler.connectors.sql.watch import Watch, patiently
from reconciler.connectors.sql.words import CORRECT, one_line
from reconciler.model.watermark import Highest, Mark, Since
from reconciler.records.text_of import rendition

CONNECT_SECONDS = 60
"""A warehouse that sleeps takes its time to wake up."""

PREPARATIONS: dict[str, tuple[str, ...]] = {
    "snowflake": ("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}", "ALTER SESSION SET TIMEZONE = 'UTC'"),
    "databricks": ("SET STATEMENT_TIMEOUT = {seconds}", "SET TIME ZONE 'UTC'"),
    "redshift": ("SET statement_timeout = {milliseconds}", "SET TIME ZONE 'UTC'"),
    "trino": ("SET SESSION query_max_run_time = '{seconds}s'",),
}
"""What bounds a statement at the server. Our own watch is the bound where there is nothing."""


class Generic:
    """A database that is reached through SQLAlchemy."""

    def __init__(self, url: URL, label: str, secrets: Sequence[str], watch: Watch) -> None:
        self._url = url
        self._label = label
        self._secrets = secrets
        self._watch = watch

    def columns(self, query: str) -> list[str]:
        with self._session() as connection:
            return self._columns(connection, query)

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        """Each driver gives and takes values in ways of its own. Everything is read, which is always right."""
        return None

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]:
        assert since is None, "nothing has told a mark"
        with self._session() as connection:
            chosen = positions(self._columns(connection, query), columns)
            options = {"stream_results": True, "max_row_buffer": PAGE_ROWS}
            rows = self._guarded(connection, lambda: connection.exec_driver_sql(query, execution_options=options))
            while page := self._guarded(connection, lambda: rows.fetchmany(PAGE_ROWS)):
                yield [tuple([rendition(row[number]) for number in chosen]) for row in page]

    def proof(self) -> Proof:
        with self._session() as connection:
            began = self._watch.clock.monotonic()
            self._guarded(connection, lambda: connection.exec_driver_sql("SELECT 1").fetchall())
            seconds = self._watch.clock.monotonic() - began
        # Trying to write would prove too much: many warehouses commit every statement that makes something.
        words = f"not proved: {self._url.get_backend_name()} has no read-only session; use a user that may only SELECT"
        return Proof(reached=self._label, read_only=words, seconds=seconds)

    def _columns(self, connection: Connection, query: str) -> list[str]:
        statement = f"SELECT * FROM (\n{query}\n) given WHERE 1 = 0"
        try:
            rows = self._guarded(connection, lambda: connection.exec_driver_sql(statement))
        except exc.DBAPIError as error:
            self._watch.check()
            # No row was read: the driver can only speak of the query.
            said = one_line(str(error.orig), self._secrets)
            raise errors.RemoteRefused(f"{self._label} refuses the query: {said}", hint=CORRECT) from None
        with rows:
            return distinct([column[0] for column in rows.cursor.description])

    def _guarded(self, connection: Connection, work: Callable[[], Any]) -> Any:
        self._watch.check()
        with self._watch.guarding(lambda: cut_short(connection)):
            return work()

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        with self._translated():
            engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
            connection = patiently(self._watch, engine.connect, drop, seconds=CONNECT_SECONDS)
            try:
                seconds = max(1, round(self._watch.seconds))
                for text in PREPARATIONS.get(engine.dialect.name, ()):
                    statement = text.format(seconds=seconds, milliseconds=seconds * 1000)
                    self._guarded(connection, partial(connection.exec_driver_sql, statement))
                yield connection
            finally:
                drop(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except errors.ReconcileError:
            raise
        except exc.NoSuchModuleError:
            raise no_driver(self._url, self._url.drivername) from None
        except Exception as error:  # noqa: BLE001 - each driver has a tree of its own, and their texts hold rows and URLs
            self._watch.check()
            raise meaning(error, self._label) from None


def cut_short(connection: Connection) -> None:
    """Drivers have no common way to cancel: the ones that have any call it this, and all can close the connection."""
    driver = connection.connection.driver_connection
    for name in ("cancel", "interrupt", "close"):
        act = getattr(driver, name, None)
        if act is not None:
            with suppress(Exception):
                act()
            return


def drop(connection: Connection) -> None:
    """A connection that broke need not be able to say goodbye."""
    with suppress(Exception):
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def meaning(error: Exception, label: str) -> errors.RemoteError:
    original = getattr(error, "orig", None) or error
    name = type(original).__name__
    if isinstance(error, exc.OperationalError | exc.InterfaceError):
        hint = "check the URL (account, user, password, database) and the network"
        return errors.RemoteUnavailable(f"{label} cannot be reached, or ended the connection ({name})", hint=hint)
    hint = "run the query in a SQL client: a function in it, or in a view, may not take the values of some row"
    return errors.RemoteRefused(f"{label} failed ({name})", hint=hint)
