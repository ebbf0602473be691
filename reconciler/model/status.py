"""The four colours, and the one place that decides which of them a mapping or a document has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.outcome import ADVICE, PERMANENT, SKIPS, Outcome, Reason
from reconciler.model.run import Tally


class Status(StrEnum):
    """The words that admins know from Gainsight."""

    SUCCESSFUL = "Successful"
    PARTIAL = "Partially Successful"
    PENDING = "Pending"
    FAILED = "Failed"

    @property
    def colour(self) -> str:
        return {"Successful": "green", "Partially Successful": "yellow", "Pending": "gray", "Failed": "red"}[self.value]


WAITS = "waits: "
"""Begins the reason of an import that has nothing to write to yet."""


class BadgeName(StrEnum):
    """What stands beside the colour, because the colour is about the last cycle and this about the next one."""

    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    OVERDUE = "overdue"
    STALLED = "stalled"
    CUT_OFF = "cut off"
    RETRYING = "retrying"


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """`text` says since when, by whom, or when it goes on."""

    name: BadgeName
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """The status of a document (`item` is empty) or of one of its mappings."""

    kind: str
    name: str
    item: str
    status: Status
    reason: str
    since: datetime
    run_id: int | None
    last_run_at: datetime | None
    tally: Tally


def of_mapping(tally: Tally, *, completed: bool, failure: str | None, whole: bool = True) -> tuple[Status, str]:
    """Status and reason of one mapping after a cycle.

    Red is for a sync that did not work: the cycle failed, or nothing came through and everything that was tried ended in an
    unexpected error. A cycle that completed but could not write every value (a user gone, a field missing) is yellow: the
    export names the values. Where not all was read (not `whole`), all that was read may well be wrong for good.
    """
    if failure is not None:
        return Status.FAILED, failure
    if not completed:
        return Status.PENDING, "the cycle was interrupted; the next one carries on"
    if not tally.balanced:
        return Status.FAILED, "the counts of this cycle do not add up; please report this"
    rejected = tally.outcomes[Outcome.REJECTED]
    if not rejected:
        return Status.SUCCESSFUL, ""
    through = tally.outcomes[Outcome.UPDATED] + tally.outcomes[Outcome.UNCHANGED] + tally.outcomes[Outcome.CREATED]
    expected = _EXPECTED if whole else _EXPECTED | PERMANENT | {Reason.KEY_NULL, Reason.KEY_CONFLICT}
    status = Status.PARTIAL if through or any(tally.reasons[reason] for reason in expected) else Status.FAILED
    return status, why(tally)


_EXPECTED = {
    Reason.FIELD_MISSING,
    Reason.USER_MISSING,
    Reason.AMBIGUOUS_PERSON,
    Reason.AMBIGUOUS_COMPANY,
    Reason.AMBIGUOUS_MEMBER,
    Reason.RECORD_MISSING,
    Reason.AMBIGUOUS_KEY,
    Reason.DUPLICATE_KEY,
    Reason.KEY_INVALID,
    Reason.COMPANY_UNKNOWN,
    Reason.COMPANY_AMBIGUOUS,
    Reason.RELATIONSHIP_UNKNOWN,
    Reason.RELATIONSHIP_AMBIGUOUS,
    Reason.LOOKUP_UNKNOWN,
    Reason.LOOKUP_AMBIGUOUS,
}


def why(tally: Tally) -> str:
    """The most frequent reason for rejections, with its advice; empty where nothing was rejected."""
    rejected = [(count, reason.value) for reason, count in tally.reasons.items() if count and reason not in SKIPS]
    if not rejected:
        return ""
    count, reason = max(rejected)
    return f"{count:,} × {reason}: {ADVICE[Reason(reason)]}"


_WORST_FIRST = (Status.FAILED, Status.PENDING, Status.PARTIAL, Status.SUCCESSFUL)


def combined(entries: Sequence[StatusEntry]) -> tuple[tuple[Status, str], Tally]:
    """Status, reason and counts of several entries taken together; of many reasons for yellow, the most frequent."""
    tally = Tally.total(entry.tally for entry in entries)
    status, reason = of_document([(entry.status, entry.reason) for entry in entries])
    return (status, (why(tally) if status is Status.PARTIAL else "") or reason), tally


def of_document(parts: Sequence[tuple[Status, str]]) -> tuple[Status, str]:
    """The status of a document from those of its mappings: red only if all are red, green only if all are green."""
    if not parts:
        return Status.PENDING, "nothing is mapped"
    statuses = {status for status, _ in parts}
    if len(statuses) == 1:
        chosen = parts[0][0]
    elif Status.PENDING in statuses:
        chosen = Status.PENDING
    else:
        chosen = Status.PARTIAL
    reasons = [reason for status in _WORST_FIRST for found, reason in parts if found == status and reason]
    return chosen, reasons[0] if reasons else ""
