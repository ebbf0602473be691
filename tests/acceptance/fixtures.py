"""Fixtures of the suites that work against a running sandbox; a conftest imports what its folder needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.projects import ProjectFolder
from tests.acceptance.world import World, running

PEOPLE = 30


@pytest.fixture(scope="module")
def tidy_world() -> Iterator[World]:
    """Everybody is one person, one company person, one member of one of two communities. CS has no objects of imports."""
    yield from running(
        Sandbox(SandboxConfig(people=PEOPLE, quirks=False, person_null_share=0.0, community_objects=False))
    )


@pytest.fixture
def world(tidy_world: World) -> World:
    """The tidy world as it was at the start."""
    tidy_world.reset()
    return tidy_world


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None stands for the project's own SQLite file."""
    if request.param == "sqlite":
        return None
    return str(request.getfixturevalue("postgres").create_schema())


@pytest.fixture
def project(tmp_path: Path, world: World) -> ProjectFolder:
    """A project on SQLite, nothing applied yet."""
    return ProjectFolder(tmp_path / "acme", world)


@pytest.fixture
def on_both(tmp_path: Path, world: World, database_url: str | None) -> ProjectFolder:
    """A project on SQLite, then one on PostgreSQL."""
    return ProjectFolder(tmp_path / "acme", world, database_url)
