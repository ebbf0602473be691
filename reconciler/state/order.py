"""The order of user ids in lists: numbers as numbers, everything else as text after them."""

from __future__ import annotations

from reconciler.model.value import DIGITS


def natural(column: str) -> str:
    """An ORDER BY list for a text column. `model.value.natural` is the same order in Python.

    Of two numbers without leading zeros the longer one is the larger one; so no database has to convert anything, which
    would fail on, or round, what is longer than its integers.
    """
    number = f"ltrim({column}, '{DIGITS}') = ''"
    plain = f"ltrim({column}, '0')"
    return (
        f"CASE WHEN {number} THEN 0 ELSE 1 END, CASE WHEN {number} THEN length({plain}) ELSE 0 END, "
        f"CASE WHEN {number} THEN {plain} ELSE {column} END, {column}"
    )
