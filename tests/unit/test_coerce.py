"""Texts of a warehouse as values of the API."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.outcome import ADVICE, Reason
from reconciler.model.value import CLEARED
from reconciler.records.coerce import Uncoercible, coerce, plain_length


def refused(text: str, kind: DataType, **more: Any) -> tuple[Reason, str]:
    """Why a text is none of a field's values."""
    with pytest.raises(Uncoercible) as raised:
        coerce(text, field(kind, **more))
    return raised.value.reason, str(raised.value)


def test_people_are_told_what_would_do() -> None:
    assert refused("20260228", DataType.DATE)[1] == "not a date such as 2026-01-31"
    assert refused("24:00", DataType.DATETIME)[1] == "not a date and time such as 2026-01-31T09:30:00Z"
    few = {"options": {"1": "Red", "2": "Blue"}}
    unknown = Reason.PICKLIST_UNKNOWN
    assert refused("Green", DataType.PICKLIST, **few) == (unknown, "none of: Blue, Red")
    assert refused("Green", DataType.MULTISELECT, **few) == (unknown, "none of: Blue, Red")
    assert refused("Red; Green", DataType.MULTISELECT, **few) == (unknown, "item 2 of 2 is none of: Blue, Red")
    many = {"options": {str(n): f"Item {n:02}" for n in range(11)}}
    assert refused("x", DataType.PICKLIST, **many)[1].endswith("Item 08, Item 09, …")


ITEMS = {"1I001": "Red", "1I002": "Blue", "1I003": "Black; White", "1I004": "twin", "1I005": "Twin", "1I006": "Twin"}


def field(kind: DataType, **more: Any) -> CatalogField:
    return CatalogField(name="F", label="F", data_type=kind, **more)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (DataType.STRING, "007", "007"),
        (DataType.STRING, "", ""),
        (DataType.STRING, " שלום 👋🏽 ", " שלום 👋🏽 "),
        (DataType.URL, "https://a.example/?q=ü", "https://a.example/?q=ü"),
        (DataType.OTHER, "x", "x"),
        (DataType.EMAIL, " a@b.example ", "a@b.example"),
        (DataType.EMAIL, " ", ""),
        (DataType.GSID, "1P02" + "A" * 32, "1P02" + "A" * 32),
        (DataType.LOOKUP, "anna@b.example", "anna@b.example"),
        (DataType.NUMBER, "007", 7),
        (DataType.NUMBER, " -1.50 ", -1.5),
        (DataType.NUMBER, "-0", 0),
        (DataType.NUMBER, "9007199254740992", 2.0**53),
        (DataType.NUMBER, "1e20", 1e20),
        (DataType.CURRENCY, ".5", 0.5),
        (DataType.PERCENTAGE, "12.", 12),
        (DataType.BOOLEAN, "TRUE", True),
        (DataType.BOOLEAN, "0", False),
        (DataType.DATE, "2026-02-28", "2026-02-28"),
        (DataType.DATE, "2026-02-28T23:30:00-05:00", "2026-02-28"),
        (DataType.DATETIME, "2026-02-28", "2026-02-28T00:00:00.000+00:00"),
        (DataType.DATETIME, "2026-02-28 23:30:00.1239", "2026-02-28T23:30:00.123+00:00"),
        (DataType.DATETIME, "2026-02-28T23:30:00-05:00", "2026-03-01T04:30:00.000+00:00"),
        (DataType.DATETIME, "2026-02-28T23:30:00Z", "2026-02-28T23:30:00.000+00:00"),
    ],
)
def test_values(kind: DataType, text: str, expected: object) -> None:
    found = coerce(text, field(kind))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DataType.STRING, "a\0b"),
        (DataType.STRING, "a\ud83d"),
        (DataType.EMAIL, "not an address"),
        (DataType.EMAIL, "a@b@c"),
        (DataType.GSID, "1P02"),
        (DataType.GSID, "ü" * 36),
        (DataType.NUMBER, ""),
        (DataType.NUMBER, "NaN"),
        (DataType.NUMBER, "1_000"),
        (DataType.NUMBER, "1,000"),
        (DataType.NUMBER, "٣"),
        (DataType.NUMBER, "-1e999"),
        (DataType.NUMBER, "1e99999999"),
        (DataType.NUMBER, "9007199254740993"),
        (DataType.BOOLEAN, "yes"),
        (DataType.DATE, "28.02.2026"),
        (DataType.DATE, "20260228"),
        (DataType.DATE, "2026-W07-1"),
        (DataType.DATE, "2026-02-30"),
        (DataType.DATE, "12345"),
        (DataType.DATETIME, "0001-01-01T00:00:00+05:00"),
    ],
)
def test_texts_that_are_no_values(kind: DataType, text: str) -> None:
    with pytest.raises(Uncoercible) as caught:
        coerce(text, field(kind))
    assert caught.value.reason is Reason.VALUE_INVALID
    assert not text or text not in str(caught.value)


def test_a_cleared_value_is_null_for_every_type() -> None:
    assert [coerce(CLEARED, field(kind)) for kind in DataType] == [None] * len(DataType)


def test_lengths() -> None:
    assert coerce("👋" * 220, field(DataType.STRING, length=220)) == "👋" * 220
    with pytest.raises(Uncoercible, match="65,000 characters, of at most 220") as caught:
        coerce("x" * 65_000, field(DataType.STRING, length=220))
    assert caught.value.reason is Reason.VALUE_OVERLONG


@given(
    kind=st.sampled_from(DataType),
    text=st.text(st.characters(max_codepoint=127, exclude_characters="\0"), max_size=20),
    length=st.none() | st.integers(0, 20),
)
def test_what_is_plain_is_taken_as_it_is(kind: DataType, text: str, length: int | None) -> None:
    plain = plain_length(field(kind, length=length))
    if len(text) <= plain:
        assert coerce(text, field(kind, length=length)) == text
    assert plain == -1 or kind not in (DataType.NUMBER, DataType.EMAIL, DataType.BOOLEAN, DataType.PICKLIST)


def test_a_text_is_plain_up_to_the_length_of_its_field() -> None:
    assert plain_length(field(DataType.STRING, length=220)) == 220
    assert plain_length(field(DataType.STRING)) > 10**6
    assert plain_length(field(DataType.DATE, length=220)) == -1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Red", "1I001"), ("1I002", "1I002"), (" red ", "1I001"), ("twin", "1I004"), ("Black; White", "1I003")],
)
def test_dropdown_items_by_label_or_id(text: str, expected: str) -> None:
    assert coerce(text, field(DataType.PICKLIST, options=ITEMS)) == expected
    assert coerce(text, field(DataType.MULTISELECT, options=ITEMS)) == [expected]


@pytest.mark.parametrize("text", ["Green", "Twin", "TWIN", ""])
def test_dropdown_items_that_cannot_be_told(text: str) -> None:
    with pytest.raises(Uncoercible) as caught:
        coerce(text, field(DataType.PICKLIST, options=ITEMS))
    assert caught.value.reason is Reason.PICKLIST_UNKNOWN


def test_a_dropdown_without_known_items_takes_what_it_is_given() -> None:
    assert coerce("Anything", field(DataType.PICKLIST)) == "Anything"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red;Blue", ["1I001", "1I002"]),
        (" Blue ; 1I001 ;; Blue", ["1I002", "1I001"]),
        ('["Red", "Black; White"]', ["1I001", "1I003"]),
        ("", []),
        ("[]", []),
        ("[null]", []),
        ('["Red", null]', ["1I001"]),
    ],
)
def test_several_items(text: str, expected: list[str]) -> None:
    assert coerce(text, field(DataType.MULTISELECT, options=ITEMS)) == expected


@pytest.mark.parametrize("text", ["Red;Green", "[1]", "[", "[" * 100_000, "Red, Blue"])
def test_several_items_of_which_one_is_none(text: str) -> None:
    with pytest.raises(Uncoercible):
        coerce(text, field(DataType.MULTISELECT, options=ITEMS))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_arrives(value: float) -> None:
    found = coerce(repr(value), field(DataType.NUMBER))
    assert isinstance(found, int | float)
    assert math.isclose(found, value, rel_tol=0, abs_tol=0)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_arrives_to_the_millisecond(moment: datetime) -> None:
    found = coerce(moment.isoformat(), field(DataType.DATETIME))
    assert datetime.fromisoformat(str(found)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(st.text(), st.sampled_from(DataType))
def test_anything_is_a_value_or_a_reason(text: str, kind: DataType) -> None:
    try:
        coerce(text, field(kind, options=ITEMS, length=50))
    except Uncoercible as wrong:
        assert ADVICE[wrong.reason]
