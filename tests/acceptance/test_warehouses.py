"""`connections test` and `doctor` of warehouses: what they prove, and what they never show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.commands import Done, in_process, reconcile
from tests.connectors.databases import duck_file, silent_server, sqlite_file
from tests.postgres import Postgres

PASSWORD = "canary-P@ss/word-51"
ENCODED = quote(PASSWORD, safe="")

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: acme}
spec: {configs: [connections], database: "sqlite:///var/reconciler.db", stateFile: var/state.json, catalog: catalog}
"""

CONNECTION = """\
---
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: {name}}}
spec: {{type: sql, dialect: {dialect}, url: {{env: {variable}}}}}
"""


def project(root: Path, *dialects: str) -> Path:
    (root / "connections").mkdir()
    (root / "reconcile.yaml").write_text(PROJECT)
    declared = [CONNECTION.format(name=f"my-{name}", dialect=name, variable=f"{name.upper()}_URL") for name in dialects]
    (root / "connections" / "warehouses.yaml").write_text("".join(declared))
    return root


def run(root: Path, *words: str, env: Mapping[str, str], code: int = 0) -> Done:
    done = in_process(*words, "--project", str(root), env=env).expect(code)
    for form in (PASSWORD, ENCODED, "canary"):
        assert form not in done.all
    return done


def test_every_kind_is_proved(tmp_path: Path, postgres: Postgres) -> None:
    root = project(tmp_path, "sqlite", "duckdb", "postgresql")
    sqlite_file(root / "a.db", "CREATE TABLE t (a)")
    duck_file(root / "a.duckdb")
    server = postgres.create_schema().replace("postgres@", f"postgres:{ENCODED}@")
    env = {"SQLITE_URL": "sqlite:///a.db", "DUCKDB_URL": "duckdb:///a.duckdb", "POSTGRESQL_URL": server}
    found = run(root, "connections", "test", "--output", "json", env=env).json["connections"]
    assert {name: [(check["name"], check["ok"]) for check in checks] for name, checks in found.items()} == {
        name: [("reachable", True), ("read only", True), ("query", True)]
        for name in ("my-duckdb", "my-postgresql", "my-sqlite")
    }
    assert "superuser" in run(root, "doctor", env=env).out


IMPORTED = """\
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-cs}
spec: {type: gainsight-cs, domain: acme.gainsightcloud.com, accessKey: {env: CS_KEY}}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme-community}
spec:
  type: gainsight-cc
  tenant: acme-en
  region: eu-west-1
  clientId: {env: CC_ID}
  clientSecret: {env: CC_SECRET}
  sso: true
  connectedTo: acme-cs
---
apiVersion: reconciler/v1
kind: CommunityImport
metadata: {name: acme-community}
spec: {to: my-sqlite}
"""

READ = """\
---
apiVersion: reconciler/v1
kind: Model
metadata: {name: people}
spec: {connection: my-sqlite, sql: SELECT a FROM t, key: [a]}
"""


def test_what_an_import_writes_to_is_proved_to_be_writable(tmp_path: Path) -> None:
    root = project(tmp_path, "sqlite")
    env = {"SQLITE_URL": "sqlite:///a.db"}
    (root / "connections" / "import.yaml").write_text(IMPORTED)

    def proved() -> list[str]:
        found = run(root, "connections", "test", "my-sqlite", "--output", "json", env=env).json["connections"]
        assert all(check["ok"] for check in found["my-sqlite"])
        return [check["name"] for check in found["my-sqlite"]]

    assert proved() == ["writable"]
    assert not (root / "a.db").exists()
    sqlite_file(root / "a.db", "CREATE TABLE t (a)")
    before = (root / "a.db").read_bytes()
    assert proved() == ["reachable", "writable"]
    (root / "connections" / "model.yaml").write_text(READ)
    assert proved() == ["reachable", "read only", "query", "writable"]
    assert (root / "a.db").read_bytes() == before


def test_one_that_fails_leaves_the_others(tmp_path: Path) -> None:
    root = project(tmp_path, "sqlite", "duckdb")
    duck_file(root / "a.duckdb")
    env = {"SQLITE_URL": "sqlite:///none.db", "DUCKDB_URL": "duckdb:///a.duckdb"}
    done = run(root, "connections", "test", env=env, code=1)
    assert "there is no file" in done.out
    assert "ok      read only" in done.out
    assert not (root / "none.db").exists()


@pytest.mark.parametrize(
    ("dialect", "url", "message", "code"),
    [
        ("postgresql", "mysql://u:{password}@host/name", "must begin with postgresql://", 6),
        ("postgresql", "postgresql://u:{password}@127.0.0.1:1/name", "cannot be reached", 1),
        ("postgresql", "postgresql://u:{password}@127.0.0.1:1/name?no_such_option=1", "option", 6),
        ("snowflake", "snowflake://u:{password}@account/name", "is not installed", 1),
        ("sqlite", "{password}", "cannot be understood", 6),
    ],
)
def test_a_password_is_in_no_output(tmp_path: Path, dialect: str, url: str, message: str, code: int) -> None:
    root = project(tmp_path, dialect)
    env = {f"{dialect.upper()}_URL": url.format(password=ENCODED)}
    for words in (["connections", "test"], ["--debug", "connections", "test"], ["doctor"]):
        assert message in run(root, *words, env=env, code=code).out


def test_an_interrupt_is_heeded_while_a_server_says_nothing(tmp_path: Path) -> None:
    import signal
    import time

    from tests.acceptance.commands import finish, start

    root = project(tmp_path, "postgresql")
    with silent_server() as port:
        env = {"POSTGRESQL_URL": f"postgresql://u:{ENCODED}@127.0.0.1:{port}/name"}
        process = start("connections", "test", cwd=root, env=env)
        time.sleep(3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = finish(process).expect(130)
        assert time.monotonic() - began < 2
    assert "canary" not in done.all
    assert "Traceback" not in done.all


def test_a_missing_secret(tmp_path: Path) -> None:
    root = project(tmp_path, "postgresql")
    done = reconcile("connections", "test", cwd=root, env={}).expect(6)
    assert "POSTGRESQL_URL is missing or empty" in done.out
