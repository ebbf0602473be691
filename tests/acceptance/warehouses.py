"""Projects whose models read a real warehouse file and keep records of the sandbox."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.projects import ProjectFolder
from tests.acceptance.world import World
from tests.postgres import Postgres

WAREHOUSE = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: warehouse}
spec: {type: sql, dialect: sqlite, url: {env: WAREHOUSE_URL}}
"""

MODEL = """\
apiVersion: reconciler/v1
kind: Model
metadata: {{name: {name}}}
spec: {{connection: warehouse, table: {table}, key: [{key}]{more}}}
"""

SYNC = """\
apiVersion: reconciler/v1
kind: Sync
metadata: {{name: {name}}}
spec:
  from: {{model: {model}}}
  to: {{connection: acme-cs, object: {object}}}
  behavior: {behavior}
  key: {{{key}}}
  fields:
{fields}
{rest}"""

Rows = Sequence[Mapping[str, Any]]


class Warehouse(ProjectFolder):
    """A project with a warehouse beside it, and no mappings."""

    @property
    def file(self) -> Path:
        return self.root / "warehouse.db"

    def write_project(self) -> None:
        super().write_project()
        self.env["WAREHOUSE_URL"] = "sqlite:///warehouse.db"
        self.write("connections/warehouse.yaml", WAREHOUSE)

    def mapping(self, name: str, lines: Any, to: str = "") -> None:
        """Nothing flows into communities here."""

    def model(self, table: str, key: str, rows: Rows = (), name: str = "", more: str = "") -> None:
        """A table of the warehouse, and the model that reads it. Without rows the table stays as it is."""
        if rows:
            self.rows(table, rows)
        text = MODEL.format(name=name or table, table=table, key=key, more=f", {more}" if more else "")
        self.write(f"mappings/model-{name or table}.yaml", text)

    def rows(self, table: str, rows: Rows) -> None:
        """What stands in a table from now on."""
        if not rows:
            self.execute(f"DELETE FROM {table}")
            return
        columns = list(rows[0])
        with self.warehouse() as database:
            database.execute(f"DROP TABLE IF EXISTS {table}")
            database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            values = [[row[column] for column in columns] for row in rows]
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", values)

    def execute(self, statement: str, *values: Any) -> None:
        with self.warehouse() as database:
            database.execute(statement, values)

    @contextmanager
    def warehouse(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file)) as database, database:
            yield database

    def flow(
        self,
        name: str,
        object: str,
        key: str,
        *fields: str,
        model: str = "",
        behavior: str = "update-or-create",
        rest: str = "",
    ) -> None:
        """A Sync of the model with the same name. `rest` are more lines of its spec."""
        lines = "\n".join(f"    - {{{field}}}" for field in fields)
        text = SYNC.format(
            name=name, model=model or name, object=object, key=key, behavior=behavior, fields=lines, rest=rest
        )
        self.write(f"mappings/{name}.yaml", text)

    def cycle(self, name: str, code: int = 0) -> dict[str, Any]:
        """One cycle: its run, as the activity log has it."""
        self.world.forget_calls()
        self.sync(name, code)
        return self.last_run()

    def last_run(self) -> dict[str, Any]:
        runs = self.run("activity", "--limit", "1", "--output", "json").expect(0).json["runs"]
        return dict(runs[0])

    def outcomes(self, name: str, code: int = 0) -> dict[str, int]:
        """What one cycle did, without what it did not."""
        counts = self.cycle(name, code)["counts"]
        return {word: count for word, count in counts.items() if count and word not in ("read", "reasons")}

    def rejected(self, name: str) -> list[tuple[str, str, str]]:
        """(field, key, reason) of what is rejected now."""
        found = self.run("records", name, "--output", "json").expect(0).json["records"]
        return [(one["field"], one["key"], one["reason"]) for one in found]


KINDS = [(source, state) for source in ("sqlite", "postgresql", "duckdb") for state in ("sqlite", "postgresql")]
"""Every kind of warehouse with every kind of state database."""


class ElsewhereWarehouse(Warehouse):
    """The same with a warehouse and a state of other kinds."""

    def __init__(self, root: Path, world: World, postgres: Postgres, *, dialect: str, state: str, **more: Any) -> None:
        self.dialect = dialect
        self.url = postgres.create_database() if dialect == "postgresql" else f"{dialect}:///warehouse.db"
        super().__init__(root, world, postgres.create_database() if state == "postgresql" else None, **more)

    def write_project(self) -> None:
        super().write_project()
        self.env["WAREHOUSE_URL"] = self.url
        self.replace("connections/warehouse.yaml", "dialect: sqlite", f"dialect: {self.dialect}")

    def rows(self, table: str, rows: Rows) -> None:
        if not rows:
            self.execute(f"DELETE FROM {table}")
            return
        types = {str: "varchar", int: "bigint", float: "double precision"}
        columns = ", ".join(f"{name} {types.get(type(value), 'varchar')}" for name, value in rows[0].items())
        self.execute(f"DROP TABLE IF EXISTS {table}")
        self.execute(f"CREATE TABLE {table} ({columns})")
        for row in rows:
            self.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row.values())

    def execute(self, statement: str, *values: Any) -> None:
        match self.dialect:
            case "sqlite":
                super().execute(statement, *values)
            case "duckdb":
                import duckdb

                with duckdb.connect(str(self.file)) as database:
                    database.execute(statement, values)
            case _:
                with psycopg.connect(self.url) as server:
                    server.execute(statement.replace("?", "%s"), values or None)


def calls(world: World) -> Counter[str]:
    """The requests of the last cycle: reads, writes and questions after jobs."""
    kinds: Counter[str] = Counter()
    for seen in world.control("GET", "requests?limit=10000")["requests"]:
        if seen["side"] == "cs":
            kinds["read" if "/query/" in seen["raw_path"] else "poll" if seen["method"] == "GET" else "write"] += 1
    return kinds


def records(world: World, name: str, *fields: str) -> dict[Any, tuple[Any, ...]]:
    """All records of an object by the first field; each value of it must stand once."""
    rows = [tuple(row[field] for field in fields) for row in world.query(name, list(fields))]
    found = {row[0]: row[1:] for row in rows}
    assert len(found) == len(rows), "a record came to be twice"
    return found
