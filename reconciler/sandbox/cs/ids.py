"""GSIDs: 18 characters of object prefix, 12 of tenant, 6 that count up."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.cs.fields import DIGITS, ObjectDef, digest36

_PAIRS = tuple(a + b for a in DIGITS for b in DIGITS)


class Ids:
    """Deterministic from the seed; new records continue the seeded count."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._next: dict[str, int] = {}

    def maker(self, definition: ObjectDef) -> Callable[[int], str]:
        """A fast `number -> GSID` for bulk loading."""
        head = definition.prefix + digest36(f"tenant:{self._seed}:{definition.name}", 12)
        pairs = _PAIRS
        return lambda n: f"{head}{pairs[n // 1_679_616]}{pairs[n // 1296 % 1296]}{pairs[n % 1296]}"

    def used(self, definition: ObjectDef, count: int) -> None:
        self._next[definition.name] = count

    def next(self, definition: ObjectDef) -> str:
        number = self._next.get(definition.name, 0)
        self._next[definition.name] = number + 1
        return self.maker(definition)(number)
