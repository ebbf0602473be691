"""What somebody does in the first minute: `init`, `sandbox`, `demo`."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from reconciler.cli import story
from tests.acceptance import commands
from tests.acceptance.projects import SECRETS, ProjectFolder
from tests.acceptance.world import World


def _alive(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demo_ends_with_greens_and_yellows_that_say_why(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = commands.reconcile("demo", "--folder", folder, "--people", "60", cwd=tmp_path, env={}, timeout=180).expect(0)
    typed = re.findall(r"^\$ reconcile (\w+)", done.out, re.MULTILINE)
    order = ["validate", "catalog", "plan", "apply", "sync", "status", "export"]
    places = [typed.index(word) for word in order]
    assert places == sorted(places), typed
    status = done.out[done.out.rindex("$ reconcile status") :].partition("$ reconcile")[2].partition("\n$ ")[0]
    documents = re.findall(r"^(.) (Successful|Partially Successful|Pending|Failed) +(\S+)", status, re.MULTILINE)
    whole = ("acme-profile", "acme-segments", "partners-profile", "companies")
    assert {name: word for _, word, name in documents if name in whole} == {
        "acme-profile": "Successful",
        "acme-segments": "Partially Successful",
        "partners-profile": "Successful",
        "companies": "Partially Successful",
    }
    for word in ("profile-field-missing", "user-missing", "Profile_field_not_exists", "Where to look next"):
        assert word in done.out, word
    assert done.out.count("0 updated") >= 1, "the second cycle sends nothing"
    assert re.search(r"^Sync/companies: .* 22 calls .* at 100 calls a minute$", done.out, re.MULTILINE)
    first, again = (part.partition("\n$ ")[0] for part in done.out.split("$ reconcile sync companies\n")[1:])
    assert re.search(r"calls +5\n", first), "one to look, three for those who are new, one for the others"
    assert re.search(r"calls +0\n", again)
    assert "0 updated + 552 unchanged + 7 skipped + 1 rejected" in again
    assert re.search(r"RenewalDate +.* +end of May +value-invalid", done.out)
    assert ("Successful", "acme-community") in [(word, name) for _, word, name in documents]
    told = done.out.partition("--outcome unmatched\nMember")[2]
    assert re.search(r"Robin +robin@fans.example +unmatched\n", told)
    assert re.search(r"me@home.example +unmatched +similar: .*, 1\.00\)\n", told), "somebody whom CS may know"
    assert "sandbox-secret" not in done.out
    assert done.err == ""
    port = int(re.findall(r"127\.0\.0\.1:(\d+)", (folder / "connections/gainsight.yaml").read_text())[0])
    assert not _alive(port), "the sandbox is gone"


def test_whoever_is_erased_in_the_demo_somebody_joins_it(world: World) -> None:
    """Who is written when is up to threads, and few members have both names in their profile."""
    for member in world.control("GET", "cc/1/members?limit=1000")["members"]:
        if {"First Name", "Last Name"} <= member["profile"].keys():
            world.erase(member["userid"])
    story._let_people_join(world.cc_url, story._somebody(world.cc_url))
    joined = world.member("me@home.example")["username"]
    assert re.fullmatch(r"\w+ \w+", joined)


def test_a_demo_replaces_a_demo_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "precious.txt").write_text("precious")
    done = commands.reconcile("demo", "--folder", folder, cwd=tmp_path, env={}).expect(64)
    assert "is no demo" in done.err
    assert (folder / "precious.txt").read_text() == "precious"


def test_what_init_writes_is_valid(tmp_path: Path) -> None:
    words = ("--name", "acme", "--domain", "acme.gainsightcloud.com", "--tenant", "acme-en", "--region", "us-west-2")
    done = commands.in_process("init", tmp_path / "new", *words, env={}).expect(0)
    assert "wrote " in done.out
    checked = commands.in_process("validate", "--project", tmp_path / "new", env={}).expect(0)
    assert set(re.findall(r"\[([EW]-[A-Z-]+)\]", checked.out)) == {"W-CATALOG"}
    assert (
        "+ ProfileFieldMapping/acme-profile"
        in commands.in_process("plan", "--project", tmp_path / "new", env={}).expect(0).out
    )
    refused = commands.in_process("init", tmp_path / "new", *words, env={}).expect(64)
    assert "is there already" in refused.err
    for path in (tmp_path / "new").rglob("*.yaml"):
        for schema in re.findall(r"\$schema=(\S+)", path.read_text()):
            assert (path.parent / schema).is_file(), "the editor finds the schema"


@pytest.mark.parametrize(
    "words", [("--name", "No Such Name"), ("--domain", "https://acme.example/x"), ("--tenant", "a: b"), ("--region", "{x}")]
)  # fmt: skip
def test_init_refuses_what_would_not_be_valid(tmp_path: Path, words: tuple[str, str]) -> None:
    answers = {"--name": "acme", "--domain": "acme.example", "--tenant": "acme-en", "--region": "eu-west-1"}
    given = [word for pair in {**answers, words[0]: words[1]}.items() for word in pair]
    done = commands.in_process("init", tmp_path / "new", *given, env={}).expect(64)
    assert words[0].removeprefix("--") in done.err
    assert not (tmp_path / "new").exists()


def test_init_invents_nothing_where_nobody_can_be_asked(tmp_path: Path) -> None:
    done = commands.in_process("init", tmp_path / "new", "--name", "acme", env={}).expect(64)
    assert "--domain is missing" in done.err
    assert not (tmp_path / "new").exists()


def test_the_demo_replaces_only_what_a_demo_made(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    commands.in_process("init", "--sandbox", mine, env={}).expect(0)
    (mine / "precious.txt").write_text("mine")
    done = commands.in_process("demo", "--folder", mine, env={}).expect(64)
    assert "is no demo" in done.err
    assert (mine / "precious.txt").read_text() == "mine"


def test_the_sandbox_project_of_init_works_against_the_sandbox_command(tmp_path: Path) -> None:
    process = commands.start("sandbox", "--tidy", "--people", "25", cwd=tmp_path, env={})
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        urls = dict(re.findall(r"(cs|cc)=(\S+)", ready))
        commands.in_process("init", "--sandbox", tmp_path / "box", env={}).expect(0)
        file = tmp_path / "box/connections/gainsight.yaml"
        text = (
            file.read_text().replace("http://127.0.0.1:9401", urls["cs"]).replace("http://127.0.0.1:9402", urls["cc"])
        )
        file.write_text(text)
        for words in (("catalog", "pull"), ("apply",), ("sync", "acme-profile"), ("connections", "test")):
            commands.in_process(*words, "--project", tmp_path / "box", env=SECRETS).expect(0)
    finally:
        process.send_signal(signal.SIGINT)
        done = commands.finish(process)
    assert (done.code, done.err) == (0, "")


def test_plain_http_needs_the_word_of_the_operator(tmp_path: Path, world: World) -> None:
    project = ProjectFolder(tmp_path / "acme", world).ready()
    project.env["RECONCILE_ALLOW_LOOPBACK"] = "0"
    for words in (("sync", "acme-profile"), ("catalog", "pull", "acme-cs"), ("connections", "test")):
        done = project.run(*words).expect(1)
        assert "RECONCILE_ALLOW_LOOPBACK=1" in done.all
