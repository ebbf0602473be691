"""Statements that can be cut short: by the person who stops the program, and by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler import errors
from reconciler.clock import Clock

LOOK_SECONDS = 0.1
"""How often somebody looks whether to stop."""

Made = TypeVar("Made")


@dataclass(kw_only=True)
class Watch:
    """How long one answer of the database may take: a page of rows, or the whole of what is copied in one go."""

    clock: Clock
    stop: threading.Event
    seconds: float
    label: str
    late: bool = field(default=False, init=False)
    _deadline: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Time starts now."""
        self.late = False
        self._deadline = self.clock.monotonic() + self.seconds

    def over(self) -> bool:
        """Whether what is under way must end."""
        self.late = self.late or self.clock.monotonic() > self._deadline
        return self.late or self.stop.is_set()

    def check(self) -> None:
        """Raises `errors.Interrupted` or `errors.RemoteUnavailable` where a statement was, or must be, cut short."""
        if self.stop.is_set():
            raise errors.Interrupted
        if self.late:
            message = f"{self.label} took longer than {self.seconds:g} seconds to answer"
            raise errors.RemoteUnavailable(message, hint="make the query cheaper, or raise statementTimeout")

    @contextmanager
    def guarding(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt`, from another thread, when it is over before the block is."""
        self.begin()
        done = threading.Event()

        def look() -> None:
            while not done.wait(LOOK_SECONDS):
                if self.over():
                    interrupt()
                    return

        guard = threading.Thread(target=look, name="watch of a statement", daemon=True)
        guard.start()
        try:
            yield
        finally:
            done.set()
            guard.join()


class _Attempt(Generic[Made]):
    """Something made in a thread that may be abandoned."""

    def __init__(self, make: Callable[[], Made], discard: Callable[[Made], None]) -> None:
        self._make = make
        self._discard = discard
        self._lock = threading.Lock()
        self._abandoned = False
        self.made: Made | None = None
        self.error: Exception | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            made = self._make()
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            self.error = error
        else:
            with self._lock:
                unwanted = self._abandoned
                self.made = made
            if unwanted:
                self._discard(made)
        finally:
            self.done.set()

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            made = self.made
        if made is not None:
            self._discard(made)


def patiently(watch: Watch, make: Callable[[], Made], discard: Callable[[Made], None], *, seconds: float) -> Made:
    """`make()`, which may hang in a driver that cannot be interrupted: then it is left to itself, and what it makes discarded.

    Raises what `make` raises, `errors.Interrupted`, and `errors.RemoteUnavailable` after `seconds`.
    """
    attempt = _Attempt(make, discard)
    threading.Thread(target=attempt.run, name="connecting to a database", daemon=True).start()
    deadline = watch.clock.monotonic() + seconds
    while not attempt.done.wait(LOOK_SECONDS):
        late = watch.clock.monotonic() > deadline
        if late or watch.stop.is_set():
            attempt.abandon()
            if not late:
                raise errors.Interrupted
            raise errors.RemoteUnavailable(
                f"{watch.label} did not answer within {seconds:g} seconds",
                hint="check that the server runs, and that host, port and network are right",
            )
    if attempt.error is not None:
        raise attempt.error
    assert attempt.made is not None
    return attempt.made
