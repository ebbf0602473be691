"""Writing into SQLite files. One session writes at a time; a file that another process keeps busy is waited for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconciler import errors
from reconciler.connectors.sql.files import refuse_folder
from reconciler.connectors.sql.fitting import INTEGERS, Value, exact_double
from reconciler.connectors.sql.layout import ColumnType, FoundColumn, FoundTable, column_types
from reconciler.connectors.sql.sqlite import BUSY_SECONDS, STEPS
from reconciler.connectors.sql.sqlite_guard import BY_CODE
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.words import one_line
from reconciler.connectors.sql.writing import Refused, TextSession, quoted
from reconciler.model.outcome import Reason
from reconciler.records.text_of import text_of

LONGEST_WAIT = 60.0
"""Seconds that we wait for another process to let go of the file, where `statementTimeout` is not less."""

_TEXT = r"TEXT|CLOB|.*CHAR.*"

TYPES = column_types(
    text=ColumnType("TEXT", _TEXT),
    integer=ColumnType("INTEGER", ".*INT.*"),
    number=ColumnType("NUMERIC", "NUMERIC.*|DECIMAL.*|REAL|DOUBLE.*|FLOAT"),
    boolean=ColumnType("BOOLEAN", "BOOL|BOOLEAN|.*INT.*"),
    datetime=ColumnType("TEXT", _TEXT + "|DATETIME|TIMESTAMP"),
    date=ColumnType("TEXT", _TEXT + "|DATE"),
)
"""There is no type for dates and times: they are texts in ISO 8601, as SQLite's own functions take them."""

_WRITING = (
    "check that the file and its folder may be written by this user, and that the file is no copy of a running one"
)

_WORDS: dict[int, tuple[type[errors.RemoteError], str, str]] = {
    **BY_CODE,
    sqlite3.SQLITE_READONLY: (errors.RemoteRefused, "may not be written", _WRITING),
    sqlite3.SQLITE_PERM: (errors.RemoteRefused, "may not be written", _WRITING),
    sqlite3.SQLITE_CANTOPEN: (errors.RemoteRefused, "cannot be opened for writing", _WRITING),
    sqlite3.SQLITE_IOERR: (errors.RemoteUnavailable, "cannot be written", "check the disk"),
    sqlite3.SQLITE_FULL: (errors.RemoteUnavailable, "has no room left", "free some space on its disk"),
}

_OF_THE_RECORD = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)

_TELLING = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_CHECK,
        sqlite3.SQLITE_CONSTRAINT_NOTNULL,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    }
)
"""What SQLite says of these names columns and constraints, never values; a trigger says what its author wanted."""


class SqliteStore:
    """A file, which is made when it is not there."""

    types = TYPES
    concurrency = 1
    keeps = True

    def __init__(self, path: Path, watch: Callable[[], Watch]) -> None:
        self._path = path
        self._watch = watch

    def session(self) -> SqliteSession:
        make_file(self._path)
        return SqliteSession(self._path, self._watch())

    def absent(self) -> bool:
        refuse_folder(self._path)
        return not self._path.exists()

    def check(self, value: Value) -> None:
        """Raises Unfit for a number that SQLite would keep as another one."""
        if isinstance(value, Decimal):
            _number(value)


def make_file(path: Path) -> None:
    """An empty file, which is a database without tables. Others may not read it: records of people go in there."""
    refuse_folder(path)
    if path.exists():
        return
    try:
        path.touch(mode=0o600)
    except OSError as error:
        message = f"{path} cannot be made: {error.strerror}"
        raise errors.RemoteRefused(message, hint="let this user write to the folder") from None


class SqliteSession(TextSession):
    """`BEGIN IMMEDIATE` keeps every other writer out from the start, so that nobody is in the way later but for readers."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch
        location = f"file:{quote(str(path))}?mode=rw"
        try:
            self._connection = sqlite3.connect(
                location, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._meaning(error) from None
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            self._connection.execute("PRAGMA cell_size_check = ON")
        except sqlite3.Error as error:
            raise self._meaning(error) from None
        self._watch.begin()
        self._connection.set_progress_handler(self._watch.over, STEPS)

    def start(self) -> None:
        self._patiently(self.begin)

    def commit(self) -> None:
        # Readers may keep a commit waiting; it can be repeated as long as it was refused for that.
        self._patiently("COMMIT")

    def take_back(self) -> None:
        # Whoever stops us must not keep us from letting go of the file; some failures take all back by themselves.
        if self._connection.in_transaction:
            self._connection.set_progress_handler(None, 0)
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._connection.set_progress_handler(self._watch.over, STEPS)

    def run(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        self._watch.check()
        self._watch.begin()
        try:
            return self._connection.execute(statement, [_bound(value) for value in values]).fetchall()
        except sqlite3.Error as error:
            self._watch.check()
            raise self._meaning(error) from None

    def put_rows(self, insert: str, row: str, end: str, rows: Sequence[Sequence[Value]]) -> None:
        """One statement for one row, again and again: the driver keeps statements, and one for many rows takes megabytes."""
        self._watch.check()
        self._watch.begin()
        try:
            self._connection.executemany(f"{insert} {row} {end}", ([_bound(value) for value in one] for one in rows))
        except sqlite3.Error as error:
            self._watch.check()
            raise self._meaning(error) from None

    def table(self, name: str) -> FoundTable | None:
        rows = self.run("SELECT type, name, sql FROM sqlite_schema WHERE lower(name) = ?", [name])
        if not rows:
            return None
        kind, real, sql = rows[0]
        if kind == "table" and str(sql).upper().startswith("CREATE VIRTUAL"):
            kind = "virtual table"
        described = self.run(f"PRAGMA table_xinfo({quoted(real)})")
        keys = [column.casefold() for _, column, _, _, _, part_of_key, _ in described if part_of_key]
        columns = {}
        for _, column, type, required, default, part_of_key, hidden in described:
            # A lone integer is the number of the row, which SQLite gives itself.
            given = default is not None or (part_of_key and len(keys) == 1 and type.upper() == "INTEGER")
            columns[column] = FoundColumn(
                type=type or "no type", required=bool(required) and not given, computed=hidden in (2, 3)
            )
        unique = set(keys) if len(keys) == 1 else set()
        for index in self.run(f"PRAGMA index_list({quoted(real)})"):
            parts = [row[2] for row in self.run(f"PRAGMA index_info({quoted(index[1])})")]
            if index[2] and not index[4] and len(parts) == 1 and parts[0] is not None:
                unique.add(parts[0].casefold())
        return FoundTable(kind=kind, columns=columns, unique=frozenset(unique))

    def close(self) -> None:
        self._connection.close()

    def _patiently(self, statement: str) -> None:
        watch = self._watch
        deadline = watch.clock.monotonic() + min(watch.seconds, LONGEST_WAIT)
        while True:
            watch.check()
            watch.begin()
            try:
                self._connection.execute(statement)
                return
            except sqlite3.Error as error:
                watch.check()
                code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
                busy = code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or watch.clock.monotonic() > deadline:
                    raise self._meaning(error) from None

    def _meaning(self, error: sqlite3.Error) -> Exception:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        name: str = getattr(error, "sqlite_errorname", type(error).__name__)
        if code & 0xFF in _OF_THE_RECORD:
            said = one_line(str(error)) if code in _TELLING else f"SQLite refused it ({name})"
            overlong = code & 0xFF == sqlite3.SQLITE_TOOBIG
            return Refused(said, Reason.VALUE_OVERLONG if overlong else Reason.RECORD_REFUSED)
        if code & 0xFF in _WORDS:
            kind, what, hint = _WORDS[code & 0xFF]
            return kind(f"{self._path} {what}", hint=hint or None)
        hint = "see whether somebody changed the tables, or has triggers or indexes on them that fail"
        return errors.RemoteRefused(f"{self._path} failed while it was written ({name})", hint=hint)


def _number(value: Decimal) -> int | float:
    if value.adjusted() <= 19 and value == value.to_integral_value() and abs(value) <= INTEGERS:
        return int(value)
    return exact_double(value)


def _bound(value: Value) -> str | int | float | None:
    match value:
        case bool():
            return int(value)
        case Decimal():
            return _number(value)
        case date():
            return text_of(value)
    return value
