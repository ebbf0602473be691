"""What `plan` says a cycle costs, and what it does cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.test_syncs import companies
from tests.acceptance.warehouses import Warehouse, calls
from tests.acceptance.world import World

LIMITED = "rateLimit: {perMinute: 10, perDay: null}"


@pytest.fixture
def warehouse(tmp_path: Path, world: World) -> Warehouse:
    return Warehouse(tmp_path / "acme", world)


def test_the_plan_says_what_a_cycle_costs(warehouse: Warehouse) -> None:
    warehouse.model("companies", "name", companies(*range(260)))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.run("catalog", "pull", "acme-cs").expect(0)
    warehouse.edit_connection("rateLimit: {perMinute: null, perDay: null}", LIMITED)
    first = warehouse.run("plan").expect(0).out
    assert (
        "Sync/companies: no call while nothing changes; for each 1,000 records that are new 22 calls (2 reads, 20 writes), "
        "3 minutes at 10 calls a minute"
    ) in first
    warehouse.edit_connection(LIMITED, "rateLimit: {perMinute: null, perDay: null}")
    warehouse.apply()
    assert warehouse.outcomes("companies") == {"created": 260}
    actual = calls(warehouse.world)
    warehouse.flow("companies", "Company", "Name: name", "field: Users, column: seats")
    again = warehouse.run("plan").expect(0).out
    assert "when all 260 records of its last run are written 7 calls (1 read, 6 writes)\n" in again
    assert actual == {"read": 1, "write": 6}
    (cost,) = warehouse.run("plan", "--format", "json").expect(0).json["costs"]
    assert cost == {
        "kind": "Sync",
        "name": "companies",
        "records": 260,
        "example": False,
        "atMost": False,
        "reads": 1,
        "writes": 6,
        "polls": 0,
        "minutes": None,
    }


def test_a_saved_plan_may_cost_something_else_by_now(warehouse: Warehouse) -> None:
    """The costs are no part of what is applied."""
    warehouse.model("contacts", "email, company", [{"email": "a@example.org", "company": "X", "title": "CEO"}])
    warehouse.flow(
        "contacts", "Company Person", "Person Email: email, Company Name: company", "field: Title, column: title"
    )
    warehouse.run("catalog", "pull", "acme-cs").expect(0)
    file = warehouse.root / "plan.json"
    done = warehouse.run("plan", "--out", file).expect(0)
    assert "at most 64 calls (4 reads, 20 writes, 40 questions about jobs)" in done.out
    assert "Company Person" in warehouse.run("plan", "--format", "markdown").expect(0).out
    warehouse.run("apply", file).expect(0)
