"""Rows of a warehouse as records of Gainsight CS: every object, from the YAML to the tenant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.warehouses import Warehouse, calls, records
from tests.acceptance.world import World


@pytest.fixture
def warehouse(tmp_path: Path, world: World, database_url: str | None) -> Warehouse:
    return Warehouse(tmp_path / "acme", world, database_url)


def companies(*numbers: int, **more: object) -> list[dict[str, object]]:
    return [{"name": f"Company {n}", "seats": n, "region": "North", "renewal": "2027-01-31", **more} for n in numbers]


def test_companies(warehouse: Warehouse) -> None:
    warehouse.model("companies", "name", companies(*range(120)))
    warehouse.flow(
        "companies",
        "Company",
        "Name: name",
        "field: Employees, column: seats",
        "field: Region__gc, column: region",
        "field: RenewalDate, column: renewal",
        'field: Summary, template: "{name} has {seats} seats"',
        "field: Stage, constant: Launched",
    )
    warehouse.ready()
    assert warehouse.outcomes("companies") == {"created": 600}
    assert calls(warehouse.world) == {"read": 1, "write": 3}
    found = records(warehouse.world, "company", "Name", "Employees", "Region__gc", "Summary")
    assert found["Company 7"] == (7, "North", "Company 7 has 7 seats")

    assert warehouse.outcomes("companies") == {"unchanged": 600}
    assert calls(warehouse.world) == {}

    warehouse.execute("UPDATE companies SET seats = 1000 WHERE seats = 7")
    assert warehouse.outcomes("companies") == {"unchanged": 598, "updated": 2}
    assert calls(warehouse.world) == {"read": 1, "write": 1}
    found = records(warehouse.world, "company", "Name", "Employees", "Region__gc", "Summary")
    assert found["Company 7"] == (1000, "North", "Company 7 has 1000 seats")


def test_persons(warehouse: Warehouse) -> None:
    people = [{"email": f"New.{n}@Example.org", "first": "Ann", "last": f"No {n}"} for n in range(60)]
    warehouse.model("people", "email", people)
    warehouse.flow(
        "people", "Person", "Email: email", "field: FirstName, column: first", "field: LastName, column: last"
    )
    warehouse.ready()
    assert warehouse.outcomes("people") == {"created": 120}
    found = records(warehouse.world, "person", "Email", "FirstName", "LastName")
    assert {values for email, values in found.items() if email.startswith("new.")} == {
        ("Ann", f"No {n}") for n in range(60)
    }
    assert warehouse.outcomes("people") == {"unchanged": 120}
    assert calls(warehouse.world) == {}
