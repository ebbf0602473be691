"""What a run says about its document."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.engine.occasion import found_conditions
from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING, SYNC
from reconciler.model.event import Condition
from reconciler.model.outcome import Outcome, Reason
from reconciler.model.run import Run, RunResult, Tally

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(kind: str, read: int, rejected: int) -> Run:
    tally = Tally(read=read)
    tally.add(Outcome.REJECTED, Reason.REFUSED, rejected)
    tally.add(Outcome.UNCHANGED, None, read - rejected)
    return Run(
        id=1,
        kind=kind,
        document="acme",
        job="x",
        connection="acme-cs",
        started_at=NOON,
        ended_at=NOON,
        result=RunResult.PARTIAL,
        tally=tally,
        calls=0,
        reason="",
    )


@pytest.mark.parametrize(
    ("kind", "counted"), [(COMMUNITY_IMPORT, "records"), (PROFILE_FIELD_MAPPING, "values"), (SYNC, "values")]
)
def test_many_rejected_are_told_in_the_words_of_the_document(kind: str, counted: str) -> None:
    found = found_conditions(run(kind, 1_000, 51), None)[Condition.REJECTED_MANY]
    assert found == (f"51 of 1,000 {counted} were rejected", "reconcile records acme")
    assert found_conditions(run(kind, 1_000, 50), None)[Condition.REJECTED_MANY] is None
