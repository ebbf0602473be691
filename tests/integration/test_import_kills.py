"""Imports that are killed, interrupted or cut off, wherever they are: the next one goes on, and nothing comes to be twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.failpoints import Step
from tests.acceptance.commands import finish
from tests.acceptance.communities import ONE, TWO, Imports, calls, connected
from tests.acceptance.world import World
from tests.integration.kills import execute, let_leases_end
from tests.loop.processes import until

NAME = f"CommunityImport/{ONE}"
USER, TOPIC = "Community acme-en User", "Community acme-en Topic"
CONTENT = "Community Content"

STEPS = [
    f"{Step.RUN_OPENED}:1",
    f"{Step.CALL_ANSWERED}:3",  # lists
    f"{Step.CALL_ANSWERED}:12",  # profiles
    f"{Step.CALL_ANSWERED}:26",  # replies
    f"{Step.CALL_ANSWERED}:28",  # people, for resolving
    f"{Step.COMPARED}:1",
    f"{Step.BATCH_JOURNALLED}:2",
    f"{Step.CALL_ANSWERED}:33",  # the target
    f"{Step.BATCH_SENT}:3",
    f"{Step.BATCH_RECORDED}:4",
    f"{Step.RUN_CLOSED}:1",
]


@pytest.fixture(scope="module")
def connected_world() -> Iterator[World]:
    yield from connected()


@pytest.fixture
def project(tmp_path: Path, connected_world: World, database_url: str | None) -> Imports:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world, database_url)
    project.ready()
    return project


def assert_whole(project: Imports) -> None:
    """Everything is at the target, once, and there is nothing left to do."""
    assert len(project.records(USER, "Community User Id")) == len(project.world.members())
    topics = project.records(TOPIC, "Content ID")
    content = project.records(CONTENT, "Content Data Identifier", "Content Type")
    assert {f"{ONE}/topic/{id}" for id in topics} == {id for id, (type,) in content.items() if type == "Topic"}
    assert project.wrote() == {}
    assert project.import_status()[""] == ("Successful", "")
    assert execute(project, "SELECT count(*) FROM batches WHERE closed_at IS NULL") == [(0,)]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_each_step(project: Imports, step: str) -> None:
    done = project.command("sync", NAME, env={"RECONCILE_FAILPOINT": f"{step}:kill"})
    assert done.code == -9, done.all
    let_leases_end(project)
    project.cycle()
    assert_whole(project)


def test_a_kill_in_a_run_that_counts_views(project: Imports) -> None:
    project.cycle()
    project.world.control("POST", "cc/1/views", {"add": 3})
    done = project.command("sync", NAME, env={"RECONCILE_FAILPOINT": f"{Step.COMPARED}:1:kill"})
    assert done.code == -9
    let_leases_end(project)
    project.cycle()
    found = project.records("Community Activity", "Activity Identifier", "Activity Count")
    assert {int(count) for (count,) in found.values()} == {3}
    assert_whole(project)


def test_ctrl_c_while_reading(project: Imports) -> None:
    project.world.switch(latency=0.05)
    running = project.start("sync", NAME)
    until(lambda: sum(calls(project.world).values()) > 8)
    running.send_signal(signal.SIGINT)
    done = finish(running)
    assert done.code == 130, done.all
    assert project.import_status()[""][0] != "Successful"
    project.world.switch(latency=0.0)
    read = sum(n for route, n in calls(project.world).items() if route.startswith("/ID/user/"))
    project.cycle()
    again = sum(n for route, n in calls(project.world).items() if route.startswith("/ID/user/"))
    everybody = len(project.world.members())
    assert read + again >= everybody
    assert again <= everybody
    assert_whole(project)


def test_a_community_that_goes_away_in_the_middle(project: Imports) -> None:
    world = project.world
    world.fault({"status": 403}, path="/replies", skip=1)
    run = project.cycle(code=project.run("sync", NAME).code)
    assert run["result"] == "Failed" and run["reason"]
    assert project.import_status()[""][0] == "Failed"
    assert project.records(USER, "Community User Id") == {}
    world.heal()
    project.cycle()
    seen = calls(world)
    assert not [route for route in seen if route.startswith("/ID/user/")], "what was read stays"
    assert_whole(project)


def test_wrong_credentials(project: Imports) -> None:
    right = project.env["ACME_CC_SECRET"]
    project.env["ACME_CC_SECRET"] = "not-the-secret-at-all"
    run = project.cycle(code=6)
    assert run["result"] == "Failed"
    status, reason = project.import_status()[""]
    assert status == "Failed" and reason == run["reason"] != ""
    assert "not-the-secret" not in project.every_cell() + project.run("status").all
    project.env["ACME_CC_SECRET"] = right
    project.cycle()
    assert_whole(project)


def test_two_at_once_share_the_core_objects(project: Imports) -> None:
    """Both make the same ledgers and write into the same objects."""
    project.world.switch(latency=0.01)
    both = [project.start("sync", f"CommunityImport/{name}") for name in (ONE, TWO)]
    for running in both:
        done = finish(running)
        assert done.code == 0, done.all
    project.world.switch(latency=0.0)
    assert (project.wrote(ONE), project.wrote(TWO)) == ({}, {})
    identifiers = project.records(CONTENT, "Content Data Identifier")
    assert {id.partition("/")[0] for id in identifiers} == {ONE, TWO}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_at_once_make_the_tables_of_a_database(
    tmp_path: Path, connected_world: World, kind: str, request: pytest.FixtureRequest
) -> None:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world)
    project.into_database(request.getfixturevalue("postgres").create_database() if kind == "postgresql" else "")
    project.ready()
    both = [project.start("sync", f"CommunityImport/{name}") for name in (ONE, TWO)]
    for running in both:
        done = finish(running)
        assert done.code == 0, done.all
    assert (project.wrote(ONE), project.wrote(TWO)) == ({}, {})
    identifiers = project.records(CONTENT, "Content Data Identifier")
    assert {id.partition("/")[0] for id in identifiers} == {ONE, TWO}
