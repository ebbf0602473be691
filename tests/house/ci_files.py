"""The files for CI systems, read as data: every script that they run, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "deploy/ci/github/action.yml"
WORKFLOW = ROOT / "deploy/ci/github/workflow.example.yml"
GITLAB = ROOT / "deploy/ci/gitlab/reconcile.gitlab-ci.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


class Script(NamedTuple):
    name: str
    shell: str
    text: str


def load(path: Path) -> Any:
    """The content; the key `on` of a workflow is the text that it is for GitHub, and no boolean."""
    return yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # nothing but texts, lists and mappings


def steps(path: Path) -> list[dict[str, Any]]:
    content = load(path)
    if "runs" in content:
        return list(content["runs"]["steps"])
    return [step for job in content["jobs"].values() for step in job["steps"]]


def github_scripts(path: Path) -> Iterator[Script]:
    for step in steps(path):
        if "run" in step:
            yield Script(step.get("id", step.get("name", "")), step.get("shell", ""), step["run"])


def gitlab_scripts(path: Path) -> Iterator[Script]:
    for name, job in load(path).items():
        if name in ("variables", "stages", "workflow", "default"):
            continue
        for key in ("before_script", "script", "after_script"):
            for text in job.get(key, []):
                yield Script(f"{name}.{key}", "sh", text)


def expressions(text: str) -> list[str]:
    """What the runner would put into a script before a shell reads it: a way in for whoever names a branch."""
    return re.findall(r"\$\{\{.*?\}\}", text, re.DOTALL)


def unpinned(path: Path) -> list[str]:
    """Actions of others that are not named by a commit."""
    return [step["uses"] for step in steps(path) if "uses" in step and not PINNED.fullmatch(step["uses"])]
