"""Imports from end to end: what a community has arrives whole, and once; what did not change is neither read nor written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reconciler.config import catalogs
from reconciler.model.catalog import Catalog, DataType
from tests.acceptance.communities import CORE, ONE, RAW, TWO, Imports, calls, connected
from tests.acceptance.projects import FIELDS, RENEWAL, SEATS
from tests.acceptance.world import World
from tests.integration.kills import execute

USER, TOPIC, REPLY = "Community acme-en User", "Community acme-en Topic", "Community acme-en TopicReply"
CONTENT = "Community Content"
LISTS = Counter(
    {
        "/v2/categories": 1,
        "/v2/category/getTree": 1,
        "/v2/categories/getVisibleTopicsCount": 1,
        "/v2/ideas/ideaStatuses": 1,
        "/ID/user": 1,
        "/v2/topics": 1,
        # What only the lists of one type say.
        "/v2/articles": 1,
        "/v2/conversations": 1,
        "/v2/ideas": 1,
        "/v2/productUpdates": 1,
        "/v2/questions": 1,
        "cs read": 3,  # people, their companies, and companies
    }
)
FINE = ("Successful", "")
COMPLETE = {"Category", "Content", "IdeaStatus", "Topic", "TopicReply", "Trend", "User"}


@pytest.fixture(scope="module")
def connected_world() -> Iterator[World]:
    yield from connected()


@pytest.fixture
def project(tmp_path: Path, connected_world: World, database_url: str | None) -> Imports:
    connected_world.reset()
    return Imports(tmp_path / "acme", connected_world, database_url)


@pytest.fixture
def ready(project: Imports) -> Imports:
    project.ready()
    return project


@pytest.fixture(params=["cs", "sqlite", "postgresql"])
def into(request: pytest.FixtureRequest, tmp_path: Path, connected_world: World) -> Imports:
    """A project for each kind of target; its state is a SQLite file."""
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world)
    if request.param == "sqlite":
        project.into_database()
    if request.param == "postgresql":
        project.into_database(request.getfixturevalue("postgres").create_database())
    project.ready()
    return project


def topics(world: World, community: int = 1) -> list[dict[str, Any]]:
    """Topics that everybody sees."""
    found = world.control("GET", f"cc/{community}/topics?limit=1000")["topics"]
    return [one for one in found if not one["trashed"] and not one.get("draft")]


def a_topic_with_replies(world: World) -> dict[str, Any]:
    return next(one for one in topics(world) if replies(world, one))


def replies(world: World, topic: dict[str, Any]) -> list[dict[str, Any]]:
    found = world.control("GET", f"cc/1/topics/{topic['number']}/replies")["replies"]
    return [one for one in found if not one["trashed"]]


def member_of(world: World, at: int = 0) -> dict[str, Any]:
    return world.members()[at]


# -- what arrives ------------------------------------------------------------------------------------------------------


def test_everything_arrives_and_the_second_run_writes_nothing(into: Imports) -> None:
    world = into.world
    first = into.wrote()
    assert first.keys() == COMPLETE
    assert first["User"] == len(world.members())
    assert first["Content"] == first["Topic"] + first["TopicReply"]
    users = into.records(USER, "Community User Id", "Email", "Username", "Match Outcome")
    assert users == {str(one["userid"]): (one["email"] or None, one["username"], "matched") for one in world.members()}
    titles = {str(one["number"]): one["title"] for one in topics(world)}
    found = {id: title for id, (title,) in into.records(TOPIC, "Content ID", "Title").items()}
    assert found.items() <= titles.items() and len(found) == first["Topic"]
    content = into.records(CONTENT, "Content Data Identifier", "Content Type", "Community")
    assert {id for id, (type, _) in content.items() if type == "Topic"} == {f"{ONE}/topic/{id}" for id in found}
    assert {tenant for _, tenant in content.values()} == {"acme-en"}
    assert into.wrote() == {}
    assert calls(world) == LISTS


def test_a_change_is_read_and_written_and_nothing_else(into: Imports) -> None:
    into.cycle()
    world = into.world
    topic = topics(world)[0]
    member = member_of(world)["userid"]
    world.control("PATCH", f"cc/1/members/{member}", {"posts": 4711})
    reply = {"content": "<p>One more.</p>", "author": member}
    world.control("POST", f"cc/1/topics/{topic['number']}/replies", reply)
    wrote = into.wrote()
    assert wrote == {"User": 1, "Topic": 1, "TopicReply": 1, "Content": 2, "Trend": 1}
    seen = calls(world)
    read = {route: n for route, n in (seen - LISTS).items() if route != "cs write"}
    assert sum(n for route, n in read.items() if route.startswith("/ID/user/")) == 1
    assert sum(n for route, n in read.items() if route.endswith("/replies")) == 1
    # What Gainsight CS is asked more is where the changed records are; one call for each object, and one more for new ones.
    assert seen["cs write"] <= len(wrote) + 2
    posts = into.records(USER, "Community User Id", "Posts")
    assert int(posts[str(member)][0]) == 4712, "and one more"


def test_people_and_companies_reach_members_and_their_posts(ready: Imports) -> None:
    ready.cycle()
    world = ready.world
    people = {one["Email"].strip().lower(): one["Gsid"] for one in world.query("person", ["Gsid", "Email"])}
    ties = {
        one["Person_ID"]: (one["Gsid"], one["Company_ID"])
        for one in world.query("company_person", ["Gsid", "Person_ID", "Company_ID"])
    }
    members = {str(one["userid"]): one["email"].strip().lower() for one in world.members()}
    found = ready.records(USER, "Community User Id", "Person", "Company Person", "Company", "Match Rule")
    assert found == {id: (people[email], *ties[people[email]], "email") for id, email in members.items()}
    for name, key in ((TOPIC, "Content ID"), (REPLY, "Content ID"), (CONTENT, "Content Data Identifier")):
        for id, (author, *of_author) in ready.records(name, key, "Author Id", "Person", "Company").items():
            if author in members:
                assert of_author == [people[members[author]], ties[people[members[author]]][1]], id


def test_a_value_that_is_gone_is_cleared_at_the_target(into: Imports) -> None:
    into.cycle()
    world, member = into.world, member_of(into.world)
    world.control("PATCH", f"cc/1/members/{member['userid']}", {"email": "", "posts": 1})
    assert into.wrote()["User"] == 1
    assert into.records(USER, "Community User Id", "Email")[str(member["userid"])] == (None,)


# -- what the target lacks ---------------------------------------------------------------------------------------------


def test_the_others_run_where_an_object_is_missing(project: Imports) -> None:
    project.world.control("DELETE", f"objects/{quote(TOPIC)}")
    project.run("catalog", "pull", "acme-cs").expect(0)
    assert "+ Community acme-en Topic\n" in project.run("plan").expect(0).out
    project.apply()
    run = project.cycle(code=3)
    assert run["result"] == "Partial Success"
    assert {item for item, one in run["mappings"].items() if one["created"]} == COMPLETE - {"Topic"}
    found = project.import_status()
    assert found["Topic"][0] == "Failed" and "acme-cs has no object 'Community acme-en Topic'" in found["Topic"][1]
    assert found["Category"] == FINE and found[""][0] == "Partially Successful"
    project.world.control("POST", f"objects/{quote(TOPIC)}")
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    assert project.wrote().keys() == {"Topic"}
    assert project.import_status()[""] == FINE


def test_the_rest_of_a_record_is_written_where_a_field_is_missing(project: Imports) -> None:
    world = project.world
    world.control("DELETE", f"objects/{quote(USER)}/fields/Posts")
    project.run("catalog", "pull", "acme-cs").expect(0)
    assert "Number: Posts" in project.run("plan").expect(0).out
    project.apply()
    project.cycle()
    assert project.import_status()[""] == FINE
    names = {id: name for id, (name,) in project.records(USER, "Community User Id", "Username").items()}
    assert names == {str(one["userid"]): one["username"] for one in world.members()}
    world.control("POST", f"objects/{quote(USER)}/fields/Posts")
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    assert project.wrote() == {"User": len(names)}
    assert all(posts is not None for (posts,) in project.records(USER, "Community User Id", "Posts").values())
    assert project.wrote() == {}


def test_objects_that_cannot_be_used_are_failures_of_their_own(project: Imports) -> None:
    project.run("catalog", "pull", "acme-cs").expect(0)
    path = project.root / "catalog" / "acme-cs.json"
    known = catalogs.parse(path.read_bytes(), str(path))
    assert isinstance(known, Catalog)
    user, topic = known.objects[USER], known.objects[TOPIC]
    key = replace(topic.fields["Content_ID__gc"], data_type=DataType.NUMBER)
    changed = {
        USER: replace(user, low_volume=False),
        TOPIC: replace(topic, fields={**topic.fields, key.name: key}),
    }
    catalogs.write(path, replace(known, objects={**known.objects, **changed}))
    project.apply()
    run = project.cycle(code=3)
    assert {item for item, one in run["mappings"].items() if one["created"]} == COMPLETE - {"Topic", "User"}
    found = project.import_status()
    assert "is of high volume" in found["User"][1]
    assert run["reason"] == found["User"][1] + "; 1 more failed"
    assert "has no field 'Content ID', by which records are found" in found["Topic"][1]


def test_a_tenant_without_objects_waits_until_they_are_there(project: Imports) -> None:
    world = project.world
    world.control("DELETE", "objects")
    project.ready()
    assert project.import_status()[""][0] == "Pending"
    done = project.run("sync", f"CommunityImport/{ONE}").expect(1)
    assert "waits: acme-cs has none of its objects" in done.err
    assert calls(world) == {}
    world.control("POST", "objects")
    project.run("catalog", "pull", "acme-cs").expect(0)
    project.apply()
    assert project.wrote().keys() == COMPLETE
    assert project.import_status()[""] == FINE


# -- who members are ---------------------------------------------------------------------------------------------------


def test_a_person_who_comes_to_be_is_found_without_reading_the_community_again(ready: Imports) -> None:
    world = ready.world
    new = world.add_member("newcomer@stranger.example", username="newcomer")
    ready.cycle()
    assert ready.matches("unmatched").keys() == {"newcomer@stranger.example"}
    world.add_person("newcomer@stranger.example", FirstName="New", LastName="Comer")
    assert ready.wrote() == {"User": 1}
    assert not [route for route in calls(world) if route.startswith("/ID/user/") or route.endswith("/replies")]
    assert ready.matches("unmatched") == {}
    gsid = next(one["Gsid"] for one in world.query("person", ["Gsid", "Email"]) if one["Email"].startswith("newcomer@"))
    assert ready.records(USER, "Community User Id", "Person")[str(new["userid"])] == (gsid,)


def test_changed_rules_and_aliases_hold_for_everybody_at_once(ready: Imports) -> None:
    world = ready.world
    email = member_of(world)["email"]
    world.add_member("private@home.example", username="private")
    ready.cycle()
    assert ready.matches("unmatched").keys() == {"private@home.example"}
    ready.tune(ONE, identity={"aliases": {"private@home.example": email}})
    ready.apply()
    assert ready.wrote() == {"User": 1}
    assert not [route for route in calls(world) if route.startswith("/ID/user/")]
    found = ready.matches("matched")["private@home.example"]
    assert (found["rule"], found["personId"]) == ("alias", ready.matches("matched")[email]["personId"])
    ready.tune(ONE, identity={"aliases": {"private@home.example": "left@long.example"}})
    ready.apply()
    ready.cycle()
    nobody = ready.matches("unmatched")["private@home.example"]
    assert (nobody["rule"], nobody["detail"]) == ("alias", "the alias leads to nobody in Gainsight CS")
    ready.tune(ONE, identity={"rules": [{"match": ["name"]}]})
    ready.apply()
    ready.cycle()
    assert not [route for route in calls(world) if route.startswith("/ID/user/")]
    assert {one["rule"] for one in ready.matches("matched").values()} <= {"name"}
    assert "private@home.example" in ready.matches("unmatched")


def test_nobody_is_guessed(ready: Imports) -> None:
    world = ready.world
    world.add_person("twin@acme.example", FirstName="A", LastName="Twin", Name="A Twin")
    world.add_person("twin@acme.example", FirstName="B", LastName="Twin")
    world.add_member("twin@acme.example", username="twin")
    same = member_of(world)["email"]
    second = world.add_member(same, username="second-account")
    ready.cycle()
    twin = ready.matches("ambiguous")["twin@acme.example"]
    assert twin["personId"] is None and twin["detail"].startswith("could be ") and twin["detail"].count("A Twin (") == 1
    found = ready.records(USER, "Community User Id", "Person", "Match Outcome")
    assert found[twin["id"]] == (None, "ambiguous")
    assert found[str(second["userid"])] == found[str(member_of(world)["userid"])], "two accounts of one person"
    assert ready.import_status()[""] == FINE, "nothing of it is a failure"
    done = ready.run("records", f"CommunityImport/{ONE}", "--outcome", "ambiguous", "--output", "csv").expect(0)
    assert done.out.splitlines()[0].startswith("Member,Name,Email,Outcome") and len(done.out.splitlines()) == 2
    text = ready.run("records", f"CommunityImport/{ONE}", "--outcome", "ambiguous").expect(0).out
    assert (
        "ambiguous: several people or companies could be meant, and none was chosen" in text and "1 ambiguous" in text
    )
    assert ready.matches("ambiguous", ONE, "--search", "TWIN").keys() == {"twin@acme.example"}
    assert ready.matches("ambiguous", ONE, "--search", "100%").keys() == set()
    assert "No members match." in ready.run("records", f"CommunityImport/{ONE}", "--outcome", "unmatched").out


def test_members_are_searched_in_any_case(ready: Imports) -> None:
    ready.world.add_member("", username="Änne_50%")
    ready.world.add_member("", username="Other 505")
    ready.cycle()
    assert ready.matches("unmatched", ONE, "--search", "Änne").keys() == {"Änne_50%"}
    assert ready.matches("unmatched", ONE, "--search", "_50%").keys() == {"Änne_50%"}
    text = ready.run("records", f"CommunityImport/{ONE}", "--outcome", "unmatched", "--limit", "1").expect(0).out
    assert "1 more member not shown" in text and "2 unmatched" in text


def test_members_are_asked_for_of_imports_only(ready: Imports) -> None:
    ready.mapping("profiles", [("Company Person", "Title", "Job Title")])
    ready.apply()
    assert "has no members that are tied to people" in ready.run("records", "profiles", "--outcome", "matched").err
    done = ready.run("records", ONE, "--outcome", "matched", "--field", "Job Title")
    assert done.code == 64 and "members have no field" in done.err


# -- what goes ---------------------------------------------------------------------------------------------------------


def test_what_is_deleted_is_marked_after_a_complete_pass_only(project: Imports) -> None:
    project.tune(ONE, fullEvery=3)
    project.ready()
    world = project.world
    project.cycle()
    topic = a_topic_with_replies(world)
    (one, *others) = replies(world, topic)
    gone = next(other for other in topics(world) if other["number"] != topic["number"])
    world.control("DELETE", f"cc/1/topics/{topic['number']}/replies/{one['number']}")
    world.control("DELETE", f"cc/1/topics/{gone['number']}")
    project.cycle()
    assert project.records(TOPIC, "Content ID", "Deleted")[str(gone["number"])] == (False,)
    project.cycle()
    project.cycle()
    marked = {id for id, (deleted,) in project.records(TOPIC, "Content ID", "Deleted").items() if deleted}
    assert marked == {str(gone["number"])}
    deleted = {id for id, (deleted,) in project.records(REPLY, "Content ID", "Deleted").items() if deleted}
    assert str(one["number"]) in deleted
    assert not deleted & {str(other["number"]) for other in others}
    content = project.records(CONTENT, "Content Data Identifier", "Deleted", "Deleted At")
    assert content[f"{ONE}/topic/{gone['number']}"][0] is True
    assert content[f"{ONE}/topic/{gone['number']}"][1] is not None
    assert project.wrote() == {}


@pytest.mark.parametrize("kept", [0, 6])
def test_a_community_that_suddenly_lists_less_than_half_is_not_believed(ready: Imports, kept: int) -> None:
    world = ready.world
    ready.cycle()
    before = ready.records(USER, "Community User Id", "Deleted")
    everybody = world.members()
    for member in everybody[kept:]:
        world.erase(member["userid"])
    run = ready.cycle(code=4)
    assert run["result"] == "Failed"
    assert f"the community lists {kept} of the {len(everybody)} members that it had before" in run["reason"]
    assert ready.records(USER, "Community User Id", "Deleted") == before
    assert execute(ready, "SELECT count(*) FROM community_records WHERE deleted_at IS NOT NULL") == [(0,)]
    assert len(ready.matches("matched")) == len(everybody)


# -- several communities -----------------------------------------------------------------------------------------------


def test_communities_share_the_core_objects(into: Imports) -> None:
    first, second = into.wrote(ONE), into.wrote(TWO)
    identifiers = into.records(CONTENT, "Content Data Identifier", "Community")
    assert Counter(tenant for (tenant,) in identifiers.values()) == {
        "acme-en": first["Content"],
        "acme-partners-en": second["Content"],
    }
    assert {id.partition("/")[0] for id in identifiers} == {ONE, TWO}
    trends = into.records("Community Trend", "Trend Identifier", "Community")
    assert {tenant for (tenant,) in trends.values()} == {"acme-en", "acme-partners-en"}
    assert (into.wrote(ONE), into.wrote(TWO)) == ({}, {})


def test_each_has_a_status_of_its_own(ready: Imports) -> None:
    ready.cycle(TWO)
    ready.world.fault({"status": 401}, path="/user")
    run = ready.cycle(ONE, code=6)
    assert run["result"] == "Failed" and "does not accept it" in run["reason"]
    assert ready.import_status(ONE)[""][0] == "Failed"
    assert ready.import_status(TWO)[""] == FINE
    ready.world.heal()
    ready.cycle(ONE)
    assert ready.import_status(ONE)[""] == FINE


def test_a_renamed_tenant_keeps_the_keys_of_the_core_records(ready: Imports) -> None:
    world = ready.world
    first = ready.wrote()
    before = ready.records(CONTENT, "Content Data Identifier", "Author Id")
    world.control("PATCH", "cc/1", {"tenant": "acme-us"})
    ready.edit_connection("tenant: acme-en", "tenant: acme-us")
    ready.run("catalog", "pull", "acme-cs").expect(0)
    ready.apply()
    wrote = ready.wrote()
    assert ready.records(CONTENT, "Content Data Identifier", "Author Id") == before
    assert {tenant for (tenant,) in ready.records(CONTENT, "Content Data Identifier", "Community").values()} == {
        "acme-us"
    }
    assert {item: wrote[item] for item in RAW} == {item: first[item] for item in RAW}, "in objects of the new name"
    assert ready.wrote() == {}


def test_two_tenants_of_one_name_are_refused(ready: Imports) -> None:
    ready.edit_connection("tenant: acme-partners-en", "tenant: ACME-en")
    done = ready.run("validate")
    assert done.code == 1
    assert "E-TENANT" in done.all and "their imports would write the same objects" in done.all


def test_a_deactivated_connection_stops_its_import_and_keeps_what_is_there(ready: Imports) -> None:
    ready.cycle()
    before = ready.records(CONTENT, "Content Data Identifier", "Title", "Deleted")
    ready.edit_connection("tenant: acme-en", "tenant: acme-en\n  active: false")
    ready.apply()
    ready.world.forget_calls()
    assert ready.run("sync", f"CommunityImport/{ONE}").code == 1
    assert calls(ready.world) == {}
    assert ready.records(CONTENT, "Content Data Identifier", "Title", "Deleted") == before
    ready.edit_connection("active: false", "active: true")
    ready.apply()
    assert ready.wrote() == {}
    assert calls(ready.world)["/v2/topics"] == 1
    assert ready.run("suspend", f"CommunityImport/{ONE}").code == 1


# -- what communities contain ------------------------------------------------------------------------------------------

HOSTILE = {
    "script": '<script>alert("x")</script>Hello <b>you</b>',
    "emoji": "🚀 Family 👨‍👩‍👧 of \U0001f1e9\U0001f1ea",
    "rtl": "שלום \u202eevil\u202c",
    "nul": "before\x00after",
    "quotes": "'; DROP TABLE runs; -- \" \\ ${x} {{y}} %s",
    "formula": "=1+1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_members_write_arrives_as_text(into: Imports, name: str) -> None:
    world, text = into.world, HOSTILE[name]
    member = world.add_member(f"{name}@stranger.example", username=text)
    topic = world.control("POST", "cc/1/topics", {"type": "question", "title": text, "content": text})
    into.cycle()
    assert into.import_status()[""] == FINE
    (username,) = into.records(USER, "Community User Id", "Username")[str(member["userid"])]
    assert username == text.replace("\x00", "")
    title, body = into.records(TOPIC, "Content ID", "Title", "Content")[str(topic["number"])]
    plain = "Hello you" if name == "script" else text.replace("\x00", "")
    assert title.endswith(plain) and body == plain
    assert "<script" not in title + body
    assert into.wrote() == {}


def test_long_texts_are_cut_and_said_to_be(into: Imports) -> None:
    world = into.world
    long = world.control("POST", "cc/1/topics", {"type": "idea", "title": "Long", "content": "x" * 70_000})
    short = world.control("POST", "cc/1/topics", {"type": "idea", "title": "Short", "content": "x" * 65_000})
    into.cycle()
    found = into.records(TOPIC, "Content ID", "Content", "Content Cut")
    assert [(len(body), bool(cut)) for body, cut in (found[str(one["number"])] for one in (long, short))] == [
        (65_000, True),
        (65_000, False),
    ]


def test_a_record_that_a_field_cannot_take_is_rejected_alone(ready: Imports) -> None:
    into, world = ready, ready.world
    long = world.add_member("long@stranger.example", username="n" * 300)
    fine = world.add_member("", username="no address at all")
    run = into.cycle(code=3)
    counts = run["mappings"]["User"]
    assert (counts["rejected"], counts["created"]) == (1, len(world.members()) - 1)
    (rejected,) = into.run("records", f"CommunityImport/{ONE}", "--output", "json").expect(0).json["records"]
    assert rejected["key"] == [str(long["userid"])]
    assert "Username" in rejected["detail"] or "username" in rejected["detail"]
    found = into.records(USER, "Community User Id", "Username", "Match Outcome")
    assert found[str(fine["userid"])] == ("no address at all", "unmatched")
    assert str(long["userid"]) not in found
    world.control("PATCH", f"cc/1/members/{long['userid']}", {"username": "short", "posts": 2})
    assert into.wrote() == {"User": 1}
    assert into.run("records", f"CommunityImport/{ONE}", "--output", "json").expect(0).json["records"] == []


def test_what_cannot_be_used_is_rejected_and_the_rest_arrives(into: Imports) -> None:
    world = into.world
    member, topic = member_of(world), a_topic_with_replies(world)
    world.fault({"json": [5]}, path=f"/user/{member['userid']}$")
    world.fault({"json": {"result": [{"title": "no id"}]}}, path="/replies", times=1)
    run = into.cycle(code=3)
    assert run["result"] == "Partial Success"
    assert {item: one["rejected"] for item, one in run["mappings"].items() if one["rejected"]} == {
        "Content": 1,
        "TopicReply": 1,
        "User": 1,
    }
    assert len(into.records(USER, "Community User Id")) == len(world.members()) == run["mappings"]["User"]["created"]
    done = into.run("records", f"CommunityImport/{ONE}", "--output", "json").expect(0)
    said = {one["object"]: (one["reason"], one["name"], one["detail"]) for one in done.json["records"]}
    assert said["User"][0] == "answer-malformed"
    assert f"the profile of user {member['userid']}: " in said["User"][2]
    assert said["TopicReply"][1] == "no id"
    assert "item 1 of the list of replies to topic " in said["TopicReply"][2]
    world.heal()
    run = into.cycle()
    assert run["counts"]["rejected"] == 0
    assert str(topic["number"]) in into.records(TOPIC, "Content ID")
    assert into.run("records", f"CommunityImport/{ONE}", "--output", "json").expect(0).json["records"] == []
    assert len(into.records(REPLY, "Content ID")) == sum(len(replies(world, one)) for one in topics(world))


# -- views and trends --------------------------------------------------------------------------------------------------


def test_views_that_could_not_be_written_are_written_the_next_time(ready: Imports) -> None:
    world = ready.world
    ready.cycle()
    assert ready.records("Community Activity", "Activity Identifier", "Activity Count") == {}
    seen = world.control("POST", "cc/1/views", {"add": 3})["topics"]
    world.fault({"status": 403}, side="cs", path="Community_Activity__gc")
    ready.cycle(code=ready.run("sync", f"CommunityImport/{ONE}").code)
    world.heal()
    world.control("POST", "cc/1/views", {"add": 4})
    ready.cycle()
    found = ready.records("Community Activity", "Activity Identifier", "Activity Count", "Activity Type")
    assert {(int(count), type) for count, type in found.values()} == {(7, "View")}
    assert len(found) <= seen
    total = sum(int(count) for count, _ in found.values())
    trends = ready.records("Community Trend", "Trend Identifier", "Views")
    assert sum(int(views or 0) for (views,) in trends.values()) == total
    assert ready.wrote() == {}


def test_trends_are_what_a_count_by_hand_gives(ready: Imports) -> None:
    ready.cycle()
    created = ready.records(CONTENT, "Content Data Identifier", "Content Type", "Content Subtype", "Content Created At")
    naive: Counter[tuple[str, str]] = Counter()
    words = {"Question": "Questions Asked", "Discussion": "Discussions Started", "Idea": "Ideas Submitted"}
    for type, subtype, at in created.values():
        naive[day_of(at), "Topics Created" if type == "Topic" else "Replies Created"] += 1
        if type == "Topic" and subtype in words:
            naive[day_of(at), words[subtype]] += 1
    for (at,) in ready.records(USER, "Community User Id", "Registered At").values():
        naive[day_of(at), "Members Joined"] += 1
    names = ("Topics Created", "Replies Created", "Members Joined", *words.values())
    found = ready.records("Community Trend", "Trend Identifier", *names)
    told = {
        (id.removeprefix(f"{ONE}/"), name): int(count)
        for id, counts in found.items()
        for name, count in zip(names, counts, strict=True)
        if count
    }
    assert told == naive
    # Of what is counted by its own date, nothing is unknown.
    assert all(count is not None for counts in found.values() for count in counts)


def test_a_day_on_which_nobody_joined_but_somebody_who_was_erased_counts_nobody(into: Imports) -> None:
    into.cycle()
    joined: Counter[str] = Counter()
    registered = into.records(USER, "Community User Id", "Registered At")
    for (at,) in registered.values():
        joined[moment_of(at)[:10]] += 1
    others = into.records("Community Trend", "Trend Identifier", "Topics Created", "Replies Created")
    alone = next(
        (id, day)
        for id, (at,) in registered.items()
        if joined[day := moment_of(at)[:10]] == 1 and not any(others[f"{ONE}/{day}"])
    )
    into.world.control("DELETE", f"cc/1/members/{alone[0]}")
    assert into.wrote()["Trend"] == 2  # that day, and the members of today
    trend = into.records("Community Trend", "Trend Identifier", "Members Joined", "Members", "Views")
    assert trend[f"{ONE}/{alone[1]}"] == (0, None, None)
    assert into.wrote() == {}


def moment_of(value: Any) -> str:
    """A moment of any target as text."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat()
    return value if isinstance(value, str) else value.astimezone(UTC).isoformat()


def day_of(milliseconds: int) -> str:
    """The day of a moment as Gainsight CS gives it, in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


def test_core_objects_are_named_like_those_of_the_definitions() -> None:
    assert {*RAW, *CORE} - COMPLETE == {"Activity"}


def test_objects_of_imports_make_no_room_for_mass_changes(ready: Imports) -> None:
    """They have statuses as mappings have, but nobody declares them."""
    lines = [*(("Company Person", "Title", field) for field in FIELDS), RENEWAL, SEATS]
    ready.mapping("profile", lines)
    ready.apply()
    ready.cycle()
    ready.mapping("profile", lines[4:])
    assert "4 of 10 recorded mappings would change (40 %" in ready.run("plan").expect(0).out
    ready.run("apply").expect(4)
