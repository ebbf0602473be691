"""The values of the domain: documents, diagnostics, outcomes, counts."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.document import Document, DocumentId
from reconciler.model.json import canonical, digest
from reconciler.model.outcome import ADVICE, Outcome, Reason, ValueStatus, Write, WriteResult, status_word
from reconciler.model.plan import Action
from reconciler.model.resources import SecretRef
from reconciler.model.run import Tally
from reconciler.model.value import natural

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)

# -- canonical JSON ----------------------------------------------------------------------------------------------------


@given(json_values)
def test_canonical_json_reads_back(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_keys_is_not_part_of_a_value(value: dict[str, Any]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_canonical_json_is_compact_sorted_and_not_escaped() -> None:
    assert canonical({"b": [1, None], "a": "Grün\n"}) == '{"a":"Grün\\n","b":[1,null]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_has_no_digest(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest([value])


def test_a_digest_is_the_sha_256_of_the_canonical_json() -> None:
    assert digest({"a": [1, "ü"]}) == hashlib.sha256('{"a":[1,"ü"]}'.encode()).hexdigest()


# -- documents and diagnostics -----------------------------------------------------------------------------------------


def test_document_ids_sort_by_kind_and_name() -> None:
    ids = [DocumentId("ProfileFieldMapping", "a"), DocumentId("Connection", "b"), DocumentId("Connection", "a")]
    assert [str(id) for id in sorted(ids)] == ["Connection/a", "Connection/b", "ProfileFieldMapping/a"]


def test_the_digest_of_a_document_covers_its_spec_and_its_labels_but_not_its_name() -> None:
    one = Document(id=DocumentId("Connection", "a"), spec={"sso": True})
    assert one.digest == Document(id=DocumentId("Connection", "b"), spec={"sso": True}).digest
    assert one.digest != Document(id=one.id, spec={"sso": False}).digest
    assert one.digest != Document(id=one.id, spec={"sso": True}, labels={"team": "a"}).digest


def test_findings_stand_in_the_order_of_the_files() -> None:
    def finding(code: str, position: Position | None) -> Diagnostic:
        return Diagnostic(code=code, message="m", position=position)

    found = [
        finding("E2", Position("b.yaml", 1, 1)),
        finding("E1", Position("a.yaml", 10, 1)),
        finding("E1", Position("a.yaml", 9, 2)),
        finding("E2", Position("a.yaml", 9, 2)),
        finding("E9", None),
        finding("E1", Position("a.yaml", 9, 10)),
    ]
    ordered = sorted(found, key=lambda diagnostic: diagnostic.sort_key)
    assert [f"{d.code} {d.position or '-'}" for d in ordered] == [
        "E9 -",
        "E1 a.yaml:9:2",
        "E2 a.yaml:9:2",
        "E1 a.yaml:9:10",
        "E1 a.yaml:10:1",
        "E2 b.yaml:1:1",
    ]


def test_a_secret_reference_says_where_and_not_what() -> None:
    assert str(SecretRef(source="env", name="ACME_KEY")) == "env ACME_KEY"
    assert str(SecretRef(source="file", name="secrets/key")) == "file secrets/key"


def test_symbols_of_actions() -> None:
    assert {action.value: action.symbol for action in Action} == {"add": "+", "change": "~", "forget": "-"}


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_there_is_advice_for_every_reason() -> None:
    assert ADVICE.keys() == set(Reason)
    assert all(advice and not advice.endswith(".") for advice in ADVICE.values())


@pytest.mark.parametrize("reason", Reason)
def test_the_words_of_the_export(reason: Reason) -> None:
    known = {Reason.FIELD_MISSING: ValueStatus.FIELD_MISSING, Reason.USER_MISSING: ValueStatus.USER_MISSING}
    assert status_word(reason) is known.get(reason, ValueStatus.UNEXPECTED)


def test_the_words_of_the_export_are_those_that_admins_know() -> None:
    assert {word.value for word in ValueStatus} == {
        "Updated",
        "Profile_field_not_exists",
        "User_not_found",
        "Unexpected_error",
    }


def test_a_write_without_a_reason_is_acknowledged() -> None:
    write = Write(key="1", label="Ada", item="City", before=None, value="Berlin")
    assert WriteResult(write=write).acknowledged
    assert not WriteResult(write=write, reason=Reason.REFUSED).acknowledged


# -- counts ------------------------------------------------------------------------------------------------------------

entries = st.lists(st.tuples(st.sampled_from(Outcome), st.none() | st.sampled_from(Reason), st.integers(0, 50)))


def tally_of(found: list[tuple[Outcome, Reason | None, int]], missing: int = 0) -> Tally:
    tally = Tally(read=sum(count for _, _, count in found) + missing)
    for outcome, reason, count in found:
        tally.add(outcome, reason, count)
    return tally


tallies = st.builds(tally_of, entries)


@given(entries, st.integers(-3, 3))
def test_counts_balance_exactly_if_nothing_got_lost(
    found: list[tuple[Outcome, Reason | None, int]], missing: int
) -> None:
    assert tally_of(found, missing).balanced == (missing == 0)


@given(tallies)
def test_counts_read_back_from_json(tally: Tally) -> None:
    data = json.loads(json.dumps(tally.to_json()))
    assert Tally.from_json(data) == tally
    assert data.keys() == {"read", "reasons", *(outcome.value for outcome in Outcome)}
    assert all(data["reasons"].values())


@given(st.lists(tallies, max_size=4))
def test_the_total_is_the_sum(parts: list[Tally]) -> None:
    whole = Tally.total(parts)
    assert whole.read == sum(part.read for part in parts)
    assert all(whole.outcomes[outcome] == sum(part.outcomes[outcome] for part in parts) for outcome in Outcome)
    assert all(whole.reasons[reason] == sum(part.reasons[reason] for part in parts) for reason in Reason)
    assert whole.balanced


@given(tallies)
def test_valid_and_invalid_leave_out_only_what_was_not_attempted(tally: Tally) -> None:
    assert tally.valid + tally.invalid + tally.outcomes[Outcome.NOT_ATTEMPTED] == tally.read


def test_counts_that_are_missing_or_no_numbers_are_zero() -> None:
    assert Tally.from_json({}) == Tally()
    assert Tally.from_json({"read": "many", "updated": None, "reasons": []}) == Tally()


def test_counting_one_by_one() -> None:
    tally = Tally(read=3)
    tally.add(Outcome.UPDATED)
    tally.add(Outcome.SKIPPED, Reason.NULL)
    tally.add(Outcome.SKIPPED, Reason.NULL)
    assert (tally.outcomes[Outcome.SKIPPED], tally.reasons[Reason.NULL], tally.valid) == (2, 2, 3)
    assert tally.balanced


# -- order of user ids --------------------------------------------------------------------------------------------------


def test_numbers_sort_as_numbers_and_before_text() -> None:
    keys = ["0", "1", "01", "2", "10", "0010", "100", "9" * 30, "-1", "1.5", "2x", "a", "ä"]
    assert sorted(set(keys), key=natural) == ["0", "01", "1", "2", "0010", "10", "100", *keys[7:]]


@given(st.lists(st.integers(min_value=0)))
def test_ids_sort_as_the_numbers_that_they_are(numbers: list[int]) -> None:
    assert sorted(map(str, numbers), key=natural) == [str(number) for number in sorted(numbers)]
