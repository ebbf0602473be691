"""One comment on a pull request: found again, updated in place, never two of them, never somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler import errors
from reconciler.connectors.code_hosts import PAGE, CodeHost, GitHub, GitLab, put_comment
from reconciler.connectors.secret import Secret
from tests.connectors.code_host_servers import PASS, TOKEN, FakeGitHub, FakeGitLab, FakeHost
from tests.connectors.servers import Answer, Request, Server, client, reply, serving

MARKER = "<!-- reconcile plan of acme -->"

Both = type[FakeGitHub] | type[FakeGitLab]
BOTH = pytest.mark.parametrize("kind", [FakeGitHub, FakeGitLab])


@contextmanager
def talking(fake: FakeHost, token: str = TOKEN) -> Iterator[tuple[Server, CodeHost]]:
    with serving(fake) as server:
        http = client(server.url)
        secret = Secret(token)
        host: CodeHost = (
            GitHub(http=http, token=secret, repository="acme/customer-data", number=7)
            if isinstance(fake, FakeGitHub)
            else GitLab(http=http, token=secret, project="acme/customer-data", number=7)
        )
        try:
            yield server, host
        finally:
            http.close()


def bodies(fake: FakeHost) -> list[str]:
    return [comment["body"] for comment in fake.comments]


@BOTH
def test_created_then_unchanged_then_updated(kind: Both) -> None:
    fake = kind()
    with talking(fake) as (server, host):
        assert put_comment(host, MARKER, "one") == "created"
        assert put_comment(host, MARKER, "one") == "unchanged"
        assert put_comment(host, MARKER, "two") == "updated"
    assert bodies(fake) == [f"{MARKER}\ntwo"]
    assert server.count("POST") == 1
    assert server.count("PATCH") + server.count("PUT") == 1


def test_where_the_comments_are() -> None:
    with talking(FakeGitHub()) as (server, host):
        put_comment(host, MARKER, "x")
        put_comment(host, MARKER, "y")
    assert server.targets[2] == "/repos/acme/customer-data/issues/7/comments"
    assert server.targets[-1] == "/repos/acme/customer-data/issues/comments/1"
    with talking(FakeGitLab()) as (server, host):
        put_comment(host, MARKER, "x")
        put_comment(host, MARKER, "y")
    assert server.targets[2] == "/projects/acme%2Fcustomer-data/merge_requests/7/notes"
    assert server.targets[-1] == "/projects/acme%2Fcustomer-data/merge_requests/7/notes/1"


@BOTH
@pytest.mark.parametrize("before", [0, PAGE - 1, PAGE, 3 * PAGE])
def test_ours_is_found_on_any_page(kind: Both, before: int) -> None:
    fake = kind()
    for number in range(before):
        fake.add(f"comment {number}")
    ours = fake.add(f"{MARKER}\r\nold\r\n", author="reconcile")
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "old") == "unchanged"
        assert put_comment(host, MARKER, "new") == "updated"
    assert ours["body"] == f"{MARKER}\nnew"
    assert len(fake.comments) == before + 1


@BOTH
def test_a_comment_of_somebody_else_that_begins_like_ours_is_left_alone(kind: Both) -> None:
    fake = kind()
    fake.add(f"{MARKER}\nall is well, trust me", author="mallory")
    fake.add(f"quoting {MARKER}", author="reconcile")
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "plan") == "created"
    assert bodies(fake)[0] == f"{MARKER}\nall is well, trust me"
    assert len(fake.comments) == 3


def test_the_token_of_a_workflow_may_not_ask_who_it_is() -> None:
    fake = FakeGitHub(me=None)
    fake.add(f"{MARKER}\nforged", author="mallory")
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "one") == "created"
        assert put_comment(host, MARKER, "two") == "updated"
    assert bodies(fake) == [f"{MARKER}\nforged", f"{MARKER}\ntwo"]


def answering(fake: FakeHost, method: str, *answers: Answer) -> list[Answer]:
    """The first requests of a method get these answers; what is left of them is returned."""
    left = list(answers)
    fake.hook = lambda request: left.pop(0) if request.method == method and left else PASS
    return left


@BOTH
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_refusal_is_told_with_its_status_and_not_repeated(kind: Both, status: int) -> None:
    fake = kind()
    answering(fake, "POST", *[reply(status, {"message": f"no {TOKEN}"})] * 9)
    with talking(fake) as (server, host), pytest.raises(errors.RemoteRefused, match=f"HTTP {status}") as caught:
        put_comment(host, MARKER, "plan")
    assert caught.value.status == status
    assert ("may not write" in caught.value.message) == (status != 422)
    assert server.count("POST") == 1
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"


@BOTH
def test_a_wrong_token(kind: Both) -> None:
    with talking(kind(), token="another") as (_, host), pytest.raises(errors.AuthenticationFailed, match="token"):
        put_comment(host, MARKER, "plan")


@BOTH
@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {"X-RateLimit-Remaining": "0"}])
def test_a_rate_limit_is_waited_for(kind: Both, headers: dict[str, str]) -> None:
    fake = kind()
    status = 403 if kind is FakeGitHub else 429
    left = answering(fake, "POST", reply(status, {}, headers=headers), reply(429, {}))
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "plan") == "created"
    assert left == []
    assert len(fake.comments) == 1


@BOTH
@pytest.mark.parametrize("lost", ["answer", "server"])
def test_a_lost_answer_never_makes_a_second_comment(kind: Both, lost: str) -> None:
    fake = kind()
    times: list[Request] = []

    def carried_out_but_not_said(request: Request) -> Answer | object:
        if request.method != "POST" or times:
            return PASS
        times.append(request)
        fake.add(request.json()["body"], author="reconcile")
        return None if lost == "answer" else reply(502, {})

    fake.hook = carried_out_but_not_said
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "plan") == "unchanged"
    assert len(fake.comments) == 1


@BOTH
def test_a_comment_that_is_deleted_meanwhile_is_made_anew(kind: Both) -> None:
    fake = kind()
    fake.add(f"{MARKER}\nold", author="reconcile")

    def deleted(request: Request) -> object:
        if request.method in ("PATCH", "PUT"):
            fake.comments.clear()
        return PASS

    fake.hook = deleted
    with talking(fake) as (_, host):
        assert put_comment(host, MARKER, "new") == "created"
    assert bodies(fake) == [f"{MARKER}\nnew"]


@BOTH
def test_a_server_that_stays_down_is_given_up(kind: Both) -> None:
    fake = kind()
    fake.hook = lambda request: reply(503, {}) if request.method == "POST" else PASS
    with talking(fake) as (server, host), pytest.raises(errors.RemoteUnavailable):
        put_comment(host, MARKER, "plan")
    assert server.count("POST") == 3


@BOTH
@pytest.mark.parametrize(
    "answer", [reply(200, {"not": "a list"}), reply(200, ["text"]), reply(200, b"<html>", kind="text/html")]
)
def test_an_answer_that_is_none_of_the_api(kind: Both, answer: bytes) -> None:
    fake = kind()
    fake.hook = lambda request: answer if "user" not in request.target else PASS
    with talking(fake) as (_, host), pytest.raises(errors.RemoteMalformed):
        put_comment(host, MARKER, "plan")
