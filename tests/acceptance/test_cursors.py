"""Models with a cursor: most cycles read only what came since, and none of them believes it to be all there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.warehouses import KINDS, ElsewhereWarehouse, Warehouse, calls, records
from tests.acceptance.world import World
from tests.integration.kills import execute
from tests.postgres import Postgres

CURSOR = "cursor: changed, fullEvery: 4"


def trainings(*numbers: int, score: int = 1, changed: object = None) -> list[dict[str, object]]:
    return [{"name": f"T{n:03}", "score": score * n, "changed": n if changed is None else changed} for n in numbers]


def declare(warehouse: Warehouse, cursor: str = CURSOR, *more: str) -> None:
    warehouse.model("trainings", "name", more=cursor)
    warehouse.flow("trainings", "Training", "Name: name", "field: Score__gc, column: score", *more)


def begun(warehouse: Warehouse, *more: str, cursor: str = CURSOR) -> Warehouse:
    """Ten trainings, of which everything was read once."""
    warehouse.rows("trainings", trainings(*range(10)))
    declare(warehouse, cursor, *more)
    warehouse.ready()
    return warehouse


def read(warehouse: Warehouse, code: int = 0) -> tuple[str, dict[str, int]]:
    """How much a cycle read, and what came of it."""
    run = warehouse.cycle("trainings", code)
    counts = {word: count for word, count in run["counts"].items() if count and word != "reasons"}
    return run["extent"], counts


@pytest.fixture
def warehouse(tmp_path: Path, world: World) -> Warehouse:
    return Warehouse(tmp_path / "acme", world)


@pytest.fixture(params=KINDS, ids="-".join)
def any_warehouse(
    request: pytest.FixtureRequest, tmp_path: Path, world: World, postgres: Postgres
) -> ElsewhereWarehouse:
    dialect, state = request.param
    return ElsewhereWarehouse(tmp_path / "acme", world, postgres, dialect=dialect, state=state)


def test_rows_since_the_cursor(any_warehouse: ElsewhereWarehouse) -> None:
    """From every kind of source into every kind of state database, on the fast way where there is one."""
    warehouse = begun(any_warehouse)
    assert read(warehouse) == ("full", {"read": 10, "created": 10})
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1}), "the last one: another may have the same cursor"
    assert calls(warehouse.world) == {}
    warehouse.execute("UPDATE trainings SET score = 500, changed = 9 WHERE name = 'T005'")
    warehouse.execute("UPDATE trainings SET score = 600, changed = NULL WHERE name = 'T006'")
    warehouse.execute("UPDATE trainings SET score = 700 WHERE name = 'T007'")
    assert read(warehouse) == ("cursor", {"read": 3, "updated": 2, "unchanged": 1})
    assert calls(warehouse.world) == {"read": 1, "write": 1}
    found = records(warehouse.world, "Training__gc", "Name", "Score__gc")
    assert (found["T005"], found["T006"], found["T007"]) == ((500,), (600,), (7,))
    assert read(warehouse) == ("cursor", {"read": 3, "unchanged": 3}), "one without a cursor is always read"
    assert read(warehouse) == ("full", {"read": 10, "updated": 1, "unchanged": 9}), "whatever its cursor says"
    assert records(warehouse.world, "Training__gc", "Name", "Score__gc")["T007"] == (700,)


@pytest.mark.parametrize(
    ("type", "values"),
    [
        ("timestamptz", ["2026-11-22T09:00:00.000001Z", "2026-11-22T09:00:00.000002Z", "2026-11-22T10:00:00Z"]),
        ("date", ["2026-11-21", "2026-11-22", "2026-11-23"]),
        ("text", ["a % b", "a % c", "it's"]),
        ("char(5)", ["aa", "ab", "ac"]),
        ("double precision", ["0.1", "0.30000000000000004", "1e300"]),
        ("decimal(38,10)", ["1.5", "12345678901234567890.5", "12345678901234577890.5"]),
        ("bigint", ["-3", "9007199254740993", "9007199254740994"]),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "duckdb"])
def test_cursors_of_many_types(
    tmp_path: Path, world: World, postgres: Postgres, dialect: str, type: str, values: list[str]
) -> None:
    """The mark comes back as the same value: the row that has it is read again, and none before it."""
    warehouse = ElsewhereWarehouse(tmp_path / "acme", world, postgres, dialect=dialect, state="sqlite")
    warehouse.execute(f"CREATE TABLE trainings (name varchar(20), score bigint, changed {type})")
    for number, value in enumerate(values[:2]):
        warehouse.execute(f"INSERT INTO trainings VALUES ('T{number}', 5, '{value.replace(chr(39), chr(39) * 2)}')")
    declare(warehouse)
    warehouse.ready()
    assert read(warehouse) == ("full", {"read": 2, "created": 2})
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})
    warehouse.execute(f"INSERT INTO trainings VALUES ('T2', 5, '{values[2].replace(chr(39), chr(39) * 2)}')")
    assert read(warehouse) == ("cursor", {"read": 2, "created": 1, "unchanged": 1})
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})


def test_a_query_with_signs_that_drivers_look_for(tmp_path: Path, world: World, postgres: Postgres) -> None:
    for state in ("sqlite", "postgresql"):
        warehouse = ElsewhereWarehouse(tmp_path / state, world, postgres, dialect="postgresql", state=state)
        world.reset()
        warehouse.rows("trainings", trainings(*range(10)))
        query = "sql: \"SELECT *, '%s ? :a 100%' AS note FROM trainings WHERE name LIKE 'T%'\""
        declare(warehouse)
        warehouse.replace("mappings/model-trainings.yaml", "table: trainings", query)
        warehouse.ready()
        assert read(warehouse) == ("full", {"read": 10, "created": 10})
        assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})


def test_the_mark_waits_for_what_is_tried_again(warehouse: Warehouse) -> None:
    begun(warehouse)
    read(warehouse)
    warehouse.rows("trainings", [*trainings(*range(10)), *trainings(20, 21, changed=20), *trainings(30, changed=30)])
    world = warehouse.world
    world.fault({"status": 503}, side="cs", method="POST", path="objects/Training__gc")
    extent, counts = read(warehouse, code=3)
    assert (extent, counts) == ("cursor", {"read": 4, "unchanged": 1, "rejected": 3})
    world.heal()
    assert read(warehouse) == ("cursor", {"read": 4, "unchanged": 1, "created": 3})
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})


def test_a_cycle_that_fails_moves_nothing(warehouse: Warehouse) -> None:
    begun(warehouse)
    read(warehouse)
    before = execute(warehouse, "SELECT * FROM watermarks")
    warehouse.execute("UPDATE trainings SET score = 99, changed = 99 WHERE name = 'T001'")
    warehouse.world.fault({"status": 401}, side="cs")
    warehouse.cycle("trainings", code=6)
    warehouse.world.heal()
    assert warehouse.last_run()["extent"] == "cursor"
    assert execute(warehouse, "SELECT * FROM watermarks") == before
    assert read(warehouse) == ("cursor", {"read": 2, "unchanged": 1, "updated": 1})


def test_what_was_rejected_for_good_is_not_read_again_and_still_rejected(warehouse: Warehouse) -> None:
    rows = trainings(*range(10))
    rows[3]["score"], rows[9]["score"] = "many", "more"
    rows += [*trainings(4, score=2), *trainings(5, changed=1)]  # T004 at odds with itself, T005 twice
    rows += [{"name": None, "score": 1, "changed": 1}]
    warehouse.rows("trainings", rows)
    declare(warehouse)
    warehouse.ready()
    first = {"read": 13, "created": 7, "rejected": 5, "skipped": 1}
    assert read(warehouse, code=3) == ("full", first)
    held = warehouse.rejected("trainings")
    assert len(held) == 4
    # T009 is read again and withheld; T003, T004 and the one without a key are on record.
    assert read(warehouse, code=3) == ("cursor", {"read": 4, "rejected": 4})
    assert warehouse.rejected("trainings") == held
    assert calls(warehouse.world) == {}
    done = warehouse.run("status", "trainings").expect(0)
    assert "◐ Partially Successful" in done.out
    assert "trainings: run 2 read the rows since the cursor, not all" in done.out
    assert "those since the cursor" in warehouse.run("activity", "2").expect(0).out

    # Only one of the two rows at odds is touched: that does not make it right.
    warehouse.execute("UPDATE trainings SET changed = 50 WHERE name = 'T004' AND score = 8")
    warehouse.execute("UPDATE trainings SET score = 3, changed = 50 WHERE name = 'T003'")
    assert read(warehouse, code=3) == ("cursor", {"read": 4, "created": 1, "rejected": 3})
    assert [reason for _, _, reason in warehouse.rejected("trainings")] == ["key-null", "key-conflict", "value-invalid"]
    # What solves them without a move of the cursor is found when everything is read.
    warehouse.execute("DELETE FROM trainings WHERE name IS NULL OR (name = 'T004' AND score = 8)")
    warehouse.execute("UPDATE trainings SET score = 9 WHERE name = 'T009'")
    assert warehouse.run("sync", "trainings", "--full").expect(0)
    assert warehouse.last_run()["extent"] == "full"
    assert warehouse.rejected("trainings") == []
    assert "read the rows since" not in warehouse.run("status", "trainings").expect(0).out


def test_absence_is_concluded_only_from_all_rows(warehouse: Warehouse) -> None:
    begun(warehouse)
    read(warehouse)
    warehouse.execute("DELETE FROM trainings WHERE name < 'T005'")
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})
    assert warehouse.rejected("trainings") == []
    warehouse.run("sync", "trainings", "--full").expect(0)
    assert len(warehouse.rejected("trainings")) == 5
    assert read(warehouse) == ("cursor", {"read": 1, "unchanged": 1})
    assert len(warehouse.rejected("trainings")) == 5, "they have not come back"
    warehouse.execute("INSERT INTO trainings VALUES ('T002', 2, 12)")
    assert read(warehouse) == ("cursor", {"read": 2, "unchanged": 2})
    assert len(warehouse.rejected("trainings")) == 4


def test_an_empty_model_is_not_taken_for_one_without_changes(warehouse: Warehouse) -> None:
    begun(warehouse)
    read(warehouse)
    warehouse.rows("trainings", [])
    done = warehouse.run("sync", "trainings").expect(4)
    assert "the model 'trainings' returned no rows, where run 1 read 10" in done.all
    assert "empty on purpose" in done.all
    assert "mapping" not in done.all


def test_everything_is_read_after_whatever_makes_a_mark_meaningless(warehouse: Warehouse) -> None:
    begun(warehouse)
    world = warehouse.world
    assert read(warehouse)[0] == "full"
    assert read(warehouse)[0] == "cursor"
    # The cursor went back: a restored table.
    warehouse.rows("trainings", trainings(*range(10), score=2, changed=1))
    assert read(warehouse) == ("full", {"read": 10, "updated": 9, "unchanged": 1})
    assert read(warehouse)[0] == "cursor"
    # Another field.
    warehouse.flow(
        "trainings",
        "Training",
        "Name: name",
        "field: Score__gc, column: score",
        'field: Attendee_Email__gc, template: "{name}@example.org"',
    )
    warehouse.apply()
    assert read(warehouse) == ("full", {"read": 20, "updated": 10, "unchanged": 10})
    assert read(warehouse)[0] == "cursor"
    # Another cursor, another query, another key.
    for before, after in (
        ("cursor: changed", "cursor: score"),
        ("table: trainings", "sql: SELECT * FROM trainings"),
    ):
        warehouse.replace("mappings/model-trainings.yaml", before, after)
        warehouse.apply()
        assert read(warehouse)[0] == "full"
        assert read(warehouse)[0] == "cursor"
    # Another database.
    (warehouse.root / "other.db").write_bytes(warehouse.file.read_bytes())
    warehouse.env["WAREHOUSE_URL"] = "sqlite:///other.db"
    assert read(warehouse)[0] == "full"
    assert calls(world) == {}


def test_values_that_are_no_mark(warehouse: Warehouse) -> None:
    """Then everything is read each time."""
    for value in (b"\x01", float("inf"), "a\0b", None):
        warehouse.rows("trainings", [{**row, "changed": value} for row in trainings(1, 2)])
        if value == b"\x01":
            declare(warehouse)
            warehouse.ready()
        assert [read(warehouse)[0] for _ in range(2)] == ["full", "full"]
        assert execute(warehouse, "SELECT count(*) FROM watermarks") == [(0,)]


def test_full_every_time(warehouse: Warehouse) -> None:
    begun(warehouse, cursor="cursor: changed, fullEvery: 1")
    assert [read(warehouse)[0] for _ in range(3)] == ["full"] * 3
    declare(warehouse, "cursor: changed, fullEvery: 2")
    warehouse.apply()
    assert [read(warehouse)[0] for _ in range(5)] == ["full", "cursor", "full", "cursor", "full"]


def test_costs_are_those_of_the_whole_model(warehouse: Warehouse) -> None:
    begun(warehouse)
    for _ in range(2):
        read(warehouse)
    warehouse.flow("trainings", "Training", "Name: name", "field: Score__gc, column: score, whenNull: clear")
    (cost,) = warehouse.run("plan", "--format", "json").expect(0).json["costs"]
    assert cost["records"] == 10


def test_a_forgotten_document_begins_anew(warehouse: Warehouse) -> None:
    begun(warehouse)
    read(warehouse)
    assert execute(warehouse, "SELECT count(*) FROM watermarks") == [(1,)]
    warehouse.forget("trainings")
    warehouse.apply()
    assert execute(warehouse, "SELECT count(*) FROM watermarks") == [(0,)]
