"""Writing profile fields: what is refused unsent, what every answer means, and what it may cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.gainsight_cc.client import CcClient
from reconciler.connectors.gainsight_cc.sendable import refusal
from reconciler.connectors.gainsight_cc.writer import EITHER, MOST_FAILURES, NOT_KEPT, SLASHES
from reconciler.model.outcome import Reason, Write, WriteResult
from tests.connectors.community import PASS, Community, cc, found_by, user_body, write
from tests.connectors.servers import Answer, Request, reply, serving


def reasons(results: list[WriteResult]) -> list[Reason | None]:
    return [one.reason for one in results]


def people(count: int) -> Community:
    return Community({number: {} for number in range(1, count + 1)})


def only(method: str, part: str, answer: Callable[[Request], Answer]) -> Callable[[Request], Any]:
    return lambda request: answer(request) if request.method == method and part in request.target else PASS


# ---- before sending


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", Reason.UNSENDABLE), (".", Reason.UNSENDABLE), ("..", Reason.UNSENDABLE), ("a\nb", Reason.UNSENDABLE),
        ("tab\t", Reason.UNSENDABLE), ("nul\0", Reason.UNSENDABLE), ("\x7f", Reason.UNSENDABLE), ("\x85", Reason.UNSENDABLE),
        ("half \ud83d", Reason.UNSENDABLE), ("x" * 2001, Reason.TOO_LONG), ("ü" * 334, Reason.TOO_LONG),
        ("😀" * 167, Reason.TOO_LONG),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_not(value: str, reason: Reason) -> None:
    with serving(people(1)) as server, cc(server.url) as remote:
        (result,) = remote.write([write(1, value)])
    assert result.reason == reason
    assert result.detail
    assert server.requests == []


@pytest.mark.parametrize("value", ["x" * 2000, "ü" * 333, "😀" * 166, "...", " ", "\u200b", "\u00a0", "\u202ertl", "0"])
def test_what_can_be_sent_is(value: str) -> None:
    community = people(1)
    with serving(community) as server, cc(server.url) as remote:
        (result,) = remote.write([write(1, value)])
    assert result.acknowledged
    assert community.users[1]["Job Title"] == value


@given(st.text(max_size=80), st.integers(1, 300))
def test_a_value_is_sendable_if_and_only_if_the_path_can_hold_it(value: str, most: int) -> None:
    controls = any(ord(one) < 32 or 127 <= ord(one) < 160 or 0xD800 <= ord(one) < 0xE000 for one in value)
    impossible = controls or value in ("", ".", "..")
    found = refusal(value, most)
    if impossible:
        assert found is not None
        assert found.reason == Reason.UNSENDABLE
    elif len(quote(value, safe="")) > most:
        assert found is not None
        assert found.reason == Reason.TOO_LONG
    else:
        assert found is None


def test_the_longest_value_is_a_setting() -> None:
    with serving(people(1)) as server, cc(server.url, max_value_bytes=10) as remote:
        results = list(remote.write([write(1, "x" * 10), write(1, "x" * 11)]))
    assert reasons(results) == [None, Reason.TOO_LONG]


@pytest.mark.parametrize(
    ("user", "name"), [("", "Job Title"), ("..", "Job Title"), ("1", "."), ("1", "a\nb"), ("1", "")]
)
def test_a_user_or_field_that_cannot_be_sent(user: str, name: str) -> None:
    with serving(people(1)) as server, cc(server.url) as remote:
        (result,) = remote.write([write(user, "x", name)])
    assert result.reason == Reason.UNSENDABLE
    assert server.requests == []


# ---- acknowledged


@pytest.mark.parametrize("prefix", ["/api1", "", "/a/b"])
def test_one_call_for_each_value(prefix: str) -> None:
    community = people(3)
    community.prefix = prefix
    with serving(community) as server, cc(server.url, path_prefix=prefix) as remote:
        batch = [write(1, "Engineer"), write(2, "VP of Sales & Ops/EMEA"), write(3, "ü 50%", "Company")]
        results = list(remote.write(batch))
        assert remote.calls == 4
    assert sorted(results, key=lambda one: one.write.key) == [WriteResult(write=one) for one in batch]
    assert sorted(server.targets[1:]) == [
        f"{prefix}/user/1/profile_field/Job%20Title/Engineer",
        f"{prefix}/user/2/profile_field/Job%20Title/VP%20of%20Sales%20%26%20Ops%2FEMEA",
        f"{prefix}/user/3/profile_field/Company/%C3%BC%2050%25",
    ]
    assert all(request.method == "PUT" and request.body == b"" for request in server.requests[1:])


def test_results_come_as_they_are_known() -> None:
    with serving(people(3)) as server, cc(server.url) as remote:
        results = remote.write([write(1, "a"), write(2, "b"), write(3, "c")])
        next(results)
        assert server.count("PUT") == 1
        next(results)
        assert server.count("PUT") == 2


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.tuples(st.integers(1, 20), st.sampled_from(["Job Title", "Company"])), st.text(min_size=1), max_size=30
    )
)
def test_writes_are_exactly_the_values_and_arrive_as_they_are(values: dict[tuple[int, str], str]) -> None:
    community = people(20)
    batch = [write(user, value, name) for (user, name), value in values.items()]
    sendable = [one for one in batch if refusal(one.value, 2000) is None]
    with serving(community) as server, cc(server.url) as remote:
        results = list(remote.write(batch))
    assert server.count("PUT") == len(sendable)
    assert len(results) == len(batch)
    assert {(int(one.key), one.item): one.value for one in sendable} == {
        (user, name): value for user, fields in community.users.items() for name, value in fields.items()
    }


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b""), reply(200, b"Done", kind="text/plain"), reply(200, b"<html>", kind="text/html"), reply(200, []),
        reply(200, {"result": "ok"}), reply(200, {"result": found_by(2, {})}), reply(200, b'{"result": {"userid": 1'),
        reply(204), reply(202, {}), reply(200, {"userid": 1}, headers={"Content-Encoding": "gzip"}), reply(302),
        b"garbage\r\n\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("written", [True, False])
def test_an_answer_that_says_nothing_is_read_back(answer: bytes, written: bool) -> None:
    community = people(1)

    def put(request: Request) -> Answer:
        if written:
            community.users[1]["Job Title"] = "Engineer"
        return answer

    community.hook = only("PUT", "profile_field", put)
    with serving(community) as server, cc(server.url) as remote:
        (result,) = remote.write([write(1, "Engineer")])
    assert result.reason == (None if written else Reason.MALFORMED)
    assert (server.count("PUT"), server.count("GET", "/user/1")) == (1, 1)


def keeping_only(community: Community, allowed: set[str]) -> Callable[[Request], Any]:
    """Answers every write with 200, and keeps only values that are allowed."""

    def hook(request: Request) -> Any:
        if request.method != "PUT" or unquote(request.target.split("/")[-1]) in allowed:
            return PASS
        user = int(request.target.split("/")[3])
        return reply(200, {"result": found_by(user, community.users[user])})

    return hook


def test_a_value_that_is_dropped_without_a_word_is_not_acknowledged() -> None:
    community = Community({1: {}, 2: {}, 3: {"Job Title": "Engineer"}})
    community.hook = keeping_only(community, {"Engineer"})
    before = replace(write(3, "Wizard"), before="Engineer")
    with serving(community) as server, cc(server.url) as remote:
        results = list(remote.write([write(1, "Engineer"), write(2, "Wizard"), before]))
    assert reasons(results) == [None, Reason.REFUSED, Reason.REFUSED]
    assert {one.detail for one in results[1:]} == {NOT_KEPT}
    assert (server.count("PUT"), server.count("GET")) == (3, 0)


def test_a_field_that_is_shown_to_nobody_is_written_all_the_same() -> None:
    community = people(2)
    community.hook = lambda r: (
        reply(200, {"result": found_by(int(r.target.split("/")[3]), {})}) if r.method == "PUT" else PASS
    )
    with serving(community) as server, cc(server.url) as remote:
        assert reasons(list(remote.write([write(1, "a"), write(2, "b")]))) == [None, None]


def test_a_value_that_the_server_rewrites_is_written() -> None:
    community = people(1)
    community.hook = only("PUT", "", lambda _: reply(200, {"result": found_by(1, {"Job Title": "ENGINEER"})}))
    with serving(community) as server, cc(server.url) as remote:
        assert reasons(list(remote.write([replace(write(1, "Engineer"), before="Clerk")]))) == [None]


# ---- 404


def test_a_missing_user_costs_two_calls_and_then_nothing() -> None:
    with serving(people(1)) as server, cc(server.url) as remote:
        results = list(remote.write([write(9, "a"), write(9, "b", "Company"), write(9, "c")]))
        results += remote.write([write(9, "d")])
    assert reasons(results) == [Reason.USER_MISSING] * 4
    assert (server.count("PUT"), server.count("GET")) == (1, 1)


def test_a_missing_field_costs_two_calls_and_then_nothing() -> None:
    with serving(people(30)) as server, cc(server.url) as remote:
        results = list(remote.write([write(user, "x", "Nickname") for user in range(1, 31)]))
        results += remote.write([write(1, "x"), write(2, "y", "Nickname")])
    assert reasons(results) == [Reason.FIELD_MISSING] * 30 + [None, Reason.FIELD_MISSING]
    assert (server.count("PUT", "Nickname"), server.count("GET")) == (1, 1)


def test_a_missing_user_does_not_condemn_the_field() -> None:
    with serving(people(2)) as server, cc(server.url) as remote:
        results = list(remote.write([write(9, "a"), write(1, "b"), write(8, "c"), write(2, "d")]))
    assert reasons(results) == [Reason.USER_MISSING, None, Reason.USER_MISSING, None]


@pytest.mark.parametrize("what", ["field", "user"])
def test_threads_that_find_out_at_once_pay_once(what: str) -> None:
    barrier = threading.Barrier(8)
    community = people(50)
    wait = only("PUT", "", lambda _: (barrier.wait(5), reply(404))[1])
    community.hook = lambda request: PASS if barrier.broken or request.method != "PUT" else wait(request)
    batches = [[write(99 if what == "user" else number, "x", "Nickname")] for number in range(1, 9)]
    with serving(community) as server, cc(server.url) as remote, ThreadPoolExecutor(8) as pool:
        results = [one for found in pool.map(lambda batch: list(remote.write(batch)), batches) for one in found]
    assert set(reasons(results)) == {Reason.USER_MISSING if what == "user" else Reason.FIELD_MISSING}
    assert (server.count("PUT"), server.count("GET")) == (8, 1)


def test_a_field_renamed_while_we_write() -> None:
    community = people(6)

    def rename(request: Request) -> Any:
        if request.method == "PUT" and "/user/3/" in request.target:
            community.fields = {"Role"}
            for values in community.users.values():
                if "Job Title" in values:
                    values["Role"] = values.pop("Job Title")
        return PASS

    community.hook = rename
    with serving(community) as server, cc(server.url) as remote:
        results = list(remote.write([write(user, "x") for user in range(1, 7)]))
    assert reasons(results) == [None, None, *[Reason.FIELD_MISSING] * 4]
    assert (server.count("PUT"), server.count("GET")) == (3, 2)


def test_a_value_that_the_community_does_not_find_to_its_taste() -> None:
    community = people(2)
    community.hook = only("PUT", "Wizard", lambda _: reply(404))
    with serving(community) as server, cc(server.url) as remote:
        results = list(
            remote.write([write(1, "Engineer"), write(1, "Wizard"), write(2, "Wizard"), write(2, "Engineer")])
        )
    assert reasons(results) == [None, Reason.REFUSED, Reason.REFUSED, None]


# ---- slashes


def test_slashes_are_named_once_the_field_is_known_to_exist() -> None:
    community = people(30)
    community.slashes = False
    with serving(community) as server, cc(server.url) as remote:
        batch = [write(1, "a/b"), write(2, "plain"), *(write(user, "c/d") for user in range(3, 31))]
        results = {one.write.key: one for one in remote.write(batch)}
        assert next(remote.write([write(5, "e/f", "Company")])).detail == SLASHES
    assert results["2"].acknowledged
    rejected = [one for key, one in results.items() if key != "2"]
    assert {(one.reason, one.detail) for one in rejected} == {(Reason.UNSENDABLE, SLASHES)}
    # The plain value first, then one value with a slash, the user, and the user that has the field.
    assert (server.count("PUT"), server.count("GET")) == (2, 2)


def test_a_field_that_the_same_user_shows_proves_the_slash_guilty() -> None:
    community = Community({1: {"Job Title": "old"}}, slashes=False)
    with serving(community) as server, cc(server.url) as remote:
        (result,) = remote.write([write(1, "a/b")])
    assert (result.reason, result.detail) == (Reason.UNSENDABLE, SLASHES)


def test_a_slash_alone_does_not_condemn_a_field() -> None:
    community = people(2)
    community.slashes = False
    with serving(community) as server, cc(server.url) as remote:
        (first,) = remote.write([write(1, "a/b")])
        (second,) = remote.write([write(2, "plain")])
        (third,) = remote.write([write(1, "a/b")])
    assert (first.reason, first.detail) == (Reason.FIELD_MISSING, EITHER)
    assert second.acknowledged
    assert (third.reason, third.detail) == (Reason.UNSENDABLE, SLASHES)


# ---- other refusals


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.REFUSED),
        (403, Reason.REFUSED),
        (405, Reason.REFUSED),
        (414, Reason.TOO_LONG),
        (422, Reason.REFUSED),
    ],
)
def test_a_refusal_concerns_one_value(status: int, reason: Reason) -> None:
    community = people(2)
    community.hook = only("PUT", "Wizard", lambda _: reply(status, {"errors": ["Wizard is not allowed"]}))
    with serving(community) as server, cc(server.url) as remote:
        first, second = remote.write([write(1, "Wizard"), write(2, "Engineer")])
    assert (first.reason, str(status) in first.detail, "Wizard" in first.detail) == (reason, True, False)
    assert second.acknowledged
    assert server.count("PUT") == 2


def test_a_refused_token_ends_the_run() -> None:
    community = people(1)
    community.hook = only("PUT", "", lambda _: reply(401))
    with serving(community) as server, cc(server.url) as remote:
        for _ in range(3):
            with pytest.raises(errors.AuthenticationFailed):
                list(remote.write([write(1, "x")]))
    assert (server.count("PUT"), server.count("POST", "token")) == (2, 2)


# ---- a 404 that cannot be looked into


@pytest.mark.parametrize("answer", [reply(503), reply(200, []), reply(418), reply(200, user_body(2, {}))])
def test_a_404_whose_user_cannot_be_read(answer: bytes) -> None:
    community = people(1)
    community.hook = only("GET", "/user/", lambda _: answer)
    with serving(community) as server, cc(server.url, attempts=1) as remote:
        (result,) = remote.write([write(1, "x", "Nickname")])
        (again,) = remote.write([write(1, "y")])
    assert result.reason == Reason.UNAVAILABLE
    assert "HTTP 404" in result.detail
    assert again.acknowledged
    assert server.count("GET") == 1


# ---- no answer


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("answer", [None, reply(500), reply(503)])
def test_a_lost_answer_is_read_back_once(answer: Answer, written: bool) -> None:
    community = people(1)

    def put(request: Request) -> Answer:
        if written:
            community.users[1]["Job Title"] = "  Engineer"
        return answer

    community.hook = only("PUT", "profile_field", put)
    with serving(community) as server, cc(server.url, attempts=3) as remote:
        (result,) = remote.write([write(1, "Engineer")])
    assert result.reason == (None if written else Reason.UNAVAILABLE)
    assert (server.count("PUT"), server.count("GET")) == (3, 1)


def test_a_user_erased_behind_a_lost_answer() -> None:
    community = people(1)
    community.hook = only("PUT", "", lambda _: reply(500))
    community.users.clear()
    with serving(community) as server, cc(server.url) as remote:
        (result,) = remote.write([write(1, "Engineer")])
    assert result.reason == Reason.USER_MISSING


def test_a_lost_answer_that_is_sent_again_writes_the_same() -> None:
    community = people(20)
    lost = iter(range(10**6))

    def put(request: Request) -> Any:
        if request.method != "PUT" or next(lost) % 3:
            return PASS
        community._route(request)  # carried out, and then the connection breaks
        return None

    community.hook = put
    with serving(community) as server, cc(server.url) as remote:
        results = list(remote.write([write(user, f"title {user}") for user in range(1, 21)]))
    assert reasons(results) == [None] * 20
    assert {user: values["Job Title"] for user, values in community.users.items()} == {
        user: f"title {user}" for user in range(1, 21)
    }
    assert server.count("PUT") > 20


def drain(remote: CcClient, batch: list[Write]) -> tuple[list[WriteResult], bool]:
    """The results, and whether the writing was given up."""
    results: list[WriteResult] = []
    try:
        for result in remote.write(batch):
            results.append(result)
    except errors.RemoteUnavailable:
        return results, True
    return results, False


def test_a_community_that_is_gone_is_given_up() -> None:
    community = people(50)
    community.hook = lambda request: reply(503) if request.method in ("PUT", "GET") else PASS
    with serving(community) as server, cc(server.url, attempts=2) as remote:
        results, gave_up = drain(remote, [write(user, "x") for user in range(1, 51)])
        assert drain(remote, [write(1, "y")]) == ([], True)
    assert gave_up
    assert reasons(results) == [Reason.UNAVAILABLE] * MOST_FAILURES
    assert server.count("PUT") == 2 * MOST_FAILURES


def test_threads_give_up_together() -> None:
    community = people(200)
    community.hook = lambda request: reply(503) if request.method in ("PUT", "GET") else PASS
    batches = [[write(user, "x") for user in range(start, start + 20)] for start in range(1, 161, 20)]
    with serving(community) as server, cc(server.url, attempts=1) as remote, ThreadPoolExecutor(8) as pool:
        gave_up = [found for _, found in pool.map(lambda batch: drain(remote, batch), batches)]
    assert all(gave_up)
    assert server.count("PUT") <= MOST_FAILURES + 8


def test_one_success_starts_the_count_again() -> None:
    community = people(40)
    community.hook = lambda r: reply(503) if r.method in ("PUT", "GET") and "/user/" in r.target and _odd(r) else PASS
    with serving(community) as server, cc(server.url, attempts=1) as remote:
        results = list(remote.write([write(user, "x") for user in range(1, 41)]))
    assert reasons(results) == [Reason.UNAVAILABLE, None] * 20


def _odd(request: Request) -> bool:
    return int(request.target.split("/")[3]) % 2 == 1


def test_a_community_that_answers_only_nonsense_is_given_up() -> None:
    community = people(50)
    community.hook = lambda r: reply(200, b"<html>", kind="text/html") if "/user" in r.target else PASS
    with serving(community) as server, cc(server.url) as remote:
        results, gave_up = drain(remote, [write(user, "x") for user in range(1, 51)])
    assert gave_up
    assert reasons(results) == [Reason.MALFORMED] * MOST_FAILURES


def test_nobody_there_at_all_is_not_read_back() -> None:
    with serving(people(1)) as server, cc(server.url, attempts=2) as remote:
        next(remote.members())
        server.close()
        remote._http._wire().close()
        (result,) = remote.write([write(1, "x")])
    assert result.reason == Reason.UNAVAILABLE
    assert "read back" not in result.detail


def test_an_interrupt_passes_through() -> None:
    stop = threading.Event()
    community = people(1)

    def last_answer(_: Request) -> Answer:
        stop.set()
        return reply(503)

    community.hook = only("PUT", "", last_answer)
    with serving(community) as server, cc(server.url, stop=stop) as remote:
        with pytest.raises(errors.Interrupted):
            list(remote.write([write(1, "x")]))
        assert server.count("PUT") == 1
