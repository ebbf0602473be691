"""Git repositories with a project in a subfolder, as admins keep them, and the checkouts that CI jobs make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.commands import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "configs" / "sandbox"
PROJECT = "ops/customer-data"
PROFILE = "mappings/acme-profile.yaml"
IDENTITY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


@dataclass(frozen=True, slots=True)
class Repository:
    root: Path

    @property
    def project(self) -> Path:
        return self.root / PROJECT

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *words],
            env={**os.environ, **IDENTITY},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def copy_example(self) -> None:
        shutil.copytree(EXAMPLE, self.project, dirs_exist_ok=True)

    def replace(self, path: str, before: str, after: str) -> None:
        file = self.project / path
        text = file.read_text()
        assert before in text, before
        file.write_text(text.replace(before, after, 1))


def repository(root: Path) -> Repository:
    """A repository on the branch `main` with one commit that has no project yet."""
    root.mkdir(parents=True)
    made = Repository(root)
    made.git("init", "--quiet", "--initial-branch", "main")
    (root / "README.md").write_text("# Acme\n")
    made.commit()
    return made
