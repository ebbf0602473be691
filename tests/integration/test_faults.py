"""Everything that the other side can do to a cycle: each ends in a clear word, nothing is lost, and the next one converges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from reconciler.engine.cycle import Report, exit_code
from reconciler.model.outcome import Outcome, Reason
from reconciler.model.run import RunResult
from reconciler.model.status import Status
from tests.acceptance.expectation import wanted
from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, TITLE, ProjectFolder
from tests.acceptance.world import World
from tests.integration.cycles import Hurry, hurry

LINES = [TITLE, COUNTRY, RENEWAL, ROLE]
WRITES = {"method": "PUT", "path": "/profile_field/"}


@pytest.fixture
def quick(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hurry]:
    project.mapping("acme-profile", LINES)
    project.ready()
    with hurry(project, monkeypatch) as found:
        yield found


def _converges(quick: Hurry) -> None:
    """Without the fault, the next cycle ends green with exactly what CS has."""
    world = quick.project.world
    world.heal()
    report = quick.sync()
    assert report.run.result is RunResult.SUCCESS, report.run.reason
    _holds(world)
    world.new_writes()
    assert quick.sync().run.result is RunResult.SUCCESS
    assert world.new_writes() == []


def _holds(world: World) -> None:
    profiles, target = world.profiles(), wanted(world, LINES)
    assert {key: value for key, value in profiles.items() if key in target} == target


def _reasons(report: Report) -> Counter[Reason]:
    return report.run.tally.reasons


# ---- members and fields that go while a cycle runs


def test_a_user_erased_in_mid_cycle_costs_nobody_else_a_value(quick: Hurry) -> None:
    world = quick.project.world
    world.fault({"erase_user": True}, **WRITES, skip=7, times=1)
    report = quick.sync()
    assert report.run.result is RunResult.PARTIAL
    assert exit_code(report) == 3
    assert 1 <= _reasons(report)[Reason.USER_MISSING] <= 4
    assert report.run.tally.outcomes[Outcome.REJECTED] == _reasons(report)[Reason.USER_MISSING]
    _holds(world)
    _converges(quick)


def test_a_field_renamed_in_mid_cycle_stops_only_its_own_mapping(quick: Hurry) -> None:
    world = quick.project.world
    world.fault({"rename_field": {"from": "Country", "to": "Land"}}, **WRITES, skip=10, times=1)
    report = quick.sync()
    assert exit_code(report) == 3
    status = quick.project.status()
    assert {field for field, (word, _) in status.items() if field and word != "Successful"} == {"Country"}
    assert status["Country"][0] == "Partially Successful"
    assert "profile-field-missing" in status["Country"][1]
    rows = quick.project.run("export", "acme-profile").out
    assert ",Country," in rows
    assert "Profile_field_not_exists" in rows
    world.rename_field("Land", "Country")
    _converges(quick)


def test_a_missing_field_costs_few_calls_and_not_one_for_each_value(quick: Hurry) -> None:
    world = quick.project.world
    world.rename_field("Country", "Land")
    world.forget_calls()
    report = quick.sync()
    missing = _reasons(report)[Reason.FIELD_MISSING]
    assert missing == len([key for key in wanted(world, LINES) if key[1] == "Country"])
    assert world.calls()["GET", "user"] <= 4 + 1


def test_a_user_without_an_id_is_rejected_and_costs_nobody_else_a_value(quick: Hurry) -> None:
    world = quick.project.world
    matched = {id for id, _ in wanted(world, LINES)}
    users = [{name: one[name] for name in ("userid", "username", "email")} for one in world.members()]
    lost = next(one for one in users if str(one["userid"]) in matched)
    listed = [{**one, "userid": None} if one is lost else one for one in users]
    world.fault({"json": {"users": listed, "statistics": {"count": len(users)}}}, method="GET", path="/user$", times=1)
    report = quick.sync()
    assert exit_code(report) == 3
    values = len([key for key in wanted(world, LINES) if key[0] == str(lost["userid"])])
    assert values <= _reasons(report)[Reason.MALFORMED] == report.run.tally.outcomes[Outcome.REJECTED] <= len(LINES)
    profiles = {key: value for key, value in world.profiles().items() if key[0] != str(lost["userid"])}
    target = {key: value for key, value in wanted(world, LINES).items() if key[0] != str(lost["userid"])}
    assert {key: value for key, value in profiles.items() if key in target} == target
    rejected = quick.project.run("records", "acme-profile", "--output", "json").expect(0).json["records"]
    assert {one["detail"] for one in rejected} == {"the community lists this user without a usable id"}
    _converges(quick)


# ---- attributes that change under a cycle


def _refusing(world: World, attribute: str) -> None:
    """The query API refuses every query that names an attribute which is gone."""
    world.fault(
        {"status": 400, "json": {"result": False, "errorCode": "GSOBJ_1002", "errorDesc": f"Invalid field {attribute}"}},
        side="cs", method="POST", path="/query/company_person", times=1,
    )  # fmt: skip


@pytest.mark.parametrize("lookup", [False, True], ids=["removed", "became a lookup"])
def test_an_attribute_lost_in_mid_cycle_stops_only_its_own_mapping(quick: Hurry, lookup: bool) -> None:
    world = quick.project.world
    _refusing(world, "Role")
    world.fault({"status": 200, "json": _described(quick, "Role", lookup)}, side="cs", path="/describe", times=1)
    report = quick.sync()
    assert exit_code(report) == 3
    assert set(report.failures) == {"Department"}
    assert ("has become a lookup" if lookup else "is no longer there") in report.failures["Department"]
    status = quick.project.status()
    assert status["Department"][0] == Status.FAILED
    assert "reconcile catalog pull" in status["Department"][1]
    assert {status[field][0] for field in ("Job Title", "Country", "Renewal Date")} == {"Successful"}
    _converges(quick)


def _described(quick: Hurry, attribute: str, lookup: bool) -> object:
    """What the describe API says, with one attribute gone or turned into a lookup."""
    world = quick.project.world
    path = "/v1/meta/services/objects/describe"
    body = {"objectNames": ["company_person"], "populatePickListOptions": "true"}
    headers = {"Accesskey": "sandbox-access-key"}
    status, data = world.send(world.cs_url, "POST", path, body, headers)
    assert status == 200, data
    listed = data["data"] if isinstance(data["data"], list) else [data["data"]]
    for described in listed:
        kept = [field for field in described["fields"] if lookup or field["fieldName"] != attribute]
        for field in kept:
            if field["fieldName"] == attribute:
                field["dataType"] = "LOOKUP"
                field["meta"]["hasLookup"] = True
        described["fields"] = kept
    return data


def test_a_query_refused_for_another_reason_fails_the_cycle(quick: Hurry) -> None:
    _refusing(quick.project.world, "Mystery")
    report = quick.sync()
    assert report.run.result is RunResult.FAILED
    assert exit_code(report) == 1
    assert quick.project.status()[""][0] == "Failed"
    _converges(quick)


# ---- too many calls, and servers that fail


@pytest.mark.parametrize("asked", ["", "7", "0", "soon", "-5"])
def test_a_storm_of_429_is_waited_out(quick: Hurry, asked: str) -> None:
    world = quick.project.world
    headers = {"Retry-After": asked} if asked else {}
    # Four, because the hurried clock may let one value meet all of them, and the fifth try is the last one.
    world.fault({"status": 429, "headers": headers}, **WRITES, times=4)
    world.fault({"status": 429, "headers": headers}, side="cs", path="/query/", times=2)
    report = quick.sync()
    assert report.run.result is RunResult.SUCCESS
    assert world.hits() == 6
    if asked == "7":
        assert sum(wait >= 7 for wait in quick.clock.waited) >= 6
    _holds(world)


def test_cs_says_too_many_requests_with_its_own_code(quick: Hurry) -> None:
    world = quick.project.world
    world.switch(rate_limit=True, per_minute=1)
    world.control("DELETE", "windows")
    body = {"result": False, "errorCode": "GU_2400", "errorDesc": "Too many request"}
    world.switch(rate_limit=False)
    world.fault({"status": 429, "json": body}, side="cs", path="/query/", times=3)
    assert quick.sync().run.result is RunResult.SUCCESS


@pytest.mark.parametrize(
    "action",
    [{"status": 500}, {"status": 503, "html": True}, {"html": True}, {"truncate": 20}, {"drop": "before"}, {"drop": "after"},
     {"body": "null"}, {"json": []}, {"json": {"result": {"userid": 1}}}, {"status": 500, "commit": True}, {"status": 301},
     {"giant": 1_000}],
    ids=str,
)  # fmt: skip
def test_a_single_fault_of_the_community_loses_nothing(quick: Hurry, action: dict[str, object]) -> None:
    world = quick.project.world
    world.fault(action, **WRITES, skip=3, times=1)
    report = quick.sync()
    assert world.hits() == 1
    assert report.run.tally.outcomes[Outcome.REJECTED] <= 1
    _converges(quick)


@pytest.mark.parametrize("commit", [False, True])
def test_dropped_connections_are_retried_and_an_unknown_outcome_is_read_back(quick: Hurry, commit: bool) -> None:
    world = quick.project.world
    world.fault({"drop": "after" if commit else "before"}, **WRITES, probability=0.3)
    quick.sync()
    _converges(quick)


def test_a_community_that_always_fails_is_given_up_soon_and_says_so(quick: Hurry) -> None:
    world = quick.project.world
    world.fault({"status": 500}, **WRITES)
    report = quick.sync()
    assert report.run.result is RunResult.FAILED
    assert exit_code(report) == 1
    assert "no usable answer to 5 values in a row" in report.run.reason
    assert report.run.tally.outcomes[Outcome.NOT_ATTEMPTED] > 30, "the rest was not hammered"
    assert quick.project.status()[""][0] == "Failed"
    assert "Unexpected_error" in quick.project.run("export").out
    _converges(quick)


@pytest.mark.parametrize(
    "action", [{"html": True}, {"truncate": 30}, {"giant": 40_000_000}, {"json": []}, {"json": {"users": 5}}, {"status": 404}],
    ids=str,
)  # fmt: skip
def test_a_broken_list_of_members_writes_nothing_and_forgets_nothing(quick: Hurry, action: dict[str, object]) -> None:
    world = quick.project.world
    quick.sync()
    before = quick.project.run("export").out
    world.new_writes()
    world.fault(action, method="GET", path="/api1/user$")
    report = quick.sync()
    assert report.run.result is RunResult.FAILED
    assert exit_code(report) == 1
    assert world.new_writes() == []
    assert quick.project.run("export").out == before
    _converges(quick)


@pytest.mark.parametrize(
    "action",
    [{"html": True}, {"truncate": 30}, {"giant": 40_000_000}, {"json": {"result": True, "data": 7}}, {"json": 5},
     {"status": 500}],
    ids=str,
)  # fmt: skip
def test_a_broken_query_writes_nothing(quick: Hurry, action: dict[str, object]) -> None:
    world = quick.project.world
    world.new_writes()
    world.fault(action, side="cs", path="/query/company_person")
    report = quick.sync()
    assert report.run.result is RunResult.FAILED
    assert world.new_writes() == []
    _converges(quick)


def test_one_object_that_is_suddenly_empty_stops_the_whole_cycle(quick: Hurry) -> None:
    world = quick.project.world
    quick.sync()
    world.new_writes()
    world.edit("person", str(world.members()[0]["email"]), Country__gc="Elsewhere")
    world.fault({"json": {"result": True, "data": {"records": []}}}, side="cs", path="/query/company_person")
    report = quick.sync()
    assert exit_code(report) == 4
    assert "no records for 'Department', where run 1 read 30" in report.run.reason
    assert world.new_writes() == []
    _converges(quick)


def test_a_community_that_suddenly_lists_nobody_stops_the_cycle(quick: Hurry) -> None:
    world = quick.project.world
    quick.sync()
    world.fault({"json": {"users": [], "statistics": {"count": 0}}}, method="GET", path="/api1/user$")
    report = quick.sync()
    assert exit_code(report) == 4
    assert "the community lists no users, where run 1 matched" in report.run.reason
    assert quick.project.status()[""][0] == "Failed"
    _converges(quick)


def test_a_value_that_is_not_of_its_type_is_rejected_alone(quick: Hurry) -> None:
    world = quick.project.world
    fields = [
        "Gsid",
        "Person_ID__gr.Email",
        "Company_ID__gr.Name",
        "IsPrimaryCompany",
        "Renewal_Date__gc",
        "Role",
        "Title",
    ]
    records = world.query("company_person", fields)
    member = world.members()[0]
    chosen = next(row for row in records if row["Person_ID__gr.Email"] == member["email"])
    chosen["Renewal_Date__gc"] = {"surprise": True}
    world.fault(
        {"json": {"result": True, "data": {"records": records}}}, side="cs", path="/query/company_person", times=1
    )
    report = quick.sync()
    assert _reasons(report)[Reason.WRONG_TYPE] == 1
    assert exit_code(report) == 3
    _converges(quick)


# ---- credentials


def test_a_token_that_expires_in_mid_run_is_renewed(quick: Hurry) -> None:
    world = quick.project.world
    world.fault({"status": 401, "json": {"message": "Unauthorized"}}, **WRITES, skip=5, times=1)
    assert quick.sync().run.result is RunResult.SUCCESS
    _holds(world)


def test_tokens_that_live_a_second_are_renewed_as_often_as_needed(quick: Hurry) -> None:
    world = quick.project.world
    world.switch(token_seconds=1, latency=0.02)
    world.forget_calls()
    assert quick.sync().run.result is RunResult.SUCCESS
    assert world.calls()["POST", "/oauth2/token"] < 10


def test_credentials_revoked_in_mid_run_end_it_without_hammering(quick: Hurry) -> None:
    world = quick.project.world
    world.fault({"status": 401, "json": {"message": "Unauthorized"}}, **WRITES, skip=8)
    world.forget_calls()
    report = quick.sync()
    assert exit_code(report) == 6
    assert report.run.result is RunResult.FAILED
    calls = world.calls()
    assert calls["POST", "/oauth2/token"] <= 3
    assert calls["PUT", "profile_field"] <= 8 + 10, "those that were under way, and one more try"
    _converges(quick)


@pytest.mark.parametrize("side", ["cs", "cc"])
def test_wrong_credentials_are_sent_once(project: ProjectFolder, side: str) -> None:
    project.ready()
    project.env["ACME_CS_KEY" if side == "cs" else "ACME_CC_SECRET"] = "not-the-right-one"
    world = project.world
    world.forget_calls()
    done = project.run("sync", "acme-profile").expect(6)
    assert "Control > Integrations > API" in done.out or "access key" in done.out.lower()
    calls = world.calls()
    assert calls["POST", "/oauth2/token" if side == "cc" else "/v1/data/objects/query/person"] <= 1
    assert world.new_writes() == []
    assert project.status()[""][0] == "Failed"
    project.run("connections", "test").expect(6)


# ---- slowness


def test_an_answer_that_drips_ends_at_the_deadline(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    project.ready()
    world = project.world
    world.fault({"drip": 20}, method="GET", path="/api1/user$")
    with hurry(project, monkeypatch, total_timeout=0.3, attempts=2) as quick:
        report = quick.sync()
        assert report.run.result is RunResult.FAILED
        assert "no complete answer within 0.3 s, 2 times" in report.run.reason
        world.heal()
        assert quick.sync().run.result is RunResult.SUCCESS


def test_slow_writes_are_read_back_before_they_are_called_failed(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write arrives, its answer does not: the value is there, so it counts as written."""
    project.ready()
    world = project.world
    world.fault({"drip": 30}, **WRITES, skip=2, times=2)
    with hurry(project, monkeypatch, total_timeout=0.4, attempts=1) as quick:
        report = quick.sync()
        assert report.run.result is RunResult.SUCCESS, report.run.reason
        assert len(world.new_writes()) == report.run.tally.outcomes[Outcome.UPDATED]
