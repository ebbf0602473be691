"""What is ready to run, and whose turn it is: fair between connections, in the order in which things became due."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from reconciler.engine.timetable import Work
from reconciler.model.document import DocumentId


class Board:
    """Shared by the tick, which fills it, and the workers, who take from it.

    A connection whose documents take long must not keep those of another waiting: each turn goes to the connection with the
    fewest cycles under way, and while there are several connections, none gets the last worker, too.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._changed = threading.Condition()
        self._ready: list[Work] = []
        self._running: dict[DocumentId, Work] = {}
        self._connections = 1
        self._closed = False
        self._full = False
        self.hungry = threading.Event()
        """Set when somebody found nothing, although there was more than the board holds."""

    def offer(self, ready: Sequence[Work], *, connections: int, full: bool) -> None:
        """Replace what is ready. `connections` is how many there are in all; `full`: more is due than this."""
        with self._changed:
            self._ready = [work for work in ready if work.document not in self._running]
            self._connections = connections
            self._full = full
            self.hungry.clear()
            self._changed.notify_all()

    def take(self, seconds: float) -> Work | None:
        """The next piece of work, waiting at the most so long for one; None when there is none, or the board is closed."""
        with self._changed:
            work = self._choose()
            if work is None and not self._closed and seconds > 0:
                self._changed.wait(seconds)
                work = self._choose()
            if work is not None:
                self._ready.remove(work)
                self._running[work.document] = work
            return work

    def done(self, work: Work) -> None:
        """The work is finished, or somebody else does it."""
        with self._changed:
            del self._running[work.document]
            self._changed.notify()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._ready = []
            self._changed.notify_all()

    @property
    def running(self) -> list[Work]:
        """What is under way here."""
        with self._changed:
            return list(self._running.values())

    def _choose(self) -> Work | None:
        busy = Counter(work.connection for work in self._running.values())
        most = self._workers - 1 if self._connections > 1 and self._workers > 1 else self._workers
        chosen: Work | None = None
        for work in self._ready:  # in the order of their due times
            fewer = chosen is None or busy[work.connection] < busy[chosen.connection]
            if busy[work.connection] < most and fewer:
                chosen = work
                if not busy[work.connection]:
                    break
        if chosen is None and not self._ready and self._full:
            self.hungry.set()
        return chosen
