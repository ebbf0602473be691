"""Writing into every other database, by its SQLAlchemy dialect.

Few of them keep keys unique, know ON CONFLICT, or take back a part of a transaction. So what has a row is updated, the rest
is inserted, and nobody else may write to the tables meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import (
    REAL,
    TIMESTAMP,
    URL,
    BigInteger,
    Boolean,
    Connection,
    Date,
    DateTime,
    Double,
    Float,
    Integer,
    MetaData,
    NullPool,
    Select,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    exc,
    inspect,
    select,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.schema import CreateColumn, CreateTable
from sqlalchemy.types import TypeEngine

from reconciler import errors
from reconciler.connectors.sql.address import no_driver
from reconciler.connectors.sql.fitting import Value, exact_double
from reconciler.connectors.sql.generic import CONNECT_SECONDS, PREPARATIONS, cut_short, drop
from reconciler.connectors.sql.layout import (
    Column,
    ColumnType,
    ColumnTypes,
    FoundColumn,
    FoundTable,
    Layout,
    column_types,
)
from reconciler.connectors.sql.watch import Watch, patiently
from reconciler.connectors.sql.writing import Fitted, Refused
from reconciler.model.community import FieldType

TYPES = column_types(
    text=ColumnType("text", "text"),
    integer=ColumnType("integer", "integer"),
    number=ColumnType("double", "double"),
    boolean=ColumnType("boolean", "boolean"),
    datetime=ColumnType("timestamp", "timestamp"),
    date=ColumnType("date", "date"),
)
"""Families of types, in our words: each dialect has its own names for them."""

_MADE: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "integer": BigInteger(),
    "double": Double(),
    "boolean": Boolean(),
    "timestamp": TIMESTAMP(timezone=True),
    "date": Date(),
}

_LONGEST = {"redshift": String(65_535)}
"""Where a text without a length would be a short one."""

KEYS_AT_ONCE = 500


class GenericStore:
    """A database that is reached through SQLAlchemy."""

    types = TYPES
    concurrency = 1
    keeps = True

    def __init__(self, url: URL, label: str, watch: Callable[[], Watch]) -> None:
        self._url = url
        self._label = label
        self._watch = watch

    def session(self) -> GenericSession:
        return GenericSession(self._url, self._label, self._watch())

    def absent(self) -> bool:
        return False

    def check(self, value: Value) -> None:
        """Raises Unfit for a number that would be kept as another one."""
        if isinstance(value, Decimal):
            exact_double(value)


class GenericSession:
    """A connection. Where a database has no transactions, each statement is one."""

    nests = False

    def __init__(self, url: URL, label: str, watch: Watch) -> None:
        self._url = url
        self._label = label
        self._watch = watch
        with self._translated():
            engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
            self._connection: Connection = patiently(watch, engine.connect, drop, seconds=CONNECT_SECONDS)
            try:
                self._prepare(PREPARATIONS.get(engine.dialect.name, ()))
            except BaseException:
                drop(self._connection)
                raise

    def _prepare(self, statements: Sequence[str]) -> None:
        seconds = max(1, round(self._watch.seconds))
        for text in statements:
            statement = text.format(seconds=seconds, milliseconds=seconds * 1000)
            self._guarded(partial(self._connection.exec_driver_sql, statement))
        self._connection.commit()

    def table(self, name: str) -> FoundTable | None:
        with self._translated():
            found: FoundTable | None = self._guarded(lambda: self._looked_at(name))
            self._connection.rollback()
        return found

    def _looked_at(self, name: str) -> FoundTable | None:
        look = inspect(self._connection)
        view = name in look.get_view_names()
        if not view and not look.has_table(name):
            return None
        columns = {
            str(one["name"]): FoundColumn(
                type=_family(one["type"]),
                required=not one["nullable"] and one.get("default") is None and one.get("autoincrement") is not True,
                computed="computed" in one,
            )
            for one in look.get_columns(name)
        }
        return FoundTable(kind="view" if view else "table", columns=columns, unique=None)

    def create(self, layout: Layout, types: ColumnTypes) -> None:
        self._write(lambda: self._connection.execute(CreateTable(self._table(layout))))

    def add(self, layout: Layout, columns: Sequence[Column], types: ColumnTypes) -> None:
        table, dialect = self._table(layout), self._connection.dialect
        name = dialect.identifier_preparer.format_table(table)
        for column in columns:
            spelled = CreateColumn(table.columns[column.name]).compile(dialect=dialect)
            self._write(partial(self._connection.exec_driver_sql, f"ALTER TABLE {name} ADD COLUMN {spelled}"))

    def known(self, layout: Layout, keys: Sequence[Value]) -> set[Value]:
        key = self._table(layout).columns[layout.key.name]
        found: set[Value] = set()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = [_bound(one) for one in keys[start : start + KEYS_AT_ONCE]]
            rows = self._write(partial(self._rows, select(key).where(key.in_(some))))
            found.update(row[0] for row in rows)
        return found

    def empty(self, layout: Layout) -> bool:
        key = self._table(layout).columns[layout.key.name]
        found: bool = not self._write(partial(self._rows, select(key).limit(1)))
        with self._translated():
            self._connection.rollback()
        return found

    def put(self, layout: Layout, records: Sequence[Fitted], known: set[Value]) -> None:
        table = self._table(layout)
        key = layout.key.name
        old = [one for one in records if one.key in known]
        new = [one for one in records if one.key not in known]
        if old and old[0].changed:
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in old[0].changed}
            statement = table.update().where(table.columns[key] == bindparam("key_of_row")).values(values)
            rows = [
                {"key_of_row": _bound(one.key), **{f"new_{name}": _bound(value) for name, value in one.changed.items()}}
                for one in old
            ]
            self._write(lambda: self._connection.execute(statement, rows))
        if new:
            fresh = [
                {key: _bound(one.key)}
                | {name: _bound(value) for name, value in {**one.unchanged, **one.changed}.items()}
                for one in new
            ]
            self._write(lambda: self._connection.execute(table.insert(), fresh))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            yield
            self._write(self._connection.commit)
        except BaseException:
            with suppress(Exception):
                self._connection.rollback()
            raise

    def alone(self) -> None:
        """They have nothing in common that would do it."""

    @contextmanager
    def part(self) -> Iterator[None]:
        raise TypeError("no part of a transaction can be taken back")
        yield

    def try_to_write(self) -> str:
        """Trying would prove too much: many warehouses commit every statement that makes something."""
        return f"not proved: {self._connection.dialect.name} might keep what a trial made; the first cycle shows it"

    def close(self) -> None:
        drop(self._connection)

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        return self._connection.execute(query).fetchall()

    def _table(self, layout: Layout) -> Table:
        """Without a primary key: some of these databases refuse one, and none of them keeps to it."""
        columns = [
            SqlColumn(
                column.name,
                self._type(column.field.type),
                nullable=column != layout.key,
                autoincrement=False,
            )
            for column in layout.columns
        ]
        return Table(layout.table, MetaData(), *columns)

    def _type(self, type: FieldType) -> TypeEngine[Any]:
        family = TYPES[type].made
        longest = _LONGEST.get(self._connection.dialect.name) if family == "text" else None
        return longest or _MADE[family]

    def _write(self, work: Callable[[], Any]) -> Any:
        with self._translated():
            return self._guarded(work)

    def _guarded(self, work: Callable[[], Any]) -> Any:
        self._watch.check()
        with self._watch.guarding(lambda: cut_short(self._connection)):
            return work()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except errors.ReconcileError:
            raise
        except exc.NoSuchModuleError as error:
            raise no_driver(self._url, self._label) from error
        except Exception as error:  # noqa: BLE001 - each driver has a tree of its own, and their texts hold rows and URLs
            self._watch.check()
            raise self._meaning(error) from None

    def _meaning(self, error: Exception) -> Exception:
        name = type(getattr(error, "orig", None) or error).__name__
        if isinstance(error, exc.IntegrityError | exc.DataError):
            return Refused(f"the database refused it ({name})")
        if isinstance(error, exc.OperationalError | exc.InterfaceError):
            hint = "check the URL (account, user, password, database), the network, and the rights of the user"
            message = f"{self._label} cannot be reached or written, or ended the connection ({name})"
            return errors.RemoteUnavailable(message, hint=hint)
        hint = "check that the user may make tables and write into them, and that nobody changed the tables"
        return errors.RemoteRefused(f"{self._label} refuses to be written ({name})", hint=hint)


_FAMILIES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, "boolean"),
    (REAL, "real"),
    (Float, "double"),
    (Integer, "integer"),
    (DateTime, "timestamp"),
    (Date, "date"),
    (String, "text"),
)


def _family(found: TypeEngine[Any]) -> str:
    """Our word for a type; its own name where it could change what is written."""
    return next((family for kind, family in _FAMILIES if isinstance(found, kind)), type(found).__name__)


def _bound(value: Value) -> Any:
    return exact_double(value) if isinstance(value, Decimal) else value
