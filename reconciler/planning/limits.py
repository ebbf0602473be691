"""How much one apply may touch without somebody saying yes."""

from __future__ import annotations

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


def exceeded(plan: Plan, limits: Limits) -> Exceeded | None:
    """The first limit that the plan breaks, or None. Only what is recorded counts: adding is never a mass change."""
    for what, counts in (("documents", plan.documents), ("mappings", plan.mappings)):
        if counts.recorded >= limits.min_records and _percent(counts) > limits.max_change_percent:
            return Exceeded(
                what=what,
                affected=counts.affected,
                recorded=counts.recorded,
                percent=_percent(counts),
                allowed_percent=limits.max_change_percent,
            )
    return None


def _percent(counts: Counts) -> float:
    return 100 * counts.affected / max(1, counts.recorded)
