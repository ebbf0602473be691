"""Health, readiness and version over real HTTP; and a server that takes no harm from whoever calls it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from reconciler import __version__, errors
from reconciler.model.event import Event, EventName
from reconciler.web import app, server
from reconciler.web.server import Server
from tests.web.helpers import Pulse, ask, metrics, quiet


@contextmanager
def serving(pulse: Pulse, *, listen: str = "127.0.0.1:0", emit: object = quiet) -> Iterator[Server]:
    with Server(listen, app.create(pulse, metrics(), emit=emit)) as made:  # type: ignore[arg-type]
        yield made


def test_healthy_while_the_loop_goes_round() -> None:
    pulse = Pulse()
    with serving(pulse) as web:
        fine = ask(web.address, "/healthz")
        pulse.age = app.MAX_TICK_AGE
        at_the_limit = ask(web.address, "/healthz")
        pulse.age = app.MAX_TICK_AGE + 1
        stuck = ask(web.address, "/healthz")
    assert (fine.status, at_the_limit.status, stuck.status) == (200, 200, 503)
    assert json.loads(fine.body) == {"status": "ok", "tickAgeSeconds": 0.5, "maxTickAgeSeconds": 120.0}
    assert json.loads(stuck.body)["status"] == "stuck"


def test_ready_when_every_check_is_fine() -> None:
    pulse = Pulse()
    with serving(pulse) as web:
        ready = ask(web.address, "/readyz")
        pulse.found["database"] = "PostgreSQL at db cannot be reached"
        waiting = ask(web.address, "/readyz")
    assert (ready.status, json.loads(ready.body)["status"]) == (200, "ready")
    assert waiting.status == 503
    assert json.loads(waiting.body) == {
        "status": "not ready",
        "checks": {"database": "PostgreSQL at db cannot be reached", "config": "ok", "state": "ok"},
    }


def test_health_answers_while_every_check_hangs() -> None:
    pulse = Pulse(hangs=threading.Event())
    with serving(pulse) as web:
        askers = [threading.Thread(target=ask, args=(web.address, "/readyz"), daemon=True) for _ in range(50)]
        for asker in askers:
            asker.start()
        answer = ask(web.address, "/healthz")
        pulse.hangs.set()
        for asker in askers:
            asker.join()
    assert answer.status == 200


def test_version_and_metrics() -> None:
    with serving(Pulse()) as web:
        version = ask(web.address, "/version")
        scraped = ask(web.address, "/metrics")
    assert json.loads(version.body)["version"] == __version__
    assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"reconciler_tick_age_seconds 0.5" in scraped.body


def test_only_reading_and_only_what_is_there() -> None:
    with serving(Pulse()) as web:
        head = ask(web.address, "/healthz", "HEAD")
        written = [ask(web.address, "/healthz", method).status for method in ("POST", "PUT", "DELETE", "OPTIONS")]
        other = [ask(web.address, path).status for path in ("/", "/healthz/", "/metrics/../version", "/%2e%2e")]
    assert (head.status, head.body) == (200, b"")
    assert written == [405] * 4
    assert other == [404] * 4
    assert "server" not in head.headers and head.headers["cache-control"] == "no-store"


def test_a_bug_is_told_to_the_log_and_not_to_the_caller() -> None:
    events: list[Event] = []
    with serving(Pulse(found={"bug": ""}), emit=events.append) as web:
        answer = ask(web.address, "/readyz")
    assert (answer.status, answer.body) == (500, b"Internal error\n")
    assert [(event.name, event.fields["reason"]) for event in events] == [(EventName.LOOP_TROUBLE, "RuntimeError")]


# ---- the server


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(Pulse(), listen="[::1]:0") as web:
        assert web.address.startswith("[::1]:")
        assert ask(web.address, "/healthz").status == 200


def test_a_port_in_use() -> None:
    with serving(Pulse()) as web, pytest.raises(errors.UsageError, match="cannot listen on") as caught:
        Server(web.address, app.create(Pulse(), metrics(), emit=quiet)).start()
    assert "Address already in use" in caught.value.message
    assert caught.value.hint == "choose another --listen, or stop what uses it"


@pytest.mark.parametrize(
    "listen",
    ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "[::1]", "[a]:1",
     "127.0.0.1:-1", "127.0.0.1:٣", "[]:80", "http://127.0.0.1:80"],
)  # fmt: skip
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(errors.UsageError, match="no address to listen on") as caught:
        Server(listen, None)
    assert caught.value.hint and "127.0.0.1:8080" in caught.value.hint


def test_an_address_of_another_machine() -> None:
    with pytest.raises(errors.UsageError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        Server("192.0.2.1:0", app.create(Pulse(), metrics(), emit=quiet)).start()


def test_it_can_be_started_again_and_stopped_twice() -> None:
    made = Server("127.0.0.1:0", app.create(Pulse(), metrics(), emit=quiet))
    made.stop()
    for _ in range(2):
        made.start()
        assert ask(made.address, "/healthz").status == 200
        made.stop()
        made.stop()
    assert made.address == "127.0.0.1:0"
    assert not [thread for thread in threading.enumerate() if thread.name == "web"]


def test_slow_and_large_requests_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.3)
    with serving(Pulse()) as web, ExitStack() as stack:
        host, _, port = web.address.rpartition(":")
        slow = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        assert slow.recv(1) == b"", "nobody waits for the rest for ever"
        large = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        large.sendall(b"GET /healthz HTTP/1.1\r\nX-Large: " + b"x" * 100_000)
        assert large.recv(100).startswith(b"HTTP/1.1 400")
        assert ask(web.address, "/healthz").status == 200


def test_what_is_being_answered_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.1)
    pulse = Pulse(hangs=threading.Event())
    with serving(pulse) as web:
        threading.Timer(0.5, pulse.hangs.set).start()
        assert ask(web.address, "/readyz").status == 200


def test_too_many_connections_are_refused_and_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 5)
    with serving(Pulse()) as web, ExitStack() as stack:
        host, _, port = web.address.rpartition(":")
        for _ in range(8):
            held = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
            held.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert ask(web.address, "/healthz").status == 503
