"""How long to wait before a request is tried again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE = 0.5
LONGEST = 30.0
"""Seconds: the first and the longest back-off, before jitter."""

LONGEST_ASKED = 600.0
"""Seconds: what is obeyed of a Retry-After that asks for more. After that one request asks again."""

_SECONDS = re.compile(r"[+-]?[0-9]{1,15}")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server asks to wait, between 0 and `LONGEST_ASKED`; None when it does not say."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(max(float(text), 0.0), LONGEST_ASKED)
    moment = http_date(text)
    if moment is None:
        return None
    # Measured on the server's own clock where it tells the time, so that ours may be wrong.
    served = http_date(headers.get("date", "")) or now
    return min(max((moment - served).total_seconds(), 0.0), LONGEST_ASKED)


def http_date(text: str) -> datetime | None:
    """A date as HTTP headers have it, in UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def delay(attempt: int, asked: float | None, random: Callable[[], float]) -> float:
    """Seconds before attempt number `attempt` + 1: full jitter, and never less than the server asked for."""
    return max(random() * min(LONGEST, BASE * 2.0 ** (attempt - 1)), asked or 0.0)
