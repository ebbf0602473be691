"""Holding a lease for the length of a piece of work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from reconciler import errors, failpoints
from reconciler.failpoints import Step
from reconciler.state import leases
from reconciler.state.database import Database
from reconciler.state.session import Session


class Held:
    """A lease that is kept alive. Whoever sends or records something asks it first."""

    def __init__(self, lease: leases.Lease, heartbeat: leases.Heartbeat) -> None:
        self._lease = lease
        self._heartbeat = heartbeat

    @property
    def sure(self) -> bool:
        """Whether nobody else can have the lease yet, as far as this process can tell without asking."""
        return self._heartbeat.sure

    def at_each_renewal(self, work: Callable[[Session], None]) -> None:
        """Do something in the transaction of every renewal."""
        self._heartbeat.beat = work

    def assert_held(self, session: Session) -> None:
        """Raises `errors.FenceLost`; otherwise the transaction commits under the lease."""
        leases.assert_held(session, self._lease)

    def refuse_lost(self) -> None:
        """Raises `errors.FenceLost` when the lease may be somebody else's."""
        if self.sure:
            return
        if self._heartbeat.taken:
            raise errors.FenceLost(hint="another process carries on; nothing needs to be done")
        message = f"The lease on {self._lease.name} could not be renewed for {self._lease.ttl:g} s; nothing more was recorded."
        hint = "the database was out of reach, or this process stood still; run it again, which carries on from here"
        raise errors.FenceLost(message, hint=hint)


class Halt(threading.Event):
    """Says stop when somebody asked for it, and when the lease under which a cycle works may be somebody else's.

    Whatever sends something looks at it before each attempt. So a process that was paused past its lease does not even
    repeat a call whose connection was lost meanwhile.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop = stop
        self._held: Held | None = None

    def watch(self, held: Held) -> None:
        """From now on the lease counts, too."""
        self._held = held

    def is_set(self) -> bool:
        return self._stop.is_set() or (self._held is not None and not self._held.sure)

    def set(self) -> None:
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """The end of a lease does not cut a wait short; it is noticed after it."""
        self._stop.wait(timeout)
        return self.is_set()


@contextmanager
def held(database: Database, name: str, holder: str) -> Iterator[Held]:
    """Take a lease, keep it alive, give it back. Raises `errors.Locked` when somebody has it."""
    lease = database.run(lambda session: leases.acquire(session, name, holder))
    failpoints.reached(Step.LEASE_TAKEN)
    try:
        with leases.Heartbeat(database, lease) as heartbeat:
            yield Held(lease, heartbeat)
    except BaseException:
        # What broke the work is what has to be told. A lease that cannot be given back now ends by itself.
        with suppress(errors.StateProblem):
            _release(database, lease)
        raise
    _release(database, lease)


def _release(database: Database, lease: leases.Lease) -> None:
    database.run(lambda session: leases.release(session, lease))
    failpoints.reached(Step.LEASE_RELEASED)
