"""The outbox of notifications: written in the transaction of what they tell of, sent afterwards, at least once.

A subject and a condition make a `key`. For each channel and key the order is kept: the end of something is never sent
before its beginning. Something that begins and ends before anybody was told is not told, and what flaps is told at most
once in each direction within `QUIET`; the last word is never lost, it only waits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update

from reconciler import errors
from reconciler.model.event import Condition
from reconciler.model.notice import Notice
from reconciler.state import tables
from reconciler.state.session import Session

QUIET = timedelta(minutes=10)
CLAIM = timedelta(minutes=5)
"""How long one that is being sent belongs to the process that sends it. Much longer than sending may take."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
PATIENCE = timedelta(hours=24)
KEPT = timedelta(days=30)

_table = tables.notices
_waiting = _table.c.try_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A notice that is ours to send. `attempts` counts this one."""

    id: int
    channel: str
    notice: Notice
    created_at: datetime
    attempts: int


def enqueue(session: Session, channel: str, notice: Notice, *, now: datetime) -> None:
    """Put a notice into the outbox of a channel, or take its opposite out that nobody has seen."""
    key = _key(notice.subject, notice.condition)
    about = (_table.c.channel == channel) & (_table.c.key == key)
    unseen = session.execute(
        select(_table.c.id, _table.c.content)
        .where(about, _waiting, _table.c.attempts == 0)
        .order_by(_table.c.id.desc())
        .limit(1)
    ).one_or_none()
    if unseen is not None and _notice(unseen.content).began is not notice.began:
        # Unless somebody took it for sending meanwhile: then the end has to follow.
        still = delete(_table).where(_table.c.id == unseen.id, _table.c.attempts == 0)
        if session.execute(still).rowcount:
            return
    earlier = session.execute(
        select(_table.c.content, _table.c.created_at).where(about, _table.c.created_at > now - QUIET)
    )
    same = [row.created_at for row in earlier if _notice(row.content).began is notice.began]
    values = {
        "channel": channel,
        "key": key,
        "content": json.dumps(notice.to_json(), ensure_ascii=False),
        "created_at": now,
        "attempts": 0,
        "try_at": max([now, *(created + QUIET for created in same)]),
    }
    session.execute(insert(_table).values(**values))


def claim(session: Session, *, now: datetime) -> Claimed | None:
    """Take the notice that is due first. No other process gets it before `CLAIM` has passed."""
    older = _table.alias()
    first = ~exists().where(
        older.c.channel == _table.c.channel,
        older.c.key == _table.c.key,
        older.c.id < _table.c.id,
        older.c.try_at.is_not(None),
    )
    due = (
        select(_table.c.id)
        .where(_waiting, _table.c.try_at <= now, first)
        .order_by(_table.c.try_at, _table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = session.execute(due).scalar()
    if found is None:
        return None
    taken = update(_table).where(_table.c.id == found).values(try_at=now + CLAIM, attempts=_table.c.attempts + 1)
    return _claimed(session.execute(taken.returning(*_table.c)).one())


def sent(session: Session, claimed: Claimed, *, now: datetime) -> None:
    """It was taken at the other end."""
    session.execute(_mine(claimed).values(sent_at=now, try_at=None))


def failed(session: Session, claimed: Claimed, *, now: datetime) -> datetime | None:
    """It was not. Gives when it will be tried again, or None: it is given up."""
    pause = min(FIRST_PAUSE * 2 ** min(claimed.attempts - 1, 16), LONGEST_PAUSE)
    again = now + pause if now + pause < claimed.created_at + PATIENCE else None
    session.execute(_mine(claimed).values(try_at=again))
    return again


def give_back(session: Session, claimed: Claimed, *, now: datetime) -> None:
    """It was not tried after all: whoever comes next may have it."""
    session.execute(_mine(claimed).values(try_at=now, attempts=claimed.attempts - 1))


def give_up(session: Session, claimed: Claimed) -> None:
    """Nobody will ever take it."""
    session.execute(_mine(claimed).values(try_at=None))


def waiting(session: Session) -> int:
    """How many are not sent yet."""
    return int(session.execute(select(func.count()).select_from(_table).where(_waiting)).scalar_one())


def prune(session: Session, *, now: datetime) -> None:
    """Forget what was sent or given up more than `KEPT` ago."""
    session.execute(delete(_table).where(~_waiting, _table.c.created_at < now - KEPT))


def _mine(claimed: Claimed) -> Any:
    """Only while nobody else has claimed it since: our answer may come too late."""
    return update(_table).where(_table.c.id == claimed.id, _table.c.attempts == claimed.attempts, _waiting)


def _key(subject: str, condition: Condition) -> str:
    return f"{subject} {condition.value}"


def _claimed(row: Row[*tuple[Any, ...]]) -> Claimed:
    return Claimed(
        id=row.id,
        channel=row.channel,
        notice=_notice(row.content),
        created_at=row.created_at,
        attempts=row.attempts,
    )


def _notice(content: str) -> Notice:
    try:
        return Notice.from_json(json.loads(content))
    except (KeyError, TypeError, ValueError):
        raise errors.StateDamaged(
            "A notification cannot be understood as it was recorded.",
            hint="a newer version of reconcile may have written it",
        ) from None
