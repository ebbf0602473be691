"""Temporary tables on one connection: made, filled, and read in order, in either database."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from reconciler.records.text_of import decoded
from reconciler.state import driver, engines
from reconciler.state.difference import table
from reconciler.state.session import Session, storable
from reconciler.state.translate import translated

CHUNK = 2000
"""Rows that are fetched or copied at once."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")

Cells = Sequence[str | None]


class Scratch:
    """One connection and its temporary tables, of whatever use."""

    def __init__(self, connection: Connection, *, label: str, begin: Callable[[Connection, str], None]) -> None:
        self._connection = connection
        self._label = label
        self._begin = begin
        self._postgresql = connection.dialect.name == "postgresql"
        self._columns: dict[str, tuple[str, ...]] = {}
        self._cursors = 0

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction that writes, on the connection of the temporary tables. Commits at the end."""
        with translated(self._label):
            self._begin(self._connection, engines.WRITE)
            with self._ending():
                yield Session(connection=self._connection, label=self._label)

    def create(self, name: str, columns: Sequence[str], *, key: str | None = None) -> None:
        """A temporary table of text columns, in place of one with the same name. `key` is a column without duplicates,
        by which the rows are clustered."""
        if not all(_NAME.fullmatch(part) for part in (name, *columns)):
            raise ValueError("names of temporary tables and columns are made of a-z, 0-9 and _")
        self._columns[name] = tuple(columns)
        spelled = [f"{column} {self._text}{' NOT NULL PRIMARY KEY' if column == key else ''}" for column in columns]
        clustered = "" if key is None or self._postgresql else " WITHOUT ROWID"
        self._run(f"DROP TABLE IF EXISTS {table(name)}")
        self._run(f"CREATE TEMPORARY TABLE {table(name)} ({', '.join(spelled)}){clustered}")

    def load(self, name: str, rows: Iterable[Cells]) -> int:
        """Add rows, in the order of the table's columns, and give how many. The fewer they jump in key order the better.

        Raises `errors.StateProblem`, also for a key that is there already and for text that the database cannot hold.
        """
        with storable():
            return self._copy(name, rows) if self._postgresql else self._insert(name, rows)

    def sorted(self, name: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
        """Rows of a table in code point order of `order`, nulls first. Other work on the workspace may go on meanwhile."""
        # SQLite puts nulls first, PostgreSQL last; it lets "C" order hold for the whole text.
        nulls = " NULLS FIRST" if self._postgresql else ""
        ordered = ", ".join(f"{column}{nulls}" for column in order)
        return self._stream(f"SELECT {', '.join(columns)} FROM {table(name)} ORDER BY {ordered}")

    def index(self, name: str, columns: Sequence[str]) -> None:
        """Make `among` fast for these columns."""
        self._run(f"CREATE INDEX ix_{table(name)} ON {table(name)} ({', '.join(columns)})", f"ANALYZE {table(name)}")

    def among(
        self, name: str, columns: Sequence[str], by: str, values: Collection[str], **equal: str
    ) -> list[tuple[str | None, ...]]:
        """Rows of a table in which `by` is one of `values`, and other columns are what they are said to be."""
        fixed = "".join(f" AND {column} = {self._mark}" for column in equal)
        several = f"= ANY({self._mark})" if self._postgresql else f"IN (SELECT value FROM json_each({self._mark}))"
        wanted: Any = list(values) if self._postgresql else json.dumps(list(values))
        query = f"SELECT {', '.join(columns)} FROM {table(name)} WHERE {by} {several}{fixed}"
        with storable():
            return [tuple(row) for row in self._rows(query, (wanted, *equal.values()))]

    def prune(self, name: str, column: str, known: str) -> None:
        """Take away the rows whose `column` is no `id` in the table `known`, which has an index of these."""
        self._run(
            f"DELETE FROM {table(name)} WHERE NOT EXISTS "
            f"(SELECT 1 FROM {table(known)} k WHERE k.id = {table(name)}.{column})"
        )

    def count(self, name: str) -> int:
        """Rows of a table."""
        return int(self._rows(f"SELECT count(*) FROM {table(name)}")[0][0])

    def count_rows(self, rows: str) -> int:
        """Rows of a source."""
        return int(self._rows_plain(f"SELECT count(*) FROM {rows}")[0][0])

    @property
    def copies(self) -> bool:
        """Whether there is `copy_in`."""
        return self._postgresql

    @property
    def attaches(self) -> bool:
        """Whether there is `attach`."""
        return not self._postgresql

    def copy_in(self, width: int, data: Iterable[bytes]) -> str:
        """A table of `width` columns c0, c1, … with what COPY … TO STDOUT of another database gave. Returns its name."""
        self.create("source", [f"c{place}" for place in range(width)])
        with (
            storable(),
            self._scratch(),
            self._driver.cursor() as cursor,
            cursor.copy(f"COPY {table('source')} FROM STDIN") as copy,
        ):
            for block in data:
                copy.write(block)
        return table("source")

    @contextmanager
    def attach(self, name: str, fill: Callable[[Path], object]) -> Iterator[str]:
        """Let `fill` make a database with a table `rows`, and give the name that it can be read by. The file lies beside ours,
        where there is room for it, is called after `name`, and is gone at the end, or when the next one begins."""
        (main,) = [row[2] for row in self._driver.execute("PRAGMA database_list") if row[1] == "main"]
        path = Path(f"{main}-{name}")
        path.unlink(missing_ok=True)
        try:
            fill(path)
            # Whatever bytes the source keeps as text must not break a reader of the few rows that are read at all.
            self._driver.text_factory = decoded
            with translated(self._label):
                self._driver.execute("ATTACH ? AS source", (f"file:{quote(str(path))}?mode=ro",))
            yield "source.rows"
            with translated(self._label):
                self._driver.execute("DETACH source")
        finally:
            path.unlink(missing_ok=True)

    @property
    def _text(self) -> str:
        return 'text COLLATE "C"' if self._postgresql else "TEXT"

    @contextmanager
    def _scratch(self) -> Iterator[None]:
        """A transaction for temporary tables, or the one that is under way. Short, so that no cleaning up waits for it."""
        with translated(self._label):
            if self._connection.in_transaction():
                yield
                return
            self._begin(self._connection, engines.SCRATCH)
            with self._ending():
                yield

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            if not self._connection.invalidated:
                # After a commit that failed (a full disk), SQLAlchemy takes the transaction for over; SQLite does not.
                self._connection.connection.rollback()
            raise

    def _run(self, *statements: str, parameters: tuple[str, ...] | None = None) -> None:
        with self._scratch():
            for statement in statements:
                self._connection.exec_driver_sql(statement, parameters)

    def _plain(self, statement: str) -> None:
        """A statement with texts in it, which no driver may take for marks of parameters."""
        with self._scratch():
            self._driver.execute(statement)

    def _rows_plain(self, query: str) -> Sequence[Any]:
        with self._scratch():
            return list(self._driver.execute(query).fetchall())

    def _rows(self, query: str, parameters: tuple[str, ...] | None = None) -> Sequence[Any]:
        with self._scratch():
            return self._connection.exec_driver_sql(query, parameters).all()

    def _rows_of_texts(self, query: str) -> Sequence[Any]:
        """As `_rows`, of many texts. SQLite decodes them itself, and we do only where one of them is none."""
        if self._postgresql:
            return self._rows(query)
        usual = self._driver.text_factory
        with self._scratch():
            self._driver.text_factory = str
            try:
                return list(self._driver.execute(query))
            except sqlite3.OperationalError:
                self._driver.text_factory = usual
                return list(self._driver.execute(query))
            finally:
                self._driver.text_factory = usual

    @property
    def _mark(self) -> str:
        return "%s" if self._postgresql else "?"

    @property
    def _driver(self) -> Any:
        return self._connection.connection.driver_connection

    def _insert(self, name: str, rows: Iterable[Cells]) -> int:
        """Each row goes to the driver as it is made and is gone again: lists of rows, even short ones, take twice as long."""
        marks = ", ".join("?" * len(self._columns[name]))
        with self._scratch():
            return int(self._driver.executemany(f"INSERT INTO {table(name)} VALUES ({marks})", rows).rowcount)

    def _copy(self, name: str, rows: Iterable[Cells]) -> int:
        """In pieces, because rows may come out of another table over the same connection, which is busy during a COPY."""
        source, count = iter(rows), 0
        while chunk := list(islice(source, CHUNK)):
            with (
                self._scratch(),
                self._driver.cursor() as cursor,
                cursor.copy(f"COPY {table(name)} FROM STDIN") as copy,
            ):
                for row in chunk:
                    copy.write_row(row)
            count += len(chunk)
        return count

    def _stream(self, query: str) -> Iterator[tuple[str | None, ...]]:
        with translated(self._label):
            if not self._postgresql:
                # SQLite sorts in as much memory as its cache may take, and decides that when the query starts.
                self._driver.execute(f"PRAGMA cache_size = -{driver.SORT_KIB}")
                rows = self._driver.execute(query)
                self._driver.execute(f"PRAGMA cache_size = -{driver.CACHE_KIB}")
                yield from rows
                return
            self._cursors += 1
            # With hold: it outlives the transactions that come and go while it is read.
            with self._driver.cursor(name=f"sorted_{self._cursors}", withhold=True) as cursor:
                cursor.execute(query)
                while rows := cursor.fetchmany(CHUNK):
                    if not self._connection.in_transaction():
                        self._driver.commit()
                    yield from rows
