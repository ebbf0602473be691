"""The main job, end to end: profile fields flow from git to the community. Each test is a sentence of the product."""

from __future__ import annotations

from tests.acceptance.projects import COUNTRY, RENEWAL, ROLE, SEATS, TITLE, ProjectFolder
from tests.acceptance.world import World

KEPT = "values already in the community are kept"


def _person(world: World, community: int = 1) -> dict[str, object]:
    """A member of the community who is a person in CS."""
    return world.members(community)[3]


def test_from_yaml_to_profiles_with_the_commands_a_user_types(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    before = world.profiles()

    assert "W-CATALOG" in project.command("validate").expect(0).all
    project.command("catalog", "pull").expect(0)
    assert "W-CATALOG" not in project.command("validate").expect(0).all
    plan = project.command("plan").expect(0).out
    assert "+ ProfileFieldMapping/acme-profile" in plan
    assert "+ Job Title  ← Company Person.Title" in plan
    assert world.new_writes() == [], "a plan writes nothing"
    assert "Applied, serial" in project.command("apply").expect(0).out
    assert world.new_writes() == [], "an apply sends nothing"
    project.command("sync", "acme-profile").expect(0)

    titles = {
        row["Person_ID__gr.Email"]: row["Title"]
        for row in world.query("company_person", ["Person_ID__gr.Email", "Title"])
    }
    for member in world.members():
        assert world.profile(member["userid"])["Job Title"] == titles[member["email"]]
    written = world.new_writes()
    assert {entry.field for entry in written} == {"Job Title", "Country", "Renewal Date"}
    assert {key: value for key, value in world.profiles().items() if key[1] == "City"} == {
        key: value for key, value in before.items() if key[1] == "City"
    }, "a field that is not mapped is left alone"
    status = project.command("status").expect(0).out
    assert status.count("Successful") == 4
    lines = project.command("export", "acme-profile").expect(0).out.splitlines()
    assert lines[0] == "User ID,User Name,CC User Profile Field,Value,Status"
    assert len(lines) == 1 + len(written)


def test_change_remove_and_add_a_mapping(on_both: ProjectFolder) -> None:
    project, world = on_both.ready(), on_both.world
    project.sync()
    world.new_writes()
    kept = {key: value for key, value in world.profiles().items() if key[1] == "Renewal Date"}
    assert kept

    project.mapping("acme-profile", [("Company Person", "Role", "Job Title"), COUNTRY, SEATS])
    plan = project.run("plan").out
    assert "~ Job Title  ← Company Person.Title → Company Person.Role" in plan
    assert f"- forget Renewal Date  ({KEPT})" in plan
    assert "+ Seats  ← Company Person.Seats__gc" in plan
    assert "1 mapping to add, 1 mapping to change, 1 mapping to forget" in plan
    project.apply()
    assert "No changes" in project.run("plan").expect(0).out
    assert project.run("plan", "--detailed-exitcode").code == 0
    assert project.status()["Job Title"][0] == "Pending"
    assert "Renewal Date" not in project.status()

    project.sync()
    assert {entry.field for entry in world.new_writes()} == {"Job Title", "Seats"}
    for (user, field), value in kept.items():
        assert world.profile(user)[field] == value, "the removed field's values are still there"
    project.sync()
    assert world.new_writes() == [], "a second cycle sends no write"


def test_a_whole_document_is_forgotten_and_its_values_stay(on_both: ProjectFolder) -> None:
    project, world = on_both, on_both.world
    project.mapping("acme-more", [ROLE])
    project.ready()
    project.sync("acme-more")
    values = world.profiles()
    project.forget("acme-more")
    plan = project.run("plan").out
    assert "- forget ProfileFieldMapping/acme-more  (all data is kept)" in plan
    assert f"- forget Department  ({KEPT})" in plan
    project.apply()
    assert world.profiles() == values
    assert "acme-more" not in project.run("status").out
    done = project.run("sync", "acme-more").expect(1)
    assert "no document 'acme-more' has been applied" in done.err


def test_null_keeps_and_only_the_changed_value_is_written(on_both: ProjectFolder) -> None:
    project, world = on_both.ready(), on_both.world
    member = _person(world)
    email, user = str(member["email"]), str(member["userid"])
    project.sync()
    world.new_writes()
    title = world.profile(user)["Job Title"]

    world.edit("company_person", email, Title=None, Renewal_Date__gc=None)
    project.sync()
    assert world.new_writes() == []
    assert world.profile(user)["Job Title"] == title, "null keeps"

    world.edit("company_person", email, Title="Chief Gardener")
    project.sync()
    assert world.new_writes() == [(user, "Job Title", "Chief Gardener")]
    assert world.profile(user)["Job Title"] == "Chief Gardener"

    world.edit("company_person", email, Title="   ")
    project.sync()
    assert world.new_writes() == [], "a blank text is no value either"


def test_a_second_cycle_makes_only_the_listing_calls(project: ProjectFolder) -> None:
    world = project.world
    project.ready().sync()
    world.forget_calls()
    project.sync()
    calls = world.calls()
    assert calls == {
        ("POST", "/v1/data/objects/query/person"): 1,
        ("POST", "/v1/data/objects/query/company_person"): 1,
        ("POST", "/oauth2/token"): 1,
        ("GET", "/api1/user"): 1,
    }
    shown = project.run("activity", "2", "--output", "json").json
    assert shown["calls"] == calls.total()


def test_values_read_as_people_expect(project: ProjectFolder) -> None:
    world = project.world
    lines = [
        ("Company Person", "Lifecycle_Stage__gc", "Lifecycle Stage"),
        ("Company Person", "Products__gc", "Products"),
        ("Company Person", "Health_Score__gc", "Department"),
        ("Company Person", "Is_Champion__gc", "Region"),
        RENEWAL,
        ("Person", "Last_Seen__gc", "City"),
    ]
    project.mapping("acme-profile", lines)
    member = _person(world)
    email = str(member["email"])
    items = _options(project)
    chosen = [items["Products__gc"]["Analytics"], items["Products__gc"]["Mobile"]]
    world.edit(
        "company_person", email, Lifecycle_Stage__gc=items["Lifecycle_Stage__gc"]["At Risk"],
        Products__gc=";".join(chosen), Health_Score__gc=72.10, Is_Champion__gc=True, Renewal_Date__gc="2027-02-28",
    )  # fmt: skip
    world.edit("person", email, Last_Seen__gc="2026-11-01T08:30:00+00:00")
    project.ready().sync()
    found = world.profile(member["userid"])
    assert found["Lifecycle Stage"] == "At Risk"
    assert found["Products"] == "Analytics; Mobile"
    assert found["Department"] == "72.1"
    assert found["Region"] == "true"
    assert found["Renewal Date"] == "2027-02-28"
    assert found["City"] == "2026-11-01T08:30:00Z"


def _options(project: ProjectFolder) -> dict[str, dict[str, str]]:
    """Attribute → label → id of its picklist items, by the describe API."""
    path = "/v1/meta/services/objects/company_person/describe?ic=false&cl=0&idd=false&ihc=false&piec=false"
    status, data = project.world.send(project.world.cs_url, "GET", path, None, {"Accesskey": "sandbox-access-key"})
    assert status == 200, data
    described = data["data"]
    fields = (described[0] if isinstance(described, list) else described)["fields"]
    return {
        item["fieldName"]: {option["label"]: option["value"] for option in item.get("options") or []} for item in fields
    }


def test_two_documents_write_one_community_and_share_what_they_know(project: ProjectFolder) -> None:
    world = project.world
    project.mapping("acme-more", [ROLE])
    project.ready()
    project.sync()
    project.sync("acme-more")
    assert {entry.field for entry in world.new_writes()} == {"Job Title", "Country", "Renewal Date", "Department"}
    assert {name for name, _ in _documents(project)} == {"acme-profile", "acme-more"}
    whole = project.run("export").expect(0).out.splitlines()
    parts = [project.run("export", name).out.splitlines()[1:] for name in ("acme-more", "acme-profile")]
    assert sorted(whole[1:]) == sorted(parts[0] + parts[1])


def _documents(project: ProjectFolder) -> list[tuple[str, str]]:
    listed = project.run("status", "--output", "json").json["documents"]
    return [(entry["name"], entry["status"]) for entry in listed if entry["kind"] == "ProfileFieldMapping"]


def test_a_mapping_that_moves_between_documents_sends_nothing(on_both: ProjectFolder) -> None:
    project, world = on_both.ready(), on_both.world
    project.sync()
    world.new_writes()
    project.mapping("acme-profile", [TITLE, COUNTRY])
    project.mapping("acme-moved", [RENEWAL])
    project.apply()
    project.sync()
    project.sync("acme-moved")
    assert world.new_writes() == []
    assert project.status("acme-moved")["Renewal Date"][0] == "Successful"


def test_a_mapping_that_comes_back_after_it_was_forgotten_sends_only_what_changed(project: ProjectFolder) -> None:
    world = project.world
    project.ready().sync()
    project.mapping("acme-profile", [TITLE])
    project.apply()
    member = _person(world)
    world.edit("person", str(member["email"]), Country__gc="Atlantis")
    project.mapping("acme-profile", [TITLE, COUNTRY, RENEWAL])
    project.apply()
    world.new_writes()
    project.sync()
    assert world.new_writes() == [(str(member["userid"]), "Country", "Atlantis")]


def test_two_communities_have_ledgers_of_their_own(project: ProjectFolder) -> None:
    world = project.world
    project.mapping("partners", [TITLE, SEATS], to="acme-partners")
    project.ready()
    project.sync()
    world.new_writes()
    project.sync("partners")
    assert {entry.field for entry in world.new_writes(2)} == {"Job Title", "Seats"}
    assert {member["email"] for member in world.members(1)}.isdisjoint(m["email"] for m in world.members(2))
