"""Loops in processes of their own, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

from tests.acceptance.commands import command, environment
from tests.acceptance.projects import ProjectFolder
from tests.integration.kills import execute

T = TypeVar("T")

QUICK = "  loop: {poll: 1s, jitter: 0s, retry: {first: 1s, longest: 2s}}\n"
"""Settings of a project whose loop a test waits for."""


def hurried(project: ProjectFolder) -> ProjectFolder:
    """The project with quick settings and a pulled catalog, and nothing applied."""
    project.limits = QUICK
    project.write_project()
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


def until(look: Callable[[], T], seconds: float = 40.0) -> T:
    """What `look` gives as soon as that is something; the test fails when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@dataclass
class Running:
    """A loop in a process of its own; everything that it prints goes to a file."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float = field(default_factory=time.monotonic)

    @property
    def text(self) -> str:
        self.log.flush()
        return os.pread(self.log.fileno(), 10_000_000, 0).decode()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM, within: float = 15.0) -> int:
        """Send a signal, not before there is somebody to hear it, and wait. Gives the exit code."""
        until(lambda: "loop.started" in self.text)
        self.send(number)
        return self.process.wait(within)

    def ended(self, within: float = 40.0) -> int:
        return self.process.wait(within)


@contextlib.contextmanager
def loop(project: ProjectFolder, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """`reconcile run`; whatever is left of it afterwards is killed."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command("run", "--listen", "none", *options),
            cwd=project.root,
            env=environment({**project.env, **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        running = Running(process, log)
        try:
            yield running
        except BaseException:
            print(running.text)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def runs(project: ProjectFolder) -> list[tuple[Any, ...]]:
    """(document, trigger, result) of every run, in order."""
    return execute(project, "SELECT document, trigger, result FROM runs ORDER BY id")


def ended_runs(project: ProjectFolder, document: str = "acme-profile") -> int:
    rows = execute(project, f"SELECT count(*) FROM runs WHERE document = '{document}' AND ended_at IS NOT NULL")
    return int(rows[0][0]) if rows else 0


def mapped(project: ProjectFolder, document: str = "acme-profile") -> set[str]:
    """Profile fields that are recorded for a document: what its status shows, for whoever asks ten times a second."""
    return {item for (item,) in execute(project, f"SELECT item FROM statuses WHERE name = '{document}' AND item <> ''")}


def conditions(project: ProjectFolder, subject: str = "config") -> dict[str, tuple[str, str]]:
    """Condition → (reason, hint)."""
    rows = execute(project, f"SELECT condition, reason, hint FROM conditions WHERE subject = '{subject}'")
    return {condition: (reason, hint) for condition, reason, hint in rows}


def make_due(project: ProjectFolder, documents: Sequence[str] = ()) -> None:
    """As if the last slots had been long ago. Imports that wait are never due. Slots go first: once a document is due, a loop may
    have a new one of it at once."""
    which = " OR ".join(f"name = '{name}'" for name in documents) or "kind <> 'CommunityImport'"
    past = "2026-01-01T00:00:00.000000Z"
    execute(project, f"DELETE FROM slots WHERE {which}")
    execute(project, f"UPDATE schedules SET last_slot = '{past}', due_at = '{past}' WHERE {which}")
