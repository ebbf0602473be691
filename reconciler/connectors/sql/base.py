"""What the kinds of databases have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler import errors
from reconciler.model.watermark import Highest, Mark, Since

Page = list[tuple[str | None, ...]]

PAGE_ROWS = 5_000
"""Rows that are held in memory at once."""


class Backend(Protocol):
    """One kind of database. Every call makes a session of its own, which can write nothing and ends with the call."""

    def columns(self, query: str) -> list[str]:
        """Names of the output columns, found without running the query to its end."""
        ...

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]: ...

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        """Where a cursor stands; None where it has no value, or one that cannot be kept."""
        ...

    def proof(self) -> Proof:
        """Connect, try to write, and ask for something trivial."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What `connections test` finds out. `read_only` says how writing is kept out."""

    reached: str
    read_only: str
    seconds: float
    refused: bool = True
    """Whether the attempt to write was refused, or could not be made."""


def distinct(columns: Sequence[str]) -> list[str]:
    """The names, if each stands once. Raises `errors.RemoteRefused`."""
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        message = f"the query has more than one column called {', '.join(map(shown, twice))}"
        raise errors.RemoteRefused(message, hint="give each column a name of its own (AS …)")
    return list(columns)


def positions(have: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted columns stand. Databases fold the case of names in their own ways, so it only counts where it must.

    Raises `errors.RemoteRefused`.
    """
    folded: dict[str, list[int]] = {}
    for number, name in enumerate(have):
        folded.setdefault(name.casefold(), []).append(number)
    found = []
    for name in wanted:
        alike = folded.get(name.casefold(), [])
        if name not in have and len(alike) != 1:
            raise errors.RemoteRefused(
                f"the query has no column called {shown(name)}", hint=f"it has {', '.join(map(shown, have[:50]))}"
            )
        found.append(list(have).index(name) if name in have else alike[0])
    return found


def shown(name: str) -> str:
    return repr(name[:80])
