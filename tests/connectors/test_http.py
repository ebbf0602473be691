"""The one HTTP client against servers that behave, misbehave and disappear."""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import __version__, errors
from reconciler.clock import SystemClock
from reconciler.connectors.http import Call
from reconciler.connectors.secret import Secret, for_header
from reconciler.connectors.urls import encode_segment
from tests.connectors.servers import CountingBudget, FakeClock, client, in_turn, last, reply, serving

GOOD = reply(body={"ok": True})


def test_a_request_says_who_asks_and_wants_no_encoding() -> None:
    with serving(in_turn([GOOD])) as server:
        http = client(server.url + "/base/")
        answer = http.request("POST", "a/b c", query=[("page", "1"), ("f[]", "ä&")], json={"x": 1}, idempotent=True)
        http.close()
    (request,) = server.requests
    assert answer.json() == {"ok": True}
    assert request.target == "/base/a/b%20c?page=1&f%5B%5D=%C3%A4%26"
    assert request.headers["user-agent"] == f"reconcile/{__version__}"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["host"] == server.url.removeprefix("http://")
    assert (request.headers["content-type"], request.json()) == ("application/json", {"x": 1})


def test_a_form_is_sent_as_a_form() -> None:
    with serving(in_turn([GOOD])) as server:
        http = client(server.url)
        http.request("POST", "t", form=[("a", "1 &"), ("b", Secret("s+"))], idempotent=True)
        http.close()
    assert server.requests[0].body == b"a=1+%26&b=s%2B"
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_connections_are_kept() -> None:
    with serving(in_turn([GOOD])) as server:
        http = client(server.url)
        for _ in range(20):
            http.request("GET", "a", idempotent=True)
        http.close()
    assert (server.connections, http.calls) == (1, 20)


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    with serving(lambda _: last(GOOD)) as server:
        http = client(server.url)
        for _ in range(5):
            assert http.request("GET", "a", idempotent=True).status == 200
        http.close()


@pytest.mark.parametrize(
    ("value", "on_the_wire"),
    [
        ("a/b", "a%2Fb"),
        ("50%", "50%25"),
        ("ü é", "%C3%BC%20%C3%A9"),
        ("a?b", "a%3Fb"),
        ("a#b", "a%23b"),
        ("a+b", "a%2Bb"),
        ("a;b", "a%3Bb"),
        (" lead", "%20lead"),
        ("a%2Fb", "a%252Fb"),
        ("...", "..."),
        ("x" * 3000, "x" * 3000),
        ("VP of Sales & Ops/EMEA", "VP%20of%20Sales%20%26%20Ops%2FEMEA"),
    ],
)
def test_a_path_segment_arrives_as_it_was_encoded(value: str, on_the_wire: str) -> None:
    with serving(in_turn([GOOD])) as server:
        http = client(server.url)
        http.request("PUT", ("user", "7", "profile_field", "Job Title", value), idempotent=True)
        http.close()
    assert server.targets == [f"/user/7/profile_field/Job%20Title/{on_the_wire}"]


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_a_segment_that_would_change_the_path_is_never_sent(value: str) -> None:
    with serving(in_turn([GOOD])) as server:
        http = client(server.url)
        with pytest.raises(errors.AddressRefused):
            http.request("PUT", ("user", value), idempotent=True)
        http.close()
    assert server.requests == []


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_text_survives_as_one_segment(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        with pytest.raises(errors.AddressRefused):
            encode_segment(text)
        return
    encoded = encode_segment(text)
    assert encoded.isascii()
    assert not set("/?#\\; \r\n") & set(encoded)
    assert unquote(encoded) == text


# ---- what is tried again


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_transient_answers_are_tried_again(status: int) -> None:
    budget, clock = CountingBudget(), FakeClock()
    with serving(in_turn([reply(status), reply(status), GOOD])) as server:
        http = client(server.url, budget=budget, clock=clock, random=lambda: 1.0)
        assert http.request("GET", "a", idempotent=True).status == 200
        http.close()
    assert (len(server.requests), budget.acquired, http.calls) == (3, 3, 3)
    assert clock.waits == [0.5, 1.0]
    assert len(budget.throttles) == (2 if status == 429 else 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 414, 422, 501])
def test_final_answers_are_not(status: int) -> None:
    with serving(in_turn([reply(status)])) as server:
        http = client(server.url)
        assert http.request("GET", "a", idempotent=True).status == status
        http.close()
    assert len(server.requests) == 1


def test_attempts_come_to_an_end() -> None:
    with serving(in_turn([reply(503)])) as server:
        http = client(server.url, attempts=4)
        with pytest.raises(errors.RemoteUnavailable, match="HTTP 503, 4 times") as caught:
            http.request("GET", "a", idempotent=True)
        http.close()
    assert caught.value.outcome_unknown
    assert len(server.requests) == 4


@pytest.mark.parametrize("answer", [reply(500), reply(503), None])
def test_what_may_have_been_done_is_not_repeated(answer: bytes | None) -> None:
    with serving(in_turn([answer])) as server:
        http = client(server.url)
        with pytest.raises(errors.RemoteUnavailable) as caught:
            http.request("POST", "a", idempotent=False)
        http.close()
    assert caught.value.outcome_unknown
    assert len(server.requests) == 1


def test_what_was_refused_for_too_many_calls_is_repeated() -> None:
    with serving(in_turn([reply(429), GOOD])) as server:
        http = client(server.url)
        assert http.request("POST", "a", idempotent=False).status == 200
        http.close()


def test_a_refusal_under_another_status_counts_as_too_many_calls() -> None:
    budget = CountingBudget()
    with serving(in_turn([reply(400, {"code": "slow"}), GOOD])) as server:
        http = client(server.url, budget=budget)
        answer = http.request("GET", "a", idempotent=True, throttled=lambda found: b"slow" in found.body)
        http.close()
    assert (answer.status, budget.throttles) == (200, [None])


def test_nobody_listens() -> None:
    with serving(in_turn([GOOD])) as server:
        url = server.url
    http = client(url, attempts=3)
    with pytest.raises(errors.RemoteUnavailable, match="no connection can be made, 3 times") as caught:
        http.request("POST", "a", idempotent=False)
    http.close()
    assert not caught.value.outcome_unknown


def test_a_refused_connection_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    with serving(in_turn([None])) as server:
        http = client(server.url, attempts=2, observer=lambda call: server.close())
        with pytest.raises(errors.RemoteUnavailable) as caught:
            http.request("PUT", "a", idempotent=True)
        http.close()
    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("7", 7.0),
        ("0", 0.5),
        ("-5", 0.5),
        ("1000000000", 600.0),
        ("99999999999999999999999999", 0.5),
        ("soon", 0.5),
        ("1e3", 0.5),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.5),
        ("Sun, 22 Nov 9999 12:00:00 GMT", 600.0),
    ],
)
def test_retry_after_is_obeyed_within_reason(header: str, waited: float) -> None:
    clock, budget = FakeClock(), CountingBudget()
    with serving(in_turn([reply(429, headers={"Retry-After": header}), GOOD])) as server:
        http = client(server.url, clock=clock, budget=budget, random=lambda: 1.0)
        http.request("GET", "a", idempotent=True)
        http.close()
    assert clock.waits == [waited]
    assert budget.throttles[0] is None or 0 <= budget.throttles[0] <= 600


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (429, {"Retry-After": "7"}, [("rate limited", 7.0)]),
        (429, {}, [("rate limited", 0.5)]),
        (503, {"Retry-After": "7"}, [("asked to wait", 7.0)]),
        (503, {}, []),
    ],
)
def test_a_wait_that_the_remote_asks_for_is_told(
    status: int, headers: dict[str, str], told: list[tuple[str, float]]
) -> None:
    heard: list[tuple[str, float]] = []
    clock = FakeClock()

    @contextmanager
    def waiting(why: str, seconds: float) -> Iterator[None]:
        heard.append((why, seconds))
        before = clock.passed
        yield
        assert clock.passed - before == seconds, "it lasts as long as the wait"

    with serving(in_turn([reply(status, headers=headers), GOOD])) as server:
        http = client(server.url, clock=clock, random=lambda: 1.0, waiting=waiting)
        http.request("GET", "a", idempotent=True)
        http.close()
    assert heard == told


def test_a_date_is_measured_on_the_clock_of_who_sent_it() -> None:
    clock = FakeClock()
    served = {"Date": "Sun, 22 Nov 2020 10:00:00 GMT", "Retry-After": "Sun, 22 Nov 2020 10:00:20 GMT"}
    with serving(in_turn([reply(503, headers=served), GOOD])) as server:
        http = client(server.url, clock=clock, random=lambda: 0.0)
        http.request("GET", "a", idempotent=True)
        http.close()
    assert clock.waits == [20.0]


def test_stop_ends_the_waiting() -> None:
    class StoppedWhileWaiting(FakeClock):
        def wait(self, seconds: float, stop: threading.Event) -> bool:
            stop.set()
            return True

    with serving(in_turn([reply(503)])) as server:
        http = client(server.url, clock=StoppedWhileWaiting())
        with pytest.raises(errors.Interrupted):
            http.request("GET", "a", idempotent=True)
        http.close()
    assert len(server.requests) == 1


def test_nothing_is_sent_after_a_stop() -> None:
    stop = threading.Event()
    stop.set()
    with serving(in_turn([GOOD])) as server:
        http = client(server.url, stop=stop)
        with pytest.raises(errors.Interrupted):
            http.request("GET", "a", idempotent=True)
        http.close()
    assert not server.requests


def test_an_observer_sees_every_attempt() -> None:
    seen: list[Call] = []
    with serving(in_turn([None, reply(503), reply(301), GOOD])) as server:
        http = client(server.url, observer=seen.append)
        with pytest.raises(errors.RemoteMalformed):
            http.request("GET", "a", idempotent=True)
        http.close()
    assert [(call.method, call.status) for call in seen] == [("GET", 0), ("GET", 503), ("GET", 301)]


# ---- answers that must not be taken for data


def test_an_answer_cut_anywhere_is_never_taken_for_data() -> None:
    whole = reply(body={"pad": "x" * 1900})
    cut = iter(range(len(whole)))
    with serving(lambda _: last(whole[: next(cut)])) as server:
        http = client(server.url, attempts=1)
        for _ in range(len(whole)):
            with pytest.raises(errors.RemoteUnavailable, match=r"too early|broke"):
                http.request("GET", "a", idempotent=True)
        http.close()
    assert len(server.requests) == len(whole)


def test_a_chunked_answer_cut_anywhere_is_never_taken_for_data() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = head + b"5\r\n[1,2,\r\n2\r\n3]\r\n0\r\n\r\n"
    cut = iter(range(len(whole)))
    with serving(lambda _: last(whole[: next(cut)])) as server:
        http = client(server.url, attempts=1)
        for _ in range(len(whole)):
            with pytest.raises(errors.RemoteUnavailable):
                http.request("GET", "a", idempotent=True)
        http.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_at_once(raw: bytes) -> None:
    with serving(in_turn([itertools.chain(last(raw), forever(b""))])) as server:
        http = client(server.url)
        with pytest.raises(errors.RemoteMalformed, match="not answer in valid HTTP"):
            http.request("GET", "a", idempotent=True)
        http.close()
    assert len(server.requests) == 1


def forever(piece: bytes) -> Iterator[bytes]:
    pause = threading.Event()
    while True:
        yield piece
        pause.wait(0.02)


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/", "https://elsewhere.example/", "/other", "file:///etc/passwd"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused(status: int, location: str) -> None:
    with serving(in_turn([reply(status, headers={"Location": location})])) as server:
        http = client(server.url)
        with pytest.raises(errors.RemoteMalformed, match="redirect") as caught:
            http.request("GET", "a", idempotent=True)
        http.close()
    assert len(server.requests) == 1
    assert caught.value.hint


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_an_encoded_answer_is_refused_without_unpacking(encoding: str) -> None:
    with serving(in_turn([reply(body=b"\x1f\x8b" * 100, headers={"Content-Encoding": encoding})])) as server:
        http = client(server.url)
        with pytest.raises(errors.RemoteMalformed, match="encoded"):
            http.request("GET", "a", idempotent=True)
        http.close()


def test_a_body_that_is_too_large_is_refused_by_what_it_declares() -> None:
    with serving(in_turn([last(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")])) as server:
        http = client(server.url, max_body=1000)
        with pytest.raises(errors.RemoteMalformed, match="more than"):
            http.request("GET", "a", idempotent=True)
        http.close()


def test_a_body_without_end_is_refused_while_it_comes() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = itertools.chain([head], itertools.repeat(b"10000\r\n" + b"x" * 0x10000 + b"\r\n"))
    with serving(lambda _: endless) as server:
        http = client(server.url, max_body=1024 * 1024)
        with pytest.raises(errors.RemoteMalformed, match="more than 1 MiB"):
            http.request("GET", "a", idempotent=True)
        http.close()


@pytest.mark.parametrize(
    "slow",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", *[b"x"] * 500],
        [b"H", *[b"T"] * 500],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 500],
        [*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 500],
        [b""] * 500,
    ],
    ids=["body", "status line", "headers", "continue", "silence"],
)
def test_one_deadline_covers_an_answer_that_drips(slow: list[bytes]) -> None:
    pause = threading.Event()

    def drip() -> Iterator[bytes]:
        for piece in slow:
            yield piece
            pause.wait(0.01)

    with serving(lambda _: drip()) as server:
        http = client(server.url, clock=SystemClock(), total_timeout=0.2, attempts=1)
        started = SystemClock().monotonic()
        with pytest.raises(errors.RemoteUnavailable, match=r"no complete answer within 0\.2 s") as caught:
            http.request("GET", "a", idempotent=True)
        took = SystemClock().monotonic() - started
        http.close()
    assert caught.value.outcome_unknown
    assert 0.15 < took < 2


def test_a_request_that_nobody_reads_meets_the_deadline() -> None:
    taken = threading.Event()

    def never_reads(_: object) -> None:
        taken.wait(5)

    with serving(never_reads) as server:
        http = client(server.url, clock=SystemClock(), total_timeout=0.2, attempts=1)
        with pytest.raises(errors.RemoteUnavailable):
            http.request("POST", "a", json={"x": "y" * 1000}, idempotent=True)
        taken.set()
        http.close()


def test_a_connection_that_is_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                connection.recv(10)
                # Closing with unread data and no lingering sends a reset instead of an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        http = client(f"http://127.0.0.1:{listener.getsockname()[1]}", attempts=2)
        with pytest.raises(errors.RemoteUnavailable, match="the connection broke, 2 times") as caught:
            http.request("GET", "a", idempotent=True)
        http.close()
        thread.join()
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("slow", ["nobody reads", "no handshake"])
def test_one_deadline_covers_what_is_sent(slow: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "http" if slow == "nobody reads" else "https"
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        http = client(url, clock=SystemClock(), total_timeout=0.2, attempts=1)
        with pytest.raises(errors.RemoteUnavailable, match="no complete answer"):
            http.request("POST", "a", json={"x": "y" * 20_000_000}, idempotent=True)
        http.close()


def test_waiting_for_a_connection_has_an_end() -> None:
    held = threading.Event()

    def hold(_: object) -> bytes:
        held.wait(5)
        return GOOD

    with serving(hold) as server, ThreadPoolExecutor(1) as pool:
        http = client(server.url, clock=SystemClock(), connections=1, attempts=1, total_timeout=2.0)
        busy = pool.submit(lambda: http.request("GET", "a", idempotent=True))
        while not server.requests:
            held.wait(0.005)
        impatient = client(server.url, connections=1, total_timeout=0.05)
        impatient._wire()._pool = http._wire()._pool
        with pytest.raises(errors.RemoteUnavailable) as caught:
            impatient.request("GET", "a", idempotent=True, attempts=1)
        held.set()
        assert busy.result(5).status == 200
        impatient.close()
    assert not caught.value.outcome_unknown


def test_a_client_that_was_closed_before_its_first_request_keeps_no_connection() -> None:
    with serving(in_turn([reply(), reply()])) as server:
        http = client(server.url)
        http.close()
        for _ in range(2):
            assert http.request("GET", "a", idempotent=True).status == 200
        assert server.connections == 2


def test_the_transport_is_loaded_for_the_first_request() -> None:
    """Many cycles make none."""
    code = """
import sys, threading
from reconciler.clock import SystemClock
from reconciler.connectors.base import Unlimited
from reconciler.connectors.http import HttpClient

http = HttpClient(
    "https://localhost:1",
    budget=Unlimited(), clock=SystemClock(), stop=threading.Event(), connections=1, allow_loopback=True, attempts=1,
)
print("httpcore2" in sys.modules)
try:
    http.request("GET", "a", idempotent=True)
except Exception as error:
    print(type(error).__name__, "httpcore2" in sys.modules)
http.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "RemoteUnavailable", "True"]


# ---- base URLs


@pytest.mark.parametrize(
    "url",
    [
        "", "acme.example", "ftp://acme.example", "file:///etc/passwd", "gopher://acme.example", "https://",
        "https://user:pass@acme.example", "https://acme.example/?q=1", "https://acme.example/#f", "https://acme.example:99999",
        "https://[::1", "https://a..b", "https://acme.example/ä", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_base_url_is_scheme_host_and_path(url: str) -> None:
    with pytest.raises(errors.AddressRefused) as caught:
        client(url)
    assert "pass" not in str(caught.value)


# ---- secrets

CANARY = "canary-3f9a1c"
ECHO = "echo-77b2e0"


def words_of(error: BaseException) -> str:
    """What an error says, with everything it drags along."""
    return "".join(
        f"{one!r} {one} {getattr(one, 'hint', '')} {getattr(one, '__notes__', '')}" for one in chain_of(error)
    )


def locals_of(error: BaseException) -> str:
    """What a traceback that shows locals would show, this test's own aside."""
    frames = [frame for one in chain_of(error) for frame, _ in traceback.walk_tb(one.__traceback__)]
    return "".join(repr(frame.f_locals) for frame in frames if frame.f_code.co_filename != __file__)


def chain_of(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (inner := chain[-1].__context__) is not None:
        chain.append(inner)
    return chain


@pytest.mark.parametrize(
    "answer",
    [
        reply(503, {"echo": ECHO}), reply(302, headers={"Location": ECHO}), None, b"nonsense\r\n\r\n",
        reply(200, b"<html>" + ECHO.encode()), reply(200, b'{"x": "' + ECHO.encode()),
        reply(200, ECHO.encode(), headers={"Content-Encoding": ECHO}), reply(200, ECHO.encode(), kind=ECHO),
    ],
    ids=["503", "302", "nothing", "nonsense", "html", "cut", "encoded", "kind"],
)  # fmt: skip
def test_no_error_shows_a_secret_or_a_body(answer: bytes | None) -> None:
    with serving(in_turn([answer])) as server:
        http = client(server.url, attempts=2)
        headers = {"Authorization": Secret(f"Bearer {CANARY}")}
        with pytest.raises(errors.RemoteError) as caught:
            http.request("POST", "a", form=[("s", Secret(CANARY))], headers=headers, idempotent=True).json()
        http.close()
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in words_of(caught.value) + locals_of(caught.value) + repr(http)
    assert ECHO not in words_of(caught.value)


@pytest.mark.parametrize(
    "text", ["", " ", f"{CANARY}\n", f" {CANARY}", f"{CANARY}ä", f"a\r\nX: {CANARY}", f"{CANARY}\0"]
)
def test_a_key_that_cannot_stand_in_a_header_is_refused_unseen(text: str) -> None:
    with pytest.raises(errors.AuthenticationFailed) as caught:
        for_header(text, what="the access key")
    assert CANARY not in str(caught.value) + repr(caught.value)


def test_secrets_compare_but_do_not_show() -> None:
    assert Secret(CANARY) == Secret(CANARY) != Secret("other")
    assert len({Secret(CANARY), Secret(CANARY)}) == 1
    assert CANARY not in f"{Secret(CANARY)!r} {Secret(CANARY)}"


# ---- threads


def test_threads_share_the_connections() -> None:
    barrier = threading.Barrier(8)

    def handler(_: object) -> bytes:
        barrier.wait(5)
        return GOOD

    with serving(handler) as server, ThreadPoolExecutor(8) as pool:
        http = client(server.url, connections=8)
        answers = list(pool.map(lambda _: http.request("GET", "a", idempotent=True).status, range(64)))
        http.close()
    assert answers == [200] * 64
    assert server.connections == 8
    assert http.calls == 64
