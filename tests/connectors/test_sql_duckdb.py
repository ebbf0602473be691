"""Models on DuckDB: read only, nothing outside of the file, and an answer to whatever is wrong."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.connectors.sql.base import PAGE_ROWS
from reconciler.records.text_of import BINARY, NO_TEXT, NOT_FINITE, OUT_OF_RANGE, flaw_of
from tests.connectors.databases import duck_file, duck_source, rows, stopping

PEOPLE = "CREATE TABLE people (email VARCHAR, company VARCHAR, seats INTEGER)"
ANNA = "INSERT INTO people VALUES ('anna@example.com', '007', 3)"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return duck_file(tmp_path / "people.duckdb", PEOPLE, ANNA)


def test_rows_come_in_the_order_of_the_columns_asked_for(people: Path) -> None:
    found = duck_source(people)
    assert found.columns("FROM people;") == ["email", "company", "seats"]
    assert rows(found, "SELECT * FROM people -- all", ["SEATS", "company"]) == [("3", "007")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.50::DECIMAL(10, 4)", "1.5"),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("0.1::DOUBLE", "0.1"),
        ("'NaN'::DOUBLE", NOT_FINITE),
        ("'-inf'::FLOAT", NOT_FINITE),
        ("true", "true"),
        ("DATE '2026-01-02'", "2026-01-02"),
        ("DATE 'infinity'", OUT_OF_RANGE),
        ("TIMESTAMP '2026-01-02 03:04:05.5'", "2026-01-02T03:04:05.5"),
        ("TIMESTAMP '290000-01-01'", OUT_OF_RANGE),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+05:30'", "2026-01-01T21:34:05Z"),
        ("TIMESTAMPTZ '-infinity'", OUT_OF_RANGE),
        ("TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", "2026-01-02T03:04:05.123456789"),
        ("TIMESTAMP_S '2026-01-02 03:04:05'", "2026-01-02T03:04:05"),
        ("TIME '01:02:03.5'", "01:02:03.5"),
        ("'00000000-0000-0000-0000-000000000001'::UUID", "00000000-0000-0000-0000-000000000001"),
        ("'a'::BLOB", BINARY),
        ("INTERVAL 1 DAY", NO_TEXT),
        ("['a', 'é']", '["a","é"]'),
        ("{'a': 1.50, 'b': DATE '2026-01-02'}", '{"a":1.5,"b":"2026-01-02"}'),
        ("MAP {'a': 1}", '{"a":1}'),
        ("repeat('é', 65000)", "é" * 65_000),
        ("'😀 שלום'", "😀 שלום"),
        ("'007'", "007"),
        ("NULL", None),
    ],
)
def test_values_of_every_type(people: Path, value: str, text: str | None) -> None:
    ((found,),) = rows(duck_source(people), f"SELECT {value} AS a")
    assert (flaw_of(found) or found) == text


def test_rows_come_in_pages(people: Path) -> None:
    pages = duck_source(people).pages(f"SELECT range AS a FROM range({PAGE_ROWS * 2 + 1})", ["a"])
    assert [len(page) for page in pages] == [PAGE_ROWS, PAGE_ROWS, 1]
    assert rows(duck_source(people), "SELECT 1 AS a WHERE false") == []


def test_two_hundred_columns(people: Path) -> None:
    listed = ", ".join(f'{number} AS "Column {number}"' for number in range(200))
    assert rows(duck_source(people), f"SELECT {listed}") == [tuple(map(str, range(200)))]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM people", "not one SELECT"),
        ("DELETE FROM people RETURNING *", "not one SELECT"),
        ("SELECT 1 AS a; DROP TABLE people", "not one SELECT"),
        ("ATTACH 'other.duckdb'", "not one SELECT"),
        ("COPY people TO 'copy.csv'", "not one SELECT"),
        ("SET enable_external_access = true", "not one SELECT"),
        ("INSTALL httpfs", "not one SELECT"),
        ("", "not one SELECT"),
        ("SELECT * FROM read_csv('people.duckdb')", "disabled by configuration"),
        ("SELECT * FROM 'https://example.com/people.parquet'", "DuckDB refuses the query"),
        ("SELECT 1) AS a, (SELECT 2", "syntax error"),
        ("SELECT * FROM nobody", "Table with name nobody does not exist"),
        ("SELECT nothing FROM people", 'column "nothing" not found'),
        ("SELECT email, seats AS email FROM people", "more than one column called 'email'"),
        ("SELECT ? AS a", "failed|parameter"),
    ],
)
def test_a_query_can_do_nothing_but_read(people: Path, query: str, message: str) -> None:
    before = people.read_bytes()
    with pytest.raises(errors.RemoteRefused, match=message) as raised:
        rows(duck_source(people), query)
    assert raised.value.hint
    assert "\n" not in raised.value.message
    assert people.read_bytes() == before
    assert [path.name for path in people.parent.iterdir()] == ["people.duckdb"]


def test_settings_are_made_and_locked(people: Path) -> None:
    names = ["enable_external_access", "lock_configuration", "enable_progress_bar", "autoload_known_extensions"]
    listed = ", ".join(f"current_setting('{name}') AS {name}" for name in names)
    assert rows(duck_source(people), f"SELECT {listed}") == [("false", "true", "false", "false")]


def test_a_row_that_fails_is_not_quoted(people: Path) -> None:
    duck_file(people, "INSERT INTO people VALUES ('last', 'top secret', 1)")
    with pytest.raises(errors.RemoteRefused, match="ConversionException") as raised:
        rows(duck_source(people), "SELECT company::INTEGER AS a FROM people", ["a"])
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"


def test_files_that_are_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("this is no database, just text\n" * 1000)
    for name, message in [
        ("none", "there is no file"),
        (".", "is a folder"),
        ("text.duckdb", "cannot be opened"),
        ("a" * 300, "cannot be reached: File name too long"),
    ]:
        with pytest.raises(errors.RemoteError, match=message) as raised:
            duck_source(tmp_path / name).columns("SELECT 1 AS a")
        assert raised.value.hint
    assert not (tmp_path / "none").exists()


def test_a_file_that_another_process_writes_to(people: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(people)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(errors.RemoteUnavailable, match="cannot be opened") as raised:
            duck_source(people).columns("FROM people")
        assert "locked" in str(raised.value.hint)
        writer.communicate()
    assert duck_source(people).columns("FROM people")


SLOW = "SELECT count(*) AS a FROM range(10000000) AS x, range(10000000) AS y WHERE x.range + y.range = 1"


def test_a_query_without_end_is_cut_short(people: Path) -> None:
    with pytest.raises(errors.RemoteUnavailable, match=r"longer than 0\.3 seconds"):
        rows(duck_source(people, seconds=0.3), SLOW, ["a"])
    stop = threading.Event()
    with pytest.raises(errors.Interrupted), stopping(stop):
        rows(duck_source(people, stop=stop), SLOW, ["a"])


def test_more_memory_than_there_is(people: Path) -> None:
    query = "SELECT list(repeat('x', 1000) || range) AS a FROM range(1000000)"
    with pytest.raises(errors.RemoteRefused, match="512MB"):
        next(duck_source(people).pages(query, ["a"]))


def test_several_readers_of_one_file(tmp_path: Path) -> None:
    """Cycles of one loop may read the same file at once, and to all of them a moment is one in UTC."""
    path = duck_file(
        tmp_path / "a.duckdb",
        "CREATE TABLE t AS SELECT TIMESTAMPTZ '2026-01-01 00:00:00+02' AS a FROM range(20000)",
    )
    first, second = (duck_source(path).pages("SELECT a FROM t", ["a"]) for _ in range(2))
    spelled = {row for pages in (first, second) for row in next(pages)}
    spelled |= {row for pages in (second, first) for page in pages for row in page}
    assert spelled == {("2025-12-31T22:00:00Z",)}
