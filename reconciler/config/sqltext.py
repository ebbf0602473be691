"""The text of a model's query, before anybody looks into what it says: how it is spelt, and what no query can hold."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_SQL_BYTES = 256 * 1024

_WHOLE = "SELECT * FROM "
_BOM = b"\xef\xbb\xbf"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]|[\u202a-\u202e\u2066-\u2069]")
"""Control characters; and those that turn the direction of writing, after which an editor shows another order than what runs."""


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
    return text.replace("\r\n", "\n")


def forbidden(text: str) -> tuple[int, str, str] | None:
    """Where the first character stands that no query may hold, what is wrong with it, and a hint."""
    found = _FORBIDDEN.search(text)
    if not found:
        return None
    character, hint = f"the character U+{ord(found.group()):04X}", "remove it"
    if ord(found.group()) < 0x202A or ord(found.group()) > 0x2069:
        return found.start(), f"{character} may not stand in SQL", hint
    why = "makes the SQL look other than it is"
    return found.start(), f"{character} {why}", f"{hint}; where a value has to hold it, let the database make it"


def normalise(text: str) -> str:
    """Without what changes nothing at the end: white space and semicolons (one inside a comment is no loss either)."""
    return text.replace("\r\n", "\n").rstrip("; \t\r\n")


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, from 1."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def table_query(table: str) -> str:
    """The query of a model that names a table or view."""
    return f"{_WHOLE}{table}"


def whole_table(query: str) -> str | None:
    """The table of which a query is nothing but all rows and columns, as `table_query` writes it."""
    table = query.removeprefix(_WHOLE)
    return table if table != query and not re.search(r"[^\w.-]", table) else None
