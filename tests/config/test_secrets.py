from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.config import secrets
from reconciler.config.secrets import Redactor, mask_source, resolve
from reconciler.model.resources import SecretRef


def env(name: str) -> SecretRef:
    return SecretRef(source="env", name=name)


def file(name: str) -> SecretRef:
    return SecretRef(source="file", name=name)


def test_secrets_come_from_the_environment_and_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    (tmp_path / "s").write_text(" hunter3 \r\n")
    assert resolve(env("A_SECRET"), tmp_path) == "hunter2"
    assert resolve(file("s"), tmp_path) == " hunter3 "
    assert resolve(file(str(tmp_path / "s")), Path("/")) == " hunter3 "
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert resolve(file("link"), tmp_path) == " hunter3 "


def test_a_missing_secret_names_its_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_SECRET", "")
    (tmp_path / "empty").write_text("\n")
    for ref in (env("NO_SUCH_SECRET"), env("EMPTY_SECRET"), file("none"), file("empty")):
        with pytest.raises(errors.SecretUnavailable) as caught:
            resolve(ref, tmp_path)
        assert str(ref) in caught.value.message and ref.name in (caught.value.hint or "")


def test_files_that_hold_no_secret(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (secrets.MAX_SECRET_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfecanary")
    (tmp_path / "zeros").write_bytes(b"\0\0canary")
    (tmp_path / "lines").write_text("canary\ncanary\n")
    (tmp_path / "blank").write_text(" \t\n")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name, why, hint in (
        ("large", "64 KiB", "right file"),
        ("binary", "not UTF-8", "plain text"),
        ("zeros", "line break or another character", "one line"),
        ("lines", "line break or another character", "one line"),
        ("blank", "missing or empty", "the file blank is empty"),
        ("none", "missing or empty", "there is no file none"),
        (".", "it is a folder", "name the file in it"),
        ("large/x", "not a directory", "correct the path"),
        ("loop", "symbolic links", "correct the path"),
        ("pipe", "no ordinary file", "a file that holds"),
        ("/dev/tty", "", ""),
        ("/dev/zero", "no ordinary file", "a file that holds"),
        ("a\0b", "no ordinary file", "a file that holds"),
    ):
        with pytest.raises(errors.SecretUnavailable) as caught:
            resolve(file(name), tmp_path)
        assert why in caught.value.message and hint in (caught.value.hint or ""), name
        assert caught.value.hint and caught.value.exit_code == 6
        assert "canary" not in repr(caught.value) + caught.value.hint + str(caught.value.__cause__)


@contextlib.contextmanager
def nobody_special() -> Iterator[None]:
    """Root may read everything, so it becomes somebody else meanwhile."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("canary")
    (tmp_path / "private").chmod(0)
    with nobody_special(), pytest.raises(errors.SecretUnavailable, match="permission denied") as caught:
        resolve(file("private"), tmp_path)
    assert "let the user" in (caught.value.hint or "")


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    assert resolve(file("s"), tmp_path) == "hunter2"


@pytest.mark.parametrize("value", ["canary\ncanary", "canary\udcff", "\ufeffcanary", "canary\x7f"])
def test_variables_that_hold_no_secret(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", value)
    with pytest.raises(errors.SecretUnavailable, match="line break or another character") as caught:
        resolve(env("A_SECRET"), tmp_path)
    assert "canary" not in caught.value.message + (caught.value.hint or "")


SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=9, max_size=40)


@given(SECRETS, st.text(max_size=10), st.text(max_size=10))
def test_the_redactor_hides_a_secret_in_every_form(secret: str, before: str, after: str) -> None:
    redact = Redactor([secret])
    data = secret.encode()
    for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), base64.b64encode(data).decode()):
        assert form not in redact(f"{before}{form}{after}")
    lower = re.sub("%..", lambda found: found.group().lower(), quote(secret, safe=""))
    assert lower not in redact(f"{before}{lower}{after}")


@pytest.mark.parametrize("before", ["", "i", "id", "id:", "ident:"])
@pytest.mark.parametrize("after", ["", ":", ":x"])
def test_a_secret_inside_basic_authorisation_is_hidden(before: str, after: str) -> None:
    secret = "canary-8f3a2-of-some-length"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(f"{before}{secret}{after}".encode()).decode()
        shown = Redactor([secret])(f"Authorization: Basic {text}")
        assert Redactor.MASK in shown
        left = shown.removeprefix("Authorization: Basic ").replace(Redactor.MASK, "")
        assert len(left) <= len(text) - 4 * len(secret) // 3 + 4


def test_a_redactor_learns() -> None:
    redact = Redactor()
    assert redact("hunter2 hunter22") == "hunter2 hunter22"
    redact.add("")
    redact.add("hunter2")
    redact.add("hunter22")
    assert redact("a hunter22 b hunter2") == "a [secret] b [secret]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("accessKey: {env: ACME}", "accessKey: {env: ACME}"),
        ("accessKey: {env: ACME}, sso: true", "accessKey: {env: ACME}, sso: true"),
        ("clientSecret: {file: /run/secrets/x}", "clientSecret: {file: /run/secrets/x}"),
        ("accessKey:\n  env: ACME  # ours\nsso: true", "accessKey:\n  env: ACME  # ours\nsso: true"),
        ("accessKey:\n  file: ./x\nsso: true", "accessKey:\n  file: ./x\nsso: true"),
        ("accessKey: x y\nsso: true", "accessKey: * *\nsso: true"),
        ("accessKey: |\n  x\n\n  y\nsso: true", "accessKey: *\n  *\n\n  *\nsso: true"),
        ("a: {accessKey: x, b: c}\nd: e", "a: {accessKey: ** ** **\nd: e"),
        ("key: {Person Email: email}", "key: {Person Email: email}"),
        ("name: Token Ring", "name: Token Ring"),
        ("database: postgresql://me:x/y@z@host/db", "database: postgresql://********@host/db"),
        ("database: postgresql://host/db?password=x&a=b", "database: postgresql://host/db?password=*&a=b"),
    ],
)
def test_sources_are_shown_without_secrets(text: str, shown: str) -> None:
    assert mask_source(text) == shown


@given(st.text(max_size=200))
def test_masking_keeps_lines_and_columns(text: str) -> None:
    assert [len(line) for line in mask_source(text).split("\n")] == [
        len(line) for line in "\n".join(text.splitlines()).split("\n")
    ]
