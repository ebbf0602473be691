"""No secret ever leaves: not in an output, an error, a traceback, a plan, a page, the state, the database or a cache."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.acceptance.commands import Done
from tests.acceptance.go_between import ACCESS_KEY, CLIENT_ID, CLIENT_SECRET, TOKEN, GoBetween, between
from tests.acceptance.projects import TIER, TITLE, ProjectFolder
from tests.acceptance.world import World

PASSWORD = "canary-Password-2c9aa1"
SECRETS = (ACCESS_KEY, CLIENT_ID, CLIENT_SECRET, TOKEN, PASSWORD)


def _forms(secret: str) -> set[bytes]:
    """Everything that a secret looks like once it was encoded for something."""
    raw = secret.encode()
    texts = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        secret[::-1],
        raw.hex(),
        repr(secret)[1:-1],
    }
    encoded = {base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    # Also with something before it, as in `id:secret`.
    encoded |= {base64.b64encode(b"x" * shift + raw)[4:-4] for shift in (1, 2)}
    return {text.encode() for text in texts} | {text.encode("utf-16-le") for text in texts} | encoded


FORMS = {form for secret in SECRETS for form in _forms(secret)}


@dataclass
class Watched:
    """A project whose every output is searched for secrets."""

    project: ProjectFolder
    cs: GoBetween
    cc: GoBetween

    def run(self, *words: str | Path) -> Done:
        done = self.project.run(*words)
        _clean(done.all.encode(), str(words))
        return done

    def everywhere(self) -> None:
        _clean(self.project.every_byte(), "files")


def _clean(data: bytes, where: str) -> None:
    lowered = data.lower()
    found = [form for form in FORMS if form in data or form.lower() in lowered]
    assert not found, f"{found} in {where}"
    assert b"canary" not in lowered, where


@pytest.fixture
def watched(project: ProjectFolder, tmp_path: Path) -> Iterator[Watched]:
    world = project.world
    with between(world.cs_url) as cs, between(world.cc_url) as cc:
        project.write_connections(cs.url, cc.url)
        project.edit_connection("clientSecret: {env: ACME_CC_SECRET}", "clientSecret: {file: secrets/cc}")
        project.write("secrets/cc", CLIENT_SECRET + "\n")
        project.env |= {"ACME_CS_KEY": ACCESS_KEY, "ACME_CC_ID": CLIENT_ID}
        project.mapping("acme-profile", [TITLE, TIER])
        yield Watched(project, cs, cc)


COMMANDS: list[tuple[str, ...]] = [
    ("validate",), ("validate", "--online"), ("plan",), ("plan", "--format", "json"), ("plan", "--out", "{root}/plan.json"),
    ("apply", "{root}/plan.json"), ("apply", "{root}/plan.json"), ("sync", "acme-profile"), ("status",), ("activity",),
    ("activity", "1", "--output", "json"), ("activity", "--output", "csv"), ("records", "acme-profile"),
    ("export", "--out", "{root}/export.csv"), ("export",), ("state", "show"), ("state", "rebuild"), ("doctor",),
    ("connections", "test", "acme-cs", "acme-community"), ("catalog", "diff", "acme-cs", "acme-community"),
    ("explain", "E-SECRET"), ("schema",), ("sync", "nobody"), ("plan", "--only", "nobody"),
]  # fmt: skip


def _all_commands(watched: Watched, *more: str) -> set[int]:
    root = str(watched.project.root)
    return {watched.run(*(word.format(root=root) for word in words), *more).code for words in COMMANDS}


def test_no_command_says_a_secret_and_none_stores_one(watched: Watched) -> None:
    watched.run("catalog", "pull", "acme-cs", "acme-community").expect(0)
    codes = _all_commands(watched)
    assert {0, 1, 3, 5} <= codes
    _all_commands(watched, "--debug")
    watched.everywhere()
    assert watched.cc.tokens, "the tokens were real"


@pytest.mark.parametrize("status", [200, 400, 401, 404, 418, 500])
def test_answers_that_repeat_the_secrets_are_not_repeated(watched: Watched, status: int) -> None:
    watched.run("catalog", "pull", "acme-cs").expect(0)
    watched.run("apply").expect(0)
    watched.cs.repeating = status if status != 500 else 501  # 500 is tried again, and that takes its time
    for words in (
        ("sync", "acme-profile"),
        ("validate", "--online"),
        ("catalog", "pull"),
        ("connections", "test"),
        ("doctor",),
    ):
        assert watched.run(*words, "--debug").code in (1, 6), words
    watched.cs.repeating, watched.cc.repeating = 0, status if status != 500 else 501
    for line in ("sync acme-profile", "connections test", "catalog pull acme-community"):
        assert watched.run(*line.split(), "--debug").code in (1, 3, 6), line
    for words in (("status",), ("activity", "1"), ("records", "acme-profile"), ("export",), ("state", "show")):
        watched.run(*words)
    watched.everywhere()


def test_wrong_secrets_are_secrets_too(watched: Watched) -> None:
    watched.run("catalog", "pull", "acme-cs").expect(0)
    watched.run("apply").expect(0)
    for name, value in (("ACME_CS_KEY", ACCESS_KEY + "x"), ("ACME_CC_ID", CLIENT_ID + "x")):
        before = watched.project.env[name]
        watched.project.env[name] = value
        for words in (("sync", "acme-profile"), ("connections", "test", "acme-cs", "acme-community"), ("doctor",)):
            watched.run(*words, "--debug").expect(6)
        watched.project.env[name] = before
    watched.everywhere()


@pytest.mark.parametrize("value", ["two\nlines " + ACCESS_KEY, "tab\there " + ACCESS_KEY, "\x7f" + ACCESS_KEY])
def test_secrets_that_no_header_can_hold(watched: Watched, value: str) -> None:
    watched.run("catalog", "pull", "acme-cs").expect(0)
    watched.run("apply").expect(0)
    watched.project.env["ACME_CS_KEY"] = value
    for words in (("sync", "acme-profile"), ("connections", "test", "acme-cs")):
        assert watched.run(*words, "--debug").code in (1, 6)
    watched.everywhere()


def test_a_secret_written_into_the_yaml_is_refused_and_not_shown(watched: Watched) -> None:
    for secret in (ACCESS_KEY, f'"{ACCESS_KEY}"', f"{{value: {ACCESS_KEY}}}", f"{{env: {ACCESS_KEY}}}"):
        watched.project.write_connections()
        watched.project.edit_connection("{env: ACME_CS_KEY}", secret)
        for words in (
            ("validate",),
            ("validate", "--format", "json"),
            ("validate", "--format", "github"),
            ("plan",),
            ("apply",),
        ):
            done = watched.run(*words, "--debug").expect(1)
            assert "connections/gainsight.yaml" in done.all


def test_a_database_password_is_never_shown(watched: Watched, world: World) -> None:
    for url in (
        f"postgresql://user:{PASSWORD}@127.0.0.1:9/state", f"postgresql://127.0.0.1:9/state?password={PASSWORD}",
        f"mysql://user:{PASSWORD}@127.0.0.1/x", f"nonsense {PASSWORD}", f"postgresql://user:{PASSWORD}@127.0.0.1:port/x",
    ):  # fmt: skip
        watched.project.env["RECONCILER_DATABASE_URL"] = url
        watched.project.replace("reconcile.yaml", "sqlite:///var/reconciler.db", "{env: RECONCILER_DATABASE_URL}")
        for words in (("plan",), ("doctor", "--offline")):
            assert watched.run(*words, "--debug").code in (1, 64), (url, words)
        watched.project.write_project()
    watched.project.replace(
        "reconcile.yaml", "sqlite:///var/reconciler.db", f"postgresql://user:{PASSWORD}@127.0.0.1:9/state"
    )
    for words in (("validate",), ("status",)):
        watched.run(*words, "--debug").expect(1)
