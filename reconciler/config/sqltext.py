"""The text of a model's query, before anybody looks into what it says: how it is spelt, and what no query can hold."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_SQL_BYTES = 256 * 1024

_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


class NotText(NamedTuple):
    """Why the content of a file is no SQL. `line` and `column` count from 1."""

    message: str
    hint: str
    line: int = 1
    column: int = 1


def decode(data: bytes) -> str | NotText:
    """The text of an SQL file. Line ends are those of the text, not of the system that checked it out."""
    if len(data) > MAX_SQL_BYTES:
        return NotText("the file is larger than 256 KiB", "let the warehouse do the work: make a view and name it")
    try:
        text = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].removeprefix(_BOM).decode().splitlines() or [""]
        return NotText("the file is not UTF-8", "save it as UTF-8", len(before), len(before[-1]) + 1)
    text = text.replace("\r\n", "\n")
    found = _CONTROL.search(text)
    if found:
        line, column = place(text, found.start())
        return NotText(f"the character U+{ord(found.group()):04X} may not stand in SQL", "remove it", line, column)
    return text


def normalise(text: str) -> str:
    """Without what changes nothing at the end: white space and semicolons (one inside a comment is no loss either)."""
    return text.replace("\r\n", "\n").rstrip("; \t\r\n")


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, from 1."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def table_query(table: str) -> str:
    """The query of a model that names a table or view."""
    return f"SELECT * FROM {table}"
