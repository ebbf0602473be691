"""`reconcile health`, which a container engine asks whether the loop in the container is alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from typing import ClassVar

import pytest

from tests.acceptance.commands import Done, in_process

SECRET = "canary-7d1f"


class Answers(BaseHTTPRequestHandler):
    """`/healthz` is well, `/readyz` is not, `/moved` leads to what is well."""

    status: ClassVar = {"/healthz": 200, "/readyz": 503, "/moved": 302, "/?full=1": 200}

    def do_GET(self) -> None:
        self.send_response(self.status.get(self.path, 404))
        self.send_header("Location", "/healthz")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def health(url: str) -> Done:
    return in_process("health", "--url", url, env={})


def test_alive() -> None:
    with serving() as address:
        done = health(f"http://{address}/healthz").expect(0)
        assert (done.out, done.err) == ("ok\n", "")
        health(f"http://{address}?full=1").expect(0)


def test_a_proxy_is_not_asked() -> None:
    with serving() as address:
        in_process("health", "--url", f"http://{address}/healthz", env={"http_proxy": "http://127.0.0.1:1"}).expect(0)


@pytest.mark.parametrize(("path", "status"), [("/readyz", 503), ("/moved", 302), ("/elsewhere", 404)])
def test_every_other_answer_is_a_failure(path: str, status: int) -> None:
    with serving() as address:
        done = health(f"http://{address}{path}").expect(1)
    assert f"error: {address}{path} answered with {status}\n" in done.err


def test_nobody_answers() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    done = health(f"http://{address}/healthz").expect(1)
    assert f"error: {address} does not answer: " in done.err
    assert "reconcile run --listen" in done.err


def test_something_else_answers() -> None:
    """A port that speaks no HTTP."""
    with create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-elsewhere\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        done = health(f"http://127.0.0.1:{listener.getsockname()[1]}/healthz").expect(1)
        thread.join()
    assert "does not answer: " in done.err


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080",
        "ftp://localhost/",
        "http:///healthz",
        "http://[::1/",
        "http://localhost:99999/",
        "http://é/",
        f"http://user:{SECRET}@localhost/",
        f"http://localhost/{SECRET} x",
        f"http://localhost/{SECRET}\n",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    done = health(url).expect(64)
    assert "--url is not a plain http or https URL" in done.err
    assert SECRET not in done.all


def test_a_name_that_nobody_has() -> None:
    assert "does not answer: " in health("http://..example/").expect(1).err
