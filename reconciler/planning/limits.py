"""How much one apply may touch without somebody saying yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.plan import Counts, Plan
from reconciler.model.resources import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """A limit that a plan breaks. `what` is "documents" or "mappings"."""

    what: str
    affected: int
    recorded: int
    percent: float
    allowed_percent: int


def exceeded(plan: Plan, limits: Limits) -> tuple[Exceeded, ...]:
    """The limits that the plan breaks. Only what is recorded counts: adding is never a mass change."""
    return tuple(
        Exceeded(
            what=what,
            affected=counts.affected,
            recorded=counts.recorded,
            percent=_percent(counts),
            allowed_percent=limits.max_change_percent,
        )
        for what, counts in (("documents", plan.declared), ("mappings", plan.mappings))
        if counts.recorded >= limits.min_records and _percent(counts) > limits.max_change_percent
    )


def needed(broken: Sequence[Exceeded]) -> int:
    """The number that confirms all of them."""
    return max((one.affected for one in broken), default=0)


def _percent(counts: Counts) -> float:
    return 100 * counts.affected / max(1, counts.recorded)
