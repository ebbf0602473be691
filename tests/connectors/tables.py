"""Databases that records are written to, each with a way to look into it that is not ours."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from sqlalchemy import make_url

from reconciler.clock import SystemClock
from reconciler.connectors.base import Workload
from reconciler.connectors.sql.address import Address
from reconciler.connectors.sql.generic_writing import GenericStore
from reconciler.connectors.sql.target import SqlTarget, TableWriter, store_of
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.writing import Store
from reconciler.model.community import FieldDefinition, FieldType, ObjectDefinition
from reconciler.model.json import Json
from reconciler.model.outcome import RecordResult, RecordWrite
from tests.connectors.databases import declared
from tests.postgres import Postgres

KINDS = ("sqlite", "postgresql", "duckdb", "other-sqlite", "other-postgresql")
KEPT = ("sqlite", "postgresql", "duckdb")
"""Those with a way of their own, which keep keys unique and take a batch back as a whole."""

TABLE = "community_acme_en_user"


def field(name: str, type: str = "string", length: int | None = None) -> FieldDefinition:
    return FieldDefinition(name=name, type=FieldType(type), source=name.lower(), length=length)


FIELDS = (
    field("Id"),
    field("Name", length=20),
    field("Bio", "text"),
    field("Posts", "integer"),
    field("Score", "number"),
    field("Active", "boolean"),
    field("Joined At", "datetime"),
    field("Born", "date"),
    field("Roles", "list"),
    field("Company", "lookup"),
)


def members(*more: FieldDefinition, fields: Sequence[FieldDefinition] = FIELDS) -> ObjectDefinition:
    return ObjectDefinition(kind="User", name="Community acme-en User", key="Id", fields=(*fields, *more), raw=True)


def record(key: str, unchanged: Mapping[str, Json] | None = None, /, **values: Json) -> RecordWrite:
    """`Joined_At` stands for the field `Joined At`."""
    return of_fields(key, {name.replace("_", " "): value for name, value in values.items()}, unchanged)


def of_fields(key: str, values: Mapping[str, Json], unchanged: Mapping[str, Json] | None = None) -> RecordWrite:
    return RecordWrite(key=(key,), values=values, label=key, unchanged=unchanged or {})


@dataclass
class Place:
    """An empty database of some kind."""

    kind: str
    url: str
    query: Callable[[str], list[tuple[Any, ...]]]
    """Runs any statement and commits."""

    @property
    def dialect(self) -> str:
        return self.kind.removeprefix("other-")

    def target(self, *, seconds: float = 60, stop: threading.Event | None = None, url: str | None = None) -> SqlTarget:
        def other(address: Address, watch: Callable[[], Watch]) -> Store:
            plain = address.url.render_as_string(hide_password=False).replace("postgresql:", "postgresql+psycopg:")
            return GenericStore(make_url(plain), address.label, watch)

        return SqlTarget(
            declared(self.dialect, seconds=seconds),
            url or self.url,
            root=Path("/nowhere"),
            clock=SystemClock(),
            stop=stop or threading.Event(),
            store_of=other if self.kind.startswith("other-") else store_of,
        )

    def rows(self, columns: str = "*", table: str = TABLE) -> list[tuple[Any, ...]]:
        return sorted(self.query(f"SELECT {columns} FROM {table}"), key=repr)

    def tables(self) -> set[str]:
        where = {
            "sqlite": "sqlite_master WHERE type = 'table'",
            "postgresql": "information_schema.tables WHERE table_schema = current_schema()",
            "duckdb": "information_schema.tables",
        }[self.dialect]
        name = "name" if self.dialect == "sqlite" else "table_name"
        return {row[0] for row in self.query(f"SELECT {name} FROM {where}")}


def file_query(connect: Callable[[], Any]) -> Callable[[str], list[tuple[Any, ...]]]:
    def query(statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(connect()) as connection:
            found = connection.execute(statement).fetchall()
            connection.commit()
        return [tuple(row) for row in found]

    return query


def duck_query(path: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    def query(statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path)) as connection:
            # Python's values of moments would take another package.
            return [tuple(row) for row in connection.execute(statement).fetchall()]

    return query


def postgres_query(url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    def query(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return query


def place(kind: str, folder: Path, server: Callable[[], Postgres]) -> Place:
    if kind.endswith("postgresql"):
        url = server().create_schema()
        return Place(kind=kind, url=url, query=postgres_query(url))
    path = folder / "target.db"
    if kind == "duckdb":
        return Place(kind=kind, url=f"duckdb:///{path}", query=duck_query(path))
    if kind == "other-sqlite":
        sqlite3.connect(path).close()
    return Place(kind=kind, url=f"sqlite:///{path}", query=file_query(lambda: sqlite3.connect(path)))


def place_for(request: pytest.FixtureRequest, folder: Path, kind: str | None = None) -> Place:
    return place(kind or request.param, folder, lambda: request.getfixturevalue("postgres"))


@contextlib.contextmanager
def writing(place: Place, definition: ObjectDefinition | None = None, **options: Any) -> Iterator[TableWriter]:
    target = place.target(**options)
    try:
        target.prepare([definition or members()])
        yield target.records(definition or members())
    finally:
        target.close()


def write(writer: TableWriter, records: Iterable[RecordWrite]) -> dict[str, RecordResult]:
    found: dict[str, RecordResult] = {}
    records = list(records)
    for batch in writer.batches(records, Workload(records=len(records))):
        found.update((result.write.key[0], result) for result in writer.write(batch))
    return found


def outcomes(results: Mapping[str, RecordResult]) -> dict[str, str | None]:
    return {key: result.outcome.value if result.outcome else result.reason for key, result in results.items()}
