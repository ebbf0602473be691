"""Syncs that other things start: a document that has succeeded, and an apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.warehouses import Warehouse
from tests.acceptance.world import World
from tests.integration.kills import execute
from tests.loop.processes import QUICK, ended_runs, loop, runs, until

ROWS = [{"name": f"C{n}", "seats": n} for n in range(3)]


@pytest.fixture
def warehouse(tmp_path: Path, world: World, database_url: str | None) -> Warehouse:
    project = Warehouse(tmp_path / "acme", world, database_url, limits=QUICK)
    for name in ("one", "two", "three"):
        project.model(name, "name", ROWS)
        declare(project, name)
    project.run("catalog", "pull", "acme-cs").expect(0)
    return project


def declare(project: Warehouse, name: str, rest: str = "") -> None:
    field = {"one": "Employees", "two": "Users", "three": "Mrr"}[name]
    project.flow(name, "Company", "Name: name", f"field: {field}, column: seats", rest=rest)


def waiting(project: Warehouse) -> list[tuple[str, str]]:
    found = execute(project, "SELECT name, requested_by FROM requests WHERE closed_at IS NULL ORDER BY name")
    return [(str(name), str(by)) for name, by in found]


def test_a_document_that_succeeds_asks_for_those_after_it(warehouse: Warehouse) -> None:
    declare(warehouse, "three", "  after: [one, Sync/two]\n")
    warehouse.apply()
    warehouse.sync("one")
    assert waiting(warehouse) == []
    warehouse.sync("two")
    assert waiting(warehouse) == [("three", "after one, Sync/two")]
    warehouse.sync("three")
    assert waiting(warehouse) == []
    warehouse.sync("one")
    warehouse.sync("one")
    assert waiting(warehouse) == [], "two has not run again"
    warehouse.rows("two", [])
    warehouse.sync("two", code=4)
    assert waiting(warehouse) == [], "a failed one starts nothing"
    warehouse.rows("two", ROWS)
    warehouse.sync("two")
    assert waiting(warehouse) == [("three", "after one, Sync/two")]


def test_what_is_suspended_is_asked_for_when_it_goes_on(warehouse: Warehouse) -> None:
    declare(warehouse, "two", "  after: [one]\n")
    warehouse.apply()
    warehouse.run("suspend", "two").expect(0)
    warehouse.sync("one")
    assert waiting(warehouse) == []
    warehouse.run("resume", "two").expect(0)
    assert waiting(warehouse) == [("two", "after one")]


def test_a_loop_runs_the_chain_and_what_was_applied(warehouse: Warehouse) -> None:
    declare(warehouse, "one", "  runOnApply: true\n")
    declare(warehouse, "two", "  after: [one]\n")
    with loop(warehouse) as running:
        until(lambda: ended_runs(warehouse, "two") == 1)
        assert runs(warehouse) == [("one", "request", "Success"), ("two", "request", "Success")]
        warehouse.replace("mappings/model-one.yaml", "table: one", "sql: SELECT * FROM one WHERE seats > 0")
        until(lambda: ended_runs(warehouse, "two") == 2)
        assert runs(warehouse)[2:] == [("one", "request", "Success"), ("two", "request", "Success")]
        assert (
            warehouse.run("status", "three", "--output", "json").expect(0).json["documents"][0]["status"] == "Pending"
        )
        assert running.end() == 0
    assert waiting(warehouse) == []


def test_a_schedule_and_a_failure_that_is_tried_again(warehouse: Warehouse) -> None:
    declare(warehouse, "one", "  schedule: {every: 1h}\n")
    declare(warehouse, "two", "  after: [one]\n")
    with loop(warehouse) as running:
        warehouse.execute("ALTER TABLE two RENAME TO gone")
        until(lambda: ("two", "retry", "Failed") in runs(warehouse))
        warehouse.execute("ALTER TABLE gone RENAME TO two")
        until(lambda: ("two", "retry", "Success") in runs(warehouse))
        assert ("one", "schedule", "Success") in runs(warehouse)
        assert running.end() == 0


def test_two_documents_never_write_to_one_object_at_once(warehouse: Warehouse) -> None:
    """Both would find that the companies are not there, and create them."""
    rows = [{"name": f"New {n}", "seats": n} for n in range(150)]
    for name in ("one", "two", "three"):
        warehouse.rows(name, rows)
        declare(warehouse, name, "  schedule: {every: 1d}\n")
    # Long enough for each to look before another one has created anything.
    warehouse.world.fault({"delay": 1.5}, side="cs", method="POST", path="data/objects/company$")
    with loop(warehouse) as running:
        until(lambda: all(ended_runs(warehouse, name) for name in ("one", "two", "three")), 60)
        assert running.end() == 0
    names = [row["Name"] for row in warehouse.world.query("company", ["Name"]) if row["Name"].startswith("New ")]
    assert len(names) == len(set(names)) == 150
    assert {result for _, _, result in runs(warehouse)} == {"Success"}
