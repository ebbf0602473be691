"""Plain text for people: tables, colours that carry no meaning alone, and nothing that a terminal would obey."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_JOINERS = {"\u200d", "\u200c", "\ufe0f"}
"""Format characters that emoji and some scripts need; they move nothing on the screen."""


def visible(text: str) -> str:
    """`text` on one line, with control and direction characters in a form that can be seen and does nothing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char not in _JOINERS and unicodedata.category(char) in _HIDDEN:
        return char.encode("unicode_escape").decode()
    return char


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Colours, or none."""

    enabled: bool

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text

    def red(self, text: str) -> str:
        return self._paint("31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        return self._paint("2", text)

    def coloured(self, colour: str, text: str) -> str:
        """`text` in one of the colours of a status; gray is dim."""
        return {"green": self.green, "yellow": self.yellow, "red": self.red, "gray": self.dim}[colour](text)


PLAIN = Style(enabled=False)


def width(text: str) -> int:
    """Columns that `text` takes on a terminal: wide characters take two, combining marks none, colours none."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(_char_width(char) for char in _uncoloured(text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _uncoloured(text: str) -> str:
    parts = text.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, style: Style = PLAIN, right: Sequence[int] = ()
) -> str:
    """Columns separated by two blanks; `right` are the numbers of columns that hold figures. Cells may be coloured."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(_pad(cell, widths[i], i in right) for i, cell in enumerate(line)).rstrip() for line in lines]
    return "\n".join([style.bold(text[0]), *text[1:]])


def _pad(cell: str, columns: int, to_right: bool) -> str:
    blanks = " " * (columns - width(cell))
    return blanks + cell if to_right else cell + blanks


def moment(when: datetime | None) -> str:
    """`2026-11-22 09:34:45Z`, or a dash."""
    return when.strftime("%Y-%m-%d %H:%M:%SZ") if when else "-"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 document`, `1,204 documents`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
