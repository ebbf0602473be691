"""Both clients against the sandbox, with every switch and fault of it that concerns a client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.request import Request, urlopen

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.connectors.base import Member
from reconciler.connectors.gainsight_cc.client import CcClient
from reconciler.connectors.gainsight_cs.client import CsClient
from reconciler.connectors.http import HttpClient
from reconciler.model.catalog import DataType
from reconciler.model.outcome import Reason
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.connectors import community, test_cs_client
from tests.connectors.community import write
from tests.connectors.servers import CountingBudget

PEOPLE = 260


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(people=PEOPLE, communities=1, rate_limit=False, quirks=False)) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "reset")


def control(sandbox: Sandbox, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{sandbox.cs_url}/_sandbox/{path}", data, headers, method=method)) as answer:
        return json.load(answer)


def http(url: str, **options: Any) -> HttpClient:
    settings: dict[str, Any] = {"budget": CountingBudget(), "random": lambda: 0.0, "stop": threading.Event()}
    return HttpClient(url, clock=SystemClock(), connections=8, allow_loopback=True, **{**settings, **options})


def cs(sandbox: Sandbox, **options: Any) -> closing[CsClient]:
    key = options.pop("key", "sandbox-access-key")
    made = CsClient(test_cs_client.connection(), key, http=http(sandbox.cs_url, **options), clock=SystemClock())
    return closing(made)


def cc(sandbox: Sandbox, **options: Any) -> closing[CcClient]:
    connection, client = community.connection("Job Title"), http(sandbox.cc_url, **options)
    return closing(CcClient(connection, "sandbox-client", "sandbox-secret", http=client, clock=SystemClock()))


def members(remote: CcClient) -> list[Member]:
    return [one for page in remote.members() for one in page]


def test_the_catalog(sandbox: Sandbox) -> None:
    with cs(sandbox) as source:
        found = source.catalog().objects
        company = source.describe(["Company"])["Company"]
    assert list(found) == ["Person", "Company Person"]
    assert found["Company Person"].name == "company_person"
    assert found["Company Person"].fields["Person_ID"].lookup
    assert not found["Company Person"].fields["Title"].lookup
    assert found["Person"].fields["Preferred_Language__gc"].data_type == DataType.PICKLIST
    assert found["Person"].fields["Preferred_Language__gc"].options
    assert company.fields["ParentCompany"].data_type == DataType.GSID
    assert company.fields["ParentCompany"].lookup


def test_what_a_writer_asks_of_the_catalog(sandbox: Sandbox) -> None:
    with cs(sandbox) as source:
        found = source.catalog(dict.fromkeys(["Company", "Onboarding", "Feature_Usage__gc", "Nowhere"], ())).objects
    assert sorted(found) == ["Company", "Company Person", "Feature_Usage__gc", "Onboarding", "Person"]
    facts = {label: (one.custom, one.low_volume, one.editable) for label, one in found.items()}
    assert facts["Onboarding"] == (True, True, True)
    assert facts["Feature_Usage__gc"] == (True, False, False)
    assert facts["Company"] == (False, None, None)
    company = found["Company"].fields
    assert (company["Name"].required, company["Name"].read_only, company["Name"].createable) == (True, False, True)
    assert (company["Nps"].required, company["Nps"].read_only, company["Nps"].createable) == (False, True, False)
    assert (company["TickerSymbol"].length, company["Csm"].lookup_object) == (20, "gsuser")
    assert company["ParentCompany"].lookup_object == "company"
    assert company["Name"].lookup_object is None


def test_what_lookups_point_to_is_in_the_catalog(sandbox: Sandbox) -> None:
    with cs(sandbox) as source:
        found = source.catalog({"Onboarding": ["Owner__gc", "Company__gc", "Name", "Nowhere"], "Gone": ["X"]}).objects
        again = source.catalog({"Company": ["Csm", "ParentCompany"], "Onboarding": ["Company__gc"]}).objects
    assert list(found) == ["Person", "Company Person", "Onboarding", "Company", "User"]
    assert found["User"].fields["Email"].data_type is DataType.EMAIL
    assert list(again) == ["Person", "Company Person", "Company", "Onboarding", "User"]


@pytest.mark.parametrize("shape", ["records", "list"])
@pytest.mark.parametrize("empty", ["200", "result_false", "400"])
def test_people_in_every_shape(sandbox: Sandbox, shape: str, empty: str) -> None:
    control(sandbox, "POST", "switches", {"read_shape": shape, "empty": empty})
    with cs(sandbox) as source:
        rows = [row for page in source.read("Company Person", ["Person_ID__gr.Email", "Title"]) for row in page]
        assert source.calls == 1
    assert len(rows) == PEOPLE
    assert len({email for email, _ in rows}) == PEOPLE


def test_a_field_that_does_not_exist_keeps_its_code(sandbox: Sandbox) -> None:
    with cs(sandbox) as source, pytest.raises(errors.RemoteRefused) as caught:
        list(source.read("Person", ["Nonsense__gc"]))
    assert str(caught.value.code).startswith("GSOBJ_")


def test_a_wrong_key(sandbox: Sandbox) -> None:
    with cs(sandbox, key="wrong") as source:
        with pytest.raises(errors.AuthenticationFailed):
            list(source.read("Person", ["Email"]))
        (failed,) = [check for check in source.check() if not check.ok]
    assert (failed.name, failed.exit_code) == ("credentials", 6)


def test_both_connections_pass_their_checks(sandbox: Sandbox) -> None:
    with cs(sandbox) as source, cc(sandbox) as remote:
        assert all(check.ok for check in [*source.check(), *remote.check()])


@pytest.mark.parametrize("order", ["stable", "shift"])
def test_members(sandbox: Sandbox, order: str) -> None:
    control(sandbox, "POST", "switches", {"list_order": order})
    with cc(sandbox) as remote:
        found = members(remote)
        calls = remote.calls
    assert len({one.id for one in found}) == len(found)
    if order == "stable":
        assert (len(found), calls) == (PEOPLE, 1 + 3)


def test_values_of_every_kind_arrive(sandbox: Sandbox) -> None:
    values = ["Engineer", "a/b", "50%", "ü é", "a?b#c+d;e", " lead", "a%2Fb", "x" * 2000, "日本", "&=", "..."]
    with cc(sandbox) as remote:
        users = members(remote)[: len(values)]
        results = list(remote.write([write(user.id, value) for user, value in zip(users, values, strict=True)]))
        assert all(one.acknowledged for one in results)
        read = [remote._api.user(user.id) for user in users]
    assert [user.profile["Job Title"].value for user in read if user] == values
    written = control(sandbox, "GET", "writes")["writes"]
    assert len(written) == len(values)


def test_encoded_slashes_that_are_not_taken(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "switches", {"encoded_slash": "404"})
    with cc(sandbox) as remote:
        first, second, third = members(remote)[:3]
        batch = [write(first.id, "a/b"), write(second.id, "plain"), write(third.id, "c/d")]
        results = {one.write.value: one.reason for one in remote.write(batch)}
    assert results == {"plain": None, "a/b": Reason.UNSENDABLE, "c/d": Reason.UNSENDABLE}


def test_a_user_erased_and_a_field_renamed_while_we_write(sandbox: Sandbox) -> None:
    erase = {"side": "cc", "method": "PUT", "times": 1, "action": {"erase_user": True}}
    rename = {"side": "cc", "method": "PUT", "skip": 1, "times": 1}
    rename["action"] = {"rename_field": {"from": "Job Title", "to": "Role"}}
    control(sandbox, "POST", "faults", [erase, rename])
    with cc(sandbox) as remote:
        users = members(remote)[:5]
        results = list(remote.write([write(user.id, "x") for user in users]))
    assert [one.reason for one in results] == [Reason.USER_MISSING, None, *[Reason.FIELD_MISSING] * 3]


def test_answers_that_are_lost_after_the_write(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "faults", {"side": "cc", "method": "PUT", "probability": 0.3, "action": {"drop": "after"}})
    with cc(sandbox) as remote, ThreadPoolExecutor(8) as pool:
        users = members(remote)
        batches = [[write(one.id, f"title {one.id}") for one in users[n : n + 20]] for n in range(0, len(users), 20)]
        results = [one for found in pool.map(lambda batch: list(remote.write(batch)), batches) for one in found]
    assert len(results) == PEOPLE
    assert all(one.acknowledged for one in results)
    written = control(sandbox, "GET", "writes?limit=10000")["writes"]
    assert len(written) > PEOPLE  # some were carried out twice, with the same value
    assert {one["subject"]: one["value"] for one in written} == {one.id: f"title {one.id}" for one in users}


@pytest.mark.parametrize(
    "action",
    [
        {"html": True},
        {"truncate": 20},
        {"status": 503},
        {"drop": "before"},
        {"content_type": "text/plain"},
        {"json": []},
    ],
)
def test_a_fault_now_and_then_loses_nothing(sandbox: Sandbox, action: dict[str, Any]) -> None:
    control(sandbox, "POST", "faults", {"side": "cc", "method": "PUT", "skip": 1, "times": 2, "action": action})
    with cc(sandbox) as remote:
        users = members(remote)[:6]
        results = list(remote.write([write(user.id, "x") for user in users]))
        held = [remote._api.user(user.id) for user in users]
    for result, user in zip(results, held, strict=True):
        assert user is not None
        written = "Job Title" in user.profile and user.profile["Job Title"].value == "x"
        assert result.acknowledged == written
        assert result.reason in (None, Reason.MALFORMED)


@pytest.mark.parametrize(
    "action", [{"html": True}, {"truncate": 20}, {"giant": 40_000_000}, {"content_type": "text/plain"}]
)
def test_a_list_that_cannot_be_read_is_an_error_and_not_an_end(sandbox: Sandbox, action: dict[str, Any]) -> None:
    control(sandbox, "POST", "faults", {"side": "cc", "method": "GET", "path": "/user$", "skip": 1, "action": action})
    with cc(sandbox, attempts=2) as remote, pytest.raises((errors.RemoteMalformed, errors.RemoteUnavailable)):
        members(remote)


def test_a_token_that_expires_while_we_write(sandbox: Sandbox) -> None:
    with cc(sandbox) as remote, ThreadPoolExecutor(8) as pool:
        users = members(remote)[:80]
        control(sandbox, "DELETE", "tokens")
        batches = [[write(one.id, "x") for one in users[n : n + 10]] for n in range(0, 80, 10)]
        results = [one for found in pool.map(lambda batch: list(remote.write(batch)), batches) for one in found]
    assert all(one.acknowledged for one in results)
    counted = [one for one in control(sandbox, "GET", "requests")["requests"] if "oauth2/token" in str(one)]
    assert len(counted) == 2
