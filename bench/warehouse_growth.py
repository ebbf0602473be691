"""States as many cycles leave them, made in seconds: ledgers that hold what the warehouse holds, watermarks at the newest row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.sink import KEY
from bench.warehouse_peers import Dlt
from bench.warehouse_project import OBJECT, TABLE, Project, columns, rows_query

if TYPE_CHECKING:
    from tests.postgres import Postgres


def _book(project: Project, width: int) -> tuple[str, str]:
    """The ledger's table, opened for all fields, and their columns in the order of the rows'."""
    from reconciler.clock import SystemClock
    from reconciler.state import ledger
    from reconciler.state.database import open_database

    items = [f"A{place}__gc" for place in range(width)]
    with open_database(project.state, clock=SystemClock(), root=project.root) as database, database.begin() as session:
        book = ledger.open_ledger(session, f"record:cs:{OBJECT}:{KEY}", items)
    assert book.table is not None
    return book.table, ", ".join(book.columns[item] for item in items)


def _filling(table: str, fields: str, source: str, width: int) -> str:
    values = ", ".join(f"a{place}" for place in range(width))
    key = """'["' || email || '"]', email, 1, '2026-01-01T00:00:00Z'"""
    return f"INSERT INTO {table} (key, label, run_id, updated_at, {fields}) SELECT {key}, {values} FROM {source}"


def remember(project: Project, warehouse: Path, *, without_every: int | None = None) -> None:
    """Put the rows of a SQLite warehouse into the ledger, as if all of them had been written; every n-th is left out."""
    with closing(sqlite3.connect(warehouse)) as source:
        width = len(source.execute(f"SELECT * FROM {TABLE} LIMIT 0").description) - 2
    table, fields = _book(project, width)
    where = "" if without_every is None else f" WHERE rowid % {int(without_every)} <> 0"
    with closing(sqlite3.connect(project.root / "var" / "state.db", isolation_level=None)) as state:
        state.execute("ATTACH ? AS warehouse", (str(warehouse),))
        state.execute(_filling(table, fields, f"warehouse.{TABLE}", width) + where)


def schema(url: str, name: str) -> str:
    """The URL of a new schema in a database: what has one for itself, and can be filled from the other."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"CREATE SCHEMA {name}")
    return f"{url}?options=-csearch_path%3D{name}"


def remember_postgresql(project: Project) -> None:
    """The same where rows and state are in schemas of one PostgreSQL database."""
    with psycopg.connect(project.state, autocommit=True) as database:
        width = len(database.execute(f"SELECT * FROM public.{TABLE} LIMIT 0").description or ()) - 2
        table, fields = _book(project, width)
        database.execute(_filling(table, fields, f"public.{TABLE}", width))
        database.execute(f"VACUUM ANALYZE {table}")


def write_postgresql(url: str, rows: int, width: int) -> None:
    address = "'person-' || to_char(i, 'FM000000000') || '@example.org'"
    numbers = f"SELECT generate_series(0, {int(rows) - 1}) AS i"
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"CREATE TABLE {TABLE} ({columns(width)})")
        database.execute(f"INSERT INTO {TABLE} {rows_query(width, numbers, address)}")
        database.execute(f"VACUUM ANALYZE {TABLE}")


def prime(pipelines: Sequence[Dlt], warehouse: str, newest: Path) -> None:
    """Give pipelines the watermark of a full run: from a table with nothing but the newest row. The file of SQLite, or the
    schema of PostgreSQL, is all that differs."""
    if warehouse.startswith("postgresql"):
        _prime_postgresql(pipelines, warehouse)
        return
    with closing(sqlite3.connect(newest, isolation_level=None)) as database:
        database.execute("ATTACH ? AS warehouse", (warehouse.removeprefix("sqlite:///"),))
        (declared,) = database.execute("SELECT sql FROM warehouse.sqlite_master WHERE name = ?", (TABLE,)).fetchone()
        database.execute(declared)
        database.execute(f"INSERT INTO {TABLE} SELECT * FROM warehouse.{TABLE} ORDER BY rowid DESC LIMIT 1")
    for pipeline in pipelines:
        pipeline.warehouse = f"sqlite:///{newest}"
        pipeline.run()
        pipeline.warehouse = warehouse


def _prime_postgresql(pipelines: Sequence[Dlt], url: str) -> None:
    name = "newest"
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
        declared = database.execute(f"SELECT * FROM {TABLE} ORDER BY email DESC LIMIT 1").fetchone()
    assert declared is not None
    base = url.rpartition("/")[0]
    with psycopg.connect(f"{base}/{name}", autocommit=True) as database:
        database.execute(f"CREATE TABLE {TABLE} ({columns(len(declared) - 2)})")
        database.execute(f"INSERT INTO {TABLE} VALUES ({', '.join(['%s'] * len(declared))})", declared)
    for pipeline in pipelines:
        pipeline.warehouse = f"{base}/{name}"
        pipeline.run()
        pipeline.warehouse = url


@contextmanager
def server() -> Iterator[Postgres | None]:
    """A PostgreSQL server of our own, durable as in production; None where there is none."""
    from tests.postgres import binaries, start

    found = binaries()
    if found is None:
        yield None
        return
    with start(found, durable=True) as running:
        yield running
