"""SQLite files, opened read only, behind an authorizer that allows nothing but reading.

Rows become text in Python, a page at a time, or are staged by SQLite itself, a whole table without an object in Python.
Both give the same text; looking at every byte of every text would double the time of staging, so what has no text (binary
data, NUL, bytes that are no UTF-8) is staged as it is, and found by whoever reads it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from reconciler.connectors.sql import sqlite_guard
from reconciler.connectors.sql.base import PAGE_ROWS, Page, Proof, distinct, positions
from reconciler.connectors.sql.files import refuse_missing
from reconciler.connectors.sql.sqlite_guard import SCRATCH, STAGED, Guard
from reconciler.connectors.sql.watch import Watch
from reconciler.model.value import CLEARED, INVALID
from reconciler.model.watermark import Highest, Mark, Since
from reconciler.records.text_of import decoded, rendition

STEPS = 10_000
"""Instructions of SQLite between two looks at the clock: a few milliseconds."""

LONGEST_VALUE = 16 * 1024 * 1024
"""Bytes. A function that makes a longer one has no honest use here."""

BUSY_SECONDS = 0.5
BUSY_TRIES = 10
CACHE_KIB = 8192

UTF_8 = "UTF-8"

PRAGMAS = (
    "cell_size_check = ON",
    "mmap_size = 0",
    "temp_store = FILE",
    f"cache_size = -{CACHE_KIB}",
)

SCRATCH_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}")
"""Of the file that is filled: when anything goes wrong it is removed."""


Value = str | int | float | None

_MARKED = {int: "integer", float: "real", str: "text"}
"""Types of values that can be kept as a mark."""


class Sqlite:
    """A file. A session of it is a snapshot: what is written meanwhile is not seen."""

    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch

    def columns(self, query: str) -> list[str]:
        with self._session() as session:
            return session.columns(query)

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        with self._session() as session:
            statement = session.chosen(query, [column], "max({0}), max({0}) >= ?")
            value, reached = session.execute(statement, [None if past is None else _bound(past)]).fetchone()
        type = _MARKED.get(value.__class__)
        # What has no text in a row can be no mark either: nothing is greater than an infinity.
        if type is None or (rendition(value) or "").startswith((CLEARED, INVALID)):
            return None
        return Highest(mark=Mark(text=repr(value) if type == "real" else str(value), type=type), reached=bool(reached))

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]:
        with self._session() as session:
            rows = session.execute(*session.since(query, columns, "{}", since))
            while page := session.fetch(rows):
                yield page

    def stage_file(self, query: str, columns: Sequence[str], path: Path, since: Since | None = None) -> int:
        """Make `path`: a database with a table `rows` of the columns c0, c1, … in UTF-8. Returns how many rows it has.

        The values are texts; read them with `text_factory = text_of.decoded`, and take `text_of.rendition` of each, so
        that what has no text is found. The file must not exist, and is gone when this fails.
        """
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        names = ", ".join(f"c{number} TEXT" for number in range(len(columns)))
        try:
            with self._session() as session:
                same_encoding = session.encoding == UTF_8
            if not same_encoding:
                return _filled(path, names, self.pages(query, columns, since))
            with self._session(scratch=(path, names)) as session:
                texts, bound = session.since(query, columns, _AS_TEXT, since)
                return session.fill(f"INSERT INTO {SCRATCH}.{STAGED}\n{texts}", bound)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def proof(self) -> Proof:
        with self._session() as session:
            refused = session.refuses("CREATE TABLE reconcile_must_not_write (a)")
            began = self._watch.clock.monotonic()
            session.execute("SELECT 1").fetchall()
            seconds = self._watch.clock.monotonic() - began
        return Proof(
            reached=f"{self._path} ({self._path.stat().st_size:,} bytes)",
            read_only="the file is opened read only, and a statement may do nothing but read",
            seconds=seconds,
            refused=refused,
        )

    @contextmanager
    def _session(self, scratch: tuple[Path, str] | None = None) -> Iterator[_Session]:
        refuse_missing(self._path)
        guard = Guard(filling=scratch is not None)
        with (
            sqlite_guard.translated(self._path, guard, self._watch),
            closing(self._connected_in_time(scratch)) as connection,
        ):
            yield _Session(connection, guard, self._watch)

    def _connected_in_time(self, scratch: tuple[Path, str] | None) -> sqlite3.Connection:
        """A writer may hold the file for a moment; while we wait for it somebody may stop us."""
        for _ in range(BUSY_TRIES - 1):
            self._watch.check()
            try:
                return _connected(self._path, scratch)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return _connected(self._path, scratch)


def _connected(path: Path, scratch: tuple[Path, str] | None) -> sqlite3.Connection:
    """A connection within a transaction that has begun to read."""
    # Only for this file: what is attached to a connection without flags in its name may be written.
    location = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(
        location, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
    )
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if scratch is not None:
            _attach(connection, *scratch)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.execute("BEGIN")
        connection.execute("PRAGMA main.schema_version").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _Session:
    """A connection within a transaction, and what may be asked of it."""

    def __init__(self, connection: sqlite3.Connection, guard: Guard, watch: Watch) -> None:
        self._connection = connection
        self._guard = guard
        self._watch = watch
        self.encoding = str(connection.execute("PRAGMA encoding").fetchone()[0])
        connection.text_factory = decoded
        connection.create_function(_SPELL, 1, rendition, deterministic=True)
        watch.begin()
        connection.set_progress_handler(watch.over, STEPS)
        _know_virtual_tables(connection)
        connection.set_authorizer(guard)

    def execute(self, statement: str, bound: Sequence[Value] = ()) -> sqlite3.Cursor:
        self._watch.begin()
        return self._connection.execute(statement, bound)

    def fetch(self, rows: sqlite3.Cursor) -> Page:
        self._watch.check()
        self._watch.begin()
        return [tuple(map(rendition, row)) for row in rows.fetchmany(PAGE_ROWS)]

    def columns(self, query: str) -> list[str]:
        within = f"SELECT * FROM (\n{query}\n) LIMIT 0"
        with self._guard.preparing():
            self.execute(f"EXPLAIN\n{query}").close()
            self.execute(f"EXPLAIN\n{within}").close()
        rows = self.execute(within)
        return distinct(_as_named([column[0] for column in rows.description]))

    def chosen(self, query: str, columns: Sequence[str], form: str) -> str:
        """A query for the columns alone, each in the form of `form`."""
        have = self.columns(query)
        given = ", ".join(f"c{number}" for number in range(len(have)))
        wanted = ",\n".join(form.format(f"c{number}") for number in positions(have, columns))
        return f"WITH given ({given}) AS (\n{query}\n)\nSELECT\n{wanted}\nFROM given"

    def since(
        self, query: str, columns: Sequence[str], form: str, since: Since | None
    ) -> tuple[str, tuple[Value, ...]]:
        """The same, and what is bound in it, of the rows since a mark. A row without a cursor is always among them."""
        if since is None:
            return self.chosen(query, columns, form), ()
        (place,) = positions(self.columns(query), [since.column])
        return f"{self.chosen(query, columns, form)}\nWHERE c{place} >= ? OR c{place} IS NULL", (_bound(since.mark),)

    def fill(self, statement: str, bound: Sequence[Value]) -> int:
        """Run the one statement that may write, into the scratch file. Returns how many rows were written."""
        count = self.execute(statement, bound).rowcount
        self._connection.set_authorizer(None)
        self._connection.execute("COMMIT")
        return count

    def refuses(self, statement: str) -> bool:
        """Whether either of the two that keep us from writing is enough: the authorizer, and how the file is opened."""
        for guard in (self._guard, None):
            self._connection.set_authorizer(guard)
            try:
                self._connection.execute(statement)
            except sqlite3.DatabaseError:
                continue
            return False
        return True


def _bound(mark: Mark) -> Value:
    """A mark as SQLite stores it: what is not of the same type is greater or less, whatever it says."""
    match mark.type:
        case "integer":
            return int(mark.text)
        case "real":
            return float(mark.text)
    return mark.text


def _know_virtual_tables(connection: sqlite3.Connection) -> None:
    """SQLite declares such a table when it is first used, and asks the authorizer as if somebody made one."""
    found = connection.execute("SELECT name FROM main.sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'").fetchall()
    for name in ("json_each", "json_tree", *(name for (name,) in found)):
        quoted = name.replace('"', '""')
        # A module that is not there is a matter of the query that needs it.
        with suppress(sqlite3.OperationalError):
            connection.execute(f'SELECT 1 FROM "{quoted}" LIMIT 0')


def _attach(connection: sqlite3.Connection, path: Path, names: str) -> None:
    connection.execute(f"ATTACH ? AS {SCRATCH}", (f"file:{quote(str(path))}?mode=rw",))
    for pragma in SCRATCH_PRAGMAS:
        connection.execute(f"PRAGMA {SCRATCH}.{pragma}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {SCRATCH}.{STAGED} ({names})")


def _filled(path: Path, names: str, pages: Iterator[Page]) -> int:
    """The same file, a page at a time: for a source whose encoding no attached file may differ from."""
    marks = ", ".join("?" for _ in names.split(","))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in SCRATCH_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"CREATE TABLE {STAGED} ({names})")
        connection.execute("BEGIN")
        count = sum(connection.executemany(f"INSERT INTO {STAGED} VALUES ({marks})", page).rowcount for page in pages)
        connection.execute("COMMIT")
    return count


def _as_named(names: Sequence[str]) -> list[str]:
    """The names that the query gives; SQLite calls a second column `a` of a subquery `a:1`."""
    first = [name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name for name in names]
    return [base if base in names else name for name, base in zip(names, first, strict=True)]


_SPELL = "reconcile_text_of"

_AS_TEXT = f"""CASE WHEN {{0}} COLLATE BINARY < '' THEN CASE
  WHEN {{0}} = CAST({{0}} AS INTEGER) AND ({{0}} BETWEEN -1e15 AND 1e15 OR typeof({{0}}) = 'integer') THEN CAST({{0}} AS INTEGER)
  WHEN abs({{0}}) BETWEEN 1e-4 AND 1e15 AND CAST(printf('%!.15g', {{0}}) AS REAL) = {{0}} THEN printf('%!.15g', {{0}})
  ELSE {_SPELL}({{0}}) END
ELSE {{0}} END"""
"""A value as text. Only numbers are less than any text. A number of 15 digits that is equal is the shortest there is: no other
of so few digits is as near. Only what needs more digits, or is very large or small, is spelled in Python.
"""
