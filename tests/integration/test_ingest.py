"""A community over HTTP into the store, on both databases: what changed is read, what is gone is marked, nothing is guessed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.engine import holding
from reconciler.engine.ingest import Count, Ingested, Settings, ingest
from reconciler.model.community import Kind
from reconciler.state import community, tables
from reconciler.state.database import Database, open_database
from tests.connectors.community import cc
from tests.connectors.forum import Forum, answer, topic, user
from tests.connectors.servers import CountingBudget, Request, reply, serving

NAME = "acme-community"
RECORDS = tables.community_records
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
COMMON = 10
"""Calls of every run: the token, the categories, their tree and numbers, the idea statuses, and the five types of topics."""


class Days:
    """A clock that stands still until somebody sets it."""

    def __init__(self) -> None:
        self.time = NOW
        self._real = SystemClock()

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self._real.monotonic()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        return self._real.wait(min(seconds, 0.01), stop)


class Watcher:
    def __init__(self) -> None:
        self.phases: list[str] = []
        self.count = 0

    def phase(self, text: str, total: int | None) -> None:
        self.phases.append(text)

    def advance(self, count: int) -> None:
        self.count += count


class Stored(NamedTuple):
    """A record of the store."""

    values: dict[str, Any]
    changed_at: datetime
    deleted_at: datetime | None


class World:
    """A community and the store of its import; each run is a day after the one before."""

    def __init__(self, database: Database, forum: Forum) -> None:
        self.database = database
        self.forum = forum
        self.clock = Days()
        self.requests: list[str] = []
        self.watcher = Watcher()
        self.budget = CountingBudget()

    def run(
        self, profiles: bool = True, *, force_full: bool = False, accept_loss: bool = False, **settings: Any
    ) -> Ingested:
        self.clock.time += timedelta(days=1)
        with self.database.begin() as session:
            community.wish(session, NAME, full=force_full, accept_loss=accept_loss)
        chosen = Settings(**{"profiles": profiles, "refresh_members": 0, **settings})
        with (
            serving(self.forum.community) as server,
            cc(server.url, clock=self.clock, budget=self.budget, attempts=1) as client,
            holding.held(self.database, f"CommunityImport/{NAME}", "test") as lease,
            self.database.workspace() as workspace,
        ):
            try:
                return ingest(
                    workspace, NAME, client.community(), lease=lease, clock=self.clock, settings=chosen, progress=self.watcher
                )  # fmt: skip
            finally:
                self.requests = [request.target for request in server.requests]

    def calls(self, part: str) -> int:
        return sum(part in target for target in self.requests)

    def stored(self, kind: Kind, connection: str = NAME) -> dict[str, Stored]:
        columns = (RECORDS.c.id, RECORDS.c.content, RECORDS.c.changed_at, RECORDS.c.deleted_at)
        query = select(*columns).where(RECORDS.c.connection == connection, RECORDS.c.kind == kind.value)
        with self.database.read() as session:
            rows = session.execute(query.order_by(RECORDS.c.id)).all()
        return {id: Stored(json.loads(content), *moments) for id, content, *moments in rows}

    def alive(self, kind: Kind) -> set[str]:
        return {id for id, one in self.stored(kind).items() if one.deleted_at is None}

    def everything(self) -> str:
        return str([self.stored(kind) for kind in Kind])


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = "sqlite:///x.db" if request.param == "sqlite" else request.getfixturevalue("postgres").create_schema()
    with open_database(url, clock=SystemClock(), root=tmp_path) as opened:
        yield opened


@pytest.fixture
def world(database: Database) -> World:
    """Twelve members of whom 7 writes; four topics, of which 1 and 2 have replies."""
    topics = [topic(n, f"2026-11-{10 + n}T10:00:00+00:00", replyCount={1: 2, 2: 1}.get(n, 0)) for n in range(1, 5)]
    replies = {
        "1": [answer(11, {"id": 7, "username": "user 7"}), answer(12)],
        "2": [answer(21, {"id": 7, "username": "user 7"})],
    }
    users = {str(n): user(n, {"Phone": f"+49 {n}"}) for n in range(1, 13)}
    return World(database, Forum(topics, replies, users=users, statuses=[{"id": "1", "name": "New"}]))


def found(ingested: Ingested, kind: Kind) -> Count:
    return ingested.counts[kind]


def test_the_first_run_reads_everything(world: World) -> None:
    first = world.run()
    assert first.full
    assert found(first, Kind.MEMBER) == Count(listed=12, stored=24, asked=12)
    assert found(first, Kind.TOPIC) == Count(listed=4, stored=4, asked=2)
    assert found(first, Kind.REPLY) == Count(listed=3, stored=3)
    assert found(first, Kind.CATEGORY).stored == found(first, Kind.IDEA_STATUS).stored == 1
    assert first.calls == len(world.requests) == world.budget.acquired
    member = world.stored(Kind.MEMBER)["3"].values
    assert member["profile"] == {"Phone": "+49 3"}
    assert member["email"] == "u3@x.example"
    assert world.stored(Kind.REPLY)["11"].values["topic_id"] == "1"
    assert "reading members" in world.watcher.phases
    assert world.watcher.count == 12 + 12 + 4 + 4 + 2 + 2


def test_a_run_in_which_nothing_changed_reads_the_lists_only(world: World) -> None:
    world.run()
    before = world.everything()
    second = world.run()
    assert not second.full
    assert second.calls == COMMON + 2, "and one page of members, one of topics"
    assert all(count.stored == count.asked == count.deleted == 0 for count in second.counts.values())
    assert world.everything() == before, "nothing is said to have changed"


def test_what_changed_is_read_and_nothing_else(world: World) -> None:
    world.run()
    world.forum.users["3"].update(user(3, {"Phone": "+49 99"}, posts=5))
    world.forum.users["13"] = user(13)
    world.forum.topics[1].update(replyCount=2, lastActivityAt="2026-11-23T10:00:00+00:00")
    world.forum.replies["2"].append(answer(22))
    world.forum.topics.append(topic(5, "2026-11-23T11:00:00+00:00"))
    second = world.run()
    assert found(second, Kind.MEMBER) == Count(listed=13, stored=4, asked=2)
    assert found(second, Kind.TOPIC).stored == 2
    assert found(second, Kind.REPLY) == Count(listed=2, stored=1)
    assert second.calls == COMMON + 2 + 2 + 1
    assert world.stored(Kind.MEMBER)["3"].values["profile"] == {"Phone": "+49 99"}
    assert world.alive(Kind.REPLY) == {"11", "12", "21", "22"}


def test_only_what_changed_has_a_new_moment(world: World) -> None:
    world.run()
    world.forum.users["3"]["posts"] = 5
    world.run()
    moments = {id: one.changed_at for id, one in world.stored(Kind.MEMBER).items()}
    assert {id for id, moment in moments.items() if moment > NOW + timedelta(days=1)} == {"3"}


def test_without_a_need_for_profiles_none_is_read(world: World) -> None:
    assert world.run(profiles=False).calls == COMMON + 2 + 2
    assert "profile" not in world.stored(Kind.MEMBER)["3"].values
    assert found(world.run(profiles=True), Kind.MEMBER).asked == 12, "needed from now on: all are read"
    assert found(world.run(profiles=True), Kind.MEMBER).asked == 0


def test_a_complete_pass_reads_some_members_anew(world: World) -> None:
    world.run()
    world.forum.users["3"] = user(3, {"Phone": "moved"})
    assert found(world.run(refresh_members=4), Kind.MEMBER).asked == 0
    for _ in range(3):
        assert found(world.run(refresh_members=4, force_full=True), Kind.MEMBER).asked == 4
    assert world.calls("/user/") == 4
    assert world.stored(Kind.MEMBER)["3"].values["profile"] == {"Phone": "moved"}, "all twelve had their turn"


def test_what_only_the_lists_by_type_say_of_a_topic(world: World) -> None:
    world.forum.topics[0]["contentType"] = "idea"
    world.forum.details = {"1": {"ideaStatus": {"id": "1", "name": "New"}}, "2": {"answer": "22", "closed": True}}
    world.run()
    stored = world.stored(Kind.TOPIC)
    assert stored["1"].values["idea_status"] == "New"
    assert (stored["2"].values["answer_id"], stored["2"].values["closed"]) == ("22", True)
    world.forum.details = {
        "1": {"ideaStatus": {"id": "2", "name": "Done"}, "seoCommunityUrl": "/x-1"},
        "2": {"closed": False},
    }
    for one in world.forum.topics[:2]:
        one["lastActivityAt"] = "2026-11-23T10:00:00+00:00"
    world.run()
    stored = world.stored(Kind.TOPIC)
    assert (stored["1"].values["idea_status"], stored["1"].values["url"]) == ("Done", "/x-1")
    assert stored["2"].values["closed"] is False
    assert "answer_id" not in stored["2"].values
    assert stored["2"].values["title"] == "Topic 2"


def test_a_community_without_one_of_these_lists(world: World) -> None:
    world.forum.before = lambda request: reply(501) if "/v2/productUpdates" in request.target else None
    world.run()
    assert len(world.alive(Kind.TOPIC)) == 4


def test_views_are_seen_where_every_topic_is_listed(world: World) -> None:
    for one in world.forum.topics:
        one["lastActivityAt"] = "2026-01-01T00:00:00+00:00"
    world.forum.topics.append(topic(9, "2026-11-20T00:00:00+00:00"))
    world.run()
    world.forum.topics[0]["views"] = 50
    world.run()
    assert world.stored(Kind.TOPIC)["1"].values["views"] == 3
    run = world.run(every_topic=True)
    assert not run.full
    assert world.stored(Kind.TOPIC)["1"].values["views"] == 50
    assert found(run, Kind.TOPIC) == Count(listed=5, stored=1), "no replies for that"
    del world.forum.topics[3]
    assert found(world.run(every_topic=True), Kind.TOPIC).deleted == 1


class TestUnusable:
    """What cannot be used costs nothing else, and proves nothing about what is not there."""

    def test_a_list_with_a_topic_without_an_id_marks_none_as_deleted(self, world: World) -> None:
        world.run()
        world.forum.topics[1]["publicId"] = None
        del world.forum.topics[3]
        run = world.run(force_full=True)
        assert world.alive(Kind.TOPIC) == {"1", "2", "3", "4"}
        (unusable,) = run.unusable  # also the list by type has it
        assert (unusable.id, unusable.label) == ("internal id 1000002", "Topic 2")
        assert unusable.detail.startswith("item 2 of the list of topics: ")
        world.forum.topics[1]["publicId"] = "2"
        assert world.run(force_full=True).unusable == ()
        assert world.alive(Kind.TOPIC) == {"1", "2", "3"}

    @pytest.mark.parametrize("broken", [{"publicReplyId": None}, {"id": None}])
    def test_a_topic_with_such_a_reply_keeps_its_replies_and_is_read_again(
        self, world: World, broken: dict[str, Any]
    ) -> None:
        world.run()
        world.forum.topics[0].update(replyCount=3, lastActivityAt="2026-11-23T10:00:00+00:00")
        whole = world.forum.replies["1"]
        world.forum.replies["1"] = [{**whole[0], **broken}, answer(13)]
        for _ in range(2):
            run = world.run()
            assert world.calls("/replies") == 1
            assert [one.kind for one in run.unusable] == [Kind.REPLY]
            assert world.alive(Kind.REPLY) == {"11", "12", "13", "21"}
        world.forum.replies["1"] = [whole[0], answer(13)]
        assert world.run().unusable == ()
        assert world.alive(Kind.REPLY) == {"11", "13", "21"}
        world.run()
        assert world.calls("/replies") == 0

    @pytest.mark.parametrize("force_full", [False, True])
    def test_a_profile_that_cannot_be_read_is_asked_for_again(self, world: World, force_full: bool) -> None:
        world.run()
        world.forum.users["3"]["posts"] = 9
        world.forum.users["4"]["posts"] = 9
        world.forum.before = lambda request: reply(200, b"[]") if request.target.endswith("/user/3") else None
        for _ in range(2):
            run = world.run(force_full=force_full, refresh_members=100)
            assert [one.id for one in run.unusable] == ["profile of 3"]
            assert world.stored(Kind.MEMBER)["3"].values["profile"] == {"Phone": "+49 3"}
            assert world.stored(Kind.MEMBER)["4"].values["posts"] == 9
        world.forum.before = lambda _: None
        assert world.run().unusable == ()
        assert world.calls("/user/3") == 1
        world.run()
        assert world.calls("/user/3") == 0

    def test_a_user_without_an_id_hides_nobody_who_is_gone(self, world: World) -> None:
        """Whoever is missing is asked for, so the list need not prove it."""
        world.run()
        plain = [user(n) for n in range(1, 13) if n not in (5, 7)]
        listed = [*plain, {**user(5), "userid": None}]
        del world.forum.users["7"]

        def before(request: Request) -> Any:
            return reply(200, {"users": listed}) if "/user?" in request.target else None

        world.forum.before = before
        run = world.run()
        assert [one.label for one in run.unusable] == ["user 5"]
        assert world.alive(Kind.MEMBER) == {str(n) for n in range(1, 13) if n != 7}
        assert "user 7" not in world.everything()

    def test_categories_and_statuses(self, world: World) -> None:
        world.run()
        world.forum.categories.append({"name": "nobody knows"})
        world.forum.statuses = [{"name": "New"}]
        run = world.run()
        assert {one.kind for one in run.unusable} == {Kind.CATEGORY, Kind.IDEA_STATUS}
        assert world.alive(Kind.IDEA_STATUS) == {"1"}
        assert world.alive(Kind.CATEGORY) == {"6"}


class TestGone:
    def test_topics_are_missed_by_a_complete_pass_only(self, world: World) -> None:
        world.run(full_every=3)
        del world.forum.topics[1]
        second = world.run(full_every=3)
        assert not second.full
        assert world.alive(Kind.TOPIC) == {"1", "2", "3", "4"}
        third = world.run(full_every=3)
        assert not third.full
        fourth = world.run(full_every=3)
        assert fourth.full
        assert (found(fourth, Kind.TOPIC).deleted, found(fourth, Kind.REPLY).deleted) == (1, 1)
        assert world.alive(Kind.TOPIC) == {"1", "3", "4"}
        assert world.alive(Kind.REPLY) == {"11", "12"}, "with the topic its replies"
        assert world.stored(Kind.TOPIC)["2"].values["title"] == "Topic 2", "the mark is all that changes"

    def test_what_comes_back_is_there_again(self, world: World) -> None:
        world.run()
        gone = world.forum.topics.pop(0)
        world.run(force_full=True)
        assert world.alive(Kind.TOPIC) == {"2", "3", "4"}
        world.forum.topics.append(gone)
        world.run(force_full=True)
        assert world.alive(Kind.TOPIC) == {"1", "2", "3", "4"}
        assert world.alive(Kind.REPLY) == {"11", "12", "21"}

    def test_a_reply_that_was_removed(self, world: World) -> None:
        world.run()
        world.forum.replies["1"].pop()
        world.forum.topics[0].update(replyCount=1, lastActivityAt="2026-11-23T10:00:00+00:00")
        assert found(world.run(), Kind.REPLY).deleted == 1
        assert world.alive(Kind.REPLY) == {"11", "21"}

    def test_an_edited_reply_is_found_by_a_complete_pass(self, world: World) -> None:
        world.run()
        world.forum.replies["1"][0]["content"] = "edited"
        world.run()
        assert world.stored(Kind.REPLY)["11"].values["content"] == "Reply 11"
        assert world.run(force_full=True).full
        assert world.stored(Kind.REPLY)["11"].values["content"] == "edited"

    def test_a_topic_that_goes_between_the_list_and_its_replies(self, world: World) -> None:
        world.run()
        world.forum.topics[0].update(replyCount=3, lastActivityAt="2026-11-23T10:00:00+00:00")
        world.forum.before = lambda request: reply(404) if "1000001/replies" in request.target else None
        world.run()
        assert world.alive(Kind.REPLY) == {"11", "12", "21"}, "a guess would be wrong either way"

    @pytest.mark.parametrize("way", ["list", "details"])
    def test_an_erased_member_is_forgotten(self, world: World, way: str) -> None:
        world.run()
        name, email = "user 7", "u7@x.example"
        assert name in world.everything()
        assert email in world.everything()
        if way == "list":
            del world.forum.users["7"]
        else:
            world.forum.users["7"]["posts"] = 99
            world.forum.before = lambda request: reply(404) if request.target.endswith("/user/7") else None
        for _ in range(2):
            world.run()
            stored = world.everything()
            assert name not in stored
            assert email not in stored
            assert "+49 7" not in stored
        member = world.stored(Kind.MEMBER)["7"]
        assert member.values == {"id": "7"}
        assert member.deleted_at is not None
        assert world.stored(Kind.REPLY)["11"].values["author_id"] == "7"

    def test_no_post_brings_an_erased_name_back(self, world: World) -> None:
        world.run()
        del world.forum.users["7"]
        world.run()
        world.forum.topics[0].update(replyCount=3, lastActivityAt="2026-11-23T10:00:00+00:00")
        world.forum.replies["1"].append(answer(13, {"id": 7, "username": "user 7"}))
        world.run()
        assert "13" in world.alive(Kind.REPLY)
        assert "user 7" not in world.everything()

    def test_a_member_whom_the_list_lost_is_asked_for(self, world: World) -> None:
        world.run()
        lost = world.forum.users["7"]
        plain = [user(n) for n in range(1, 13) if n != 7]

        def before(request: Request) -> Any:
            return reply(200, {"users": plain, "statistics": {"count": 11}}) if "/user?" in request.target else None

        world.forum.before = before
        run = world.run()
        assert found(run, Kind.MEMBER).deleted == 0
        assert "7" in world.alive(Kind.MEMBER)
        assert lost["username"] in world.everything()

    @pytest.mark.parametrize("left", [0, 5])
    def test_a_list_that_lost_most_of_what_it_had_stops_the_run(self, world: World, left: int) -> None:
        world.run()
        everybody = dict(world.forum.users)
        world.forum.users = dict(list(everybody.items())[:left])
        with pytest.raises(errors.SafetyStop, match=f"{left} of the 12 members") as caught:
            world.run()
        assert caught.value.exit_code == 4
        assert len(world.alive(Kind.MEMBER)) == 12
        world.forum.users = everybody
        assert found(world.run(), Kind.MEMBER).stored == 0, "as if nothing had been"

    def test_a_loss_that_somebody_has_looked_at(self, world: World) -> None:
        world.run()
        world.forum.users = dict(list(world.forum.users.items())[:5])
        assert found(world.run(accept_loss=True), Kind.MEMBER).deleted == 7
        assert len(world.alive(Kind.MEMBER)) == 5

    def test_half_of_a_list_may_go(self, world: World) -> None:
        world.run()
        world.forum.users = dict(list(world.forum.users.items())[:6])
        assert found(world.run(), Kind.MEMBER).deleted == 6

    def test_no_topics_at_all_any_more(self, world: World) -> None:
        world.run()
        world.forum.topics.clear()
        with pytest.raises(errors.SafetyStop, match="0 of the 4 topics"):
            world.run(force_full=True)
        assert len(world.alive(Kind.TOPIC)) == 4


class TestBrokenOff:
    @pytest.mark.parametrize(
        "where",
        ["/v2/categories", "ideaStatuses", "/user?", "/user/9", "/v2/topics", "/v2/questions?", "1000002/replies"],
    )
    def test_the_next_run_goes_on(self, world: World, where: str) -> None:
        world.forum.before = lambda request: reply(400) if where in request.target else None
        with pytest.raises(errors.RemoteRefused):
            world.run()
        world.forum.before = lambda request: None
        second = world.run()
        assert second.full, "the complete pass is still not complete"
        assert len(world.alive(Kind.MEMBER)) == 12
        assert world.alive(Kind.REPLY) == {"11", "12", "21"}
        if where == "1000002/replies":
            assert found(second, Kind.MEMBER).asked == 0, "what was read is not read again"
            assert found(second, Kind.TOPIC).asked <= 2
        assert not world.run().full

    def test_half_a_list_proves_nothing(self, world: World) -> None:
        world.forum.users = {str(n): user(n) for n in range(1, 251)}
        world.run(profiles=False)
        del world.forum.users["250"]
        world.forum.before = lambda request: reply(400) if "page=3" in request.target else None
        with pytest.raises(errors.RemoteRefused):
            world.run(profiles=False)
        assert len(world.alive(Kind.MEMBER)) == 250

    def test_a_complete_pass_reads_no_replies_twice(self, world: World) -> None:
        world.run()
        world.forum.before = lambda request: reply(400) if "1000002/replies" in request.target else None
        with pytest.raises(errors.RemoteRefused):
            world.run(force_full=True)
        read = world.calls("1000001/replies")
        world.forum.before = lambda request: None
        assert world.run().full
        assert read + world.calls("1000001/replies") in (1, 2)
        assert world.calls("1000002/replies") == 1

    def test_a_change_while_runs_fail_is_not_missed(self, world: World) -> None:
        world.run()
        world.forum.topics[0].update(replyCount=3, lastActivityAt="2026-11-22T10:00:00+00:00")
        world.forum.replies["1"].append(answer(13))
        world.forum.before = lambda request: reply(400) if "/replies" in request.target else None
        for _ in range(20):
            with pytest.raises(errors.RemoteRefused):
                world.run()
        world.forum.before = lambda request: None
        assert not world.run().full
        assert "13" in world.alive(Kind.REPLY)

    def test_a_run_whose_lease_is_lost_stores_nothing_more(self, world: World) -> None:
        world.run()
        world.forum.users["13"] = user(13)

        def before(request: Request) -> None:
            if "/user?" in request.target:
                with world.database.begin() as session:
                    session.execute_raw("UPDATE leases SET fence = fence + 1")

        world.forum.before = before
        with pytest.raises(errors.FenceLost):
            world.run()
        assert "13" not in world.alive(Kind.MEMBER)


def test_a_clock_that_runs_ahead_hides_nothing(world: World) -> None:
    """Up to when everything is known is told by the community, not by us."""
    world.clock.time += timedelta(days=400)
    world.run()
    world.forum.topics.append(topic(5, "2026-11-15T10:00:00+00:00"))
    world.run()
    assert "5" in world.alive(Kind.TOPIC)


def test_a_topic_from_the_future_hides_nothing(world: World) -> None:
    world.forum.topics.append(topic(5, "2999-01-01T00:00:00+00:00"))
    world.run()
    world.forum.topics.append(topic(6, "2026-11-24T10:00:00+00:00"))
    world.run()
    assert "6" in world.alive(Kind.TOPIC)


def test_a_clock_that_was_set_back_reads_nothing_for_ever(world: World) -> None:
    world.run()
    world.clock.time -= timedelta(days=30)
    assert world.run(force_full=True, refresh_members=12).full


def test_communities_are_kept_apart(world: World) -> None:
    with world.database.begin() as session:
        begun = community.begin(session, "other", full_every=7, now=NOW)
        rows = [community.Row(id, None, None, "x", "", False, "{}") for id in ("3", "99")]
        community.store(session, begun, Kind.MEMBER, rows, now=NOW)
    before = world.stored(Kind.MEMBER, "other")
    assert world.run().full, "whatever was read of another community"
    assert "99" not in world.stored(Kind.MEMBER)
    del world.forum.users["3"]
    world.run()
    assert "3" not in world.alive(Kind.MEMBER)
    assert world.stored(Kind.MEMBER, "other") == before
    assert before.keys() == {"3", "99"}


def test_odd_members_are_kept_as_they_are(world: World) -> None:
    world.forum.users |= {
        "20": user(20, email=None),
        "21": user(21, email="u3@x.example", username="👩‍💻\x00 <b>x</b>"),
    }
    world.run()
    stored = world.stored(Kind.MEMBER)
    assert "email" not in stored["20"].values
    assert stored["21"].values["email"] == stored["3"].values["email"]
    assert stored["21"].values["username"] == "👩‍💻 <b>x</b>"
