"""Whatever a database has lost of an import is written again: tables that were dropped or emptied, columns, or all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.communities import ONE, TWO, Imports, connected
from tests.acceptance.world import World

CONTENT, TREND, USER = "Community Content", "Community Trend", "Community acme-en User"


@pytest.fixture(scope="module")
def connected_world() -> Iterator[World]:
    yield from connected()


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request: pytest.FixtureRequest, tmp_path: Path, connected_world: World) -> Imports:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world)
    project.into_database("" if request.param == "sqlite" else request.getfixturevalue("postgres").create_database())
    project.ready()
    return project


def execute(project: Imports, statement: str) -> None:
    if project.warehouse_url:
        with psycopg.connect(project.warehouse_url, autocommit=True) as server:
            server.execute(statement)  # type: ignore[arg-type]
        return
    with closing(sqlite3.connect(project.root / "warehouse.db")) as file:
        file.execute(statement)
        file.commit()


def everything(project: Imports) -> dict[str, dict[str, tuple[Any, ...]]]:
    return {
        CONTENT: project.records(CONTENT, "Content Data Identifier", "Title", "Author Name", "Deleted"),
        TREND: project.records(TREND, "Trend Identifier", "Topics Created", "Members Joined"),
        USER: project.records(USER, "Community User Id", "Username", "Email", "Person"),
    }


@pytest.mark.parametrize("statement", ["DROP TABLE community_content", "DELETE FROM community_content"])
def test_records_of_a_table_that_was_dropped_or_emptied_are_written_again(project: Imports, statement: str) -> None:
    first, second = project.cycle(ONE), project.cycle(TWO)
    before = everything(project)
    execute(project, statement)
    again = project.cycle(ONE)
    assert again["mappings"]["Content"]["created"] == first["mappings"]["Content"]["created"] > 0
    assert sum(one["created"] for one in again["mappings"].values()) == again["mappings"]["Content"]["created"]
    # Each import writes its own part of what they share.
    assert project.cycle(TWO)["mappings"]["Content"]["created"] == second["mappings"]["Content"]["created"] > 0
    assert everything(project) == before
    assert project.wrote(ONE) == project.wrote(TWO) == {}


def test_a_column_that_was_dropped_is_filled_again(project: Imports) -> None:
    project.cycle()
    before = everything(project)
    execute(project, "ALTER TABLE community_acme_en_user DROP COLUMN email")
    with_email = sum(1 for _, email, _ in before[USER].values() if email is not None)
    assert project.wrote() == {"User": with_email}
    assert everything(project) == before
    assert project.wrote() == {}


def test_a_database_that_is_another_one_gets_everything(
    project: Imports, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    first = project.wrote()
    before = everything(project)
    if project.warehouse_url:
        project.warehouse_url = request.getfixturevalue("postgres").create_database()
        project.env["WAREHOUSE_URL"] = project.warehouse_url
    else:
        (project.root / "warehouse.db").rename(tmp_path / "elsewhere.db")
    assert project.wrote() == first
    assert everything(project) == before
