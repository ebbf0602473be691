"""The directory in temporary tables gives what the one in memory gives, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.records.resolution.directory import BLOCK_LIMIT, Directory, InMemoryDirectory
from reconciler.records.resolution.keys import KeyKind
from reconciler.records.resolution.rows import CompanyPersonRow, CompanyRow, PersonRow
from reconciler.state.database import Database
from reconciler.state.directory import TableDirectory

REGION = "DE"

ids = st.sampled_from([f"1P{n}" for n in range(6)])
companies = st.sampled_from([f"1C{n}" for n in range(3)])
emails = st.sampled_from(["", "a@x.com", " A@X.com", "b@y.example", "no address"])
names = st.sampled_from(
    ["", "Anna Berg", "BERG Anna", "Änna Bérg", "Li", "Анна", "Smith & Sons", "Acme GmbH", "acme.com"]
)
phones = st.sampled_from(["", "030 1234567", "+49 30 1234567", "12"])

person = st.builds(
    PersonRow, id=ids, name=names, emails=st.tuples(emails), phones=st.tuples(phones), company_id=st.none() | companies
)
company = st.builds(
    CompanyRow, id=companies, name=names, domains=st.tuples(st.sampled_from(["", "x.com", "www.y.example"]))
)
tie = st.builds(
    CompanyPersonRow,
    id=st.sampled_from([f"1T{n}" for n in range(9)]),
    person_id=ids,
    company_id=companies,
    email=emails,
    primary=st.booleans(),
)


def loaded(
    database_workspace: Any, people: list[PersonRow], firms: list[CompanyRow], ties: list[CompanyPersonRow]
) -> TableDirectory:
    directory = TableDirectory(database_workspace, REGION)
    # In two pages, as they come from a tenant.
    directory.load_people(people[:2])
    directory.load_people(people[2:])
    directory.load_ties(ties[:1])
    directory.load_ties(ties[1:])
    directory.load_companies(firms)
    directory.ready()
    return directory


def plain(found: Mapping[str, Collection[Any]]) -> dict[str, set[Any]]:
    return {key: set(values) for key, values in found.items()}


def everything(directory: Directory, asked: Mapping[KeyKind, Collection[str]]) -> list[Any]:
    """All that a directory says of some keys, in a form that has no order."""
    people = {kind: plain(directory.people(kind, asked[kind])) for kind in asked}
    known = {id for found in people.values() for ids in found.values() for id in ids}
    persons = directory.persons([*known, "nobody"])
    firms = {kind: plain(directory.companies(kind, asked[kind])) for kind in asked}
    named = {id for found in firms.values() for ids in found.values() for id in ids}
    return [
        people,
        {id: (one.name, one.company_id, set(one.ties)) for id, one in persons.items()},
        known == persons.keys(),
        firms,
        dict(directory.company_names([*named, "none"])),
        plain(directory.namesakes(asked[KeyKind.BLOCK])),
    ]


ASKED = {
    KeyKind.EMAIL: ["a@x.com", "b@y.example", "c@z.com", ""],
    KeyKind.PHONE: ["+49301234567", ""],
    KeyKind.NAME: ["anna berg", "li", "анна", ""],
    KeyKind.BLOCK: ["anna b", "berg a", "smith a", ""],
    KeyKind.COMPANY: ["acme", "smith and sons", "anna berg"],
    KeyKind.COMPANY_WHOLE: ["acme gmbh", "acme com"],
    KeyKind.DOMAIN: ["x.com", "y.example", "acme.com"],
    KeyKind.LABEL: ["acme", "smithandsons"],
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(person, max_size=6, unique_by=lambda row: row.id),
    firms=st.lists(company, max_size=3, unique_by=lambda row: row.id),
    ties=st.lists(tie, max_size=8, unique_by=lambda row: row.id),
)
def test_tables_and_memory_say_the_same(
    database: Database, people: list[PersonRow], firms: list[CompanyRow], ties: list[CompanyPersonRow]
) -> None:
    expected = everything(InMemoryDirectory(people, firms, ties, region=REGION), ASKED)
    with database.workspace() as workspace:
        assert everything(loaded(workspace, people, firms, ties), ASKED) == expected


def test_a_person_who_came_to_be_between_two_reads_is_not_known_yet(database: Database) -> None:
    late = CompanyPersonRow(id="1T1", person_id="1P9", company_id="1C1", email="late@x.com")
    with database.workspace() as workspace:
        directory = loaded(workspace, [], [], [late])
        assert directory.people(KeyKind.EMAIL, ["late@x.com"]) == {}
        assert directory.persons(["1P9"]) == {}


def test_a_name_that_too_many_have_says_nothing(database: Database) -> None:
    people = [PersonRow(id=f"1P{n:04}", name="Anna Berg") for n in range(BLOCK_LIMIT + 1)]
    strangers = [CompanyPersonRow(id=f"1T{n}", person_id=f"none{n}", company_id="1C1") for n in range(3)]
    with database.workspace() as workspace:
        assert loaded(workspace, people, [], strangers).namesakes(["anna b"]) == {}
    with database.workspace() as workspace:
        found = loaded(workspace, people[1:], [], strangers).namesakes(["anna b"])
        assert len(found["anna b"]) == BLOCK_LIMIT
