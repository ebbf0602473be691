"""Writing into DuckDB files. One that is open elsewhere is waited for: while a process writes, no other can even read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from reconciler import errors
from reconciler.connectors.sql.duck import CONFIG, SETTINGS
from reconciler.connectors.sql.files import refuse_folder
from reconciler.connectors.sql.fitting import Value, exact_double
from reconciler.connectors.sql.layout import ColumnType, FoundColumn, FoundTable, column_types
from reconciler.connectors.sql.sqlite_writing import LONGEST_WAIT
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.words import one_line
from reconciler.connectors.sql.writing import Again, Refused, TextSession
from reconciler.model.outcome import Reason
from reconciler.records.text_of import text_of

BUSY_SECONDS = 0.25
MAGIC, MAGIC_AT = b"DUCK", 8
"""What a file of DuckDB has near its beginning."""

TYPES = column_types(
    text=ColumnType("VARCHAR", "VARCHAR"),
    integer=ColumnType("BIGINT", "BIGINT|INTEGER|SMALLINT|HUGEINT"),
    number=ColumnType("DOUBLE", "DOUBLE"),
    boolean=ColumnType("BOOLEAN", "BOOLEAN"),
    datetime=ColumnType("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
    date=ColumnType("DATE", "DATE"),
)
"""A decimal of DuckDB has a fixed number of digits, so numbers are doubles; one that no double equals is refused."""

_HERE = "schema_name = current_schema() AND database_name = current_database()"

_OF_THE_RECORD = (duckdb.ConstraintException, duckdb.DataError)


class DuckStore:
    """A file, which is made when it is not there."""

    types = TYPES
    concurrency = 1
    keeps = False
    """Whoever has the file open keeps every other process from reading it, so we have it open no longer than we write."""

    def __init__(self, path: Path, watch: Callable[[], Watch]) -> None:
        self._path = path
        self._watch = watch

    def session(self) -> DuckSession:
        refuse_folder(self._path)
        return DuckSession(self._path, self._watch())

    def absent(self) -> bool:
        refuse_folder(self._path)
        return not self._path.exists()

    def check(self, value: Value) -> None:
        """Raises Unfit for a number that DuckDB would keep as another one."""
        if isinstance(value, Decimal):
            exact_double(value)


class DuckSession(TextSession):
    """DuckDB cannot take back a part of a transaction."""

    nests = False

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch
        self._connection = self._opened()
        try:
            for statement in SETTINGS:
                self.run(statement)
        except BaseException:
            self._connection.close()
            raise

    def run(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        self._watch.check()
        try:
            with self._watch.guarding(self._connection.interrupt):
                found = self._connection.execute(statement, [_bound(value) for value in values])
                return found.fetchall()
        except duckdb.Error as error:
            self._watch.check()
            raise self._meaning(error) from None

    def take_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.TransactionException:
            # A commit that failed has ended the transaction.
            return
        except duckdb.Error as error:
            raise self._meaning(error) from None

    def table(self, name: str) -> FoundTable | None:
        views = self.run(f"SELECT view_name FROM duckdb_views() WHERE {_HERE} AND lower(view_name) = ?", [name])
        tables = self.run(f"SELECT table_name FROM duckdb_tables() WHERE {_HERE} AND lower(table_name) = ?", [name])
        if not views and not tables:
            return None
        real = (tables or views)[0][0]
        columns = self.run(
            "SELECT column_name, data_type, NOT is_nullable AND column_default IS NULL FROM duckdb_columns() "
            f"WHERE {_HERE} AND table_name = ?",
            [real],
        )
        keys = self.run(
            f"SELECT constraint_column_names FROM duckdb_constraints() WHERE {_HERE} AND table_name = ? "
            "AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
            [real],
        )
        return FoundTable(
            kind="table" if tables else "view",
            columns={column: FoundColumn(type=type, required=required) for column, type, required in columns},
            unique=frozenset(names[0].casefold() for (names,) in keys if len(names) == 1),
        )

    def close(self) -> None:
        self._connection.close()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        watch = self._watch
        new = not self._path.exists()
        if not new:
            self._look()
        deadline = watch.clock.monotonic() + min(watch.seconds, LONGEST_WAIT)
        while True:
            watch.check()
            try:
                connection = duckdb.connect(str(self._path), config=CONFIG)
                if new:
                    # Records of people go in there.
                    self._path.chmod(0o600)
                return connection
            # Locked by another process, or read within this one.
            except (duckdb.IOException, duckdb.ConnectionException) as error:
                if watch.clock.monotonic() > deadline:
                    raise self._meaning(error) from None
                watch.stop.wait(BUSY_SECONDS)
            except (duckdb.Error, RuntimeError) as error:
                raise self._meaning(error) from None

    def _look(self) -> None:
        """The driver has one error for a file that is locked, which is waited for, and for one that is none of its own."""
        try:
            with self._path.open("rb") as file:
                beginning = file.read(MAGIC_AT + len(MAGIC))
        except OSError as error:
            message = f"{self._path} cannot be opened: {error.strerror}"
            raise errors.RemoteRefused(message, hint="let this user read and write the file") from None
        if beginning[MAGIC_AT:] != MAGIC:
            raise errors.RemoteRefused(f"{self._path} is no DuckDB database", hint="correct the URL")
        if not os.access(self._path, os.W_OK):
            raise errors.RemoteRefused(f"{self._path} may not be written", hint="let this user write to the file")

    def _meaning(self, error: Exception) -> Exception:
        if isinstance(error, _OF_THE_RECORD):
            overlong = isinstance(error, duckdb.OutOfRangeException)
            reason = Reason.VALUE_INVALID if overlong else Reason.RECORD_REFUSED
            return Refused(f"DuckDB refused it ({type(error).__name__})", reason)
        if isinstance(error, duckdb.TransactionException):
            message = f"{self._path} gave up a transaction in favour of another"
            return Again(errors.RemoteUnavailable(message, hint="try again"))
        if isinstance(error, duckdb.IOException):
            hint = "a file that another process has open is locked; else check that it is a DuckDB file, and the disk"
            return errors.RemoteUnavailable(f"{self._path} cannot be opened or written", hint=hint)
        if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
            message = f"{self._path} refuses to be written: {one_line(str(error))}"
            return errors.RemoteRefused(message, hint="see whether somebody changed the tables")
        message = f"{self._path} failed while it was written ({type(error).__name__})"
        return errors.RemoteRefused(message, hint="check that it is a DuckDB file, and the disk")


def _bound(value: Value) -> str | int | float | None:
    """Dates as texts, which DuckDB reads by the type of the column; Python's would need another package for time zones."""
    match value:
        case Decimal():
            return exact_double(value)
        case date():
            return text_of(value)
    return value
