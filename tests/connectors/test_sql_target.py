"""Records in tables: what is made, what is written, and what becomes of values that no column takes. On real databases."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.sql.target import BATCH_RECORDS
from reconciler.model.community import ObjectDefinition
from reconciler.model.json import Json
from reconciler.model.outcome import PERMANENT, Outcome, Reason
from tests.connectors.tables import (
    FIELDS,
    KEPT,
    KINDS,
    TABLE,
    Place,
    field,
    members,
    of_fields,
    outcomes,
    place_for,
    record,
    write,
    writing,
)


@pytest.fixture(params=KINDS)
def somewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_for(request, tmp_path)


@pytest.fixture(params=KEPT)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_for(request, tmp_path)


def test_what_is_missing_is_told_then_made_then_there(somewhere: Place) -> None:
    target = somewhere.target()
    told = target.missing(members())
    assert (told.table, told.whole, len(told.columns)) == (TABLE, True, 10)
    assert not Path(somewhere.url.partition("///")[2]).exists() or somewhere.tables() == set()
    assert target.prepare([members()]) == [told]
    assert not target.missing(members())
    assert target.prepare([members()]) == [target.missing(members())]
    target.close()
    assert somewhere.tables() == {TABLE}


def test_a_new_field_becomes_a_column_and_rows_stay(somewhere: Place) -> None:
    with writing(somewhere) as writer:
        write(writer, [record("1", Name="Ada")])
    wider = members(field("Job-Title"), field("Order", "integer"))
    with writing(somewhere, wider) as writer:
        write(writer, [of_fields("1", {"Job-Title": "Engineer", "Order": 3})])
    columns = 'id, name, job_title_c5bf27f3, "order"'
    assert somewhere.rows(columns) == [("1", "Ada", "Engineer", 3)]
    # The old definition still fits: what is more than it knows is left alone.
    with writing(somewhere) as writer:
        assert outcomes(write(writer, [record("1", Name="Eve")])) == {"1": "updated"}
    assert somewhere.rows(columns) == [("1", "Eve", "Engineer", 3)]


def test_what_has_no_values_is_told_before_anything_is_made(somewhere: Place) -> None:
    told: list[tuple[str, list[str]]] = []

    def lacks(definition: ObjectDefinition, fields: Collection[str]) -> None:
        told.append((definition.name, sorted(fields)))

    def dies(definition: ObjectDefinition, fields: Collection[str]) -> None:
        raise errors.Interrupted

    with closing(somewhere.target()) as target, pytest.raises(errors.Interrupted):
        target.prepare([members()], dies)
    assert TABLE not in somewhere.tables()
    wider, everything = members(field("Job-Title")), sorted(one.name for one in FIELDS)
    name = wider.name
    with closing(somewhere.target()) as target:
        target.prepare([members()], lacks)
        target.prepare([members()], lacks)
        write(target.records(members()), [record("1", Name="Ada")])
        target.prepare([members()], lacks)
        target.prepare([wider], lacks)
        target.prepare([wider], lacks)
    assert told == [(name, everything), (name, everything), (name, ["Job-Title"])]


def test_values_of_each_type_arrive_whole(somewhere: Place) -> None:
    values: dict[str, Json] = {
        "Name": "Zoë 🦆 \"; DROP TABLE x; -- ' %s ? :a",
        "Bio": "x" * 70_000,
        "Posts": 2**63 - 1,
        "Score": 0.1,
        "Active": True,
        "Joined_At": "2026-01-31T14:00:00.25+02:00",
        "Born": "1999-12-31",
        "Roles": ["admin", "super user"],
        "Company": "1P02ABC",
    }
    with writing(somewhere) as writer:
        assert outcomes(write(writer, [record("1", **values)])) == {"1": "created"}
    columns = "id, name, bio, posts, score, active, born, roles, company"
    ((*found,),) = somewhere.rows(columns)
    born = date(1999, 12, 31) if somewhere.kind != "sqlite" and somewhere.dialect != "sqlite" else "1999-12-31"
    score = Decimal("0.1") if somewhere.kind == "postgresql" else 0.1
    assert found == ["1", values["Name"], values["Bio"], 2**63 - 1, score, 1, born, "admin;super user", "1P02ABC"]
    joined = {
        "sqlite": [("2026-01-31T12:00:00.25Z",)],
        "other-sqlite": [("2026-01-31 12:00:00.250000",)],
        "duckdb": [("2026-01-31T12:00:00.25Z",)],
    }
    if somewhere.dialect == "postgresql":
        assert somewhere.rows("joined_at") == [(datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC),)]
    elif somewhere.dialect == "duckdb":
        same = "joined_at = TIMESTAMPTZ '2026-01-31 12:00:00.25+00'"
        assert somewhere.rows(same) == [(True,)]
    else:
        assert somewhere.rows("joined_at") == joined[somewhere.kind]
    # Null clears, and what is not named stays.
    cleared = dict.fromkeys(values)
    del cleared["Name"]
    with writing(somewhere) as writer:
        assert outcomes(write(writer, [record("1", **cleared)])) == {"1": "updated"}
    assert somewhere.rows(columns) == [("1", values["Name"], *[None] * 7)]


def test_unchanged_values_are_written_only_with_a_new_row(somewhere: Place) -> None:
    with writing(somewhere) as writer:
        first = write(writer, [record("1", {"Name": "Ada"}, Posts=1), record("2", {"Name": "Bob", "Id": "2"})])
        assert outcomes(first) == {"1": "created", "2": "created"}
        again = write(writer, [record("1", {"Name": "other"}, Posts=2), record("2", {"Name": "other"})])
        assert outcomes(again) == {"1": "updated", "2": "unchanged"}
    assert somewhere.rows("id, name, posts") == [("1", "Ada", 2), ("2", "Bob", None)]


def test_records_with_different_fields_and_more_than_a_batch(somewhere: Place) -> None:
    count = BATCH_RECORDS + 20
    with writing(somewhere) as writer:
        made = write(writer, [record(str(n), **({"Posts": n} if n % 2 else {"Name": f"n{n}"})) for n in range(count)])
        assert {result.outcome for result in made.values()} == {Outcome.CREATED}
        assert len(made) == count
        again = write(writer, [record(str(n), Posts=-n) for n in range(count)])
        assert {result.outcome for result in again.values()} == {Outcome.UPDATED}
    assert dict(somewhere.rows("id, posts")) == {str(n): -n for n in range(count)}


def test_a_key_that_comes_twice_ends_with_its_last_values(somewhere: Place) -> None:
    with writing(somewhere) as writer:
        batch = [record("1", Name="a", Posts=1), record("2"), record("1", Name="b"), record("1", Posts=3)]
        results = list(writer.write(batch))
    assert [result.outcome for result in results] == ["created", "created", "updated", "updated"]
    assert somewhere.rows("id, name, posts") == [("1", "b", 3), ("2", None, None)]


@pytest.mark.parametrize(
    ("values", "reason", "said"),
    [
        ({"Name": "a\0b"}, Reason.VALUE_INVALID, "NUL"),
        ({"Bio": "half \ud83d"}, Reason.VALUE_INVALID, "half of a character"),
        ({"Roles": ["ok", "\0"]}, Reason.VALUE_INVALID, "NUL"),
        ({"Posts": "many"}, Reason.VALUE_INVALID, "not a number"),
        ({"Posts": 2**63}, Reason.VALUE_INVALID, "64 bits"),
        ({"Posts": "1e4000"}, Reason.VALUE_INVALID, "64 bits"),
        ({"Posts": 1.5}, Reason.VALUE_INVALID, "whole number"),
        ({"Posts": True}, Reason.VALUE_INVALID, "not a number"),
        ({"Score": float("nan")}, Reason.VALUE_INVALID, "not a number"),
        ({"Active": "perhaps"}, Reason.VALUE_INVALID, "not a boolean"),
        ({"Joined_At": "yesterday"}, Reason.VALUE_INVALID, "ISO 8601"),
        ({"Joined_At": "0001-01-01T00:00:00+10:00"}, Reason.VALUE_INVALID, "outside the years"),
        ({"Joined_At": 1720000000}, Reason.VALUE_INVALID, "ISO 8601"),
        ({"Born": "2026-02-30"}, Reason.VALUE_INVALID, "ISO 8601"),
        ({"Name": [float("inf")]}, Reason.VALUE_INVALID, "no text"),
    ],
)
def test_what_no_column_takes_is_refused_alone(kept: Place, values: dict[str, Json], reason: Reason, said: str) -> None:
    with writing(kept) as writer:
        results = write(writer, [record("1", Name="Ada"), record("2", **values), record("3", Name="Eve")])
    assert outcomes(results) == {"1": "created", "2": reason, "3": "created"}
    assert results["2"].reason in PERMANENT
    assert said in results["2"].detail
    assert results["2"].field == next(iter(values)).replace("_", " ")
    assert kept.rows("id") == [("1",), ("3",)]


@pytest.mark.parametrize("key", ["", "a\0", "\udc00"])
def test_keys_that_are_none(kept: Place, key: str) -> None:
    with writing(kept) as writer:
        results = write(writer, [record(key, Name="Ada"), record("2")])
    assert outcomes(results) == {key: Reason.KEY_INVALID, "2": "created"}


@pytest.mark.parametrize("number", [2**53 + 1, "0.1000000000000000055511151231257827", -(10**17) - 1, "1e9999"])
def test_numbers_are_exact_or_refused(somewhere: Place, number: Json) -> None:
    with writing(somewhere) as writer:
        results = write(writer, [record("1", Score=number)])
    if outcomes(results) == {"1": Reason.VALUE_INVALID}:
        assert "more digits" in results["1"].detail
        assert somewhere.rows() == []
    else:
        ((found,),) = somewhere.rows("score")
        assert Decimal(found) == Decimal(str(number))


def test_hostile_names_of_fields(somewhere: Place) -> None:
    names = [
        "select",
        "Order",
        "Größe",
        "部署",
        "a\"b'; --",
        "1st",
        "ctid",
        "%s",
        "x" * 300,
        "x" * 301,
        "é",
        "a b",
        "A_B",
        "…",
        "\ud83d",
    ]
    definition = members(*map(field, names))
    with writing(somewhere, definition) as writer:
        results = write(writer, [of_fields("1", {name: f"{n}" for n, name in enumerate(names)})])
        assert outcomes(results) == {"1": "created"}
    with closing(somewhere.target()) as target:
        assert not target.missing(definition)
    ((*found,),) = somewhere.rows()
    assert found[10:] == [str(n) for n in range(len(names))]


class TestRefusedByTheDatabase:
    """Somebody has put a constraint on a table of ours, or made it themselves."""

    STATEMENT = (
        f"CREATE TABLE {TABLE} (id VARCHAR(10) PRIMARY KEY, posts INTEGER CHECK (posts < 1000), name VARCHAR(20) UNIQUE, "
        "bio TEXT, score {score}, active BOOLEAN, joined_at {moment}, born {day}, roles TEXT, company VARCHAR, "
        "note TEXT DEFAULT 'x' NOT NULL)"
    )

    @pytest.fixture
    def theirs(self, kept: Place) -> Place:
        types = {
            "sqlite": {"score": "NUMERIC", "moment": "TEXT", "day": "TEXT"},
            "duckdb": {"score": "DOUBLE", "moment": "TIMESTAMPTZ", "day": "DATE"},
            "postgresql": {"score": "NUMERIC", "moment": "TIMESTAMPTZ", "day": "DATE"},
        }[kept.kind]
        kept.query(self.STATEMENT.format(**types))
        return kept

    def test_one_record_of_many(self, theirs: Place) -> None:
        records = [record(str(n), Posts=n * 10, Name=f"n{n}") for n in range(120)]
        with writing(theirs) as writer:
            results = write(writer, records)
        refused = {key for key, result in results.items() if result.outcome is None}
        assert refused == {str(n) for n in range(100, 120)}
        assert {results[key].reason for key in refused} == {Reason.RECORD_REFUSED}
        assert len(theirs.rows()) == 100
        assert all(note == "x" for (note,) in theirs.rows("note"))

    def test_two_that_cannot_be_together(self, theirs: Place) -> None:
        canary = "canary-7f3a"
        with writing(theirs) as writer:
            results = write(writer, [record("1", Name=canary), record("2", Name=canary), record("3", Name="Eve")])
        assert sorted(str(value) for value in outcomes(results).values()) == ["created", "created", "record-refused"]
        assert all(canary not in result.detail for result in results.values())
        (said,) = [result.detail for result in results.values() if result.detail]
        assert len(said) > 10
        assert len(theirs.rows()) == 2

    def test_all_of_them(self, theirs: Place) -> None:
        with writing(theirs) as writer:
            results = write(writer, [record(str(n), Posts=5000) for n in range(30)])
        assert {result.reason for result in results.values()} == {Reason.RECORD_REFUSED}
        assert theirs.rows() == []

    def test_a_batch_that_is_refused_in_part_updates_the_rest(self, theirs: Place) -> None:
        with writing(theirs) as writer:
            write(writer, [record("1", Posts=1), record("2", Posts=2)])
            results = write(writer, [record("1", Posts=7), record("2", Posts=9999), record("3", Posts=3)])
        assert outcomes(results) == {"1": "updated", "2": Reason.RECORD_REFUSED, "3": "created"}
        assert theirs.rows("id, posts") == [("1", 7), ("2", 2), ("3", 3)]


def test_a_text_longer_than_its_column(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = place_for(request, tmp_path, "postgresql")
    place.query(f"CREATE TABLE {TABLE} (id text PRIMARY KEY, name varchar(5))")
    with writing(place) as writer:
        results = write(writer, [record("1", Name="secret words"), record("2", Name="short"), record("k" * 9000)])
    assert outcomes(results) == {"1": Reason.VALUE_OVERLONG, "2": "created", "k" * 9000: "created"}
    assert "longer than its column" in results["1"].detail
    assert "secret" not in results["1"].detail


def test_a_key_too_long_for_its_index(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    import random

    place = place_for(request, tmp_path, "postgresql")
    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
    with writing(place) as writer:
        assert outcomes(write(writer, [record(long), record("2")])) == {long: Reason.VALUE_OVERLONG, "2": "created"}


def test_a_constraint_that_would_wait_for_the_commit(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = place_for(request, tmp_path, "postgresql")
    place.query(f"CREATE TABLE {TABLE} (id text PRIMARY KEY, name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with writing(place) as writer:
        results = write(writer, [record("1", Name="same"), record("2", Name="same"), record("3", Name="other")])
    assert sorted(map(str, outcomes(results).values())) == ["created", "created", "record-refused"]


def test_a_trigger_that_raises_is_not_quoted(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = place_for(request, tmp_path, "postgresql")
    with writing(place) as writer:
        place.query(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN IF NEW.name = 'canary' THEN RAISE EXCEPTION 'not %', NEW.name; END IF; RETURN NEW; END$$"
        )
        place.query(f"CREATE TRIGGER no BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION no()")
        results = write(writer, [record("1", Name="canary"), record("2", Name="Ada")])
    assert outcomes(results) == {"1": Reason.RECORD_REFUSED, "2": "created"}
    assert "canary" not in results["1"].detail


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
values = st.fixed_dictionaries(
    {},
    optional={
        "Name": st.none() | texts,
        "Posts": st.none() | st.integers(-(2**63), 2**63 - 1),
        "Score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "Active": st.none() | st.booleans(),
    },
)
histories = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b", "ä", "A", "1", "01", "🦆"]), values), max_size=8), max_size=4
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("kind", KINDS)
@given(history=histories)
def test_the_table_holds_the_last_values_of_each_key(
    request: pytest.FixtureRequest, kind: str, history: list[list[tuple[str, dict[str, Any]]]]
) -> None:
    expected: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = place_for(request, Path(folder), kind)
        with writing(place) as writer:
            for batch in history:
                before = set(expected)
                results = list(writer.write([record(key, **given) for key, given in batch]))
                assert len(results) == len(batch)
                assert {r.write.key[0] for r in results if r.outcome is Outcome.CREATED} == {
                    k for k, _ in batch
                } - before
                for key, given in batch:
                    row = expected.setdefault(key, dict.fromkeys(["Name", "Posts", "Score", "Active"]))
                    row.update(given)
        found = {row[0]: row[1:] for row in place.rows("id, name, posts, score, active")}
    assert set(found) == set(expected)
    for key, row in expected.items():
        name, posts, score, active = found[key]
        assert (name, posts, None if active is None else bool(active)) == (row["Name"], row["Posts"], row["Active"])
        assert (None if score is None else float(score)) == row["Score"]


def test_two_objects_with_one_table(kept: Place) -> None:
    other = ObjectDefinition(kind="User", name="Community acme en User", key="Id", fields=members().fields, raw=True)
    target = kept.target()
    with pytest.raises(errors.RemoteRefused, match="have the same table"):
        target.prepare([members(), other])
    target.close()


def test_a_field_that_the_object_does_not_have(kept: Place) -> None:
    with writing(kept) as writer, pytest.raises(errors.RemoteRefused, match="has no field 'Nope'"):
        write(writer, [record("1", Nope="x")])
