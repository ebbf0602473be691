"""Models on PostgreSQL: read only, the same text on either way, and an answer to whatever is wrong."""

from __future__ import annotations

import contextlib
import math
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.sql.base import PAGE_ROWS
from reconciler.connectors.sql.source import SqlSource
from reconciler.records.text_of import BINARY, NOT_FINITE, OUT_OF_RANGE, flaw_of, rendition
from tests.connectors.databases import rows, silent_server, source, stopping
from tests.postgres import Postgres

FOREVER = "SELECT pg_sleep(60)::text AS a"

TEXT = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))

TYPES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=None, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    # Beyond, PostgreSQL may write a digit more than it takes: see below.
    "float8": st.floats(-(2.0**53), 2.0**53) | st.sampled_from([math.nan, math.inf, -math.inf]),
    "float4": st.floats(-(2.0**24), 2.0**24, width=32),
    "boolean": st.booleans(),
    "text": TEXT,
    "varchar": TEXT,
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(
        datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30"), timezones=st.just(UTC)
    ),
    "time": st.times(),
    "uuid": st.uuids(),
    "bytea": st.binary(),
    "bigint[]": st.lists(st.integers(-(2**53), 2**53)),
    "text[]": st.lists(st.text('abc"\\é ,{}', max_size=5)),
    "date[]": st.lists(st.dates()),
    "boolean[]": st.lists(st.booleans()),
}


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.create_schema()


@pytest.fixture
def people(url: str) -> Iterator[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE people (email text, company text, seats int)")
        connection.execute("INSERT INTO people VALUES ('anna@example.com', '007', 3)")
    yield url


def ask(url: str, query: str, **options: Any) -> list[tuple[str | None, ...]]:
    return rows(source("postgresql", url, **options), query)


def copied(found: SqlSource, query: str, columns: list[str]) -> list[tuple[str | None, ...]]:
    """Rows of the text format of COPY."""
    escapes = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r", "\\b": "\b", "\\f": "\f", "\\v": "\v"}

    def field(text: str) -> str | None:
        parts, at = [], 0
        while at < len(text):
            width = 2 if text[at] == "\\" else 1
            parts.append(escapes.get(text[at : at + width], text[at]))
            at += width
        return None if text == "\\N" else "".join(parts)

    lines = b"".join(found.copy_out(query, columns)).decode().split("\n")
    assert lines.pop() == ""
    return [tuple(map(field, line.split("\t"))) for line in lines]


@pytest.mark.parametrize("type", TYPES)
def test_either_way_gives_the_text_of_the_value(url: str, type: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(f"CREATE TABLE t (n int, a {type})")

        @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
        @given(st.lists(st.none() | TYPES[type], min_size=1, max_size=30))
        def check(values: list[Any]) -> None:
            connection.execute("TRUNCATE t")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO t VALUES (%s, %s::{type})", list(enumerate(values)))
            loaded = connection.execute("SELECT a FROM t ORDER BY n").fetchall()
            expected = [(rendition(value),) for (value,) in loaded]
            found = source("postgresql", url)
            query = "SELECT * FROM t ORDER BY n"
            assert rows(found, query, ["a"]) == expected
            assert copied(found, query, ["a"]) == expected

        check()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.5000::numeric(20,4)", "1.5"),
        ("'Infinity'::numeric", NOT_FINITE),
        ("'-infinity'::float8", NOT_FINITE),
        ("'infinity'::date", OUT_OF_RANGE),
        ("'-infinity'::timestamptz", OUT_OF_RANGE),
        ("'0044-03-15 BC'::date", OUT_OF_RANGE),
        ("'10000-01-01'::timestamp", OUT_OF_RANGE),
        ("'9999-12-31 23:59:59.999999'::timestamp", "9999-12-31T23:59:59.999999"),
        ("'2026-03-29 02:30+05:30'::timestamptz", "2026-03-28T21:00:00Z"),
        ("'\\x00'::bytea", BINARY),
        ("'ab'::char(5)", "ab"),
        ("'127.0.0.1'::inet", "127.0.0.1/32"),
        ("'1 day 2 hours'::interval", "P1DT2H"),
        ("'{\"a\": 1.0}'::jsonb", '{"a": 1.0}'),
        ('\'{"b":1,"a":2}\'::json', '{"b":1,"a":2}'),
        ("ROW(1, 'x')", "(1,x)"),
        ("ARRAY[[1,2],[3,4]]", "[[1,2],[3,4]]"),
        ("'007'", "007"),
        ("'😀 שלום'", "😀 שלום"),
        ("repeat('é', 65000)", "é" * 65_000),
        ("NULL", None),
    ],
)
def test_values_of_special_types(url: str, value: str, text: str | None) -> None:
    (found,) = ask(url, f"SELECT {value} AS a")
    assert (flaw_of(found[0]) or found[0]) == text


def test_two_hundred_columns(url: str) -> None:
    listed = ", ".join(f'{number} AS "Column {number}"' for number in range(200))
    assert ask(url, f"SELECT {listed}") == [tuple(map(str, range(200)))]


def test_rows_come_in_pages(url: str) -> None:
    query = f"SELECT a FROM generate_series(1, {PAGE_ROWS * 2 + 1}) AS a -- to the end"
    found = source("postgresql", url)
    assert [len(page) for page in found.pages(query, ["a"])] == [PAGE_ROWS, PAGE_ROWS, 1]
    assert ask(url, "SELECT 1 AS a WHERE false") == []


def test_a_reader_sees_one_moment(people: str) -> None:
    query = "SELECT email FROM people, generate_series(1, 6000) AS n"
    pages = source("postgresql", people).pages(query, ["email"])
    first = next(pages)
    with psycopg.connect(people, autocommit=True) as connection:
        connection.execute("DELETE FROM people")
    assert len(first) + sum(map(len, pages)) == 6000


def test_what_would_help_a_query(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('CREATE TABLE "Mixed" (a int)')
        connection.execute("CREATE MATERIALIZED VIEW stale AS SELECT 1 AS a WITH NO DATA")
    for query, hint in {
        "SELECT * FROM Mixed": "capital letters",
        "SELECT b FROM": "correct the SQL of the model",
        "SELECT * FROM stale": "refresh it",
    }.items():
        with pytest.raises(errors.RemoteRefused) as refused:
            ask(url, query)
        assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM people", "no columns"),
        ("DELETE FROM people RETURNING *", "refuses the query"),
        ("SELECT 1; DROP TABLE people", "multiple commands"),
        ("SELECT 1) AS a, (SELECT 2", "syntax error"),
        ("SELECT 1 /* ) AS a; DROP TABLE people; --", "unterminated"),
        ("WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone", "refuses the query"),
        ("SELECT * INTO more FROM people", "no columns"),
        ("SELECT email FROM people FOR UPDATE", "only reads"),
        ("SELECT nextval('numbers')", "only reads"),
        ("SELECT set_config('transaction_read_only', 'off', false) AS a", "code 25001|read-write"),
        ("COPY people TO PROGRAM 'true'", "no columns"),
        ("SELECT $1::text AS a", "parameter"),
        ("SELECT * FROM nobody", 'relation "nobody" does not exist'),
        ("SELECT nothing FROM people", 'column "nothing" does not exist'),
        ("SELEC email", 'syntax error at or near "SELEC"'),
        ("SELECT email, seats AS email FROM people", "more than one column called 'email'"),
        ("SELECT email \0", "NUL"),
        ("SELECT '{{ a }}' FROM {{ ref('people') }}", "syntax error"),
        ("", "no columns"),
    ],
)
def test_a_query_can_do_nothing_but_read(people: str, query: str, message: str) -> None:
    with psycopg.connect(people, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE numbers")
        with pytest.raises(errors.RemoteRefused, match=message) as raised:
            ask(people, query)
        assert raised.value.hint
        assert "\n" not in raised.value.message
        assert connection.execute("SELECT * FROM people").fetchall() == [("anna@example.com", "007", 3)]
        assert connection.execute("SELECT nextval('numbers')").fetchone() == (1,)


def test_a_query_cannot_lift_the_limits_of_the_next_one(people: str) -> None:
    found = source("postgresql", people)
    rows(found, "SELECT set_config('default_transaction_read_only', 'off', false) AS a")
    assert rows(found, "SELECT current_setting('transaction_read_only') AS a") == [("on",)]
    assert rows(found, "SELECT current_setting('default_transaction_read_only') AS a") == [("on",)]
    assert rows(found, "SELECT current_setting('statement_timeout') AS a") == [("1min",)]
    assert rows(found, "SELECT current_setting('transaction_isolation') AS a") == [("repeatable read",)]


def test_a_row_that_fails_in_the_middle_is_not_quoted(people: str) -> None:
    with psycopg.connect(people, autocommit=True) as connection:
        connection.execute("INSERT INTO people SELECT 'p', '1', n FROM generate_series(1, 6000) AS n")
        connection.execute("INSERT INTO people VALUES ('last', 'top secret', 1)")
        connection.execute("CREATE VIEW broken AS SELECT email, company::int AS a FROM people")
    found = source("postgresql", people)
    pages = found.pages("SELECT * FROM broken", ["email", "a"])
    assert len(next(pages)) == PAGE_ROWS
    for rest in (pages, found.copy_out("SELECT * FROM broken", ["email", "a"])):
        with pytest.raises(errors.RemoteRefused, match="InvalidTextRepresentation, code 22P02") as raised:
            list(rest)
        assert "secret" not in f"{raised.value.message} {raised.value.hint}"


def test_a_statement_that_takes_too_long(url: str) -> None:
    with pytest.raises(errors.RemoteUnavailable, match=r"too long|longer than") as raised:
        ask(url, FOREVER, seconds=0.5)
    assert "statementTimeout" in str(raised.value.hint)


def test_a_stop_is_heeded_at_once(url: str, postgres: Postgres) -> None:
    stop = threading.Event()
    found = source("postgresql", url, stop=stop)
    for ask_for in (lambda: list(found.pages(FOREVER, ["a"])), lambda: list(found.copy_out(FOREVER, ["a"]))):
        stop.clear()
        with pytest.raises(errors.Interrupted), stopping(stop):
            ask_for()
    with postgres.connect() as connection:
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        assert connection.execute(running).fetchone() == (0,)


def test_a_server_that_says_nothing() -> None:
    with silent_server() as port:
        url = f"postgresql://user:canary-7@127.0.0.1:{port}/name"
        stop = threading.Event()
        with pytest.raises(errors.Interrupted), stopping(stop):
            ask(url, "SELECT 1 AS a", stop=stop)
        with pytest.raises(errors.RemoteUnavailable, match="cannot be reached") as raised:
            ask(f"{url}?connect_timeout=2", "SELECT 1 AS a")
    assert "canary-7" not in f"{raised.value.message} {raised.value.hint}"


def test_a_server_that_goes_away(people: str) -> None:
    query = "SELECT email, pg_backend_pid() AS pid FROM people, generate_series(1, 20000)"
    pages = source("postgresql", people).pages(query, ["pid"])
    pid = next(pages)[0][0]
    with psycopg.connect(people, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(errors.RemoteUnavailable) as raised:
        list(pages)
    assert raised.value.hint


def test_nobody_listens() -> None:
    with silent_server() as port:
        pass
    with pytest.raises(errors.RemoteUnavailable, match="cannot be reached"):
        ask(f"postgresql://127.0.0.1:{port}/name", "SELECT 1 AS a")


@pytest.fixture
def guarded(postgres: Postgres) -> Iterator[str]:
    """The URL of a server that asks for the password `right`, for a user who may only select."""
    control = postgres.folder / "data" / "pg_hba.conf"
    before = control.read_text()
    name = postgres.create_database().rpartition("/")[2]
    with postgres.connect(name) as connection:
        user = f"reader_{uuid.uuid4().hex[:8]}"
        connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'right'")
        connection.execute("CREATE TABLE hidden (a int)")
        control.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        yield f"postgresql://{user}:PASSWORD@127.0.0.1:{postgres.port}/{name}"
        control.write_text(before)
        connection.execute("SELECT pg_reload_conf()")


def test_passwords_and_rights(guarded: str) -> None:
    assert ask(guarded.replace("PASSWORD", "right"), "SELECT 1 AS a") == [("1",)]
    with pytest.raises(errors.RemoteRefused, match="permission denied for table hidden") as refused:
        ask(guarded.replace("PASSWORD", "right"), "SELECT * FROM hidden")
    assert "GRANT SELECT" in (refused.value.hint or "")
    for wrong in (guarded.replace("PASSWORD", "canary-7"), guarded.replace(":PASSWORD", "")):
        with pytest.raises(errors.AuthenticationFailed) as raised:
            ask(wrong, "SELECT 1 AS a")
        assert "canary-7" not in f"{raised.value.message} {raised.value.hint}"
        assert raised.value.exit_code == 6


def test_an_option_that_does_not_exist(url: str) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="option"):
        ask(url.replace("options=", "optoins="), "SELECT 1 AS a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_from_their_text(url: str, value: float) -> None:
    ((text,),) = ask(url, f"SELECT '{value!r}'::float8 AS a")
    assert float(str(text)) == value
    assert "e" not in str(text)


def test_nothing_is_ever_committed(url: str) -> None:
    """A few functions write, and older servers let them, even in a transaction that is read only."""
    with contextlib.suppress(errors.RemoteRefused):
        ask(url, "SELECT lo_create(4711) AS a")
    assert ask(url, "SELECT count(*) AS a FROM pg_largeobject_metadata WHERE oid = 4711") == [("0",)]


def test_decimals_keep_all_their_digits(url: str) -> None:
    digits = "12345678901234567890.123456789012345678901234567890123456789"
    assert ask(url, f"SELECT {digits} AS a") == [(rendition(Decimal(digits)),)]
