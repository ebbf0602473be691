"""SIGKILL at random moments: nothing is lost, at most one batch a worker is sent again, and the next run puts it right."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.connectors.gainsight_cc.client import BATCH
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.expectation import wanted
from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, TITLE, ProjectFolder
from tests.acceptance.world import World, running
from tests.integration.kills import Forker, execute, forker, let_leases_end, state_serial

LINES = [TITLE, COUNTRY, RENEWAL, ROLE]
MORE = ("Region", "Products", "Lifecycle Stage", "City", "Support Tier")
KILLS = 30
WORKERS = 4


@pytest.fixture(scope="module")
def busy_world() -> Iterator[World]:
    """One community with 60 members, which answers as slowly as a near one does."""
    config = SandboxConfig(
        people=60, quirks=False, communities=1, person_null_share=0.0, latency=0.006, community_objects=False
    )
    yield from running(Sandbox(config))


@pytest.fixture
def killed(busy_world: World, tmp_path: Path, database_url: str | None) -> Iterator[tuple[ProjectFolder, Forker]]:
    yield from _prepared(busy_world, tmp_path / "acme", database_url)


@pytest.fixture
def killed_on_a_file(busy_world: World, tmp_path: Path) -> Iterator[tuple[ProjectFolder, Forker]]:
    yield from _prepared(busy_world, tmp_path / "acme", None)


def _prepared(world: World, root: Path, database: str | None) -> Iterator[tuple[ProjectFolder, Forker]]:
    world.reset()
    project = ProjectFolder(root, world, database)
    project.edit_connection("connectedTo: acme-cs\n", f"connectedTo: acme-cs\n  concurrency: {WORKERS}\n")
    project.mapping("acme-profile", LINES)
    project.run("catalog", "pull", "acme-cs").expect(0)
    with forker(project) as starter:
        yield project, starter


def _shake(world: World, draw: random.Random) -> None:
    """Many get new values, so that a cycle has something to do."""
    for row in world.query("person", ["Email"])[::2]:
        world.edit("company_person", row["Email"], Title=f"Job {draw.random():.6f}", Role=f"Role {draw.random():.6f}")


def test_killed_cycles_converge(killed: tuple[ProjectFolder, Forker]) -> None:
    project, starter = killed
    world, draw = project.world, random.Random(7)
    kills = KILLS if project.database is None else KILLS // 5
    assert starter.run("apply")[0] == 0
    code, whole = starter.run("sync", "acme-profile")
    assert code == 0
    hit = serial = 0
    while hit < kills:
        _shake(world, draw)
        target = wanted(world, LINES, 1)
        before = {key: value for key, value in world.profiles().items() if key in target}
        due = Counter((user, field) for (user, field), value in target.items() if before.get((user, field)) != value)
        world.new_writes()
        rounds = 0
        while True:
            code, _ = starter.run("sync", "acme-profile", kill_after=draw.uniform(0.01, whole * 0.6))
            rounds += 1
            assert code in (0, -9), code
            assert state_serial(project) >= serial
            serial = state_serial(project)
            if code == 0:
                break
            hit += 1
            let_leases_end(project)
        sent = Counter((entry.user, entry.field) for entry in world.new_writes())
        again = sum((sent - due).values())
        assert again <= (rounds - 1) * BATCH * WORKERS
        assert due <= sent, "every changed value was sent"
        assert not {key for key in sent if key not in due}, "nothing else was sent"
        assert {key: value for key, value in world.profiles().items() if key in target} == target
    assert project.run("plan").expect(0).out.startswith("No changes")
    project.sync()
    assert world.new_writes() == [], "the ledger knows everything that was written"
    results = Counter(row[0] for row in execute(project, "SELECT result FROM runs"))
    assert set(results) == {"Success", "Interrupted"}
    shown = project.run("activity", "--result", "interrupted", "--limit", "1000", "--output", "json").expect(0).json
    assert 0 < len(shown["runs"]) == results["Interrupted"] <= hit
    assert all(run["job"] == "CC User Profile Update" and run["end"] for run in shown["runs"])


def test_killed_applies_leave_whole_documents(killed: tuple[ProjectFolder, Forker]) -> None:
    project, starter = killed
    draw = random.Random(11)
    kills = KILLS if project.database is None else KILLS // 5
    starter.run("apply")  # the first one also makes the database
    project.mapping("region", [("Company Person", "Region__gc", "Region")])
    _, whole = starter.run("apply")
    hit = serial = 0
    while hit < kills:
        for field in MORE:
            attribute = draw.choice(["Title", "Role", "Department__gc", "Region__gc", "Notes__gc"])
            project.mapping(field.lower().replace(" ", "-"), [("Company Person", attribute, field)])
        while True:
            code, _ = starter.run("apply", "--allow-mass-change", "100", kill_after=draw.uniform(0.005, whole))
            assert code in (0, -9), code
            assert state_serial(project) >= serial
            serial = state_serial(project)
            _assert_whole(project)
            if code == 0:
                break
            hit += 1
            let_leases_end(project)
        assert project.run("plan").expect(0).out.startswith("No changes")
        assert project.run("state", "show").expect(0)
    assert [row[0] for row in execute(project, "SELECT count(*) FROM documents")] == [3 + 2 + 1 + len(MORE)]


def _assert_whole(project: ProjectFolder) -> None:
    """Whatever was recorded, every recorded document has its statuses, and the readers work."""
    if not execute(project, "SELECT 1 FROM documents LIMIT 1"):
        return
    listed = project.run("status", "--output", "json").expect(0).json["documents"]
    assert all(len(entry["mappings"]) >= 1 for entry in listed if entry["kind"] == "ProfileFieldMapping")
    recorded = execute(project, "SELECT kind, name FROM documents WHERE kind <> 'Connection'")
    assert sorted(recorded) == sorted((entry["kind"], entry["name"]) for entry in listed)


def test_the_very_first_apply_may_be_killed(killed_on_a_file: tuple[ProjectFolder, Forker]) -> None:
    """Between nothing at all and a complete database there is no third state."""
    project, starter = killed_on_a_file
    draw = random.Random(3)
    for _ in range(8):
        shutil.rmtree(project.root / "var", ignore_errors=True)
        code, _ = starter.run("apply", kill_after=draw.uniform(0.005, 0.15))
        assert code in (0, -9)
        let_leases_end(project)
        assert starter.run("apply")[0] == 0
        assert project.run("plan").expect(0).out.startswith("No changes")
