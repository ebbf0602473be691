"""What is recorded of a project, in numbers, at one moment: what the metrics are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.event import Condition
from reconciler.state import budgets, conditions, meta, notices, vitals
from reconciler.state.database import Database

CONFIG = "config"
"""The subject of conditions that concern no document alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Calls of one connection in the current window. A limit of None is none."""

    connection: str
    window: str
    used: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One consistent moment. `serial` is None before the first apply."""

    serial: int | None
    commit: str | None
    config_valid: bool
    documents: Sequence[vitals.Vitals]
    conditions: Sequence[tuple[str, Condition]]
    budgets: Sequence[Use]
    notices_waiting: int


def observe(database: Database, *, now: datetime) -> Observed:
    """Read everything in one transaction. Raises `errors.StateProblem`."""
    with database.read() as session:
        recorded = meta.read(session)
        held = [(item.subject, item.condition) for item in conditions.read(session)]
        return Observed(
            serial=recorded.serial if recorded else None,
            commit=recorded.commit if recorded else None,
            config_valid=(CONFIG, Condition.CONFIG_INVALID) not in held,
            documents=vitals.read(session),
            conditions=held,
            budgets=[use for usage in budgets.usage(session) for use in _uses(usage, now)],
            notices_waiting=notices.waiting(session),
        )


def _uses(usage: budgets.Usage, now: datetime) -> list[Use]:
    """Both windows. What was used in one that is over counts for nothing any more."""
    minute = usage.minute_used if now < usage.minute_started + timedelta(minutes=1) else 0
    day = usage.day_used if now < usage.day_started + timedelta(days=1) else 0
    return [
        Use(connection=usage.connection, window="minute", used=minute, limit=usage.limit.per_minute),
        Use(connection=usage.connection, window="day", used=day, limit=usage.limit.per_day),
    ]
