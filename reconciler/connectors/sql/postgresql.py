"""PostgreSQL: a session whose default is read only, and in it one transaction that is read only itself and sees one moment.

Rows are made into text by the server, by the type that it reports for each column, so that a page and a copy hold the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from os import dup
from typing import Any, NamedTuple

import psycopg
from psycopg import pq
from sqlalchemy import URL

from reconciler import errors
from reconciler.connectors.sql.base import PAGE_ROWS, Page, Proof, distinct, positions
from reconciler.connectors.sql.postgresql_problems import meaning
from reconciler.connectors.sql.watch import Watch, patiently
from reconciler.model.value import INVALID
from reconciler.model.watermark import Highest, Mark, Since
from reconciler.records.text_of import BINARY, NOT_FINITE, OUT_OF_RANGE

CONNECT_SECONDS = 10
CANCEL_SECONDS = 1.0
OLDEST = 130_000
"""PostgreSQL 13: the oldest that can write a number without zeros at its end."""

DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "reconcile",
    # A server that is gone without a word: nobody waits for it for hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class _Given(NamedTuple):
    """The output columns of a query, and how it is selected from: they are called c0, c1, … there."""

    names: list[str]
    types: list[int]
    categories: dict[int, str]
    table: str

    def category(self, place: int) -> str:
        return self.categories.get(self.types[place], "")


class Postgresql:
    """A server and a database on it. `prepare` are the settings of a session, made before anything else is asked."""

    def __init__(self, url: URL, label: str, secrets: Sequence[str], watch: Watch) -> None:
        self._url = url
        self._label = label
        self._secrets = secrets
        self._watch = watch

    def columns(self, query: str) -> list[str]:
        with self._session() as connection:
            return distinct([name for name, _ in self._described(connection, query)])

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        with self._session() as connection:
            given = self._given(connection, query)
            (place,) = positions(given.names, [column])
            type = self._named(connection, given.types[place])
            reached, bound = "false", []
            if past is not None and past.type == type:
                reached, bound = f"m >= %s::{type}", [past.text]
            text = as_text("m", given.types[place], given.category(place))
            top = f"SELECT c{place} AS m FROM {given.table} WHERE c{place} IS NOT NULL ORDER BY c{place} DESC LIMIT 1"
            statement = f"SELECT m::text, {text}, {reached} FROM ({_without_marks(top)}) AS top"
            row = self._guarded(connection, lambda: connection.execute(statement, bound).fetchone())
        # What has no text in a row can be no mark either: nothing is greater than an infinity.
        if row is None or row[1].startswith(INVALID):
            return None
        return Highest(mark=Mark(text=row[0], type=type), reached=row[2])

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]:
        with self._session() as connection:
            texts, bound = self._as_texts(connection, query, columns, since)
            with connection.cursor(name="reconcile_rows") as rows:
                self._guarded(connection, lambda: rows.execute(texts, bound))
                while page := self._guarded(connection, lambda: rows.fetchmany(PAGE_ROWS)):
                    yield page

    def copy_out(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[bytes]:
        """What COPY … TO STDOUT sends, in its text format."""
        with self._session() as connection:
            texts, bound = self._as_texts(connection, query, columns, since)
            statement = f"COPY (\n{texts}\n) TO STDOUT"
            with connection.cursor() as cursor, self._guarding(connection), cursor.copy(statement, bound) as copy:
                yield from map(bytes, copy)

    def proof(self) -> Proof:
        with self._session() as connection:
            way = "TLS" if connection.pgconn.ssl_in_use else "no TLS"
            began = self._watch.clock.monotonic()
            self._guarded(connection, lambda: connection.execute("SELECT 1").fetchall())
            seconds = self._watch.clock.monotonic() - began
            powers = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            refused = _refuses(connection, "CREATE TABLE reconcile_must_not_write (a int)")
        mighty = "; this user is a superuser: use one that may only SELECT" if powers and powers[0] else ""
        return Proof(
            reached=f"{self._label} ({way})",
            read_only=f"the transaction is READ ONLY, and so is every other of the session{mighty}",
            seconds=seconds,
            refused=refused,
        )

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        with self._translated():
            connection = connected(self._url, self._label, self._watch)
            try:
                self._guarded(connection, lambda: self._prepare(connection))
                yield connection
            finally:
                # Never a COMMIT: there is nothing to keep, and a session that broke cannot answer.
                connection.close()

    def _prepare(self, connection: psycopg.Connection) -> None:
        # Rows are read to the last, so a plan for the first ones would be the wrong one.
        configure(connection, self._watch, default_transaction_read_only="on", cursor_tuple_fraction=1)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _described(self, connection: psycopg.Connection, query: str) -> list[tuple[str, int]]:
        """Name and type of each output column."""
        found = self._prepared(connection, query)
        if found.nparams:
            raise errors.RemoteRefused("the query has a parameter ($1), which nobody gives", hint="write the value")
        if not found.nfields:
            raise errors.RemoteRefused("the query returns no columns", hint="write one SELECT")
        # Not everything that returns rows may be selected from: DELETE … RETURNING may not.
        self._prepared(connection, f"SELECT FROM (\n{query}\n) AS given")
        return [((found.fname(n) or b"").decode(), found.ftype(n)) for n in range(found.nfields)]

    def _prepared(self, connection: psycopg.Connection, query: str) -> pq.abc.PGresult:
        """What the server knows of a statement that it does not run. Preparing takes exactly one."""
        wire = connection.pgconn
        for step in (partial(wire.prepare, b"", query.encode()), partial(wire.describe_prepared, b"")):
            result: pq.abc.PGresult = self._guarded(connection, step)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result, encoding="utf-8")
        return result

    def _as_texts(
        self, connection: psycopg.Connection, query: str, columns: Sequence[str], since: Since | None
    ) -> tuple[str, list[str] | None]:
        """A query for the columns as text, and what is bound in it. A row without a cursor is among those since any mark."""
        given = self._given(connection, query)
        wanted = ",\n".join(
            as_text(f"c{number}", given.types[number], given.category(number))
            for number in positions(given.names, columns)
        )
        texts = f"SELECT\n{wanted}\nFROM {given.table}"
        if since is None:
            return texts, None
        (place,) = positions(given.names, [since.column])
        type = self._named(connection, given.types[place])
        return f"{_without_marks(texts)}\nWHERE c{place} >= %s::{type} OR c{place} IS NULL", [since.mark.text]

    def _given(self, connection: psycopg.Connection, query: str) -> _Given:
        have = self._described(connection, query)
        names = distinct([name for name, _ in have])
        types = [type for _, type in have]
        rows = connection.execute("SELECT oid, typcategory FROM pg_type WHERE oid = ANY(%s)", [types]).fetchall()
        given = ", ".join(f"c{number}" for number in range(len(names)))
        return _Given(names, types, dict(rows), f"(\n{query}\n) AS given ({given})")

    def _named(self, connection: psycopg.Connection, type: int) -> str:
        """A type as it is written in a statement. Without -1, a character of any number would be one character."""
        row = connection.execute("SELECT format_type(%s, -1)", [type]).fetchone()
        assert row is not None
        return str(row[0])

    def _guarded(self, connection: psycopg.Connection, work: Callable[[], Any]) -> Any:
        self._watch.check()
        with self._guarding(connection):
            return work()

    @contextmanager
    def _guarding(self, connection: psycopg.Connection) -> Iterator[None]:
        with self._watch.guarding(lambda: cut_short(connection)):
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self._watch.check()
            raise meaning(error, self._label, self._secrets) from None
        except UnicodeError:
            raise errors.RemoteMalformed(f"{self._label} sent text that is no UTF-8") from None


def connected(url: URL, label: str, watch: Watch) -> psycopg.Connection:
    """A connection to a server that is new enough. Raises `errors.RemoteError`, and what psycopg raises."""
    arguments = _arguments(url)
    connection = patiently(
        watch,
        lambda: psycopg.connect(**arguments, autocommit=True),
        lambda unwanted: unwanted.close(),
        seconds=_patience(arguments),
    )
    if connection.info.server_version < OLDEST:
        connection.close()
        raise errors.RemoteRefused(f"{label} is older than PostgreSQL 13", hint="upgrade the server")
    return connection


def configure(connection: psycopg.Connection, watch: Watch, **more: str | int) -> None:
    """The settings of every session of ours, and those of this one."""
    milliseconds = round(watch.seconds * 1000)
    settings: dict[str, str | int] = {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": max(milliseconds, 300_000),
        "lock_timeout": 10_000,
        # What the spelling of values depends on.
        "timezone": "UTC",
        "datestyle": "ISO",
        "intervalstyle": "iso_8601",
        "extra_float_digits": 1,
        **more,
    }
    connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))


def _patience(arguments: Mapping[str, Any]) -> float:
    """Longer than the driver's own patience, which gives the better message."""
    with suppress(ValueError, TypeError):
        return float(str(arguments["connect_timeout"])) + 5
    return CONNECT_SECONDS + 5


def _arguments(url: URL) -> dict[str, Any]:
    options = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    given = {name: value for name, value in named.items() if value is not None}
    return {**DEFAULTS, **given, "dbname": url.database, **options, "client_encoding": "utf8"}


def _without_marks(statement: str) -> str:
    """A statement in which the driver, which looks for its own, finds no marks of parameters."""
    return statement.replace("%", "%%")


def cut_short(connection: psycopg.Connection) -> None:
    """Ask the server to give up, and hang up on one that does not answer."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=dup(connection.pgconn.socket)) as wire:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        wire.shutdown(socket.SHUT_RDWR)


def _refuses(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except psycopg.errors.ReadOnlySqlTransaction:
        return True
    connection.execute("ROLLBACK")
    return False


_BOOLEAN, _BINARY, _FLOATS, _NUMERIC = 16, 17, (700, 701), 1700
_DATE, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1114, 1184
"""Numbers of types, which are the same in every PostgreSQL."""

_LISTS = ("A", "C")
"""Categories of types: arrays and composites."""


def as_text(column: str, type: int, category: str) -> str:
    """`column` as text, by its type: as `records.text_of` spells the same value."""
    text = f"{column}::text"
    if type == _BOOLEAN:
        return f"CASE {column} WHEN true THEN 'true' WHEN false THEN 'false' END"
    if type == _BINARY:
        return f"CASE WHEN {column} IS NOT NULL THEN '{INVALID}{BINARY}' END"
    if type == _NUMERIC or type in _FLOATS:
        return (
            f"CASE WHEN {text} IN ('NaN', 'Infinity', '-Infinity') THEN '{INVALID}{NOT_FINITE}' "
            f"ELSE trim_scale({text}::numeric)::text END"
        )
    if type in (_DATE, _TIMESTAMP, _TIMESTAMPTZ):
        with_t = f"replace({text}, ' ', 'T')"
        spelled = {_DATE: text, _TIMESTAMP: with_t, _TIMESTAMPTZ: f"left({with_t}, -3) || 'Z'"}
        return (
            f"CASE WHEN {column} >= '0001-01-01' AND {column} < '10000-01-01' THEN {spelled[type]} "
            f"WHEN {column} IS NOT NULL THEN '{INVALID}{OUT_OF_RANGE}' END"
        )
    return f"to_json({column})::text" if category in _LISTS else text
