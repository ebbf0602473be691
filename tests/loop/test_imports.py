"""Imports that a loop runs: every day, each by itself, and told of when one fails."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.communities import ONE, TWO, Imports, connected
from tests.acceptance.world import World
from tests.connectors.servers import reply, serving
from tests.integration.kills import execute
from tests.loop.processes import QUICK, loop, runs, until
from tests.loop.simulated import START, HandClock, Simulation, simulate
from tests.web.helpers import ask

CONTENT = "Community Content"


@pytest.fixture(scope="module")
def connected_world() -> Iterator[World]:
    yield from connected(people=8, topics=6)


@pytest.fixture
def imports(tmp_path: Path, connected_world: World, monkeypatch: pytest.MonkeyPatch) -> Imports:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world)
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


@pytest.fixture
def daily(imports: Imports, clock: HandClock) -> Iterator[Simulation]:
    """A loop that has run both imports once."""
    with simulate(imports, clock) as found:
        found.follow()
        assert [(one.document, one.result) for one in found.runs()] == [(ONE, "Success"), (TWO, "Success")]
        yield found


def test_imports_run_every_day(daily: Simulation) -> None:
    daily.live(START + timedelta(days=8))
    for name in (ONE, TWO):
        found = daily.runs(name)
        assert [one.result for one in found] == ["Success"] * 9
        days = [one.started.date() for one in found]
        assert len(set(days)) == 9
        assert execute(daily.project, f"SELECT number, runs FROM community_passes WHERE connection = '{name}'") == [
            (9, 1)
        ], "the first run and the eighth read everything"
    noted = execute(daily.project, f"SELECT day FROM community_days WHERE connection = '{ONE}' ORDER BY day")
    assert [day for (day,) in noted] == [f"2026-06-{day:02}" for day in range(1, 10)]


def test_views_belong_to_the_day_of_the_loop_in_utc(daily: Simulation, imports: Imports) -> None:
    for _ in range(2):
        imports.world.control("POST", "cc/1/views", {"add": 2})
        daily.live(daily.clock.now() + timedelta(days=1))
    found = imports.records("Community Activity", "Activity Identifier", "Activity Count")
    # Runs are at midnight: what they count was seen since the one before.
    assert {id.rpartition("/")[2] for id in found} == {"2026-06-01", "2026-06-02"}
    assert {int(count) for (count,) in found.values()} == {2}


def test_one_that_fails_is_tried_again_and_disturbs_no_other(daily: Simulation, imports: Imports) -> None:
    # Everything of the first community is refused, and nothing of the second.
    imports.world.fault({"status": 403}, path="/user", times=1)
    daily.live(START + timedelta(days=1, hours=2))
    results = {name: [one.result for one in daily.runs(name)] for name in (ONE, TWO)}
    assert sorted(map(tuple, results.values())) == sorted([("Success", "Success"), ("Success", "Failed", "Success")])


def test_a_failing_import_is_told_and_counted(tmp_path: Path, connected_world: World) -> None:
    connected_world.reset()
    told = "  notifications: [{name: ops, type: slack, url: {env: OPS_WEBHOOK}}]\n"
    project = Imports(tmp_path / "acme", connected_world, limits=QUICK + told)
    project.run("catalog", "pull", "acme-cs").expect(0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        here = f"127.0.0.1:{free.getsockname()[1]}"
    name = f"CommunityImport/{ONE}"
    with serving(lambda request: reply(body={})) as server:
        project.env["OPS_WEBHOOK"] = f"{server.url}/hook"
        with loop(project, "--listen", here) as running:
            until(lambda: [result for _, _, result in runs(project)] == ["Success", "Success"])
            connected_world.fault({"status": 403}, path="/v2/topics")
            project.run("sync", name, "--no-wait").expect(0)
            until(lambda: server.requests)
            assert name in server.requests[0].json()["text"]
            metrics = ask(here, "/metrics").body.decode()
            assert f'reconciler_condition{{condition="needs-auth",subject="{name}"}} 1.0' in metrics
            assert f'reconciler_sync_runs_total{{status="success",sync="{name}"}} 1.0' in metrics
            failed = re.search(rf'^reconciler_sync_runs_total{{status="failed",sync="{name}"}} (.*)$', metrics, re.M)
            assert failed
            assert float(failed[1]) >= 1
            connected_world.heal()
            until(lambda: len(server.requests) == 2)
            assert name in server.requests[1].json()["text"]
            assert running.end() == 0
    assert project.import_status(TWO)[""] == ("Successful", "")
