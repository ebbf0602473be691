"""Records into Gainsight CS objects: the fewest calls, and the right values in the right records."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.connectors.base import Workload
from reconciler.connectors.gainsight_cs import readback
from reconciler.model.outcome import Outcome, Reason, RecordWrite
from reconciler.records.coerce import coerce
from reconciler.sandbox import Sandbox
from tests.connectors.cs_records import (
    CREATED,
    EMAILS,
    UPDATED,
    by_key,
    calls,
    client,
    described,
    fault,
    predicted,
    record,
    rows,
    scores,
    shown,
    target,
    trainings,
    written,
)
from tests.connectors.test_with_sandbox import control

# ---- calls and values


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.integers(0, 130),
    new=st.integers(0, 130),
    order=st.randoms(use_true_random=False),
)
def test_the_fewest_calls_and_they_are_predicted(running: Sandbox, known: int, new: int, order: Any) -> None:
    control(running, "POST", "reset")
    to = target(running, "Training", "Name")
    before = trainings(*range(known + 7))
    assert set(by_key(written(running, to, before)).values()) <= {CREATED}
    assert calls(running) == predicted(to, new=len(before), known=0)

    changed = trainings(*range(known), *range(1000, 1000 + new), score=2)
    order.shuffle(changed)
    results = by_key(written(running, to, changed))
    cost = calls(running)
    assert cost == predicted(to, new=new, known=known)
    assert cost.writes == -(-new // 50) + -(-known // 50)
    assert list(results.values()).count(CREATED) == new
    assert list(results.values()).count(UPDATED) == known
    expected = {f"T{n}": 100 + n for n in range(known + 7)} | {one.key[0]: one.values["Score__gc"] for one in changed}
    assert scores(running) == expected


def test_values_of_every_type(sandbox: Sandbox) -> None:
    known = described(sandbox, "Onboarding").fields
    texts = {
        "Name": "Ünïcode 👋 עברית",
        "Phase__gc": "In Progress",
        "Modules__gc": "Mobile;Connect",
        "Go_Live__gc": "2026-12-24T23:00:00-08:00",
        "Started_At__gc": "2026-11-22T09:30:00.250+02:00",
        "Hours__gc": "007.50",
        "Budget__gc": "-0.1",
        "Progress__gc": "99.9",
        "Blocked__gc": "true",
        "Contact_Email__gc": " a@b.example ",
        "Plan_Url__gc": "https://a.example/?q=%20",
        "Remarks__gc": "<p>a\nb</p>",
    }
    to = target(sandbox, "Onboarding", "External_Id__gc")
    values = {name: coerce(text, known[name]) for name, text in texts.items()}
    assert by_key(written(sandbox, to, [record("0042", **values)])) == {"0042": CREATED}
    for spelling in ("label", "gsid"):
        control(sandbox, "POST", "switches", {"multiselect_read": spelling})
        found = shown(sandbox, "Onboarding__gc", "External_Id__gc", *texts)["0042"]
        assert readback.holds(dict(zip(texts, found, strict=True)), values, known)
    by_name = dict(zip(texts, found, strict=True))
    labels = {item: label for field in known.values() for item, label in field.options.items()}
    assert labels[by_name["Phase__gc"]] == "In Progress"
    assert [labels[item] for item in by_name["Modules__gc"].split(";")] == ["Mobile", "Connect"]
    assert by_name["Go_Live__gc"] == 1798070400000
    assert by_name["Started_At__gc"] == 1795332600250
    assert (by_name["Hours__gc"], by_name["Budget__gc"], by_name["Blocked__gc"]) == (7.5, -0.1, True)
    assert by_name["Name"] == texts["Name"]


def test_null_clears(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    written(sandbox, to, trainings(1, 2))
    assert by_key(written(sandbox, to, [record("T1", Score__gc=None), record("T3", Score__gc=None)])) == {
        "T1": UPDATED,
        "T3": CREATED,
    }
    assert scores(sandbox) == {"T1": None, "T2": 102, "T3": None}


# ---- keys


def test_update_only_leaves_unknown_keys_alone(sandbox: Sandbox) -> None:
    written(sandbox, target(sandbox, "Training", "Name"), trainings(1))
    to = target(sandbox, "Training", "Name", update_only=True)
    results = by_key(written(sandbox, to, trainings(1, 2, score=3)))
    assert results == {"T1": UPDATED, "T2": Reason.RECORD_MISSING}
    assert scores(sandbox) == {"T1": 301}
    assert calls(sandbox).writes == 1


def test_a_key_of_several_records_is_never_guessed(sandbox: Sandbox) -> None:
    for _ in range(2):
        control(sandbox, "POST", "cs/Training__gc", {"Name": "T1", "Score__gc": 5})
    to = target(sandbox, "Training", "Name")
    results = written(sandbox, to, trainings(1))
    assert by_key(results) == {"T1": Reason.AMBIGUOUS_KEY}
    assert {score for _, score in rows(sandbox, "Training__gc", "Name", "Score__gc")} == {5}
    assert calls(sandbox).writes == 0


def test_keys_of_several_parts_and_numbers(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name", EMAILS, "Score__gc")
    first = [record("A", f"{n % 3}@a.example", str(n), Completed_On__gc="2026-01-01") for n in range(60)]
    assert set(by_key(written(sandbox, to, first)).values()) == {CREATED}
    second = [record("A", f"{n % 3}@A.example", f"00{n}.0", Completed_On__gc="2026-01-02") for n in range(61)]
    results = by_key(written(sandbox, to, second))
    assert list(results.values()).count(UPDATED) == 60
    assert calls(sandbox) == predicted(to, new=1, known=60)
    only = target(sandbox, "Training", "Score__gc", update_only=True)
    assert set(by_key(written(sandbox, only, [record(str(n), Name="B") for n in range(60)])).values()) == {UPDATED}
    assert calls(sandbox) == predicted(only, new=0, known=60)
    assert calls(sandbox).reads == 2


@pytest.mark.parametrize("match", ["exact", "ignore_case"])
def test_whether_case_matters_is_for_the_tenant_to_say(sandbox: Sandbox, match: str) -> None:
    to = target(sandbox, "Training", "Name")
    written(sandbox, to, trainings(*range(5)))
    control(sandbox, "POST", "switches", {"string_match": match})
    writes = [record(f"t{n}" if n < 3 else f"T{n}", Score__gc=n) for n in range(600)]
    results = by_key(written(sandbox, to, writes))
    same = match == "ignore_case"
    assert [results[key] for key in ("t0", "t1", "t2", "T3", "T4")] == [UPDATED if same else CREATED] * 3 + [
        UPDATED
    ] * 2
    assert scores(sandbox)["T1"] == (1 if same else 101)
    assert len(scores(sandbox)) == (600 if same else 603)
    fault(sandbox, {"drop": "after"}, method="PUT", path="objects/Training__gc")
    again = [record(one.key[0], Score__gc=7) for one in writes[:5]]
    assert set(by_key(written(sandbox, to, again)).values()) == {UPDATED}


def test_two_numbers_that_mean_one_record_far_from_each_other(sandbox: Sandbox) -> None:
    """In windows of their own, and while nobody expects it of their letters."""
    to = target(sandbox, "Training", "Score__gc")
    writes = [record(text, Name="x") for text in ("7", *map(str, range(100, 220)), "07")]
    with client(sandbox) as remote:
        writer = remote.writer(to)
        load = Workload(records=len(writes), spelled_alike=False)
        # Nothing is sent, so looking again does not show the first one.
        batches = list(writer.batches(writes, load))
        results = [one for batch in batches for one in writer.write(batch)]
    assert by_key(results)["07"] == Reason.DUPLICATE_KEY
    assert Counter(by_key(results).values()) == {CREATED: 121, Reason.DUPLICATE_KEY: 1}


def test_two_rows_that_mean_one_record(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Score__gc")
    results = by_key(written(sandbox, to, [record("7", Name="x"), record("07", Name="y"), record("seven", Name="z")]))
    assert results == {"7": CREATED, "07": Reason.DUPLICATE_KEY, "seven": Reason.KEY_INVALID}


@pytest.mark.parametrize("key", ["", " ", "a\0b", "\ud800", "x" * 300])
def test_keys_that_cannot_be_keys(sandbox: Sandbox, key: str) -> None:
    results = written(sandbox, target(sandbox, "Company", "Name"), [record(key, Industry="x")])
    assert [one.reason for one in results] == [Reason.KEY_INVALID]
    assert calls(sandbox).calls == 0


def test_a_required_field_that_is_empty(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", EMAILS)
    (result,) = written(sandbox, to, [record("a@b.example", Score__gc=1)])
    assert (result.reason, result.field) == (Reason.REQUIRED_EMPTY, "Name")
    assert calls(sandbox).writes == 0


def test_a_record_that_somebody_deleted_comes_back_whole(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    one = RecordWrite(key=("T1",), values={"Score__gc": 9}, label="", unchanged={EMAILS: "a@b.example"})
    written(sandbox, to, [one])
    assert shown(sandbox, "Training__gc", "Name", "Score__gc", EMAILS) == {"T1": (9, "a@b.example")}


def test_set_if_empty(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name", set_if_empty=frozenset({"Score__gc"}))
    written(sandbox, to, [record("T1", Score__gc=1), record("T2")])
    results = by_key(
        written(
            sandbox,
            to,
            [record("T1", Score__gc=5), record("T2", Score__gc=5), record("T3", Score__gc=5)],
        )
    )
    assert results == {"T1": Outcome.UNCHANGED, "T2": UPDATED, "T3": CREATED}
    assert scores(sandbox) == {"T1": 1, "T2": 5, "T3": 5}


def test_lookups_are_found_by_a_field_of_the_other_record(sandbox: Sandbox) -> None:
    users = [email for email, _ in rows(sandbox, "gsuser", "Email", "Name")]
    to = target(sandbox, "Company", "Name", lookups={"Csm": "Email"})
    companies = [name for name, _ in rows(sandbox, "company", "Name", "Gsid")]
    writes = [record(name, Csm=users[n % 3].upper()) for n, name in enumerate(companies)]
    writes += [
        record("New One", Csm=users[0]),
        record("New Two", Csm="nobody@a.example"),
        record("New Three", Csm=None),
    ]
    names = {"Csm": sorted({str(one.values["Csm"]) for one in writes if one.values["Csm"]})}
    results = by_key(written(sandbox, to, writes, names=names))
    assert results.pop("New Two") is Reason.LOOKUP_UNKNOWN
    assert set(results.values()) == {CREATED, UPDATED}
    assert calls(sandbox) == predicted(to, new=2, known=len(companies), names={"Csm": len(names["Csm"])})
    assert by_key(written(sandbox, to, [record(companies[0], Csm="nobody@a.example")])) == {
        companies[0]: Reason.LOOKUP_UNKNOWN
    }
    found = shown(sandbox, "company", "Name", "Csm__gr.Email")
    assert [found[name][0] for name in companies] == [users[n % 3] for n in range(len(companies))]
    assert found["New Three"] == (None,)
