"""Plain JSON values and their one canonical spelling, which every digest in the program is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical(value: Json) -> str:
    """`value` as compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Json) -> str:
    """SHA-256 of the canonical spelling, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
