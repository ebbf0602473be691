"""What is the matter at the moment, and since when. A row is there while its condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from reconciler.model.event import Condition, Transition
from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.conditions
# Made once: each cycle asks.
_ALL = select(_table).order_by(_table.c.subject, _table.c.condition)
_OF_ONE = _ALL.where(_table.c.subject == bindparam("subject"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A condition that holds."""

    subject: str
    condition: Condition
    reason: str
    hint: str
    since: datetime


def settle(
    session: Session, subject: str, found: Mapping[Condition, tuple[str, str] | None], *, now: datetime
) -> list[Transition]:
    """Record for each condition of `found` whether it holds (reason, hint) or not (None). Gives those that began or ended."""
    before = {held.condition: held.since for held in read(session, subject)}
    transitions = []
    for condition, why in sorted(found.items()):
        if why is not None:
            reason, hint = why
            row = {"subject": subject, "condition": condition.value, "reason": reason, "hint": hint, "since": now}
            # Since when it holds is news only once; why it holds may change.
            session.execute(upsert(session, _table, since=_table.c.since), row)
            if condition not in before:
                transitions.append(
                    Transition(subject=subject, condition=condition, began=True, reason=reason, hint=hint, since=now)
                )
        elif condition in before:
            at = (_table.c.subject == subject) & (_table.c.condition == condition.value)
            session.execute(delete(_table).where(at))
            transitions.append(Transition(subject=subject, condition=condition, began=False, since=before[condition]))
    return transitions


def read(session: Session, subject: str | None = None) -> list[Held]:
    """What holds, of one subject or of all, in order."""
    rows = session.execute(_ALL) if subject is None else session.execute(_OF_ONE, {"subject": subject})
    return [
        Held(
            subject=row.subject,
            condition=Condition(row.condition),
            reason=row.reason,
            hint=row.hint,
            since=row.since,
        )
        for row in rows
    ]


def remove(session: Session, subject: str) -> None:
    """Forget everything about a subject that is gone."""
    session.execute(delete(_table).where(_table.c.subject == subject))
