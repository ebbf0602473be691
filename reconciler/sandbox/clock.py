"""The sandbox's own time: rate windows, token ages and written dates follow it, so tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone


class Clock:
    """Wall-clock time plus an offset, or a frozen instant."""

    __slots__ = ("_frozen", "_offset")

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset if self._frozen is None else self._frozen

    def now_ms(self) -> int:
        return int(self.now() * 1000)

    def set(self, instant: float) -> None:
        """Jump to an instant; a frozen clock stays frozen there."""
        if self._frozen is None:
            self._offset = instant - time.time()
        else:
            self._frozen = instant

    def advance(self, seconds: float) -> None:
        self.set(self.now() + seconds)

    def freeze(self, frozen: bool) -> None:
        now = self.now()
        self._frozen = now if frozen else None
        if not frozen:
            self._offset = now - time.time()

    def reset(self) -> None:
        self._offset, self._frozen = 0.0, None

    @property
    def frozen(self) -> bool:
        return self._frozen is not None


def iso(seconds: float, offset: int = 0) -> str:
    """`2026-10-01T09:30:00+00:00`, the date form of the FindByUser shape and of content. `offset` is minutes east of UTC."""
    zone = timezone(timedelta(minutes=offset)) if offset else UTC
    return datetime.fromtimestamp(int(seconds), zone).isoformat()
