"""Which values the community API can take: the value is a part of the URL path, which is its only way in."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple
from urllib.parse import quote

from reconciler.model.outcome import Reason

MOST_BYTES = 2000
"""Longest value, in bytes as encoded for the path. The real limit of a URL is not documented."""


LONGEST_CHARACTER = 12
"""Bytes of one character, as encoded."""


class Refusal(NamedTuple):
    """Why a value is not sent."""

    reason: Reason
    detail: str


def refusal(value: str, most_bytes: int) -> Refusal | None:
    """What keeps this value from being sent; None when nothing does."""
    if value == "":
        return Refusal(Reason.UNSENDABLE, "the value is empty")
    if value in (".", ".."):
        return Refusal(Reason.UNSENDABLE, f"{value!r} in a URL path leads to another address")
    return (None if value.isprintable() else _unprintable(value)) or _too_long(value, most_bytes)


def _unprintable(value: str) -> Refusal | None:
    kinds = {unicodedata.category(character) for character in value}
    if "Cc" in kinds:
        return Refusal(Reason.UNSENDABLE, "the value has a line break or another control character")
    if "Cs" in kinds:
        return Refusal(Reason.UNSENDABLE, "the value has half a character pair, which is no text")
    return None


def _too_long(value: str, most_bytes: int) -> Refusal | None:
    if len(value) * LONGEST_CHARACTER <= most_bytes:
        return None
    size = len(quote(value, safe=""))
    if size <= most_bytes:
        return None
    return Refusal(Reason.TOO_LONG, f"{size:,} bytes as part of a URL, of at most {most_bytes:,}")
