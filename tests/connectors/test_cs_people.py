"""Persons, company persons and relationship persons: few calls, and nobody guessed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.outcome import Reason, RecordWrite
from reconciler.sandbox import Sandbox
from tests.connectors.cs_records import (
    CREATED,
    UPDATED,
    by_key,
    calls,
    predicted,
    record,
    rows,
    shown,
    target,
    written,
)
from tests.connectors.test_with_sandbox import control

# ---- people


def test_persons(sandbox: Sandbox) -> None:
    emails = [email for email, _ in rows(sandbox, "person", "Email", "Gsid")]
    to = target(sandbox, "Person", "Email")
    writes = [record(email, City__gc=f"City {n}") for n, email in enumerate(emails[:101])]
    writes += [record(f"new{n}@a.example", FirstName="N", City__gc="X") for n in range(52)]
    results = by_key(written(sandbox, to, writes))
    assert calls(sandbox) == predicted(to, new=52, known=101)
    assert calls(sandbox).writes == 3 + 3
    assert list(results.values()).count(CREATED) == 52
    found = shown(sandbox, "person", "Email", "City__gc")
    assert all(found[one.key[0]] == (one.values["City__gc"],) for one in writes)


@pytest.mark.parametrize("count", [1, 3, 4, 50, 51, 54])
def test_few_people_go_one_by_one(sandbox: Sandbox, count: int) -> None:
    to = target(sandbox, "Person", "Email")
    written(sandbox, to, [record(f"new{n}@a.example", City__gc="X") for n in range(count)])
    assert calls(sandbox) == predicted(to, new=count, known=0)


def test_company_persons(sandbox: Sandbox) -> None:
    companies = [name for name, _ in rows(sandbox, "company", "Name", "Gsid")]
    pairs = list(rows(sandbox, "company_person", "Person_ID__gr.Email", "Company_ID__gr.Name"))
    control(sandbox, "POST", "cs/company", {"Name": companies[1]})
    to = target(sandbox, "Company Person", "Company Name", "Person Email")
    known = [(company, email) for email, company in pairs if company != companies[1]][:70]
    fresh = [(name, f"new{n}@a.example") for n in range(5) for name in (companies[0], companies[2])]
    writes = [record(*key, Title=f"Title {n}", Products__gc=None) for n, key in enumerate([*known, *fresh])]
    writes += [record("Nobody Ltd", "a@b.example", Title="x"), record(companies[1], "a@b.example", Title="x")]
    names = {"Company Name": sorted({one.key[0] for one in writes})}
    results = written(sandbox, to, writes, names=names)
    assert calls(sandbox) == predicted(to, new=10, known=70, names={"Company Name": len(names["Company Name"])})
    outcomes = [one.outcome or one.reason for one in results]
    assert outcomes.count(UPDATED) == 70
    assert outcomes.count(CREATED) == 10
    assert [one.reason for one in results if one.reason] == [Reason.COMPANY_UNKNOWN, Reason.COMPANY_AMBIGUOUS]
    found = {
        (company, email): title
        for email, company, title in rows(
            sandbox, "company_person", "Person_ID__gr.Email", "Company_ID__gr.Name", "Title"
        )
    }
    assert all(found[one.key] == one.values["Title"] for one in writes[:80])  # type: ignore[index]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(persons=st.integers(0, 30), companies=st.integers(1, 6), told=st.booleans())
def test_calls_for_company_persons_are_predicted(running: Sandbox, persons: int, companies: int, told: bool) -> None:
    control(running, "POST", "reset")
    names = [name for name, _ in rows(running, "company", "Name", "Gsid")][:companies]
    to = target(running, "Company Person", "Person Email", "Company Name", set_if_empty=frozenset({"Role"}))
    writes = [record(f"n{n}@a.example", name, Title="T", Role="first") for n in range(persons) for name in names]
    given = {"Company Name": names if writes else []}
    written(running, to, writes, names=given if told else None)
    counts = {"names": {"Company Name": companies}}
    assert calls(running) == predicted(to, new=len(writes), known=0, **counts)
    again = [RecordWrite(key=one.key, values={"Title": "U", "Role": "second"}, label="") for one in writes]
    written(running, to, again, names=given if told else None)
    assert calls(running) == predicted(to, new=0, known=len(writes), **counts)
    found = {tuple(row) for row in rows(running, "company_person", "Person_ID__gr.Email", "Title", "Role")}
    assert {(one.key[0], "U", "first") for one in writes} <= found
    assert not {row for row in found if row[2] == "second"}


def test_relationship_persons(sandbox: Sandbox) -> None:
    known = list(rows(sandbox, "relationship", "Name", "CompanyId__gr.Name"))
    to = target(sandbox, "Relationship Person", "Person Email", "Company Name", "Relationship Name")
    writes = [record(f"p{n}@a.example", company, name, Role=f"R{n}") for n in range(20) for name, company in known]
    wrong = [record("p@a.example", known[0][1], known[1][0], Role="x"), record("p@a.example", "None", "None", Role="x")]
    names = {"Company Name": [company for _, company in known], "Relationship Name": [name for name, _ in known]}
    results = written(sandbox, to, [*writes, *wrong], names={k: [*v, "None"] for k, v in names.items()})
    assert [one.reason for one in results if one.reason] == [Reason.RELATIONSHIP_UNKNOWN, Reason.COMPANY_UNKNOWN]
    counts = {name: len(known) + 1 for name in names}
    assert calls(sandbox) == predicted(to, new=len(writes), known=0, names=counts)
    paths = ("Person_ID__gr.Email", "Company_ID__gr.Name", "Relationship_ID__gr.Name", "Role")
    found = {tuple(row[:3]): row[3] for row in rows(sandbox, "relationship_person", *paths)}
    assert found == {one.key: one.values["Role"] for one in writes}
    again = [RecordWrite(key=one.key, values={"Role": "Z"}, label="") for one in writes[:5]]
    assert set(by_key(written(sandbox, to, again)).values()) == {UPDATED}


def test_a_person_twice_in_the_tenant_is_not_guessed(sandbox: Sandbox) -> None:
    for _ in range(2):
        control(sandbox, "POST", "cs/person", {"Email": "twin@a.example", "company_person": {"Title": "CIO"}})
    assert by_key(written(sandbox, target(sandbox, "Person", "Email"), [record("twin@a.example", City__gc="x")])) == {
        "twin@a.example": Reason.AMBIGUOUS_PERSON
    }
    company = next(rows(sandbox, "company", "Name", "Gsid"))[0]
    to = target(sandbox, "Company Person", "Person Email", "Company Name")
    results = written(sandbox, to, [record("twin@a.example", company, Title="x")])
    assert [one.reason for one in results] == [Reason.AMBIGUOUS_PERSON]


def test_a_bad_person_in_a_job_is_the_only_one_refused(sandbox: Sandbox) -> None:
    to = target(sandbox, "Person", "Email")
    writes = [record(f"new{n}@a.example", City__gc="X") for n in range(50)]
    writes[17] = record("new17@a.example", Preferred_Language__gc="Klingon")
    results = written(sandbox, to, writes)
    (refused,) = [one for one in results if one.reason]
    assert (refused.write.key, refused.reason) == (("new17@a.example",), Reason.PICKLIST_UNKNOWN)
    assert (refused.field, refused.detail) == ("Preferred_Language__gc", "GSOBJ_VDTPKLST1002")
    assert calls(sandbox).writes == 1


def test_a_bad_record_beside_good_ones_of_the_same_person(sandbox: Sandbox) -> None:
    companies = [name for name, _ in rows(sandbox, "company", "Name", "Gsid")]
    to = target(sandbox, "Company Person", "Person Email", "Company Name")
    writes = [record("one@a.example", name, Seats__gc="many" if n == 3 else n) for n, name in enumerate(companies)]
    results = written(sandbox, to, writes)
    assert [one.write.key[1] for one in results if one.reason] == [companies[3]]
    found = shown(sandbox, "company_person", "Company_ID__gr.Name", "Person_ID__gr.Email", "Seats__gc")
    assert found[companies[4]] == ("one@a.example", 4)


def test_a_bad_person_alone(sandbox: Sandbox) -> None:
    (result,) = written(sandbox, target(sandbox, "Person", "Email"), [record("a@b.example", Newsletter__gc="perhaps")])
    assert (result.reason, result.detail) == (Reason.VALUE_INVALID, "GSOBJ_VDTBOOL1001")
