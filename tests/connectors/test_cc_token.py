"""Tokens: one for all threads, renewed in time, and never begged for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reconciler import errors
from reconciler.connectors.gainsight_cc.token import TokenSource
from tests.connectors.community import CLIENT_SECRET, PASS, Community, Hook, cc
from tests.connectors.servers import Answer, FakeClock, Request, client, in_turn, reply, serving

TOKEN = {"token_type": "bearer", "access_token": "abc", "expires_in": 7200}


def test_one_token_serves_many_calls() -> None:
    community = Community({number: {} for number in range(250)})
    with serving(community) as server, cc(server.url) as remote:
        assert sum(len(page) for page in remote.members()) == 250
    assert server.count("POST", "/oauth2/token") == 1
    assert server.requests[1].headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(("life", "good_for"), [(7200, 7140), (100, 90), (1, 0.9)])
def test_a_token_is_renewed_before_it_ends(life: float, good_for: float) -> None:
    clock = FakeClock()
    with serving(in_turn([reply(200, {**TOKEN, "expires_in": life})])) as server:
        http = client(server.url)
        tokens = TokenSource(http, "id", "secret", clock)
        first = tokens.current()
        clock.passed = good_for - 0.01
        assert tokens.current() is first
        clock.passed = good_for
        assert tokens.current() is not first
        http.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("life", [None, 0, -5, True, "7200", 1e12])
def test_a_life_that_makes_no_sense_is_taken_for_a_short_one(life: object) -> None:
    clock = FakeClock()
    with serving(in_turn([reply(200, {**TOKEN, "expires_in": life})])) as server:
        http = client(server.url)
        tokens = TokenSource(http, "id", "secret", clock)
        first = tokens.current()
        clock.passed = 200
        assert tokens.current() is first
        clock.passed = 300
        assert tokens.current() is not first
        http.close()


def test_fifty_workers_share_one_refresh() -> None:
    community = Community({number: {} for number in range(1, 51)})
    barrier = threading.Barrier(50)
    with serving(community) as server, cc(server.url, connections=50) as remote, ThreadPoolExecutor(50) as pool:
        next(remote.members())
        community.expire()

        def hook(request: Request) -> Answer | Any:
            if request.headers.get("authorization") == "Bearer token-1":
                barrier.wait(10)  # all fifty are under way with the old token before the first is refused
            return PASS

        community.hook = hook
        users = list(pool.map(lambda number: remote._api.user(str(number)), range(1, 51)))
    assert all(user is not None for user in users)
    assert community.tokens == 2


def refusing(answer: Answer, path: str) -> Hook:
    return lambda request: answer if path in request.target else PASS


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (reply(401, {"error": "invalid_client", "error_description": CLIENT_SECRET}), "client id and secret"),
        (reply(400, {"error": "invalid_scope"}), "scopes"),
        (reply(400, b"<html>", kind="text/html"), "client id and secret"),
        (reply(403, {"error": "drop table;"}), "client id and secret"),
        (reply(200, {**TOKEN, "scope": "read"}), "scopes"),
        (reply(200, {**TOKEN, "scope": ""}), "scopes"),
    ],
)
def test_refused_credentials_are_not_sent_twice(answer: bytes, hint: str) -> None:
    with serving(Community({1: {}}, hook=refusing(answer, "/oauth2/token"))) as server, cc(server.url) as remote:
        for _ in range(5):
            with pytest.raises(errors.AuthenticationFailed) as caught:
                list(remote.members())
            assert hint in str(caught.value.hint)
            assert CLIENT_SECRET not in f"{caught.value!r} {caught.value.hint}"
    assert len(server.requests) == 1


def test_a_token_that_is_issued_but_not_accepted_ends_it_all() -> None:
    with serving(Community({1: {}}, hook=refusing(reply(401), "/user"))) as server, cc(server.url) as remote:
        for _ in range(3):
            with pytest.raises(errors.AuthenticationFailed) as caught:
                list(remote.members())
            assert "scopes" in str(caught.value.hint)
    assert server.targets.count("/oauth2/token") == 2
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, {"token_type": "bearer"}), errors.RemoteMalformed),
        (reply(200, {**TOKEN, "access_token": 5}), errors.RemoteMalformed),
        (reply(200, []), errors.RemoteMalformed),
        (reply(200, b"<html>", kind="text/html"), errors.RemoteMalformed),
        (reply(200, {**TOKEN, "access_token": "a\r\nX: b"}), errors.AuthenticationFailed),
        (reply(404, b""), errors.RemoteRefused),
        (reply(500), errors.RemoteUnavailable),
        (None, errors.RemoteUnavailable),
    ],
)
def test_a_token_service_out_of_order(answer: Answer, kind: type[errors.RemoteError]) -> None:
    with serving(Community({1: {}}, hook=refusing(answer, "/oauth2/token"))) as server, cc(server.url) as remote:
        with pytest.raises(kind):
            list(remote.members())
        assert server.count("GET") == 0


def test_a_token_service_that_recovers() -> None:
    with (
        serving(Community({1: {}}, hook=lambda r: reply(503) if r.number < 3 else PASS)) as server,
        cc(server.url) as remote,
    ):
        assert [len(page) for page in remote.members()] == [1]


def test_a_token_whose_scopes_are_told() -> None:
    with serving(in_turn([reply(200, {**TOKEN, "scope": "write read other"})])) as server:
        http = client(server.url)
        assert TokenSource(http, "id", "secret", FakeClock()).current().scopes == frozenset({"read", "write", "other"})
        http.close()
