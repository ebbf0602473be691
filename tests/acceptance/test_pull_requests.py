"""What an admin sees on a pull request: findings as annotations and reports, and what merging would change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.acceptance import commands
from tests.acceptance.commands import Done
from tests.acceptance.repositories import PROFILE, PROJECT, Repository, repository
from tests.connectors.code_host_servers import PASS, TOKEN, FakeGitHub, FakeGitLab
from tests.connectors.servers import Server, reply, serving

MARKER = "<!-- reconcile plan of acme -->"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def base(tmp_path: Path) -> Repository:
    """The base branch, with a valid project."""
    made = repository(tmp_path / "base")
    made.copy_example()
    made.commit()
    return made


@pytest.fixture
def head(base: Repository, tmp_path: Path) -> Repository:
    """Another checkout, in which one mapping reads another attribute and one is gone."""
    base.git("worktree", "add", "--quiet", "-b", "change", str(tmp_path / "head"))
    made = Repository(tmp_path / "head")
    made.replace(PROFILE, "attribute: Title", "attribute: Role")
    lines = (made.project / PROFILE).read_text().splitlines(keepends=True)
    (made.project / PROFILE).write_text("".join(line for line in lines if "Renewal" not in line))
    return made


def broken(repository: Repository) -> None:
    repository.replace(PROFILE, "Country__gc", "No_Such_Thing")


def run(*words: str | Path, env: dict[str, str] | None = None) -> Done:
    return commands.in_process(*words, env=env or {})


# -- validate ----------------------------------------------------------------------------------------------------------


def test_places_are_those_of_the_repository_in_every_format(head: Repository) -> None:
    broken(head)
    file = f"{PROJECT}/{PROFILE}"

    def validate(format: str) -> str:
        return run("validate", "--project", head.project, "--format", format).expect(1).out

    assert f"::error file={file},line=10," in validate("github")
    (found,) = json.loads(validate("sarif"))["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == file
    assert found["locations"][0]["physicalLocation"]["region"]["startLine"] == 10
    cases = list(ElementTree.fromstring(validate("junit")).iter("testcase"))
    assert [case.attrib["file"] for case in cases if case.find("failure") is not None] == [file]
    assert len(cases) == 4


def test_a_sarif_rule_has_the_words_of_explain(head: Repository) -> None:
    broken(head)
    done = run("validate", "--project", head.project, "--format", "sarif").expect(1)
    (rule,) = done.json["runs"][0]["tool"]["driver"]["rules"]
    explained = run("explain", rule["id"]).expect(0).out
    assert rule["shortDescription"]["text"] in explained
    assert rule["fullDescription"]["text"] in explained
    assert "## Accepted" in rule["help"]["markdown"]


@pytest.mark.parametrize("format", ["sarif", "junit", "github", "json", "text"])
def test_a_report_in_a_file_leaves_the_text_for_people(head: Repository, tmp_path: Path, format: str) -> None:
    broken(head)
    report = tmp_path / "report"
    done = run("validate", "--project", head.project, "--format", format, "--output-file", report).expect(1)
    assert done.out == run("validate", "--project", head.project).out
    assert report.read_text() == run("validate", "--project", head.project, "--format", format).out


def test_a_report_never_replaces_a_part_of_the_project(head: Repository) -> None:
    for name in ("reconcile.yaml", "connections/gainsight.yaml", PROFILE):
        before = (head.project / name).read_text()
        words = ("validate", "--project", head.project, "--format", "junit", "--output-file", head.project / name)
        assert "belongs to the project itself" in run(*words).expect(64).err
        assert (head.project / name).read_text() == before


@pytest.mark.parametrize("format", ["sarif", "junit", "github", "json"])
def test_errors_of_the_project_file_are_reported_like_others(head: Repository, tmp_path: Path, format: str) -> None:
    head.replace("reconcile.yaml", "kind: Project", "kind: Projekt")
    report = tmp_path / "report"
    done = run("validate", "--project", head.project, "--format", format, "--output-file", report).expect(1)
    assert "reconcile.yaml" in report.read_text()
    assert "Projekt" in done.out


def test_warnings_fail_in_junit_only_when_they_count(head: Repository) -> None:
    for file in (head.project / "catalog").iterdir():
        file.unlink()
    for words, failures in (((), 0), (("--strict",), 1)):
        done = run("validate", "--project", head.project, "--format", "junit", *words).expect(1 if failures else 0)
        assert ElementTree.fromstring(done.out).attrib["failures"] == str(failures)
        assert "W-CATALOG" in done.out


# -- plan --base -------------------------------------------------------------------------------------------------------


def test_a_plan_against_another_tree_shows_what_merging_changes_without_a_database(
    head: Repository, base: Repository
) -> None:
    # A database that nobody can reach: the plan must not even try.
    for tree in (head, base):
        text = (tree.project / "reconcile.yaml").read_text()
        database = next(line for line in text.splitlines() if "database:" in line)
        tree.replace("reconcile.yaml", database, "  database: {env: NO_SUCH_VARIABLE}")
    words = ("plan", "--project", head.project, "--base", base.project)
    lines = run(*words).expect(0).out.splitlines()
    assert lines[0] == "Plan for acme (compares two trees, not with what is recorded)"
    assert "      ~ Job Title  ← Company Person.Title → Company Person.Role" in lines
    assert "      - forget Renewal Date  (values already in the community are kept)" in lines
    assert lines[-1] == "Plan: 1 mapping to change, 1 mapping to forget."
    assert run(*words, "--detailed-exitcode").expect(2).err == ""
    back = run("plan", "--project", base.project, "--base", head.project).expect(0).out
    assert "      + Renewal Date  ← Company Person.Renewal_Date__gc" in back.splitlines()
    assert not list(head.root.rglob("*.db")) and not list(base.root.rglob("*.db"))


def test_equal_trees_have_no_changes(base: Repository, head: Repository) -> None:
    head.git("checkout", "--quiet", ".")
    done = run("plan", "--project", head.project, "--base", base.project, "--detailed-exitcode").expect(0)
    assert done.out.startswith("No changes. acme is declared alike in both trees")


def test_a_comparison_cannot_be_saved_or_applied(head: Repository, base: Repository, tmp_path: Path) -> None:
    words = ("plan", "--project", head.project, "--base", base.project)
    out = tmp_path / "plan.json"
    assert "--out does not go with --base" in run(*words, "--out", out).expect(64).err
    assert not out.exists()
    out.write_text(run(*words, "--format", "json").expect(0).out)
    done = run("apply", out, "--project", head.project).expect(64)
    assert "compares two trees" in done.err
    assert not list(head.root.rglob("*.db"))


def test_what_cannot_be_compared_is_refused(head: Repository, base: Repository, tmp_path: Path) -> None:
    def plan(base: Path, *more: str) -> Done:
        return run("plan", "--project", head.project, "--base", base, *more)

    assert "names this project itself" in plan(head.project).expect(64).err
    assert "there is no project file" in plan(tmp_path / "nowhere").expect(1).err
    assert "there is no project file" in plan(base.root).expect(1).err
    assert "--only names no document" in plan(base.project, "--only", "nobody").expect(1).err
    base.replace("reconcile.yaml", "name: acme", "name: other")
    assert "the base is the project 'other', and this one is 'acme'" in plan(base.project).expect(64).err
    broken(base)
    done = plan(base.project).expect(1)
    assert "No_Such_Thing" in done.err and "the base has errors" in done.err
    broken(head)
    assert "the base" not in plan(base.project).expect(1).err


def test_only_limits_a_comparison(head: Repository, base: Repository) -> None:
    head.replace("mappings/acme-segments.yaml", "attribute: Role", "attribute: Title")
    done = run("plan", "--project", head.project, "--base", base.project, "--only", "acme-segments").expect(0)
    assert "acme-segments" in done.out and "acme-profile" not in done.out


# -- ci comment: GitHub ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GitHubJob:
    """A job for a pull request; `server` is the API that it talks to."""

    fake: FakeGitHub
    server: Server
    env: dict[str, str]
    summary: Path

    def comment(self, head: Repository, base: Repository, *words: str | Path) -> Done:
        return run("ci", "comment", "--project", head.project, "--base", base.project, *words, env=self.env)

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.fake.comments]


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubJob]:
    fake = FakeGitHub(me=None)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": COMMIT}, "title": "$(rm -rf /)"}}))
    summary = tmp_path / "summary.md"
    with serving(fake) as server:
        env = {
            "RECONCILE_ALLOW_LOOPBACK": "1",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": server.url,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "acme/customer-data",
            "GITHUB_RUN_ID": "42",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_TOKEN": TOKEN,
            "GITLAB_CI": "",
        }
        yield GitHubJob(fake, server, env, summary)


def test_one_comment_is_kept_up_to_date(github: GitHubJob, head: Repository, base: Repository, tmp_path: Path) -> None:
    full = tmp_path / "plan.txt"
    done = github.comment(head, base, "--full", full).expect(0)
    assert done.out.endswith("\nComment on the pull request 7: created.\n")
    (body,) = github.bodies
    assert body.startswith(f"{MARKER}\n### reconcile plan\n")
    assert "!     ~ Job Title  ← Company Person.Title → Company Person.Role\n" in body
    assert f"commit `{COMMIT[:12]}`" in body
    assert "(https://github.com/acme/customer-data/actions/runs/42)" in body
    text = run("plan", "--project", head.project, "--base", base.project).out
    assert full.read_text() == text and text in done.out
    assert "7: unchanged." in github.comment(head, base).expect(0).out
    head.replace(PROFILE, "attribute: Role", "attribute: Lifecycle_Stage__gc")
    assert "7: updated." in github.comment(head, base).expect(0).out
    (body,) = github.bodies
    assert "→ Company Person.Lifecycle_Stage__gc" in body
    assert not github.summary.exists()


def test_a_plan_that_is_too_long_is_cut_and_says_so_and_is_whole_elsewhere(
    github: GitHubJob, head: Repository, base: Repository, tmp_path: Path
) -> None:
    text = (head.project / PROFILE).read_text()
    names = [f"Field {number:04} {'x' * 40}" for number in range(1500)]
    first = "    - {name: Job Title, visibility: private}\n"
    declared = "".join(f"    - {{name: {name}, visibility: private}}\n" for name in names)
    head.replace("connections/gainsight.yaml", first, first + declared)
    added = "".join(f"    - {{object: Company Person, attribute: Title, profileField: {name}}}\n" for name in names)
    (head.project / PROFILE).write_text(text + added)
    full = tmp_path / "plan.txt"
    github.comment(head, base, "--full", full).expect(0)
    (body,) = github.bodies
    assert len(body) < 65_536
    assert "more changes are not shown" in body
    assert "> What is to be created is more than a comment holds: `reconcile plan` lists it." in body
    assert body.count("```") == 2
    assert all(name in full.read_text() for name in names)
    left = int(body.partition("**")[2].partition(" more changes")[0].rpartition("**")[2].replace(",", ""))
    assert left == sum(f"+     + {name}  " not in body for name in names) + 2
    assert "! … and 1,460 more keys of it" in body


def test_a_fork_may_not_write_so_the_plan_goes_to_the_summary(
    github: GitHubJob, head: Repository, base: Repository
) -> None:
    refusal = reply(403, {"message": "Resource not accessible by integration"})
    github.fake.hook = lambda request: refusal if request.method == "POST" else PASS
    done = github.comment(head, base).expect(0)
    assert "may only read" in done.out and "in the job's summary" in done.out
    assert "### reconcile plan\n" in github.summary.read_text()
    assert "Company Person.Role" in github.summary.read_text()
    assert github.bodies == []


def test_without_a_token_the_plan_goes_to_the_summary(github: GitHubJob, head: Repository, base: Repository) -> None:
    github.env["GITHUB_TOKEN"] = ""
    assert "in the job's summary" in github.comment(head, base).expect(0).out
    assert github.server.requests == []
    github.env["GITHUB_STEP_SUMMARY"] = str(github.summary.parent / "missing" / "summary.md")
    assert "in the job's log" in github.comment(head, base).expect(0).out
    del github.env["GITHUB_STEP_SUMMARY"]
    assert "in the job's log" in github.comment(head, base).expect(0).out


@pytest.mark.parametrize(("status", "code"), [(422, 1), (401, 6)])
def test_other_troubles_fail_and_lose_nothing(
    github: GitHubJob, head: Repository, base: Repository, status: int, code: int
) -> None:
    github.fake.hook = lambda request: reply(status, {"message": f"secret {TOKEN}"})
    done = github.comment(head, base).expect(code)
    assert done.err.startswith("error: GitHub") and "hint:" in done.err
    assert TOKEN not in done.all
    assert "Company Person.Role" in done.out
    assert "Company Person.Role" in github.summary.read_text()


def test_a_configuration_with_errors_replaces_the_plan_of_an_earlier_commit(
    github: GitHubJob, head: Repository, base: Repository, tmp_path: Path
) -> None:
    github.comment(head, base).expect(0)
    broken(head)
    full = tmp_path / "plan.txt"
    github.comment(head, base, "--full", full).expect(1)
    (body,) = github.bodies
    assert "plan: not made" in body and "The configuration has errors" in body
    assert "The configuration has errors" in full.read_text()


def test_a_base_with_errors_does_not_stand_in_the_way_of_mending_it(
    github: GitHubJob, head: Repository, base: Repository
) -> None:
    broken(base)
    github.comment(head, base).expect(0)
    base.replace("reconcile.yaml", "kind: Project", "kind: Projekt")
    assert "unchanged" in github.comment(head, base).expect(0).out
    (body,) = github.bodies
    assert "the one of the base branch has errors" in body


def test_a_project_that_is_new_is_all_new_and_says_so(github: GitHubJob, head: Repository, tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty")
    empty.project.mkdir(parents=True)
    github.comment(head, empty).expect(0)
    (body,) = github.bodies
    assert "does not exist" in github.comment(head, Repository(tmp_path / "nowhere")).expect(64).err
    assert "+ + ProfileFieldMapping/acme-profile" in body
    assert "The base branch has no such project: everything is new." in body


def test_jobs_that_are_none(github: GitHubJob, head: Repository, base: Repository, tmp_path: Path) -> None:
    def refused(**env: str) -> str:
        github.env.update(env)
        return github.comment(head, base).expect(64).err

    event = tmp_path / "other.json"
    event.write_text(json.dumps({"ref": "refs/heads/main"}))
    assert "does not run for a pull or merge request" in refused(GITHUB_EVENT_PATH=str(event))
    event.write_text("[")
    assert "cannot be read as JSON" in refused()
    assert "cannot be read as JSON" in refused(GITHUB_EVENT_PATH=str(tmp_path / "none.json"))
    assert "GITHUB_EVENT_PATH is missing" in refused(GITHUB_EVENT_PATH="")
    assert "neither a job of GitHub nor of GitLab" in refused(GITHUB_ACTIONS="")
    assert "does not run for a pull or merge request" in refused(GITLAB_CI="true", CI_MERGE_REQUEST_IID="")
    assert github.server.requests == []


# -- ci comment: GitLab ------------------------------------------------------------------------------------------------


@pytest.fixture
def gitlab() -> Iterator[tuple[FakeGitLab, dict[str, Any]]]:
    fake = FakeGitLab()
    with serving(fake) as server:
        yield (
            fake,
            {
                "RECONCILE_ALLOW_LOOPBACK": "1",
                "GITHUB_ACTIONS": "",
                "GITLAB_CI": "true",
                "CI_API_V4_URL": f"{server.url}/api/v4",
                "CI_PROJECT_ID": "31",
                "CI_MERGE_REQUEST_IID": "9",
                "CI_COMMIT_SHA": COMMIT,
                "CI_JOB_URL": "https://git.example.com/acme/customer-data/-/jobs/5",
                "RECONCILE_GITLAB_TOKEN": TOKEN,
            },
        )


def test_a_merge_request_gets_its_note(
    gitlab: tuple[FakeGitLab, dict[str, Any]], head: Repository, base: Repository
) -> None:
    fake, env = gitlab
    words = ("ci", "comment", "--project", head.project, "--base", base.project)
    assert "merge request 9: created." in run(*words, env=env).expect(0).out
    assert "merge request 9: unchanged." in run(*words, env=env).expect(0).out
    (note,) = fake.comments
    assert note["body"].startswith(MARKER) and "/-/jobs/5)" in note["body"]
    fake.hook = lambda request: reply(403, {}) if request.method == "PUT" else PASS
    head.replace(PROFILE, "attribute: Role", "attribute: Lifecycle_Stage__gc")
    assert "HTTP 403" in run(*words, env=env).expect(1).err


def test_without_a_token_the_log_has_the_plan(
    gitlab: tuple[FakeGitLab, dict[str, Any]], head: Repository, base: Repository
) -> None:
    fake, env = gitlab
    env["RECONCILE_GITLAB_TOKEN"] = ""
    done = run("ci", "comment", "--project", head.project, "--base", base.project, env=env).expect(0)
    assert "no RECONCILE_GITLAB_TOKEN" in done.out and "Company Person.Role" in done.out
    assert fake.comments == []
