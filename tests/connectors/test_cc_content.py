"""Reading a community for an import, over HTTP: values as records hold them, and every topic once, whatever the list does."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.gainsight_cc import content, values
from reconciler.connectors.gainsight_cc.topics import Once
from reconciler.model.community import CommunityRecord, Kind, Listed, Unusable, objects
from tests.connectors.community import cc
from tests.connectors.forum import Forum, answer, topic, user
from tests.connectors.servers import Request, Server, reply, serving

KNOWN = {field.source for definition in objects("acme-en") for field in definition.fields} | {"profile"}


class Reading:
    """A reader of a forum, for one `with`."""

    def __init__(self, forum: Forum, **options: Any) -> None:
        self._serving = serving(forum.community)
        self._options = options

    def __enter__(self) -> Reading:
        self.server: Server = self._serving.__enter__()
        self._client = cc(self.server.url, **self._options)
        self.reader = self._client.__enter__().community()
        return self

    def __exit__(self, *error: Any) -> None:
        self._client.__exit__(*error)
        self._serving.__exit__(*error)

    def topics(self, since: date | None = None) -> list[CommunityRecord]:
        return usable([one for page in self.reader.topics(since) for one in page])

    def replies(self, one: CommunityRecord) -> list[CommunityRecord]:
        return usable([found for page in self.reader.replies(one) for found in page])


def usable(found: Sequence[Listed]) -> list[CommunityRecord]:
    """All of them, none of which is unusable."""
    assert not [one for one in found if isinstance(one, Unusable)]
    return [one for one in found if isinstance(one, CommunityRecord)]


def sorted_out(found: Iterable[Sequence[Listed]]) -> tuple[set[str], list[str]]:
    """Ids of the records, and what is said of what is unusable, each once."""
    listed = [one for page in found for one in page]
    details = dict.fromkeys(one.detail for one in listed if isinstance(one, Unusable))
    return {one.id for one in listed if not isinstance(one, Unusable)}, list(details)


def only(forum: Forum) -> CommunityRecord:
    with Reading(forum) as reading:
        (found,) = reading.topics()
    assert found.values.keys() <= KNOWN
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1710000000, "2024-03-09T16:00:00Z"), ("1710000000", "2024-03-09T16:00:00Z"), (1710000000123, "2024-03-09T16:00:00Z"),
        ("2017-04-10T15:29:06+02:00", "2017-04-10T13:29:06Z"), ("2017-04-10T15:29:06Z", "2017-04-10T15:29:06Z"),
        ("2017-04-10 15:29:06", "2017-04-10T15:29:06Z"), ("2017-04-10", "2017-04-10T00:00:00Z"),
        (0, None), (-5, None), (None, None), ("", None), ("never", None), ("0000-00-00", None), (10**17, None), (True, None),
        ([], None), (1.5, None), ("9" * 400, None), ("0001-01-01T00:00:00+14:00", None),
    ],
)  # fmt: skip
def test_a_moment_is_in_utc(value: Any, expected: str | None) -> None:
    assert values.moment(value) == expected


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.year > 1980))
def test_any_offset_is_the_same_moment(moment: datetime) -> None:
    found = values.moment(moment.isoformat())
    if found is not None:
        assert abs(datetime.fromisoformat(found) - moment) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("value", "number", "flag", "identifier"),
    [
        (5, 5, None, "5"), ("5", 5, None, "5"), (1, 1, True, "1"), ("0", 0, False, None), (0, 0, False, None),
        (True, None, True, None), ("false", None, False, "false"), (None, None, None, None), ("", None, None, None),
        (5.0, 5, None, None), (5.5, None, None, None), ("-3", -3, None, "-3"), (10**30, None, None, str(10**30)),
        ("x" * 300, None, None, None), ("a\tb", None, None, None), ([], None, None, None), ({}, None, None, None),
    ],
)  # fmt: skip
def test_single_values(value: Any, number: int | None, flag: bool | None, identifier: str | None) -> None:
    assert values.number(value) == number
    assert values.flag(value) == flag
    assert values.identifier(value) == identifier


def test_lists_of_names() -> None:
    assert values.words(["a", "b", "a", "", None, 5]) == ["a", "b", "5"]
    assert values.words([{"id": 1, "name": "x"}, {"title": "y"}, {}]) == ["x", "y"]
    assert values.words({"0": "x"}) == ["x"]
    assert values.words("x") is None


class TestTopics:
    def test_the_values_of_a_topic(self) -> None:
        forum = Forum(
            [
                topic(
                    5,
                    title="<b>Hi</b> 👩‍💻",
                    content="<p>One</p><script>x()</script>",
                    contentType="conversation",
                    tags=["b", "a"],
                )
            ],
            tree={"community": [{"id": 1, "title": "All", "children": [{"id": 6, "parentId": 1, "title": "News"}]}]},
        )
        found = only(forum)
        assert found.kind is Kind.TOPIC
        assert found.id == "5"
        assert found.values == {
            "id": "5", "internal_id": "1000005", "title": "Hi 👩‍💻", "content": "One", "cut": False, "subtype": "Discussion",
            "category_id": "6", "category_name": "News", "module": "Community", "author_id": "7", "author_name": "ops",
            "tags": ["b", "a"], "moderator_tags": [], "reply_count": 0, "likes": 1, "votes": 0, "views": 3, "sticky": False,
            "trashed": False, "created_at": "2026-01-05T10:00:00Z", "last_activity_at": "2026-11-20T10:00:00Z",
        }  # fmt: skip

    @pytest.mark.parametrize("author", [None, {}, {"id": 0, "username": ""}, [], "x"])
    def test_an_erased_author_is_nobody(self, author: Any) -> None:
        assert not {"author_id", "author_name"} & only(Forum([topic(5, author=author)])).values.keys()

    @pytest.mark.parametrize(
        ("name", "subtype"),
        [
            ("article", "Article"), ("conversation", "Discussion"), ("idea", "Idea"), ("productUpdate", "Product Update"),
            ("question", "Question"), ("podcast", "podcast"),
        ],
    )  # fmt: skip
    def test_subtypes_are_those_of_the_glossary(self, name: str, subtype: str) -> None:
        found = only(Forum([topic(5, contentType=name)]))
        assert found.values["subtype"] == subtype
        assert (content.route(found) is None) == (name == "podcast")

    def test_other_ways_to_say_it(self) -> None:
        plain = {"author": {"id": 7, "username": "x"}, "answer": 22, "ideaStatus": {"id": "1", "name": "New"}}
        odd = {"body": "<i>b</i>", "content": None, "createdAt": None, "submittedAt": "2026-01-01T00:00:00+00:00"}
        more = {
            "likes": None,
            "likedBy": ["1", "2"],
            "productAreas": [{"id": 1, "name": "Area"}],
            "seoCommunityUrl": "/n/5",
        }
        found = only(Forum([topic(5, **plain, **odd, **more, unknown={"deep": [1]})], wrapped=False)).values
        assert (found["author_id"], found["answer_id"], found["idea_status"]) == ("7", "22", "New")
        assert (found["content"], found["created_at"], found["likes"]) == ("b", "2026-01-01T00:00:00Z", 2)
        assert (found["product_areas"], found["url"]) == (["Area"], "/n/5")

    @pytest.mark.parametrize("broken", [{"publicId": None}, {"id": {}}, {"publicId": ""}])
    @pytest.mark.parametrize("place", [0, 60, 99, 148, 299])
    def test_a_topic_without_an_id_costs_no_other(self, broken: dict[str, Any], place: int) -> None:
        active = [(date(2026, 11, 20) - timedelta(days=number)).isoformat() for number in range(300)]
        topics = [topic(number, f"{day}T10:00:00+00:00") for number, day in enumerate(active, 1)]
        topics[place].update(broken)
        with Reading(Forum(topics)) as reading:
            found, details = sorted_out(reading.reader.topics(None))
        assert found == {str(number) for number in range(1, 301)} - {str(place + 1)}
        (detail,) = details
        assert detail.startswith(f"item {place + 1:,} of the list of topics: ")
        assert "came without a usable id" in detail

    @pytest.mark.parametrize("odd", [5, None, "topic", [], [{}]])
    @pytest.mark.parametrize("route", ["topics", "questions", "replies", "categories", "ideaStatuses"])
    def test_an_item_that_is_no_object_costs_no_other(self, route: str, odd: Any) -> None:
        """Wherever it stands, also as the first or the last of a page."""
        whole: list[Any] = [answer(n) if route == "replies" else topic(n, name="x") for n in range(1, 251)]
        for place in (0, 99, 100, 198, 249):
            whole[place] = odd
        forum = Forum([topic(500)])

        def before(request: Request) -> Any:
            path, _, query = request.target.partition("?")
            if not path.endswith(f"/{route}"):
                return None
            asked = dict(parse_qsl(query))
            end = int(asked["page"]) * int(asked["pageSize"])
            return reply(200, {"result": whole[end - int(asked["pageSize"]) : end]})

        forum.before = before
        with Reading(forum) as reading:
            match route:
                case "topics":
                    found, details = sorted_out(reading.reader.topics(None))
                case "questions":
                    found, details = sorted_out(reading.reader.topic_details(None))
                case "replies":
                    one = CommunityRecord(
                        kind=Kind.TOPIC, id="500", values={"subtype": "Question", "internal_id": "1000500"}
                    )
                    found, details = sorted_out(reading.reader.replies(one))
                case "categories":
                    found, details = sorted_out([reading.reader.categories()])
                case _:
                    found, details = sorted_out([reading.reader.idea_statuses()])
        assert len(found) == 245
        assert details
        assert "should be an object" in details[0]

    def test_a_node_of_the_tree_of_categories_costs_no_other(self) -> None:
        below = [{"id": "7", "title": "Below"}]
        forum = Forum(tree={"community": [5, {"title": "Nobody", "children": below}, {"id": "8", "title": "Beside"}]})
        with Reading(forum) as reading:
            found, details = sorted_out([reading.reader.categories()])
        assert found == {"6", "7", "8"}
        assert [detail.partition(":")[0] for detail in details] == [
            "item 1 of the tree of categories",
            "item 2 of the tree of categories",
        ]

    def test_a_list_of_nothing_usable_is_refused(self) -> None:
        forum = Forum([topic(number, publicId=None) for number in range(1, 150)])
        with Reading(forum) as reading, pytest.raises(errors.RemoteMalformed, match="more than 100 records") as caught:
            list(reading.reader.topics(None))
        assert "item 1 of the list of topics: topic 1000001 came without a usable id" in caught.value.message
        assert caught.value.hint

    @pytest.mark.parametrize("body", [b'{"result": 5}', b"null", b"<html>", b'{"result": {}}'])
    def test_an_answer_of_another_shape_is_refused(self, body: bytes) -> None:
        forum = Forum()
        forum.before = lambda request: reply(200, body) if "/v2/topics" in request.target else None
        with Reading(forum) as reading, pytest.raises(errors.RemoteMalformed) as caught:
            reading.topics()
        assert caught.value.hint

    def test_a_filter_that_is_refused_is_no_limit(self) -> None:
        with Reading(Forum(most=0)) as reading, pytest.raises(errors.RemoteRefused) as caught:
            reading.topics()
        assert caught.value.status == 422

    def test_what_was_active_since_a_day(self) -> None:
        forum = Forum([topic(n, f"2026-11-{n:02}T10:00:00+00:00") for n in range(1, 21)])
        with Reading(forum) as reading:
            found = {one.id for one in reading.topics(date(2026, 11, 18))}
            assert len(reading.server.requests) == 5, "token, categories, their tree and counts, one page"
        assert {"18", "19", "20"} <= found <= {"16", "17", "18", "19", "20"}

    def test_more_than_the_limit_by_days_of_activity(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        forum = Forum([topic(n, f"{(start + timedelta(hours=n)).isoformat()}") for n in range(1, 5_001)], most=1_000)
        with Reading(forum) as reading:
            found = reading.topics()
            calls = reading.server.count("GET", "/v2/topics")
        assert sorted(int(one.id) for one in found) == list(range(1, 5_001))
        assert calls < 75

    @pytest.mark.parametrize("way", ["created", "type", "category"])
    def test_more_than_the_limit_on_one_day(self, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """As after a migration: everything was last active on the same day."""
        monkeypatch.setattr("reconciler.connectors.gainsight_cc.topics.MOST", 1_000)
        kinds = ["article", "conversation", "idea", "productUpdate", "question"]
        topics = [topic(n) for n in range(1, 3_001)]
        for n, one in enumerate(topics):
            if way == "created":
                one["createdAt"] = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=7 * n)).isoformat()
            one["contentType"] = kinds[n % 5] if way == "type" else "question"
            one["categoryId"] = str(n % 5 + 1) if way == "category" else "6"
        categories = [{"id": str(n), "name": str(n), "order": n} for n in range(1, 7)]
        with Reading(Forum(topics, most=1_000, categories=categories)) as reading:
            found = reading.topics()
            asked = [target for target in reading.server.targets if "/v2/topics" in target]
        assert sorted(int(one.id) for one in found) == list(range(1, 3_001))
        assert not any("lastActivityAt%5Bto%5D" in target for target in asked), (
            "which would have been the same ones again"
        )

    def test_more_than_the_limit_on_a_day_between_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The days after it are read once, then it is asked for; what is before it is not forgotten."""
        monkeypatch.setattr("reconciler.connectors.gainsight_cc.topics.MOST", 1_000)
        start = datetime(2020, 1, 1, tzinfo=UTC)
        active = ["2026-01-01"] * 400 + ["2026-06-01"] * 2_500 + ["2026-10-01"] * 600
        topics = [
            topic(n, f"{day}T10:00:00+00:00", createdAt=(start + timedelta(hours=7 * n)).isoformat())
            for n, day in enumerate(active, 1)
        ]
        with Reading(Forum(topics, most=1_000)) as reading:
            found = reading.topics()
            asked = [target for target in reading.server.targets if "/v2/topics" in target]
        assert sorted(int(one.id) for one in found) == list(range(1, len(active) + 1))
        narrowed = [target for target in asked if "lastActivityAt%5Bto%5D=2026-06-03" in target]
        assert len([target for target in narrowed if "createdAt" not in target]) == 11
        assert len([target for target in asked if "%5Bto%5D" not in target and "createdAt" not in target]) < 20

    def test_the_front_is_not_read_further_than_it_can_have_moved(self) -> None:
        """Many topics are as old as the newest one was, as where a program has touched all of them."""
        forum = Forum([topic(n) for n in range(1, 601)])
        with Reading(forum) as reading:
            assert len(reading.topics()) == 600
            assert reading.server.count("GET", "/v2/topics") == 7 + 1

    def test_what_jumped_to_a_front_of_equals_is_found(self) -> None:
        forum = Forum(
            [topic(n) for n in range(1, 601)] + [topic(n, "2026-01-01T10:00:00+00:00") for n in range(601, 901)]
        )
        jumped: list[dict[str, Any]] = []

        def before(request: Request) -> None:
            if "page=3&" in request.target and not jumped:
                jumped.extend(forum.topics[850:])
                for one in jumped:
                    one["lastActivityAt"] = "2026-11-20T10:00:01+00:00"

        forum.before = before
        with Reading(forum) as reading:
            found = [one.id for one in reading.topics()]
        assert len(jumped) == 50
        assert sorted(map(int, found)) == list(range(1, 901))

    def test_a_type_with_more_topics_than_its_list_shows(self) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        forum = Forum([topic(n, (start + timedelta(hours=n)).isoformat()) for n in range(1, 1_501)], most_of_type=1_000)
        with Reading(forum) as reading:
            found = {one.id for page in reading.reader.topic_details(None) for one in page}
        assert {str(n) for n in range(560, 1_501)} <= found <= {str(n) for n in range(501, 1_501)}

    def test_a_list_of_a_type_that_is_refused_is_no_limit(self) -> None:
        forum = Forum([topic(1)], most_of_type=0)
        with Reading(forum) as reading, pytest.raises(errors.RemoteRefused) as caught:
            list(reading.reader.topic_details(None))
        assert caught.value.status == 422

    def test_more_than_the_limit_that_nothing_tells_apart(self) -> None:
        forum = Forum([topic(n) for n in range(1, 1_200)], most=1_000)
        with Reading(forum) as reading, pytest.raises(errors.RemoteRefused, match="shows no more") as caught:
            reading.topics()
        assert caught.value.hint

    @pytest.mark.parametrize("seed", range(6))
    def test_topics_that_move_while_they_are_read(self, seed: int) -> None:
        """Some get a reply and jump to the front, some vanish, some come; the list has more than the limit."""
        chance = random.Random(seed)
        start = datetime(2026, 6, 1, tzinfo=UTC)
        forum = Forum([topic(n, f"{(start + timedelta(hours=n)).isoformat()}") for n in range(1, 2_501)], most=1_000)
        gone: set[str] = set()
        moves = iter(range(1, 10_000))

        def before(request: Request) -> None:
            if "/v2/topics" not in request.target or len(gone) > 100:
                return
            for _ in range(chance.randrange(8)):
                one = chance.choice(forum.topics)
                if chance.random() < 0.4:
                    forum.topics.remove(one)
                    gone.add(one["publicId"])
                else:
                    one["lastActivityAt"] = (
                        f"{(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=next(moves))).isoformat()}"
                    )

        forum.before = before
        with Reading(forum) as reading:
            found = [one.id for one in reading.topics()]
        assert len(found) == len(set(found)), "none twice"
        assert {str(n) for n in range(1, 2_501)} - gone <= set(found), "none lost"

    def test_a_list_whose_front_never_rests_is_given_up(self) -> None:
        forum = Forum([topic(n) for n in range(1, 300)])
        numbers = iter(range(1_000, 100_000))

        def before(request: Request) -> None:
            if "/v2/topics" in request.target:
                forum.topics.append(topic(next(numbers), "2026-11-21T10:00:00+00:00"))

        forum.before = before
        with Reading(forum) as reading, pytest.raises(errors.RemoteUnavailable, match="changes faster"):
            reading.topics()


class TestReplies:
    def test_the_values_of_a_reply(self) -> None:
        found = answer(
            9, {"id": 7, "username": "ops"}, content="<p>x</p>", permalink="https://c.example/5?postid=9", reported=True
        )
        forum = Forum([topic(5, contentType="idea")], {"5": [found]})
        with Reading(forum) as reading:
            (one,) = reading.replies(reading.topics()[0])
            assert any("/v2/ideas/1000005/replies" in target for target in reading.server.targets)
        assert one.kind is Kind.REPLY
        assert one.values == {
            "id": "9", "internal_id": "1000009", "topic_id": "5", "content": "x", "cut": False, "author_id": "7",
            "author_name": "ops", "url": "https://c.example/5?postid=9", "likes": 2, "highlighted": False, "trashed": False,
            "reported": True, "created_at": "2026-11-01T06:00:00Z",
        }  # fmt: skip

    def test_many_replies_of_which_some_vanish(self) -> None:
        forum = Forum([topic(5)], {"5": [answer(n) for n in range(1, 1_001)]})

        def before(request: Request) -> None:
            if "/replies" in request.target and len(forum.replies["5"]) > 900:
                del forum.replies["5"][:20]

        forum.before = before
        with Reading(forum) as reading:
            found = [one.id for one in reading.replies(reading.topics()[0])]
        assert len(found) == len(set(found))
        assert {str(n) for n in range(101, 1_001)} <= set(found)

    def test_a_topic_that_is_gone(self) -> None:
        forum = Forum([topic(5)])
        with Reading(forum) as reading:
            (one,) = reading.topics()
            forum.topics.clear()
            with pytest.raises(errors.RemoteRefused) as caught:
                reading.replies(one)
        assert caught.value.status == 404

    def test_a_type_that_nobody_knows_has_no_replies(self) -> None:
        with Reading(Forum([topic(5, contentType="podcast", replyCount=3)])) as reading:
            assert reading.replies(reading.topics()[0]) == []


class TestOther:
    def test_categories_from_three_answers(self) -> None:
        child = {"id": 6, "parentId": 1, "title": "News", "description": "<p>all &amp; new</p>", "displayOrder": 2}
        child |= {"supportedContentTypes": ["question", "idea"], "children": []}
        tree = {"community": [{"id": 1, "title": "All", "parentId": None, "children": [child]}], "knowledge-base": []}
        forum = Forum(tree=tree, counts={"6": "5", "77": "1"})
        with Reading(forum) as reading:
            found = {one.id: one.values for one in reading.reader.categories()}
            calls = reading.reader.calls
            assert reading.reader.categories() and reading.reader.calls == calls, "asked once"
        assert found == {
            "6": {"id": "6", "name": "News", "order": 2, "parent_id": "1", "module": "Community", "topic_count": 5,
                  "description": "all & new", "content_types": ["Question", "Idea"]},
            "1": {"id": "1", "name": "All", "module": "Community"},
        }  # fmt: skip

    def test_without_the_tree_there_is_the_list(self) -> None:
        for status in (403, 404, 422, 501):
            forum = Forum()
            forum.before = lambda request, status=status: (
                reply(status) if "/v2/cat" in request.target and "?page" not in request.target else None
            )
            with Reading(forum) as reading:
                assert [one.values for one in reading.reader.categories()] == [{"id": "6", "name": "News", "order": 0}]

    def test_idea_statuses(self) -> None:
        status = {
            "id": "1",
            "name": "New",
            "backgroundColor": "ffffff",
            "textColor": "000000",
            "default": True,
            "visible": 1,
        }
        forum = Forum(statuses=[{**status, "type": "open", "displayOrder": 0}, {"id": 2, "name": "Done", "type": ""}])
        with Reading(forum) as reading:
            found = [one.values for one in reading.reader.idea_statuses()]
        assert found == [
            {"id": "1", "name": "New", "type": "open", "background_color": "ffffff", "text_color": "000000", "default": True,
             "visible": True, "order": 0},
            {"id": "2", "name": "Done"},
        ]  # fmt: skip


class TestMembers:
    def test_the_list_has_no_profile(self) -> None:
        forum = Forum(
            users={"7": user(7, {"Phone": "+49 30 1"}, email=None, rank_id=3, is_moderator=0, joindate=1710000000)}
        )
        with Reading(forum) as reading:
            ((listed,),) = reading.reader.members()
            ((id, found),) = reading.reader.details(["7"])
        assert found is not None
        assert listed.values == {
            "id": "7", "username": "user 7", "rank_id": "3", "posts": 2, "is_moderator": False,
            "joined_at": "2024-03-09T16:00:00Z", "last_activity_at": "2024-07-03T09:46:40Z",
        }  # fmt: skip
        more = {"profile": {"Phone": "+49 30 1"}, "roles": ["roles.admin", "roles.registered"], "badges": ["Helper"]}
        assert found.values == {**listed.values, **more, "badge_count": 1}
        assert id == found.id == "7"
        assert found.values.keys() <= KNOWN

    def test_details_are_read_at_once_and_none_is_lost(self) -> None:
        forum = Forum(users={str(n): user(n) for n in range(1, 200) if n % 3})
        with Reading(forum) as reading:
            found = dict(reading.reader.details(str(n) for n in range(1, 200)))
        assert {id for id, one in found.items() if one is None} == {str(n) for n in range(3, 200, 3)}
        assert len(found) == 199

    def test_one_failure_ends_the_reading(self) -> None:
        forum = Forum(users={str(n): user(n) for n in range(1, 2_000)})
        forum.before = lambda request: reply(400) if request.target.endswith("/user/50") else None
        with Reading(forum) as reading:
            with pytest.raises(errors.RemoteRefused):
                list(reading.reader.details(str(n) for n in range(1, 2_000)))
            assert reading.server.count("GET") < 200

    def test_whoever_stops_asking_leaves_no_thread_behind(self) -> None:
        forum = Forum(users={str(n): user(n) for n in range(1, 2_000)})
        with Reading(forum) as reading:
            details = reading.reader.details(str(n) for n in range(1, 2_000))
            next(details)
            details.close()
            calls = reading.server.count("GET")
            assert calls < 100
            assert reading.server.count("GET") == calls

    def test_an_answer_for_somebody_else_is_refused_and_costs_nobody_else(self) -> None:
        forum = Forum(users={"7": user(8), "9": user(9)})
        with Reading(forum) as reading:
            found = dict(reading.reader.details(["7", "9"]))
        assert isinstance(found["7"], Unusable)
        assert "another user" in found["7"].detail
        assert isinstance(found["9"], CommunityRecord)

    def test_replies_that_cannot_be_read_are_unusable_as_a_whole(self) -> None:
        forum = Forum([topic(5)])
        forum.before = lambda request: reply(200, b"{}") if "/replies" in request.target else None
        one = only(forum)
        with Reading(forum) as reading:
            found, (detail,) = sorted_out(reading.reader.replies(one))
        assert found == set()
        assert detail.startswith("the list of replies to topic 5: ")


def test_ids_that_came_by() -> None:
    once = Once()
    ids = ["1", "01", "a", "4294967296", "2147483647", "2147483648", "é", "²"]
    assert [once.add(id) for id in ids] == [True] * len(ids)
    assert not any(once.add(id) for id in ids)
    assert len(once) == len(ids)


def test_every_value_can_be_written_down() -> None:
    found = only(Forum([topic(5, title="\x00a\x1b", content="\x00b", tags=["\x00"])]))
    assert "\\u00" not in json.dumps(dict(found.values))


def test_every_name_can_be_written_down() -> None:
    forum = Forum(users={"7": user(7, {"\x00Phone": "+49 30 1"})}, tree={"\x00new": [{"id": 6, "title": "News"}]})
    with Reading(forum) as reading:
        ((_, found),) = reading.reader.details(["7"])
        (category,) = reading.reader.categories()
    assert found is not None and found.values["profile"] == {"Phone": "+49 30 1"}
    assert category.values["module"] == "new"
