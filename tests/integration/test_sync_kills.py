"""SIGKILL while records are created: whatever was sent and not recorded is found by its key, and nothing comes to be twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.failpoints import Step
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.warehouses import Warehouse, calls, records
from tests.acceptance.world import World, running
from tests.integration.kills import execute, forker, let_leases_end

RECORDS = 400
STEPS = [
    Step.COMPARED,
    Step.BATCH_JOURNALLED,
    Step.CALL_ANSWERED,
    Step.BATCH_SENT,
    Step.BATCH_RECORDED,
    Step.RUN_CLOSED,
]


@pytest.fixture(scope="module")
def tenant() -> Iterator[World]:
    """A tenant that answers as slowly as a near one does."""
    yield from running(Sandbox(SandboxConfig(people=10, quirks=False, communities=1, latency=0.01)))


@pytest.fixture(params=[2, 8])
def warehouse(tenant: World, tmp_path: Path, database_url: str | None, request: pytest.FixtureRequest) -> Warehouse:
    """With fewer workers than batches, and with one for each: then none asks for a batch before it has sent the last."""
    tenant.reset()
    project = Warehouse(tmp_path / "acme", tenant, database_url)
    project.edit_connection("  sso: true\n", f"  sso: true\n  concurrency: {request.param}\n")
    project.model("trainings", "name", trainings(1))
    project.flow(
        "trainings",
        "Training",
        "Name: name",
        "field: Score__gc, column: score",
        "field: Attendee_Email__gc, column: email",
    )
    return project.ready()  # type: ignore[return-value]


def trainings(score: int) -> list[dict[str, object]]:
    return [{"name": f"T{n:03}", "score": score * n, "email": f"t{n}@example.org"} for n in range(RECORDS)]


def expected(score: int) -> dict[str, tuple[object, ...]]:
    return {f"T{n:03}": (score * n, f"t{n}@example.org") for n in range(RECORDS)}


def settled(project: Warehouse, score: int) -> bool:
    return records(project.world, "Training__gc", "Name", "Score__gc", "Attendee_Email__gc") == expected(score)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_each_step(warehouse: Warehouse, step: Step) -> None:
    done = warehouse.command(
        "sync", "trainings", env={"RECONCILE_FAILPOINT": f"{step}:3:kill" if step in STEPS[1:-1] else f"{step}:1:kill"}
    )
    assert done.code == -9
    let_leases_end(warehouse)
    counts = warehouse.cycle("trainings")["counts"]
    assert counts["created"] + counts["updated"] + counts["unchanged"] == 2 * RECORDS
    assert settled(warehouse, 1)
    assert warehouse.outcomes("trainings") == {"unchanged": 2 * RECORDS}
    assert calls(warehouse.world) == {}
    assert execute(warehouse, "SELECT count(*) FROM batches WHERE closed_at IS NULL")[0][0] == 0


def test_kills_at_random_moments(warehouse: Warehouse) -> None:
    draw = random.Random(5)
    hit = 0
    with forker(warehouse) as starter:
        score = 1
        whole = 0.8
        while hit < 6:
            score += 1
            warehouse.rows("trainings", trainings(score))
            while True:
                code, _ = starter.run("sync", "trainings", kill_after=draw.uniform(0.01, whole))
                assert code in (0, -9), code
                if code == 0:
                    break
                hit += 1
                whole *= 1.1  # on a busy machine a cycle takes longer, and has to come to its end some time
                let_leases_end(warehouse)
            assert settled(warehouse, score)
    assert warehouse.outcomes("trainings") == {"unchanged": 2 * RECORDS}
