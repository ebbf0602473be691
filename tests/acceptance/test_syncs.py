"""Rows of a warehouse as records of Gainsight CS: every object, from the YAML to the tenant."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.acceptance.warehouses import ElsewhereWarehouse, Warehouse, calls, records
from tests.acceptance.world import World
from tests.integration.kills import execute
from tests.postgres import Postgres


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


def test_a_cycle_ends_in_silence(tmp_path: Path, world: World, postgres: Postgres) -> None:
    """The driver of DuckDB tells of everything that is left of it when its process ends."""
    warehouse = ElsewhereWarehouse(tmp_path / "acme", world, postgres, dialect="duckdb", state="sqlite")
    warehouse.model("companies", "name", companies(1, 2))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    for _ in range(2):
        assert warehouse.command("sync", "companies").expect(0).err == ""


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


def test_company_persons_are_found_by_names(warehouse: Warehouse) -> None:
    world = warehouse.world
    names = [row["Name"] for row in world.query("company", ["Name"])][:2]
    people = [row["Email"] for row in world.query("person", ["Email"])][:3]
    rows = [{"email": people[0], "company": names[1], "title": "CFO", "seats": None}]
    rows += [{"email": f"new{n}@example.org", "company": names[n % 2], "title": "CEO", "seats": n} for n in range(70)]
    rows += [{"email": "cto@example.org", "company": "No such company", "title": "CTO", "seats": 1}]
    warehouse.model("contacts", "email, company", rows)
    warehouse.flow(
        "contacts",
        "Company Person",
        "Person Email: email, Company Name: company",
        "field: Title, column: title",
        "field: Seats__gc, column: seats",
    )
    warehouse.ready()
    assert warehouse.outcomes("contacts", code=3) == {"created": 141, "rejected": 2, "skipped": 1}
    assert calls(world)["read"] == 2
    assert warehouse.rejected("contacts") == [
        ("Seats__gc", ["No such company", "cto@example.org"], "company-unknown"),
        ("Title", ["No such company", "cto@example.org"], "company-unknown"),
    ]
    found = [(row["Title"], row["Seats__gc"]) for row in world.query("company_person", ["Title", "Seats__gc"])]
    assert [title for title, _ in found].count("CFO") == 1
    assert sorted(seats for title, seats in found if title == "CEO") == list(range(70))
    warehouse.execute("UPDATE contacts SET company = ? WHERE title = 'CTO'", names[0])
    assert warehouse.outcomes("contacts") == {"created": 2, "unchanged": 141, "skipped": 1}
    assert calls(world)["write"] == 1


def test_relationship_persons(warehouse: Warehouse) -> None:
    world = warehouse.world
    company = world.query("company", ["Name", "Gsid"])[0]
    found = [
        row["Name"] for row in world.query("relationship", ["Name", "CompanyId"]) if row["CompanyId"] == company["Gsid"]
    ]
    rows = [
        {"email": f"rel{n}@example.org", "company": company["Name"], "relationship": found[0], "role": "User"}
        for n in range(5)
    ]
    warehouse.model("members", "email, company, relationship", rows)
    warehouse.flow(
        "members",
        "Relationship Person",
        "Person Email: email, Company Name: company, Relationship Name: relationship",
        "field: Role, column: role",
    )
    warehouse.ready()
    assert warehouse.outcomes("members") == {"created": 5}
    assert [row["Role"] for row in world.query("relationship_person", ["Role"])].count("User") >= 5
    assert warehouse.outcomes("members") == {"unchanged": 5}


ONBOARDINGS = [
    {"id": f"O{n}", "name": f"Onboarding {n}", "phase": "In Progress", "owner": None, "hours": n / 4, "blocked": n % 2}
    for n in range(60)
]


def onboardings(warehouse: Warehouse, *more: str, behavior: str = "update-or-create") -> None:
    warehouse.flow(
        "onboardings",
        "Onboarding",
        "External_Id__gc: id",
        "field: Name, column: name",
        "field: Phase__gc, column: phase",
        "field: Hours__gc, column: hours",
        "field: Blocked__gc, column: blocked",
        *more,
        behavior=behavior,
    )


def test_a_custom_object_with_lookups_and_values_of_many_types(warehouse: Warehouse) -> None:
    world = warehouse.world
    users = [row["Email"] for row in world.query("gsuser", ["Email"])]
    rows = [{**row, "owner": users[0] if n else "nobody@example.org"} for n, row in enumerate(ONBOARDINGS)]
    warehouse.model("onboardings", "id", rows)
    onboardings(warehouse, "field: Owner__gc, column: owner, lookup: Email")
    warehouse.ready()
    assert warehouse.outcomes("onboardings", code=3) == {"created": 59 * 5, "rejected": 5}
    assert calls(world) == {"read": 2, "write": 2}
    assert {reason for _, _, reason in warehouse.rejected("onboardings")} == {"lookup-unknown"}
    found = records(world, "Onboarding__gc", "External_Id__gc", "Hours__gc", "Blocked__gc", "Owner__gc__gr.Email")
    assert found["O7"] == (1.75, True, users[0])


def test_a_lookup_that_has_the_type_of_an_id(warehouse: Warehouse) -> None:
    """As the parent of a company has: its values are names nevertheless, where `lookup` says so."""
    rows = [{"name": f"Child {n}", "parent": parent} for n, parent in enumerate(("Northwind Robotics", "No One", None))]
    warehouse.model("companies", "name", rows)
    warehouse.flow("companies", "Company", "Name: name", "field: ParentCompany, column: parent, lookup: Name")
    warehouse.ready()
    assert warehouse.outcomes("companies", code=3) == {"created": 1, "rejected": 1, "skipped": 1}
    assert warehouse.rejected("companies") == [("ParentCompany", ["Child 1"], "lookup-unknown")]
    found = records(warehouse.world, "company", "Name", "Gsid", "ParentCompany")
    assert found["Child 0"][1] == found["Northwind Robotics"][0]
    assert warehouse.outcomes("companies", code=3) == {"unchanged": 1, "rejected": 1, "skipped": 1}


def test_nulls_keep_clear_or_default(warehouse: Warehouse) -> None:
    world = warehouse.world
    warehouse.model("onboardings", "id", [{**row, "days": "2026-12-24", "plan": "A"} for row in ONBOARDINGS[:4]])
    onboardings(
        warehouse,
        "field: Go_Live__gc, column: days, whenNull: clear",
        "field: Remarks__gc, column: plan, whenNull: default, default: none yet",
    )
    warehouse.ready()
    assert warehouse.outcomes("onboardings") == {"created": 24}
    warehouse.execute("UPDATE onboardings SET days = NULL, plan = NULL, hours = NULL WHERE id = 'O2'")
    assert warehouse.outcomes("onboardings") == {"updated": 2, "unchanged": 21, "skipped": 1}
    found = records(world, "Onboarding__gc", "External_Id__gc", "Hours__gc", "Go_Live__gc", "Remarks__gc")
    hours, day, remarks = found["O2"]
    assert (hours, day or None, remarks) == (0.5, None, "none yet")
    assert warehouse.outcomes("onboardings") == {"unchanged": 23, "skipped": 1}
    assert calls(world) == {}
    warehouse.execute("UPDATE onboardings SET days = '2027-01-01' WHERE id = 'O2'")
    assert warehouse.outcomes("onboardings") == {"updated": 1, "unchanged": 22, "skipped": 1}


def test_a_field_that_is_only_filled(warehouse: Warehouse) -> None:
    world = warehouse.world
    warehouse.model("first", "id", ONBOARDINGS[:2])
    warehouse.flow(
        "first", "Onboarding", "External_Id__gc: id", "field: Name, column: name", "field: Phase__gc, column: phase"
    )
    warehouse.ready()
    warehouse.outcomes("first")
    warehouse.flow(
        "first",
        "Onboarding",
        "External_Id__gc: id",
        "field: Name, column: name, setIfEmpty: true",
        "field: Remarks__gc, column: phase, setIfEmpty: true",
    )
    warehouse.apply()
    warehouse.execute("UPDATE first SET name = 'Another', phase = 'Done'")
    assert warehouse.outcomes("first") == {"updated": 4}
    assert calls(world) == {"read": 1, "write": 1}
    found = records(world, "Onboarding__gc", "External_Id__gc", "Name", "Remarks__gc")
    assert found["O1"] == ("Onboarding 1", "Done")
    assert warehouse.outcomes("first") == {"unchanged": 4}


def test_update_only_creates_nobody(warehouse: Warehouse) -> None:
    world = warehouse.world
    known = [row["Name"] for row in world.query("company", ["Name"])][:2]
    warehouse.model("companies", "name", [{"name": name, "seats": 9} for name in [*known, "Nowhere Inc"]])
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats", behavior="update-only")
    warehouse.ready()
    before = len(world.query("company", ["Name"]))
    assert warehouse.outcomes("companies", code=3) == {"updated": 2, "rejected": 1}
    assert warehouse.rejected("companies") == [("Employees", ["Nowhere Inc"], "record-missing")]
    assert len(world.query("company", ["Name"])) == before
    assert warehouse.outcomes("companies", code=3) == {"unchanged": 2, "rejected": 1}
    assert calls(world) == {"read": 1}, "it may have been created meanwhile"


def test_poison_is_left_out_and_not_sent_again(warehouse: Warehouse) -> None:
    world = warehouse.world
    rows = companies(*range(120))
    rows[60]["renewal"] = "someday"
    rows[61]["ticker"] = "x" * 21
    warehouse.model("companies", "name", [{"ticker": "T", **row} for row in rows])
    warehouse.flow(
        "companies",
        "Company",
        "Name: name",
        "field: Employees, column: seats",
        "field: RenewalDate, column: renewal",
        "field: TickerSymbol, column: ticker",
        "field: Stage, column: region",
    )
    warehouse.ready()
    assert warehouse.outcomes("companies", code=3) == {"created": 358, "rejected": 122}
    reasons = [(field, reason) for field, key, reason in warehouse.rejected("companies") if field != "Stage"]
    assert reasons == [("RenewalDate", "value-invalid"), ("TickerSymbol", "value-overlong")]
    assert records(world, "company", "Name", "Employees")["Company 60"] == (60,)

    assert warehouse.outcomes("companies", code=3) == {"unchanged": 358, "rejected": 122}
    assert calls(world) == {}, "what is rejected for good costs nothing"
    assert len(warehouse.rejected("companies")) == 122
    assert len(warehouse.rejected("companies")) == 122

    warehouse.execute("UPDATE companies SET renewal = '2027-05-01' WHERE name = 'Company 60'")
    assert warehouse.outcomes("companies", code=3) == {"updated": 1, "unchanged": 358, "rejected": 121}
    warehouse.execute("UPDATE companies SET region = 'Launched'")
    assert warehouse.outcomes("companies", code=3) == {"updated": 120, "unchanged": 359, "rejected": 1}


def test_what_only_gainsight_refuses_costs_the_rest_of_the_record_one_cycle(warehouse: Warehouse) -> None:
    world = warehouse.world
    warehouse.model("onboardings", "id", [{**row, "url": "https://a.example"} for row in ONBOARDINGS[:60]])
    warehouse.execute("UPDATE onboardings SET url = 'no address' WHERE id = 'O7'")
    onboardings(warehouse, "field: Plan_Url__gc, column: url")
    warehouse.ready()
    assert warehouse.outcomes("onboardings", code=3) == {"created": 59 * 5, "rejected": 5}
    reasons = {field: reason for field, _, reason in warehouse.rejected("onboardings")}
    assert reasons.pop("Plan_Url__gc") == "value-invalid"
    assert set(reasons.values()) == {"record-refused"}, "there is nothing wrong with these"
    assert "Plan_Url__gc: GSOBJ_1002" in warehouse.run("records", "onboardings").expect(0).out

    assert warehouse.outcomes("onboardings", code=3) == {"created": 4, "unchanged": 59 * 5, "rejected": 1}
    assert calls(world) == {"read": 1, "write": 1}
    assert warehouse.outcomes("onboardings", code=3) == {"unchanged": 299, "rejected": 1}
    assert calls(world) == {}
    warehouse.execute("UPDATE onboardings SET url = 'https://b.example' WHERE id = 'O7'")
    assert warehouse.outcomes("onboardings") == {"updated": 1, "unchanged": 299}
    found = records(world, "Onboarding__gc", "External_Id__gc", "Name", "Plan_Url__gc")
    assert found["O7"] == ("Onboarding 7", "https://b.example")


def test_keys_that_are_missing_double_or_at_odds(warehouse: Warehouse) -> None:
    rows = [*companies(1, 2, 2, 3, 3), {**companies(4)[0], "name": None}, {**companies(5)[0], "name": "  "}]
    rows[4]["seats"] = 99
    warehouse.model("companies", "name", rows)
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    assert warehouse.outcomes("companies", code=3) == {"created": 2, "skipped": 1, "rejected": 4}
    found = {(tuple(key), reason) for _, key, reason in warehouse.rejected("companies")}
    assert found == {(("Company 3",), "key-conflict"), ((), "key-null")}
    done = warehouse.run("records", "companies").expect(0)
    assert "rows without a key: 2" in done.out


def test_rows_whose_keys_are_one_number_stay_at_odds(warehouse: Warehouse) -> None:
    rows = [{"id": id, "name": name} for id, name in (("007", "first"), ("7", "second"), ("8.0", "alone"))]
    warehouse.model("projects", "id", rows)
    warehouse.flow("projects", "Onboarding", "Hours__gc: id", "field: Name, column: name")
    warehouse.ready()
    assert warehouse.outcomes("projects", code=3) == {"created": 1, "rejected": 2}
    assert warehouse.outcomes("projects", code=3) == {"unchanged": 1, "rejected": 2}
    assert warehouse.rejected("projects") == [("", ["7"], "key-conflict")]
    warehouse.execute("DELETE FROM projects WHERE id = '7'")
    assert warehouse.outcomes("projects") == {"created": 1, "unchanged": 1}
    warehouse.execute("UPDATE projects SET id = '7' WHERE id = '007'")
    assert warehouse.outcomes("projects") == {"unchanged": 2}


def test_the_second_of_two_rows_of_one_record_is_not_written_later(warehouse: Warehouse) -> None:
    """Beyond ASCII only the tenant knows which letters are the same, so the two have keys of their own here."""
    rows = [{"email": f"{letter}nne@new.example", "name": f"{letter}nne"} for letter in "\u00d6\u00f6"]
    warehouse.model("people", "email", rows)
    warehouse.flow("people", "Person", "Email: email", "field: Name, column: name")
    warehouse.ready()
    assert warehouse.outcomes("people", code=3) == {"created": 1, "rejected": 1}
    assert warehouse.outcomes("people", code=3) == {"unchanged": 1, "rejected": 1}
    ((_, _, reason),) = warehouse.rejected("people")
    assert reason == "duplicate-key"


def test_rows_that_vanish_are_counted_and_nothing_is_deleted(warehouse: Warehouse) -> None:
    world = warehouse.world
    warehouse.model("companies", "name", companies(*range(10)))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    warehouse.outcomes("companies")
    before = records(world, "company", "Name", "Employees")
    warehouse.execute("DELETE FROM companies WHERE seats < 3")
    for _ in range(2):
        assert warehouse.outcomes("companies") == {"unchanged": 7, "departed": 3}
        assert calls(world) == {}
    assert [key for _, key, reason in warehouse.rejected("companies")] == [["Company 0"], ["Company 1"], ["Company 2"]]
    assert "3 records departed" in warehouse.run("sync", "companies").expect(0).out
    assert records(world, "company", "Name", "Employees") == before
    warehouse.rows("companies", companies(*range(2, 10)))
    assert warehouse.outcomes("companies") == {"unchanged": 8, "departed": 2}
    assert len(warehouse.rejected("companies")) == 2
    assert len(warehouse.run("export", "companies").expect(0).out.splitlines()) == 11


def test_a_source_that_is_suddenly_empty_stops_the_cycle(warehouse: Warehouse) -> None:
    warehouse.model("companies", "name", companies(1))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    warehouse.outcomes("companies")
    warehouse.rows("companies", [])
    warehouse.world.forget_calls()
    done = warehouse.run("sync", "companies").expect(4)
    assert "the model 'companies' returned no rows, where run 1 read 1" in done.all
    assert calls(warehouse.world) == {}


def test_values_without_a_text_are_rejected_alone(warehouse: Warehouse) -> None:
    rows = [{"name": f"Company {n}", "seats": n, "note": "ok"} for n in range(3)]
    rows[1]["note"] = b"\xff\x00"  # type: ignore[assignment]
    rows[2]["name"] = b"binary"  # type: ignore[assignment]
    warehouse.model("companies", "name", rows)
    warehouse.flow(
        "companies",
        "Company",
        "Name: name",
        "field: Employees, column: seats",
        "field: Region__gc, column: note",
        'field: Summary, template: "<{note}>"',
    )
    warehouse.ready()
    assert warehouse.outcomes("companies", code=3) == {"created": 4, "rejected": 5}
    reasons = sorted((field, reason) for field, _, reason in warehouse.rejected("companies"))
    assert reasons == [("", "key-invalid"), ("Region__gc", "value-invalid"), ("Summary", "value-invalid")]
    assert "binary data" in warehouse.run("records", "companies").expect(0).out


@pytest.mark.parametrize("fast", [True, False])
def test_a_key_of_bytes_that_are_no_text_is_one_record(tmp_path: Path, world: World, fast: bool) -> None:
    """SQLite takes any bytes for text. Each way finds them, and says the same of them."""
    warehouse = Warehouse(tmp_path / "acme", world)
    rows = [{"name": f"Company {n}", "seats": n, "note": None if n % 2 else "ok"} for n in range(6)]
    warehouse.model("companies", "name, region", [{**row, "region": f"R{n}"} for n, row in enumerate(rows)])
    for number, bad in enumerate((b"\xff\x41", b"\x80", b"\xc3\x28")):
        warehouse.execute("UPDATE companies SET name = CAST(? AS TEXT) WHERE seats = ?", bad, number)
    fields = ["field: Hours__gc, column: seats", "field: Remarks__gc, column: note"]
    if not fast:
        fields[1] = 'field: Remarks__gc, template: "{note}"'
    warehouse.flow("companies", "Onboarding", "Name: name, External_Id__gc: region", *fields)
    warehouse.ready()
    assert warehouse.outcomes("companies", code=3) == {"created": 4, "skipped": 2, "rejected": 6}
    found = warehouse.run("records", "companies", "--output", "json").expect(0).json["records"]
    assert [(one["field"], one["name"], one["reason"]) for one in found] == [
        ("", f"R{n}", "key-invalid") for n in range(3)
    ]
    assert {one["detail"] for one in found} == {"the value has NUL or half a surrogate pair, which no text can hold"}
    assert warehouse.outcomes("companies", code=3) == {"unchanged": 4, "skipped": 2, "rejected": 6}
    assert calls(world) == {}


def test_renaming_a_column_sends_nothing(warehouse: Warehouse) -> None:
    """What counts is the value of a field, not where it came from."""
    warehouse.model("companies", "name", companies(*range(5)))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    warehouse.outcomes("companies")
    warehouse.execute("ALTER TABLE companies RENAME COLUMN seats TO licences")
    warehouse.flow("licences", "Company", "Name: name", "field: Employees, column: licences", model="companies")
    (warehouse.root / "mappings/companies.yaml").unlink()
    warehouse.apply()
    assert warehouse.outcomes("licences") == {"unchanged": 5}
    assert calls(warehouse.world) == {}


def test_a_rejected_value_is_tried_again_after_an_apply(warehouse: Warehouse) -> None:
    """Somebody may have corrected what it goes to."""
    warehouse.model("companies", "name", companies(1, region="Nowhere"))
    warehouse.flow("companies", "Company", "Name: name", "field: Stage, column: region")
    warehouse.ready()
    assert warehouse.outcomes("companies", code=1) == {"rejected": 1}
    attempts = "SELECT attempts FROM outcomes"
    assert execute(warehouse, attempts) == [(1,)]
    assert warehouse.outcomes("companies", code=1) == {"rejected": 1}
    assert execute(warehouse, attempts) == [(1,)]
    warehouse.flow("companies", "Company", "Name: name", "field: Stage, column: region, whenNull: clear")
    warehouse.apply()
    assert warehouse.outcomes("companies", code=1) == {"rejected": 1}
    assert execute(warehouse, attempts) == [(2,)]


def test_a_warehouse_that_is_not_there(warehouse: Warehouse) -> None:
    warehouse.model("companies", "name", companies(1))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    warehouse.execute("DROP TABLE companies")
    done = warehouse.run("sync", "companies").expect(1)
    assert "no such table" in done.all
    assert warehouse.last_run()["result"] == "Failed"
    del warehouse.env["WAREHOUSE_URL"]
    assert "WAREHOUSE_URL" in warehouse.run("sync", "companies").expect(6).all


def test_a_name_that_two_kinds_have(warehouse: Warehouse) -> None:
    warehouse.model("companies", "name", companies(1))
    warehouse.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    warehouse.ready()
    assert warehouse.run("sync", "Sync/companies").expect(0).out.startswith("Run 1  Sync to Company")
    assert warehouse.run("activity", "--document", "companies", "--output", "json").expect(0).json["runs"]
    assert warehouse.run("activity", "--document", "none", "--output", "json").expect(0).json["runs"] == []
    assert "no document 'none'" in warehouse.run("sync", "none").expect(1).all


def test_another_document_that_writes_to_the_same_object_waits(warehouse: Warehouse) -> None:
    for name, field in (("one", "Employees"), ("two", "Users")):
        warehouse.model(name, "name", companies(1))
        warehouse.flow(name, "Company", "Name: name", f"field: {field}, column: seats")
    warehouse.ready()
    warehouse.outcomes("one")
    held = f"UPDATE leases SET holder = 'somebody', expires_at = {time.time() + 14} WHERE name = 'records of acme-cs/Company'"
    execute(warehouse, held)
    done = warehouse.run("sync", "two").expect(5)
    assert "records of acme-cs/Company is being worked on by somebody" in done.err
    assert calls(warehouse.world)["write"] == 1, "nothing after the first one's"
    execute(warehouse, "UPDATE leases SET expires_at = 0")
    assert warehouse.outcomes("two") == {"updated": 1}
