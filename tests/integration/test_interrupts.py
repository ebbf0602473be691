"""Ctrl-C finishes what is under way, records it and ends with 130; a second one ends at once."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.acceptance.commands import finish
from tests.acceptance.expectation import wanted
from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, TITLE, ProjectFolder, assert_balanced
from tests.acceptance.world import World
from tests.integration.kills import execute, let_leases_end

LINES = [TITLE, COUNTRY, RENEWAL, ROLE]


def _writing(world: World, process: subprocess.Popen[str]) -> None:
    """Wait until the cycle has written something."""
    deadline = time.monotonic() + 30
    while not world.control("GET", "state")["writes"]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _slow(project: ProjectFolder, seconds: float) -> subprocess.Popen[str]:
    """A cycle that has just started to write, with `seconds` for each value."""
    project.edit_connection("connectedTo: acme-cs\n", "connectedTo: acme-cs\n  concurrency: 2\n")
    project.mapping("acme-profile", LINES)
    project.ready()
    project.world.control("DELETE", "writes")
    project.world.fault({"delay": seconds}, method="PUT", path="/profile_field/")
    process = project.start("sync", "acme-profile")
    _writing(project.world, process)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_records_what_was_acknowledged(on_both: ProjectFolder, number: signal.Signals) -> None:
    project, world = on_both, on_both.world
    process = _slow(project, 0.1)
    asked = time.perf_counter()
    process.send_signal(number)
    done = finish(process).expect(130)
    assert time.perf_counter() - asked < 5
    assert "Traceback" not in done.all
    assert_balanced(done.out)
    assert "not attempted" in done.out

    world.heal()
    first = world.new_writes()
    assert 0 < len(first) < len(wanted(world, LINES))
    assert project.run("activity", "--output", "json").json["runs"][0]["result"] == "Interrupted"
    status = project.status()
    assert {word for word, _ in status.values()} == {"Pending"}, "an interruption is no failure"
    assert "the next one carries on" in status["Job Title"][1]
    assert len(project.run("export", "acme-profile").out.splitlines()) - 1 == len(first)

    project.sync()
    second = world.new_writes()
    assert not set(first) & set(second), "only the rest is sent"
    assert sorted((*first, *second)) == sorted(
        (user, field, value) for (user, field), value in wanted(world, LINES).items()
    )


def test_a_second_interrupt_ends_at_once(project: ProjectFolder) -> None:
    process = _stuck(project)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the first one waits for what is under way"
    asked = time.perf_counter()
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert time.perf_counter() - asked < 3
    assert done.code == 130
    assert "Traceback" not in done.all
    project.world.heal()
    let_leases_end(project)
    project.sync()


def _stuck(project: ProjectFolder) -> subprocess.Popen[str]:
    """A cycle whose every write takes long."""
    project.ready()
    project.world.fault({"delay": 12}, method="PUT", path="/profile_field/")
    process = project.start("sync", "acme-profile")
    deadline = time.monotonic() + 30
    while not project.world.hits():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_an_interrupt_while_waiting_for_the_budget_ends_soon(project: ProjectFolder) -> None:
    """The budget of the minute is used up, so the cycle waits; an interrupt must not wait with it."""
    project.edit_connection(
        "connectedTo: acme-cs\n  rateLimit: {perMinute: null", "connectedTo: acme-cs\n  rateLimit: {perMinute: 3"
    )
    project.ready()
    process = project.start("sync", "acme-profile")
    deadline = time.monotonic() + 30
    while not execute(project, "SELECT 1 FROM budgets WHERE connection = 'acme-community' AND minute_used >= 3"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    asked = time.perf_counter()
    process.send_signal(signal.SIGINT)
    finish(process).expect(130)
    assert time.perf_counter() - asked < 3


def test_a_killed_cycle_keeps_its_lease_until_it_ends(project: ProjectFolder) -> None:
    process = _stuck(project)
    process.kill()
    process.communicate()
    project.world.heal()
    done = project.run("sync", "acme-profile").expect(5)
    assert "its lease ends in" in done.err
    let_leases_end(project)
    project.sync()
    runs = project.run("activity", "--output", "json").json["runs"]
    assert [run["result"] for run in runs] == ["Success", "Interrupted"]
