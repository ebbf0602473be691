"""The loop: as a process beside others, and in this one with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.fixtures import database_url, on_both, project, tidy_world, world
from tests.acceptance.projects import TITLE, ProjectFolder
from tests.acceptance.world import World, running
from tests.loop.processes import hurried
from tests.loop.simulated import DOCUMENT, START, HandClock, Simulation, simulate

__all__ = ["database_url", "on_both", "project", "tidy_world", "world"]


@pytest.fixture(scope="module")
def few() -> Iterator[World]:
    """Four people: a cycle takes no time."""
    yield from running(Sandbox(SandboxConfig(people=4, quirks=False, person_null_share=0.0, community_objects=False)))


@pytest.fixture
def acme(few: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """A project on SQLite with a pulled catalog; nothing is applied."""
    return _project(few, tmp_path, None, monkeypatch)


@pytest.fixture
def on_each(few: World, tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """The same on SQLite, then on PostgreSQL."""
    return _project(few, tmp_path, database_url, monkeypatch)


def _project(world: World, folder: Path, url: str | None, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    world.reset()
    project = ProjectFolder(folder / "acme", world, url)
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    project.mapping(DOCUMENT, [TITLE])
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


@pytest.fixture
def clock() -> HandClock:
    return HandClock(START)


@pytest.fixture
def acting(acme: ProjectFolder, clock: HandClock) -> Iterator[Simulation]:
    """A loop that has run its first cycle."""
    with simulate(acme, clock) as loop:
        loop.follow()
        assert [run.result for run in loop.runs()] == ["Success"]
        yield loop


@pytest.fixture
def simple(project: ProjectFolder) -> ProjectFolder:
    """A project on SQLite that a loop works on quickly."""
    return hurried(project)
