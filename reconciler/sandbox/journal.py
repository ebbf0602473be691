"""What happened: counters by route and status, the last requests, and every accepted write in order."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One accepted change. `subject` is a user id or a GSID; `target` the object or `user`."""

    side: str
    community: int
    action: str
    target: str
    subject: str
    field: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answered request. `status` 0: the connection was cut; `fault` 0: none struck."""

    at: float
    side: str
    method: str
    raw_path: str
    status: int
    fault: int


class Journal:
    """The write log lives in the store, so that a million writes do not sit in memory."""

    def __init__(self, store: Store, ring: int) -> None:
        self._store = store
        self._requests: deque[Seen] = deque(maxlen=ring)
        self._counters: Counter[tuple[str, str, str, int]] = Counter()
        self.total = 0

    def wrote(self, at: float, write: Write) -> None:
        self._store.run(
            "INSERT INTO writes (at, side, community, action, target, subject, field, value) VALUES (?,?,?,?,?,?,?,?)",
            (at, write.side, write.community, write.action, write.target, write.subject, write.field, write.value),
        )

    def writes(self, since: int, limit: int) -> list[dict[str, Any]]:
        return self._store.rows("SELECT * FROM writes WHERE seq > ? ORDER BY seq LIMIT ?", (since, limit))

    def write_count(self) -> int:
        return int(self._store.value("SELECT count(*) FROM writes") or 0)

    def last_write(self) -> int:
        """Sequence numbers keep growing when the log is cleared, so an old `since` never repeats an entry."""
        return int(self._store.value("SELECT seq FROM sqlite_sequence WHERE name = 'writes'") or 0)

    def saw(self, seen: Seen, pattern: str) -> None:
        self.total += 1
        self._requests.append(seen)
        self._counters[(seen.side, seen.method, pattern, seen.status)] += 1

    def requests(self, limit: int) -> list[dict[str, Any]]:
        """The newest `limit` requests, oldest first."""
        chosen = list(self._requests)[-limit:] if limit else []
        return [asdict(seen) for seen in chosen]

    def counters(self) -> list[dict[str, Any]]:
        return [
            {"side": side, "method": method, "route": pattern, "status": status, "count": count}
            for (side, method, pattern, status), count in sorted(self._counters.items())
        ]

    def clear_writes(self) -> None:
        self._store.run("DELETE FROM writes")

    def clear_requests(self) -> None:
        self._requests.clear()
        self._counters.clear()
        self.total = 0
