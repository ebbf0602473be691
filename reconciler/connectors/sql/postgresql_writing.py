"""Writing into PostgreSQL: the first schema of the search path, a few sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from sqlalchemy import URL

from reconciler import errors
from reconciler.connectors.sql.fitting import Value
from reconciler.connectors.sql.layout import ColumnType, FoundColumn, FoundTable, column_types
from reconciler.connectors.sql.postgresql import configure, connected, cut_short
from reconciler.connectors.sql.postgresql_problems import meaning
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.words import one_line
from reconciler.connectors.sql.writing import Again, Refused, TextSession
from reconciler.model.outcome import Reason

TYPES = column_types(
    text=ColumnType("text", r"text|character varying(\(\d+\))?"),
    integer=ColumnType("bigint", "bigint|integer|smallint|numeric"),
    # A double takes the nearest number there is, a numeric with a scale rounds: neither would be exact.
    number=ColumnType("numeric", "numeric"),
    boolean=ColumnType("boolean", "boolean"),
    datetime=ColumnType("timestamp with time zone", "timestamp with time zone"),
    date=ColumnType("date", "date"),
)

TABLES_LOCK = 0x7265636F_6E63696C
"""The advisory lock under which we change tables: the first letters of our name."""

_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence"}

_TABLE = """
SELECT c.oid, c.relkind::text, has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
  has_table_privilege(c.oid, 'UPDATE')
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = %s
"""

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull AND NOT atthasdef AND attidentity = '',
  attgenerated <> '' OR attidentity = 'a'
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""

_UNIQUE = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = %s AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
"""

_REFUSALS: dict[str, tuple[str, Reason]] = {
    "22001": ("a text is longer than its column", Reason.VALUE_OVERLONG),
    "22003": ("a number is out of the range of its column", Reason.VALUE_INVALID),
    "23502": ("a column must have a value", Reason.RECORD_REFUSED),
    "23503": ("a foreign key leads nowhere", Reason.RECORD_REFUSED),
    "23505": ("a unique constraint is violated", Reason.RECORD_REFUSED),
    "23514": ("a check constraint is violated", Reason.RECORD_REFUSED),
    "54000": ("a value is too long for an index", Reason.VALUE_OVERLONG),
}
"""In our words: the server's quote values."""

_OF_THE_RECORD = ("22", "23", "54", "P0", "44", "27", "09", "21")
"""Classes of codes: data, constraints, limits, what triggers and views raise."""


class PostgresqlStore:
    """A server and a database on it."""

    types = TYPES
    concurrency = 4
    keeps = True

    def __init__(self, url: URL, label: str, secrets: Sequence[str], watch: Callable[[], Watch]) -> None:
        self._url = url
        self._label = label
        self._secrets = secrets
        self._watch = watch

    def session(self) -> PostgresqlSession:
        return PostgresqlSession(self._url, self._label, self._secrets, self._watch())

    def absent(self) -> bool:
        return False

    def check(self, value: Value) -> None:
        """Whatever was fitted can be kept as it is."""


class PostgresqlSession(TextSession):
    """A connection whose constraints are checked with each statement, so that one record is told from the others."""

    mark = "%s"

    def __init__(self, url: URL, label: str, secrets: Sequence[str], watch: Watch) -> None:
        self._label = label
        self._secrets = secrets
        self._watch = watch
        try:
            self._connection = connected(url, label, watch)
        except psycopg.Error as error:
            watch.check()
            raise meaning(error, label, secrets) from None
        try:
            self._done(lambda: configure(self._connection, watch))
        except BaseException:
            self._connection.close()
            raise

    def start(self) -> None:
        self._done(lambda: self._connection.execute("BEGIN; SET CONSTRAINTS ALL IMMEDIATE"))

    def alone(self) -> None:
        self.run("SELECT pg_advisory_xact_lock(%s)", [TABLES_LOCK])

    def take_back(self) -> None:
        """Without asking whether to stop: whoever stops us must not leave the server waiting."""
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error as error:
            raise self._meaning(error) from None

    def run(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        def work() -> list[tuple[Any, ...]]:
            cursor = self._connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

        found: list[tuple[Any, ...]] = self._done(work)
        return found

    def table(self, name: str) -> FoundTable | None:
        schema = self.run("SELECT current_schema(), current_user")[0]
        if schema[0] is None:
            message = f"{self._label} has no schema that the user could write into"
            raise errors.RemoteRefused(message, hint="make one, or name it in the URL: ?options=-csearch_path%3DNAME")
        rows = self.run(_TABLE, [name])
        if not rows:
            return None
        oid, kind, *allowed = rows[0]
        lacking = tuple(right for right, has in zip(("SELECT", "INSERT", "UPDATE"), allowed, strict=True) if not has)
        return FoundTable(
            kind=_KINDS.get(kind, "relation of another kind"),
            columns={
                column: FoundColumn(type=type, required=required, computed=computed)
                for column, type, required, computed in self.run(_COLUMNS, [oid])
            },
            unique=frozenset(column for (column,) in self.run(_UNIQUE, [oid])),
            rights=lacking,
        )

    def close(self) -> None:
        self._connection.close()

    def _done(self, work: Callable[[], Any]) -> Any:
        self._watch.check()
        try:
            with self._watch.guarding(lambda: cut_short(self._connection)):
                return work()
        except psycopg.Error as error:
            self._watch.check()
            raise self._meaning(error) from None

    def _meaning(self, error: psycopg.Error) -> Exception:
        state = error.sqlstate or ""
        if state.startswith(_OF_THE_RECORD):
            words, reason = _REFUSALS.get(state, ("the database refused it", Reason.RECORD_REFUSED))
            named = error.diag.column_name or error.diag.constraint_name
            where = f" ({one_line(named, self._secrets)})" if named else ""
            return Refused(f"{words}{where}, code {state}", reason)
        if state == "42501":
            said = one_line(error.diag.message_primary or "", self._secrets)
            message = f"{self._label} does not let this user write: {said}"
            return errors.RemoteRefused(message, hint="grant what is missing to the user of the URL", code=state)
        if state == "25006":
            return errors.RemoteRefused(
                f"{self._label} is read only", hint="use the primary server, and a user that may write", code=state
            )
        if state.startswith("42"):
            said = one_line(error.diag.message_primary or "", self._secrets)
            return errors.RemoteRefused(
                f"{self._label} refuses to write: {said}", hint="see what was changed", code=state
            )
        found = meaning(error, self._label, self._secrets)
        return Again(found) if state.startswith("40") and isinstance(found, errors.RemoteUnavailable) else found
