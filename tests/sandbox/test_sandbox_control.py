"""The control plane: faults, switches, clock, logs, and edits on both sides."""

from __future__ import annotations

import http.client
import time
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.sandbox.sandbox_client import Remote

FIELD = "/user/12/profile_field/City/"


def _fault(remote: Remote, action: dict[str, Any], **match: Any) -> None:
    remote.control("POST", "faults", {"times": 1, **match, "action": action})


def _city(remote: Remote) -> str | None:
    found: str | None = remote.control("GET", "cc/1/members/12")["profile"].get("City")
    return found


@pytest.fixture(autouse=True)
def _known_city(remote: Remote) -> None:
    assert remote.cc("PUT", f"{FIELD}Before").status == 200
    remote.control("DELETE", "writes")


def test_an_error_answer_without_and_with_commit(remote: Remote) -> None:
    _fault(
        remote, {"status": 503, "json": {"message": "busy"}, "headers": {"Retry-After": "7"}}, side="cc", method="PUT"
    )
    answer = remote.cc("PUT", f"{FIELD}After")
    assert (answer.status, answer.json, answer.headers["retry-after"]) == (503, {"message": "busy"}, "7")
    assert _city(remote) == "Before"
    _fault(remote, {"status": 500, "commit": True}, path="profile_field/City")
    assert remote.cc("PUT", f"{FIELD}After").status == 500
    assert _city(remote) == "After"
    assert remote.cc("PUT", f"{FIELD}Last").status == 200


@pytest.mark.parametrize(("when", "city"), [("before", "Before"), ("after", "After")])
def test_dropped_connections(remote: Remote, when: str, city: str) -> None:
    _fault(remote, {"drop": when}, method="PUT")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        remote.cc("PUT", f"{FIELD}After")
    assert _city(remote) == city
    assert remote.control("GET", "requests?limit=1")["requests"][0]["status"] == 0


@pytest.mark.parametrize("kept", [0, 1, 20])
def test_truncated_bodies(remote: Remote, kept: int) -> None:
    _fault(remote, {"truncate": kept}, method="GET")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError, http.client.RemoteDisconnected)) as raised:
        remote.cc("GET", "/user/12")
    if isinstance(raised.value, http.client.IncompleteRead):
        assert len(raised.value.partial) <= kept
    assert remote.cc("GET", "/user/12").status == 200


def test_html_foreign_types_and_giants(remote: Remote) -> None:
    _fault(remote, {"html": True})
    answer = remote.cs("GET", "/v1/meta/services/objects/list")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!doctype html>")
    _fault(remote, {"content_type": "text/plain"})
    assert remote.cc("GET", "/user/12").headers["content-type"] == "text/plain"
    _fault(remote, {"giant": 3_000_000})
    assert len(remote.cc("GET", "/user/12").body) == 3_000_000


def test_slow_answers(remote: Remote) -> None:
    _fault(remote, {"delay": 0.2})
    started = time.perf_counter()
    remote.cc("GET", "/user/12")
    assert time.perf_counter() - started >= 0.2
    _fault(remote, {"drip": 200, "status": 200, "body": "x" * 60})
    started = time.perf_counter()
    assert remote.cc("GET", "/user/12").body == b"x" * 60
    assert time.perf_counter() - started >= 0.25
    remote.control("POST", "switches", {"latency": 0.1})
    started = time.perf_counter()
    remote.cc("GET", "/user/12")
    assert time.perf_counter() - started >= 0.1


def test_members_vanish_and_fields_are_renamed_just_before_a_write(remote: Remote) -> None:
    _fault(remote, {"rename_field": {"from": "City", "to": "Town"}}, method="PUT", path="profile_field/City")
    assert remote.cc("PUT", f"{FIELD}After").status == 404
    assert remote.cc("GET", "/user/12").status == 200
    assert remote.control("GET", "cc/1/members/12")["profile"]["Town"] == "Before"
    _fault(remote, {"erase_user": True}, method="PUT")
    assert remote.cc("PUT", "/user/12/profile_field/Town/After").status == 404
    assert remote.cc("GET", "/user/12").status == 404


def test_faults_count_skip_and_draw(remote: Remote) -> None:
    _fault(remote, {"status": 500}, skip=1, times=2, side="cc")
    assert [remote.cc("GET", "/user/12").status for _ in range(4)] == [200, 500, 500, 200]
    listed = remote.control("GET", "faults")["faults"]
    assert (listed[0]["hits"], listed[0]["left"]) == (2, 0)
    remote.control("DELETE", "faults")
    remote.control("POST", "faults", [{"probability": 0.5, "action": {"status": 502}}])
    statuses = [remote.cc("GET", "/user/12").status for _ in range(60)]
    assert 10 < statuses.count(502) < 50
    remote.control("DELETE", "faults")
    assert remote.cc("GET", "/user/12").status == 200


@pytest.mark.parametrize(
    "fault",
    [
        {}, {"action": {}}, {"action": {"status": 700}}, {"action": {"explode": True}}, {"action": {"drop": "now"}},
        {"path": "(", "action": {"status": 500}}, {"side": "xx", "action": {"status": 500}},
        {"times": 0, "action": {"html": True}},
        {"action": {"delay": "long"}}, {"action": {"rename_field": {"from": "a"}}},
        {"colour": 1, "action": {"html": True}}, 7,
    ],
)  # fmt: skip
def test_wrong_faults_are_refused(remote: Remote, fault: Any) -> None:
    remote.control("POST", "faults", [{"action": {"status": 500}}, fault], expect=400)
    assert remote.control("GET", "faults")["faults"] == []


@pytest.mark.parametrize(
    "body", [{"nothing": 1}, {"empty": "maybe"}, {"per_minute": -1}, {"rate_limit": 1}, {"latency": True}]
)
def test_wrong_switches_are_refused(remote: Remote, body: dict[str, Any]) -> None:
    before = remote.control("GET", "state")["switches"]
    remote.control("POST", "switches", body, expect=400)
    assert remote.control("GET", "state")["switches"] == before


def test_the_write_log_is_ordered_and_resumable(remote: Remote) -> None:
    start = remote.control("GET", "writes")["last"]
    remote.cc("PUT", f"{FIELD}One")
    remote.cc("PUT", f"{FIELD}Two")
    remote.cc("PUT", "/user/12/profile_field/Nothing/x")
    log = remote.control("GET", f"writes?since={start}")
    assert [(w["subject"], w["field"], w["value"]) for w in log["writes"]] == [
        ("12", "City", "One"),
        ("12", "City", "Two"),
    ]
    assert remote.control("GET", f"writes?since={log['last']}")["writes"] == []
    remote.control("DELETE", "writes")
    remote.cc("PUT", f"{FIELD}Three")
    assert [w["value"] for w in remote.control("GET", f"writes?since={log['last']}")["writes"]] == ["Three"]


def test_requests_and_counters(remote: Remote) -> None:
    remote.control("DELETE", "requests")
    remote.cc("PUT", "/user/12/profile_field/City/a%2Fb")
    remote.cs("GET", "/nope")
    seen = remote.control("GET", "requests")["requests"]
    assert [(r["side"], r["method"], r["raw_path"], r["status"]) for r in seen] == [
        ("cc", "PUT", "/user/12/profile_field/City/a%2Fb", 200),
        ("cs", "GET", "/nope", 404),
    ]
    counters = remote.control("GET", "state")["counters"]
    assert {"side": "cs", "method": "GET", "route": "unknown", "status": 404, "count": 1} in counters


def test_the_clock_can_be_frozen_set_and_moved(remote: Remote) -> None:
    remote.control("POST", "clock", {"freeze": True, "set": 1_800_000_000})
    assert remote.control("POST", "clock", {"advance": 60})["now"] == 1_800_000_060
    assert remote.control("GET", "clock")["frozen"] is True
    for wrong in ({"set": "soon"}, {"set": -5}, {"advance": "x"}, {"advance": 1e12}, {"warp": 1}):
        remote.control("POST", "clock", wrong, expect=400)
    assert abs(remote.control("POST", "clock", {"reset": True})["now"] - time.time()) < 5


def test_source_records_are_edited_by_email(remote: Remote) -> None:
    email = remote.control("GET", "cc/1/members/11")["email"]
    change = {"Seats__gc": 77, "Lifecycle_Stage__gc": "Renewal", "Renewal_Date__gc": "2027-01-31"}
    changed = remote.control("PATCH", f"cs/company_person?email={email.upper()}", change)["records"]
    assert changed[0]["Seats__gc"] == 77
    path = f"cs/company_person/{changed[0]['Gsid']}"
    quiet = remote.control("PUT", f"{path}?touch=0", {"Title": None})["records"][0]
    assert (quiet["Title"], quiet["ModifiedDate"]) == (None, changed[0]["ModifiedDate"])
    assert remote.control("PATCH", f"cs/person?email={email}", {"Timezone": "UTC"})["records"][0]["Timezone"] == "UTC"
    remote.control("PATCH", f"{path}", {"Nothing": 1}, expect=400)
    remote.control("PATCH", f"{path}", {"Seats__gc": "many"}, expect=400)
    remote.control("PATCH", "cs/person?email=nobody@x.example", {"Timezone": "UTC"}, expect=404)


def test_people_come_and_go(remote: Remote) -> None:
    body = {"Email": "come@x.example", "FirstName": "Come", "company_person": {"Title": "Guest", "Seats__gc": 3}}
    person = remote.control("POST", "cs/person", body, expect=201)["records"][0]
    links = remote.control("GET", "cs/company_person?email=come@x.example")["records"]
    assert [(link["Title"], link["Person_ID"], link["IsPrimaryCompany"]) for link in links] == [
        ("Guest", person["Gsid"], True)
    ]
    remote.control("DELETE", "cs/person?email=come@x.example")
    remote.control("GET", "cs/company_person?email=come@x.example", expect=404)
    remote.control("POST", "cs/person", {"FirstName": "x"}, expect=400)


def test_members_and_fields_are_managed(remote: Remote) -> None:
    made = remote.control("POST", "cc/2/members", {"email": "m@x.example", "profile": {"City": "Leeds"}}, expect=201)
    path = f"cc/2/members/{made['userid']}"
    assert remote.control("PATCH", path, {"profile": {"City": None, "Country": "UK"}})["profile"] == {"Country": "UK"}
    remote.control("POST", "cc/2/fields", {"name": "Support Tier"}, expect=201)
    put = f"/user/{made['userid']}/profile_field/Support%20Tier/Gold"
    assert remote.cc("PUT", put, community=2).status == 200
    remote.control("PATCH", "cc/2/fields/Support%20Tier", {"name": "Tier"})
    assert remote.control("GET", path)["profile"]["Tier"] == "Gold"
    remote.control("DELETE", "cc/2/fields/Tier")
    remote.control("POST", "cc/2/fields", {"name": "Tier"}, expect=201)
    assert "Tier" not in remote.control("GET", path)["profile"]
    assert remote.control("GET", "cc/2/members?email=M@X.example")["members"][0]["userid"] == made["userid"]
    remote.control("DELETE", path)
    remote.control("GET", path, expect=404)
    remote.control("GET", "cc/9/members", expect=404)


def test_reset_brings_back_the_first_second(remote: Remote) -> None:
    remote.control("POST", "reset")
    before = remote.control("GET", "cc/1/members?limit=1000")
    remote.cc("PUT", f"{FIELD}Other")
    remote.cs("DELETE", f"/v1/peoplemgmt/v1.0/people/{remote.query('person', ['Gsid'], limit=1)[0]['Gsid']}")
    remote.control("POST", "reset")
    assert remote.control("GET", "cc/1/members?limit=1000") == before
    assert remote.control("GET", "state")["people"] == 460


def test_two_sandboxes_live_side_by_side() -> None:
    config = SandboxConfig(people=5, communities=1)
    with Sandbox(config) as one, Sandbox(config) as two, Remote(one) as first, Remote(two) as second:
        first.control("POST", "cc/1/fields", {"name": "Only here"}, expect=201)
        assert len(second.control("GET", "cc/1/fields")["fields"]) + 1 == len(
            first.control("GET", "cc/1/fields")["fields"]
        )
        assert first.control("GET", "nothing", expect=404) == {"error": "no control route GET /_sandbox/nothing"}
