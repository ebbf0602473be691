"""`reconcile run` as an operator sees it."""

from __future__ import annotations

import signal
import time

import pytest

from tests.acceptance.projects import COUNTRY, RENEWAL, SEATS, TITLE, ProjectFolder
from tests.integration.kills import execute
from tests.loop.processes import QUICK, conditions, ended_runs, hurried, loop, make_due, runs, until


@pytest.fixture
def quick(on_both: ProjectFolder) -> ProjectFolder:
    """A project with a pulled catalog and nothing applied, on both databases."""
    return hurried(on_both)


def test_it_applies_runs_what_is_due_serves_requests_and_stops(quick: ProjectFolder) -> None:
    project, world = quick, quick.world
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        assert project.status()[""][0] == "Successful"
        person = world.query("person", ["Email"])[0]["Email"]
        world.edit("company_person", person, Title="Head of Everything")
        done = project.command("sync", "acme-profile").expect(0)
        assert "Success" in done.out
        assert [values.value for values in world.new_writes()].count("Head of Everything") <= 1
        assert runs(project) == [
            ("acme-profile", "schedule", "Success"),
            ("acme-profile", "request", "Success"),
        ]
        asked = project.command("sync", "acme-profile", "--no-wait").expect(0)
        assert "asked to run" in asked.out
        until(lambda: ended_runs(project) == 3)
        assert execute(project, "SELECT count(*) FROM replicas") == [(1,)]
        started = time.monotonic()
        assert running.end() == 0
        assert time.monotonic() - started < 10
        assert "Traceback" not in running.text
    assert execute(project, "SELECT count(*) FROM replicas") == [(0,)]
    assert execute(project, "SELECT count(*) FROM leases WHERE expires_at > 0") == [(0,)]


def test_a_broken_configuration_changes_nothing_about_what_runs(simple: ProjectFolder) -> None:
    project = simple
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        good = (project.root / "mappings/acme-profile.yaml").read_text()
        project.write("mappings/acme-profile.yaml", good.replace("attribute: Title", "attribute: Titel"))
        reason, _ = until(lambda: conditions(project).get("config-invalid"))
        assert "mappings/acme-profile.yaml:" in reason
        assert "[E-ATTRIBUTE]" in reason
        project.command("sync", "acme-profile").expect(0)
        project.write("mappings/acme-profile.yaml", good)
        until(lambda: not conditions(project))
        project.mapping("acme-profile", [TITLE, COUNTRY])
        until(lambda: "Renewal Date" not in project.status())
        assert running.end() == 0


def test_a_plan_beyond_the_limits_waits_for_somebody(simple: ProjectFolder) -> None:
    project = simple
    project.limits = QUICK + "  limits: {maxChangePercent: 30, minRecords: 3}\n"
    project.write_project()
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        project.mapping("acme-profile", [TITLE])
        reason, hint = until(lambda: conditions(project).get("needs-approval"))
        assert "the limit is 30 %" in reason
        assert "Renewal Date" in project.status(), "nothing is applied before somebody says so"
        project.command("approve", "0" * 12).expect(1)
        project.command(*hint.removeprefix("reconcile ").split()).expect(0)
        until(lambda: not conditions(project))
        assert set(project.status()) == {"", "Job Title"}
        project.mapping("acme-profile", [TITLE, COUNTRY, RENEWAL])
        until(lambda: len(project.status()) == 4)
        project.mapping("acme-profile", [COUNTRY])
        _, again = until(lambda: conditions(project).get("needs-approval"))
        assert again != hint, "an approval is good for one plan"
        assert running.end() == 0


def test_under_a_manual_policy_every_plan_waits(simple: ProjectFolder) -> None:
    project = simple
    project.limits = QUICK + "  applyPolicy: manual\n"
    project.write_project()
    with loop(project) as running:
        _, hint = until(lambda: conditions(project).get("needs-approval"))
        project.mapping("acme-profile", [TITLE, COUNTRY, RENEWAL, SEATS])
        _, hint = until(lambda: _other(conditions(project).get("needs-approval"), hint))
        project.command(*hint.removeprefix("reconcile ").split()).expect(0)
        until(lambda: ended_runs(project) == 1)
        assert "Seats" in project.status()
        assert running.end() == 0


def _other(found: tuple[str, str] | None, hint: str) -> tuple[str, str] | None:
    return found if found and found[1] != hint else None


def test_a_suspended_document_waits_and_then_runs_once(simple: ProjectFolder) -> None:
    project = simple
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        project.command("suspend", "acme-profile").expect(0)
        make_due(project)
        refused = project.command("sync", "acme-profile").expect(1)
        assert "reconcile resume acme-profile" in refused.err
        time.sleep(2)
        assert ended_runs(project) == 1
        project.command("resume", "acme-profile").expect(0)
        until(lambda: ended_runs(project) == 2)
        time.sleep(2)
        assert ended_runs(project) == 2, "many missed slots are one"
        assert running.end() == 0


def test_a_failure_is_recorded_tried_again_and_forgotten(simple: ProjectFolder) -> None:
    project = simple
    secret = project.root / "secrets/key"
    project.edit_connection("accessKey: {env: ACME_CS_KEY}", "accessKey: {file: secrets/key}")
    with loop(project) as running:
        until(lambda: ended_runs(project) >= 2)
        assert runs(project)[:2] == [("acme-profile", "schedule", "Failed"), ("acme-profile", "retry", "Failed")]
        assert "needs-auth" in conditions(project, "ProfileFieldMapping/acme-profile")
        assert project.status()["Job Title"][0] == "Failed"
        secret.parent.mkdir()
        secret.write_text("sandbox-access-key")
        until(lambda: runs(project)[-1][2] == "Success")
        assert not conditions(project, "ProfileFieldMapping/acme-profile")
        assert execute(project, "SELECT DISTINCT failures, retry_at FROM schedules") == [(0, None)]
        assert running.end() == 0


def test_a_call_that_hangs_does_not_keep_it_from_ending(simple: ProjectFolder) -> None:
    project, world = simple, simple.world
    world.fault({"delay": 60}, method="PUT")
    with loop(project) as running:
        until(world.hits)
        started = time.monotonic()
        assert running.end() == 0
        assert time.monotonic() - started < 10.5
    assert execute(project, "SELECT count(*) FROM leases WHERE expires_at > 0") == [(0,)]
    world.heal()
    with loop(project) as running:
        until(lambda: runs(project)[-1][2] == "Success")
        assert running.end() == 0
    assert project.status()[""][0] == "Successful"


def test_a_second_signal_ends_it_at_once(simple: ProjectFolder) -> None:
    project, world = simple, simple.world
    world.fault({"delay": 60}, method="PUT")
    with loop(project) as running:
        until(world.hits)
        running.send(signal.SIGTERM)
        until(lambda: "once more stops at once" in running.text)
        started = time.monotonic()
        assert running.end() == 130
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("gone", [True, False], ids=["vanished", "older-copy"])
def test_a_database_that_vanished_or_went_back_is_not_begun_anew(simple: ProjectFolder, gone: bool) -> None:
    project = simple
    project.apply()
    files = [project.root / "var" / f"reconciler.db{end}" for end in ("", "-wal", "-shm")]
    older = {file: file.read_bytes() for file in files if file.exists()}
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        assert running.end() == 0
    project.world.new_writes()
    for file in files:
        file.unlink(missing_ok=True)
        if not gone and file in older:
            file.write_bytes(older[file])
    with loop(project) as again:
        assert again.ended() == 1
        assert ("is empty or missing" if gone else "the database went back") in again.text
    assert project.world.new_writes() == []
    assert files[0].exists() is not gone


def test_a_state_file_that_cannot_be_written_keeps_no_cycle_waiting(simple: ProjectFolder) -> None:
    project = simple
    file = project.root / "var/state.json"
    (file / "in the way").mkdir(parents=True)
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        until(lambda: "loop.trouble" in running.text)
        (file / "in the way").rmdir()
        file.rmdir()
        until(lambda: file.is_file() and "acme-profile" in file.read_text())
        assert running.end() == 0
        assert "state.lost" not in running.text
        assert running.text.count("loop.trouble") == 1


def test_a_run_by_hand_does_for_what_was_missed_while_no_loop_was_there(simple: ProjectFolder) -> None:
    project = simple
    with loop(project) as running:
        until(lambda: ended_runs(project) == 1)
        assert running.end() == 0
    make_due(project)
    assert "overdue" in project.run("status").expect(0).out
    project.sync()
    shown = project.run("status").expect(0).out
    assert "overdue" not in shown
    with loop(project) as running:
        until(lambda: execute(project, "SELECT 1 FROM replicas"))
        time.sleep(2.5)
        assert ended_runs(project) == 2, "what was missed has been made up for"
        assert running.end() == 0
