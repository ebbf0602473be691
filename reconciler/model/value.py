"""A value on its way from a source to a destination.

The program has three states for a field and never mixes them: **absent** (the source does not have the field at all, an
error), **null** (`None`: the source says nothing, and the last synced value stays) and a value (text, as the destination
receives it).
"""

from __future__ import annotations

from enum import Enum


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
Absent = _Absent

Rendered = str | None
"""What a source value becomes: text to be written, or None, which keeps what is there."""

CLEARED = "\ue000"
"""Stands in stage and ledger for a field that is to be emptied: a character of private use, which no source text is."""

INVALID = "\ue001"
"""Begins, in a page of a source, what stands for a value that has no text; the reason follows it."""

DIGITS = "0123456789"


def presentable(value: Rendered) -> str:
    """A value as people see it: what only stands for something has no text."""
    return "" if value is None or value.startswith((CLEARED, INVALID)) else value


def natural(key: str) -> tuple[int, int, str, str]:
    """Sorts ids of users: numbers as numbers, everything else as text after them. `state.order` is the same in SQL."""
    if key.strip(DIGITS):
        return (1, 0, key, key)
    plain = key.lstrip("0")
    return (0, len(plain), plain, key)
