"""The two ways of a row into the stage say the same: through Python, and from database to database."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.connectors.sql.source import SqlSource
from reconciler.engine.flows.records import key_text
from reconciler.engine.flows.warehouse import WarehouseFlow, scope
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.outcome import Outcome, Write, WriteResult
from reconciler.model.resources import Behavior, FieldRule, Model, Sync, WhenNull
from reconciler.model.run import Tally
from reconciler.model.value import CLEARED, INVALID
from reconciler.records.text_of import BINARY, rendition
from reconciler.state import ledger
from reconciler.state.database import Database, open_database
from reconciler.state.shaping import BLANKS
from tests.connectors.databases import source, sqlite_source
from tests.postgres import Postgres

COLUMNS = ("email", "name", "city", "plan", "seats")

OBJECT = CatalogObject(
    name="thing__gc",
    label="Thing",
    fields={
        name: CatalogField(name=name, label=name, data_type=kind)
        for name, kind in {
            "Email": DataType.EMAIL,
            "Name": DataType.STRING,
            "City": DataType.STRING,
            "Number": DataType.NUMBER,
        }.items()
    },
)
MODEL = Model(name="things", connection="warehouse", query="SELECT * FROM things", key=("email", "name"))
SYNC = Sync(
    name="things",
    model="things",
    connection="acme-cs",
    object="Thing",
    behavior=Behavior.UPDATE_OR_CREATE,
    key={"Email": "email", "Name": "name"},
    fields=(
        FieldRule(field="City", column="city"),
        FieldRule(field="Town", column="city", when_null=WhenNull.CLEAR),
        FieldRule(field="Plan", column="plan", when_null=WhenNull.DEFAULT, default="it's 5 % {or} so"),
        FieldRule(field="Seats", column="seats"),
        FieldRule(field="Fixed", constant=True),
    ),
    schedule=None,
)
NUMBERED = replace(SYNC, key={"Email": "email", "Number": "name"})


class SlowPath:
    """A source that only gives pages."""

    stages = copies = False

    def __init__(self, inner: SqlSource) -> None:
        self.pages = inner.pages


Found = tuple[list[tuple[str | None, ...]], dict[str, Tally], list[tuple[str | None, ...]]]


def staged(database: Database, from_: Any, sync: Sync = SYNC) -> Found:
    with database.workspace() as workspace:
        flow = WarehouseFlow(sync, MODEL, OBJECT, from_)
        tallies = flow.stage(workspace).tallies
        columns = ("key", "label", *(f"c{place}" for place in range(len(flow.items))))
        rows = [tuple(map(rendition, row)) for row in workspace.sorted("stage", columns, ("key",))]
        rejected = sorted(workspace.sorted("rejected", ("item", "key", "label", "reason", "detail"), ("key",)), key=str)
    return rows, tallies, rejected


def assert_same(database: Database, from_: SqlSource, sync: Sync = SYNC) -> Found:
    fast, slow = staged(database, from_, sync), staged(database, SlowPath(from_), sync)
    assert fast == slow
    return fast


KEYS = st.sampled_from(
    ["a@x.org", "A@X.org", " a@x.org\u2003", "É@x.org", "b", "\n", "", CLEARED, INVALID + BINARY, 'q"\\\t', "\x7f\x1f"]
) | st.sampled_from(["7", "007"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), max_size=6)
VALUES = (
    st.none()
    | TEXTS
    | st.sampled_from(["", " ", CLEARED, CLEARED + "x", INVALID + BINARY, INVALID, "\ue002", "\uffee", "😀"])
)
ROWS = st.lists(st.tuples(st.none() | KEYS | TEXTS, st.none() | KEYS, VALUES, VALUES, VALUES), max_size=12)
MIXED = VALUES | st.binary(max_size=3) | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.just("a\0b")
MIXED_ROWS = st.lists(st.tuples(*([st.none() | KEYS | MIXED] * 2), MIXED, MIXED, MIXED), max_size=12)


def fill_file(warehouse: Path, rows: Sequence[tuple[Any, ...]]) -> None:
    with contextlib.closing(sqlite3.connect(warehouse)) as file:
        file.execute("DROP TABLE IF EXISTS things")
        file.execute(f"CREATE TABLE things ({', '.join(COLUMNS)})")
        file.executemany("INSERT INTO things VALUES (?, ?, ?, ?, ?)", rows)
        file.commit()


def fill_server(warehouse: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute("TRUNCATE things")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO things VALUES (%s, %s, %s, %s, %s)", rows)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=MIXED_ROWS)
@example(rows=[("a", "b", None, None, 1), ("a", "b", None, None, 1.0), ("A ", "b", "", "", "1")])
@example(
    rows=[("a", "b", "x", None, 1), ("a", "b", "y", None, 1), (None, "b", "y", None, 1), (b"x", "b", "y", None, 1)]
)
@example(rows=[("a\0", "b", "x", None, 1), ("a", "b", "x\0y", b"", float("inf"))])
def test_from_sqlite_to_sqlite(embedded: tuple[Database, Path, Iterator[int]], rows: Sequence[tuple[Any, ...]]) -> None:
    database, warehouse, _ = embedded
    fill_file(warehouse, rows)
    assert_same(database, sqlite_source(warehouse))
    assert_same(database, sqlite_source(warehouse), NUMBERED)
    assert sorted(path.name for path in warehouse.parent.rglob("*stage*")) == []


@pytest.fixture(scope="module")
def servers(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    warehouse = postgres.create_database()
    with psycopg.connect(warehouse) as connection:
        connection.execute(f"CREATE TABLE things ({', '.join(f'{name} text' for name in COLUMNS)})")
    folder = tmp_path_factory.mktemp("staging")
    with open_database(postgres.create_database(), clock=SystemClock(), root=folder) as database:
        yield database, warehouse


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
@example(rows=[("a", "b", "x", None, "1"), ("a", "b", "y", None, "1"), (None, "b", "y", None, "1")])
@example(rows=[("a", "b", None, "%s", "1"), ("A ", "b", "", "%s", "1")])
def test_from_postgresql_to_postgresql(servers: tuple[Database, str], rows: Sequence[tuple[Any, ...]]) -> None:
    database, warehouse = servers
    fill_server(warehouse, rows)
    assert_same(database, source("postgresql", warehouse))
    assert_same(database, source("postgresql", warehouse), NUMBERED)


NUMERALS = (("7", "007", "7.0", " 7e0 ", "+7"), ("8",), ("-0.50", "-.5"), ("x7",), ("0", "-0"), ("1e99",))
"""Spellings of one number, and what is none."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("differ", [True, False])
def test_numbers_are_keys_by_their_value(
    embedded: tuple[Database, Path, Iterator[int]], servers: tuple[Database, str], kind: str, differ: bool
) -> None:
    rows = [("a@x.org", text, None, None, text if differ else "1") for texts in NUMERALS for text in texts]
    if kind == "sqlite":
        database, warehouse, _ = embedded
        fill_file(warehouse, rows)
        found, tallies, rejected = assert_same(database, sqlite_source(warehouse), NUMBERED)
    else:
        database, server = servers
        fill_server(server, rows)
        found, tallies, rejected = assert_same(database, source("postgresql", server), NUMBERED)
    once = {"8", "x7", "1e99"}
    several = {"7", "-0.5", "0"}
    assert {str(row[1]) for row in found} == {f"a@x.org · {key}" for key in (once if differ else once | several)}
    assert {row[2] for row in rejected} == ({f"a@x.org · {key}" for key in several} if differ else set())
    assert tallies["Seats"].read == len(rows)


Compared = tuple[dict[str, Tally], dict[str, int], dict[str, int], list[Write], list[tuple[str | None, ...]]]


def compared(database: Database, sync: Sync, from_: Any) -> Compared:
    """Everything that a cycle concludes of the rows and the ledger."""
    with database.workspace() as workspace:
        flow = WarehouseFlow(sync, MODEL, OBJECT, from_)
        with database.begin() as session:
            flow.recall(session)
            book = ledger.open_ledger(session, scope(sync), flow.items)
        tallies = flow.stage(workspace).tallies
        changed = workspace.diff(book, flow.items)
        flow.examine(workspace)
        changes = [replace(write, value=rendition(write.value) or "") for _, write in workspace.changes(0, 1000)]
        assert workspace.find_departed(book) == workspace.count("departed")
        departed = list(workspace.sorted("departed", ("key", "label"), ("key",)))
        return tallies, workspace.count_staged(), changed, changes, departed


def remember(database: Database, sync: Sync, records: Sequence[tuple[str, str, Sequence[str | None]]]) -> None:
    """Put values into the ledger. An item without a value was never written, and its column may be missing."""
    items = sorted(rule.field for rule in sync.fields)
    written = [
        WriteResult(
            write=Write(key=key_text([email, name]), label=email, item=item, before=None, value=value),
            outcome=Outcome.UPDATED,
        )
        for email, name, values in records
        for item, value in zip(items, values, strict=True)
        if value is not None
    ]
    with database.begin() as session:
        book = ledger.open_ledger(session, scope(sync), {result.write.item for result in written})
        ledger.acknowledge(session, book, written, 1, now=SystemClock().now())


FEW = st.sampled_from(["x", "y", "", "é", CLEARED, INVALID + BINARY, "\ue002", None, 1, 1.5, b"x", "x\0y"])
PARTS = st.tuples(st.sampled_from(["a", "a-b", "b@x.org", "É", 'q"', "x "]), st.sampled_from(["A", "B", "Z~"]))
WRITTEN = st.sampled_from(["x", "y", "é", "1", "1.5", "true", "it's 5 % {or} so", CLEARED, None])
UNIQUE = st.lists(st.tuples(PARTS, FEW, FEW, FEW), max_size=8, unique_by=lambda row: row[0])
BOOK = st.lists(st.tuples(PARTS, st.tuples(*([WRITTEN] * 5))), max_size=8, unique_by=lambda record: record[0])
SAME = ("x", "true", "y", "1", "x")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path, Iterator[int]]]:
    folder = tmp_path_factory.mktemp("staging")
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=folder) as database:
        yield database, folder / "warehouse.db", count()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=UNIQUE, book=BOOK, ordered=st.booleans(), again=st.booleans())
@example(
    rows=[(("a", "A"), "x", "y", 1), (("b", "B"), "x", "y", 1)], book=[(("a", "A"), SAME)], ordered=True, again=False
)
@example(rows=[(("a", "A"), "x", "y", 1)], book=[(("a", "A"), SAME), (("b", "B"), SAME)], ordered=True, again=False)
@example(rows=[(("a", "A"), "x", "y", 1)], book=[(("a", "A"), SAME)], ordered=True, again=True)
@example(rows=[(("a", "A"), CLEARED, "y", 1)], book=[(("a", "A"), (CLEARED, *SAME[1:]))], ordered=True, again=False)
@example(rows=[(("a", "A"), None, "y", 1)], book=[(("a", "A"), (*SAME[:4], CLEARED))], ordered=True, again=False)
def test_what_the_ledger_has_is_left_out(
    embedded: tuple[Database, Path, Iterator[int]],
    rows: Sequence[Any],
    book: Sequence[Any],
    ordered: bool,
    again: bool,
) -> None:
    """Whether rows are compared with the ledger as they are, or staged first, nothing else comes of it."""
    database, warehouse, numbers = embedded
    sync = replace(SYNC, object=f"Thing {next(numbers)}")
    flat = [(*parts, *values) for parts, *values in (sorted(rows, key=lambda row: row[0]) if ordered else rows)]
    with contextlib.closing(sqlite3.connect(warehouse)) as file:
        file.execute("DROP TABLE IF EXISTS things")
        file.execute(f"CREATE TABLE things ({', '.join(COLUMNS)})")
        file.executemany("INSERT INTO things VALUES (?, ?, ?, ?, ?)", flat + (flat[:1] if again else []))
        file.commit()
    remember(database, sync, [(*parts, values) for parts, values in book])
    from_ = sqlite_source(warehouse)
    assert compared(database, sync, from_) == compared(database, sync, SlowPath(from_))


def test_unchanged_rows_in_order_are_not_staged(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "warehouse.db")) as file:
        file.execute(f"CREATE TABLE things ({', '.join(COLUMNS)})")
        file.executemany("INSERT INTO things VALUES (?, 'A', 'x', 'y', ?)", [("a", 1), ("b", 2), ("c", 1)])
        file.commit()
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=tmp_path) as database:
        remember(database, SYNC, [("a", "A", SAME), ("b", "A", SAME)])
        with database.workspace() as workspace:
            flow = WarehouseFlow(SYNC, MODEL, OBJECT, sqlite_source(tmp_path / "warehouse.db"))
            with database.begin() as session:
                flow.recall(session)
            flow.stage(workspace)
            assert [key for (key,) in workspace.sorted("stage", ("key",), ("key",))] == ['["b","A"]', '["c","A"]']
            assert workspace.count_records() == 3


def test_what_a_killed_cycle_left_is_replaced(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "warehouse.db")) as file:
        file.execute(f"CREATE TABLE things ({', '.join(COLUMNS)})")
        file.execute("INSERT INTO things VALUES ('a@x.org', 'A', 'Ulm', NULL, 3)")
        file.commit()
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=tmp_path) as database:
        database.migrate()
        (tmp_path / "var/state.db-stage-things").write_bytes(b"half a file")
        rows, tallies, _ = assert_same(database, sqlite_source(tmp_path / "warehouse.db"))
    assert rows == [('["a@x.org","A"]', "a@x.org · A", "Ulm", "true", "it's 5 % {or} so", "3", "Ulm")]
    assert {item: tally.read for item, tally in tallies.items()} == dict.fromkeys(
        ("City", "Fixed", "Plan", "Seats", "Town"), 1
    )
    assert not list((tmp_path / "var").glob("*stage*"))


def test_a_source_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "warehouse.db")) as file:
        file.execute("CREATE TABLE other (a)")
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=tmp_path) as database:
        with database.workspace() as workspace, pytest.raises(errors.RemoteError, match="things"):
            WarehouseFlow(SYNC, MODEL, OBJECT, sqlite_source(tmp_path / "warehouse.db")).stage(workspace)
        assert not list((tmp_path / "var").glob("*stage*"))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """SQLite keeps whatever bytes it is given as text. They are found when somebody reads them."""
    with contextlib.closing(sqlite3.connect(tmp_path / "warehouse.db")) as file:
        file.execute(f"CREATE TABLE things ({', '.join(COLUMNS)})")
        file.execute("INSERT INTO things VALUES ('a@x.org', 'A', CAST(x'ff41' AS TEXT), NULL, 3)")
        file.commit()
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=tmp_path) as database:
        rows, _, _ = assert_same(database, sqlite_source(tmp_path / "warehouse.db"))
    assert rows[0][2] == INVALID + "the value has NUL or half a surrogate pair, which no text can hold"
    # And among changes, whose other texts are read faster.
    with open_database("sqlite:///var/state.db", clock=SystemClock(), root=tmp_path) as database:
        with database.begin() as session:
            book = ledger.open_ledger(session, "record:cs:Thing", ["City"])
        with database.workspace() as workspace:
            flow = WarehouseFlow(SYNC, MODEL, OBJECT, sqlite_source(tmp_path / "warehouse.db"))
            flow.stage(workspace)
            workspace.diff(book, flow.items)
            assert rows[0][2] in [write.value for _, write in workspace.changes(0, 10)]


def test_blanks_are_those_of_python() -> None:
    assert set(BLANKS) == {char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()}
