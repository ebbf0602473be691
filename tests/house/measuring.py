"""pytest plugin: processes are measured where that tells something. Tracing makes one take almost twice as long.

Not measured are processes of stories told once more: pages of the documentation, copies of the program, kills at any moment,
and on PostgreSQL what was measured on SQLite. What differs between databases is in `state` and `connectors`: their tests are
measured.

What a test does in its own process is always measured. To stop and start that again is not safe while other threads run: the
interpreter may refuse to trace, without an error, and all that follows would be missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

UNMEASURED = (
    "tests/acceptance/test_calls.py",
    "tests/acceptance/test_ci_jobs.py",
    "tests/delivery/",
    "tests/docs/",
    "tests/house/",
    "tests/integration/test_disk.py",
    "tests/integration/test_import_kills.py",
    "tests/integration/test_kills.py",
    "tests/integration/test_sync_kills.py",
    "tests/loop/test_crashes.py",
    "tests/loop/test_replicas.py",
    "tests/migration/",
    "tests/sandbox/test_sandbox_life.py::test_a_hundred_thousand_people_stay_small_and_quick_to_read",
)
PER_DATABASE = ("tests/connectors/", "tests/state/")

# By these coverage knows in a started Python that it has to measure.
VARIABLES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def is_measured(nodeid: str) -> bool:
    if nodeid.startswith(PER_DATABASE):
        return True
    return not nodeid.startswith(UNMEASURED) and "postgresql" not in nodeid.partition("[")[2]


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
