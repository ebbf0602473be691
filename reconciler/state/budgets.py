"""The API budget of a connection: fixed windows of a clock minute and a UTC day, shared by all processes and restarts.

The windows are those of the remote: it counts calls by the clock, so we do. Permits are claimed in the database, a few at a
time where the limit is high, and used from memory. What a process claimed and did not use is lost with the minute, so a
window may stay a little below its limit and never goes above it. Nothing is recorded for a connection without limits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from reconciler import errors
from reconciler.clock import Clock, Waiting, unseen
from reconciler.model.resources import RateLimit
from reconciler.state import tables
from reconciler.state.database import Database
from reconciler.state.session import Session
from reconciler.state.upsert import insert_missing, upsert

MINUTE = 60
DAY = 86_400
EDGE = 0.2
"""Seconds at both ends of a minute in which no call starts: the remote's clock and ours differ a little, and a call that
starts in one minute may be counted in the next."""

MAX_PAUSE = 3600.0
"""The longest `Retry-After` that is believed, in seconds: the longest window that Gainsight publishes, short of a day."""

_table = tables.budgets


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Use of one connection. `minute` and `day` are the starts of the windows in seconds since 1970, UTC."""

    minute: int
    minute_used: int
    day: int
    day_used: int
    blocked_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Use of one connection, for people. A limit of None is none."""

    connection: str
    limit: RateLimit
    minute_started: datetime
    minute_used: int
    day_started: datetime
    day_used: int
    blocked_until: datetime | None


class SharedBudget:
    """Permission to call, one call at a time. Shared by threads; other processes have their own for the same connection."""

    def __init__(
        self,
        database: Database,
        connection: str,
        rate_limit: RateLimit,
        clock: Clock,
        *,
        edge: float = EDGE,
        waiting: Waiting = unseen,
    ) -> None:
        self._database = database
        self._connection = connection
        self._limit = rate_limit
        self._clock = clock
        self._edge = edge
        self._waiting = waiting
        self._lock = threading.Lock()
        self._chunk = _chunk(rate_limit)
        self._limited = rate_limit.per_minute is not None or rate_limit.per_day is not None
        self._permits = 0
        self._minute = 0
        # Permits of a past minute still count in their day: they are spent first, so that the day is not used up by
        # what was never sent.
        self._spare = 0
        self._day = 0
        self._paused_until = 0.0

    def acquire(self, stop: threading.Event) -> None:
        """Wait until one call may be made. Raises `errors.Interrupted` when `stop` is set meanwhile."""
        while True:
            with self._lock:
                pause = self._try()
            if pause <= 0:
                return
            with self._waiting("rate limited", pause):
                stopped = self._clock.wait(pause, stop)
            if stopped:
                raise errors.Interrupted("Interrupted while waiting for the API budget.")

    def throttled(self, retry_after: float | None) -> None:
        """The remote answered 429: nobody calls again before the minute ends, nor before `retry_after` seconds (at most an
        hour of them) have passed. Another process may use up the few permits that it holds already."""
        now = self._now()
        pause = min(retry_after, MAX_PAUSE) if retry_after is not None and retry_after > 0 else 0.0
        until = max(now + pause, _start(now, MINUTE) + MINUTE + self._edge)
        with self._lock:
            self._paused_until = max(self._paused_until, until)
            self._keep_spare()
            if self._limited:
                self._database.run(lambda session: self._block(session, now, until))

    def _try(self) -> float:
        """Take a permit and give 0, or give the seconds to wait before the next try."""
        while True:
            now = self._now()
            pause = self._pause(now)
            if pause > 0:
                return pause
            if not self._limited:
                return 0.0
            if self._minute != _start(now, MINUTE):
                self._keep_spare()
            if self._permits:
                self._permits -= 1
                return 0.0
            pause = self._claim(now)
            if pause > 0:
                return pause
            # Claiming may have taken until the next minute, for which the permits do not count: look at the clock again.

    def _pause(self, now: float) -> float:
        """Seconds for which no call may start, whatever is left of the limit."""
        if self._paused_until - now > MAX_PAUSE + MINUTE:
            self._paused_until = 0.0  # the clock was set back
        return max(self._paused_until - now, self._edge_wait(now))

    def _edge_wait(self, now: float) -> float:
        if self._limit.per_minute is None:
            return 0.0
        into = now - _start(now, MINUTE)
        if into < self._edge:
            return self._edge - into
        return MINUTE - into + self._edge if into > MINUTE - self._edge else 0.0

    def _keep_spare(self) -> None:
        self._spare += self._permits
        self._permits = 0

    def _claim(self, now: float) -> float:
        """Ask the database for permits; gives 0 when there are some, or the seconds until there may be."""
        day = _start(now, DAY)
        if self._day != day:
            self._day, self._spare = day, 0
        spare = self._spare
        granted, until = self._database.run(lambda session: self._grant(session, now, spare))
        if not granted:
            # A moment more: waking up just before the window would cost another round.
            return max(until - self._now(), 0.001)
        self._spare -= min(self._spare, granted)
        self._permits, self._minute = granted, _start(now, MINUTE)
        return 0.0

    def _grant(self, session: Session, now: float, spare: int) -> tuple[int, float]:
        window = _current(_locked(session, self._connection), now)
        granted, until = self._allowance(window, spare, now)
        if granted:
            used = replace(
                window,
                minute_used=window.minute_used + granted,
                day_used=window.day_used + max(0, granted - spare),
            )
            _save(session, self._connection, self._limit, used)
        return granted, until

    def _allowance(self, window: Window, spare: int, now: float) -> tuple[int, float]:
        """How many permits may be taken, or 0 and the moment when there may be some again."""
        if now < window.blocked_until:
            return 0, window.blocked_until
        per_minute, per_day = self._limit.per_minute, self._limit.per_day
        in_minute = self._chunk if per_minute is None else per_minute - window.minute_used
        in_day = self._chunk if per_day is None else per_day - window.day_used + spare
        if in_day <= 0:
            return 0, window.day + DAY + self._edge
        if in_minute <= 0:
            return 0, window.minute + MINUTE + self._edge
        return min(self._chunk, in_minute, in_day), 0.0

    def _block(self, session: Session, now: float, until: float) -> None:
        window = _current(_locked(session, self._connection), now)
        full = max(window.minute_used, self._limit.per_minute or 0)
        blocked = replace(window, minute_used=full, blocked_until=max(window.blocked_until, until))
        _save(session, self._connection, self._limit, blocked)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def usage(session: Session) -> list[Usage]:
    """Use of every connection that has a limit and was called, in order of their names, in its last window."""
    return [_usage(row) for row in session.execute(select(_table).order_by(_table.c.connection))]


def _chunk(limit: RateLimit) -> int:
    """Permits that are claimed at once: a hundredth of a minute's, so that several processes share a window fairly."""
    per_minute = limit.per_minute or (limit.per_day or 0) // (DAY // MINUTE)
    return max(1, per_minute // 100)


def _start(now: float, length: int) -> int:
    return int(now // length) * length


def _locked(session: Session, connection: str) -> Window:
    """The row as it is, ours alone until the transaction ends."""
    query = select(_table).where(_table.c.connection == connection).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        # An empty row first: of two processes that start at once, the second waits here and then sees what the first used.
        unused = {
            "connection": connection,
            "minute": 0,
            "minute_used": 0,
            "day": 0,
            "day_used": 0,
            "blocked_until": 0.0,
        }
        session.execute(insert_missing(session, _table), unused)
        row = session.execute(query).one()
    return _window(row)


def _window(row: Row[*tuple[Any, ...]]) -> Window:
    return Window(
        minute=row.minute,
        minute_used=row.minute_used,
        day=row.day,
        day_used=row.day_used,
        blocked_until=row.blocked_until,
    )


def _current(found: Window, now: float) -> Window:
    """The windows that `now` falls into, with what is used of them.

    A recorded window that starts one window ahead belongs to a process whose clock is a little ahead: it counts. One
    further ahead comes from a clock that was wrong, and must not stop us for years.
    """
    minute, day = _start(now, MINUTE), _start(now, DAY)
    if not minute <= found.minute <= minute + MINUTE:
        found = replace(found, minute=minute, minute_used=0)
    if not day <= found.day <= day + DAY:
        found = replace(found, day=day, day_used=0)
    if found.blocked_until - now > MAX_PAUSE + MINUTE:
        found = replace(found, blocked_until=0.0)
    return found


def _save(session: Session, connection: str, limit: RateLimit, window: Window) -> None:
    values = {
        "connection": connection,
        "per_minute": limit.per_minute,
        "per_day": limit.per_day,
        "minute": window.minute,
        "minute_used": window.minute_used,
        "day": window.day,
        "day_used": window.day_used,
        "blocked_until": window.blocked_until,
    }
    session.execute(upsert(session, _table), values)


def _usage(row: Row[*tuple[Any, ...]]) -> Usage:
    return Usage(
        connection=row.connection,
        limit=RateLimit(per_minute=row.per_minute, per_day=row.per_day),
        minute_started=_moment(row.minute),
        minute_used=row.minute_used,
        day_started=_moment(row.day),
        day_used=row.day_used,
        blocked_until=_moment(row.blocked_until) if row.blocked_until else None,
    )


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
