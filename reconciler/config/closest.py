"""'Did you mean …?' without letting a thousand wrong names take a minute."""

from __future__ import annotations

import functools
from collections.abc import Iterable

_MAX_CANDIDATES = 5000


def hint(wrong: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """A hint that names the closest known name, else the known ones if they are few, else `otherwise`."""
    names = tuple(sorted(known))
    found = closest(wrong, names)
    if found:
        return "did you mean " + " or ".join(f"'{name}'" for name in found) + "?"
    if otherwise is None and 0 < len(names) <= 12:
        return "known here: " + ", ".join(names)
    return otherwise


@functools.lru_cache(maxsize=256)
def closest(wrong: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Up to two names that look like `wrong`, letter case aside."""
    if len(wrong) > 200:
        return ()
    import difflib

    by_fold: dict[str, str] = {}
    for name in known[:_MAX_CANDIDATES]:
        by_fold.setdefault(_fold(name), name)
    found = difflib.get_close_matches(_fold(wrong), by_fold, n=2, cutoff=0.7)
    return tuple(by_fold[fold] for fold in found)


def _fold(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")
