"""What else the community client can do: the catalog of profile fields, and the steps of `connections test`."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.connectors.gainsight_cc.client import CATALOG_USERS, base_url
from reconciler.model.catalog import SeenProfileField
from tests.connectors.community import CLIENT_SECRET, PASS, Community, cc, connection
from tests.connectors.servers import Request, reply, serving


def test_where_a_community_is() -> None:
    assert base_url(connection()) == "https://api2-eu-west-1.insided.com"
    assert base_url(connection(base_url="http://127.0.0.1:9")) == "http://127.0.0.1:9"


def filled(count: int) -> Community:
    """Users of whom only every tenth shows a profile field."""
    return Community({number: {"Job Title": "x"} if number % 10 == 0 else {} for number in range(1, count + 1)})


def test_the_catalog_stops_when_every_declared_field_was_seen() -> None:
    with serving(filled(300)) as server, cc(server.url, "Job Title") as remote:
        catalog = remote.catalog()
    assert catalog.connection == "acme-community"
    assert catalog.profile_fields == {"Job Title": SeenProfileField(name="Job Title", id=5)}
    assert catalog.users_read == 10
    assert server.count("GET") == 11


@pytest.mark.parametrize("declared", [("Job Title", "Nickname"), ()])
@pytest.mark.parametrize("users", [0, 7, 300])
def test_the_catalog_reads_no_more_than_it_may(declared: tuple[str, ...], users: int) -> None:
    with serving(filled(users)) as server, cc(server.url, *declared) as remote:
        catalog = remote.catalog()
    assert catalog.users_read == min(users, CATALOG_USERS)
    assert set(catalog.profile_fields) == ({"Job Title"} if users > 9 else set())
    assert server.count("GET") == 1 + catalog.users_read


def test_a_user_erased_meanwhile_shows_nothing() -> None:
    community = filled(3)
    community.hook = lambda request: reply(404) if request.target.endswith("/user/2") else PASS
    with serving(community) as server, cc(server.url, "Job Title") as remote:
        assert remote.catalog().users_read == 3


def checks(community: Community, **options: Any) -> dict[str, tuple[bool, str, str]]:
    with serving(community) as server, cc(server.url, attempts=1, **options) as remote:
        found = {check.name: (check.ok, check.detail, check.hint) for check in remote.check()}
    assert {request.method for request in server.requests} <= {"GET", "POST"}
    assert server.count("POST") == server.count("POST", "/oauth2/token")
    return found


def test_a_connection_that_works() -> None:
    community = filled(7)
    community.hook = lambda request: reply(200, {"result": []}) if "/v2/" in request.target else PASS
    found = checks(community)
    assert list(found) == ["reachable", "credentials", "rate limit", "clock", "scopes", "users"]
    assert all(ok for ok, _, _ in found.values()), found
    assert found["scopes"][1] == "read and write"
    assert "7 users" in found["users"][1]
    assert community.tokens == 1


def test_scopes_that_cannot_be_told_are_no_problem() -> None:
    ok, detail, _ = checks(filled(1))["scopes"]
    assert ok
    assert "cannot be told (HTTP 404)" in detail


def test_a_token_without_scopes_is_found_out() -> None:
    community = filled(1)
    community.hook = lambda request: reply(401) if "/v2/" in request.target else PASS
    ok, _, hint = checks(community)["scopes"]
    assert not ok
    assert "scopes read and write" in hint


@pytest.mark.parametrize(
    ("hook", "options", "failing", "hint"),
    [
        (lambda _: PASS, {"secret": "wrong"}, "credentials", "client id and secret"),
        (lambda _: None, {}, "reachable", "network"),
        (lambda _: reply(404, b"<html>", kind="text/html"), {}, "credentials", "region"),
        (lambda r: reply(403) if "/user" in r.target else PASS, {}, "users", "API credentials may do"),
        (lambda r: reply(200, []) if "/user" in r.target else PASS, {}, "users", ""),
    ],
)
def test_a_problem_is_a_check_with_a_hint(hook: Any, options: dict[str, Any], failing: str, hint: str) -> None:
    community = filled(1)
    community.hook = hook
    found = checks(community, **options)
    ok, detail, said = found[failing]
    assert not ok
    assert hint in said
    assert CLIENT_SECRET not in str(found)
    assert detail


def test_a_request_is_shown_as_it_came() -> None:
    seen: list[Request] = []

    def hook(request: Request) -> Any:
        seen.append(request)
        return PASS

    community = filled(1)
    community.hook = hook
    checks(community)
    assert [request.target for request in seen] == [
        "/oauth2/token",
        "/v2/categories?pageSize=1",
        "/api1/user?page=1&pageSize=1&_returnIterable=1",
    ]
