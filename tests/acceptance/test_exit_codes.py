"""One table of exit codes for every command; messages on standard error; JSON that parses; output that pipes take."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.commands import COMMANDS
from tests.acceptance import commands
from tests.acceptance.projects import TIER, TITLE, ProjectFolder

READERS = [
    ("status", "--output", "json"), ("status", "acme-profile", "--output", "json"), ("activity", "--output", "json"),
    ("activity", "1", "--output", "json"), ("records", "acme-profile", "--output", "json"),
    ("state", "show", "--output", "json"), ("catalog", "diff", "acme-cs", "--output", "json"),
    ("connections", "test", "--output", "json"), ("plan", "--format", "json"), ("validate", "--format", "json"),
    ("sync", "acme-profile", "--output", "json"),
]  # fmt: skip

SUCCEED = [
    ("validate",), ("catalog", "pull", "acme-cs"), ("catalog", "diff", "acme-cs"), ("plan",), ("apply",),
    ("sync", "acme-profile"), ("status",), ("activity",), ("activity", "1"), ("records", "acme-profile"), ("export",),
    ("state", "show"), ("state", "rebuild"), ("connections", "test"), ("doctor",), ("explain",),
    ("explain", "ProfileFieldMapping"), ("schema",), ("schema", "state"),
]  # fmt: skip


@pytest.fixture
def synced(project: ProjectFolder) -> ProjectFolder:
    project.ready().sync()
    return project


def test_every_command_ends_with_0_and_says_nothing_on_standard_error(synced: ProjectFolder) -> None:
    for words in SUCCEED:
        done = synced.run(*words).expect(0)
        assert done.out.strip(), words
        assert done.err == "", words


def test_every_reader_gives_json_with_a_format_version(synced: ProjectFolder) -> None:
    for words in READERS:
        done = synced.run(*words).expect(0)
        assert done.json["formatVersion"] == 1, words


def test_every_command_has_help_with_an_example_of_its_own(synced: ProjectFolder) -> None:
    for name in COMMANDS:
        done = commands.in_process(name, "--help", env={}).expect(0)
        assert done.out.startswith(f"Usage: reconcile {name}"), name
    whole = commands.reconcile("--help", cwd=synced.root, env={}).expect(0)
    assert all(f"  {name} " in whole.out for name in COMMANDS)
    assert commands.reconcile(cwd=synced.root, env={}).expect(64).out == whole.out


def test_1_for_what_failed(project: ProjectFolder) -> None:
    for words in (("status", "nobody"), ("activity", "99"), ("explain", "E-NOTHING"), ("schema", "nothing"),
                  ("sync", "acme-profile"), ("records", "acme-profile"), ("export", "acme-profile"), ("state", "show"),
                  ("state", "rebuild"), ("apply", "no-such-plan.json"), ("plan", "--only", "nobody"),
                  ("catalog", "pull", "nobody"), ("connections", "test", "nobody")):  # fmt: skip
        done = project.run(*words).expect(1)
        assert done.out == "", words
        assert done.err.startswith("error: "), words
        assert "hint:" in done.err, words


def test_1_for_documents_with_errors_all_at_once_with_their_places(project: ProjectFolder) -> None:
    project.mapping("wrong", [("Company", "Name", "Job Title"), ("Person", "Person_ID__gr.Email", "City")])
    project.write("mappings/broken.yaml", "a: [1,\n")
    for words in (("validate",), ("plan",), ("apply",)):
        done = project.run(*words).expect(1)
        assert "mappings/wrong.yaml:" in done.all
        assert "mappings/broken.yaml:" in done.all
    codes = {entry["code"] for entry in project.run("validate", "--format", "json").json["diagnostics"]}
    assert len(codes) >= 3


def test_1_for_warnings_only_when_they_count(project: ProjectFolder) -> None:
    project.run("validate").expect(0)
    project.run("validate", "--strict").expect(1)


def test_2_only_with_detailed_exitcode(project: ProjectFolder) -> None:
    project.run("plan").expect(0)
    project.run("plan", "--detailed-exitcode").expect(2)
    project.ready()
    project.run("plan", "--detailed-exitcode").expect(0)
    project.run("catalog", "diff", "acme-cs", "--detailed-exitcode").expect(0)
    pinned = project.root / "catalog/acme-cs.json"
    pinned.write_text(pinned.read_text().replace('"label": "Title"', '"label": "Old title"'))
    project.run("catalog", "diff", "acme-cs").expect(0)
    assert "Title" in project.run("catalog", "diff", "acme-cs", "--detailed-exitcode").expect(2).out


def test_3_for_some_records_rejected(project: ProjectFolder) -> None:
    project.mapping("acme-profile", [TITLE, TIER])
    project.ready()
    assert "Partial Success" in project.sync(code=3).out
    assert project.status()["Support Tier"][0] == "Partially Successful"


def test_6_for_a_missing_or_empty_secret_of_the_command_that_needs_it(project: ProjectFolder) -> None:
    project.ready()
    for value in ("", None):
        env = {**project.env}
        env.pop("ACME_CC_SECRET")
        if value is not None:
            env["ACME_CC_SECRET"] = value
        project.env = env
        for word in ("validate", "plan", "status", "apply"):
            project.run(word).expect(0)
        for words in (("sync", "acme-profile"), ("connections", "test"), ("doctor",), ("catalog", "pull")):
            done = project.run(*words).expect(6)
            assert "ACME_CC_SECRET" in done.all
            assert "missing or empty" in done.all


def test_6_for_a_secret_file_that_holds_no_secret_at_once(project: ProjectFolder) -> None:
    project.ready()
    project.replace("connections/gainsight.yaml", "{env: ACME_CC_SECRET}", "{file: secrets/cc}")
    secret = project.root / "secrets/cc"
    secret.mkdir(parents=True)
    for content, why in (
        (None, "it is a folder"), ("pipe", "it is no ordinary file"), (b"", "missing or empty"),
        (b"\xff\xfe\0canary", "not UTF-8 text"), (b"canary" * 20_000, "larger than 64 KiB"),
        (b"canary\ncanary\n", "a line break"),
    ):  # fmt: skip
        if content == "pipe":
            secret.rmdir()
            os.mkfifo(secret)
        elif isinstance(content, bytes):
            secret.unlink()
            secret.write_bytes(content)
        project.run("validate").expect(0)
        project.run("plan").expect(0)
        for words in (("connections", "test", "acme-community"), ("catalog", "pull", "acme-community")):
            done = project.run(*words).expect(6)
            assert "the secret file secrets/cc" in done.all and why in done.all, why
            assert "hint: " in done.all and "canary" not in done.all and "Traceback" not in done.all


def test_64_for_the_command_line_with_the_closest_word(project: ProjectFolder) -> None:
    for words, hint in (
        (("aply",), "'apply'"), (("plan", "--detaild-exitcode"), "--detailed-exitcode"), (("sync",), "NAME"),
        (("plan", "--format", "xml"), "markdown"), (("activity", "--limit", "0"), "limit"),
        (("apply", "--allow-mass-change", "many"), "many"), (("activity", "one"), "one"),
        (("state",), "Missing command: rebuild or show"), (("catalog", "pul"), "did you mean 'pull'?"),
        (("connections", "tset"), "did you mean 'test'?"), (("state", "nothing"), "known: rebuild, show"),
        (("--project", "x"), "Missing command"), (("records", "x", "--limit", "many"), "'many' is no number from 1 to 1,000,000"),
    ):  # fmt: skip
        done = commands.in_process(*words, env=project.env).expect(64)
        assert hint in done.all, words
        assert "Traceback" not in done.all


def test_64_for_a_run_that_is_none_with_what_would_be_one(project: ProjectFolder) -> None:
    for word in ("acme-profile", "0", "-1", "1.5", "run-1"):
        done = commands.in_process("activity", "--", word, env=project.env).expect(64)
        assert f"'{word}' is no run" in done.err
        assert "hint: runs have numbers: `reconcile activity` lists them" in done.err
        assert (f"`reconcile activity --document {word}`" in done.err) is word[0].isalpha()
    assert "'x' is no run" in commands.in_process("activity", "--before", "x", env=project.env).expect(64).err


BROKEN = """
import sys
from reconciler.config import load

def broken(*arguments, **more):
    raise LookupError("details")

load.load_project = broken
from reconciler.cli.main import main
sys.argv = ["reconcile", *sys.argv[1:]]
main()
"""
"""The program with a bug in it."""


def test_70_for_a_bug_with_how_to_report_it_and_a_traceback_only_with_debug(project: ProjectFolder) -> None:
    def run(*words: str) -> commands.Done:
        done = subprocess.run(
            [sys.executable, "-c", BROKEN, *words],
            cwd=project.root,
            env=commands.environment(project.env),
            capture_output=True,
            text=True,
            check=False,
        )
        return commands.Done(arguments=words, code=done.returncode, out=done.stdout, err=done.stderr).expect(70)

    for line in ("validate", "plan", "catalog pull", "connections test"):
        quiet = run(*line.split())
        assert quiet.out == ""
        assert quiet.err == (
            "error: internal error: LookupError\n"
            "  hint: this is a bug in reconcile: run again with --debug, and report what it prints"
            " with what `reconcile --version` prints\n"
        )
    for line in ("plan --debug", "--debug plan", "catalog --debug pull"):
        loud = run(*line.split())
        assert "Traceback (most recent call last)" in loud.err
        assert "in broken" in loud.err
        assert "report the lines above" in loud.err.splitlines()[-1]


def test_no_traceback_without_debug_and_one_with_it(project: ProjectFolder) -> None:
    quiet = project.run("sync", "nobody").expect(1)
    assert "Traceback" not in quiet.all
    loud = project.run("sync", "nobody", "--debug").expect(1)
    assert "Traceback" in loud.err
    assert "error: no document 'nobody'" in loud.err
    assert (
        "Traceback" in commands.in_process("--debug", "sync", "nobody", "--project", project.root, env=project.env).err
    )


def test_the_project_is_found_from_a_folder_below_or_by_its_path(project: ProjectFolder, tmp_path: Path) -> None:
    project.ready()
    below = project.root / "mappings"
    assert commands.reconcile("plan", cwd=below, env=project.env).expect(0).out.startswith("No changes")
    for path in (project.root / "reconcile.yaml", os.path.relpath(project.root, tmp_path)):
        done = commands.reconcile("plan", "--project", path, cwd=tmp_path, env=project.env).expect(0)
        assert done.out.startswith("No changes")
    lost = commands.reconcile("plan", cwd=tmp_path, env=project.env).expect(1)
    assert "reconcile init" in lost.err
    wrong = commands.reconcile("plan", "--project", tmp_path / "nowhere", cwd=tmp_path, env=project.env).expect(1)
    assert "there is no project file" in wrong.err


def test_a_reader_that_goes_away_is_no_error(synced: ProjectFolder) -> None:
    for words in (("export",), ("status",), ("--help",), ("--version",)):
        process = subprocess.Popen(
            commands.command(*words), cwd=synced.root, env=commands.environment(synced.env),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, b""), words


def test_colours_on_a_terminal_that_wants_them_and_nowhere_else(synced: ProjectFolder) -> None:
    assert "\x1b[" not in synced.command("status").out
    assert "\x1b[32m" in _on_a_terminal(synced, "status")
    assert "\x1b[" not in _on_a_terminal(synced, "status", NO_COLOR="1")
    assert "\x1b[" not in _on_a_terminal(synced, "status", TERM="dumb")
    assert "\x1b[" not in _on_a_terminal(synced, "status", "--no-color")
    # An empty NO_COLOR means nothing: https://no-color.org
    assert "\x1b[32m" in _on_a_terminal(synced, "status", NO_COLOR="")


def test_a_progress_bar_only_where_somebody_watches(synced: ProjectFolder) -> None:
    assert synced.command("sync", "acme-profile").expect(0).err == ""
    shown = _on_a_terminal(synced, "sync", "acme-profile")
    assert "comparing" in shown or "reading" in shown


def _on_a_terminal(project: ProjectFolder, *words: str, **more: str) -> str:
    """Everything that a command shows when both of its outputs are a terminal."""
    master, slave = pty.openpty()
    env = {"TERM": "xterm-256color", **project.env, **more}
    try:
        process = subprocess.Popen(
            commands.command(*words),
            cwd=project.root,
            env=commands.environment(env),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65_536)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert process.wait(timeout=30) == 0
        return shown.decode()
    finally:
        os.close(master)


@pytest.mark.parametrize(
    ("phase", "connection", "fault"),
    [
        ("reading", "acme-cs", {"side": "cs", "path": "/query/"}),
        ("writing", "acme-community", {"method": "PUT", "path": "/profile_field/"}),
    ],
)
def test_a_long_wait_is_shown_on_a_terminal(
    project: ProjectFolder, phase: str, connection: str, fault: dict[str, object]
) -> None:
    project.ready()
    project.world.fault({"status": 429, "headers": {"Retry-After": "90"}}, **fault)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        commands.command("sync", "acme-profile"),
        cwd=project.root,
        env=commands.environment({"TERM": "xterm-256color", "COLUMNS": "120", **project.env}),
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = ""
    wanted = re.compile(rf"{phase}: rate limited by {connection}, waiting until [\d -]*\d\d:\d\d:\d\dZ")
    try:
        while not wanted.search(shown):
            part = os.read(master, 65_536)
            assert part, shown
            shown += part.decode(errors="replace")
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):
            while os.read(master, 65_536):
                pass
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_warnings_of_a_plan_do_not_spoil_its_output(project: ProjectFolder) -> None:
    done = project.run("plan", "--format", "json").expect(0)
    assert json.loads(done.out)["formatVersion"] == 1
    assert "warning" in done.err


def test_common_options_may_stand_at_every_level(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for words in (
        ("validate",),
        ("plan",),
        ("catalog", "diff", "acme-cs"),
        ("state", "show"),
        ("connections", "test", "nobody"),
    ):
        common = ("--project", str(project.root), "--no-color", "--debug")
        spelled = [[*words[:at], *common, *words[at:]] for at in range(len(words) + 1)]
        answers = [commands.in_process(*line, env=project.env) for line in spelled]
        assert len({(done.code, done.out) for done in answers}) == 1, words
        assert all("no reconcile.yaml" not in done.err for done in answers)
        for line in spelled:
            assert commands.in_process(*line, "--version", env={}).expect(0).out.startswith("reconcile "), line


def test_the_nearest_project_counts(project: ProjectFolder, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    for line in (
        ("--project", wrong, "catalog", "--project", project.root, "diff", "--project", project.root),
        ("--project", wrong, "catalog", "--project", project.root, "diff"),
        ("--project", wrong, "catalog", "diff", "--project", project.root),
        ("catalog", "--project", wrong, "diff", "--project", project.root),
    ):
        assert "no project file" not in commands.in_process(*line, env=project.env).all, line
    told = commands.in_process("--project", project.root, "catalog", "--project", wrong, "diff", env=project.env)
    assert "there is no project file" in told.expect(1).err


def test_output_that_cannot_be_written_is_told(synced: ProjectFolder) -> None:
    for words in (("status",), ("plan",), ("--help",), ("--version",)):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "reconciler", *words], cwd=synced.root, env={**os.environ, **synced.env}, stdout=full,
                stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 1, words
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_closed_standard_output_is_no_error(synced: ProjectFolder) -> None:
    for words in ("status", "sync acme-profile"):
        line = " ".join([sys.executable, "-m", "reconciler", words, ">&-"])
        environment = {**os.environ, **synced.env}
        done = subprocess.run(line, shell=True, cwd=synced.root, env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), words
