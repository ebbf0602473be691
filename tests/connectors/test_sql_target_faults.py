"""Tables that cannot be written to, databases that are busy or go away, and processes that die. On real databases."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.connectors.base import Check
from reconciler.connectors.sql.duck_writing import DuckStore
from reconciler.connectors.sql.generic import PREPARATIONS
from reconciler.connectors.sql.generic_writing import GenericSession
from reconciler.connectors.sql.sqlite_writing import SqliteStore
from reconciler.connectors.sql.watch import Watch
from reconciler.model.outcome import Outcome
from tests.connectors.databases import silent_server, sqlite_file, stopping
from tests.connectors.tables import KEPT, TABLE, Place, field, members, outcomes, place_for, record, write, writing
from tests.postgres import Postgres

SMALL = members(fields=(field("Id"), field("Posts", "integer")))


@pytest.fixture(params=KEPT)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_for(request, tmp_path)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_for(request, tmp_path, "sqlite")


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_for(request, tmp_path, "postgresql")


def refused(place: Place, match: str) -> errors.RemoteError:
    """Both what plans and what writes say the same, and nothing has been made."""
    before = place.tables()
    with closing(place.target()) as target:
        with pytest.raises(errors.RemoteError, match=match) as planned:
            target.missing(SMALL)
        with pytest.raises(errors.RemoteError, match=match):
            target.prepare([SMALL])
    assert planned.value.hint
    assert place.tables() == before
    return planned.value


@contextlib.contextmanager
def interrupted(stop: threading.Event) -> Iterator[None]:
    """`stop` is set in a moment, and what is in the block soon ends with that."""
    with stopping(stop), pytest.raises(errors.Interrupted):
        yield


class Ends(SystemClock):
    """Whoever asks for the time too often is interrupted."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def monotonic(self) -> float:
        self.left -= 1
        if self.left < 0:
            raise errors.Interrupted
        return super().monotonic()


def is_open(path: Path) -> bool:
    """Whether this process has the file open."""
    return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


class TestASessionThatCannotBegin:
    """It leaves nothing open, also while somebody still holds the error."""

    def test_sqlite(self, tmp_path: Path) -> None:
        watch = Watch(clock=Ends(0), stop=threading.Event(), seconds=9, label="the file")
        with pytest.raises(errors.Interrupted) as held:
            SqliteStore(tmp_path / "a.db", lambda: watch).session()
        assert not is_open(tmp_path / "a.db"), held

    def test_duckdb(self, tmp_path: Path) -> None:
        watch = Watch(clock=Ends(2), stop=threading.Event(), seconds=9, label="the file")
        with pytest.raises(errors.Interrupted) as held:
            DuckStore(tmp_path / "a.db", lambda: watch).session()
        assert not is_open(tmp_path / "a.db"), held

    def test_another_database(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(PREPARATIONS, "sqlite", ("nobody understands this",))
        sqlite_file(tmp_path / "a.db", "CREATE TABLE t (a)")
        watch = Watch(clock=SystemClock(), stop=threading.Event(), seconds=9, label="the file")
        with pytest.raises(errors.RemoteError) as held:
            GenericSession(make_url(f"sqlite:///{tmp_path / 'a.db'}"), "the file", watch)
        assert not is_open(tmp_path / "a.db"), held


class TestTablesThatAreNotOurs:
    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            (f"CREATE VIEW {TABLE} AS SELECT 'a' AS id, 1 AS posts", "is a view"),
            (f"CREATE TABLE {TABLE} (id VARCHAR, posts BIGINT)", "does not keep its column id unique"),
            (f"CREATE TABLE {TABLE} (id VARCHAR, n INTEGER NOT NULL, PRIMARY KEY (id, n))", "n that must have a value"),
            (f"CREATE TABLE {TABLE} (id VARCHAR, n INTEGER DEFAULT 1, PRIMARY KEY (id, n))", "id unique"),
            (f"CREATE TABLE {TABLE} (id VARCHAR PRIMARY KEY, posts VARCHAR)", "posts of type .*, where Posts takes"),
            (f"CREATE TABLE {TABLE} (id DOUBLE PRECISION PRIMARY KEY)", "id of type .*, where Id takes"),
            (f"CREATE TABLE {TABLE} (id VARCHAR PRIMARY KEY, owner VARCHAR NOT NULL)", "owner that must have a value"),
        ],
    )
    def test_are_refused_and_left_alone(self, kept: Place, statement: str, said: str) -> None:
        kept.query(statement)
        assert TABLE in refused(kept, said).message

    def test_one_of_them_keeps_all_from_being_made(self, kept: Place) -> None:
        kept.query(f"CREATE TABLE {TABLE} (id VARCHAR, posts BIGINT)")
        other = members(fields=SMALL.fields)
        first = type(other)(kind="Topic", name="Community acme-en Topic", key="Id", fields=other.fields, raw=True)
        with closing(kept.target()) as target, pytest.raises(errors.RemoteRefused):
            target.prepare([first, SMALL])
        assert kept.tables() == {TABLE}

    def test_with_a_unique_index_they_are_taken(self, on_postgresql: Place, on_sqlite: Place) -> None:
        for place in (on_postgresql, on_sqlite):
            place.query(f"CREATE TABLE {TABLE} (id VARCHAR(40) NOT NULL, more VARCHAR)")
            place.query(f"CREATE UNIQUE INDEX by_id ON {TABLE} (id)")
            with writing(place, SMALL) as writer:
                assert outcomes(write(writer, [record("1", Posts=1)])) == {"1": "created"}
            assert place.rows("id, more, posts") == [("1", None, 1)]

    def test_a_partial_index_is_not_enough(self, on_postgresql: Place, on_sqlite: Place) -> None:
        for place in (on_postgresql, on_sqlite):
            place.query(f"CREATE TABLE {TABLE} (id VARCHAR(40), posts BIGINT)")
            place.query(f"CREATE UNIQUE INDEX by_id ON {TABLE} (id) WHERE posts > 1")
            refused(place, "does not keep its column id unique")

    def test_a_column_that_the_database_computes(self, on_postgresql: Place, on_sqlite: Place) -> None:
        for place in (on_postgresql, on_sqlite):
            computed = "posts BIGINT GENERATED ALWAYS AS (length(id)) STORED"
            place.query(f"CREATE TABLE {TABLE} (id VARCHAR(40) PRIMARY KEY, {computed})")
            refused(place, "computes its column posts")

    def test_a_virtual_table(self, on_sqlite: Place) -> None:
        on_sqlite.query(f"CREATE VIRTUAL TABLE {TABLE} USING fts5(id, posts)")
        refused(on_sqlite, "is a virtual table")

    @pytest.mark.parametrize("kind", KEPT)
    def test_the_state_of_a_project(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place = place_for(request, tmp_path, kind)
        for name in ("meta", "leases", "ledger_fields"):
            place.query(f"CREATE TABLE {name} (a INTEGER)")
        refused(place, "holds the state of a project")
        assert not check(place)["writable"].ok

    def test_the_state_of_this_version(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        from reconciler.clock import SystemClock
        from reconciler.state.database import open_database

        for kind in ("sqlite", "postgresql"):
            place = place_for(request, tmp_path, kind)
            with open_database(place.url, clock=SystemClock(), root=tmp_path) as database:
                database.migrate()
            refused(place, "holds the state of a project")


class TestRights:
    @pytest.fixture
    def limited(self, on_postgresql: Place, postgres: Postgres) -> Iterator[Place]:
        """The same schema for a user who may look into it."""
        schema = on_postgresql.query("SELECT current_schema()")[0][0]
        role = f"limited_{schema}"
        on_postgresql.query(f"CREATE ROLE {role} LOGIN PASSWORD 'canary-7f3a'")
        on_postgresql.query(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        url = on_postgresql.url.replace("postgres@", f"{role}:canary-7f3a@")
        yield Place(kind="postgresql", url=url, query=on_postgresql.query)
        on_postgresql.query(f"DROP OWNED BY {role}")
        on_postgresql.query(f"DROP ROLE {role}")

    def test_no_table_may_be_made(self, limited: Place) -> None:
        with closing(limited.target()) as target:
            assert target.missing(SMALL).whole
            with pytest.raises(errors.RemoteRefused, match="does not let this user write: permission denied") as raised:
                target.prepare([SMALL])
        assert "canary" not in f"{raised.value.message}{raised.value.hint}"
        failed = check(limited)["writable"]
        assert not failed.ok
        assert "permission denied" in failed.detail

    def test_a_table_may_not_be_written(self, limited: Place) -> None:
        limited.query(f"CREATE TABLE {TABLE} (id text PRIMARY KEY, posts bigint)")
        limited.query(f"GRANT SELECT ON {TABLE} TO PUBLIC")
        refused(limited, "INSERT, UPDATE is missing")

    def test_a_column_may_not_be_added(self, limited: Place) -> None:
        limited.query(f"CREATE TABLE {TABLE} (id text PRIMARY KEY)")
        limited.query(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO PUBLIC")
        with closing(limited.target()) as target:
            assert [name for name, _ in target.missing(SMALL).columns] == ["posts"]
            with pytest.raises(errors.RemoteRefused, match="must be owner"):
                target.prepare([SMALL])

    def test_a_session_that_only_reads(self, on_postgresql: Place) -> None:
        url = on_postgresql.url + "%20-cdefault_transaction_read_only%3Don"
        with closing(on_postgresql.target(url=url)) as target, pytest.raises(errors.RemoteRefused, match="read only"):
            target.prepare([SMALL])

    def test_no_schema(self, on_postgresql: Place) -> None:
        url = on_postgresql.url.partition("?")[0] + "?options=-csearch_path%3Dnowhere"
        with closing(on_postgresql.target(url=url)) as target, pytest.raises(errors.RemoteRefused, match="no schema"):
            target.missing(SMALL)

    @pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
    def test_files_that_cannot_be_made(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place = place_for(request, tmp_path, kind)
        for url, said in (
            (f"{kind}:///{tmp_path}", "is a folder"),
            (f"{kind}:///{tmp_path}/none/a.db", "there is no folder"),
            (f"{kind}:///{tmp_path}/{'a' * 300}.db", "cannot be reached: File name too long"),
        ):
            with closing(place.target(url=url)) as target:
                with pytest.raises(errors.RemoteRefused, match=said):
                    target.missing(SMALL)
                assert said in target.check()[0].detail

    @pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
    def test_files_that_are_something_else(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place = place_for(request, tmp_path, kind)
        (tmp_path / "target.db").write_text("not a database, but a text that is long enough to be one" * 50)
        with closing(place.target()) as target, pytest.raises(errors.RemoteRefused, match=r"is no .* database"):
            target.prepare([SMALL])

    @pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
    def test_a_new_file_is_nobody_elses(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place = place_for(request, tmp_path, kind)
        with writing(place, SMALL):
            assert (tmp_path / "target.db").stat().st_mode & 0o077 == 0


def check(place: Place) -> dict[str, Check]:
    with closing(place.target()) as target:
        return {one.name: one for one in target.check()}


def test_a_check_leaves_nothing_behind(kept: Place) -> None:
    path = Path(kept.url.partition("///")[2])
    if kept.kind != "postgresql":
        assert "will be made" in check(kept)["writable"].detail
        assert not path.exists()
    with writing(kept, SMALL):
        pass
    before = kept.tables()
    found = check(kept)
    assert [(one.name, one.ok) for one in found.values()] == [("reachable", True), ("writable", True)]
    assert "taken back" in found["writable"].detail
    assert kept.tables() == before == {TABLE}


def test_other_databases_are_not_tried(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = place_for(request, tmp_path, "other-sqlite")
    assert "not proved" in check(place)["writable"].detail


class TestBusy:
    def test_a_file_that_another_process_writes_to_is_waited_for(self, on_sqlite: Place) -> None:
        with writing(on_sqlite, SMALL) as writer:
            other = sqlite3.connect(on_sqlite.url.partition("///")[2], isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            timer = threading.Timer(1.5, lambda: other.execute("COMMIT"))
            timer.start()
            assert outcomes(write(writer, [record("1", Posts=1)])) == {"1": "created"}
            timer.join()
            other.close()

    def test_but_not_forever(self, on_sqlite: Place) -> None:
        with writing(on_sqlite, SMALL, seconds=1) as writer:
            with closing(sqlite3.connect(on_sqlite.url.partition("///")[2], isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                with pytest.raises(errors.RemoteUnavailable, match="locked by another process"):
                    write(writer, [record("1", Posts=1)])
                assert time.monotonic() - began < 5
            assert outcomes(write(writer, [record("1", Posts=1)])) == {"1": "created"}

    def test_a_reader_keeps_only_the_commit_waiting(self, on_sqlite: Place) -> None:
        with writing(on_sqlite, SMALL) as writer:
            write(writer, [record("1", Posts=1)])
            other = sqlite3.connect(on_sqlite.url.partition("///")[2], isolation_level=None, check_same_thread=False)
            other.execute("BEGIN")
            other.execute(f"SELECT * FROM {TABLE}").fetchall()
            timer = threading.Timer(1.2, lambda: other.execute("COMMIT"))
            timer.start()
            assert outcomes(write(writer, [record("1", Posts=2)])) == {"1": "updated"}
            timer.join()
            other.close()
        assert on_sqlite.rows("posts") == [(2,)]

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql", "duckdb"])
    def test_whoever_stops_us_does_not_wait(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place, stop = place_for(request, tmp_path, kind), threading.Event()
        with writing(place, SMALL, stop=stop) as writer:
            write(writer, [record("1", Posts=1)])
        with holding(place), closing(place.target(stop=stop)) as target, interrupted(stop):
            list(target.records(SMALL).write([record("1", Posts=2)]))
        assert place.rows("posts") == [(1,)]

    def test_a_file_that_another_process_has_open(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        place = place_for(request, tmp_path, "duckdb")
        said = pytest.raises(errors.RemoteUnavailable, match="cannot be opened or written")
        with holding(place), closing(place.target(seconds=1)) as target, said:
            target.prepare([SMALL])
        with writing(place, SMALL) as writer:
            assert outcomes(write(writer, [record("1")])) == {"1": "created"}

    def test_a_row_that_another_session_holds(self, on_postgresql: Place) -> None:
        with writing(on_postgresql, SMALL, seconds=1) as writer:
            write(writer, [record("1", Posts=1)])
            with holding(on_postgresql), pytest.raises(errors.RemoteUnavailable, match=r"took (longer|too long)"):
                write(writer, [record("1", Posts=2), record("2", Posts=2)])
        assert on_postgresql.rows() == [("1", 1)]

    def test_sessions_that_wait_for_each_other(self, on_postgresql: Place) -> None:
        """One of the two is given up by the server, and tried again."""
        first, second = (
            [record(str(n), Posts=1) for n in range(400)],
            [record(str(n), Posts=2) for n in reversed(range(400))],
        )
        found: list[Outcome | None] = []
        with writing(on_postgresql, SMALL) as writer:
            write(writer, first)

            def work(records: list[object]) -> None:
                for _ in range(15):
                    found.extend(result.outcome for result in writer.write(records))  # type: ignore[arg-type]

            threads = [threading.Thread(target=work, args=(records,)) for records in (first, second)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert found == [Outcome.UPDATED] * 12_000

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_several_make_the_same_tables(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        place = place_for(request, tmp_path, kind)
        troubles: list[errors.ReconcileError] = []

        def work() -> None:
            try:
                with writing(place, members()) as writer:
                    write(writer, [record("1", Posts=1)])
            except errors.ReconcileError as trouble:
                troubles.append(trouble)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert troubles == []
        assert place.rows("id, posts") == [("1", 1)]

    def test_others_may_read_a_file_between_two_batches(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        place = place_for(request, tmp_path, "duckdb")
        with writing(place, SMALL) as writer:
            write(writer, [record("1", Posts=1)])
            with holding(place):
                pass
            assert outcomes(write(writer, [record("1", Posts=2)])) == {"1": "updated"}

    def test_several_batches_at_once(self, on_postgresql: Place) -> None:
        with writing(on_postgresql, SMALL) as writer:
            assert writer.concurrency > 1
            threads = [
                threading.Thread(target=lambda n=n: list(writer.write([record(f"{n}-{m}") for m in range(300)])))
                for n in range(writer.concurrency)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(on_postgresql.rows()) == 300 * writer.concurrency


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holding(place: Place) -> Iterator[None]:
    """Somebody else keeps the database, or what is in it, from being written."""
    path = place.url.partition("///")[2]
    if place.kind == "sqlite":
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    elif place.kind == "postgresql":
        with psycopg.connect(place.url) as other:
            other.execute(f"SELECT * FROM {TABLE} FOR UPDATE".encode())
            yield
            other.rollback()
    else:
        command = [sys.executable, "-c", HOLD, path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other_process:
            assert other_process.stdout is not None
            assert other_process.stdout.readline() == "held\n"
            yield
            assert other_process.stdin is not None
            other_process.stdin.close()


class TestConnectionsThatBreak:
    def test_a_session_that_ended_while_nobody_used_it(
        self, on_postgresql: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reconciler.connectors.sql.target.IDLE_SECONDS", 0.0)
        with writing(on_postgresql, SMALL) as writer:
            write(writer, [record("1", Posts=1)])
            self.end_all(on_postgresql)
            assert outcomes(write(writer, [record("1", Posts=2)])) == {"1": "updated"}

    def test_in_the_middle_of_a_batch_no_record_has_a_result(self, on_postgresql: Place) -> None:
        found: list[object] = []
        with writing(on_postgresql, SMALL) as writer:
            write(writer, [record("1", Posts=1)])
            timer = threading.Timer(0.5, lambda: self.end_all(on_postgresql))
            with holding(on_postgresql):
                timer.start()
                with pytest.raises(errors.RemoteUnavailable, match=r"(ended|lost) the connection|cannot be reached"):
                    found.extend(writer.write([record("0", Posts=3), record("1", Posts=3)]))
                timer.join()
            assert found == []
            assert outcomes(write(writer, [record("0", Posts=4), record("1", Posts=4)])) == {
                "0": "created",
                "1": "updated",
            }
        assert on_postgresql.rows() == [("0", 4), ("1", 4)]

    def end_all(self, place: Place) -> None:
        place.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'reconcile' AND pid <> pg_backend_pid()"
        )

    def test_a_server_that_says_nothing(self, on_postgresql: Place) -> None:
        stop = threading.Event()
        with silent_server() as port:
            url = f"postgresql://u:canary-7f3a@127.0.0.1:{port}/x"
            with closing(on_postgresql.target(url=url, stop=stop)) as target, interrupted(stop):
                target.prepare([SMALL])

    def test_nobody_is_there(self, on_postgresql: Place) -> None:
        url = "postgresql://u:canary-7f3a@127.0.0.1:1/x"
        with closing(on_postgresql.target(url=url)) as target:
            with pytest.raises(errors.RemoteUnavailable) as raised:
                target.prepare([SMALL])
            (failed,) = target.check()
        assert "canary" not in f"{raised.value.message}{raised.value.hint}{failed}"
        assert (failed.name, failed.ok) == ("reachable", False)

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_a_table_that_vanishes(self, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
        kept = place_for(request, tmp_path, kind)
        with writing(kept, SMALL) as writer:
            write(writer, [record("1")])
            kept.query(f"DROP TABLE {TABLE}")
            with pytest.raises(errors.RemoteRefused):
                write(writer, [record("2")])


KILLED = """
import sys
from tests.connectors.tables import Place, record
from tests.connectors.test_sql_target_faults import SMALL

kind, url, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
target = Place(kind=kind, url=url, query=lambda statement: []).target()
writer = target.records(SMALL)
print("ready", flush=True)
for number in range(first, 100_000):
    batch = [record(f"{number}-{n}", Posts=n) for n in range(500)]
    results = list(writer.write(batch))
    print(number, len(results), flush=True)
"""


@pytest.mark.parametrize("kind", KEPT)
def test_a_process_that_is_killed_leaves_all_of_a_batch_or_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    place = place_for(request, tmp_path, kind)
    with writing(place, SMALL):
        pass
    for turn, after in enumerate((0.11, 0.17, 0.23, 0.31)):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), kind, place.url, str(turn * 1000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            first = process.stdout.readline()
            time.sleep(after)
            process.send_signal(signal.SIGKILL)
            told = [line for line in [first.strip(), *process.stdout.read().splitlines()] if line.endswith(" 500")]
        if kind == "postgresql":
            wait_until_alone(place)
        counts = dict(
            place.query(
                f"SELECT CAST(substr(id, 1, {position(kind)} - 1) AS INTEGER), count(*) FROM {TABLE} GROUP BY 1"
            )
        )
        assert set(counts.values()) <= {500}
        assert {int(line.split()[0]) for line in told} <= set(counts)
    assert counts


def position(kind: str) -> str:
    return "instr(id, '-')" if kind != "postgresql" else "position('-' in id)"


def wait_until_alone(place: Place) -> None:
    """The server notices by itself that its client is gone."""
    for _ in range(100):
        if not place.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'reconcile'"):
            return
        time.sleep(0.05)
    raise AssertionError("a session of a dead client lives on")
