"""Whether a record shows what was sent, in the API's own spelling of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.gainsight_cs.readback import holds, same
from reconciler.connectors.gainsight_cs.target import spelled
from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.json import Json

ITEMS = {"1I001": "Red", "1I002": "Blue"}


def field(kind: DataType, **more: Any) -> CatalogField:
    return CatalogField(name="F", label="F", data_type=kind, **more)


@pytest.mark.parametrize(
    ("kind", "shown", "sent"),
    [
        (DataType.DATE, 1798070400000, "2026-12-24"),
        (DataType.DATE, "2026-12-24", "2026-12-24"),
        (DataType.DATETIME, 1795332600250, "2026-11-22T07:30:00.250+00:00"),
        (DataType.DATETIME, "2026-11-22T09:30:00.250+02:00", "2026-11-22T07:30:00.250"),
        (DataType.NUMBER, 7, 7.0),
        (DataType.NUMBER, "7.50", 7.5),
        (DataType.NUMBER, 0.30000000000000004, 0.3),
        (DataType.CURRENCY, 12.35, 12.3456),
        (DataType.BOOLEAN, True, True),
        (DataType.BOOLEAN, "true", True),
        (DataType.PICKLIST, "Red", "1I001"),
        (DataType.MULTISELECT, "1I002;1I001", ["1I001", "1I002"]),
        (DataType.MULTISELECT, "Red;Blue", ["1I001", "1I002"]),
        (DataType.MULTISELECT, None, []),
        (DataType.STRING, "caf\u00e9 ", "cafe\u0301"),
        (DataType.STRING, None, ""),
        (DataType.STRING, "", None),
    ],
)
def test_the_same(kind: DataType, shown: Json, sent: Json) -> None:
    assert same(shown, sent, field(kind, options=ITEMS, decimal_places=2 if kind is DataType.CURRENCY else 0))


@pytest.mark.parametrize(
    ("kind", "shown", "sent"),
    [
        (DataType.DATE, 1798070400000, "2026-12-25"),
        (DataType.DATE, "soon", "2026-12-25"),
        (DataType.DATE, 10**17, "2026-12-25"),
        (DataType.DATETIME, "0001-01-01T00:00:00+05:00", "2026-11-22T07:30:00.251+00:00"),
        (DataType.DATETIME, 1795332600250, "2026-11-22T07:30:00.251+00:00"),
        (DataType.NUMBER, 7, 8),
        (DataType.NUMBER, "seven", 7),
        (DataType.NUMBER, None, 0),
        (DataType.BOOLEAN, None, False),
        (DataType.PICKLIST, "1I002", "1I001"),
        (DataType.MULTISELECT, "1I002", ["1I001", "1I002"]),
        (DataType.STRING, "a", "A"),
        (DataType.STRING, "a", None),
        (DataType.STRING, None, "a"),
    ],
)
def test_not_the_same(kind: DataType, shown: Json, sent: Json) -> None:
    assert not same(shown, sent, field(kind, options=ITEMS))


def test_a_record_holds_what_was_sent_when_every_field_does() -> None:
    fields = {"N": field(DataType.NUMBER)}
    assert holds({"N": 1, "Other": 2}, {"N": 1.0}, fields)
    assert holds({"Unknown": "a"}, {"Unknown": "a"}, fields)
    assert not holds({"N": 1}, {"N": 1, "Unknown": "a"}, fields)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3))
def test_a_number_has_one_spelling_as_a_key(number: Any) -> None:
    spellings = [str(number), f"00{number}" if number >= 0 else str(number), float(number), f" {number}0 "]
    assert len({spelled(value, DataType.NUMBER) for value in spellings}) == 1


def test_other_keys() -> None:
    assert spelled("no number", DataType.NUMBER) == "no number"
    assert spelled("1e1000000", DataType.NUMBER) == "1e1000000"
    assert spelled(None, DataType.STRING) == ""
    assert spelled(" A@B.example", DataType.EMAIL) == "a@b.example"
    assert spelled("007", DataType.STRING) == "007"
