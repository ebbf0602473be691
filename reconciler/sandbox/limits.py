"""Fixed windows aligned to the clock: 100 calls between 10:00 and 10:01, whoever sent them when."""

from __future__ import annotations

from collections.abc import Sequence

MINUTE = 60
DAY = 86_400


class Windows:
    """Counts calls per key and window. Refused calls count too, as an inspected gateway would count them."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}

    def take(self, key: str, now: float, limits: Sequence[tuple[int, int]]) -> int:
        """Count one call against `(seconds, most)` limits; 0 when allowed, else whole seconds until it may pass."""
        wait = 0
        for seconds, most in limits:
            start = int(now // seconds) * seconds
            seen, used = self._counts.get((key, seconds), (start, 0))
            used = used + 1 if seen == start else 1
            self._counts[(key, seconds)] = (start, used)
            if used > most:
                wait = max(wait, start + seconds - int(now))
        return wait

    def clear(self) -> None:
        self._counts.clear()

    def snapshot(self) -> list[dict[str, object]]:
        return [
            {"key": key, "window_seconds": seconds, "window_start": start, "used": used}
            for (key, seconds), (start, used) in sorted(self._counts.items())
        ]
