"""Models on SQLite: read only, the same text on either way, and an answer to whatever is wrong."""

from __future__ import annotations

import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.sql.base import PAGE_ROWS
from reconciler.model.value import INVALID
from reconciler.records.text_of import BINARY, NOT_FINITE, UNSTORABLE, decoded, flaw_of, rendition
from tests.connectors.databases import ENDLESS, SLOW, Rows, rows, sqlite_file, sqlite_source, stopping

PEOPLE = "CREATE TABLE people (email TEXT, company TEXT, seats INTEGER, score REAL)"
ANNA = "INSERT INTO people VALUES ('anna@example.com', '007', 3, 0.1)"

ALL = "SELECT * FROM people"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return sqlite_file(tmp_path / "people.db", PEOPLE, ANNA)


def staged(path: Path, query: str, columns: list[str], target: Path) -> Rows:
    """What the fast path stages, read as its readers read it."""
    count = sqlite_source(path).stage_file(query, columns, target)
    with closing(sqlite3.connect(target)) as connection:
        connection.text_factory = decoded
        found = connection.execute("SELECT * FROM rows").fetchall()
    assert len(found) == count
    assert {type(value) for row in found for value in row} <= {str, bytes, type(None)}
    return [tuple(map(rendition, row)) for row in found]


def test_columns_are_those_of_the_query(people: Path) -> None:
    assert sqlite_source(people).columns("SELECT email, seats * 2 AS double FROM people;\n") == ["email", "double"]


def test_rows_come_in_the_order_of_the_columns_asked_for(people: Path) -> None:
    assert rows(sqlite_source(people), ALL, ["score", "EMAIL"]) == [("0.1", "anna@example.com")]


def test_a_relative_path_begins_at_the_project(people: Path) -> None:
    from tests.connectors.databases import source

    assert rows(source("sqlite", "sqlite:///people.db", root=people.parent), ALL, ["company"]) == [("007",)]


VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.floats(-1e4, 1e4).map(lambda number: round(number, 2))
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(max_size=20)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=20))
def test_either_way_gives_the_text_of_the_value(tmp_path: Path, values: list[tuple[object, object]]) -> None:
    path, target = tmp_path / "values.db", tmp_path / "staged.db"
    path.unlink(missing_ok=True)
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", values)
        connection.commit()
    expected = [(rendition(first), rendition(second)) for first, second in values]
    assert rows(sqlite_source(path), "SELECT * FROM t ORDER BY rowid") == expected
    assert staged(path, "SELECT * FROM t ORDER BY rowid", ["a", "b"], target) == expected


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_text_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "encoded.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("INSERT INTO t VALUES ('é😀שלום', 1.5), ('plain', NULL), ('a' || char(0) || 'b', 9e999)")
        connection.commit()
    expected = [("é😀שלום", "1.5"), ("plain", None), (INVALID + UNSTORABLE, INVALID + NOT_FINITE)]
    assert rows(sqlite_source(path), "SELECT * FROM t") == expected
    assert staged(path, "SELECT * FROM t", ["a", "b"], tmp_path / "staged.db") == expected


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("CAST(x'c328' AS TEXT)", UNSTORABLE),
        ("CAST(x'eda080' AS TEXT)", UNSTORABLE),
        ("CAST(x'e282' || x'41' AS TEXT)", UNSTORABLE),
        ("CAST(x'80' AS TEXT)", UNSTORABLE),
        ("x'00ff'", BINARY),
        ("-9e999", NOT_FINITE),
    ],
)
def test_a_value_without_text_spoils_nothing_but_itself(tmp_path: Path, value: str, flaw: str) -> None:
    path = sqlite_file(tmp_path / "bad.db", "CREATE TABLE t (a, b)", f"INSERT INTO t VALUES ({value}, 1), ('x', 2)")
    found = rows(sqlite_source(path), "SELECT * FROM t")
    assert [(flaw_of(a), b) for a, b in found] == [(flaw, "1"), (None, "2")]
    assert staged(path, "SELECT * FROM t", ["a", "b"], tmp_path / "staged.db") == found


def test_long_and_wide_rows(tmp_path: Path) -> None:
    names = [f"column {number}" for number in range(200)]
    listed = ", ".join(f'"{name}"' for name in names)
    path = sqlite_file(tmp_path / "wide.db", f"CREATE TABLE t ({listed})")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * 200)})", ["é" * 65_000, *range(199)])
        connection.commit()
    expected = [("é" * 65_000, *map(str, range(199)))]
    assert rows(sqlite_source(path), "SELECT * FROM t") == expected
    assert staged(path, "SELECT * FROM t", names, tmp_path / "staged.db") == expected


def test_rows_come_in_pages(tmp_path: Path) -> None:
    numbers = (
        f"WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT {PAGE_ROWS * 2 + 1}) SELECT a FROM n"
    )
    path = sqlite_file(tmp_path / "empty.db")
    assert [len(page) for page in sqlite_source(path).pages(numbers, ["a"])] == [PAGE_ROWS, PAGE_ROWS, 1]
    assert rows(sqlite_source(path), "SELECT 1 AS a WHERE 0") == []


def test_a_staged_file_is_only_for_its_owner_and_never_replaced(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "staged.db"
    assert staged(people, ALL, ["email"], target) == [("anna@example.com",)]
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        sqlite_source(people).stage_file(ALL, ["email"], target)
    assert target.exists()


def test_a_file_that_could_not_be_filled_is_gone(people: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.RemoteRefused):
        sqlite_source(people).stage_file("SELECT json(email) AS email FROM people", ["email"], tmp_path / "staged.db")
    assert not (tmp_path / "staged.db").exists()


EVIL = [
    ("DELETE FROM people", "DELETE"),
    ("UPDATE people SET seats = 0", "UPDATE"),
    ("INSERT INTO people DEFAULT VALUES", "INSERT"),
    ("DELETE FROM people RETURNING *", "DELETE"),
    ("CREATE TABLE more (a)", "a change of the schema"),
    ("CREATE TEMP TABLE more (a)", "a change of the schema"),
    ("DROP TABLE people", "a change of the schema"),
    ("ATTACH 'other.db' AS other", "ATTACH"),
    ("DETACH main", "DETACH"),
    ("PRAGMA journal_mode = DELETE", "PRAGMA"),
    ("PRAGMA query_only = OFF", "PRAGMA"),
    ("VACUUM INTO 'copy.db'", "syntax error"),
    ("BEGIN", "TRANSACTION"),
    ("COMMIT", "TRANSACTION"),
    ("SAVEPOINT a", "SAVEPOINT"),
    ("SELECT load_extension('evil.so')", "the function load_extension"),
    ("SELECT Load_Extension('evil.so')", "the function load_extension"),
    ("SELECT * FROM scratch.rows", "scratch.rows|other than to read"),
]


@pytest.mark.parametrize(("query", "what"), EVIL, ids=[query for query, _ in EVIL])
def test_a_query_can_do_nothing_but_read(people: Path, query: str, what: str) -> None:
    before = people.read_bytes()
    for ask in (
        lambda: sqlite_source(people).columns(query),
        lambda: list(sqlite_source(people).pages(query, ["email"])),
        lambda: sqlite_source(people).stage_file(query, ["email"], people.parent / "staged.db"),
    ):
        with pytest.raises(errors.RemoteRefused, match=what):
            ask()
    assert people.read_bytes() == before
    assert sorted(path.name for path in people.parent.iterdir()) == ["people.db"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT email FROM nobody", "no such table: nobody"),
        ("SELECT absent FROM people", "no such column: absent"),
        ("SELEC email FROM people", 'near "SELEC": syntax error'),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT 1; DELETE FROM people", "one statement at a time"),
        ("SELECT 1) AS a, (SELECT 2", "syntax error"),
        ("SELECT ?", "bindings"),
        ("SELECT email, seats AS email FROM people", "more than one column called 'email'"),
        ("SELECT a.*, b.* FROM people AS a, people AS b", "'email', 'company', 'seats', 'score'"),
        ("SELECT email \0 FROM people", "NUL"),
        ("SELECT '{{ ref }}' AS a FROM {{ ref('people') }}", "unrecognized token|syntax error"),
        ("", "syntax error|incomplete"),
    ],
)
def test_what_is_wrong_with_a_query(people: Path, query: str, message: str) -> None:
    with pytest.raises(errors.RemoteRefused, match=message) as raised:
        sqlite_source(people).columns(query)
    assert raised.value.hint
    assert "\n" not in raised.value.message


def test_a_comment_at_the_end_is_a_comment(people: Path) -> None:
    assert rows(sqlite_source(people), "SELECT email FROM people -- ; DELETE FROM people") == [("anna@example.com",)]


def test_a_column_that_is_not_there(people: Path) -> None:
    with pytest.raises(errors.RemoteRefused, match="no column called 'name'") as raised:
        rows(sqlite_source(people), ALL, ["email", "name"])
    assert "'email', 'company', 'seats', 'score'" in str(raised.value.hint)


def test_virtual_tables_of_the_file_and_of_sqlite_are_read(tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path / "virtual.db",
        "CREATE VIRTUAL TABLE notes USING fts5(body)",
        "INSERT INTO notes VALUES ('hello world')",
    )
    assert rows(sqlite_source(path), "SELECT body FROM notes WHERE notes MATCH 'world'") == [("hello world",)]
    assert rows(sqlite_source(path), "SELECT value FROM json_each('[1, \"a\"]')") == [("1",), ("a",)]


def test_a_row_that_fails_in_the_middle_is_not_quoted(people: Path, tmp_path: Path) -> None:
    sqlite_file(
        people,
        "INSERT INTO people SELECT 'person' || value || '@example.com', '{}', 1, 1 FROM "
        "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 6000) SELECT value FROM n)",
        "UPDATE people SET company = '{\"a\": 1}'",
        "INSERT INTO people VALUES ('last@example.com', 'top secret', 1, 1)",
        "CREATE VIEW broken AS SELECT email, json_extract(company, '$.a') AS a FROM people",
    )
    pages = sqlite_source(people).pages("SELECT * FROM broken", ["email", "a"])
    assert len(next(pages)) == PAGE_ROWS
    with pytest.raises(errors.RemoteRefused, match="failed while rows were read") as raised:
        list(pages)
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"


def test_files_that_are_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, just text\n" * 100)
    for name, message in [
        ("none.db", "there is no file"),
        (".", "is a folder"),
        ("text.db", "is no SQLite database"),
        ("a" * 300, "cannot be reached: File name too long"),
    ]:
        with pytest.raises(errors.RemoteRefused, match=message) as raised:
            sqlite_source(tmp_path / name).columns("SELECT 1 AS a")
        assert raised.value.hint
    assert not (tmp_path / "none.db").exists()


def test_a_damaged_file(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "damaged.db", PEOPLE, *[ANNA] * 2000)
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(errors.RemoteRefused, match="is damaged"):
        rows(sqlite_source(path), ALL, ["email"])


def test_a_locked_file(people: Path) -> None:
    stop = threading.Event()
    with closing(sqlite3.connect(people, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(errors.Interrupted), stopping(stop):
            sqlite_source(people, stop=stop).columns(ALL)
        with pytest.raises(errors.RemoteUnavailable, match="locked by another process"):
            sqlite_source(people).columns(ALL)
        writer.execute("COMMIT")
    assert sqlite_source(people).columns(ALL)


def test_a_writer_that_is_done_in_a_moment_is_waited_for(people: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(people, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.8, writer.execute, ["COMMIT"])
        timer.start()
        assert staged(people, ALL, ["email"], tmp_path / "staged.db") == [("anna@example.com",)]
        timer.join()


def test_a_file_in_wal_mode_is_read_while_it_is_written(people: Path) -> None:
    with closing(sqlite3.connect(people, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute(ANNA)
        pages = sqlite_source(people).pages(ALL, ["email"])
        assert len(next(pages)) == 2
        writer.execute(ANNA)
        assert list(pages) == []


@pytest.mark.parametrize("query", [ENDLESS, SLOW])
def test_a_query_without_end_is_cut_short(tmp_path: Path, query: str) -> None:
    path, target = sqlite_file(tmp_path / "empty.db"), tmp_path / "staged.db"
    late = sqlite_source(path, seconds=0.3)
    with pytest.raises(errors.RemoteUnavailable, match=r"longer than 0\.3 seconds"):
        late.stage_file(query, ["a"], target)
    assert not target.exists()
    stop = threading.Event()
    with pytest.raises(errors.Interrupted), stopping(stop):
        rows(sqlite_source(path, stop=stop), query, ["a"])
    stop.clear()
    with pytest.raises(errors.Interrupted), stopping(stop):
        sqlite_source(path, stop=stop).stage_file(query, ["a"], target)
    assert not target.exists()


def test_a_value_that_fills_the_memory_is_refused(people: Path) -> None:
    with pytest.raises(errors.RemoteRefused, match="more than 16 MiB"):
        rows(sqlite_source(people), "SELECT hex(zeroblob(30000000)) AS a")


def test_numbers_that_are_whole_have_no_point(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "numbers.db", "CREATE TABLE t (a)")
    with closing(sqlite3.connect(path)) as connection:
        given = [0.0, -0.0, 1e14, 1e15, 1e16, -3.0, 123456789012345.6, 5e-324, math.pi, 2.0**62, 1e18]
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in given])
        connection.commit()
    expected = [(rendition(number),) for number in given]
    assert rows(sqlite_source(path), "SELECT a FROM t") == expected
    assert staged(path, "SELECT a FROM t", ["a"], tmp_path / "staged.db") == expected
