"""What the ways to write into databases have in common: a session with transactions, and the SQL that most of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from reconciler import errors
from reconciler.connectors.sql.fitting import Value
from reconciler.connectors.sql.layout import Column, ColumnTypes, FoundTable, Layout
from reconciler.model.outcome import Reason

MOST_VALUES = 30_000
"""Values of one statement: SQLite takes 32,766, PostgreSQL 65,535."""

TRIAL_TABLE = "reconcile_may_write"


class Refused(Exception):
    """The database refused what was last written because of what it is; the session goes on. The message holds no value."""

    def __init__(self, message: str, reason: Reason = Reason.RECORD_REFUSED) -> None:
        super().__init__(message)
        self.reason = reason


class Again(Exception):
    """The database gave the transaction up in favour of another: it may be tried again. Holds what to raise instead."""

    def __init__(self, meaning: errors.RemoteUnavailable) -> None:
        super().__init__(meaning.message)
        self.meaning = meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A record whose values the columns take. `changed` is written, `unchanged` only when the row is new."""

    key: Value
    changed: Mapping[str, Value]
    unchanged: Mapping[str, Value]


class Session(Protocol):
    """A connection. Every call raises `errors.RemoteError` and `errors.Interrupted`; those that write Refused and Again, too."""

    nests: bool
    """Whether a part of a transaction can be taken back."""

    def table(self, name: str) -> FoundTable | None: ...

    def create(self, layout: Layout, types: ColumnTypes) -> None: ...

    def add(self, layout: Layout, columns: Sequence[Column], types: ColumnTypes) -> None: ...

    def known(self, layout: Layout, keys: Sequence[Value]) -> set[Value]:
        """Those of the keys that have a row."""
        ...

    def empty(self, layout: Layout) -> bool:
        """Whether the table has no row."""
        ...

    def put(self, layout: Layout, records: Sequence[Fitted], known: set[Value]) -> None:
        """Write records of different keys, all with values for the same columns."""
        ...

    def transaction(self) -> Any:
        """A context: committed at its end, taken back when anything is raised."""
        ...

    def alone(self) -> None:
        """Until the transaction ends nobody else of us changes tables."""
        ...

    def part(self) -> Any:
        """A context within a transaction that alone is taken back when anything is raised. Only where it `nests`."""
        ...

    def try_to_write(self) -> str:
        """Make a table and take it back. Raises `errors.RemoteRefused` where that is refused, and returns what it showed."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """One kind of database that is written."""

    types: ColumnTypes
    concurrency: int
    """Sessions that may write at once."""
    keeps: bool
    """Whether a session does no harm while nobody uses it."""

    def session(self) -> Session:
        """Connect. What has to be made first, such as a file, is made."""
        ...

    def check(self, value: Value) -> None:
        """Raises Unfit for a value that would be kept as another one."""
        ...

    def absent(self) -> bool:
        """Whether there is no database yet, but can be: nothing has to be asked of it then."""
        ...


class TextSession(ABC):
    """SQL as SQLite, PostgreSQL and DuckDB understand it. Names are ours, so they need quotes and nothing more."""

    nests = True
    mark: ClassVar[str] = "?"
    """Stands for a value in a statement."""

    @abstractmethod
    def run(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """One statement, and its rows if it has any."""

    @abstractmethod
    def table(self, name: str) -> FoundTable | None: ...

    begin = "BEGIN"

    def commit(self) -> None:
        self.run("COMMIT")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.start()
        try:
            yield
            self.commit()
        except BaseException:
            # A session that broke has nothing left to take back, and what was raised first is what counts.
            with suppress(errors.ReconcileError, Refused, Again):
                self.take_back()
            raise

    def start(self) -> None:
        self.run(self.begin)

    def take_back(self) -> None:
        self.run("ROLLBACK")

    def alone(self) -> None:
        """A file has one writer at a time, so there is nothing to do."""
        return

    @contextmanager
    def part(self) -> Iterator[None]:
        self.run("SAVEPOINT reconcile")
        try:
            yield
        except Refused:
            self.run("ROLLBACK TO SAVEPOINT reconcile")
            self.run("RELEASE SAVEPOINT reconcile")
            raise
        self.run("RELEASE SAVEPOINT reconcile")

    def create(self, layout: Layout, types: ColumnTypes) -> None:
        columns = ", ".join(self._column(column, layout, types) for column in layout.columns)
        self.run(f"CREATE TABLE {quoted(layout.table)} ({columns}, PRIMARY KEY ({quoted(layout.key.name)}))")

    def add(self, layout: Layout, columns: Sequence[Column], types: ColumnTypes) -> None:
        for column in columns:
            self.run(f"ALTER TABLE {quoted(layout.table)} ADD COLUMN {self._column(column, layout, types)}")

    def _column(self, column: Column, layout: Layout, types: ColumnTypes) -> str:
        required = " NOT NULL" if column == layout.key else ""
        return f"{quoted(column.name)} {types[column.field.type].made}{required}"

    def known(self, layout: Layout, keys: Sequence[Value]) -> set[Value]:
        key, marks = quoted(layout.key.name), ", ".join([self.mark] * len(keys))
        rows = self.run(f"SELECT {key} FROM {quoted(layout.table)} WHERE {key} IN ({marks})", keys)
        return {row[0] for row in rows}

    def empty(self, layout: Layout) -> bool:
        return not self.run(f"SELECT 1 FROM {quoted(layout.table)} LIMIT 1")

    def put(self, layout: Layout, records: Sequence[Fitted], known: set[Value]) -> None:
        first = records[0]
        changed, others = list(first.changed), list(first.unchanged)
        names = [layout.key.name, *changed, *others]
        sets = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in changed)
        row = f"({', '.join([self.mark] * len(names))})"
        insert = f"INSERT INTO {quoted(layout.table)} ({', '.join(map(quoted, names))}) VALUES"
        end = f"ON CONFLICT ({quoted(layout.key.name)}) " + (f"DO UPDATE SET {sets}" if sets else "DO NOTHING")
        rows = [
            (one.key, *map(one.changed.__getitem__, changed), *map(one.unchanged.__getitem__, others))
            for one in records
        ]
        self.put_rows(insert, row, end, rows)

    def put_rows(self, insert: str, row: str, end: str, rows: Sequence[Sequence[Value]]) -> None:
        """Insert rows of the same width: in few statements, because each is a way to the server and back."""
        for some in _portions(rows, MOST_VALUES // len(rows[0])):
            self.run(f"{insert} {', '.join([row] * len(some))} {end}", [value for one in some for value in one])

    def try_to_write(self) -> str:
        self.start()
        try:
            self.run(f"CREATE TABLE {TRIAL_TABLE} (a INTEGER)")
        finally:
            self.take_back()
        return "a table was made in a transaction that was taken back"

    @abstractmethod
    def close(self) -> None: ...


def _portions(rows: Sequence[Sequence[Value]], size: int) -> Iterator[Sequence[Sequence[Value]]]:
    for start in range(0, len(rows), max(1, size)):
        yield rows[start : start + max(1, size)]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
