"""Which of the four colours a mapping and a document have."""

from __future__ import annotations

from itertools import product

import pytest

from reconciler.model.outcome import ADVICE, Outcome, Reason
from reconciler.model.run import Tally
from reconciler.model.status import Status, of_document, of_mapping, why

UPDATED, UNCHANGED, CREATED = Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CREATED
GREEN, YELLOW, GRAY, RED = Status.SUCCESSFUL, Status.PARTIAL, Status.PENDING, Status.FAILED


def tally(*through: Outcome, rejected: dict[Reason, int] | None = None, skipped: int = 0) -> Tally:
    found = Tally()
    for outcome in through:
        found.add(outcome)
    for reason, count in (rejected or {}).items():
        found.add(Outcome.REJECTED, reason, count)
    found.add(Outcome.SKIPPED, Reason.NULL, skipped)
    found.read = sum(found.outcomes.values())
    return found


@pytest.mark.parametrize(
    ("reason", "of_all", "of_a_part"),
    [
        (Reason.VALUE_INVALID, RED, YELLOW),
        (Reason.KEY_NULL, RED, YELLOW),
        (Reason.RECORD_MISSING, YELLOW, YELLOW),
        (Reason.CS_UNAVAILABLE, RED, RED),
    ],
)
def test_a_few_rows_that_are_wrong_for_good_are_no_failure(reason: Reason, of_all: Status, of_a_part: Status) -> None:
    found = tally(rejected={reason: 2})
    assert of_mapping(found, completed=True, failure=None)[0] is of_all
    assert of_mapping(found, completed=True, failure=None, whole=False)[0] is of_a_part


def test_the_colours() -> None:
    assert [(status.value, status.colour) for status in Status] == [
        ("Successful", "green"),
        ("Partially Successful", "yellow"),
        ("Pending", "gray"),
        ("Failed", "red"),
    ]


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        (tally(), GREEN),
        (tally(UPDATED), GREEN),
        (tally(UNCHANGED, skipped=3), GREEN),
        (tally(CREATED), GREEN),
        (tally(skipped=3), GREEN),
        (tally(UPDATED, rejected={Reason.UNAVAILABLE: 1}), YELLOW),
        (tally(UNCHANGED, rejected={Reason.UNAVAILABLE: 9}), YELLOW),
        (tally(CREATED, rejected={Reason.UNAVAILABLE: 9}), YELLOW),
        (tally(UPDATED, UNCHANGED, rejected={Reason.UNAVAILABLE: 9}), YELLOW),
        (tally(UPDATED, CREATED, rejected={Reason.UNAVAILABLE: 9}), YELLOW),
        (tally(rejected={Reason.FIELD_MISSING: 1}), YELLOW),
        (tally(rejected={Reason.USER_MISSING: 1}), YELLOW),
        (tally(rejected={Reason.AMBIGUOUS_PERSON: 1}), YELLOW),
        (tally(rejected={Reason.AMBIGUOUS_COMPANY: 1}), YELLOW),
        (tally(rejected={Reason.AMBIGUOUS_MEMBER: 1}), YELLOW),
        (tally(rejected={Reason.FIELD_MISSING: 1, Reason.UNAVAILABLE: 5}), YELLOW),
        (tally(rejected={Reason.UNAVAILABLE: 1}), RED),
        (tally(rejected={Reason.UNAVAILABLE: 1, Reason.FIELD_MISSING: 0}), RED),
        (tally(rejected={Reason.REFUSED: 1}, skipped=9), RED),
        (tally(rejected={Reason.MALFORMED: 1}), RED),
        (tally(rejected={Reason.WRONG_TYPE: 1, Reason.TOO_LONG: 1, Reason.UNSENDABLE: 1}), RED),
    ],
)
def test_the_status_of_a_mapping(counts: Tally, status: Status) -> None:
    assert of_mapping(counts, completed=True, failure=None)[0] is status


def test_a_failed_cycle_is_red_whatever_came_through() -> None:
    assert of_mapping(tally(UPDATED), completed=False, failure="no such domain") == (RED, "no such domain")


def test_an_interrupted_cycle_waits() -> None:
    status, reason = of_mapping(tally(UPDATED, rejected={Reason.REFUSED: 1}), completed=False, failure=None)
    assert status is GRAY
    assert "interrupted" in reason


@pytest.mark.parametrize("read", [0, 2])
def test_counts_that_do_not_add_up_are_never_green(read: int) -> None:
    counts = tally(UPDATED)
    counts.read = read
    status, reason = of_mapping(counts, completed=True, failure=None)
    assert status is RED
    assert "add up" in reason


def test_the_reason_is_the_most_frequent_one_that_is_no_skip() -> None:
    counts = tally(UPDATED, rejected={Reason.FIELD_MISSING: 2, Reason.USER_MISSING: 1200}, skipped=5000)
    assert of_mapping(counts, completed=True, failure=None)[1] == f"1,200 × user-missing: {ADVICE[Reason.USER_MISSING]}"


def test_the_reason_does_not_depend_on_the_order_of_equal_counts() -> None:
    one = tally(UPDATED, rejected={Reason.FIELD_MISSING: 2, Reason.USER_MISSING: 2})
    other = tally(UPDATED, rejected={Reason.USER_MISSING: 2, Reason.FIELD_MISSING: 2})
    assert of_mapping(one, completed=True, failure=None) == of_mapping(other, completed=True, failure=None)


def test_skips_are_no_reason() -> None:
    assert why(tally(skipped=3)) == ""
    assert why(tally(rejected={Reason.REFUSED: 0})) == ""


def test_green_has_no_reason() -> None:
    assert of_mapping(tally(UPDATED, skipped=3), completed=True, failure=None) == (GREEN, "")


@pytest.mark.parametrize("parts", [*product(Status, repeat=1), *product(Status, repeat=2), *product(Status, repeat=3)])
def test_the_status_of_a_document(parts: tuple[Status, ...]) -> None:
    status, reason = of_document([(part, part.value) for part in parts])
    if GRAY in parts:
        assert status is GRAY
    elif set(parts) in ({GREEN}, {RED}):
        assert status is parts[0]
    else:
        assert status is YELLOW
    worst = min(parts, key=[RED, GRAY, YELLOW, GREEN].index)
    assert reason == worst.value


def test_a_document_that_maps_nothing_waits() -> None:
    assert of_document([]) == (GRAY, "nothing is mapped")


def test_a_green_document_has_no_reason_and_a_part_without_one_does_not_hide_another() -> None:
    assert of_document([(GREEN, ""), (GREEN, "")]) == (GREEN, "")
    assert of_document([(RED, ""), (YELLOW, "2 × refused")]) == (YELLOW, "2 × refused")
