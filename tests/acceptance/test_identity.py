"""Who gets whose value: duplicates, several companies, strangers, and values that nobody can send."""

from __future__ import annotations

import csv
import io
from typing import Any

from tests.acceptance.projects import COUNTRY, ROLE, TITLE, ProjectFolder, assert_balanced
from tests.acceptance.world import World


def _first(world: World) -> tuple[str, str]:
    """E-mail address and user id of a member."""
    member = world.members()[2]
    return str(member["email"]), str(member["userid"])


def _records(project: ProjectFolder, *arguments: str) -> list[dict[str, Any]]:
    done = project.run("records", "acme-profile", "--output", "json", *arguments).expect(0)
    assert done.json["formatVersion"] == 1
    return list(done.json["records"])


def test_an_address_matches_whatever_its_case_and_outer_spaces(project: ProjectFolder) -> None:
    world = project.world
    email, user = _first(world)
    world.edit("person", email, Email=f"  {email.upper()} ", Country__gc="Ruritania")
    project.ready().sync()
    assert world.profile(user)["Country"] == "Ruritania"


def test_dots_and_plus_signs_make_other_addresses(project: ProjectFolder) -> None:
    world = project.world
    member = world.add_member("ann.lee+news@acme.example")
    world.add_person("ann.lee@acme.example", Country__gc="Nowhere")
    world.add_person("annlee+news@acme.example", Country__gc="Nowhere")
    project.ready().sync()
    assert "Country" not in world.profile(member["userid"])


def test_two_persons_with_one_address_are_reported_and_neither_is_taken(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    email, user = _first(world)
    before = world.profile(user)
    world.add_person(f" {email.upper()}", Country__gc="Elsewhere", Name="Second Self")
    project.ready().sync(code=3)
    assert world.profile(user).get("Country") == before.get("Country"), "never guessed"
    found = _records(project, "--reason", "ambiguous-person")
    assert [(entry["profileField"], entry["key"]) for entry in found] == [("Country", user)]
    assert "2 records" in found[0]["detail"]
    assert "Second Self" in found[0]["detail"], "the candidates are named"
    assert found[0]["advice"] == "several Person records share this e-mail address; merge them in CS"
    assert project.status()["Country"][0] == "Partially Successful"


def test_two_members_with_one_address_are_reported_and_neither_is_written(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    email, user = _first(world)
    twin = str(world.add_member(email.title())["userid"])
    project.ready()
    world.new_writes()
    project.sync(code=3)
    assert {entry.user for entry in world.new_writes()}.isdisjoint({user, twin})
    found = _records(project)
    assert {entry["reason"] for entry in found} == {"ambiguous-member"}
    assert {entry["profileField"] for entry in found} == {"Job Title", "Country", "Renewal Date"}
    assert all(user in entry["detail"] and twin in entry["detail"] for entry in found)
    world.erase(twin)
    project.sync()
    assert _records(project) == [], "what is right again is no longer listed"
    assert {entry.user for entry in world.new_writes()} == {user}


def test_of_several_companies_the_primary_one_counts(project: ProjectFolder) -> None:
    world = project.world
    member = world.add_member("many@acme.example")
    jobs = [{"Title": "Guest", "IsPrimaryCompany": False}, {"Title": "Captain", "IsPrimaryCompany": True}]
    world.add_person("many@acme.example", company_person=jobs)
    project.ready().sync()
    assert world.profile(member["userid"])["Job Title"] == "Captain"
    assert project.counts(1)["reasons"]["other-company"] == 2, "one for each mapping of the object"


def test_the_only_company_counts_also_when_it_is_not_primary(project: ProjectFolder) -> None:
    world = project.world
    member = world.add_member("one@acme.example")
    world.add_person("one@acme.example", company_person={"Title": "Only", "IsPrimaryCompany": False})
    project.ready().sync()
    assert world.profile(member["userid"])["Job Title"] == "Only"


def test_several_companies_without_one_primary_are_ambiguous_never_guessed(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    for number, flag in ((0, False), (1, True)):
        email = f"torn{number}@acme.example"
        world.add_member(email)
        jobs = [{"Title": title, "IsPrimaryCompany": flag} for title in ("Left", "Right")]
        world.add_person(email, Country__gc="Here", company_person=jobs)
    project.ready().sync(code=3)
    for number in (0, 1):
        profile = world.profile(world.member(f"torn{number}@acme.example")["userid"])
        assert "Job Title" not in profile
        assert profile["Country"] == "Here", "the Person record is not in doubt"
    found = _records(project, "--field", "Job Title")
    assert [entry["reason"] for entry in found] == ["ambiguous-company"] * 2
    assert "mark exactly one Company Person as primary" in found[0]["advice"]


def test_strangers_on_either_side_are_no_error(project: ProjectFolder) -> None:
    world = project.world
    stranger = world.add_member("visitor@mail.example")
    world.add_person("not.a.member@acme.example", Country__gc="Far Away", company_person={"Title": "Nobody"})
    project.ready()
    world.new_writes()
    project.sync()
    written = world.new_writes()
    assert str(stranger["userid"]) not in {entry.user for entry in written}
    assert "Far Away" not in {entry.value for entry in written}
    assert project.counts(1)["reasons"]["no-member"] >= 3


def test_values_that_cannot_be_sent_are_rejected_each_with_its_reason(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    bad = {"..": "value-unsendable", ".": "value-unsendable", "two\nlines": "value-unsendable",
           "x" * 2_500: "value-too-long", "é" * 400: "value-too-long"}  # fmt: skip
    good = ["a/b & c?d#e", "50% ü €", "+1 (2);3", "%2F", "日本 🎉", "-5", "'quoted\"", "a\\b"]
    members = world.members()
    project.mapping("acme-profile", [("Company Person", "Notes__gc", "Job Title")])  # the longest attribute there is
    project.ready()
    for member, title in zip(members, [*bad, *good], strict=False):
        world.edit("company_person", str(member["email"]), Notes__gc=title)
    world.forget_calls()
    project.sync(code=3)
    for member, title in zip(members, [*bad, *good], strict=False):
        expected = "sent" if title in good else bad[title]
        held = world.profile(member["userid"]).get("Job Title") == title
        assert held == (expected == "sent"), title
    found = {entry["value"]: entry["reason"] for entry in _records(project)}
    assert found == bad
    calls = world.calls()
    project.sync(code=3)
    assert world.calls()["PUT", "profile_field"] == calls["PUT", "profile_field"], "known to be unsendable: not sent"
    assert {entry["attempts"] for entry in _records(project)} == {2}


def test_records_can_be_filtered_and_exported(project: ProjectFolder) -> None:
    world = project.world
    project.mapping("acme-profile", [TITLE, COUNTRY, ("Company Person", "Region__gc", "Support Tier")])
    email, user = _first(world)
    project.ready()
    world.edit("company_person", email, Title="..")
    project.sync(code=3)
    everything = _records(project)
    assert {entry["reason"] for entry in everything} == {"profile-field-missing", "value-unsendable"}
    assert [entry["key"] for entry in _records(project, "--field", "Job Title")] == [user]
    assert [entry["key"] for entry in _records(project, "--search", "LEADS TO ANOTHER")] == [user]
    assert _records(project, "--search", "no such text") == []
    shown = project.run("records", "acme-profile", "--limit", "1").expect(0).out
    assert f"{len(everything) - 1} more values not shown" in shown
    rows = list(csv.reader(io.StringIO(project.run("records", "acme-profile", "--output", "csv").expect(0).out)))
    assert rows[0] == [
        "Profile Field",
        "User",
        "Name",
        "Value",
        "Reason",
        "Detail",
        "First seen",
        "Last seen",
        "Attempts",
        "Advice",
    ]
    assert len(rows) == 1 + len(everything)
    wrong = project.run("records", "acme-profile", "--reason", "bad-luck").expect(64)
    assert "user-missing" in wrong.err, "the reasons that there are"


def test_an_erased_user_vanishes_from_the_rejected_records_with_the_next_cycle(project: ProjectFolder) -> None:
    world = project.world
    email, user = _first(world)
    project.ready()
    world.fault({"erase_user": True}, method="PUT", path=f"/user/{user}/profile_field/Job%20Title", times=1)
    done = project.run("sync", "acme-profile").expect(3)
    assert_balanced(done.out)
    assert ("Job Title", "User_not_found") in {(entry["profileField"], entry["status"]) for entry in _records(project)}
    project.sync()
    assert _records(project) == []
    assert email not in {member["email"] for member in world.members()}


def test_a_person_without_an_address_is_counted_and_skipped(project: ProjectFolder) -> None:
    world = project.world
    blank = world.add_member("")
    project.mapping("acme-profile", [ROLE, COUNTRY])
    project.ready()
    world.fault(
        {"json": {"result": True, "data": {"records": [{"Gsid": "1P0R" + "A" * 32, "Email": None, "Name": "X",
         "Country__gc": "Limbo"}]}}},
        side="cs", method="POST", path="/query/person", times=1,
    )  # fmt: skip
    project.sync()
    assert project.counts(1)["reasons"]["no-email"] == 1
    assert "Country" not in world.profile(blank["userid"])
