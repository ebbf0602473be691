"""Killing commands at random moments, and looking at what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.commands import REPOSITORY, environment
from tests.acceptance.projects import ProjectFolder


class Forker:
    """Starts commands of one project within a millisecond, so that a kill hits their work and not their imports."""

    def __init__(self, process: subprocess.Popen[str], project: ProjectFolder) -> None:
        self._process = process
        self._project = project

    def run(self, *arguments: str, kill_after: float | None = None) -> tuple[int, float]:
        """Exit code (negative: the signal) and seconds; `kill_after` seconds SIGKILL ends it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        started = time.perf_counter()
        print(json.dumps([*arguments, "--project", str(self._project.root)]), file=self._process.stdin, flush=True)
        child = int(self._process.stdout.readline())
        if kill_after is not None:
            time.sleep(max(0.0, kill_after - (time.perf_counter() - started)))
            # The child is not reaped before its line is read, but the forker may already have done it: then it is over.
            _kill(child)
        return int(self._process.stdout.readline()), time.perf_counter() - started


def _kill(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def forker(project: ProjectFolder) -> Iterator[Forker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.forker"],
        cwd=REPOSITORY,
        env=environment(project.env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Forker(process, project)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)


def let_leases_end(project: ProjectFolder) -> None:
    """Fifteen seconds go by: the leases of whoever was killed are over."""
    execute(project, "UPDATE leases SET expires_at = 0")


def execute(project: ProjectFolder, statement: str) -> list[tuple[Any, ...]]:
    """Rows of one statement on the state database, past the program; no rows where there is no database yet."""
    if project.database is not None:
        with psycopg.connect(project.database, autocommit=True) as server:
            try:
                cursor = server.execute(statement)
            except psycopg.errors.UndefinedTable:
                return []
            return cursor.fetchall() if cursor.description else []
    path = project.root / "var/reconciler.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=10)) as file:
        rows = file.execute(statement).fetchall()
        file.commit()
        return rows


def state_serial(project: ProjectFolder) -> int:
    """The serial in the state file, which must parse; 0 when there is none yet."""
    path: Path = project.root / "var/state.json"
    if not path.exists():
        return 0
    return int(json.loads(path.read_bytes())["serial"])
