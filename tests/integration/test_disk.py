"""The disk of the database fills up while values are sent, or cannot be written at all."""

from __future__ import annotations

import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.state.database import open_database
from tests.acceptance import commands
from tests.acceptance.expectation import wanted
from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, TITLE, ProjectFolder
from tests.integration.disks import can_mount, fill, full, read_only, small_disk
from tests.integration.kills import execute, let_leases_end

LINES = [TITLE, COUNTRY, RENEWAL, ROLE]
READERS = (
    ("status",), ("status", "--output", "json"), ("plan",), ("export",), ("records", "acme-profile"), ("activity",),
    ("activity", "1"), ("state", "show"), ("doctor", "--offline"),
)  # fmt: skip


@pytest.fixture
def disk(project: ProjectFolder, tmp_path: Path) -> Iterator[Path]:
    """The project's `var` on a small disk of its own, as root; elsewhere an ordinary folder, which tests look at."""
    folder = project.root / "var"
    if not can_mount(tmp_path / "try"):
        folder.mkdir()
        yield folder
        return
    with small_disk(folder, 2048):
        yield folder


def _batch_is_open(project: ProjectFolder, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not project.world.control("GET", "state")["writes"]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert execute(project, "SELECT count(*) FROM batches WHERE closed_at IS NULL") != [(0,)]


def _assert_told(project: ProjectFolder, done: commands.Done) -> int:
    """The error says how many values are sent and not on record; the community has as many and not more."""
    found = re.search(r"up to ([\d,]+) values? may have been sent without being recorded", done.err)
    assert found, done.err
    assert "and the next cycle sends them again" in done.err
    assert "free s" in done.err, "the hint names the space"
    assert "Traceback" not in done.all
    told, sent = int(found.group(1).replace(",", "")), len(project.world.new_writes())
    acknowledged = execute(project, "SELECT coalesce(sum(json_extract(tally, '$.updated')), 0) FROM runs")[0][0]
    assert sent - acknowledged <= told <= sent
    assert told
    return sent


def _assert_resumed(project: ProjectFolder) -> None:
    (run,) = project.run("activity", "--output", "json").expect(0).json["runs"]
    assert (run["result"], run["reason"]) == ("Interrupted", "cut off; the next cycle resumes it")
    assert "run 1 was cut off; the next cycle resumes it" in project.run("status").expect(0).out
    project.sync()
    target = wanted(project.world, LINES)
    assert {key: value for key, value in project.world.profiles().items() if key in target} == target
    runs = project.run("activity", "--output", "json").expect(0).json["runs"]
    assert [run["result"] for run in runs] == ["Success", "Interrupted"]
    assert "cut off" not in project.run("status").expect(0).out


def test_a_new_database_is_whole_or_not_there(tmp_path: Path) -> None:
    """Whatever fills up: SQLite's log while tables are made, or the file when they go there from the log."""
    if not can_mount(tmp_path / "try"):
        return
    with open_database("sqlite:///whole.db", clock=SystemClock(), root=tmp_path) as database:
        database.migrate()
    whole = (tmp_path / "whole.db").stat().st_size
    outcomes = set()
    for kilobytes in range(whole // 2048, whole * 3 // 1024, whole // 8192):
        with small_disk(tmp_path / "small", kilobytes):
            with open_database("sqlite:///small/x.db", clock=SystemClock(), root=tmp_path) as database:
                try:
                    database.migrate()
                except errors.StateUnavailable as refused:
                    assert "no space is left" in str(refused)
            files = [path.name for path in (tmp_path / "small").iterdir()]
            if files:
                assert files == ["x.db"]
                assert (tmp_path / "small" / "x.db").stat().st_size == whole
            outcomes.add(bool(files))
    assert outcomes == {False, True}


def test_a_disk_that_fills_up_in_mid_cycle(project: ProjectFolder, disk: Path) -> None:
    """As root on a disk of its own; the test below needs no rights."""
    if not disk.is_mount():
        return
    project.mapping("acme-profile", LINES)
    project.ready()
    project.world.new_writes()
    project.world.fault({"delay": 0.05}, method="PUT", path="/profile_field/")
    process = project.start("sync", "acme-profile")
    _batch_is_open(project, process)
    fill(disk / "filler")
    done = commands.finish(process).expect(1)
    assert "cannot grow: no space is left on its disk" in done.err
    _assert_told(project, done)
    for words in (("status",), ("activity",), ("plan",)):
        project.run(*words).expect(0)
    (disk / "filler").unlink()
    project.world.heal()
    let_leases_end(project)
    _assert_resumed(project)


def test_a_file_that_may_not_grow_in_mid_cycle(project: ProjectFolder) -> None:
    """A limit on the size of files, set while the cycle sends its first batches, stands for the full disk."""
    project.mapping("acme-profile", LINES)
    project.ready()
    project.world.new_writes()
    project.world.fault({"delay": 0.05}, method="PUT", path="/profile_field/")
    # What measures the tests writes files, too, and would fail first.
    project.env |= {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    process = project.start("sync", "acme-profile")
    _batch_is_open(project, process)
    wal = (project.root / "var/reconciler.db-wal").stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (wal, wal))
    done = commands.finish(process).expect(1)
    _assert_told(project, done)
    project.world.heal()
    let_leases_end(project)
    _assert_resumed(project)


def _without_room(state: str) -> Callable[[Path], AbstractContextManager[None]]:
    return {"read-only": read_only, "full": full}[state]


@pytest.mark.parametrize("state", ["read-only", "full"])
def test_who_only_looks_needs_no_room(project: ProjectFolder, disk: Path, state: str) -> None:
    project.ready().sync()
    expected = {words: project.run(*words).expect(0).out for words in READERS}
    if not disk.is_mount():
        return
    assert not list(disk.glob("*-wal")), "a clean end leaves one file"
    before = (disk / "reconciler.db").read_bytes()
    with _without_room(state)(disk):
        for words in READERS:
            done = project.command(*words).expect(0)
            assert _lasting(done.out) == _lasting(expected[words]), words
            assert done.err == ""
        for words in (("sync", "acme-profile"), ("state", "rebuild")):
            done = project.command(*words).expect(1)
            assert "hint: check" in done.err, words
    assert (disk / "reconciler.db").read_bytes() == before
    project.sync()


def _lasting(text: str) -> str:
    """Without what changes with the clock, and with one kind of line break."""
    return re.sub(r"\d\d:\d\d:\d\dZ?", "TIME", text.replace("\r\n", "\n"))


@pytest.mark.parametrize("state", ["read-only", "full"])
def test_what_a_killed_cycle_left_is_read_too(project: ProjectFolder, disk: Path, state: str) -> None:
    """Its last commits are in the `-wal`, which SQLite can read where the `-shm` is still there."""
    if not disk.is_mount():
        return
    _killed(project)
    with _without_room(state)(disk):
        let_it_end = project.command("activity", "--output", "json").expect(0).json["runs"]
        assert [run["id"] for run in let_it_end] == [1]
        for words in (("status",), ("plan",), ("export",)):
            project.command(*words).expect(0)


@pytest.mark.parametrize("state", ["read-only", "full"])
def test_commits_that_cannot_be_read_are_not_left_out_in_silence(
    project: ProjectFolder, disk: Path, state: str
) -> None:
    """As after copying the database with its `-wal`, and without the `-shm`, to a disk that cannot be written."""
    if not disk.is_mount():
        return
    _killed(project)
    (disk / "reconciler.db-shm").unlink()
    with _without_room(state)(disk):
        for words in (("status",), ("plan",), ("export",), ("records", "acme-profile"), ("activity",)):
            done = project.command(*words).expect(1)
            assert "its last changes are still in" in done.err, words
            assert "reconciler.db-wal" in done.err
            assert "hint: make the folder writable" in done.err
            assert done.err.count("last changes") == 1
    assert [run["id"] for run in project.run("activity", "--output", "json").expect(0).json["runs"]] == [1]


def _killed(project: ProjectFolder) -> None:
    project.ready()
    project.world.fault({"delay": 0.05}, method="PUT", path="/profile_field/")
    process = project.start("sync", "acme-profile")
    _batch_is_open(project, process)
    process.kill()
    process.communicate()
    project.world.heal()
    assert (project.root / "var/reconciler.db-wal").stat().st_size
