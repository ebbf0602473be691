"""What the program has to say about a document: a rule's code, a place, a reason and a hint."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Position(NamedTuple):
    """A place in a file. Lines and columns count from 1; `length` is the number of columns to underline."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. `position` is None only where there is no file to point at (a missing folder, an empty project)."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    position: Position | None = None
    hint: str | None = None
    related: tuple[tuple[str, Position], ...] = field(default=())

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Files in order, then lines, then codes: the same findings always print in the same order."""
        position = self.position or Position("", 0, 0)
        return (position.file, position.line, position.column, self.code, self.message)
