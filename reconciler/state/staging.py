"""Temporary tables of one cycle, and the comparison of what was read with what was written before.

    with database.workspace() as workspace:
        workspace.create("people", ["email", "title"])
        workspace.load("people", rows)
        workspace.stage(["Job Title"])
        workspace.load("stage", merged(workspace.sorted("people", ["email", "title"], ["email"])))
        changed = workspace.diff(ledger, ["Job Title"])
        for seq, write in workspace.changes(0, 50): ...
        with workspace.begin() as session:      # a real transaction on the same connection
            ledger.acknowledge(session, …)

Rows go to disk, behind a small page cache; an unchanged row never becomes a Python object. The tables belong to one
connection: nobody else sees them, and they vanish with it, also when the process is killed. A load that fails half-way
leaves half a table, so it ends the workspace.

On PostgreSQL this needs the same server connection for the whole cycle: a pooler must pool by session.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from reconciler import errors
from reconciler.model.outcome import Write
from reconciler.state import driver, engines
from reconciler.state.ledger import MAX_ITEMS, Ledger
from reconciler.state.session import Session, storable
from reconciler.state.translate import translated

CHUNK = 2000
"""Rows that are fetched or copied at once."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")

Cells = Sequence[str | None]


class Workspace:
    """One connection and its temporary tables. Made by `database.workspace()`; for one thread at a time."""

    def __init__(self, connection: Connection, *, label: str, begin: Callable[[Connection, str], None]) -> None:
        self._connection = connection
        self._label = label
        self._begin = begin
        self._postgresql = connection.dialect.name == "postgresql"
        self._columns: dict[str, tuple[str, ...]] = {}
        self._items: tuple[str, ...] = ()
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
        self._run(f"DROP TABLE IF EXISTS {_table(name)}")
        self._run(f"CREATE TEMPORARY TABLE {_table(name)} ({', '.join(spelled)}){clustered}")

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
        return self._stream(f"SELECT {', '.join(columns)} FROM {_table(name)} ORDER BY {ordered}")

    def count(self, name: str) -> int:
        """Rows of a table."""
        return int(self._rows(f"SELECT count(*) FROM {_table(name)}")[0][0])

    def stage(self, items: Sequence[str]) -> None:
        """The table `stage` for values as they should be: columns `key`, `label`, then one for each of `items`.

        Raises `errors.StateProblem` for more than 500 items.
        """
        if len(items) > MAX_ITEMS:
            message = f"More than {MAX_ITEMS} fields cannot be compared in one cycle."
            raise errors.StateProblem(message, hint="map fewer fields to this destination")
        self._items = tuple(items)
        self.create("stage", ["key", "label", *(f"c{place}" for place in range(len(items)))], key="key")

    def stage_unique(self, name: str) -> int:
        """Fill `stage` from a table with its columns, in which keys may repeat: rows that say the same are one row. Gives how
        many rows have a key that others have, too, with other values: see `conflicts`."""
        places = range(len(self._items))
        values = "".join(f", min(c{place})" for place in places)
        self._run(
            f"INSERT INTO {_table('stage')} SELECT key, min(label){values} FROM {_table(name)} "
            f"GROUP BY key HAVING {self._agreeing()} ORDER BY key"
        )
        rows, staged = self.count(name), self.count("stage")
        if rows == staged:
            return 0
        query = f"SELECT count(*) AS n FROM {_table(name)} GROUP BY key HAVING NOT ({self._agreeing()})"
        return int(self._rows(f"SELECT coalesce(sum(n), 0) FROM ({query}) conflicting")[0][0])

    def conflicts(self, name: str) -> Iterator[tuple[str, str, int]]:
        """(key, label, rows) of the keys that `stage_unique` left out, in order of the keys."""
        query = f"SELECT key, min(label), count(*) FROM {_table(name)} GROUP BY key HAVING NOT ({self._agreeing()})"
        for key, label, rows in self._stream(f"{query} ORDER BY key"):
            yield key or "", label or "", int(rows or 0)

    def _agreeing(self) -> str:
        same = (
            f"(count(c{p}) = 0 OR (count(c{p}) = count(*) AND min(c{p}) = max(c{p})))" for p in range(len(self._items))
        )
        return " AND ".join(["count(*) >= 1", *same])

    def departed(self, ledger: Ledger) -> Iterator[tuple[str, str]]:
        """(key, label) of the records that were written before and are not staged any more, in order of the keys."""
        written = [ledger.columns[item] for item in self._items if item in ledger.columns]
        if ledger.table is None or not written:
            return
        some = " OR ".join(f"l.{column} IS NOT NULL" for column in written)
        gone = f"NOT EXISTS (SELECT 1 FROM {_table('stage')} s WHERE s.key = l.key)"
        for key, label in self._stream(
            f"SELECT l.key, l.label FROM {ledger.table} l WHERE ({some}) AND {gone} ORDER BY l.key"
        ):
            yield key or "", label or ""

    def count_staged(self) -> dict[str, int]:
        """For each item, how many staged records have a value (not null)."""
        if not self._items:
            return {}
        counted = ", ".join(f"count(c{place})" for place in range(len(self._items)))
        return dict(zip(self._items, self._rows(f"SELECT {counted} FROM {_table('stage')}")[0], strict=True))

    def diff(self, ledger: Ledger, items: Sequence[str] | None = None) -> dict[str, int]:
        """Compare `stage` with a ledger, put what differs into `changes`, and give the number of changes of each item.

        A staged null is no change: it keeps what is there. Nothing but temporary tables is written. `items` are some of
        the staged ones; None is all of them.
        """
        chosen = [place for place, item in enumerate(self._items) if items is None or item in items]
        self._make_changes()
        if chosen:
            if self._postgresql:
                self._run(f"ANALYZE {_table('stage')}")
                self._run("SET LOCAL work_mem = '64MB'", _diff_postgresql(ledger, self._items, chosen))
            else:
                self._run(_diff_sqlite(ledger, self._items, chosen))
        counts = self._rows(f"SELECT item, count(*) FROM {_table('changes')} GROUP BY item")
        return {self._items[place]: 0 for place in chosen} | {self._items[place]: count for place, count in counts}

    def changes(self, after_seq: int, limit: int) -> list[tuple[int, Write]]:
        """Up to `limit` changes after number `after_seq` (0: from the start), in order of key; changes of one key together."""
        query = f"SELECT seq, key, label, item, before, value FROM {_table('changes')}"
        rows = self._rows(f"{query} WHERE seq > {int(after_seq)} ORDER BY seq LIMIT {int(limit)}")
        return [
            (seq, Write(key=key, label=label, item=self._items[item], before=before, value=value))
            for seq, key, label, item, before, value in rows
        ]

    def changes_of_records(self, after_seq: int, records: int) -> list[tuple[int, Write]]:
        """As `changes`, but of up to so many whole records: the changes of a key are never parted."""
        found = self.changes(after_seq, records * len(self._items) + 1)
        keys: set[str] = set()
        for place, (_, write) in enumerate(found):
            keys.add(write.key)
            if len(keys) > records:
                return found[:place]
        return found

    def count_changes(self) -> int:
        return self.count("changes")

    # -- how

    @property
    def _text(self) -> str:
        return 'text COLLATE "C"' if self._postgresql else "TEXT"

    def _make_changes(self) -> None:
        seq = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY" if self._postgresql else "INTEGER PRIMARY KEY"
        columns = f"seq {seq}, key {self._text}, label TEXT, item INTEGER, before TEXT, value TEXT"
        self._run(
            f"DROP TABLE IF EXISTS {_table('changes')}", f"CREATE TEMPORARY TABLE {_table('changes')} ({columns})"
        )

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

    def _run(self, *statements: str) -> None:
        with self._scratch():
            for statement in statements:
                self._connection.exec_driver_sql(statement)

    def _rows(self, query: str) -> Sequence[Any]:
        with self._scratch():
            return self._connection.exec_driver_sql(query).all()

    @property
    def _driver(self) -> Any:
        return self._connection.connection.driver_connection

    def _insert(self, name: str, rows: Iterable[Cells]) -> int:
        """Each row goes to the driver as it is made and is gone again: lists of rows, even short ones, take twice as long."""
        marks = ", ".join("?" * len(self._columns[name]))
        with self._scratch():
            return int(self._driver.executemany(f"INSERT INTO {_table(name)} VALUES ({marks})", rows).rowcount)

    def _copy(self, name: str, rows: Iterable[Cells]) -> int:
        """In pieces, because rows may come out of another table over the same connection, which is busy during a COPY."""
        source, count = iter(rows), 0
        while chunk := list(islice(source, CHUNK)):
            with (
                self._scratch(),
                self._driver.cursor() as cursor,
                cursor.copy(f"COPY {_table(name)} FROM STDIN") as copy,
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


def _table(name: str) -> str:
    """Temporary tables hide real ones of the same name, so theirs are told apart."""
    return f"ws_{name}"


def _befores(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> Mapping[int, str]:
    """The ledger's column for each chosen place, or NULL where nothing was ever written."""
    return {
        place: f"l.{ledger.columns[items[place]]}" if ledger.table and items[place] in ledger.columns else "NULL"
        for place in chosen
    }


def _joined(ledger: Ledger) -> str:
    return f"{_table('stage')} s" + (f" LEFT JOIN {ledger.table} l ON l.key = s.key" if ledger.table else "")


def _diff_sqlite(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> str:
    """Both tables are clustered by key: one walk over `stage`, with a cheap step in the ledger beside it.

    The inner query leaves only records with a change, so that taking them apart costs what the changes cost.
    """
    before = _befores(ledger, items, chosen)
    changed = " OR ".join(f"(s.c{p} IS NOT {before[p]} AND s.c{p} IS NOT NULL)" for p in chosen)
    pairs = ", ".join(f"s.c{p} AS s{p}, {before[p]} AS l{p}" for p in chosen)
    numbers = ", ".join(f"({p})" for p in chosen)

    def of_each(cell: str) -> str:
        return "CASE u.column1 " + " ".join(f"WHEN {p} THEN {cell.replace('#', str(p))}" for p in chosen) + " END"

    return (
        f"INSERT INTO {_table('changes')} (key, label, item, before, value) "
        f"SELECT d.key, d.label, u.column1, {of_each('d.l#')}, {of_each('d.s#')} "
        f"FROM (SELECT s.key, s.label, {pairs} FROM {_joined(ledger)} WHERE {changed} ORDER BY s.key) d "
        f"CROSS JOIN (VALUES {numbers}) u WHERE {of_each('d.s# IS NOT d.l# AND d.s# IS NOT NULL')}"
    )


def _diff_postgresql(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> str:
    before = _befores(ledger, items, chosen)
    changed = " OR ".join(f"(s.c{p} IS DISTINCT FROM {before[p]} AND s.c{p} IS NOT NULL)" for p in chosen)
    rows = ", ".join(f"({p}, {before[p]}::text, s.c{p})" for p in chosen)
    return (
        f"INSERT INTO {_table('changes')} (key, label, item, before, value) "
        f"SELECT s.key, s.label, u.item, u.before, u.value FROM {_joined(ledger)} "
        f"CROSS JOIN LATERAL (VALUES {rows}) u (item, before, value) "
        f"WHERE ({changed}) AND u.value IS NOT NULL AND u.value IS DISTINCT FROM u.before ORDER BY s.key, u.item"
    )
