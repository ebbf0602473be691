"""URLs and drivers of warehouses, other databases through SQLAlchemy, and what is proved of a connection."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.connectors.sql.address import DRIVERS, parse
from reconciler.connectors.sql.base import PAGE_ROWS, Page
from reconciler.connectors.sql.generic import Generic
from reconciler.connectors.sql.generic_writing import GenericSession
from reconciler.connectors.sql.watch import Watch, patiently
from reconciler.connectors.sql.words import one_line
from reconciler.model.resources import Dialect
from tests.connectors.databases import duck_file, duck_source, source, sqlite_file, sqlite_source, stopping
from tests.postgres import Postgres

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("dialect", "url", "message"),
    [
        ("postgresql", f"no url {CANARY}", "cannot be understood"),
        ("postgresql", f"postgresql://u:{CANARY}@host:port/name", "cannot be understood"),
        ("postgresql", f"postgresql://u:{CANARY}@host/\udcff", "cannot be understood"),
        ("postgresql", f"mysql://u:{CANARY}@host/name", "must begin with postgresql:// or"),
        ("sqlite", f"postgresql://u:{CANARY}@host/name", "must begin with sqlite:// or"),
        ("sqlite", "sqlite://", "must name a file"),
        ("sqlite", "sqlite:///:memory:", "must name a file"),
        ("sqlite", "sqlite:///file:x.db?mode=rw", "options"),
        ("sqlite", f"sqlite://u:{CANARY}@host/x.db", "has a host"),
        ("duckdb", "duckdb:///md:cloud", "must name a file"),
        ("duckdb", f"duckdb:///x.db?motherduck_token={CANARY}", "options"),
    ],
)
def test_urls_that_are_not_taken(dialect: str, url: str, message: str) -> None:
    with pytest.raises(errors.AuthenticationFailed, match=message) as raised:
        source(dialect, url)
    assert CANARY not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    "dialect", [Dialect.SNOWFLAKE, Dialect.BIGQUERY, Dialect.DATABRICKS, Dialect.REDSHIFT, Dialect.TRINO]
)
def test_a_driver_that_is_missing_says_which_extra_has_it(dialect: Dialect) -> None:
    url = f"{DRIVERS[dialect].names[0]}://u:{CANARY}@host/name"
    with pytest.raises(errors.RemoteRefused, match=f"the driver for {dialect} is not installed") as raised:
        source(dialect, url)
    assert f"reconciler[{dialect}]" in str(raised.value.hint)
    assert CANARY not in f"{raised.value.message} {raised.value.hint}"


def test_a_label_has_nothing_secret_and_secrets_are_known() -> None:
    url = f"postgresql://user:{CANARY}@host:5433/name?sslpassword=other-secret&sslmode=require"
    address = parse(url, Dialect.POSTGRESQL, Path())
    assert address.label == "postgresql://host:5433/name"
    assert set(address.secrets) == {CANARY, "other-secret"}
    assert CANARY not in repr(address)


def test_messages_are_one_short_line() -> None:
    assert one_line("\n  first\tline\nsecond") == "first line"
    assert one_line(f"host {CANARY} is gone", [CANARY]) == "host [secret] is gone"
    assert one_line("x" * 1000) == "x" * 299 + "…"
    assert one_line("") == ""


def test_only_what_there_is(tmp_path: Path) -> None:
    found = sqlite_source(sqlite_file(tmp_path / "a.db"))
    assert (found.stages, found.copies, found.calls) == (True, False, 0)
    with pytest.raises(TypeError):
        found.copy_out("SELECT 1 AS a", ["a"])
    found.columns("SELECT 1 AS a")
    assert found.calls == 1
    found.close()


def proved(found: Any) -> dict[str, str]:
    checks = found.check()
    assert all(check.ok for check in checks), checks
    return {check.name: check.detail for check in checks}


def test_what_is_proved_of_a_file(tmp_path: Path) -> None:
    for made in (sqlite_source(sqlite_file(tmp_path / "a.db")), duck_source(duck_file(tmp_path / "a.duckdb"))):
        found = proved(made)
        assert list(found) == ["reachable", "read only", "query"]
        assert "opened read only" in found["read only"]
        assert found["query"].endswith(" ms")


def test_what_is_proved_of_postgresql(postgres: Postgres) -> None:
    found = proved(source("postgresql", postgres.create_schema()))
    assert found["reachable"] == f"postgresql://127.0.0.1:{postgres.port}/postgres (no TLS)"
    assert "superuser" in found["read only"]


def test_a_connection_that_cannot_be_made_is_a_check_that_failed(tmp_path: Path) -> None:
    (check,) = sqlite_source(tmp_path / "none.db").check()
    assert (check.name, check.ok, check.exit_code) == ("reachable", False, 1)
    assert "there is no file" in check.detail


class TestOtherDatabases:
    """The way of every dialect without a module of its own, shown on databases that are at hand."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def url(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        if request.param == "sqlite":
            return f"sqlite:///{sqlite_file(tmp_path / 'a.db')}"
        server: Postgres = request.getfixturevalue("postgres")
        return server.create_schema().replace("postgresql:", "postgresql+psycopg:")

    def made(self, url: str, *, seconds: float = 60, stop: threading.Event | None = None) -> Generic:
        watch = Watch(clock=SystemClock(), stop=stop or threading.Event(), seconds=seconds, label="the warehouse")
        return Generic(make_url(url), "the warehouse", [CANARY], watch)

    def read(self, url: str, query: str, columns: list[str], **options: Any) -> Page:
        return [row for page in self.made(url, **options).pages(query, columns) for row in page]

    def test_rows(self, url: str) -> None:
        assert self.made(url).columns("SELECT 1 AS a, 'x' AS \"B\"") == ["a", "B"]
        assert self.read(url, "SELECT 1.50 AS a, '007' AS \"B\", NULL AS c", ["b", "a", "c"]) == [("007", "1.5", None)]
        numbers = (
            f"WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a <= {PAGE_ROWS}) SELECT a FROM n"
        )
        assert [len(page) for page in self.made(url).pages(numbers, ["a"])] == [PAGE_ROWS, 1]
        proof = self.made(url).proof()
        assert "not proved" in proof.read_only
        assert self.made(url).highest("SELECT 1 AS a", "a", None) is None, "everything is read each time"

    def test_what_is_wrong(self, url: str) -> None:
        for query, message in [
            ("SELECT * FROM nobody", "nobody"),
            ("SELEC 1", "syntax error"),
            ("DELETE FROM a", "syntax"),
        ]:
            with pytest.raises(errors.RemoteRefused, match=message) as raised:
                self.made(url).columns(query)
            assert "\n" not in raised.value.message
        with pytest.raises(errors.RemoteRefused, match="no column called 'b'"):
            self.read(url, "SELECT 1 AS a", ["b"])

    def test_a_query_without_end_is_cut_short(self, url: str) -> None:
        endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) AS a FROM n"
        with pytest.raises(errors.RemoteUnavailable, match=r"longer than 0\.5 seconds"):
            self.read(url, endless, ["a"], seconds=0.5)
        stop = threading.Event()
        with pytest.raises(errors.Interrupted), stopping(stop):
            self.read(url, endless, ["a"], stop=stop)


def test_an_error_of_a_driver_is_not_quoted(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "a.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES ('top secret')")
    there = TestOtherDatabases()
    with pytest.raises(errors.RemoteError, match="OperationalError") as raised:
        there.read(f"sqlite:///{path}", "SELECT json_extract(a, '$') AS a FROM t", ["a"])
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"
    with pytest.raises(errors.RemoteUnavailable, match="cannot be reached"):
        there.made(f"sqlite:///{tmp_path / 'none' / 'a.db'}").columns("SELECT 1 AS a")
    with pytest.raises(errors.RemoteRefused, match="no driver for nosuch ") as raised:
        there.made("nosuch://host/name").columns("SELECT 1 AS a")
    assert raised.value.hint == "install the SQLAlchemy dialect of this database"


def test_a_missing_driver_names_the_extra_to_install() -> None:
    """Those of the dialects are not installed here; each is one of pyproject.toml."""
    extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]
    for dialect in (Dialect.SNOWFLAKE, Dialect.DATABRICKS, Dialect.TRINO):
        with pytest.raises(errors.RemoteRefused, match=f"no driver for {dialect} ") as raised:
            TestOtherDatabases().made(f"{dialect}://host/name").columns("SELECT 1 AS a")
        assert raised.value.hint == f"pip install 'reconciler[{dialect}]'"
        assert str(dialect) in extras
        watch = Watch(clock=SystemClock(), stop=threading.Event(), seconds=9, label="the warehouse")
        with pytest.raises(errors.RemoteRefused, match="no driver for the warehouse ") as raised:
            GenericSession(make_url(f"{dialect}://host/name"), "the warehouse", watch)
        assert raised.value.hint == f"pip install 'reconciler[{dialect}]'"


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Set when what hangs may go on."""
    event = threading.Event()
    yield event
    event.set()


def test_a_driver_that_hangs_is_left_to_itself(hanging: threading.Event) -> None:
    stop, discarded = threading.Event(), threading.Event()

    def make() -> str:
        hanging.wait()
        return "made"

    def discard(made: str) -> None:
        assert made == "made"
        discarded.set()

    watch = Watch(clock=SystemClock(), stop=stop, seconds=60, label="the warehouse")
    with pytest.raises(errors.RemoteUnavailable, match=r"did not answer within 0\.2 seconds"):
        patiently(watch, make, discard, seconds=0.2)
    with pytest.raises(errors.Interrupted), stopping(stop):
        patiently(watch, make, discard, seconds=60)
    assert not discarded.is_set()
    hanging.set()
    assert discarded.wait(5)
