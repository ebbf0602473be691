"""Following a branch: real repositories, over a folder, over HTTP and over ssh, and everything that servers do wrong."""

from __future__ import annotations

import os
import shutil
import ssl
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.config import secrets
from reconciler.config.git.checkout import FOLDER, GitCheckout
from reconciler.config.git.metering import MIB, Bounds
from reconciler.config.git.objects import Relation
from reconciler.config.load import load_project
from reconciler.config.rules import examples
from reconciler.model.resources import GitSource, OnRewrite, SecretRef
from tests.config.git_server import GIT, Author, Server, answer, clean_environment, serving

PROJECT = {"reconcile.yaml": examples.PROJECT, "config/cs.yaml": examples.CS}
QUICK = Bounds(connect=10, silence=30, total=60)
TOKEN = "tok-e.n/with+odd:signs"


def source(url: str, **changes: Any) -> GitSource:
    plain = GitSource(
        url=url,
        branch="main",
        path=".",
        every=timedelta(minutes=1),
        username=None,
        token=None,
        ssh_key=None,
        on_rewrite=OnRewrite.REFUSE,
    )
    return replace(plain, **changes)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    made = Author(tmp_path / "served" / "author")
    made.commit(PROJECT)
    return made


@pytest.fixture
def server(author: Author) -> Iterator[Server]:
    with serving(author.folder.parent) as running:
        yield running


Open = Callable[..., GitCheckout]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Open]:
    """Opens checkouts in one folder and closes them."""
    opened: list[GitCheckout] = []
    root = tmp_path / "bootstrap"
    root.mkdir()

    def make(url: str, bounds: Bounds = QUICK, **changes: Any) -> GitCheckout:
        for earlier in opened:
            earlier.close()
        opened.append(
            GitCheckout(
                source(url, **changes),
                root,
                resolve=lambda ref: secrets.resolve(ref, root),
                clock=SystemClock(),
                allow_loopback=True,
                bounds=bounds,
            )
        )
        return opened[-1]

    yield make
    for checkout in opened:
        checkout.close()


@pytest.fixture(params=["folder", "http", "http-v0"])
def url(request: pytest.FixtureRequest, author: Author, server: Server) -> str:
    """The author's repository over each transport; `http-v0` is a server that does not know the newer protocol."""
    if request.param == "folder":
        return author.url
    if request.param == "http-v0":
        author.git("config", "protocol.version", "0")
        server.before = lambda call: _without(call, "Git-Protocol")
    return server.url("author/.git")


def _without(call: Any, field: str) -> bool:
    del call.headers[field]
    return False


NEVER = threading.Event()


def fetch(checkout: GitCheckout, **words: Any) -> tuple[str, Relation]:
    fetched = checkout.fetch(NEVER, **words)
    return fetched.commit, fetched.relation


def failure(checkout: GitCheckout, kind: type[errors.ReconcileError], **words: Any) -> errors.ReconcileError:
    with pytest.raises(errors.ReconcileError) as caught:
        checkout.fetch(NEVER, **words)
    assert type(caught.value) is kind or (kind is not errors.RemoteRefused and isinstance(caught.value, kind)), (
        caught.value
    )
    assert caught.value.hint
    shown = f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert TOKEN not in shown
    assert "http://" not in shown
    return caught.value


# -- what is followed --------------------------------------------------------------------------------------------------


def test_a_branch_is_followed(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    first = author.git("rev-parse", "HEAD")
    assert fetch(checkout) == (first, Relation.FIRST)
    assert fetch(checkout, last_good=first) == (first, Relation.SAME)
    folder = checkout.materialise(first, NEVER)
    assert load_project(folder, folder).valid
    for number in range(3):
        second = author.commit({"config/cs.yaml": examples.CS.replace("acme.", f"acme{number}.")})
    assert fetch(checkout, last_good=first) == (second, Relation.FORWARD)
    folder = checkout.materialise(second, NEVER, last_good=first)
    assert "acme2." in (folder / "config/cs.yaml").read_text()
    assert sorted(made.name for made in folder.parent.iterdir()) == sorted([first, second])
    checkout.materialise(second, NEVER)
    assert [made.name for made in folder.parent.iterdir()] == [second]


def test_what_was_good_need_not_be_a_commit(author: Author, follow: Open) -> None:
    """`apply` from a working tree with changes records the commit that they were made on."""
    checkout = follow(author.url)
    first = author.git("rev-parse", "HEAD")
    assert fetch(checkout, last_good=f"{first}+changes") == (first, Relation.FORWARD)
    assert fetch(checkout, last_good="unknown") == (first, Relation.FIRST)
    second = author.commit()
    assert fetch(checkout, last_good=f"{first}+changes") == (second, Relation.FORWARD)


def test_a_merge_goes_forward(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    first, _ = fetch(checkout)
    author.git("checkout", "-q", "-b", "side")
    author.commit({"config/a.yaml": "# a\n"})
    author.git("checkout", "-q", "main")
    author.commit({"config/b.yaml": "# b\n"})
    author.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    head = author.git("rev-parse", "HEAD")
    assert fetch(checkout, last_good=first) == (head, Relation.FORWARD)


def test_a_branch_that_is_set_back(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    first, _ = fetch(checkout)
    second = author.commit({"config/cs.yaml": "# two\n"})
    assert fetch(checkout, last_good=first) == (second, Relation.FORWARD)
    author.git("reset", "-q", "--hard", first)
    assert fetch(checkout, last_good=second) == (first, Relation.REWOUND)
    assert "was set back" in (checkout.fetch(NEVER, last_good=second).rewritten or "")
    assert checkout.fetch(NEVER, last_good=first).rewritten is None


def test_a_branch_that_is_set_back_to_what_only_the_caller_knows(author: Author, follow: Open, url: str) -> None:
    first = author.git("rev-parse", "HEAD")
    second = author.commit()
    third = author.commit()
    checkout = follow(url)
    assert fetch(checkout) == (third, Relation.FIRST)
    author.git("reset", "-q", "--hard", first)
    assert fetch(checkout, last_good=third, applied=[first, second]) == (first, Relation.REWOUND)


def test_a_history_that_was_rewritten(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    fetch(checkout)
    second = author.commit({"config/cs.yaml": "# two\n"})
    assert fetch(checkout)[0] == second
    author.git("commit", "-q", "--amend", "-m", "Otherwise")
    head = author.git("rev-parse", "HEAD")
    assert fetch(checkout, last_good=second) == (head, Relation.REWRITTEN)
    assert fetch(checkout, last_good=second) == (head, Relation.REWRITTEN)
    told = checkout.fetch(NEVER, last_good=second).rewritten
    assert told == f"the branch 'main' was rewritten: commit {second[:12]} does not lead to {head[:12]}"
    assert (checkout.materialise(second, NEVER) / "reconcile.yaml").is_file()


def test_the_answer_lies_far_back(author: Author, follow: Open, url: str) -> None:
    """A new container knows the last good commit from the database, and has nothing of the repository."""
    first = author.git("rev-parse", "HEAD")
    for _ in range(70):
        author.git("commit", "-q", "--allow-empty", "-m", "More")
    head = author.git("rev-parse", "HEAD")
    checkout = follow(url)
    assert fetch(checkout, last_good=first) == (head, Relation.FORWARD)
    assert (checkout.materialise(first, NEVER) / "reconcile.yaml").is_file()
    assert fetch(checkout, last_good="0" * 40) == (head, Relation.REWRITTEN)


def test_only_what_is_new_is_sent(author: Author, follow: Open, server: Server) -> None:
    author.commit({"large.bin": os.urandom(2 * MIB)})
    checkout = follow(server.url("author/.git"), Bounds(received=3 * MIB))
    first, _ = fetch(checkout)
    checkout = follow(server.url("author/.git"), Bounds(received=MIB * 3 // 2))
    second = author.commit({"config/cs.yaml": "# two\n"})
    assert fetch(checkout, last_good=first) == (second, Relation.FORWARD)
    posts = sum(1 for command, _, _ in server.seen if command == "POST")
    assert fetch(checkout, last_good=second) == (second, Relation.SAME)
    assert sum(1 for command, _, _ in server.seen if command == "POST") == posts + 1, "only the branches were asked for"


def test_what_piles_up_is_fetched_anew(author: Author, follow: Open, server: Server, tmp_path: Path) -> None:
    checkout = follow(server.url("author/.git"), replace(QUICK, packs=4))
    good: str | None = None
    for number in range(7):
        head = author.commit({"config/cs.yaml": f"# {number}\n"})
        relation = Relation.FORWARD if good else Relation.FIRST
        assert fetch(checkout, last_good=good) == (head, relation)
        good = head
    packs = list((tmp_path / "bootstrap" / FOLDER).glob("*/objects/pack/*.pack"))
    assert 1 < len(packs) <= 4


def test_another_branch_and_folder(author: Author, follow: Open, url: str) -> None:
    author.git("checkout", "-q", "-b", "release/2026")
    for path, content in PROJECT.items():
        (author.folder / "deploy" / "acme" / path).parent.mkdir(parents=True, exist_ok=True)
        (author.folder / "deploy" / "acme" / path).write_text(content)
    head = author.commit()
    checkout = follow(url, branch="release/2026", path="deploy/acme")
    assert fetch(checkout)[0] == head
    assert sorted(file.name for file in checkout.materialise(head, NEVER).iterdir()) == ["config", "reconcile.yaml"]


def test_settings_of_git_change_nothing(
    author: Author, follow: Open, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of the user nor those of the environment."""
    other = Author(tmp_path / "elsewhere")
    other.commit({"reconcile.yaml": "# another\n"})
    home = tmp_path / "home"
    home.mkdir()
    settings = (
        f'[url "{other.url}"]\n insteadOf = {url}\n insteadOf = http://127\n insteadOf = file://\n'
        f"[core]\n bare = true\n hooksPath = /nowhere\n[http]\n proxy = http://127.0.0.1:1\n"
        f"[include]\n path = {home}/.gitconfig\n"
    )
    (home / ".gitconfig").write_text(settings)
    monkeypatch.setenv("HOME", str(home))
    for name, value in {
        "GIT_DIR": f"{other.folder}/.git",
        "GIT_OBJECT_DIRECTORY": f"{other.folder}/.git/objects",
        "GIT_CONFIG_GLOBAL": f"{home}/.gitconfig",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{other.url}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
        "GIT_PROXY_COMMAND": "false",
        "http_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    checkout = follow(url)
    head = author.git("rev-parse", "HEAD")
    assert fetch(checkout) == (head, Relation.FIRST)
    assert (checkout.materialise(head, NEVER) / "reconcile.yaml").read_text() == examples.PROJECT


# -- the repository is not as expected ---------------------------------------------------------------------------------


def test_a_branch_that_vanished(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    first, _ = fetch(checkout)
    author.git("checkout", "-q", "-b", "trunk")
    author.git("branch", "-q", "-D", "main")
    assert "no branch 'main'" in failure(checkout, errors.NotFound, last_good=first).message
    assert (checkout.materialise(first, NEVER) / "reconcile.yaml").is_file()


def test_a_repository_without_a_commit(tmp_path: Path, author: Author, follow: Open, server: Server) -> None:
    empty = Author(author.folder.parent / "empty")
    for url in (empty.url, server.url("empty/.git")):
        assert "has no commit yet" in failure(follow(url), errors.NotFound).message


def test_no_repository_there(tmp_path: Path, follow: Open, server: Server) -> None:
    assert "no git repository in" in failure(follow(f"file://{tmp_path}/nothing"), errors.NotFound).message
    assert "there is no git repository" in failure(follow(server.url("nothing.git")), errors.RemoteRefused).message


def test_names_by_sha256_are_not_supported(tmp_path: Path, follow: Open, server: Server) -> None:
    folder = server.root / "new"
    subprocess.run(
        [GIT, "init", "-q", "-b", "main", "--object-format=sha256", str(folder)], check=True, env=clean_environment()
    )
    made = Author.__new__(Author)
    made.folder = folder
    made.commit({"a": "b"})
    for url in (made.url, server.url("new/.git")):
        assert "SHA-256" in failure(follow(url), errors.RemoteRefused).message


def test_a_repository_that_is_too_large(author: Author, follow: Open, server: Server, tmp_path: Path) -> None:
    author.commit({"large.bin": os.urandom(MIB)})
    checkout = follow(server.url("author/.git"), replace(QUICK, received=MIB // 2))
    assert "sends more than 524,288 bytes" in failure(checkout, errors.RemoteError).message
    assert not list((tmp_path / "bootstrap" / FOLDER).glob("*/objects/pack/*")), "nothing of it is kept"


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"object_bytes": 4 * MIB}, "a file larger than 4 MiB"),
        ({"unpacked": 4 * MIB}, "more than 4 MiB when unpacked"),
        ({"objects": 2}, "more than 2 objects"),
    ],
)
def test_a_repository_that_unfolds(
    author: Author, follow: Open, server: Server, bounds: dict[str, int], words: str
) -> None:
    """Eight mebibytes of zeros are a few kilobytes on the wire."""
    author.commit({"zeros.bin": bytes(8 * MIB)})
    checkout = follow(server.url("author/.git"), replace(QUICK, **bounds))
    assert words in failure(checkout, errors.RemoteError).message


def test_history_that_is_too_large_shows_nothing(author: Author, follow: Open, server: Server) -> None:
    first = author.git("rev-parse", "HEAD")
    author.commit({"large.bin": os.urandom(2 * MIB)})
    (author.folder / "large.bin").unlink()
    head = author.commit()
    checkout = follow(server.url("author/.git"), replace(QUICK, received=MIB))
    assert fetch(checkout, last_good=first) == (head, Relation.REWRITTEN)
    asked = len(server.seen)
    assert fetch(checkout, last_good=first) == (head, Relation.REWRITTEN)
    assert len(server.seen) == asked + 2, "it is not fetched over and over again"


# -- the server is not as expected -------------------------------------------------------------------------------------


def with_token(follow: Open, url: str, tmp_path: Path, token: str = TOKEN, **changes: Any) -> GitCheckout:
    (tmp_path / "token").write_text(token + "\n")
    return follow(url, token=SecretRef(source="file", name=str(tmp_path / "token")), **changes)


def test_credentials(author: Author, follow: Open, server: Server, tmp_path: Path) -> None:
    url, head = server.url("author/.git"), author.git("rev-parse", "HEAD")
    server.credentials = f"deploy:{TOKEN}"
    assert fetch(with_token(follow, url, tmp_path, username="deploy"))[0] == head
    assert "asks for credentials" in failure(follow(url), errors.AuthenticationFailed).message
    wrong = with_token(follow, url, tmp_path, "another", username="deploy")
    assert "refuses the token" in failure(wrong, errors.AuthenticationFailed).message
    (tmp_path / "token").write_text(TOKEN)
    assert fetch(wrong)[0] == head, "a token that was changed is taken up"
    (tmp_path / "token").write_text("")
    assert failure(wrong, errors.SecretUnavailable).exit_code == 6


def test_a_redirect_to_another_server_is_not_followed(
    author: Author, follow: Open, server: Server, tmp_path: Path
) -> None:
    with serving(author.folder.parent) as other:
        server.before = lambda call: answer(call, 302, fields={"Location": other.url(call.path[1:])}) is None
        found = failure(with_token(follow, server.url("author/.git"), tmp_path), errors.RemoteRefused)
        assert "points to another one" in found.message
        assert other.seen == []
    server.before = lambda call: answer(call, 301, fields={"Location": "https://evil.example:99999/x"}) is None
    failure(with_token(follow, server.url("author/.git"), tmp_path), errors.RemoteRefused)


def test_a_redirect_on_the_same_server_is_followed(
    author: Author, follow: Open, server: Server, tmp_path: Path
) -> None:
    def moved(call: Any) -> bool:
        if call.path.startswith("/old"):
            answer(call, 301, fields={"Location": call.path.replace("/old", "/author/.git")})
            return True
        return False

    server.before = moved
    head = author.git("rev-parse", "HEAD")
    assert fetch(with_token(follow, server.url("old"), tmp_path)) == (head, Relation.FIRST)
    server.before = lambda call: answer(call, 302, fields={"Location": call.path}) is None
    failure(follow(server.url("author/.git")), errors.RemoteRefused)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, errors.AuthenticationFailed),
        (404, errors.RemoteRefused),
        (418, errors.RemoteRefused),
        (429, errors.RemoteUnavailable),
        (503, errors.RemoteUnavailable),
        (200, errors.RemoteMalformed),
    ],
)
def test_answers_that_are_no_repository(
    follow: Open, server: Server, status: int, kind: type[errors.ReconcileError]
) -> None:
    server.before = lambda call: answer(call, status, b"<html>welcome</html>") is None
    failure(follow(server.url("author/.git")), kind)


def _raw(data: bytes) -> Callable[[Any], bool]:
    def send(call: Any) -> bool:
        call.wfile.write(data)
        call.close_connection = True
        return True

    return send


def _advertise(body: bytes) -> Callable[[Any], bool]:
    fields = {"Content-Type": "application/x-git-upload-pack-advertisement"}
    return lambda call: answer(call, 200, body, fields) is None


def _line(text: bytes) -> bytes:
    return b"%04x" % (len(text) + 4) + text


@pytest.mark.parametrize(
    "before",
    [
        _raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        _raw(b""),
        _raw(b"HTTP/1.1 200 OK\r\n"),
        _raw(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n"),
        _raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"),
        _advertise(b""),
        _advertise(b"garbage"),
        _advertise(b"zzzz"),
        _advertise(b"0004"),
        _advertise(b"fff0short"),
        _advertise(_line(b"# service=git-upload-pack\n") + b"0000" + _line(b"ERR access denied\n")),
        _advertise(_line(b"# service=git-upload-pack\n") + b"0000" + _line(b"xx refs/heads/main\0\n") + b"0000"),
        _advertise(
            _line(b"# service=git-upload-pack\n") + b"0000" + _line(b"\xff" * 40 + b" refs/heads/main\0\n") + b"0000"
        ),
        _advertise(_line(b"version 2\n") + b"0000"),
        _advertise(_line(b"version 9\n") + b"0000"),
    ],
)
def test_garbage(follow: Open, server: Server, before: Callable[[Any], bool]) -> None:
    server.before = before
    failure(follow(server.url("author/.git")), errors.RemoteError)


def _pack(*objects: bytes, count: int | None = None) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(objects) if count is None else count) + b"".join(objects)
    return body + sha1(body).digest()


@pytest.mark.parametrize(
    "pack",
    [
        b"",
        b"PACK",
        b"nothing of the kind" * 10,
        _pack(),
        _pack(count=1),
        _pack(b"\x35" + zlib.compress(b"hello"))[:-1] + b"x",
        _pack(b"\x35" + zlib.compress(b"hello")),
        _pack(b"\x34" + zlib.compress(b"hello")),
        _pack(b"\x36" + zlib.compress(b"hello")),
        _pack(b"\x05" + zlib.compress(b"")),
        _pack(b"\x35not compressed"),
        _pack(b"\x35" + zlib.compress(b"hello")[:-4]),
        _pack(b"\xb5\xff\xff\xff\xff\xff\x7f" + zlib.compress(b"hello")),
        _pack(b"\x72" + b"\x11" * 20 + zlib.compress(b"\x05\x01")),
        _pack(b"\x62\x05" + zlib.compress(b"\x80\x80")),
        _pack(b"\x65\x05" + zlib.compress(b"\x01\xff\xff\xff\x7f")),
    ],
)
def test_packs_that_are_none(author: Author, follow: Open, server: Server, pack: bytes) -> None:
    head = author.git("rev-parse", "HEAD").encode()

    def send(call: Any) -> bool:
        if call.command == "GET":
            words = b" refs/heads/main\0shallow side-band-64k ofs-delta\n"
            body = _line(b"# service=git-upload-pack\n") + b"0000" + _line(head + words) + b"0000"
            return _advertise(body)(call)
        call.rfile.read(int(call.headers["Content-Length"]))
        body = _line(b"shallow " + head) + b"0000" + _line(b"NAK\n") + _line(b"\x01" + pack) + b"0000"
        return answer(call, 200, body, {"Content-Type": "application/x-git-upload-pack-result"}) is None

    server.before = send
    checkout = follow(server.url("author/.git"))
    failure(checkout, errors.RemoteError)
    server.before = None
    assert fetch(checkout)[0] == head.decode(), "the next fetch is not disturbed"


def test_a_server_that_falls_silent(follow: Open, server: Server) -> None:
    over = threading.Event()
    server.before = lambda call: over.wait(30)
    began = time.monotonic()
    checkout = follow(server.url("author/.git"), replace(QUICK, silence=0.5))
    assert "silent for 0.5 seconds" in failure(checkout, errors.RemoteUnavailable).message
    assert time.monotonic() - began < 10
    over.set()


def test_a_server_that_drips(follow: Open, server: Server) -> None:
    over = threading.Event()

    def drip(call: Any) -> bool:
        call.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.1):
            call.wfile.write(b"y")
            call.wfile.flush()
        return True

    server.before = drip
    checkout = follow(server.url("author/.git"), replace(QUICK, total=1.5))
    assert "did not deliver within 1.5 seconds" in failure(checkout, errors.RemoteUnavailable).message
    over.set()


def test_a_fetch_can_be_stopped(follow: Open, server: Server) -> None:
    stop, over = threading.Event(), threading.Event()
    server.before = lambda call: stop.set() or over.wait(30)  # type: ignore[func-returns-value]
    with pytest.raises(errors.Interrupted):
        follow(server.url("author/.git")).fetch(stop)
    over.set()


def test_a_server_that_is_not_there(follow: Open) -> None:
    with serving(Path()) as gone:
        url = gone.url("author/.git")
    assert "cannot be reached" in failure(follow(url), errors.RemoteUnavailable).message


def test_tls_that_is_none(follow: Open, server: Server) -> None:
    url = server.url("author/.git").replace("http:", "https:")
    assert "no TLS connection" in failure(follow(url), errors.RemoteUnavailable).message


def test_the_certificate_must_be_trusted(
    author: Author, follow: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(author.folder.parent, context) as server:
        url = server.url("author/.git").replace("http://127.0.0.1", "https://localhost")
        checkout = with_token(follow, url, tmp_path)
        assert "certificate of localhost cannot be trusted" in failure(checkout, errors.AddressRefused).message
        assert server.seen == [], "nothing was said to it"
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert fetch(checkout)[0] == author.git("rev-parse", "HEAD")


def test_plain_http_needs_the_word_of_the_operator(server: Server, tmp_path: Path) -> None:
    checkout = GitCheckout(
        source(server.url("author/.git")), tmp_path, resolve=lambda ref: "", clock=SystemClock(), bounds=QUICK
    )
    failure(checkout, errors.AddressRefused)
    checkout.close()
    with pytest.raises(errors.AddressRefused, match="plain http"):
        GitCheckout(source("http://git.example.com/a"), tmp_path, resolve=lambda ref: "", clock=SystemClock())


# -- ssh ---------------------------------------------------------------------------------------------------------------

SSH = """\
#!/bin/sh
printf '%s\\n' "$@" > {record}
env | grep '^GIT_' >> {record}
for last; do :; done
{action}
"""


def ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, action: str = 'exec sh -c "$last"') -> Path:
    """A program `ssh` that carries out the command here. Returns the file of the arguments that it was given."""
    programs, record = folder / "programs", folder / "record"
    programs.mkdir(exist_ok=True)
    (programs / "ssh").write_text(SSH.format(record=record, action=action))
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return record


@pytest.mark.parametrize("form", ["ssh://git@git.example.com:2222{}", "git@git.example.com:{}"])
@pytest.mark.parametrize("protocol", [0, 2])
def test_over_ssh(
    author: Author, follow: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, protocol: int
) -> None:
    """Servers take the variable that asks for the newer protocol, or they do not."""
    record = ssh(tmp_path, monkeypatch, f'GIT_PROTOCOL=version={protocol} exec sh -c "$last"')
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    (tmp_path / "key").write_text("a key")
    checkout = follow(form.format(author.folder), ssh_key=SecretRef(source="file", name=str(tmp_path / "key")))
    first = author.git("rev-parse", "HEAD")
    assert fetch(checkout) == (first, Relation.FIRST)
    arguments = record.read_text().splitlines()
    assert {"BatchMode=yes", "IdentitiesOnly=yes", str(tmp_path / "key"), "git@git.example.com"} <= set(arguments)
    assert ("2222" in arguments) is form.startswith("ssh:")
    assert not [line for line in arguments if line.startswith("GIT_SSH")]
    for _ in range(40):
        author.git("commit", "-q", "--allow-empty", "-m", "More")
    head = author.commit({"config/cs.yaml": "# two\n"})
    assert fetch(checkout, last_good=first) == (head, Relation.FORWARD)
    (tmp_path / "key").unlink()
    with pytest.raises(errors.SecretUnavailable):
        checkout.fetch(NEVER)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("echo 'git@h: Permission denied (publickey).' >&2; exit 255", errors.AuthenticationFailed),
        ("echo 'Host key verification failed.' >&2; exit 255", errors.AddressRefused),
        ("echo 'ssh: Could not resolve hostname' >&2; exit 255", errors.RemoteUnavailable),
        ("echo 'ERROR: Repository not found.' >&2; exit 1", errors.RemoteRefused),
        ("exit 0", errors.RemoteUnavailable),
        ("exec sleep 30", errors.RemoteUnavailable),
        ("echo Welcome to this machine; exec sleep 30", errors.RemoteError),
        ("exec cat /dev/zero", errors.RemoteError),
    ],
)
def test_ssh_that_fails(
    author: Author, follow: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, kind: Any
) -> None:
    ssh(tmp_path, monkeypatch, action)
    bounds = replace(QUICK, silence=1) if "sleep" in action else QUICK
    failure(follow(f"git@git.example.com:{author.folder}", bounds), kind)


def test_no_ssh_here(author: Author, follow: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = failure(follow("git@git.example.com:a"), errors.RemoteUnavailable)
    assert "ssh cannot be started" in found.message


# -- the folder --------------------------------------------------------------------------------------------------------


def test_one_process_at_a_time(author: Author, follow: Open, tmp_path: Path) -> None:
    fetch(follow(author.url))
    second = GitCheckout(
        source(author.url), tmp_path / "bootstrap", resolve=lambda ref: "", clock=SystemClock(), bounds=QUICK
    )
    failure(second, errors.Locked)


def test_what_a_crash_left_is_removed(author: Author, follow: Open, server: Server, tmp_path: Path) -> None:
    checkout = follow(server.url("author/.git"))
    head, _ = fetch(checkout)
    folder = checkout.materialise(head, NEVER)
    (folder / "config" / "cs.yaml").write_text("")
    (folder.parent / ".half").mkdir()
    kept = next((tmp_path / "bootstrap" / FOLDER).glob("*/objects"))
    (kept / "tmp_pack_x").write_text("half")
    checkout = follow(server.url("author/.git"))
    assert fetch(checkout)[0] == head
    assert checkout.materialise(head, NEVER) == folder
    assert (folder / "config" / "cs.yaml").read_text() == examples.CS
    assert [entry.name for entry in folder.parent.iterdir()] == [head]
    assert not (kept / "tmp_pack_x").exists()
    fetch(follow(author.url))
    assert not kept.exists(), "what was kept of another URL is removed"


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damage_is_fetched_anew(
    author: Author, follow: Open, server: Server, tmp_path: Path, damage: bytes | None
) -> None:
    checkout = follow(server.url("author/.git"))
    head, _ = fetch(checkout)
    kept = tmp_path / "bootstrap" / FOLDER
    for pack in kept.glob("*/objects/pack/*.pack"):
        pack.chmod(0o644)
        content = pack.read_bytes()
        pack.write_bytes(content[:20] + bytes(len(content) - 20) if damage is None else damage)
    for known in kept.glob("*/known.json"):
        known.write_bytes(b"{")
    checkout = follow(server.url("author/.git"))
    with pytest.raises(errors.RemoteUnavailable, match="was damaged"):
        fetch(checkout)
    assert fetch(checkout) == (head, Relation.FIRST)


def test_a_commit_that_was_never_fetched(author: Author, follow: Open, url: str) -> None:
    checkout = follow(url)
    fetch(checkout)
    with pytest.raises(errors.NotFound, match="not among what was fetched"):
        checkout.materialise("1" * 40, NEVER)


def test_a_folder_elsewhere(author: Author, tmp_path: Path) -> None:
    """In a container the configuration is mounted for reading only."""
    checkout = GitCheckout(
        source(author.url), tmp_path / "none", folder=tmp_path / "kept", resolve=lambda ref: "", clock=SystemClock()
    )
    head, _ = fetch(checkout)
    assert checkout.materialise(head, NEVER) == tmp_path / "kept" / "commits" / head
    checkout.close()
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written(author: Author, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    checkout = GitCheckout(source(author.url), tmp_path, resolve=lambda ref: "", clock=SystemClock())
    assert "cannot be written" in failure(checkout, errors.ConfigIncomplete).message
