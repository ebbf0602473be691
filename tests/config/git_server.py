"""Real repositories, made by the `git` program, and a real git server on loopback: `git http-backend` behind HTTP."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

GIT = shutil.which("git") or "git"
PERSON = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
DATES = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}


def clean_environment() -> dict[str, str]:
    """What git itself sees here: nothing of what a test sets to lead the program astray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **DATES, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


class Author:
    """A repository with a working tree, in which commits are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *words: str, data: bytes | None = None) -> str:
        done = subprocess.run(
            [GIT, "-C", str(self.folder), *PERSON, *words],
            input=data, capture_output=True, check=True, env=clean_environment(),
        )  # fmt: skip
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "A change") -> str:
        for path, content in (files or {}).items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=data)

    def tree(self, *entries: tuple[str, bytes, str]) -> str:
        """A tree object of any content, also one that git would not make: mode, name, object."""
        raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in entries)
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=raw)

    def commit_tree(self, tree: str) -> str:
        """Make the branch point to a commit of that tree."""
        commit = self.git("commit-tree", tree, "-m", "Made by hand")
        self.git("update-ref", "refs/heads/main", commit)
        return commit


Interrupt = Callable[[http.server.BaseHTTPRequestHandler], bool]


class Server:
    """`git http-backend` below `root`. `before` may answer a request itself, by returning True; `seen` are the requests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.credentials: str | None = None
        self.before: Interrupt | None = None
        self.seen: list[tuple[str, str, str | None]] = []
        self.port = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def handle(self, request: http.server.BaseHTTPRequestHandler) -> None:
        given = request.headers.get("Authorization")
        self.seen.append((request.command, request.path, given))
        if self.before is not None and self.before(request):
            return
        if self.credentials is not None:
            wanted = "Basic " + base64.b64encode(self.credentials.encode()).decode()
            if given != wanted:
                answer(request, 401, b"who are you?")
                return
        path, _, query = request.path.partition("?")
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        environment = {
            **clean_environment(),
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run([GIT, "http-backend"], input=body, capture_output=True, check=False, env=environment)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        answer(request, int(fields.pop("Status", "200 OK").split()[0]), content, fields)


def answer(
    request: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", fields: Mapping[str, str] | None = None
) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": "text/html", **(fields or {})}.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class _Handler(http.server.BaseHTTPRequestHandler):
    git_server: Server

    def do_GET(self) -> None:
        try:
            self.git_server.handle(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client had enough, as some tests want it to.

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Quietly."""


@contextmanager
def serving(root: Path, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(root)
    handler = type("Handler", (_Handler,), {"git_server": server})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.daemon_threads = True
    listening.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that refuses the certificate
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
