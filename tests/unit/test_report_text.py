"""Tables, colours, and text that a terminal must not obey."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.status import Status
from reconciler.report.text import PLAIN, Style, moment, plural, table, visible, width

COLOURS = Style(enabled=True)
anything = st.text(alphabet=st.characters(codec=None))
nasty = st.text(alphabet="a \x00\x07\x1b[31m\n\r\t\x85\u2028\u2029\u202e\u2066\u200b\ufeff\ud800\ue000日é👩‍💻")

# -- visible -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("Grüße, 日本", "Grüße, 日本"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("bell\x07 nul\x00 del\x7f csi\x9b", "bell\\x07 nul\\x00 del\\x7f csi\\x9b"),
        ("moc\u202elive", "moc\\u202elive"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("line\u2028para\u2029next\x85", "line\\u2028para\\u2029next\\x85"),
        ("half \ud83d", "half \\ud83d"),
        ("private \ue000", "private \\ue000"),
        ("👩‍💻 ❤️ می‌خواهم", "👩‍💻 ❤️ می‌خواهم"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(anything | nasty)
def test_visible_text_is_one_line_that_does_nothing(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    left = {unicodedata.category(char) for char in shown if char not in "\u200c\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert visible(shown) == shown


@given(anything | nasty)
def test_visible_keeps_everything_else(text: str) -> None:
    harmless = [char for char in text if visible(char) == char]
    assert [char for char in visible(text) if char in set(harmless)][: len(harmless)] or not harmless
    assert visible("".join(harmless)) == "".join(harmless)


# -- colours -----------------------------------------------------------------------------------------------------------


def test_no_colours_means_no_escape_at_all() -> None:
    for paint in (PLAIN.red, PLAIN.green, PLAIN.yellow, PLAIN.bold, PLAIN.dim):
        assert paint("text") == "text"
    assert [PLAIN.coloured(status.colour, status.value) for status in Status] == [status.value for status in Status]


def test_colours_end_where_they_began_to_matter() -> None:
    assert COLOURS.red("a") == "\x1b[31ma\x1b[0m"
    assert COLOURS.bold("a") == "\x1b[1ma\x1b[0m"
    assert COLOURS.green("") == ""


def test_the_colour_of_a_status() -> None:
    codes = {status: COLOURS.coloured(status.colour, "●").removesuffix("●\x1b[0m") for status in Status}
    assert codes == {
        Status.SUCCESSFUL: "\x1b[32m",
        Status.PARTIAL: "\x1b[33m",
        Status.PENDING: "\x1b[2m",
        Status.FAILED: "\x1b[31m",
    }


# -- width and tables --------------------------------------------------------------------------------------------------

PIECES = {
    "": 0,
    "a": 1,
    "Job Title": 9,
    "日本語": 6,
    "ｶﾅ": 2,
    "Ａ": 2,
    "e\u0301": 1,
    "ü": 1,
    "한국": 4,
    "\u200d": 0,
    "🙂": 2,
    "\x1b[31mred\x1b[0m": 3,
    "\x1b[2m日\x1b[0m": 2,
}
"""Text and the columns that it takes on a terminal."""

cells = st.lists(st.sampled_from(sorted(PIECES)), max_size=4)


def columns(pieces: list[str]) -> int:
    return sum(PIECES[piece] for piece in pieces)


@given(cells)
def test_the_width_of_text(pieces: list[str]) -> None:
    assert width("".join(pieces)) == columns(pieces)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5), st.booleans())
def test_columns_stand_below_each_other(rows: list[tuple[list[str], list[str]]], to_right: bool) -> None:
    text = table(
        ("A", "B", "C"), [["".join(a), "".join(b), "|"] for a, b in rows], right=(1,) if to_right else (), style=PLAIN
    )
    first = max(1, *(columns(a) for a, _ in rows))
    second = max(1, *(columns(b) for _, b in rows))
    head, *lines = text.split("\n")
    assert head.index("C") == first + second + 4
    for line, (a, b) in zip(lines, rows, strict=True):
        before = "".join(a) + " " * (first - columns(a)) + "  "
        blanks = " " * (second - columns(b))
        assert line == before + (blanks + "".join(b) if to_right else "".join(b) + blanks) + "  |"


@given(st.lists(st.tuples(cells, cells), max_size=4))
def test_no_line_ends_in_blanks(rows: list[tuple[list[str], list[str]]]) -> None:
    lines = table(("Head", "Other"), [["".join(a), "".join(b)] for a, b in rows]).split("\n")
    assert lines == [line.rstrip(" ") for line in lines]


def test_a_table_with_colours_is_the_same_table() -> None:
    plain = table(("Name", "Status"), [["a", "Failed"], ["日本", "Pending"]])
    coloured = table(
        ("Name", "Status"),
        [["a", COLOURS.red("Failed")], [COLOURS.bold("日本"), COLOURS.dim("Pending")]],
        style=COLOURS,
    )
    assert coloured != plain
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain == "Name  Status\na     Failed\n日本  Pending"


def test_a_table_without_rows_is_its_head() -> None:
    assert table(("Name", "Status"), []) == "Name  Status"


# -- words -------------------------------------------------------------------------------------------------------------


def test_moments() -> None:
    assert moment(datetime(2026, 11, 22, 9, 34, 45, 999_999, tzinfo=UTC)) == "2026-11-22 09:34:45Z"
    assert moment(None) == "-"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 documents"), (1, "1 document"), (2, "2 documents"), (1204, "1,204 documents")]
)
def test_plurals(count: int, words: str) -> None:
    assert plural(count, "document") == words


def test_irregular_plurals() -> None:
    assert (plural(1, "entry", "entries"), plural(3, "entry", "entries")) == ("1 entry", "3 entries")
