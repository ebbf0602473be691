"""Single flight: when several threads need the same answer at once, one asks and all get what it got."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class SingleFlight(Generic[Key, Answer]):
    """Nothing is remembered: a call that starts after the flight has landed makes a flight of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Key, Future[Answer]] = {}

    def do(self, key: Key, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises, done by whichever thread came first with this key."""
        with self._lock:
            under_way = self._flights.get(key)
            mine: Future[Answer] = Future()
            if under_way is None:
                self._flights[key] = mine
        if under_way is not None:
            return under_way.result()
        return self._lead(key, mine, work)

    def _lead(self, key: Key, flight: Future[Answer], work: Callable[[], Answer]) -> Answer:
        try:
            answer = work()
        except BaseException as error:
            # Not handled here: the threads that wait must fail as this one does, or they would wait for ever.
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(answer)
        return answer

    def _land(self, key: Key) -> None:
        with self._lock:
            del self._flights[key]
