"""CSV that a spreadsheet opens without running anything that a community user typed into a name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

EXPORT_HEAD = ("User ID", "User Name", "CC User Profile Field", "Value", "Status")
"""The columns that admins know from Gainsight's own export, exactly."""

RECORD_HEAD = ("Key", "Name", "Field", "Value", "Status")
"""The same for records of Gainsight CS."""

_STARTERS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""First characters that spreadsheets take for a formula, full-width forms included."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def safe(cell: str) -> str:
    """`cell` with an apostrophe in front where a spreadsheet would run it. Plain numbers stay as they are."""
    first = cell.lstrip(" \u00a0\ufeff")[:1]
    if first and first in _STARTERS and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def lines(head: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool = False) -> Iterator[str]:
    """CSV text, a line at a time, by RFC 4180. `raw` leaves dangerous cells as they are."""
    yield _line(head)
    for row in rows:
        yield _line(row if raw else [safe(cell) for cell in row])


def _line(row: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(row)
    return buffer.getvalue()
