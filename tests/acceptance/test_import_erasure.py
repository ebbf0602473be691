"""A member whom a community has erased is erased here, too: from every table, and at the target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.planning.objects import api_name
from tests.acceptance.commands import finish
from tests.acceptance.communities import ONE, Imports, calls, connected
from tests.acceptance.projects import TITLE
from tests.acceptance.world import World
from tests.loop.processes import until

EMAIL, NAME, CITY = "Erased.Person@Vanished.example", "erased-person-zqx", "Vanishville-zqx"
NOBODY = (None, "Anonymous")
"""What communities call an author who is gone."""
TRACES = (EMAIL, EMAIL.lower(), NAME, CITY)
USER, TOPIC, REPLY = (f"Community acme-en {kind}" for kind in ("User", "Topic", "TopicReply"))


@pytest.fixture(scope="module")
def connected_world() -> Iterator[World]:
    yield from connected()


class Case:
    """A project in which somebody was a member, wrote posts, and had profile fields written."""

    def __init__(self, project: Imports) -> None:
        self.project, self.world = project, project.world
        project.mapping("profiles", [TITLE])
        self.world.add_person(EMAIL, FirstName="Z", LastName="Q", company_person={"Title": CITY})
        self.id = self.world.add_member(EMAIL, username=NAME, profile={"City": CITY})["userid"]
        # A value that no field takes, so that a post of theirs is among what was rejected.
        self.topic = self.world.control("POST", "cc/1/topics", {"type": "idea", "title": "Mine", "author": self.id})
        self.long = self.world.control("POST", "cc/1/topics", {"type": "idea", "title": "t" * 900, "author": self.id})
        (other, *_) = self.world.control("GET", "cc/1/topics?limit=1")["topics"]
        reply = {"content": "<p>Me.</p>", "author": self.id}
        self.reply = self.world.control("POST", f"cc/1/topics/{other['number']}/replies", reply)

    def begin(self) -> None:
        self.project.ready()
        self.project.sync("profiles")
        self.project.cycle()
        held = self.project.every_cell()
        assert all(trace in held for trace in (NAME, CITY)) and EMAIL.lower() in held.lower()

    def assert_gone(self) -> None:
        held = self.project.every_cell()
        # Their company person is still in Gainsight CS; nothing of it is about the member any more.
        assert [trace for trace in TRACES if trace in held] == []
        assert not self.project.matches("matched").keys() & {EMAIL, EMAIL.lower()}


@pytest.fixture(params=["cs", "database"])
def case(request: pytest.FixtureRequest, tmp_path: Path, connected_world: World, database_url: str | None) -> Case:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world, database_url)
    if request.param == "database":
        project.into_database()
    return Case(project)


def cleared(case: Case) -> None:
    """What the target still has of them: their id, and that they are gone."""
    user = case.project.records(USER, "Community User Id", "Username", "Email", "City", "Person", "Deleted")
    assert user[str(case.id)][:4] == (None,) * 4 and bool(user[str(case.id)][4])
    topics = case.project.records(TOPIC, "Content ID", "Title", "Author Name", "Person")
    title, author, person = topics[str(case.topic["number"])]
    assert title.endswith("Mine") and author in NOBODY and person is None
    assert case.project.records(REPLY, "Content ID", "Author Name")[str(case.reply["number"])][0] in NOBODY
    content = case.project.records("Community Content", "Content Data Identifier", "Author Name")
    assert content[f"{ONE}/topic/{case.topic['number']}"][0] in NOBODY


def test_nothing_of_them_is_left(case: Case) -> None:
    case.begin()
    case.world.erase(case.id)
    case.project.cycle()
    case.assert_gone()
    cleared(case)
    assert case.project.wrote() == {}
    case.project.sync("profiles")
    case.assert_gone()


def test_not_even_when_the_run_that_heard_of_it_failed(case: Case) -> None:
    """The store forgets at once, and everything else at the beginning of the next run at the latest."""
    case.begin()
    case.world.erase(case.id)
    case.world.fault({"status": 500}, path="/v2/topics")
    case.world.fault({"status": 403}, path="/v2/topics")
    assert case.project.run("sync", f"CommunityImport/{ONE}").code != 0
    case.world.heal()
    case.world.fault({"status": 403}, side="cs")
    assert case.project.run("sync", f"CommunityImport/{ONE}").code != 0
    case.assert_gone()
    case.world.heal()
    case.project.cycle()
    case.assert_gone()
    cleared(case)


def test_not_even_in_what_was_rejected(tmp_path: Path, connected_world: World, database_url: str | None) -> None:
    connected_world.reset()
    case = Case(Imports(tmp_path / "acme", connected_world, database_url))
    case.world.control("PATCH", f"cc/1/members/{case.id}", {"username": NAME + "n" * 300})
    case.project.ready()
    case.project.cycle(code=3)
    assert NAME in case.project.every_cell()
    case.world.erase(case.id)
    case.project.cycle()
    case.assert_gone()


def test_not_even_where_the_target_takes_nothing_any_more(tmp_path: Path, connected_world: World) -> None:
    connected_world.reset()
    case = Case(Imports(tmp_path / "acme", connected_world))
    case.begin()
    case.world.erase(case.id)
    case.world.fault({"status": 403}, side="cs", path=api_name(USER))
    assert case.project.run("sync", f"CommunityImport/{ONE}").code != 0
    case.assert_gone()
    case.world.heal()
    case.project.cycle()
    cleared(case)


def test_not_even_when_posts_lost_their_author_before(case: Case) -> None:
    """A member who goes while the community is read: their posts are somebody else's already."""
    case.begin()
    case.world.fault({"delay": 2}, path="/v2/topics", times=1)
    case.world.forget_calls()
    running = case.project.start("sync", f"CommunityImport/{ONE}")
    until(lambda: calls(case.world)["/ID/user"])
    case.world.erase(case.id)
    finish(running).expect(0)
    assert NAME in case.project.every_cell(), "nobody knows yet that they are gone"
    case.project.cycle()
    case.assert_gone()
    cleared(case)


def test_the_same_ids_in_another_community_stay(tmp_path: Path, connected_world: World) -> None:
    connected_world.reset()
    project = Imports(tmp_path / "acme", connected_world)
    case = Case(project)
    case.begin()
    project.cycle("acme-partners")
    before = project.records("Community acme-partners-en User", "Community User Id", "Username")
    case.world.erase(case.id)
    project.cycle()
    assert project.wrote("acme-partners") == {}
    assert project.records("Community acme-partners-en User", "Community User Id", "Username") == before


def test_a_member_who_comes_back_is_one_again(case: Case) -> None:
    case.begin()
    case.world.erase(case.id)
    case.project.cycle()
    new = case.world.add_member(EMAIL, username=NAME)
    case.project.cycle()
    found = case.project.records(USER, "Community User Id", "Username", "Deleted")
    assert found[str(new["userid"])][0] == NAME and not found[str(new["userid"])][1]
