"""Source values as text."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json
from reconciler.records.render import Unrenderable, render

OPTIONS = {"1I001": "Red", "1I002": "Deep blue (inactive)", "1I003": "Grün", "1I004": " "}
NUMBERS = (DataType.NUMBER, DataType.CURRENCY, DataType.PERCENTAGE)
TEXTS = [
    kind for kind in DataType if kind not in (*NUMBERS, "BOOLEAN", "DATE", "DATETIME", "PICKLIST", DataType.MULTISELECT)
]


def field(data_type: DataType, *, places: int | None = None) -> CatalogField:
    return CatalogField(name="F", label="F", data_type=data_type, decimal_places=places, options=OPTIONS)


def number(raw: Json, places: int | None = None) -> str | None:
    return render(raw, field(DataType.NUMBER, places=places))


blanks = st.text(alphabet=" \t\n\u00a0\u2003", max_size=3)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**62), 2**62)
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(codec=None))
    | st.text(alphabet="0123456789-+:.TZeE ;_")
    | st.sampled_from([*OPTIONS, *OPTIONS.values(), "2026-11-22", "1I001;1I002", "true", "1I001; nope"])
    | st.integers(4300, 4400).map(lambda digits: 10**digits)
)
values: st.SearchStrategy[Json] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)
places = st.none() | st.integers(-400, 400)


# -- anything ----------------------------------------------------------------------------------------------------------


@given(values, st.sampled_from(DataType), places)
def test_any_value_is_text_or_null_or_unrenderable(raw: Any, kind: DataType, places: int | None) -> None:
    try:
        found = render(raw, field(kind, places=places))
    except Unrenderable as problem:
        assert str(problem)
        assert not isinstance(raw, str) or len(raw) < 12 or raw not in str(problem)
    else:
        assert found is None or (isinstance(found, str) and found.strip())


@given(values, st.sampled_from(DataType))
def test_rendering_is_repeatable(raw: Any, kind: DataType) -> None:
    def attempt() -> str | None:
        try:
            return render(raw, field(kind))
        except Unrenderable as problem:
            return f"refused: {problem}"

    assert attempt() == attempt()


@pytest.mark.parametrize("kind", DataType)
@pytest.mark.parametrize("raw", [None, "", [], " ", "\t\r\n", "\u00a0"])
def test_nothing_and_blank_text_are_null(kind: DataType, raw: Json) -> None:
    assert render(raw, field(kind)) is None


@pytest.mark.parametrize("kind", DataType)
@pytest.mark.parametrize("raw", [{}, {"a": 1}, [[1]], [None], [{}], [1]])
def test_objects_and_lists_of_other_things_are_refused(kind: DataType, raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(kind))


# -- text --------------------------------------------------------------------------------------------------------------


@given(st.text().filter(str.strip), st.sampled_from(TEXTS))
def test_text_stays_as_it_is(raw: str, kind: DataType) -> None:
    assert render(raw, field(kind)) == raw


@pytest.mark.parametrize(("raw", "text"), [(True, "true"), (False, "false"), (0, "0"), (7, "7"), (0.1 + 0.2, "0.3")])
def test_scalars_in_text_fields_read_as_people_write_them(raw: Json, text: str) -> None:
    assert render(raw, field(DataType.STRING)) == text


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (1.1 * 3, "3.3"),
        (1e22, "1" + "0" * 22),
        (1e16, "1" + "0" * 16),
        (-0.0, "0"),
        (0.0, "0"),
        (5e-324, "0." + "0" * 323 + "494065645841247"),
        (1e-7, "0.0000001"),
        (1.5, "1.5"),
        (100.0, "100"),
        (-2.50, "-2.5"),
        (1234567890123456.0, "1234567890123456"),
        (9007199254740991.0, "9007199254740991"),
        (9007199254740992.0, "9007199254740992"),
        (9007199254740994.0, "9007199254740990"),
        (9007199254740993, "9007199254740993"),
        (10**30, "1" + "0" * 30),
        (-(10**18) - 1, "-1000000000000000001"),
        ("12", "12"),
        (" 12.50 ", "12.50"),
        ("-1e3", "-1e3"),
    ],
)
def test_numbers_are_plain(raw: Json, text: str) -> None:
    assert number(raw) == text


@pytest.mark.parametrize(
    ("raw", "places", "text"),
    [
        (2.345, 2, "2.35"),
        (0.125, 2, "0.13"),
        (-0.125, 2, "-0.13"),
        (-0.001, 2, "0"),
        (1.999, 2, "2"),
        (12.30, 2, "12.3"),
        (0.1 + 0.2, 5, "0.3"),
        (5e-324, 2, "0"),
        (1e300, 2, "1" + "0" * 300),
        (123456.7, 400, "123456.7"),
        (2.5, 0, "2.5"),
        (2.5, None, "2.5"),
        (25.5, -1, "25.5"),
        (7, 2, "7"),
    ],
)
def test_decimal_places_round_and_never_pad(raw: Json, places: int | None, text: str) -> None:
    assert number(raw, places) == text


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
def test_a_number_keeps_fifteen_digits_and_has_no_exponent(value: float) -> None:
    text = number(value)
    assert text is not None
    assert set(text) <= set("-0123456789.")
    assert text == "0" or not text.lstrip("-").startswith("00")
    assert "." not in text or text[-1] not in "0."
    assert abs(Decimal(text) - Decimal(value)) <= abs(Decimal(value)) * Decimal("5e-15")


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=5))
def test_a_decimal_fraction_survives_being_a_double(exact: Decimal) -> None:
    assert number(float(exact)) == (format(exact.normalize(), "f") if exact else "0")


@given(st.integers(-(2**53), 2**53))
def test_whole_doubles_read_like_integers(value: int) -> None:
    assert number(float(value)) == number(value) == str(value)


@given(finite, st.integers(1, 6))
def test_rounding_stays_within_half_a_unit(value: float, places: int) -> None:
    exact, text = number(value), number(value, places)
    assert exact is not None
    assert text is not None
    assert len(text.partition(".")[2]) <= places
    error = abs(Decimal(text) - Decimal(exact)) if abs(value) < 1e12 else Decimal(0)
    assert error <= Decimal(5).scaleb(-places - 1)


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(
    "raw",
    [
        True,
        False,
        math.nan,
        math.inf,
        -math.inf,
        pytest.param(10**5000, id="5,000 digits"),
        "abc",
        "1,000",
        "1_000",
        "0x10",
        "NaN",
        "1.",
        "٣",
        "1 2",
        [1],
    ],
)
def test_what_is_no_number_is_refused(kind: DataType, raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(kind))


# -- booleans ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"), [(True, "true"), (False, "false"), ("TRUE", "true"), (" False ", "false"), ("true", "true")]
)
def test_booleans(raw: Json, text: str) -> None:
    assert render(raw, field(DataType.BOOLEAN)) == text


@pytest.mark.parametrize("raw", [0, 1, 1.0, "yes", "1", [True], {}])
def test_what_is_no_boolean_is_refused(raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(DataType.BOOLEAN))


# -- dates -------------------------------------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""Epoch milliseconds of the first and the last moment of the years 1 to 9999."""


@pytest.mark.parametrize(
    ("raw", "day", "moment"),
    [
        (0, "1970-01-01", "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31", "1969-12-31T23:59:59.999Z"),
        (1_795_305_600_000, "2026-11-22", "2026-11-22T00:00:00Z"),
        (1_795_391_999_999, "2026-11-22", "2026-11-22T23:59:59.999Z"),
        (FIRST, "0001-01-01", "0001-01-01T00:00:00Z"),
        (LAST, "9999-12-31", "9999-12-31T23:59:59.999Z"),
        ("2026-11-22", "2026-11-22", "2026-11-22T00:00:00Z"),
        (" 2026-11-22T09:30:00Z ", "2026-11-22", "2026-11-22T09:30:00Z"),
        ("2026-11-22T09:30:00", "2026-11-22", "2026-11-22T09:30:00Z"),
        ("2026-11-22T09:30:00+05:30", "2026-11-22", "2026-11-22T04:00:00Z"),
        ("2026-11-22T23:30:00-05:00", "2026-11-23", "2026-11-23T04:30:00Z"),
        ("2026-11-22T09:30:00.250+00:00", "2026-11-22", "2026-11-22T09:30:00.250Z"),
    ],
)
def test_dates_are_iso_in_utc(raw: Json, day: str, moment: str) -> None:
    assert render(raw, field(DataType.DATE)) == day
    assert render(raw, field(DataType.DATETIME)) == moment


@pytest.mark.parametrize("kind", [DataType.DATE, DataType.DATETIME])
@pytest.mark.parametrize(
    "raw",
    [
        FIRST - 1,
        LAST + 1,
        10**18,
        -(10**18),
        10**400,
        1.5,
        True,
        "yesterday",
        "2026-02-30",
        "22.11.2026",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:30:00-01:00",
        "1795305600000",
        [0],
    ],
)
def test_what_is_no_moment_is_refused(kind: DataType, raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(kind))


@given(st.integers(FIRST, LAST))
def test_epoch_milliseconds_are_exact(milliseconds: int) -> None:
    text = render(milliseconds, field(DataType.DATETIME))
    assert text is not None
    moment = datetime.fromisoformat(text)
    assert (moment - EPOCH) // timedelta(milliseconds=1) == milliseconds
    assert render(milliseconds, field(DataType.DATE)) == text[:10]


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.integers(FIRST // 1000 + 86_400, LAST // 1000 - 86_400), offsets)
def test_an_offset_does_not_change_the_moment(seconds: int, offset: timezone) -> None:
    moment = EPOCH + timedelta(seconds=seconds)
    local = moment.astimezone(offset).isoformat()
    assert render(local, field(DataType.DATETIME)) == render(seconds * 1000, field(DataType.DATETIME))


# -- picklists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [("1I001", "Red"), ("1I002", "Deep blue (inactive)"), ("Red", "Red"), ("1I003", "Grün"), ("1I004", None)],
)
def test_a_picklist_item_reads_as_its_label(raw: str, text: str | None) -> None:
    assert render(raw, field(DataType.PICKLIST)) == text


@pytest.mark.parametrize("raw", ["1I999", "red", "1i001", 5, True, ["1I001"], {"id": "1I001"}])
def test_an_unknown_item_is_refused(raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(DataType.PICKLIST))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("1I001", "Red"),
        ("1I001;1I003", "Red; Grün"),
        ("1I003; 1I001;", "Grün; Red"),
        (["1I003", "1I001"], "Grün; Red"),
        (("1I003", " 1I001 "), "Grün; Red"),
        (["Red", "1I002"], "Red; Deep blue (inactive)"),
        (";;", None),
        ([" ", ""], None),
    ],
)
def test_a_multi_select_is_joined_in_its_own_order(raw: Json, text: str | None) -> None:
    assert render(raw, field(DataType.MULTISELECT)) == text


@pytest.mark.parametrize("raw", ["1I001;nope", ["1I001", "nope"], ["1I001", None], ["1I001", 5], 5, True, {}])
def test_a_multi_select_with_anything_else_is_refused(raw: Json) -> None:
    with pytest.raises(Unrenderable):
        render(raw, field(DataType.MULTISELECT))


@given(st.lists(st.sampled_from(["1I001", "1I002", "1I003"]), min_size=1))
def test_a_multi_select_reads_the_same_as_text_and_as_list(chosen: list[str]) -> None:
    as_list = render(chosen, field(DataType.MULTISELECT))
    assert as_list == render(";".join(chosen), field(DataType.MULTISELECT)) == "; ".join(OPTIONS[id] for id in chosen)


def test_a_refusal_does_not_repeat_the_value() -> None:
    for kind in (DataType.NUMBER, DataType.BOOLEAN, DataType.DATE, DataType.PICKLIST, DataType.MULTISELECT):
        with pytest.raises(Unrenderable) as refused:
            render("someone@example.com", field(kind))
        assert "someone" not in str(refused.value)
