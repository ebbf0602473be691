"""A loop that follows a branch, and how it starts while the branch is slow to come."""

from __future__ import annotations

import re
import shutil
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.projects import COUNTRY, TITLE, ProjectFolder
from tests.config.git_server import Author
from tests.loop.processes import QUICK, conditions, ended_runs, loop, mapped, until

SOURCE = """\
apiVersion: reconciler/v1
kind: Project
metadata: {{name: acme}}
spec:
  source: {{git: "{url}", every: 10s}}
"""


@pytest.fixture
def upstream(project: ProjectFolder, tmp_path: Path) -> Author:
    """A repository with the project; what is left at the project's folder is the file that names it."""
    project.run("catalog", "pull", "acme-cs").expect(0)
    author = Author(tmp_path / "upstream")
    for name in ("reconcile.yaml", "connections", "mappings", "catalog"):
        shutil.move(project.root / name, author.folder / name)
    author.commit()
    project.write("reconcile.yaml", SOURCE.format(url=author.url) + QUICK)
    return author


def test_commits_are_applied_and_rewritten_history_waits_for_somebody(project: ProjectFolder, upstream: Author) -> None:
    first = upstream.git("rev-parse", "HEAD")
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        assert f'"commit":"{first}"' in running.text
        there = ProjectFolder(root=upstream.folder, world=project.world)
        there.mapping("acme-profile", [TITLE, COUNTRY])
        upstream.commit()
        until(lambda: "Renewal Date" not in mapped(project))
        upstream.git("reset", "-q", "--hard", first)
        rewritten = upstream.commit(message="Another history")
        _, hint = until(lambda: conditions(project).get("source-rewritten"))
        assert hint == f"reconcile approve {rewritten[:12]}"
        assert "Renewal Date" not in project.status(), "what was applied goes on"
        done = project.command("approve", rewritten).expect(0)
        assert "Approved: " in done.out
        until(lambda: not conditions(project))
        assert "Renewal Date" in project.status()
        assert running.end() == 0


def test_a_branch_that_is_slow_to_come_is_no_standstill(project: ProjectFolder, upstream: Author) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as free:
        project.write("reconcile.yaml", SOURCE.format(url=f"http://{_address(silent)}/acme.git") + QUICK)
        here = _address(free)
        free.close()
        with loop(project, "--listen", here) as running:
            connection, _ = silent.accept()
            with connection:
                time.sleep(4)
                assert _tick_age(here) < 3
                assert running.end(within=12) == 0


def _address(server: socket.socket) -> str:
    return "{}:{}".format(*server.getsockname())


def _tick_age(address: str) -> float:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return float(re.findall(r"^reconciler_tick_age_seconds (\S+)$", text, re.MULTILINE)[0])
