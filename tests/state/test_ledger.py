"""Ledger and staging: what differs is found, null keeps, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.model.outcome import Reason, Write, WriteResult
from reconciler.model.value import natural
from reconciler.state import ledger
from reconciler.state.database import Database, open_database
from reconciler.state.staging import Workspace
from tests.postgres import Postgres
from tests.state.conftest import NOW, Open

ROOT = Path(__file__).parents[2]
SCOPE = "profile:acme-community"
ITEMS = ["Job Title", 'O"Brien; DROP TABLE x', "Größe"]

Staged = dict[str, tuple[str | None, ...]]


def results(*writes: tuple[str, str, str]) -> list[WriteResult]:
    return [
        WriteResult(write=Write(key=key, label=f"User {key}", item=item, before=None, value=value))
        for key, item, value in writes
    ]


def opened(database: Database, items: list[str] = ITEMS) -> ledger.Ledger:
    with database.begin() as session:
        return ledger.open_ledger(session, SCOPE, items)


def exported(
    database: Database, book: ledger.Ledger, items: list[str] | None = None
) -> list[tuple[str, str, str, str]]:
    with database.read() as session:
        return list(ledger.export(session, book, items))


def stage(workspace: Workspace, staged: Staged, items: list[str] = ITEMS) -> None:
    workspace.stage(items)
    workspace.load("stage", ((key, f"User {key}", *values) for key, values in sorted(staged.items())))


class TestLedger:
    def test_only_what_was_acknowledged_is_recorded(self, database: Database) -> None:
        book = opened(database)
        refused = [
            WriteResult(write=w.write, reason=Reason.REFUSED)
            for w in results(("1", ITEMS[1], "no"), ("3", ITEMS[0], "no"))
        ]
        with database.begin() as session:
            sent = [*results(("2", ITEMS[0], "b"), ("1", ITEMS[0], "a"), ("1", ITEMS[2], "ü")), *refused]
            assert ledger.acknowledge(session, book, sent, 1, now=NOW) == 3
            assert ledger.acknowledge(session, book, results(("1", ITEMS[0], "a2")), 2, now=NOW) == 1
            assert ledger.get(session, book, "1") == {ITEMS[0]: "a2", ITEMS[2]: "ü"}
            assert ledger.get(session, book, "9") == {}
        assert exported(database, book) == [
            ("1", "User 1", ITEMS[0], "a2"),
            ("1", "User 1", ITEMS[2], "ü"),
            ("2", "User 2", ITEMS[0], "b"),
        ]

    def test_columns_come_and_never_go(self, database: Database) -> None:
        book = opened(database, ["A", "B"])
        with database.begin() as session:
            ledger.acknowledge(session, book, results(("1", "A", "a"), ("1", "B", "b")), 1, now=NOW)
        book = opened(database, ["C", "A"])
        assert set(book.columns) == {"A", "C"}
        with database.begin() as session:
            ledger.acknowledge(session, book, results(("1", "C", "c")), 2, now=NOW)
        assert exported(database, opened(database, ["A", "B", "C"]), ["C", "B"]) == [
            ("1", "User 1", "C", "c"),
            ("1", "User 1", "B", "b"),
        ]

    def test_looking_for_a_ledger_makes_none(self, database: Database) -> None:
        database.migrate()
        with database.read() as session:
            found = ledger.find(session, SCOPE, ["A"])
            assert (found.table, dict(found.columns)) == (None, {})
            assert list(ledger.export(session, found, ["A"])) == []
            assert ledger.get(session, found, "1") == {}
        with database.begin() as session, pytest.raises(errors.StateProblem, match="opened"):
            ledger.acknowledge(session, found, [], 1, now=NOW)

    def test_two_processes_may_open_it_at_once(self, open_again: Open) -> None:
        databases = [open_again() for _ in range(4)]
        databases[0].migrate()
        wanted = [["A", "B"], ["B", "C"], ["C", "D"], ["A", "D"]]
        with ThreadPoolExecutor(4) as pool:
            books = list(pool.map(opened, databases, wanted))
        assert len({book.table for book in books}) == 1
        assert len(set(opened(databases[0], list("ABCD")).columns.values())) == 4

    def test_there_is_a_limit_to_fields(self, database: Database) -> None:
        with pytest.raises(errors.StateProblem) as caught:
            opened(database, [f"F{number}" for number in range(501)])
        assert caught.value.hint
        with database.workspace() as workspace, pytest.raises(errors.StateProblem):
            workspace.stage([f"F{number}" for number in range(501)])

    def test_an_export_of_many_comes_in_natural_order_of_key(self, database: Database) -> None:
        numbers = [f"{number}" for number in range(3000)]
        odd = ["-1", "1.5", "1e3", "2x", "Z", "a", "a@b.c", "ä", "٣"]
        keys = [*numbers, "9" * 30, *odd]
        shuffled = random.Random(1).sample(keys, len(keys))
        book = opened(database, ["A"])
        with database.begin() as session:
            ledger.acknowledge(session, book, results(*((key, "A", key) for key in shuffled)), 1, now=NOW)
        assert [row[0] for row in exported(database, book)] == keys

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.text("0019ab ä-", min_size=1, max_size=4), unique=True))
    def test_the_order_is_the_same_in_the_database_and_in_python(self, database: Database, keys: list[str]) -> None:
        book = opened(database, ["A"])
        with database.begin() as session:
            session.execute(text(f"DELETE FROM {book.table}"))
            ledger.acknowledge(session, book, results(*((key, "A", key) for key in keys)), 1, now=NOW)
        assert [row[0] for row in exported(database, book)] == sorted(keys, key=natural)


class TestWorkspace:
    def test_rows_come_back_sorted_by_code_point(self, database: Database) -> None:
        texts = ["b", "B", "ä", "a", "", "-a", "😀", "z", "\U0001f1e9", "ﬁ", "a b", "ab", "\t", "a\\N\n\r\t", None]
        with database.workspace() as workspace:
            workspace.create("people", ["email", "name"])
            assert workspace.load("people", ((text, str(place)) for place, text in enumerate(texts))) == len(texts)
            assert workspace.count("people") == len(texts)
            found = [email for email, _ in workspace.sorted("people", ["email", "name"], ["email", "name"])]
        assert found == [None, *sorted(text for text in texts if text is not None)]

    def test_one_table_may_be_loaded_while_another_is_read(self, database: Database) -> None:
        with database.workspace() as workspace:
            for name in ("left", "right"):
                workspace.create(name, ["key"], key="key")
                workspace.load(name, ((f"{number:05d}",) for number in range(5000)))
            workspace.create("pairs", ["a", "b"])
            pairs = zip(
                workspace.sorted("left", ["key"], ["key"]), workspace.sorted("right", ["key"], ["key"]), strict=True
            )
            workspace.load("pairs", ((a, b) for (a,), (b,) in pairs))
            assert all(a == b for a, b in workspace.sorted("pairs", ["a", "b"], ["a"]))
            assert workspace.count("pairs") == 5000

    def test_transactions_come_and_go_while_a_table_is_read(self, database: Database) -> None:
        book = opened(database, ["A"])
        with database.workspace() as workspace:
            workspace.create("keys", ["key"])
            workspace.load("keys", ((f"{number:05d}",) for number in range(4500)))
            for place, (key,) in enumerate(workspace.sorted("keys", ["key"], ["key"])):
                if place % 1000 == 0:
                    with workspace.begin() as session:
                        ledger.acknowledge(session, book, results((str(key), "A", "x")), 1, now=NOW)
            assert place == 4499
        assert len(exported(database, book)) == 5

    def test_nobody_else_is_locked_out(self, database: Database, open_again: Open) -> None:
        """Others write while a cycle stages and holds its tables."""
        book = opened(database, ["A"])

        def rows() -> Iterator[tuple[str, str, str]]:
            for number in range(3):
                with open_again().begin() as session:
                    ledger.acknowledge(session, book, results((str(number), "A", "x")), 1, now=NOW)
                yield (str(number), "", "y")

        with database.workspace() as workspace:
            workspace.stage(["A"])
            workspace.load("stage", rows())
            assert workspace.diff(book) == {"A": 3}

    def test_tables_vanish_with_their_workspace(self, database: Database) -> None:
        with database.workspace() as workspace:
            workspace.create("people", ["email"])
        with database.workspace() as workspace, pytest.raises(errors.StateProblem):
            workspace.count("people")

    def test_an_error_in_a_transaction_leaves_the_workspace_usable(self, database: Database) -> None:
        book = opened(database, ["A"])
        with database.workspace() as workspace:
            stage(workspace, {"1": ("a",)}, ["A"])
            with pytest.raises(ZeroDivisionError), workspace.begin() as session:
                ledger.acknowledge(session, book, results(("1", "A", "a")), 1, now=NOW)
                raise ZeroDivisionError
            assert workspace.diff(book) == {"A": 1}

    def test_a_commit_that_failed_leaves_the_workspace_usable(self, tmp_path: Path) -> None:
        """The first commit beyond the limit of a file's size fails as on a full disk; so does the next, for the same reason."""
        script = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.state import catalogs
from reconciler.state.database import open_database
def save(workspace, size):
    with workspace.begin() as session:
        catalogs.save(session, "c", "d", {"x": "y" * size}, now=datetime.now(UTC))
with open_database("sqlite:///x.db", clock=SystemClock(), root=Path(sys.argv[1])) as database:
    with database.workspace() as workspace:
        save(workspace, 1)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limits[1]))
        for _ in range(2):
            try:
                save(workspace, 500_000)
            except errors.StateUnavailable:
                print("refused")
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        save(workspace, 500_000)
        print("saved")
"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["refused", "refused", "saved"]

    def test_a_key_is_staged_once(self, database: Database) -> None:
        with pytest.raises(errors.StateProblem), database.workspace() as workspace:
            workspace.stage(["A"])
            workspace.load("stage", [("1", "", "a"), ("1", "", "b")])

    def test_text_that_cannot_be_stored(self, database: Database) -> None:
        with pytest.raises(errors.StateProblem, match="Unicode"), database.workspace() as workspace:
            workspace.create("people", ["email"])
            workspace.load("people", [("a\udc00",)])

    def test_postgresql_cannot_hold_nul(self, postgres: Postgres, tmp_path: Path) -> None:
        database = open_database(postgres.create_schema(), clock=SystemClock(), root=tmp_path)
        with database, pytest.raises(errors.StateProblem), database.workspace() as workspace:
            workspace.create("people", ["email"])
            workspace.load("people", [("a\0b",)])

    def test_names_are_checked(self, database: Database) -> None:
        with database.workspace() as workspace, pytest.raises(ValueError, match="names"):
            workspace.create("x; DROP TABLE meta", ["a"])


class TestDiff:
    def test_changes_are_found_and_nulls_keep(self, database: Database) -> None:
        book = opened(database)
        with database.begin() as session:
            before = results(
                ("1", ITEMS[0], "same"), ("1", ITEMS[1], "old"), ("2", ITEMS[0], "kept"), ("8", ITEMS[0], "gone")
            )
            ledger.acknowledge(session, book, before, 1, now=NOW)
        with database.workspace() as workspace:
            stage(workspace, {"1": ("same", "new", "first"), "2": (None, None, None), "3": ("", None, None)})
            assert workspace.count_staged() == dict(zip(ITEMS, [2, 1, 1], strict=True))
            assert workspace.diff(book) == dict(zip(ITEMS, [1, 1, 1], strict=True))
            assert workspace.count("changes") == 3
            assert [write for _, write in workspace.changes(0, 10)] == [
                Write(key="1", label="User 1", item=ITEMS[1], before="old", value="new"),
                Write(key="1", label="User 1", item=ITEMS[2], before=None, value="first"),
                Write(key="3", label="User 3", item=ITEMS[0], before=None, value=""),
            ]
            [first, second] = workspace.changes(0, 2)
            assert [write.key for _, write in workspace.changes(second[0], 2)] == ["3"]
            assert first[0] < second[0]

    def test_some_items_only(self, database: Database) -> None:
        book = opened(database)
        with database.workspace() as workspace:
            stage(workspace, {"1": ("a", "b", "c")})
            assert workspace.diff(book, [ITEMS[2]]) == {ITEMS[2]: 1}
            assert workspace.diff(book, []) == {}
            assert workspace.count("changes") == 0
            workspace.stage([])
            assert workspace.count_staged() == {}

    def test_a_ledger_that_does_not_exist_makes_everything_new_and_nothing_is_written(self, database: Database) -> None:
        database.migrate()
        with database.read() as session:
            book = ledger.find(session, SCOPE, ITEMS)
        with database.workspace() as workspace:
            stage(workspace, {"1": ("a", None, "c")})
            assert workspace.diff(book) == dict(zip(ITEMS, [1, 0, 1], strict=True))
        with database.read() as session:
            assert ledger.find(session, SCOPE, ITEMS).table is None

    def test_a_field_that_was_never_written_is_compared_with_nothing(self, database: Database) -> None:
        opened(database, ITEMS[:1])
        with database.read() as session:
            book = ledger.find(session, SCOPE, ITEMS)
        with database.workspace() as workspace:
            stage(workspace, {"1": ("a", "b", None)})
            assert workspace.diff(book) == dict(zip(ITEMS, [1, 1, 0], strict=True))

    def test_many_items_at_once(self, database: Database) -> None:
        items = [f"F{number}" for number in range(500)]
        book = opened(database, items)
        with database.workspace() as workspace:
            stage(workspace, {"1": tuple(items), "2": (None,) * 499 + ("x",)}, items)
            assert sum(workspace.diff(book).values()) == 501


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
ROW = st.tuples(*[st.none() | TEXT] * len(ITEMS))
ROWS = st.dictionaries(st.text("abAB1ä", min_size=1, max_size=2), ROW, max_size=8)


class TestProperty:
    """Cycle after cycle, the ledger is what a dictionary would be."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cycles=st.lists(ROWS, min_size=1, max_size=4), lost=st.sets(st.integers(0, 20)))
    def test_the_ledger_follows_what_was_acknowledged(
        self, database: Database, cycles: list[Staged], lost: set[int]
    ) -> None:
        scope = f"profile:{time.monotonic_ns()}"
        with database.begin() as session:
            book = ledger.open_ledger(session, scope, ITEMS)
        model: dict[tuple[str, str], str] = {}
        with database.workspace() as workspace:
            for number, staged in enumerate(cycles):
                stage(workspace, staged)
                wanted = {
                    (key, item): value
                    for key, values in staged.items()
                    for item, value in zip(ITEMS, values, strict=True)
                    if value is not None and model.get((key, item)) != value
                }
                assert sum(workspace.diff(book).values()) == len(wanted)
                writes = [write for _, write in workspace.changes(0, 1000)]
                assert {(w.key, w.item): w.value for w in writes} == wanted
                assert all(w.before == model.get((w.key, w.item)) for w in writes)
                assert [w.key for w in writes] == sorted(w.key for w in writes)
                kept = [write for place, write in enumerate(writes) if place not in lost]
                with workspace.begin() as session:
                    ledger.acknowledge(session, book, [WriteResult(write=w) for w in kept], number, now=NOW)
                model |= {(w.key, w.item): w.value for w in kept}
                # Null never clears, and what was acknowledged is no change any more.
                assert sum(workspace.diff(book).values()) == len(writes) - len(kept)
        found = exported(database, book)
        assert {(key, item): value for key, _, item, value in found} == model
        assert [row[0] for row in found] == sorted(row[0] for row in found)


COMMITTER = """
import sys
from pathlib import Path
from reconciler.clock import SystemClock
from reconciler.model.outcome import Write, WriteResult
from reconciler.state import ledger
from reconciler.state.database import open_database
with open_database(sys.argv[1], clock=SystemClock(), root=Path(sys.argv[2])) as database:
    with database.begin() as session:
        book = ledger.open_ledger(session, "s", ["A", "B"])
    for number in range(100_000):
        results = [
            WriteResult(write=Write(key=f"{number:06d}{row:02d}", label="", item=item, before=None, value=str(number)))
            for row in range(25) for item in ("A", "B")
        ]
        with database.begin() as session:
            ledger.acknowledge(session, book, results, 1, now=database.clock.now())
        print(number, flush=True)
"""


@pytest.mark.parametrize("after", [3, 20, 60])
def test_a_kill_between_and_within_commits_loses_no_acknowledged_batch(
    after: int, url: str, open_again: Open, tmp_path: Path
) -> None:
    """Whatever was reported as committed is there; what was under way is there as a whole or not at all."""
    command = [sys.executable, "-c", COMMITTER, url, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                time.sleep(random.Random(after).random() / 100)
                os.kill(process.pid, signal.SIGKILL)
                break
        reported = max([int(line), *map(int, process.stdout.read().split())])
    database = open_again()
    with database.begin() as session:
        book = ledger.open_ledger(session, "s", ["A", "B"])
    values = [value for _, _, _, value in exported(database, book)]
    numbers = sorted({int(value) for value in values})
    assert numbers == list(range(len(numbers)))
    assert reported + 1 <= len(numbers) <= reported + 2
    assert all(values.count(str(number)) == 50 for number in numbers)


@pytest.mark.parametrize(("key", "plain"), [("ada@example.org", True), ("ädä@example.org", False)])
def test_whether_the_keys_of_changes_are_of_ascii(database: Database, key: str, plain: bool) -> None:
    book = opened(database, ["A"])
    with database.workspace() as workspace:
        workspace.stage(["A"])
        workspace.load("stage", sorted([("b@example.org", "B", "ü"), (key, "K", "v"), ("ø", "O", None)]))
        workspace.diff_records(book)
        assert workspace.changes_plain_keys() is plain
        found = workspace.changed_records(0, 10)
        assert workspace.unchanged(found) == {}
        assert workspace.unchanged([]) == {}
