"""Values of a database as text: one spelling for each value, and a flaw in place of what has none."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict, UserDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.value import CLEARED, INVALID
from reconciler.records import text_of as words
from reconciler.records.text_of import FLAWS, RESERVED, Untextable, decoded, flaw_of, rendition, text_of


class Colour(enum.IntEnum):
    RED = 3


class Moment(datetime):
    """A driver's own class."""


BERLIN = timezone(timedelta(hours=2))

SPELLED: list[tuple[Any, str | None]] = [
    (None, None),
    ("", ""),
    ("  007 ", "  007 "),
    ("😀 שלום é", "😀 שלום é"),
    ("x" * 65_000, "x" * 65_000),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-12, "-12"),
    (2**80, str(2**80)),
    (Colour.RED, "3"),
    (0.1, "0.1"),
    (3.0, "3"),
    (-0.0, "0"),
    (1e22, "1" + "0" * 22),
    (1.5e-7, "0.00000015"),
    (0.30000000000000004, "0.30000000000000004"),
    (Decimal("1.500"), "1.5"),
    (Decimal("-0.00"), "0"),
    (Decimal("1E+3"), "1000"),
    (Decimal("100"), "100"),
    (Decimal("0.10"), "0.1"),
    (date(2026, 1, 2), "2026-01-02"),
    (datetime.fromisoformat("2026-01-02 03:04:05"), "2026-01-02T03:04:05"),
    (datetime.fromisoformat("2026-01-02 03:04:05.5"), "2026-01-02T03:04:05.5"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=BERLIN), "2026-01-02T01:04:05Z"),
    (datetime(2026, 1, 2, 3, 4, 50, 120, tzinfo=UTC), "2026-01-02T03:04:50.00012Z"),
    (Moment(2026, 1, 2), "2026-01-02T00:00:00"),
    (time(3, 4), "03:04:00"),
    (time(3, 4, 5, 100_000), "03:04:05.1"),
    (time(3, 4, tzinfo=BERLIN), "03:04:00+02:00"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ([1, 2.50, None, True, "a"], '[1,2.5,null,true,"a"]'),
    (("é", Decimal("1.10")), '["é",1.1]'),
    ({"a": {"b": [date(2026, 1, 2)]}, 1: "x"}, '{"a":{"b":["2026-01-02"]},"1":"x"}'),
    (OrderedDict(a=1), '{"a":1}'),
    (UserDict(a='"'), '{"a":"\\""}'),
]


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


FLAWED: list[tuple[Any, str]] = [
    (math.nan, words.NOT_FINITE),
    (math.inf, words.NOT_FINITE),
    (Decimal("NaN"), words.NOT_FINITE),
    (Decimal("-Infinity"), words.NOT_FINITE),
    ([math.nan], words.NOT_FINITE),
    (10**5000, words.TOO_LONG),
    (Decimal("1E+999999"), words.TOO_LONG),
    (b"abc", words.BINARY),
    (bytearray(b"abc"), words.BINARY),
    (memoryview(b"abc"), words.BINARY),
    ("a\0b", words.UNSTORABLE),
    ("\ud83d", words.UNSTORABLE),
    ({"a": "\udc00"}, words.UNSTORABLE),
    (datetime(1, 1, 1, tzinfo=BERLIN), words.OUT_OF_RANGE),
    (nested(100_000), words.TOO_DEEP),
    (timedelta(days=1), words.NO_TEXT),
    (object(), words.NO_TEXT),
    ({1, 2}, words.NO_TEXT),
]


@pytest.mark.parametrize(("value", "text"), SPELLED, ids=lambda value: repr(value)[:40])
def test_values_have_one_text(value: object, text: str | None) -> None:
    assert text_of(value) == text
    assert rendition(value) == text
    assert flaw_of(rendition(value)) is None


@pytest.mark.parametrize(("value", "flaw"), FLAWED, ids=lambda value: type(value).__name__)
def test_what_has_no_text_says_why_and_not_what(value: object, flaw: str) -> None:
    with pytest.raises(Untextable) as raised:
        text_of(value)
    assert str(raised.value) == flaw
    assert flaw in FLAWS
    assert flaw_of(rendition(value)) == flaw


@pytest.mark.parametrize("text", [CLEARED, INVALID, INVALID + "a person's data", CLEARED + "x"])
def test_text_that_looks_like_a_mark_is_flawed_and_never_quoted(text: str) -> None:
    assert text_of(text) == text
    assert flaw_of(text) == RESERVED


def test_bytes_that_are_no_text_are_flawed() -> None:
    assert text_of("é") == decoded("é".encode())
    assert flaw_of(decoded(b"M\xfcller")) == words.UNSTORABLE


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_from_their_text(value: float) -> None:
    text = str(text_of(value))
    assert float(text) == value
    assert "e" not in text.lower()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_equal_decimals_have_equal_texts(value: Decimal) -> None:
    text = str(text_of(value))
    assert Decimal(text) == value
    plain = format(value, "f")
    assert text_of(Decimal(plain + ("00" if "." in plain else ".0"))) == text


@given(st.datetimes(timezones=st.just(UTC)) | st.datetimes())
def test_moments_come_back_from_their_text(value: datetime) -> None:
    assert datetime.fromisoformat(str(text_of(value))) == value


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(documents) | st.dictionaries(st.text("abc"), documents))
def test_lists_and_objects_are_json(value: object) -> None:
    assert json.loads(str(text_of(value))) == value
