"""Bad records and lost answers: little is paid for the one, and nothing comes to be twice for the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.base import RecordDestination, Workload
from reconciler.connectors.gainsight_cs.target import RecordTarget, target_of
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.outcome import ADVICE, Reason, RecordResult, RecordWrite
from reconciler.model.resources import Behavior, FieldRule, Sync
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
    people,
    predicted,
    record,
    rows,
    scores,
    target,
    trainings,
    written,
)
from tests.connectors.servers import Request, reply, serving
from tests.connectors.test_cs_client import cs
from tests.connectors.test_with_sandbox import control

# ---- bad records


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bad=st.sets(st.integers(0, 59), max_size=6),
    told=st.sampled_from(["all", "first", "none"]),
    update=st.booleans(),
)
def test_poison_records_cost_little(running: Sandbox, bad: set[int], told: str, update: bool) -> None:
    control(running, "POST", "reset")
    to = target(running, "Training", "Name")
    if update:
        written(running, to, trainings(*range(60)))
    control(running, "POST", "switches", {"batch_errors": told})
    writes = [record(f"T{n}", Score__gc="poison" if n in bad else 500 + n) for n in range(60)]
    results = written(running, to, writes)
    assert {one.write.key[0]: one.reason for one in results if one.reason} == dict.fromkeys(
        [f"T{n}" for n in bad], Reason.VALUE_INVALID
    )
    assert {n: score for n, score in scores(running).items() if score and score >= 500} == {
        f"T{n}": 500 + n for n in range(60) if n not in bad
    }
    if told == "all":
        assert calls(running).writes <= 4
    assert calls(running).writes <= 2 + 14 * len(bad)


def test_one_poison_among_fifty_takes_seven_rounds_at_the_most(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "switches", {"batch_errors": "none"})
    to = target(sandbox, "Training", "Name")
    for place in (0, 24, 49):
        writes = [record(f"{place}-{n}", Score__gc="x" if n == place else n) for n in range(50)]
        results = written(sandbox, to, writes)
        assert [one.reason for one in results].count(Reason.VALUE_INVALID) == 1
        assert calls(sandbox).writes <= 1 + 2 * 6


# ---- faults

LOST: list[dict[str, Any]] = [
    {"status": 500, "commit": True},
    {"status": 500},
    {"drop": "after"},
    {"html": True, "commit": True},
    {"html": True},
    {"truncate": 20},
    {"status": 502, "commit": True},
    {"json": {"unexpected": 1}, "commit": True},
    {"drop": "before"},
    {"status": 503},
]


@pytest.mark.parametrize("action", LOST, ids=str)
@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
def test_an_answer_that_is_lost(sandbox: Sandbox, action: dict[str, Any], update: bool) -> None:
    to = target(sandbox, "Training", "Name")
    if update:
        written(sandbox, to, trainings(*range(60)))
    writes = trainings(*range(60), score=4)
    fault(sandbox, action, method="PUT" if update else "POST", path="/v1/data/objects/Training__gc")
    results = written(sandbox, to, writes)
    assert {one.reason for one in results} <= {None, Reason.CS_UNAVAILABLE}
    found = scores(sandbox)
    for one in results:
        if one.acknowledged:
            assert found[one.write.key[0]] == one.write.values["Score__gc"]
    if (
        update
        or action.get("commit")
        or action.get("drop") == "after"
        or action == {"status": 500}
        or "truncate" in action
    ):
        assert all(one.outcome is (UPDATED if update else CREATED) for one in results)
    else:
        # Created records that do not show may be on their way: the next cycle looks first.
        assert [one.reason for one in results].count(Reason.CS_UNAVAILABLE) == 50
    rest = [one.write for one in results if one.reason]
    assert {one.reason for one in written(sandbox, to, rest)} <= {None}
    assert scores(sandbox) == {f"T{n}": 400 + n for n in range(60)}
    assert len(control(sandbox, "GET", "writes?limit=10000")["writes"]) <= 60 * 2 * 4


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actions=st.lists(st.sampled_from(LOST), max_size=4),
    skip=st.integers(0, 3),
    known=st.integers(0, 70),
    new=st.integers(0, 70),
)
def test_cycles_converge_whatever_is_lost(
    running: Sandbox, actions: list[dict[str, Any]], skip: int, known: int, new: int
) -> None:
    control(running, "POST", "reset")
    to = target(running, "Training", "Name")
    written(running, to, trainings(*range(known)))
    for action in actions:
        fault(running, action, path="/objects/(query/)?Training__gc", skip=skip)
    left = trainings(*range(known + new), score=6)
    for _ in range(4):
        try:
            left = [one.write for one in written(running, to, left) if not one.acknowledged]
        except (errors.RemoteUnavailable, errors.RemoteMalformed):
            continue
    control(running, "DELETE", "faults")
    assert left == []
    assert scores(running) == {f"T{n}": 600 + n for n in range(known + new)}


def test_what_was_carried_out_is_not_sent_again(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    fault(sandbox, {"status": 500, "commit": True}, method="POST", path="objects/Training__gc")
    written(sandbox, to, trainings(*range(50)))
    assert (calls(sandbox).writes, calls(sandbox).reads) == (1, 2)


def test_a_text_that_looks_like_an_error_is_a_text(sandbox: Sandbox) -> None:
    to = target(sandbox, "Company", "Name")
    for outcome in (CREATED, UPDATED):
        results = written(sandbox, to, [record("GU_2400 Ltd", Industry="GU_2400", BillingAddress="GSOBJ_1011")])
        assert by_key(results) == {"GU_2400 Ltd": outcome}
        assert calls(sandbox).writes == 1


def test_a_page_that_only_mentions_the_limit_is_no_refusal(sandbox: Sandbox) -> None:
    page = "<html>GU_2400</html>"
    fault(sandbox, {"status": 400, "body": page}, method="POST", path="objects/Training__gc")
    (result,) = written(sandbox, target(sandbox, "Training", "Name"), trainings(1))
    assert (result.reason, result.detail) == (Reason.RECORD_REFUSED, "HTTP 400")


def test_too_many_calls_in_the_middle(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    body = {"result": False, "errorCode": "GU_2400", "errorDesc": "Too many request", "data": None}
    fault(sandbox, {"status": 429, "json": body}, method="POST", path="objects/Training__gc", skip=1, times=2)
    results = written(sandbox, to, trainings(*range(120)))
    assert set(by_key(results).values()) == {CREATED}
    assert len(scores(sandbox)) == 120


def test_a_service_that_has_stopped_answering(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    fault(sandbox, {"drop": "before"}, method="POST", path="objects/Training__gc", times=1000)
    with pytest.raises(errors.RemoteUnavailable, match="5 calls in a row"):
        written(sandbox, to, trainings(*range(400)))


def test_one_record_that_breaks_the_service(sandbox: Sandbox) -> None:
    """An internal failure again and again: the records are divided until the one is alone."""
    to = target(sandbox, "Training", "Name")
    fault(sandbox, {"status": 500}, method="POST", path="objects/Training__gc", times=3)
    results = written(sandbox, to, trainings(*range(8)))
    assert {one.reason for one in results} <= {None, Reason.CS_UNAVAILABLE}
    assert len(scores(sandbox)) == sum(one.acknowledged for one in results)


def test_a_record_alone_that_breaks_the_service(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    fault(sandbox, {"status": 500}, method="POST", path="objects/Training__gc", times=2)
    (result,) = written(sandbox, to, trainings(1))
    assert (result.reason, result.detail.partition("; ")[2]) == (Reason.CS_UNAVAILABLE, "read back: not written")
    assert calls(sandbox).writes == 2


def test_an_object_that_cannot_be_written(sandbox: Sandbox) -> None:
    to = target(sandbox, "Feature Usage", "Name")
    with pytest.raises(errors.RemoteRefused):
        written(sandbox, to, [record("x", Events__gc=1)])


@pytest.mark.parametrize("action", LOST, ids=str)
@pytest.mark.parametrize("count", [2, 20], ids=["one-by-one", "job"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_an_answer_about_people_that_is_lost(sandbox: Sandbox, action: dict[str, Any], count: int, known: bool) -> None:
    to = target(sandbox, "Person", "Email")
    old = [email for email, _ in rows(sandbox, "person", "Email", "Gsid")]
    emails = old[:count] if known else [f"new{n}@a.example" for n in range(count)]
    writes = [record(email, City__gc=f"City {n}") for n, email in enumerate(emails)]
    fault(sandbox, action, method="PUT", path="people")
    results = written(sandbox, to, writes)
    assert {one.reason for one in results} <= {None, Reason.CS_UNAVAILABLE}
    rest = [one.write for one in results if one.reason]
    assert {one.reason for one in written(sandbox, to, rest)} <= {None}
    found = list(rows(sandbox, "person", "Email", "City__gc"))
    assert len(found) == len(dict(found)) == 240 + (0 if known else count)
    assert all(dict(found)[one.key[0]] == one.values["City__gc"] for one in writes)


@pytest.mark.parametrize("action", [{"status": 500}, {"drop": "before"}, {"html": True}], ids=str)
def test_a_question_about_a_job_that_is_lost(sandbox: Sandbox, action: dict[str, Any]) -> None:
    fault(sandbox, action, method="GET", path="async")
    to = target(sandbox, "Person", "Email")
    results = written(sandbox, to, [record(f"new{n}@a.example", City__gc="x") for n in range(10)])
    assert set(by_key(results).values()) == {CREATED}


def test_a_job_that_does_not_end(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "switches", {"async_polls": 100_000})
    to = target(sandbox, "Person", "Email")
    writes = [record(f"new{n}@a.example", City__gc="x") for n in range(10)]
    results = written(sandbox, to, writes)
    # The sandbox had done the work all along, and looking shows it.
    assert set(by_key(results).values()) == {CREATED}
    assert 60 < calls(sandbox).polls < 90


def test_jobs_that_are_not_allowed_fall_back_to_single_calls(sandbox: Sandbox) -> None:
    fault(sandbox, {"status": 429, "json": {}}, method="PUT", path="async", times=100)
    to = target(sandbox, "Person", "Email")
    results = written(sandbox, to, [record(f"new{n}@a.example", City__gc="x") for n in range(60)])
    assert set(by_key(results).values()) == {CREATED}


def test_a_tenant_without_jobs(sandbox: Sandbox) -> None:
    gone = {"result": False, "errorCode": "GS_APIG_1000", "errorDesc": "Not Found"}
    fault(sandbox, {"status": 404, "json": gone}, method="PUT", path="async", times=100)
    results = written(sandbox, target(sandbox, "Person", "Email"), people(60))
    assert set(by_key(results).values()) == {CREATED}
    assert calls(sandbox).writes == 61
    fault(sandbox, {"status": 404, "json": gone}, method="PUT", path="people", times=100)
    with pytest.raises(errors.RemoteRefused):
        written(sandbox, target(sandbox, "Person", "Email"), people(60))


@pytest.mark.parametrize("answer", [{"statusId": None}, [], {"statusId": "nonsense"}], ids=str)
def test_a_job_that_cannot_be_found(sandbox: Sandbox, answer: Any) -> None:
    body = {"result": True, "data": answer}
    fault(sandbox, {"json": body, "status": 200, "commit": True}, method="PUT", path="async")
    results = written(sandbox, target(sandbox, "Person", "Email"), people(10))
    assert set(by_key(results).values()) == {CREATED}


@pytest.mark.parametrize(
    "data",
    [
        {"status": "FAILED"},
        {"status": "COMPLETED", "count": 3},
        {"status": "COMPLETED", "errorDetails": [{"rowNumber": 2, "errorCode": "GSOBJ_1008", "fieldName": "City__gc"}]},
        {"status": "COMPLETED", "errorDetails": [{"rowNumber": "x"}, 7]},
    ],
    ids=str,
)
@pytest.mark.parametrize("carried_out", [False, True])
def test_what_a_job_says_is_not_believed_before_it_shows(sandbox: Sandbox, data: Any, carried_out: bool) -> None:
    begun = {"result": True, "data": {"statusId": "j1"}}
    fault(sandbox, {"json": begun, "status": 200, "commit": carried_out}, method="PUT", path="async")
    fault(sandbox, {"json": {"result": True, "data": data}}, method="GET", path="async")
    results = written(sandbox, target(sandbox, "Person", "Email"), people(10))
    refused = {one.write.key[0]: (one.reason, one.field) for one in results if one.reason}
    named = "GSOBJ_1008" in str(data) and not carried_out
    assert refused == ({"new1@a.example": (Reason.VALUE_INVALID, "City__gc")} if named else {})
    assert len(list(rows(sandbox, "person", "Email", "Gsid"))) == 250 - named


def test_a_job_that_says_nothing_is_asked_again(sandbox: Sandbox) -> None:
    fault(sandbox, {"json": {"result": True, "data": None}}, method="GET", path="async")
    results = written(sandbox, target(sandbox, "Person", "Email"), people(10))
    assert set(by_key(results).values()) == {CREATED}


@pytest.mark.parametrize("count", [2, 10])
@pytest.mark.parametrize("action", [{"drop": "after"}, {"drop": "before"}], ids=str)
def test_people_that_cannot_be_read_back(sandbox: Sandbox, count: int, action: dict[str, Any]) -> None:
    fault(sandbox, action, method="PUT", path="people", times=2)
    fault(sandbox, {"drop": "before"}, path="query/person", skip=1, times=100)
    results = written(sandbox, target(sandbox, "Person", "Email"), people(count))
    assert {one.reason for one in results} == {Reason.CS_UNAVAILABLE}


@pytest.mark.parametrize("action", [{"drop": "after"}, {"status": 500}, {"html": True}], ids=str)
def test_records_that_cannot_be_read_back(sandbox: Sandbox, action: dict[str, Any]) -> None:
    fault(sandbox, action, method="POST", path="objects/Training__gc")
    fault(sandbox, {"drop": "before"}, path="query/Training__gc", skip=1, times=100)
    results = written(sandbox, target(sandbox, "Training", "Name"), trainings(*range(10)))
    assert {one.reason for one in results} == {Reason.CS_UNAVAILABLE}
    assert calls(sandbox).writes == 1


@pytest.mark.parametrize(("label", "method"), [("Training", "POST"), ("Person", "PUT")])
def test_calls_that_are_not_allowed_for_long(sandbox: Sandbox, label: str, method: str) -> None:
    fault(sandbox, {"status": 429, "json": {}}, method=method, path="objects/Training__gc|people", times=1000)
    writes = people(3) if label == "Person" else trainings(1, 2, 3)
    results = written(sandbox, target(sandbox, label, "Email" if label == "Person" else "Name"), writes)
    assert {one.reason for one in results} == {Reason.CS_UNAVAILABLE}
    assert "read back" not in results[0].detail


def test_a_record_that_is_deleted_while_we_write(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    written(sandbox, to, trainings(*range(10)))
    gsids = dict(rows(sandbox, "Training__gc", "Name", "Gsid"))
    for mode, gone in (("400", "T3"), ("skip", "T4")):
        control(sandbox, "POST", "switches", {"update_no_match": mode})
        writes = [one for one in trainings(*range(10), score=5) if one.key[0] in ("T3", "T4", "T5", "T6")]
        with client(sandbox) as remote:
            writer = remote.writer(to)
            (batch, *rest) = list(writer.batches(writes, Workload(records=4)))
            control(sandbox, "DELETE", f"cs/Training__gc/{gsids[gone]}")
            results = by_key([one for each in (batch, *rest) for one in writer.write(each)])
        assert results[gone] is Reason.RECORD_MISSING
        assert results["T5"] is results["T6"] is UPDATED


def test_a_record_that_somebody_else_creates_while_we_write(sandbox: Sandbox) -> None:
    """After a lost answer the key belongs to a record that is not ours: it is updated, or two are not told apart."""
    to = target(sandbox, "Training", "Name")
    for times, expected in ((1, CREATED), (2, Reason.AMBIGUOUS_KEY)):
        with client(sandbox) as remote:
            writer = remote.writer(to)
            key = f"S{times}"
            (batch,) = list(writer.batches([record(key, Score__gc=7)], Workload(records=1)))
            for _ in range(times):
                control(sandbox, "POST", "cs/Training__gc", {"Name": key, "Score__gc": 1})
            fault(sandbox, {"drop": "before"}, method="POST", path="objects/Training__gc")
            assert by_key(list(writer.write(batch))) == {key: expected}
    found = sorted(rows(sandbox, "Training__gc", "Name", "Score__gc"))
    assert found == [("S1", 7), ("S2", 1), ("S2", 1)]


def test_a_firewall_that_dislikes_a_text(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    fault(sandbox, {"html": True, "status": 403}, method="POST", path="objects/Training__gc", times=3)
    results = by_key(written(sandbox, to, trainings(*range(50))))
    assert set(results.values()) == {CREATED}
    fault(sandbox, {"html": True, "status": 403}, method="PUT", path="objects/Training__gc", times=1000)
    with pytest.raises(errors.RemoteRefused, match="without an error code"):
        written(sandbox, to, trainings(*range(50), score=2))


def test_a_key_that_is_refused_ends_the_run(sandbox: Sandbox) -> None:
    fault(sandbox, {"status": 401, "json": {"result": False, "errorCode": "GS_APIG_2401"}}, method="POST", skip=1)
    with pytest.raises(errors.AuthenticationFailed):
        written(sandbox, target(sandbox, "Training", "Name"), trainings(1))


def _write(writer: RecordDestination, batch: list[RecordWrite]) -> list[RecordResult]:
    return list(writer.write(batch))


def test_batches_are_written_by_several_threads(sandbox: Sandbox) -> None:
    companies = [name for name, _ in rows(sandbox, "company", "Name", "Gsid")]
    to = target(sandbox, "Company Person", "Person Email", "Company Name")
    # The same persons come in several batches; no person may come to be twice.
    writes = [record(f"n{n}@a.example", name, Title=f"T{n}") for name in companies for n in range(25)]
    with client(sandbox) as remote, ThreadPoolExecutor(4) as pool:
        writer = remote.writer(to)
        batches = writer.batches(writes, Workload(records=len(writes)))
        futures = [pool.submit(_write, writer, batch) for batch in batches]
        results = [one for future in futures for one in future.result()]
    assert all(one.acknowledged for one in results)
    emails = [email for email, _ in rows(sandbox, "person", "Email", "Gsid")]
    assert len(emails) == len(set(emails)) == 265
    pairs = set(rows(sandbox, "company_person", "Person_ID__gr.Email", "Company_ID__gr.Name", "Title"))
    assert {(*one.key, one.values["Title"]) for one in writes} <= pairs


def test_a_person_is_never_under_way_twice() -> None:
    busy: set[str] = set()
    most: list[int] = []
    twice: list[str] = []
    lock = threading.Lock()

    def handle(request: Request) -> bytes:
        if "query" in request.target:
            data: Any = {"records": COMPANIES if "company/" in f"{request.target}/" else []}
            return reply(body={"result": True, "data": data})
        email = request.json()["Email"]
        with lock:
            twice.extend(busy & {email})
            busy.add(email)
            most.append(len(busy))
        time.sleep(0.02)
        with lock:
            busy.discard(email)
        return reply(body={"result": True, "data": {}})

    fields = {"Title": CatalogField(name="Title", label="Title", data_type=DataType.STRING)}
    known = CatalogObject(name="company_person", label="Company Person", fields=fields)
    to = RecordTarget(object=known, key=("Person Email", "Company Name"), behavior=Behavior.UPDATE_OR_CREATE)
    with serving(handle) as server, closing(cs(server.url)) as remote, ThreadPoolExecutor(4) as pool:
        writer = remote.writer(to)
        batches = [
            [record(f"n{n}@a.example", name, Title="x") for n in (at, 10 + at // 2)] for at, name in enumerate("ABCDEF")
        ]
        results = [one for found in pool.map(lambda batch: list(writer.write(batch)), batches) for one in found]
    assert len(results) == 12
    assert all(one.acknowledged for one in results)
    assert twice == []
    assert max(most) > 1, "different persons do go at the same time"


COMPANIES = [{"Name": name, "Gsid": name * 36} for name in "ABCDEF"]


def test_records_that_were_not_batched_are_looked_up_when_they_are_written(sandbox: Sandbox) -> None:
    with client(sandbox) as remote:
        writer = remote.writer(target(sandbox, "Training", "Name"))
        assert set(by_key(list(writer.write(trainings(1, 2)))).values()) == {CREATED}
        assert set(by_key(list(writer.write(trainings(2, 1)))).values()) == {UPDATED}


def test_an_object_of_the_same_key_is_created_once_in_a_run(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", EMAILS)
    first = [record(f"n{n}@a.example", Name="x") for n in range(500)]
    results = by_key(written(sandbox, to, [*first, record("N7@a.example", Name="y")]))
    assert results["N7@a.example"] is Reason.DUPLICATE_KEY


def test_more_than_a_call_takes_at_once(sandbox: Sandbox) -> None:
    to = target(sandbox, "Training", "Name")
    control(sandbox, "DELETE", "requests")
    with client(sandbox) as remote:
        results = list(remote.writer(to).write(trainings(*range(120))))
    assert [one.outcome for one in results] == [CREATED] * 120
    assert calls(sandbox).writes == 3


def test_a_lookup_to_an_unknown_object_says_so(sandbox: Sandbox) -> None:
    to = target(sandbox, "Company", "Name", lookups={"Industry": "Name"})
    with pytest.raises(errors.RemoteRefused, match=r"Company\.Industry"):
        written(sandbox, to, [record("x", Industry="y")])


def test_a_target_is_what_a_sync_declares(sandbox: Sandbox) -> None:
    rules = (
        FieldRule(field="Industry", column="industry", set_if_empty=True),
        FieldRule(field="Csm", column="csm", lookup="Email"),
    )
    sync = Sync(
        name="companies",
        model="companies",
        connection="acme-cs",
        object="Company",
        behavior=Behavior.UPDATE_ONLY,
        key={"Name": "name"},
        fields=rules,
        schedule=None,
    )
    to = target_of(sync, described(sandbox, "Company"))
    assert (to.name, to.key, to.creates, to.looked_up) == ("company", ("Name",), False, ("Csm",))
    assert (to.set_if_empty, to.lookups) == (frozenset({"Industry"}), {"Csm": "Email"})


def test_nothing_to_write_costs_nothing(sandbox: Sandbox) -> None:
    to = target(sandbox, "Person", "Email")
    assert written(sandbox, to, []) == []
    assert calls(sandbox) == predicted(to, new=0, known=0)
    assert calls(sandbox).calls == 0


def test_every_reason_has_advice() -> None:
    assert set(ADVICE) == set(Reason)
