"""A loop that is killed at any step: the next one carries on, nothing is lost, hardly anything is sent twice."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from reconciler.failpoints import Step
from tests.acceptance.projects import COUNTRY, TITLE, ProjectFolder
from tests.integration.kills import execute, let_leases_end
from tests.loop.processes import QUICK, loop, until

BATCH = 50
WORKERS = 8
CYCLE = [step for step in Step if step not in (Step.DOCUMENT_APPLIED, Step.STATE_FILE_REPLACED)]


def _ready(project: ProjectFolder) -> ProjectFolder:
    project.limits = QUICK
    project.write_project()
    project.mapping("acme-profile", [TITLE, COUNTRY])
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


def _expected(project: ProjectFolder) -> set[tuple[str, str, str]]:
    """What a run without faults writes: taken from one, then undone."""
    _ready(project)
    project.apply()
    project.sync()
    found = {tuple(map(str, written)) for written in project.world.new_writes()}
    project.world.reset()
    for name in ("reconciler.db", "reconciler.db-wal", "reconciler.db-shm", "state.json"):
        (project.root / "var" / name).unlink(missing_ok=True)
    assert found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("step", [*CYCLE, Step.DOCUMENT_APPLIED, Step.STATE_FILE_REPLACED])
def test_killed_at_a_step(project: ProjectFolder, step: Step) -> None:
    expected = _expected(project)
    with loop(project, env={"RECONCILE_FAILPOINT": f"{step}:1:kill"}) as running:
        assert running.ended() == -signal.SIGKILL
    let_leases_end(project)
    with loop(project) as running:
        until(lambda: execute(project, "SELECT 1 FROM slots WHERE completed_at IS NOT NULL"))
        until(lambda: project.status()[""][0] == "Successful")
        assert running.end() == 0
    sent = Counter(tuple(map(str, written)) for written in project.world.new_writes())
    assert set(sent) == expected, "every value arrived, and nothing else"
    again = sum(count - 1 for count in sent.values())
    assert again <= BATCH * WORKERS
    assert max(sent.values()) <= 2
    completed = execute(project, "SELECT slot, count(*) FROM slots GROUP BY slot")
    assert [count for _, count in completed] == [1]
    assert execute(project, "SELECT count(*) FROM runs WHERE result = 'Running'") == [(0,)]
    assert execute(project, "SELECT count(*) FROM batches WHERE closed_at IS NULL") == [(0,)]


def test_a_failpoint_is_nothing_in_a_release(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release has no package `reconciler.testing`; the environment alone changes nothing there."""
    hide = project.write("hidden/sitecustomize.py", "import sys\nsys.modules['reconciler.testing'] = None\n")
    _ready(project)
    monkeypatch.setenv("PYTHONPATH", str(hide.parent))
    project.command("apply", env={"RECONCILE_FAILPOINT": "document-applied:1:kill"}).expect(0)
