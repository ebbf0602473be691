"""Who works on what. A lease ends by itself, and its fence number tells an old holder from the new one.

    with database.begin() as session:
        lease = leases.acquire(session, "ProfileFieldMapping/acme-profile", holder, 15)
    with leases.Heartbeat(database, lease) as heartbeat: ...
    with database.begin() as session:
        leases.assert_held(session, lease)      # nothing is recorded under a lost lease
        ...

Times are those of the database, so the clocks of the processes need not agree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Self

from sqlalchemy import TextClause, text

from reconciler import errors
from reconciler.state.database import Database
from reconciler.state.session import Session

TTL = 15.0
LONGEST = 600.0
"""Seconds; no lease is taken for longer."""

RENEW_EVERY = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """`holder` is whoever took it, in words for people; `fence` grows each time the lease is taken."""

    name: str
    holder: str
    fence: int
    ttl: float


def acquire(session: Session, name: str, holder: str, ttl: float = TTL) -> Lease:
    """Take the lease `name` for `ttl` seconds. Raises `errors.Locked` while somebody else has it."""
    now = now_expression(session)
    statement = text(
        "INSERT INTO leases (name, holder, fence, acquired_at, expires_at) "
        f"VALUES (:name, :holder, 1, {now}, {now} + :ttl) ON CONFLICT (name) DO UPDATE "
        "SET holder = excluded.holder, fence = leases.fence + 1, "
        "acquired_at = excluded.acquired_at, expires_at = excluded.expires_at "
        f"WHERE {free(session)} RETURNING fence"
    )
    fence = session.execute(statement, {"name": name, "holder": holder, "ttl": ttl}).scalar()
    if fence is None:
        raise _locked(session, name)
    return Lease(name=name, holder=holder, fence=int(fence), ttl=ttl)


def renew(session: Session, lease: Lease) -> None:
    """Hold the lease for its whole time again. Raises `errors.FenceLost`."""
    _touch(session, lease, f"expires_at = {now_expression(session)} + :ttl")


def release(session: Session, lease: Lease) -> None:
    """Give the lease up; nothing happens when it was lost. The row stays, so that fences never repeat."""
    statement = text("UPDATE leases SET expires_at = 0 WHERE name = :name AND fence = :fence")
    session.execute(statement, {"name": lease.name, "fence": lease.fence})


def release_all(session: Session, holder: str) -> None:
    """Give up everything that `holder` has: its process is about to end."""
    session.execute(text("UPDATE leases SET expires_at = 0 WHERE holder = :holder"), {"holder": holder})


def assert_held(session: Session, lease: Lease) -> None:
    """Raises `errors.FenceLost` when somebody else took the lease. Nobody can take it before this transaction ends."""
    _touch(session, lease, "fence = fence")


def held(session: Session, name: str) -> str:
    """An SQL condition: whether somebody holds the lease with this name, itself an SQL expression, at the moment."""
    return f"EXISTS (SELECT 1 FROM leases WHERE leases.name = {name} AND NOT {free(session)})"


def _touch(session: Session, lease: Lease, change: str) -> None:
    bound = {"name": lease.name, "fence": lease.fence, "ttl": lease.ttl}
    if session.execute(_touching(change), bound).rowcount != 1:
        hint = "another process carries on; nothing needs to be done"
        raise errors.FenceLost(f"The lease on {lease.name} was lost to another process.", hint=hint)


@cache
def _touching(change: str) -> TextClause:
    """Made once: it is run for each batch. `ttl` is bound in every case, so that both changes take the same parameters."""
    return text(f"UPDATE leases SET {change} WHERE name = :name AND fence = :fence AND :ttl > 0")


def free(session: Session) -> str:
    """Whether nobody holds a row of the table `leases`, as an SQL condition.

    A lease cannot end further ahead than its whole time. One that does was taken while the clock was wrong.
    """
    now = now_expression(session)
    return f"(leases.expires_at <= {now} OR leases.expires_at > {now} + {LONGEST})"


def now_expression(session: Session) -> str:
    """Seconds since 1970 by the clock of the database, as an SQL expression."""
    if session.postgresql:
        return "extract(epoch FROM clock_timestamp())::double precision"
    return "((julianday('now') - 2440587.5) * 86400.0)"


def _locked(session: Session, name: str) -> errors.Locked:
    query = text(
        f"SELECT holder, acquired_at, expires_at - {now_expression(session)} AS rest FROM leases WHERE name = :name"
    )
    row = session.execute(query, {"name": name}).one()
    since = datetime.fromtimestamp(row.acquired_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    message = f"{name} is being worked on by {row.holder} since {since}."
    return errors.Locked(message, hint=f"wait for it; if it was killed, its lease ends in {max(0.0, row.rest):.0f} s")


class Heartbeat:
    """Renews a lease in a thread of its own and notes in `lost` when it is gone.

    It counts as lost, too, when it could not be renewed for its whole time: by then somebody else may have it. `taken` says
    that somebody has.
    """

    def __init__(self, database: Database, lease: Lease, *, every: float = RENEW_EVERY) -> None:
        self.lost = threading.Event()
        self.beat: Callable[[Session], None] | None = None
        """What else is recorded with each renewal."""
        self.taken = False
        self._database = database
        self._lease = lease
        self._every = every
        self._stop = threading.Event()
        self._renewed = database.clock.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {lease.name}", daemon=True)

    @property
    def sure(self) -> bool:
        """Whether nobody else can have the lease yet. A process that was paused knows it before its first next step."""
        return not self.lost.is_set() and self._database.clock.monotonic() - self._renewed < self._lease.ttl

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        clock = self._database.clock
        while not clock.wait(self._every, self._stop):
            asked = clock.monotonic()
            try:
                with self._database.begin() as session:
                    renew(session, self._lease)
                    if self.beat is not None:
                        self.beat(session)
                self._renewed = asked
            except errors.Locked:
                self.taken = True
                break
            except errors.StateProblem:
                if clock.monotonic() - self._renewed >= self._lease.ttl:
                    break
        else:
            return
        self.lost.set()
