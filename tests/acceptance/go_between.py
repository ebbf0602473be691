"""A server between the program and the sandbox that knows other secrets, so that they can be told from everything else.

It also hands out access tokens of its own, and it can answer with pages that repeat every secret it was sent.
"""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

ACCESS_KEY = "canary-Key+/=8d1f7a"
CLIENT_ID = "canary-Client-59e2c0"
CLIENT_SECRET = "canary-Secret&%2Fü-b7714c"
TOKEN = "canary-Token-e01d5f93a6"


class GoBetween(http.server.ThreadingHTTPServer):
    """Passes on to one side of the sandbox. `repeating`: answer with an error page full of secrets instead."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.tokens: dict[str, str] = {}
        self.repeating = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GoBetween

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.repeating and "oauth2" not in self.path:
            page = f"<h1>{dict(self.headers)} {body!r} {ACCESS_KEY} {CLIENT_SECRET} {TOKEN}</h1>".encode()
            self._answer(self.server.repeating, "text/html", page)
            return
        self._answer(*self._pass_on(body))

    do_GET = do_PUT = do_POST = do_DELETE = _serve

    def _pass_on(self, body: bytes) -> tuple[int, str, bytes]:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")
        }
        for name, value in headers.items():
            if name.lower() == "accesskey":
                headers[name] = "sandbox-access-key" if value == ACCESS_KEY else "wrong"
            elif name.lower() == "authorization":
                headers[name] = "Bearer " + self.server.tokens.get(value.split()[-1], "unknown")
        asks_token = self.path == "/oauth2/token"
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        try:
            connection.request(self.command, self.path, _translated(body) if asks_token else body, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if asks_token and answer.status == 200:
            data = self._own_token(json.loads(data))
        return answer.status, answer.getheader("Content-Type") or "", data

    def _own_token(self, granted: dict[str, Any]) -> bytes:
        own = f"{TOKEN}{len(self.server.tokens)}"
        self.server.tokens[own] = granted["access_token"]
        return json.dumps({**granted, "access_token": own}).encode()

    def _answer(self, status: int, content_type: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _translated(body: bytes) -> bytes:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    right = form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
    return urlencode(
        {**form, "client_id": "sandbox-client", "client_secret": "sandbox-secret" if right else "wrong"}
    ).encode()


@contextmanager
def between(target: str) -> Iterator[GoBetween]:
    with GoBetween(target) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
