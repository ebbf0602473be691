"""Transactions, schema and the ways in which a database can be unusable."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.state import documents, ledger, meta, revisions, schema, tables
from reconciler.state.database import Database, open_database
from tests.postgres import Postgres
from tests.state.conftest import NOW, Open

ROOT = Path(__file__).parents[2]


def sqlite(folder: Path, name: str = "x.db") -> Database:
    return open_database(f"sqlite:///{name}", clock=SystemClock(), root=folder)


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite:///file:x?mode=memory",
            "sqlite:///x\0y",
            "sqlite://host/x.db",
            "sqlite:///x.db?mode=ro",
            "mysql://u:hunter2@h/db",
            "postgresql+psycopg2://u:hunter2@h/db",
            "postgresql+asyncpg://u:hunter2@h/db",
            "postgresql://u:hunter2@h",
            "postgresql://u:hunter2@h:port/db",
            "://u:hunter2@h",
        ],
    )
    def test_what_is_not_understood_is_refused_without_being_echoed(self, url: str, tmp_path: Path) -> None:
        with pytest.raises(errors.UsageError) as caught:
            open_database(url, clock=SystemClock(), root=tmp_path)
        assert caught.value.hint
        assert "hunter2" not in str(caught.value)

    def test_no_password_is_ever_shown(self, tmp_path: Path) -> None:
        url = "postgresql://u:hunter2@127.0.0.1:1/db?password=hunter3&connect_timeout=1"
        with open_database(url, clock=SystemClock(), root=tmp_path) as database:
            assert database.label == "postgresql://127.0.0.1:1/db"
            with pytest.raises(errors.StateUnavailable) as caught, database.begin():
                pass
        shown = f"{caught.value} {caught.value.hint} {caught.value.__cause__!r} {database!r} {vars(database)}"
        assert "hunter" not in shown

    def test_an_absolute_path_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "x.db"
        with open_database(f"sqlite:///{path}", clock=SystemClock(), root=Path("/nowhere")) as database:
            database.migrate()
        assert path.is_file()


class TestTransactions:
    def test_reading_what_was_never_written_sees_nothing_and_leaves_nothing(
        self, open_again: Open, tmp_path: Path
    ) -> None:
        with open_again().read() as session:
            assert meta.read(session) is None
            assert documents.load(session) == {}
            assert ledger.find(session, "profile:x", ["A"]).table is None
        assert list(tmp_path.iterdir()) == []

    def test_an_exception_rolls_everything_back(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError), database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
            raise ZeroDivisionError
        with database.read() as session:
            assert meta.read(session) is None

    def test_a_read_can_write_nothing(self, database: Database) -> None:
        database.migrate()
        with pytest.raises(errors.StateProblem), database.read() as session:
            meta.initialise(session, "acme", "l1", now=NOW)

    def test_a_read_sees_one_moment(self, database: Database, open_again: Open) -> None:
        with database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        with database.read() as reading:
            before = meta.read(reading)
            with open_again().begin() as session:
                meta.bump(session)
            assert meta.read(reading) == before

    def test_two_writers_lose_no_serial(self, database: Database, open_again: Open) -> None:
        with database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        databases = [open_again() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: databases[number % 4].run(meta.bump), range(40)))
        with database.read() as session:
            assert meta.expect(session, "acme").serial == 40  # type: ignore[union-attr]

    def test_a_text_that_cannot_be_stored_is_named_as_such(self, database: Database) -> None:
        with pytest.raises(errors.StateProblem, match="Unicode"), database.begin() as session:
            meta.initialise(session, "a\ud800", "l1", now=NOW)

    def test_bound_values_are_in_no_error(self, database: Database) -> None:
        with pytest.raises(errors.StateProblem) as caught, database.begin() as session:
            for _ in range(2):
                session.execute(sqlalchemy.insert(tables.ledgers).values(scope="hunter2"))
        assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"

    def test_a_locked_database_is_waited_for_and_then_given_up(self, tmp_path: Path) -> None:
        with sqlite(tmp_path) as database:
            database.migrate()
            other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            released = threading.Timer(1.5, other.execute, ["COMMIT"])
            released.start()
            with database.begin() as session:
                meta.initialise(session, "acme", "l1", now=NOW)
            released.join()
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(errors.StateUnavailable, match="locked"), database.begin():
                pass
            other.close()

    def test_a_deadlock_is_tried_again(self, postgres: Postgres, tmp_path: Path) -> None:
        """Two transactions that lock two rows crosswise: one is sacrificed by PostgreSQL, and both succeed in the end."""
        url = postgres.create_schema()
        with open_database(url, clock=SystemClock(), root=tmp_path) as database:
            with database.begin() as session:
                for scope in ("a", "b"):
                    session.execute(sqlalchemy.insert(tables.ledgers).values(scope=scope))
            barrier, attempts = threading.Barrier(2), []

            def crosswise(order: str) -> None:
                def work(session: object) -> None:
                    attempts.append(order)
                    for scope in order:
                        lock = (
                            sqlalchemy.select(tables.ledgers).where(tables.ledgers.c.scope == scope).with_for_update()
                        )
                        session.execute(lock)  # type: ignore[attr-defined]
                        if len(attempts) <= 2 and scope == order[0]:
                            barrier.wait(10)

                database.run(work)

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(crosswise, ["ab", "ba"]))
            assert len(attempts) == 3

    def test_a_server_that_ends_the_connection(self, postgres: Postgres, tmp_path: Path) -> None:
        with open_database(postgres.create_schema(), clock=SystemClock(), root=tmp_path) as database:
            with pytest.raises(errors.StateUnavailable), database.begin() as session:
                meta.initialise(session, "acme", "l1", now=NOW)
                pid = session.execute(sqlalchemy.text("SELECT pg_backend_pid()")).scalar()
                with postgres.connect() as admin:
                    admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                meta.bump(session)
            with database.begin() as session:
                assert meta.read(session) is None

    def test_a_database_that_does_not_exist(self, postgres: Postgres, tmp_path: Path) -> None:
        database = open_database(postgres.url("missing"), clock=SystemClock(), root=tmp_path)
        with database, pytest.raises(errors.StateUnavailable) as caught, database.read():
            pass
        assert caught.value.hint

    def test_an_option_that_postgresql_does_not_know(self, postgres: Postgres, tmp_path: Path) -> None:
        url = postgres.create_schema() + "&colour=red"
        database = open_database(url, clock=SystemClock(), root=tmp_path)
        with database, pytest.raises(errors.UsageError, match="option"), database.read():
            pass


class TestSchema:
    def test_migrations_give_the_tables_that_the_code_uses(self, database: Database) -> None:
        with database.begin() as session:
            context = MigrationContext.configure(session.connection, opts={"version_table": revisions.VERSION_TABLE})
            assert compare_metadata(context, tables.metadata) == []

    def test_a_second_migration_loads_no_alembic(self, url: str, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from reconciler.clock import SystemClock\n"
            "from reconciler.state.database import open_database\n"
            "open_database(sys.argv[1], clock=SystemClock(), root=Path(sys.argv[2])).migrate()\n"
            "print('alembic' in sys.modules)"
        )
        command = [sys.executable, "-c", script, url, str(tmp_path)]
        runs = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True) for _ in range(2)]
        assert [run.stdout.strip() for run in runs] == ["True", "False"]

    def test_many_processes_may_start_at_once(self, open_again: Open) -> None:
        databases = [open_again() for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(Database.migrate, databases))
        with databases[0].begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        with databases[5].read() as session:
            assert meta.read(session) is not None

    @pytest.mark.parametrize("statement", [1, 2, 14])
    def test_a_kill_within_the_migration_leaves_nothing(
        self, statement: int, url: str, open_again: Open, tmp_path: Path
    ) -> None:
        script = f"""
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from reconciler.clock import SystemClock
from reconciler.state.database import open_database
seen = []
@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    seen.append(statement.lstrip().startswith("CREATE"))
    if sum(seen) == {statement}:
        os.kill(os.getpid(), signal.SIGKILL)
open_database(sys.argv[1], clock=SystemClock(), root=Path(sys.argv[2])).migrate()
"""
        done = subprocess.run([sys.executable, "-c", script, url, str(tmp_path)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
        database = open_again()
        with database.read() as session:
            assert meta.read(session) is None
        with database.begin() as session:
            assert meta.initialise(session, "acme", "l1", now=NOW).serial == 0

    def test_a_newer_schema_is_refused(self, database: Database, open_again: Open) -> None:
        self._version(database, "0999")
        for use in (open_again().read, open_again().begin):
            with pytest.raises(errors.StateNewer) as caught, use():
                pass
            assert "update" in str(caught.value.hint)

    def test_an_older_schema_is_told_from_a_newer_one(self, database: Database) -> None:
        with database.begin() as session:
            found = schema.inspect(session.connection, "x", (*revisions.REVISIONS, "9999"))
        assert found is schema.Schema.OLDER

    def test_the_revisions_in_the_code_are_those_in_the_folder(self) -> None:
        folder = Path(schema.__file__).parent / "migrations" / "versions"
        assert tuple(sorted(path.name[:4] for path in folder.glob("[0-9]*.py"))) == revisions.REVISIONS

    @pytest.mark.parametrize("version", [None, "4f2c1d"])
    def test_another_programs_versions_are_foreign(
        self, version: str | None, database: Database, open_again: Open
    ) -> None:
        self._version(database, version)
        with pytest.raises(errors.StateForeign), open_again().begin():
            pass

    def test_another_programs_tables_are_foreign(
        self, database: Database, open_again: Open, tmp_path: Path, url: str
    ) -> None:
        if url.startswith("sqlite"):
            path = tmp_path / "var" / "reconciler.db"
            path.parent.mkdir()
            with sqlite3.connect(path) as other:
                other.execute("CREATE TABLE customers (id)")
            other.close()
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE customers (id int)")
        for use in (database.read, database.begin):
            with pytest.raises(errors.StateForeign, match="another program"), use():
                pass

    @staticmethod
    def _version(database: Database, version: str | None) -> None:
        with database.begin() as session:
            session.execute(sqlalchemy.text(f"DELETE FROM {revisions.VERSION_TABLE}"))
            if version is not None:
                insert = sqlalchemy.text(f"INSERT INTO {revisions.VERSION_TABLE} VALUES (:version)")
                session.execute(insert, {"version": version})


class TestSqliteFile:
    @pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look at " * 40, b"\x00" * 4096])
    def test_a_file_that_is_no_database_is_refused_and_kept(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        path.write_bytes(content)
        for use in (sqlite(tmp_path).read, sqlite(tmp_path).begin):
            with pytest.raises(errors.StateDamaged) as caught, use():
                pass
            assert "reconcile apply" in str(caught.value.hint)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("seed", range(12))
    def test_flipped_bytes_give_our_errors_only(self, seed: int, tmp_path: Path) -> None:
        with sqlite(tmp_path) as database, database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        path, chance = tmp_path / "x.db", random.Random(seed)
        data = bytearray(path.read_bytes())
        for _ in range(200):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        data[16 + seed % 8] ^= 0x55
        path.write_bytes(data)
        with sqlite(tmp_path) as database, pytest.raises(errors.StateProblem), database.begin() as session:
            for table in tables.metadata.sorted_tables:
                session.execute(sqlalchemy.select(table)).all()
            meta.initialise(session, "acme", "l1", now=NOW)
            raise errors.StateDamaged("the flips hit nothing that is used")

    @pytest.mark.parametrize("make", ["folder", "pipe"])
    def test_what_is_not_a_file_is_refused_at_once(self, make: str, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        if make == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
        with pytest.raises(errors.StateUnavailable, match="not a file"), sqlite(tmp_path).begin():
            pass

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("a file where a folder should be")
        for use in (sqlite(tmp_path, "var/x.db").read, sqlite(tmp_path, "var/x.db").begin):
            with pytest.raises(errors.StateUnavailable) as caught, use():
                pass
            assert caught.value.hint

    def test_a_file_that_nothing_can_be_written_beside_is_read_as_it_lies_there(self, tmp_path: Path) -> None:
        """A dead link in the place of the `-shm` stands for a disk that is full or read-only: SQLite cannot make it."""
        with sqlite(tmp_path) as database, database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        (tmp_path / "x.db-shm").symlink_to("nowhere/at-all")
        with sqlite(tmp_path) as database:
            for _ in range(2):
                with database.read() as session:
                    found = meta.read(session)
                assert found is not None
                assert found.lineage == "l1"
            with pytest.raises(errors.StateUnavailable) as caught, database.begin():
                pass
            assert caught.value.hint
            (tmp_path / "x.db-shm").unlink()
            with database.begin() as session:
                meta.bump(session)
            with database.read() as session:
                now = meta.read(session)
            assert now is not None
            assert now.serial == 1, "nothing of how it was read before is kept"

    def test_a_file_that_changes_while_it_is_read_as_it_lies_there(self, tmp_path: Path) -> None:
        with sqlite(tmp_path) as database, database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        (tmp_path / "x.db-shm").symlink_to("nowhere/at-all")
        with sqlite(tmp_path) as database, pytest.raises(errors.StateBusy) as caught, database.read() as session:
            meta.read(session)
            os.utime(tmp_path / "x.db")
        assert "was changed by another process" in caught.value.message

    def test_changes_beside_a_file_are_not_left_out_in_silence(self, tmp_path: Path) -> None:
        with sqlite(tmp_path) as database, database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        (tmp_path / "x.db-shm").symlink_to("nowhere/at-all")
        (tmp_path / "x.db-wal").write_bytes(b"the last commits")
        with (
            sqlite(tmp_path) as database,
            pytest.raises(errors.StateUnavailable, match=r"last changes are still in .*x\.db-wal") as caught,
            database.read(),
        ):
            pass
        assert caught.value.hint

    def test_a_full_disk_records_nothing_half(self, tmp_path: Path) -> None:
        """The limit of a file's size stands for the disk: a write beyond it fails in the same way."""
        with sqlite(tmp_path) as database, database.begin() as session:
            meta.initialise(session, "acme", "l1", now=NOW)
        script = """
import resource, signal, sys
from pathlib import Path
from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.state import catalogs, meta, tables
from reconciler.state.database import open_database
from datetime import UTC, datetime
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
with open_database("sqlite:///x.db", clock=SystemClock(), root=Path(sys.argv[1])) as database:
    try:
        with database.begin() as session:
            meta.bump(session)
            for number in range(100):
                catalogs.save(session, f"c{number}", "d", {"x": "y" * 50_000}, now=datetime.now(UTC))
    except errors.StateUnavailable as error:
        print(error.hint)
"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "space" in done.stdout
        with sqlite(tmp_path) as database, database.begin() as session:
            assert meta.bump(session) == 1

    def test_a_full_disk_at_the_first_start_leaves_no_file(self, tmp_path: Path) -> None:
        script = """
import resource, signal, sys
from pathlib import Path
from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.state.database import open_database
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    open_database("sqlite:///x.db", clock=SystemClock(), root=Path(sys.argv[1])).migrate()
except errors.StateUnavailable:
    print("refused")
"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "refused"
        assert list(tmp_path.iterdir()) == []


def _number(database: Database) -> int:
    with database.begin() as session:
        return session.connection.exec_driver_sql("SELECT count(*) FROM leases").scalar_one()


def test_an_open_database_does_not_write_into_a_file_that_was_moved_away(tmp_path: Path) -> None:
    with open_database("sqlite:///one.db", clock=SystemClock(), root=tmp_path) as database:
        assert _number(database) == 0
        (tmp_path / "one.db").rename(tmp_path / "away.db")
        for use in (database.begin, database.read):
            with pytest.raises(errors.StateUnavailable), use():
                pytest.fail("there is nothing to work on")
        assert not (tmp_path / "one.db").exists(), "nothing is made anew"
        with open_database("sqlite:///two.db", clock=SystemClock(), root=tmp_path) as other, other.begin() as session:
            session.connection.exec_driver_sql("INSERT INTO leases VALUES ('x', 'y', 1, 0, 0)")
        (tmp_path / "two.db").rename(tmp_path / "one.db")
        assert _number(database) == 1, "the file that is there now is the one that is used"


def test_whoever_stays_finds_that_the_tables_are_others(open_again: Open) -> None:
    database = open_again()
    database.refuse_other_schema()
    assert _number(database) == 0
    database.refuse_other_schema()
    _execute(database, "UPDATE schema_version SET version_num = '0001'")
    with pytest.raises(errors.StateProblem, match="an older version"):
        database.refuse_other_schema()
    _execute(database, "UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(errors.StateNewer):
        database.refuse_other_schema()


def _execute(database: Database, statement: str) -> None:
    with database.begin() as session:
        session.connection.exec_driver_sql(statement)
