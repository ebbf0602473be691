"""How far a cursor column has been read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value of a cursor column: a text that its database reads back as the same value, and the type that it has there."""

    text: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Rows whose cursor is no less than a mark, or null."""

    column: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Highest:
    """Where a cursor stands. `reached` says whether that is no less than the mark that was asked about."""

    mark: Mark
    reached: bool
