"""pytest plugin: processes are measured where that tells something. Tracing makes one take almost twice as long.

Not measured are processes of stories told once more: pages of the documentation, copies of the program, kills at any moment,
and on PostgreSQL what was measured on SQLite. What differs between databases is in `state` and `connectors`: their tests are
measured. Nor are processes whose files may not become as large as what is measured of them.

What a test does in its own process is always measured. To stop and start that again is not safe while other threads run: the
interpreter may refuse to trace, without an error, and all that follows would be missing.

A worker saves what it measured when its last test has ended. Left to the end of its process, as usual, that comes after
everything else that waits for it, and xdist kills a worker that takes ten seconds to end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from coverage import Coverage

UNMEASURED = (
    "tests/acceptance/test_calls.py",
    "tests/acceptance/test_ci_jobs.py",
    "tests/acceptance/test_cursors.py",
    "tests/acceptance/test_import_erasure.py",
    "tests/acceptance/test_import_runs.py",
    "tests/acceptance/test_safety.py",
    "tests/delivery/",
    "tests/docs/",
    "tests/house/",
    "tests/integration/test_disk.py",
    "tests/integration/test_import_kills.py",
    "tests/integration/test_interrupts.py",
    "tests/integration/test_kills.py",
    "tests/integration/test_state.py",
    "tests/integration/test_sync_kills.py",
    "tests/loop/test_branch.py",
    "tests/loop/test_chain.py",
    "tests/loop/test_crashes.py",
    "tests/loop/test_imports.py",
    "tests/loop/test_replicas.py",
    "tests/loop/test_syncs.py",
    "tests/loop/test_trouble.py",
    "tests/migration/",
    "tests/sandbox/test_sandbox_life.py::test_a_hundred_thousand_people_stay_small_and_quick_to_read",
    "tests/state/test_database.py::TestSqliteFile::test_a_full_disk",
)
PER_DATABASE = ("tests/connectors/", "tests/state/")

# By these coverage knows in a started Python that it has to measure.
VARIABLES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def is_measured(nodeid: str) -> bool:
    if nodeid.startswith(UNMEASURED):
        return False
    return nodeid.startswith(PER_DATABASE) or "postgresql" not in nodeid.partition("[")[2]


@contextmanager
def unmeasured_processes() -> Iterator[None]:
    """Processes that are started in here are not measured, for as long as they live."""
    inherited = {name: os.environ.pop(name) for name in VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(inherited)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if is_measured(item.nodeid):
        return (yield)
    with unmeasured_processes():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    measured = Coverage.current()
    if measured is not None and hasattr(session.config, "workerinput"):
        measured.stop()
        measured.save()
