"""A record that is ready to be sent, and what may be said of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler import errors
from reconciler.connectors.gainsight_cs.api import Problem, shown
from reconciler.connectors.gainsight_cs.target import Identity
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason, RecordResult, RecordWrite

MOST_FAILURES = 5
"""Calls in a row without a usable answer after which the run is given up."""

MOST_BLIND = 15
"""The same for refusals without an error code. One record that a firewall dislikes causes fewer in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A record with everything in it looked up. `gsid` is that of the record to be updated, None where one is created.

    `fields` are sent; `created` says that the record came to be in this run, whoever updates it now. `company` is the company
    of a record that hangs on something of a company.
    """

    write: RecordWrite
    identity: Identity
    gsid: str | None
    fields: Mapping[str, Json]
    created: bool
    company: str = ""

    @property
    def done(self) -> RecordResult:
        return RecordResult(write=self.write, outcome=Outcome.CREATED if self.created else Outcome.UPDATED)

    def refused(self, problem: Problem, status: int = 0) -> RecordResult:
        detail = shown(problem, status)
        return RecordResult(write=self.write, reason=reason_of(problem.code), detail=detail, field=problem.field)

    def unavailable(self, detail: str) -> RecordResult:
        return RecordResult(write=self.write, reason=Reason.CS_UNAVAILABLE, detail=detail)


_REASONS = {
    "GSOBJ_1001": Reason.VALUE_OVERLONG,
    "GSOBJ_1004": Reason.RECORD_MISSING,
    "GSOBJ_1011": Reason.RECORD_MISSING,
    "GSOBJ_1007": Reason.REQUIRED_EMPTY,
    "GSOBJ_PEOPLE1001": Reason.COMPANY_UNKNOWN,
    "GSOBJ_VDTPKLST1001": Reason.PICKLIST_UNKNOWN,
    "GSOBJ_VDTPKLST1002": Reason.PICKLIST_UNKNOWN,
}
_VALUES = ("GSOBJ_1002", "GSOBJ_1005", "GSOBJ_1006", "GSOBJ_1008", "GSOBJ_VDT")


def reason_of(code: str) -> Reason:
    """What an error code means. The list of codes is not published as a whole, so families are told by their beginning."""
    found = _REASONS.get(code)
    if found is None:
        found = Reason.VALUE_INVALID if code.startswith(_VALUES) else Reason.RECORD_REFUSED
    return found


class Health:
    """Counts calls without a usable answer. Thread-safe."""

    def __init__(self) -> None:
        self._failures = 0
        self._blind = 0
        self._lock = threading.Lock()

    def answered(self) -> None:
        with self._lock:
            self._failures = self._blind = 0

    def refused(self, problem: Problem) -> None:
        with self._lock:
            self._failures = 0
            self._blind = 0 if problem.code else self._blind + 1

    def failed(self) -> None:
        with self._lock:
            self._failures += 1

    def check(self) -> None:
        """Raises `errors.RemoteUnavailable` once Gainsight CS has stopped answering, `RemoteRefused` once nothing gets there."""
        if self._failures >= MOST_FAILURES:
            raise errors.RemoteUnavailable(
                f"Gainsight CS gave no usable answer to {MOST_FAILURES} calls in a row",
                hint="nothing more was attempted; the next cycle looks what is there and carries on",
            )
        if self._blind >= MOST_BLIND:
            raise errors.RemoteRefused(
                f"{MOST_BLIND} writes in a row were refused without an error code of Gainsight CS",
                hint="something before the API, such as a firewall or a proxy, refuses them",
            )
