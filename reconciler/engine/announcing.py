"""Telling people: transitions go into the outbox in the transaction that finds them, and from there to the channels.

with database.begin() as session:
    transitions = conditions.settle(session, …)
    announcing.announce(session, project, transitions, now=now, mask=mask)
…
announcing.deliver(database, senders, clock=clock, stop=stop, emit=emit)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.notify.base import Sender, idempotency_key
from reconciler.model.event import Emit, Event, EventName, Level, Scalar, Transition
from reconciler.model.notice import Notice
from reconciler.model.resources import Channel, Project
from reconciler.state import notices
from reconciler.state.database import Database
from reconciler.state.session import Session

AT_ONCE = 20
SECONDS = 60.0
"""Notices of one pass, and how long it goes on taking up others: a channel that hangs keeps the loop only for so long."""


def announce(
    session: Session,
    project: Project,
    transitions: Iterable[Transition],
    *,
    now: datetime,
    mask: Callable[[str], str],
) -> None:
    """Put what every channel is to hear of into the outbox. `mask` hides secrets that a reason might hold."""
    for transition in transitions:
        notice = Notice(
            project=project.name,
            subject=transition.subject,
            condition=transition.condition,
            began=transition.began,
            reason=mask(transition.reason),
            hint=mask(transition.hint),
            since=transition.since,
            at=now,
        )
        for channel in project.notifications:
            if hears(channel, transition):
                notices.enqueue(session, channel.name, notice, now=now)


def hears(channel: Channel, transition: Transition) -> bool:
    """Whether a channel is told of a transition. One with `documents` is told of nothing else."""
    name = transition.subject.rpartition("/")[2]
    return (not channel.conditions or transition.condition in channel.conditions) and (
        not channel.documents or ("/" in transition.subject and name in channel.documents)
    )


def deliver(
    database: Database, senders: Mapping[str, Sender], *, clock: Clock, stop: threading.Event, emit: Emit
) -> int:
    """Send what is due, at most `AT_ONCE`, and give how many were sent. Several processes may do so at once.

    Raises `errors.StateProblem`; what a channel does wrong is an event, and tried again later.
    """
    with database.begin() as session:
        notices.prune(session, now=clock.now())
    delivered, ends = 0, clock.monotonic() + SECONDS
    for _ in range(AT_ONCE):
        if stop.is_set() or clock.monotonic() >= ends:
            break
        with database.begin() as session:
            claimed = notices.claim(session, now=clock.now())
        if claimed is None:
            break
        try:
            delivered += _deliver_one(database, senders, claimed, clock, emit)
        except errors.Interrupted:
            with database.begin() as session:
                notices.give_back(session, claimed, now=clock.now())
            break
    return delivered


def _deliver_one(
    database: Database,
    senders: Mapping[str, Sender],
    claimed: notices.Claimed,
    clock: Clock,
    emit: Emit,
) -> bool:
    sender = senders.get(claimed.channel)
    if sender is None:
        with database.begin() as session:
            notices.give_up(session, claimed)
        emit(_failed(claimed, "the channel is no longer in the project file", None))
        return False
    try:
        remark = sender.send(claimed.notice, idempotency_key(claimed.notice, claimed.id), clock.now())
    except errors.Interrupted:
        raise
    except errors.ReconcileError as error:
        with database.begin() as session:
            again = notices.failed(session, claimed, now=clock.now())
        emit(_failed(claimed, error.message, again))
        return False
    with database.begin() as session:
        notices.sent(session, claimed, now=clock.now())
    emit(_sent(claimed, remark))
    return True


def _sent(claimed: notices.Claimed, remark: str) -> Event:
    fields = {**_fields(claimed), **({"reason": remark} if remark else {})}
    return Event(name=EventName.NOTICE_SENT, level=Level.WARNING if remark else Level.INFO, fields=fields)


def _failed(claimed: notices.Claimed, reason: str, again: datetime | None) -> Event:
    retry = None if again is None else again.strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {**_fields(claimed), "reason": reason, "retry_at": retry, "given_up": again is None}
    return Event(name=EventName.NOTICE_FAILED, level=Level.ERROR if again is None else Level.WARNING, fields=fields)


def _fields(claimed: notices.Claimed) -> dict[str, Scalar]:
    notice = claimed.notice
    return {
        "channel": claimed.channel,
        "subject": notice.subject,
        "condition": notice.condition.value,
        "began": notice.began,
        "attempt": claimed.attempts,
    }
