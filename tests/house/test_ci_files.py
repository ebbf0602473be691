"""The files in deploy/ci and the hook for pre-commit are well-formed, safe, and name what the program has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import main
from tests.house import ci_files
from tests.house.ci_files import ACTION, GITLAB, HOOKS, ROOT, WORKFLOW, Script

SCHEMAS = {ACTION: "vendor.github-actions", WORKFLOW: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}
SCRIPTS = [*ci_files.github_scripts(ACTION), *ci_files.github_scripts(WORKFLOW), *ci_files.gitlab_scripts(GITLAB)]
EVERY_SCRIPT = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)

FROM_OUTSIDE = re.compile(r"TITLE|DESCRIPTION|REF_NAME|HEAD_REF|BRANCH_NAME|COMMIT_MESSAGE|AUTHOR|LABEL")
"""Variables whose text anybody may choose who opens a pull request."""


def check(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_files_are_what_the_schema_of_their_system_says(path: Path, tmp_path: Path) -> None:
    done = check(SCHEMAS[path], path)
    assert done.returncode == 0, done.stdout + done.stderr
    damaged = tmp_path / path.name
    damaged.write_text(
        re.sub(r"^(runs|jobs|reconcile-plan):.*", r"\1: 3", path.read_text(), count=1, flags=re.MULTILINE)
    )
    assert check(SCHEMAS[path], damaged).returncode != 0


@EVERY_SCRIPT
def test_scripts_are_shell(script: Script) -> None:
    shell = "bash" if script.shell == "bash" else "sh"
    done = subprocess.run([shell, "-n"], input=script.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@EVERY_SCRIPT
def test_nothing_from_outside_is_pasted_into_a_script(script: Script) -> None:
    assert ci_files.expressions(script.text) == []
    assert FROM_OUTSIDE.findall(script.text) == []
    # A variable stands in quotes, or its text could become words and patterns; `strict` is a constant of the script.
    bare = re.findall(r"(?<![\"\w=({:/-])\$(?!\(|strict\b)[A-Za-z_{]\w*", re.sub(r"\[\[.*?\]\]", "", script.text))
    assert bare == []


def test_a_pasted_expression_would_be_found() -> None:
    assert ci_files.expressions("echo ${{ github.event.pull_request.title }}") != []
    assert ci_files.expressions("echo ${BASE} $((1 + 1))") == []


@pytest.mark.parametrize("path", [ACTION, WORKFLOW], ids=lambda path: path.name)
def test_actions_of_others_are_pinned_to_a_commit(path: Path) -> None:
    assert [name for name in ci_files.unpinned(path) if not name.startswith("OWNER/reconcile/")] == []
    commented = re.findall(r"#\s+uses: (\S+)", path.read_text())
    assert all(ci_files.PINNED.fullmatch(name) for name in commented)


def test_the_workflow_asks_for_no_more_than_it_needs() -> None:
    content = ci_files.load(WORKFLOW)
    assert content["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert list(content["on"]) == ["pull_request"]
    assert not re.search(r"\$\{\{[^}]*\bsecrets\b", WORKFLOW.read_text() + ACTION.read_text())
    (checkout,) = (s for s in ci_files.steps(WORKFLOW) if s.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["persist-credentials"] == "false"


def test_the_workflow_uses_inputs_and_outputs_that_the_action_has() -> None:
    action = ci_files.load(ACTION)
    (used,) = (step for step in ci_files.steps(WORKFLOW) if step.get("uses", "").startswith("OWNER/"))
    assert used["with"].keys() <= action["inputs"].keys()
    assert (ROOT / used["uses"].split("@")[0].removeprefix("OWNER/reconcile/") / "action.yml") == ACTION
    assert set(re.findall(r"steps\.reconcile\.outputs\.(\w+)", WORKFLOW.read_text())) <= action["outputs"].keys()
    inputs = set(re.findall(r"inputs\.(\w+)", ACTION.read_text()))
    assert inputs == action["inputs"].keys()


@EVERY_SCRIPT
def test_commands_and_options_are_those_of_the_program(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    joined = script.text.replace("\\\n", " ")
    for found in re.findall(r"(?:^|[;&|(]|\bthen\b)\s*reconcile ((?:[a-z]+ ?)+)(.*)$", joined, re.MULTILINE):
        words, options = found[0].split(), re.findall(r"--[a-z-]+", found[1])
        assert main.run([*words, "--help"]) == 0
        text = capfd.readouterr().out
        assert all(option in text for option in options), (found, text)


# -- pre-commit --------------------------------------------------------------------------------------------------------


def test_the_hook_is_one_that_pre_commit_reads() -> None:
    (hook,) = ci_files.load(HOOKS)
    assert hook["id"] == "reconcile-validate"
    assert hook["language"] == "python"
    assert hook["pass_filenames"] == "false"
    assert hook["minimum_pre_commit_version"] == "2.9.0"
    assert hook.keys() <= {
        "id", "name", "description", "entry", "language", "types_or", "files", "pass_filenames",
        "minimum_pre_commit_version",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("reconcile.yaml", True), ("ops/mappings/a.yml", True), ("catalog/acme-cs.json", True), ("README.md", False)],
)
def test_the_hook_runs_for_the_files_of_a_project(path: str, wanted: bool) -> None:
    (hook,) = ci_files.load(HOOKS)
    assert (re.search(hook["files"], path) is not None) == wanted


def test_the_hook_is_run_as_pre_commit_does(tmp_path: Path) -> None:
    """From the root of the repository, with the arguments of the user behind the entry, and no file names."""
    from tests.acceptance.repositories import PROFILE, PROJECT, repository

    (hook,) = ci_files.load(HOOKS)
    made = repository(tmp_path / "repository")
    made.copy_example()
    program, *words = hook["entry"].split()
    assert program == "reconcile"
    command = [sys.executable, "-m", "reconciler", *words, "--project", PROJECT]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ['PYTHONPATH']}"}
    for code, text in ((0, "files ok"), (1, f"{PROFILE}:9:")):
        done = subprocess.run(command, cwd=made.root, capture_output=True, text=True, check=False, env=env)
        assert (done.returncode, text in done.stdout) == (code, True), done.stdout + done.stderr
        if not code:
            made.replace(PROFILE, "attribute: Title", "attribute: Titel")
