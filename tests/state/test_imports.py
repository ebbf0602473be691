"""What is derived of a community: views by the day on which they were counted, days, and who its members are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.clock import SystemClock
from reconciler.engine import resolving
from reconciler.model.catalog import Catalog, CatalogObject
from reconciler.model.community import Kind
from reconciler.model.json import Json, canonical
from reconciler.model.resources import IdentitySettings
from reconciler.records.resolution.result import Candidate, Outcome, Resolution, Suggestion
from reconciler.state import community, imports
from reconciler.state.database import Database
from tests.state.conftest import NOW

ACME = "acme-community"
MONDAY = date(2026, 6, 1)
BEFORE = "2026-05-01T08:00:00Z"


def store(database: Database, kind: Kind, records: Mapping[str, Mapping[str, Json]], connection: str = ACME) -> None:
    """Put records into the store of a community, in a run of reading of its own."""
    with database.begin() as session:
        begun = community.begin(session, connection, full_every=7, now=NOW)
        rows = [
            community.Row(
                id=id,
                parent=None,
                author=str(values["author_id"]) if "author_id" in values else None,
                listed="",
                wanted="",
                due=False,
                content=canonical({"id": id, **values}),
            )
            for id, values in records.items()
        ]
        community.store(session, begun, kind, rows, now=NOW)
        community.complete(session, begun, since=NOW, now=NOW)


def count(database: Database, day: date, totals: Mapping[str, int | None], created: str = BEFORE) -> None:
    """The community says how often topics were viewed; a run counts them."""
    said: dict[str, dict[str, Json]] = {
        id: {"created_at": created} if views is None else {"created_at": created, "views": views, "title": f"T{id}"}
        for id, views in totals.items()
    }
    store(database, Kind.TOPIC, said)
    with database.begin() as session:
        imports.count_views(session, ACME, day)
        imports.note_day(session, ACME, day)


def views(database: Database) -> dict[tuple[str, str], int]:
    """(day, topic) → views."""
    with database.read() as session:
        return {(day[-2:], topic): n for day, topic, n, _ in imports.views(session, ACME)}


def days(database: Database) -> dict[str, dict[str, int | None]]:
    with database.read() as session:
        return {day[-2:]: noted for day, noted in imports.days(session, ACME).items()}


# -- views -------------------------------------------------------------------------------------------------------------


def test_growth_belongs_to_the_day_on_which_it_was_counted(database: Database) -> None:
    count(database, MONDAY, {"1": 100, "2": 5})
    assert views(database) == {}, "nobody knows when the first ones were"
    count(database, MONDAY, {"1": 103, "2": 5})
    count(database, MONDAY, {"1": 104, "2": 5})
    assert views(database) == {("01", "1"): 4}
    count(database, MONDAY + timedelta(days=3), {"1": 110, "2": 6})
    assert views(database) == {("01", "1"): 4, ("04", "1"): 6, ("04", "2"): 1}
    assert days(database)["04"]["views"] == 7
    assert set(days(database)) == {"01", "04"}, "days without a run are not invented"


def test_a_counter_that_begins_anew_counts_from_there(database: Database) -> None:
    count(database, MONDAY, {"1": 100})
    count(database, MONDAY, {"1": 20})
    assert views(database) == {}
    count(database, MONDAY, {"1": 25})
    assert views(database) == {("01", "1"): 5}


def test_a_new_topic_had_no_views_before(database: Database) -> None:
    count(database, MONDAY, {"1": 10})
    tuesday = MONDAY + timedelta(days=1)
    count(database, tuesday, {"2": 8}, created="2026-06-02T07:00:00Z")
    count(database, tuesday, {"3": 9}, created=BEFORE)
    assert views(database) == {("02", "2"): 8}, "an old one that was not known has an unknown past"


def test_topics_without_a_number_of_views_are_left_out(database: Database) -> None:
    count(database, MONDAY, {"1": None})
    count(database, MONDAY, {"1": 4})
    count(database, MONDAY, {"1": None})
    count(database, MONDAY, {"1": 6})
    assert views(database) == {("01", "1"): 2}


def test_views_of_communities_do_not_mix(database: Database) -> None:
    count(database, MONDAY, {"1": 10})
    store(database, Kind.TOPIC, {"1": {"views": 1000, "created_at": BEFORE}}, connection="other")
    count(database, MONDAY, {"1": 11})
    with database.begin() as session:
        imports.count_views(session, "other", MONDAY)
        imports.note_day(session, "other", MONDAY)
        assert list(imports.views(session, "other")) == []
        assert imports.days(session, "other")["2026-06-01"]["views"] == 0
    assert views(database) == {("01", "1"): 1}


def test_views_of_long_ago_are_dropped_and_days_are_kept(database: Database) -> None:
    count(database, MONDAY, {"1": 10})
    count(database, MONDAY, {"1": 12})
    later = MONDAY + imports.KEPT + timedelta(days=1)
    count(database, later, {"1": 13})
    assert views(database) == {(f"{later:%d}", "1"): 1}
    assert days(database)["01"]["views"] == 2


def count_at(database: Database, moment: str, views: int) -> None:
    """A run that ends at a moment of June, in UTC."""
    store(database, Kind.TOPIC, {"1": {"created_at": BEFORE, "views": views}})
    with database.begin() as session:
        imports.count(session, ACME, datetime.fromisoformat(f"2026-06-{moment}:00Z"))


def test_what_is_counted_at_midnight_was_seen_the_day_before(database: Database) -> None:
    count_at(database, "02T00:05", 10)
    count_at(database, "03T00:05", 14)
    count_at(database, "03T12:00", 15)
    assert views(database) == {("02", "1"): 4, ("03", "1"): 1}
    assert {day: noted["views"] for day, noted in days(database).items()} == {"02": 4, "03": 1}
    with database.read() as session:
        at = imports.counted_at(session, ACME)
        assert at is not None and at.isoformat() == "2026-06-03T12:00:00+00:00"
        assert imports.counted_at(session, "other") is None


def test_a_day_without_a_run_may_have_views(database: Database) -> None:
    count_at(database, "01T12:00", 10)
    count_at(database, "05T12:00", 18)
    assert views(database) == {("03", "1"): 8}
    assert days(database)["03"] == {"members": None, "members_active": None, "views": 8}
    assert set(days(database)) == {"01", "03", "05"}


def test_a_clock_that_was_set_back_makes_no_day_of_the_future(database: Database) -> None:
    count_at(database, "09T12:00", 10)
    count_at(database, "03T12:00", 12)
    count_at(database, "03T13:00", 13)
    assert views(database) == {("03", "1"): 3}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    growth=st.lists(
        st.tuples(st.integers(0, 2), st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))), max_size=8
    )
)
def test_no_view_is_lost_and_none_counts_twice(database: Database, growth: list[tuple[int, dict[str, int]]]) -> None:
    with database.begin() as session:
        for table in ("community_records", "community_passes", "community_views", "community_totals", "community_days"):
            session.execute_raw(f"DELETE FROM {table}")
    totals: dict[str, int | None] = dict.fromkeys("abc", 7)
    count(database, MONDAY, totals)
    naive: dict[tuple[str, str], int] = {}
    day = MONDAY
    for step, grown in growth:
        day += timedelta(days=step)
        for topic, more in grown.items():
            totals[topic] = int(totals[topic] or 0) + more
            if more:
                naive[f"{day:%d}", topic] = naive.get((f"{day:%d}", topic), 0) + more
        count(database, day, totals)
    assert views(database) == naive
    assert sum(noted["views"] or 0 for noted in days(database).values()) == sum(naive.values())


# -- days --------------------------------------------------------------------------------------------------------------


def test_who_was_active_yesterday_stays_so(database: Database) -> None:
    late, early = "2026-06-01T23:59:59Z", "2026-06-02T00:00:00Z"
    store(database, Kind.MEMBER, {"1": {"last_activity_at": late}, "2": {"last_activity_at": late}, "3": {}})
    count(database, MONDAY, {})
    assert days(database)["01"] == {"members": 3, "members_active": 2, "views": 0}
    store(database, Kind.MEMBER, {"2": {"last_activity_at": early}})
    count(database, MONDAY + timedelta(days=1), {})
    assert days(database)["01"]["members_active"] == 2
    assert days(database)["02"] == {"members": 3, "members_active": 1, "views": 0}


def test_what_happened_yesterday_after_the_last_run_is_noted_today(database: Database) -> None:
    store(database, Kind.MEMBER, {"1": {}})
    count(database, MONDAY, {})
    store(database, Kind.MEMBER, {"1": {"last_activity_at": "2026-06-01T22:00:00Z"}, "2": {}})
    count(database, MONDAY + timedelta(days=1), {})
    assert days(database)["01"] == {"members": 1, "members_active": 1, "views": 0}
    assert days(database)["02"]["members"] == 2


def test_things_are_counted_by_the_day_on_which_they_came_to_be(database: Database) -> None:
    made = {
        "1": {"created_at": "2026-06-01T23:59:59Z", "subtype": "Idea"},
        "2": {"created_at": "2026-06-02T00:00:00Z", "subtype": "Idea"},
        "3": {"created_at": "2026-06-02T10:00:00Z"},
        "4": {"subtype": "Idea"},
    }
    store(database, Kind.TOPIC, made)
    with database.begin() as session:
        begun = community.begin(session, ACME, full_every=7, now=NOW)
        community.delete(session, begun, Kind.TOPIC, ["1"], now=NOW)
        found = set(imports.created_by_day(session, ACME, Kind.TOPIC, "created_at"))
    assert found == {("2026-06-01", "Idea", 1), ("2026-06-02", "Idea", 1), ("2026-06-02", "", 1)}


# -- matches -----------------------------------------------------------------------------------------------------------


def resolution(**more: object) -> Resolution:
    return Resolution(**{"outcome": Outcome.UNMATCHED, **more})  # type: ignore[arg-type]


MATCHED = resolution(outcome=Outcome.MATCHED, person_id="P1", company_id="C1", rule="email", confidence=1.0)


def record(database: Database, id: str, found: Resolution, label: str = "anna", now: datetime = NOW) -> int:
    with database.begin() as session:
        return imports.record_matches(session, ACME, [(id, label, f"{label}@acme.com")], [found], now=now)


def test_a_match_says_since_when_it_is_so(database: Database) -> None:
    later = NOW + timedelta(days=1)
    assert record(database, "1", MATCHED) == 1
    assert record(database, "1", MATCHED, now=later) == 0
    with database.read() as session:
        (known,) = imports.matches(session, ACME, [Outcome.MATCHED], "")
        assert (known.person_id, known.since, known.label) == ("P1", NOW, "anna")
    assert record(database, "1", resolution(), now=later) == 1
    with database.read() as session:
        (known,) = imports.matches(session, ACME, [Outcome.UNMATCHED], "")
        assert (known.person_id, known.since) == (None, later)
        assert imports.count_matches(session, ACME) == {Outcome.UNMATCHED: 1}


def test_who_could_be_meant_is_said(database: Database) -> None:
    people = (Candidate(person_id="P1", company_id=None, label="Anna"), Candidate(person_id="P2", label="Anja"))
    assert imports.detail_of(resolution(outcome=Outcome.AMBIGUOUS, candidates=people, found=5)) == (
        "could be Anna (P1), Anja (P2) and 3 more"
    )
    at = (
        Candidate(person_id="P1", company_id="C1", label="Acme"),
        Candidate(person_id="P1", company_id="C2", label="B"),
    )
    assert imports.detail_of(resolution(outcome=Outcome.AMBIGUOUS, person_id="P1", candidates=at, found=2)) == (
        "could be at Acme (C1), B (C2)"
    )
    similar = (Suggestion(person_id="P3", label="Ana", similarity=0.94),)
    assert imports.detail_of(resolution(suggestions=similar)) == "similar: Ana (P3, 0.94)"
    assert imports.detail_of(resolution()) == ""


@pytest.mark.parametrize(
    ("words", "found"),
    [("anna", {"1"}), ("ANNA", {"1"}), ("50%", {"2"}), ("a_b", {"2"}), ("/x", {"2"}), ("Öl", {"3"}), ("5%%", set())],
)
def test_members_are_found_by_words(database: Database, words: str, found: set[str]) -> None:
    for id, label in (("1", "anna axb 505"), ("2", "a_b 50% /x"), ("3", "Öl"), ("10", "nobody")):
        record(database, id, resolution(), label)
    with database.read() as session:
        assert {one.id for one in imports.matches(session, ACME, [Outcome.UNMATCHED], words)} == found
        assert imports.count_found(session, ACME, [Outcome.UNMATCHED], words) == len(found)
        everybody = [one.id for one in imports.matches(session, ACME, [Outcome.UNMATCHED], "")]
    assert everybody == ["1", "2", "3", "10"]


def test_records_come_with_who_their_author_is(database: Database) -> None:
    store(database, Kind.MEMBER, {"7": {"username": "anna"}})
    store(database, Kind.TOPIC, {"7": {"author_id": "8"}, "9": {"author_id": "7"}})
    record(database, "7", MATCHED)
    with database.read() as session:
        (member,) = imports.records(session, ACME, Kind.MEMBER)
        topics = {one.id: one.match for one in imports.records(session, ACME, Kind.TOPIC)}
    assert member.match["person_id"] == "P1" and member.match["match_confidence"] == 1.0
    assert topics == {"7": imports.NOBODY, "9": member.match}
    record(database, "7", resolution(rule="", confidence=0.0))
    with database.read() as session:
        (member,) = imports.records(session, ACME, Kind.MEMBER)
    assert (member.match["match_outcome"], member.match["match_confidence"]) == ("unmatched", None)


class Tenant:
    """A tenant with one person."""

    def __init__(self, name: str) -> None:
        self._records: dict[str, list[list[Json]]] = {
            "Person": [["1P01", name, "anna@acme.example"]],
            "Company Person": [["1T01", "1P01", "1C01", "", True]],
            "Company": [["1C01", name]],
        }

    def read(self, object_name: str, fields: Sequence[str]) -> Iterator[list[Sequence[Json]]]:
        yield [*self._records[object_name]]

    def describe(self, labels: Sequence[str]) -> Mapping[str, CatalogObject]:
        raise AssertionError("not asked")


@pytest.mark.parametrize("name", ["Anna\0 Berg", "Anna\ud83d Berg"])
def test_a_name_that_no_database_can_hold_keeps_nobody_from_being_found(database: Database, name: str) -> None:
    store(
        database,
        Kind.MEMBER,
        {"1": {"email": "anna@acme.example"}, "2": {"username": "Anna Berg", "email": "me@home.example"}},
    )
    resolving.resolve(
        database,
        ACME,
        IdentitySettings(),
        Tenant(name),
        Catalog(connection="acme-cs"),
        clock=SystemClock(),
        assert_held=lambda session: None,
        advance=lambda count: None,
    )
    with database.read() as session:
        found = {one.id: one for one in imports.matches(session, ACME, Outcome, "")}
    assert (found["1"].person_id, found["1"].company_id) == ("1P01", "1C01")
    assert found["2"].detail == "similar: Anna Berg (1P01, 1.00)"
