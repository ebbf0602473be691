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
