"""pytest plugin: which tests are measured. Tracing makes a test, and each process that it starts, take almost twice as long.

Marked `unmeasured` are stories told once more: pages of the documentation, copies of the program, kills at any moment, and on
PostgreSQL what is measured on SQLite; what differs between databases is in `state` and `connectors`, whose tests are measured
on both. Marked are also tests whose processes may not write as much as is measured of them. `make test` runs the marked ones
by themselves.

A worker saves what it measured when its last test has ended. Left to the end of its process, as usual, that comes after
everything else that waits for it, and xdist kills a worker that takes ten seconds to end.
"""

from __future__ import annotations

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
    "tests/loop/test_simulated_company.py",
    "tests/loop/test_syncs.py",
    "tests/loop/test_trouble.py",
    "tests/migration/",
    "tests/sandbox/test_sandbox_life.py::test_a_hundred_thousand_people_stay_small_and_quick_to_read",
    "tests/state/test_database.py::TestSqliteFile::test_a_full_disk",
)
PER_DATABASE = ("tests/connectors/", "tests/state/")


def is_measured(nodeid: str) -> bool:
    if nodeid.startswith(UNMEASURED):
        return False
    return nodeid.startswith(PER_DATABASE) or "postgresql" not in nodeid.partition("[")[2]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "unmeasured: runs without coverage")


def pytest_itemcollected(item: pytest.Item) -> None:
    if not is_measured(item.nodeid):
        item.add_marker("unmeasured")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    measured = Coverage.current()
    if measured is not None and hasattr(session.config, "workerinput"):
        measured.stop()
        measured.save()
