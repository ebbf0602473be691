"""pytest plugin: coverage is measured where it tells something. Tracing makes a test take almost twice as long.

Not measured are stories told once more: pages of the documentation, copies of the program, kills at any moment, and on
PostgreSQL what was measured on SQLite. What differs between databases is in `state` and `connectors`: their tests are measured.
The processes that a test starts are measured if the test is.
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
def unmeasured() -> Iterator[None]:
    """Nothing in here is measured, nor are processes and threads that are started in here, for as long as they live."""
    from coverage import Coverage

    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    inherited = {name: os.environ.pop(name) for name in VARIABLES if name in os.environ}
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()
        os.environ.update(inherited)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if is_measured(item.nodeid):
        return (yield)
    with unmeasured():
        return (yield)
