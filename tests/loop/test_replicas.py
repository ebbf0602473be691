"""Several loops on one database: they share the work, and none of them can do harm after it was left behind."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

import pytest

from tests.acceptance.projects import TITLE, ProjectFolder
from tests.integration.kills import execute
from tests.loop.processes import QUICK, Running, loop, make_due, until

FIELDS = {
    "Job Title": ("Company Person", "Title"),
    "Department": ("Company Person", "Role"),
    "Country": ("Person", "Country__gc"),
    "Renewal Date": ("Company Person", "Renewal_Date__gc"),
    "Seats": ("Company Person", "Seats__gc"),
}


@pytest.fixture
def many(on_both: ProjectFolder) -> ProjectFolder:
    """Ten documents: five for each of two communities."""
    project = on_both
    project.limits = QUICK
    project.write_project()
    project.forget("acme-profile")
    for number, (field, (object, attribute)) in enumerate(FIELDS.items()):
        project.mapping(f"main-{number}", [(object, attribute, field)])
        project.mapping(f"partners-{number}", [(object, attribute, field)], to="acme-partners")
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


def _completed(project: ProjectFolder) -> int:
    rows = execute(project, "SELECT count(*) FROM slots WHERE completed_at IS NOT NULL")
    return int(rows[0][0]) if rows else 0


def _start(stack: ExitStack, project: ProjectFolder, count: int) -> list[Running]:
    return [stack.enter_context(loop(project)) for _ in range(count)]


def _double_runs(project: ProjectFolder) -> list[tuple[object, ...]]:
    """Slots that more than one run completed. Runs that were cut off or found nothing due do not count."""
    return execute(
        project,
        "SELECT document, slot, count(*) FROM runs WHERE slot IS NOT NULL AND result IN ('Success', 'Partial Success', 'Failed') "
        "GROUP BY document, slot HAVING count(*) > 1",
    )


def test_three_share_the_work_and_one_may_be_killed(many: ProjectFolder) -> None:
    project = many
    with ExitStack() as stack:
        running = _start(stack, project, 3)
        until(lambda: _completed(project) == 10)
        holders = execute(project, "SELECT count(*) FROM replicas")
        assert holders == [(3,)]
        assert not _double_runs(project)
        make_due(project)
        running[0].send(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: _completed(project) == 10)
        assert time.monotonic() - killed < 25
        assert not _double_runs(project)
        assert [other.end() for other in running[1:]] == [0, 0]
    done = execute(project, "SELECT result, count(*) FROM runs GROUP BY result ORDER BY result")
    assert dict(done).keys() <= {"Success", "Interrupted"}


def test_a_replica_that_was_paused_past_its_lease_changes_nothing(many: ProjectFolder) -> None:
    project, world = many, many.world
    with ExitStack() as stack:
        (paused,) = _start(stack, project, 1)
        until(lambda: _completed(project) == 10)
        for member in world.members()[:10]:
            world.edit("company_person", member["email"], Title="Moved")
        world.fault({"delay": 2.0}, method="PUT")
        make_due(project, ["main-0"])
        until(world.hits)
        paused.send(signal.SIGSTOP)
        stopped = time.monotonic()
        execute(project, "UPDATE leases SET expires_at = 0 WHERE expires_at > 0")
        world.heal()
        (other,) = _start(stack, project, 1)
        until(lambda: _completed(project) == 10)
        time.sleep(max(0.0, 4 - (time.monotonic() - stopped)))  # what was under way when it was paused has arrived
        before = execute(project, "SELECT id, result, ended_at, tally FROM runs ORDER BY id")
        fences = execute(project, "SELECT name, fence FROM leases ORDER BY name")
        world.new_writes()
        time.sleep(16)  # past what the paused one believes to hold
        paused.send(signal.SIGCONT)
        time.sleep(3)
        assert world.new_writes() == [], "nothing new is sent under a lost lease"
        after = execute(project, "SELECT id, result, ended_at, tally FROM runs ORDER BY id")
        assert after[: len(before)] == before
        assert execute(project, "SELECT name, fence FROM leases ORDER BY name") == fences
        assert paused.end() == 0
        assert other.end() == 0


def test_two_machines_on_one_file_are_refused(project: ProjectFolder) -> None:
    project.limits = QUICK
    project.write_project()
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    project.mapping("acme-profile", [TITLE])
    execute(
        project,
        "INSERT INTO replicas VALUES ('loop cafe on elsewhere', 'another-boot', '1', 0, "
        "(julianday('now') - 2440587.5) * 86400)",
    )
    with loop(project) as running:
        assert running.ended() == 5
        assert "loop cafe on elsewhere, which runs on another machine" in running.text
        assert "PostgreSQL" in running.text
    assert "Country" in project.status(), "nothing was applied before the other one was noticed"
