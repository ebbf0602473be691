"""What a model's SQL may be: one SELECT that only reads. Each mistake at its place, in the dialect of its database."""

from __future__ import annotations

import pytest

from reconciler.config import sqltext
from reconciler.config.effects import does
from reconciler.config.sqlproof import Proof, prove
from reconciler.model.resources import Dialect

BIGQUERY = Dialect.BIGQUERY
POSTGRES, SQLITE, DUCKDB, SNOWFLAKE = Dialect.POSTGRESQL, Dialect.SQLITE, Dialect.DUCKDB, Dialect.SNOWFLAKE


def wrong(query: str, dialect: Dialect = POSTGRES) -> list[tuple[str, int, int, int]]:
    return [(found.code, *found[3:]) for found in prove(query, dialect).problems]


@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_reads_a_plain_query(dialect: Dialect) -> None:
    query = "WITH u AS (SELECT a, b FROM x.y) SELECT u.a, b AS c, count(*) AS n FROM u WHERE b > 5 GROUP BY 1, 2"
    assert prove(query, dialect) == Proof((), ("a", "c", "n"))


@pytest.mark.parametrize(
    ("query", "dialect", "columns"),
    [
        ('SELECT Email, "Name" FROM t', POSTGRES, ("email", "Name")),
        ("SELECT Email, name FROM t", SQLITE, ("Email", "name")),
        ("SELECT Email AS E_Mail FROM t", SNOWFLAKE, ("e_mail",)),
        ("SELECT * FROM t", POSTGRES, None),
        ("SELECT a, count(*) FROM t", POSTGRES, None),
        ("(SELECT 1 AS x) UNION ALL SELECT 2", POSTGRES, ("x",)),
        ("SELECT a::date AS d FROM t WHERE j ? 'k'", POSTGRES, ("d",)),
        ("SELECT l[1:2] AS l, a % s AS r FROM t", POSTGRES, ("l", "r")),
        ("SELECT a:b.c::string AS x FROM t", SNOWFLAKE, ("x",)),
        ("SELECT [a b], `c` FROM t", SQLITE, ("a b", "c")),
        ("SELECT a # not /* here\nFROM t", BIGQUERY, ("a",)),
        ("SELECT a // not /* here, nor ${there}\nFROM t", SNOWFLAKE, ("a",)),
        ("FROM t SELECT a", DUCKDB, ("a",)),
        ("SELECT {'a': {'b': 1}} AS s FROM t", DUCKDB, ("s",)),
        ("SELECT -- it's; all\n a /* ; DROP */ FROM t -- end", POSTGRES, ("a",)),
        ("SELECT 'a;b -- /* ' AS x, '{{1,2}}'::int[] AS y FROM t", POSTGRES, ("x", "y")),
        ("SELECT /* one */ a /* two */ FROM t", POSTGRES, ("a",)),
    ],
)
def test_what_is_read(query: str, dialect: Dialect, columns: tuple[str, ...] | None) -> None:
    assert prove(query, dialect) == Proof((), columns)


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("SELECT 1; DROP TABLE x", (1, 11, 4), "second statement"),
        ("SELECT a FROM t -- '\n; DELETE FROM t", (2, 3, 6), "second statement"),
        ("SELECT 1; -- done", (1, 9, 1), "semicolon"),
        ("SELECT a\nFROM t WHERE b = '\0'", (2, 19, 1), "U+0000 may not stand in SQL"),
        ("SELECT a FROM t -- \u202e hidden", (1, 20, 1), "U+202E makes the SQL look other than it is"),
        ("SELECT 'a\u2066b' AS a FROM t", (1, 10, 1), "U+2066 makes the SQL look other than it is"),
        ("SELECT 1 /* /* */ ; DELETE FROM t; */", (1, 13, 2), "comment stands in a comment"),
        ("SELECT * FROM {{ ref('x') }}", (1, 15, 2), "template"),
        ("{% if a %} SELECT 1 {% endif %}", (1, 1, 2), "template"),
        ("SELECT a {# note #} FROM t", (1, 10, 2), "template"),
        ("SELECT a FROM t\nWHERE d > '{{ ds }}'", (2, 12, 2), "template"),
        ("SELECT a FROM t WHERE d > '{% now %}'", (1, 28, 2), "template"),
        ("SELECT '{{ x }} FROM t", (1, 9, 2), "template"),
        ("SELECT a FROM ${schema}.t", (1, 15, 2), "template"),
        ("SELECT a FROM t WHERE x = ?", (1, 27, 1), "parameter"),
        ("SELECT a FROM t WHERE x = :region", (1, 27, 7), "parameter"),
        ("SELECT a FROM t WHERE x = %s", (1, 27, 2), "parameter"),
        ("SELECT a FROM t WHERE x = %(region)s", (1, 27, 10), "parameter"),
        ("SELECT a FROM t WHERE x = $1", (1, 27, 2), "parameter"),
        ("SELECT 'abc", (1, 8, 1), "not closed"),
        ('SELECT a\n FROM "t', (2, 7, 1), "not closed"),
        ("SELECT /* abc", (1, 1, 1), "not closed"),
        ("SELECT (1", (1, 9, 1), "cannot be understood near '1'"),
        ("SELECT a\n FROM t WHERE WHERE b", (2, 15, 5), "cannot be understood"),
        ("SELECT NEXT VALUE FOR s", (1, 19, 3), "cannot be understood"),
        ("selct 1", (1, 1, 5), "begins with 'selct'"),
        ("-- nothing", (1, 1, 1), "no SQL"),
        ("SELECT a, b AS A FROM t", (1, 16, 1), "two output columns are called 'a'"),
        ("(" * 3000 + "SELECT 1" + ")" * 3000, (1, 1, 1), "nested too deeply"),
    ],
)
def test_what_is_no_single_statement(query: str, place: tuple[int, int, int], words: str) -> None:
    (found,) = prove(query, POSTGRES).problems
    assert found.code == "E-SQL" and found[3:] == place and words in found.message and found.hint


@pytest.mark.parametrize(
    ("query", "dialect", "place", "words"),
    [
        ("DELETE FROM t", POSTGRES, (1, 1, 6), "DELETE is no SELECT"),
        ("\nCOPY (SELECT 1) TO '/x'", POSTGRES, (2, 1, 4), "COPY"),
        ("CALL p()", POSTGRES, (1, 1, 4), "CALL"),
        ("EXPLAIN ANALYZE SELECT 1", POSTGRES, (1, 1, 7), "EXPLAIN"),
        ("DO $$ BEGIN END $$", POSTGRES, (1, 1, 2), "DO"),
        ("SET x = 1", POSTGRES, (1, 1, 3), "SET"),
        ("ATTACH 'x' AS y", SQLITE, (1, 1, 6), "ATTACH"),
        ("PRAGMA writable_schema = 1", SQLITE, (1, 1, 6), "PRAGMA"),
        ("REPLACE INTO t VALUES (1)", SQLITE, (1, 1, 7), "REPLACE"),
        ("VACUUM", SQLITE, (1, 1, 6), "VACUUM"),
        ("INSTALL httpfs", DUCKDB, (1, 1, 7), "INSTALL"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", POSTGRES, (1, 12, 6), "DELETE"),
        ("WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d", POSTGRES, (1, 12, 6), "INSERT"),
        ("WITH x AS (SELECT 1) DELETE FROM t", POSTGRES, (1, 1, 4), "no SELECT"),
        ("SELECT * INTO x FROM y", POSTGRES, (1, 10, 4), "INTO"),
        ("SELECT * FROM y FOR UPDATE", POSTGRES, (1, 17, 3), "a lock"),
        ("SELECT 1 AS x UNION (SELECT 2 FOR SHARE)", POSTGRES, (1, 31, 3), "a lock"),
        ("SELECT pg_catalog.pg_sleep(1)", POSTGRES, (1, 19, 8), "wait"),
        ('SELECT "pg_sleep" (1)', POSTGRES, (1, 8, 10), "wait"),
        ("SELECT PG_Terminate_Backend(1)", POSTGRES, (1, 8, 20), "server"),
        ("SELECT * FROM dblink('a', 'b') AS t(x int)", POSTGRES, (1, 15, 6), "another system"),
        ("SELECT a FROM t WHERE b = nextval('s')", POSTGRES, (1, 27, 7), "sequence"),
        ("SELECT set_config('a', 'b', false)", POSTGRES, (1, 8, 10), "settings"),
        ("SELECT pg_try_advisory_lock(1)", POSTGRES, (1, 8, 20), "lock"),
        ("SELECT lo_import('/etc/passwd')", POSTGRES, (1, 8, 9), "files"),
        ("SELECT query_to_xml('DELETE FROM t', true, true, '')", POSTGRES, (1, 8, 12), "SQL"),
        ("SELECT load_extension('x')", SQLITE, (1, 8, 14), "code"),
        ("SELECT writefile('x', 'y')", SQLITE, (1, 8, 9), "files"),
        ("SELECT * FROM read_parquet('https://example.com/x')", DUCKDB, (1, 15, 12), "files"),
        ("FROM 'a.csv'", DUCKDB, (1, 6, 7), "reads a file"),
        ("SELECT a FROM t, 's3://b/x.parquet'", DUCKDB, (1, 18, 18), "reads a file"),
        ("SELECT s.nextval", SNOWFLAKE, (1, 10, 7), "sequence"),
        ("SELECT system$wait(5)", SNOWFLAKE, (1, 8, 11), "wait"),
    ],
)
def test_what_does_more_than_read(query: str, dialect: Dialect, place: tuple[int, int, int], words: str) -> None:
    (found,) = prove(query, dialect).problems
    assert found.code == "E-SQL-READ-ONLY" and found[3:] == place and words in found.message and found.hint


def test_everything_is_said_at_once_in_order() -> None:
    query = "SELECT pg_sleep(1) AS a\nFROM t WHERE x = :p\nFOR UPDATE"
    assert wrong(query) == [
        ("E-SQL-READ-ONLY", 1, 8, 8),
        ("E-SQL", 2, 18, 2),
        ("E-SQL-READ-ONLY", 3, 1, 3),
    ]


def test_other_parameters() -> None:
    assert wrong("SELECT a FROM t WHERE x = ?1", SQLITE) == [("E-SQL", 1, 27, 2)]
    assert wrong("SELECT a FROM t WHERE x = @p", SQLITE) == [("E-SQL", 1, 27, 2)]
    assert wrong("SELECT :1 AS a", SNOWFLAKE) == [("E-SQL", 1, 8, 2)]


def test_words_of_functions_are_no_functions() -> None:
    assert wrong("SELECT nextval, 'pg_sleep(' AS x FROM pg_sleep") == []
    assert does("upper") is None and does("pg_ls_dir") and does("read_anything")


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    prove("SELECT 1 UNION ALL (CALL p())", POSTGRES)
    assert caplog.records == []


def test_the_end_of_a_query_is_normalised() -> None:
    assert sqltext.normalise("SELECT 1 ;;\r\n; \n") == "SELECT 1"
    assert sqltext.normalise("SELECT\r\n 1 -- a;") == "SELECT\n 1 -- a"


@pytest.mark.parametrize(
    ("query", "dialect"),
    [
        ("SELECT `t.a`, `t.a` FROM t", BIGQUERY),
        ("SELECT {# words #} a FROM t", BIGQUERY),
        ("SELECT a, b FROM t { : }", SNOWFLAKE),
        ("SELECT f(object_construct ( decode iff a date_trunc", SNOWFLAKE),
        ("FROM t |> LIMIT TIMESTAMP SELECT ( ( 1 UNPIVOT decode", SQLITE),
    ],
)
def test_what_the_parser_stumbles_over_is_a_mistake_like_any_other(query: str, dialect: Dialect) -> None:
    (found,) = prove(query, dialect).problems
    assert found.code == "E-SQL" and found.message and found.hint
