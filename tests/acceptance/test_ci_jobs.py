"""The scripts of the action and of the template, run as the runners do: real shells, real git, the APIs on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.acceptance.commands import environment
from tests.acceptance.repositories import IDENTITY, PROFILE, PROJECT, Repository, repository
from tests.connectors.code_host_servers import TOKEN, FakeGitHub, FakeGitLab, FakeHost
from tests.connectors.servers import serving
from tests.house.ci_files import ACTION, GITLAB, github_scripts, load

GITHUB_SCRIPTS = {script.name: script.text for script in github_scripts(ACTION)}
NASTY = "$(touch injected)`touch injected`; touch injected"


@dataclass(frozen=True, slots=True)
class Runner:
    """A checkout in which scripts are run, with what the system would put into their environment."""

    checkout: Repository
    temp: Path
    env: dict[str, str]
    fake: FakeHost
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, shell: list[str], script: str, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*shell, script],
            cwd=self.checkout.root,
            env=environment({**IDENTITY, **self.env, **env}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert TOKEN not in done.stdout + done.stderr
        assert not list(self.checkout.root.rglob("injected")) and not (self.temp / "injected").exists()
        return done

    def step(self, name: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A step of the action, and what it gives to the steps after it."""
        file = self.temp / f"output-{name}"
        file.touch()
        given = {"GITHUB_OUTPUT": str(file), "PROJECT": PROJECT, "STRICT": "false", "GITHUB_TOKEN": TOKEN, **env}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
        done = self.run(shell, GITHUB_SCRIPTS[name], **given)
        self.outputs.update(line.split("=", 1) for line in file.read_text().splitlines())
        return done

    def job(self, name: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A job of the template: what comes before and the script, in one shell that stops at the first failure."""
        content = load(GITLAB)
        script = "\n".join([*content[".reconcile"]["before_script"], *content[name]["script"]])
        return self.run(["sh", "-e", "-c"], script, **{**content["variables"], "RECONCILE_PROJECT": PROJECT, **env})

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.fake.comments]


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """A base branch that went on after the branch `change` was made, and a branch with one changed mapping."""
    made = repository(tmp_path / "origin")
    made.copy_example()
    made.commit()
    made.git("checkout", "--quiet", "-b", "change")
    made.replace(PROFILE, "attribute: Title", "attribute: Role")
    made.commit()
    made.git("checkout", "--quiet", "main")
    made.replace("mappings/acme-segments.yaml", "attribute: Role", "attribute: Title")
    made.commit()
    return made


def program(folder: Path) -> str:
    """PATH with a `reconcile` that is this one."""
    folder.mkdir()
    (folder / "reconcile").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    (folder / "reconcile").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def runner(origin: Repository, fake: FakeHost, commit: str, depth: int, tmp_path: Path) -> Iterator[Runner]:
    """A clone of so many commits, as runners make it, with `commit` checked out."""
    checkout = Repository(tmp_path / "checkout")
    origin.git("init", "--quiet", str(checkout.root))
    checkout.git("remote", "add", "origin", f"file://{origin.root}")
    checkout.git("fetch", "--quiet", f"--depth={depth}", "origin", commit)
    checkout.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    temp = tmp_path / "temp"
    temp.mkdir()
    with serving(fake) as server:
        env = {"RECONCILE_ALLOW_LOOPBACK": "1", "PATH": program(tmp_path / "bin"), "API": server.url}
        yield Runner(checkout, temp, env, fake)


@contextmanager
def github(
    origin: Repository, tmp_path: Path, *, merged: bool = True, depth: int = 2, **pull_request: Any
) -> Iterator[Runner]:
    base, head = origin.git("rev-parse", "main"), origin.git("rev-parse", "change")
    origin.git("checkout", "--quiet", "-B", "merge", "main")
    origin.git("merge", "--quiet", "--no-ff", "--message", "merge", "change")
    commit = origin.git("rev-parse", "merge")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "title": NASTY, "head": {"sha": head, "ref": NASTY}}}))
    with runner(origin, FakeGitHub(me=None), commit if merged else head, depth, tmp_path) as made:
        made.env.update(
            RUNNER_TEMP=str(made.temp),
            GITHUB_ACTIONS="true",
            GITHUB_API_URL=made.env["API"],
            GITHUB_REPOSITORY="acme/customer-data",
            GITHUB_EVENT_PATH=str(event),
            GITHUB_STEP_SUMMARY=str(made.temp / "summary.md"),
            GITHUB_SHA=commit,
            GITHUB_HEAD_REF=NASTY,
            BASE=base,
        )
        yield made


def test_the_action_annotates_writes_sarif_and_comments(origin: Repository, tmp_path: Path) -> None:
    with github(origin, tmp_path) as job:
        validated = job.step("validate")
        assert validated.returncode == 0, validated.stderr
        assert "4 files ok" in validated.stdout
        assert json.loads(Path(job.outputs["sarif"]).read_text())["version"] == "2.1.0"
        planned = job.step("plan")
        assert planned.returncode == 0, planned.stderr
        plan = Path(job.outputs["plan"]).read_text()
        assert "~ Job Title  ← Company Person.Title → Company Person.Role" in plan
        # What the base branch got meanwhile is no change of this pull request.
        assert "acme-segments" not in plan
        assert "Company Person.Role" in job.bodies[0]
        again = job.step("plan")
        assert "unchanged" in again.stdout
        assert len(job.bodies) == 1
        assert job.checkout.git("worktree", "list").count("\n") == 0


def test_the_action_fails_on_errors_with_annotations_and_says_so_in_the_comment(
    origin: Repository, tmp_path: Path
) -> None:
    origin.git("checkout", "--quiet", "change")
    origin.replace(PROFILE, "attribute: Role", "attribute: '##[error]No::such\\n::error::x'")
    origin.commit()
    with github(origin, tmp_path) as job:
        validated = job.step("validate")
        assert validated.returncode == 1
        lines = validated.stdout.splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
        end = lines.index(f"::{lines[start].removeprefix('::stop-commands::')}::")
        assert any("##[error]" in line for line in lines[start:end])
        assert not any("##[error]" in line for line in lines[:start])
        annotations = lines[end + 1 :]
        assert annotations and all(line.startswith(f"::error file={PROJECT}/{PROFILE},") for line in annotations)
        assert json.loads(Path(job.outputs["sarif"]).read_text())["runs"][0]["results"]
        assert job.step("plan").returncode == 1
        assert "The configuration has errors" in job.bodies[0]
        assert "errors" in Path(job.outputs["plan"]).read_text()


def test_strict_is_an_input_of_the_action(origin: Repository, tmp_path: Path) -> None:
    origin.git("checkout", "--quiet", "change")
    for file in (origin.project / "catalog").iterdir():
        file.unlink()
    origin.commit()
    with github(origin, tmp_path) as job:
        assert job.step("validate").returncode == 0
        assert job.step("validate", STRICT="true").returncode == 1


def test_the_action_compares_with_the_point_where_another_checkout_left_the_base(
    origin: Repository, tmp_path: Path
) -> None:
    with github(origin, tmp_path, merged=False, depth=50) as job:
        job.checkout.git("fetch", "--quiet", "origin", "main")
        assert job.step("plan").returncode == 0
        assert "Company Person.Role" in job.bodies[0] and "acme-segments" not in job.bodies[0]


def test_the_action_says_what_is_missing_where_there_is_no_base(origin: Repository, tmp_path: Path) -> None:
    with github(origin, tmp_path, depth=1) as job:
        done = job.step("plan")
        assert done.returncode == 1
        assert "::error::There is no base commit to compare with" in done.stdout
        assert job.bodies == [] and "plan" not in job.outputs


def test_the_action_shows_a_new_project_as_new(tmp_path: Path) -> None:
    made = repository(tmp_path / "origin")
    made.git("checkout", "--quiet", "-b", "change")
    made.copy_example()
    made.commit()
    with github(made, tmp_path) as job:
        assert job.step("plan").returncode == 0
        assert "everything is new" in job.bodies[0]


@contextmanager
def gitlab(origin: Repository, tmp_path: Path) -> Iterator[Runner]:
    head = origin.git("rev-parse", "change")
    with runner(origin, FakeGitLab(), head, 1, tmp_path) as made:
        made.env.update(
            GITLAB_CI="true",
            CI_API_V4_URL=f"{made.env['API']}/api/v4",
            CI_PROJECT_ID="31",
            CI_MERGE_REQUEST_IID="9",
            CI_MERGE_REQUEST_TITLE=NASTY,
            CI_MERGE_REQUEST_DIFF_BASE_SHA=origin.git("merge-base", "main", "change"),
            CI_COMMIT_SHA=head,
            RECONCILE_GITLAB_TOKEN=TOKEN,
        )
        yield made


def test_the_template_leaves_a_report_and_a_note(origin: Repository, tmp_path: Path) -> None:
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")  # as GitLab allows it
    with gitlab(origin, tmp_path) as job:
        validated = job.job("reconcile-validate")
        assert validated.returncode == 0, validated.stderr
        assert "4 files ok" in validated.stdout
        report = ElementTree.parse(job.checkout.root / "reconcile-junit.xml").getroot()
        assert report.attrib["tests"] == "4"
        planned = job.job("reconcile-plan")
        assert planned.returncode == 0, planned.stderr
        assert "Company Person.Role" in job.bodies[0] and "acme-segments" not in job.bodies[0]
        assert "Company Person.Role" in (job.checkout.root / "reconcile-plan.txt").read_text()
        assert "unchanged" in job.job("reconcile-plan").stdout


def test_the_template_fails_on_errors_and_keeps_the_report(origin: Repository, tmp_path: Path) -> None:
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    origin.git("checkout", "--quiet", "change")
    origin.replace(PROFILE, "attribute: Role", "attribute: Titel")
    origin.commit()
    with gitlab(origin, tmp_path) as job:
        validated = job.job("reconcile-validate")
        assert validated.returncode == 1
        assert "did you mean 'Title'?" in validated.stdout
        report = ElementTree.parse(job.checkout.root / "reconcile-junit.xml").getroot()
        assert report.attrib["failures"] == "1"
        assert job.job("reconcile-plan").returncode == 1
        assert "The configuration has errors" in job.bodies[0]
