"""Every test of the state runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.clock import SystemClock
from reconciler.model.document import DocumentId
from reconciler.state.database import Database, open_database

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAPPING = DocumentId("ProfileFieldMapping", "acme-profile")

Open = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database that does not exist yet (SQLite), or is empty (PostgreSQL)."""
    if request.param == "sqlite":
        return "sqlite:///var/reconciler.db"
    return request.getfixturevalue("postgres").create_schema()


@pytest.fixture
def open_again(url: str, tmp_path: Path) -> Iterator[Open]:
    """Opens the database of this test as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(open_database(url, clock=SystemClock(), root=tmp_path))


@pytest.fixture
def database(open_again: Open) -> Database:
    return open_again()
