"""A project with one Sync from a warehouse of generated rows to a sink, and the rows themselves."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from bench.measure import Cost, run
from bench.sink import KEY, Sink

RECONCILE = str(Path(sys.executable).parent / "reconcile")

SYNC, TABLE = "records", "records"
OBJECT, NAME = "Bench Record", "bench_record__gc"
HEAD = """apiVersion: reconciler/v1
kind: Project
metadata: {name: bench}
spec:
  configs: [config.yaml]
  database: {env: BENCH_STATE}
"""
CONFIG = """apiVersion: reconciler/v1
kind: Connection
metadata: {name: warehouse}
spec: {type: sql, dialect: %(dialect)s, url: {env: BENCH_WAREHOUSE}, statementTimeout: 30m}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: cs}
spec:
  type: gainsight-cs
  domain: bench.gainsightcloud.com
  baseUrl: %(sink)s
  accessKey: {env: BENCH_KEY}
  rateLimit: {perMinute: null, perDay: null}
---
apiVersion: reconciler/v1
kind: Model
metadata: {name: rows}
spec: {connection: warehouse, table: records, key: [email]%(cursor)s}
---
apiVersion: reconciler/v1
kind: Sync
metadata: {name: records}
spec:
  from: {model: rows}
  to: {connection: cs, object: Bench Record}
  behavior: update-or-create
  key: {Email__gc: email}
  fields:
%(fields)s
"""
CURSOR = ", cursor: updated_at, fullEvery: 1000"


def write_project(root: Path, *, sink: str, width: int, dialect: str = "sqlite", cursor: bool = False) -> None:
    """What `apply` takes, with the catalog that a pull would have pinned."""
    (root / "catalog").mkdir(parents=True)
    (root / "reconcile.yaml").write_text(HEAD)
    fields = "\n".join(f"    - {{field: A{place}__gc, column: a{place}}}" for place in range(width))
    filled = CONFIG % {"sink": sink, "dialect": dialect, "fields": fields, "cursor": CURSOR if cursor else ""}
    (root / "config.yaml").write_text(filled)
    (root / "catalog" / "cs.json").write_text(_catalog(width))


def _catalog(width: int) -> str:
    fields = {"Gsid": {"dataType": "GSID", "label": "GSID", "readOnly": True, "createable": False}}
    fields[KEY] = {"dataType": "EMAIL", "label": "Email", "length": 220}
    fields |= {f"A{n}__gc": {"dataType": "STRING", "label": f"A{n}", "length": 220} for n in range(width)}
    known = {"name": NAME, "custom": True, "lowVolume": True, "editable": True, "fields": fields}
    whole = {"formatVersion": 1, "connection": "cs", "objects": {OBJECT: known}, "profileFields": {}, "usersRead": 0}
    return json.dumps(whole, sort_keys=True, indent=1) + "\n"


def columns(width: int) -> str:
    return ", ".join(["email TEXT NOT NULL PRIMARY KEY", *(f"a{n} TEXT" for n in range(width)), "updated_at TEXT"])


def rows_query(width: int, numbers: str, address: str) -> str:
    """Rows for the numbers `i` of a query; one value in fifty is null. The later in the table, the later changed."""
    values = (
        f"CASE WHEN (i + {n}) % 50 <> 1 THEN 'value {n} ' || CAST(i % 9973 AS TEXT) END AS a{n}" for n in range(width)
    )
    stamp = "'2026-01-01T' || " + address.replace("person-", "").replace("@example.org", "")
    return f"SELECT {address}, {', '.join(values)}, {stamp} FROM ({numbers}) numbers"


def write_sqlite(file: Path, rows: int, width: int) -> None:
    """The rows in a file, in the order of their keys."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE {TABLE} ({columns(width)})")
        _insert(database, 0, rows, width)


def change_rows(file: Path, changed: int, new: int, width: int) -> None:
    """Another value in some rows, and rows that are new."""
    with closing(sqlite3.connect(file)) as database, database:
        count = database.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0]
        step = count // changed
        database.execute(f"UPDATE {TABLE} SET a0 = 'changed' WHERE rowid % {step} = 0 AND rowid <= {step * changed}")
        _insert(database, count, new, width)


def _insert(database: sqlite3.Connection, first: int, rows: int, width: int) -> None:
    last = first + rows
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last}) SELECT i FROM n"
    )
    address = "printf('person-%09d@example.org', i)"
    database.execute(f"INSERT INTO {TABLE} {rows_query(width, numbers, address)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """An applied project."""

    root: Path
    warehouse: str
    state: str
    sink: str

    @classmethod
    def applied(
        cls, root: Path, *, sink: Sink, warehouse: str, width: int, state: str = "sqlite:///var/state.db"
    ) -> Self:
        dialect = warehouse.partition(":")[0]
        write_project(root, sink=sink.url, width=width, dialect=dialect)
        project = cls(root=root, warehouse=warehouse, state=state, sink=sink.url)
        run([RECONCILE, "apply"], cwd=root, env=project.environment)
        return project

    @property
    def postgresql(self) -> bool:
        return self.warehouse.startswith("postgresql")

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "RECONCILE_ALLOW_LOOPBACK": "1",
            "BENCH_KEY": "key",
            "BENCH_WAREHOUSE": self.warehouse,
            "BENCH_STATE": self.state,
        }

    def copy(self, root: Path) -> Project:
        """The same with a state of its own, as it is now."""
        shutil.copytree(self.root, root)
        return replace(self, root=root)

    def sync(self) -> Cost:
        return run([RECONCILE, "sync", SYNC], cwd=self.root, env=self.environment)

    def use_cursor(self, width: int) -> None:
        """From now on the model has a cursor."""
        shutil.rmtree(self.root / "catalog")
        write_project(self.root, sink=self.sink, width=width, dialect=self.warehouse.partition(":")[0], cursor=True)
        run([RECONCILE, "apply"], cwd=self.root, env=self.environment)

    def predicted(self) -> tuple[int, int]:
        """Reads and writes that `plan` expects of a cycle that writes as many rows as the last one read."""
        file = self.root / "config.yaml"
        applied = file.read_text()
        file.write_text(applied.replace("column: a1}", "column: a0}"))
        command = [RECONCILE, "plan", "--format", "json"]
        done = subprocess.run(
            command, cwd=self.root, env={**os.environ, **self.environment}, stdout=subprocess.PIPE, check=False
        )
        file.write_text(applied)
        (cost,) = json.loads(done.stdout)["costs"]
        return cost["reads"], cost["writes"]
