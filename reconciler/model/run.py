"""One cycle of one document: counts that must balance, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.outcome import Outcome, Reason


class RunResult(StrEnum):
    """The words of the activity log."""

    RUNNING = "Running"
    SUCCESS = "Success"
    PARTIAL = "Partial Success"
    FAILED = "Failed"
    INTERRUPTED = "Interrupted"


class Trigger(StrEnum):
    """Why a cycle ran."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    RETRY = "retry"
    REQUEST = "request"


class Extent(StrEnum):
    """How much of a model with a cursor a cycle read."""

    FULL = "full"
    CURSOR = "cursor"


CUT_OFF = "cut off; the next cycle resumes it"
"""Why a run has no end although nobody works on it."""


@dataclass(slots=True)
class Tally:
    """Counts of values for one mapping or one run. `read` must equal the sum of all outcomes."""

    read: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    departed: int = 0
    """Records of a run that were written before and are not read any more. They have no part in the balance."""

    def add(self, outcome: Outcome, reason: Reason | None = None, count: int = 1) -> None:
        self.outcomes[outcome] += count
        if reason is not None:
            self.reasons[reason] += count

    @property
    def missing(self) -> int:
        """Values that were read and have no outcome."""
        return self.read - sum(self.outcomes.values())

    @property
    def balanced(self) -> bool:
        return self.missing == 0

    @property
    def valid(self) -> int:
        """Everything that did what it should: the Summary's valid records."""
        return sum(self.outcomes[o] for o in (Outcome.UNCHANGED, Outcome.UPDATED, Outcome.CREATED, Outcome.SKIPPED))

    @property
    def invalid(self) -> int:
        return self.outcomes[Outcome.REJECTED]

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """The sum over all mappings of a run."""
        whole = cls()
        for tally in tallies:
            whole.read += tally.read
            whole.outcomes.update(tally.outcomes)
            whole.reasons.update(tally.reasons)
            whole.departed += tally.departed
        return whole

    def to_json(self) -> dict[str, int | dict[str, int]]:
        """`{"read": n, "unchanged": n, …, "reasons": {…}}` with every outcome present."""
        counts: dict[str, int | dict[str, int]] = {"read": self.read}
        counts.update({outcome.value: self.outcomes[outcome] for outcome in Outcome})
        counts["reasons"] = {reason.value: n for reason, n in sorted(self.reasons.items()) if n}
        if self.departed:
            counts["departed"] = self.departed
        return counts

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Tally:
        tally = cls(read=_whole(data.get("read")), departed=_whole(data.get("departed")))
        for outcome in Outcome:
            tally.outcomes[outcome] = _whole(data.get(outcome.value))
        reasons = data.get("reasons")
        if isinstance(reasons, Mapping):
            tally.reasons.update({Reason(name): _whole(count) for name, count in reasons.items()})
        return tally


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of the activity log."""

    id: int
    kind: str
    document: str
    job: str
    connection: str
    started_at: datetime
    ended_at: datetime | None
    result: RunResult
    tally: Tally
    calls: int
    reason: str
    progress_at: datetime | None = None
    trigger: Trigger = Trigger.MANUAL
    slot: datetime | None = None
    commit: str | None = None
    extent: Extent | None = None
    """None where there is nothing to choose: everything is read each time."""

    @property
    def cut_off(self) -> bool:
        """Whether its process ended without closing it, and no later cycle has done so yet."""
        return self.ended_at is None and self.result is not RunResult.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """The calls that a cycle is going to make. `polls` are questions after background jobs, of which there may be more."""

    reads: int
    writes: int
    polls: int

    @property
    def calls(self) -> int:
        return self.reads + self.writes + self.polls
