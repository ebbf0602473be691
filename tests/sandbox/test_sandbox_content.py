"""Reading and writing topics, replies, categories and idea statuses, as a client of a community does."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig
from tests.sandbox.sandbox_client import Remote

KINDS = ("questions", "conversations", "articles", "ideas", "productUpdates")
MODERATOR = 12


def listed(remote: Remote, path: str = "/v2/topics", community: int = 1) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    join = "&" if "?" in path else "?"
    for page in range(1, 50):
        answer = remote.cc("GET", f"{path}{join}pageSize=30&page={page}", community=community)
        assert answer.status == 200, answer.body
        found += answer.json["result"]
        if len(answer.json["result"]) < 30:
            return found
    raise AssertionError("the list has no end")


def all_topics(remote: Remote, community: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = remote.control("GET", f"cc/{community}/topics?limit=1000")["topics"]
    return found


def public_ids(topics: list[dict[str, Any]]) -> set[str]:
    return {topic["publicId"] for topic in topics}


def test_the_list_has_every_visible_topic_once_and_the_latest_first(remote: Remote) -> None:
    found = listed(remote)
    stored = all_topics(remote)
    shown = {str(row["number"]) for row in stored if not row["trashed"] and row["status"] == "published"}
    assert [topic["publicId"] for topic in found] == list(dict.fromkeys(topic["publicId"] for topic in found))
    assert public_ids(found) == shown
    assert len(shown) < len(stored) == 100
    moments = [topic["lastActivityAt"] for topic in found]
    assert moments == sorted(moments, reverse=True)
    assert {topic["contentType"] for topic in found} == {
        "question", "conversation", "article", "idea", "productUpdate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "name"),
    [("createdAt", "createdAt"), ("likes", "likes"), ("voteCount", "votes"), ("replyCount", "replyCount")],
)
def test_lists_are_sorted_downwards(remote: Remote, sort: str, name: str) -> None:
    values = [topic[name] for topic in listed(remote, f"/v2/topics?sort={sort}")]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 3


def test_filters_choose_what_they_say(remote: Remote) -> None:
    every = listed(remote)
    day = sorted(topic["lastActivityAt"] for topic in every)[50][:10]
    one = every[7]
    cases = {
        "contentTypes[]=idea&contentTypes[]=article": lambda t: t["contentType"] in ("idea", "article"),
        "contentType=question": lambda t: t["contentType"] == "question",
        "categoryIds[]=3": lambda t: t["categoryId"] == "3",
        "categoryIds[0]=3&categoryIds[1]=6": lambda t: t["categoryId"] in ("3", "6"),
        "categoryIds[]=3&categoryId=6": lambda t: t["categoryId"] in ("3", "6"),
        "categoryIds[]=3&productAreaIds[]=4": lambda t: t["categoryId"] == "3" or "Mobile" in t["productAreas"],
        "productAreaIds[]=4": lambda t: "Mobile" in t["productAreas"],
        f"publicIds[]={one['publicId']}": lambda t: t is one,
        "tags=api,dashboards": lambda t: bool({"api", "dashboards"} & set(t["tags"])),
        "moderatorTags=showcase": lambda t: "showcase" in t["moderatorTags"],
        "moderationLabels=checkup": lambda t: t["moderationLabel"] == "checkup",
        "q=GUIDE": lambda t: "guide" in (t["title"] + t["content"]).lower(),
        f"lastActivityAt[from]={day}": lambda t: t["lastActivityAt"][:10] >= day,
        f"lastActivityAt[to]={day}": lambda t: t["lastActivityAt"][:10] <= day,
        f"createdAt[from]={day}&createdAt[to]={day}": lambda t: t["createdAt"][:10] == day,
        "lastActivityAt[from]=2099-01-01": lambda t: False,
        "productAreaIds[]=99": lambda t: False,
        "unknown=1&limit=5": lambda t: True,
    }
    for query, holds in cases.items():
        expected = {topic["publicId"] for topic in every if holds(topic)}
        assert public_ids(listed(remote, f"/v2/topics?{query}")) == expected, query
        assert expected or "99" in query, query


@pytest.mark.parametrize(
    "query", ["sort=age", "contentTypes[]=poll", "createdAt[from]=yesterday", "page=0", "pageSize=101", "page=x"]
)
def test_what_a_list_cannot_be_asked(remote: Remote, query: str) -> None:
    answer = remote.cc("GET", f"/v2/topics?{query}")
    assert (answer.status, answer.json["message"], len(answer.json["errors"])) == (422, "Unprocessable Entity", 1)


def test_a_list_ends_at_its_ten_thousandth_match(remote: Remote) -> None:
    assert remote.cc("GET", "/v2/topics?page=100&pageSize=100").json == {"result": []}
    beyond = remote.cc("GET", "/v2/topics?page=101&pageSize=100")
    assert beyond.status == 422
    assert beyond.json["errors"] == ["Only the first 10,000 topics matching the filter can be queried"]
    remote.control("POST", "switches", {"topic_limit": 50})
    assert len(remote.cc("GET", "/v2/topics?page=2&pageSize=25").json["result"]) == 25
    assert remote.cc("GET", "/v2/topics?page=3&pageSize=25").status == 422


def test_lists_of_one_kind_and_of_one_category_agree_with_the_list_of_all(remote: Remote) -> None:
    every = listed(remote)
    for path in KINDS:
        of_kind = listed(remote, f"/v2/{path}")
        assert public_ids(of_kind) == {t["publicId"] for t in every if t["contentType"] == path.removesuffix("s")}
    assert public_ids(listed(remote, "/v2/categories/3/topics")) == {
        topic["publicId"] for topic in every if topic["categoryId"] == "3"
    }
    questions = listed(remote, "/v2/categories/3/questions?sort=createdAt")
    assert {topic["contentType"] for topic in questions} == {"question"}
    assert remote.cc("GET", "/v2/categories/99/topics").status == 422
    found = listed(remote, "/v2/topics/search?q=script&contentTypes=question,idea&categories=2,3,4,7&tags=api")
    assert all("script" in (t["title"] + t["content"]).lower() and "api" in t["tags"] for t in found)


def test_private_and_public_ids_are_two_things(remote: Remote) -> None:
    """Each kind counts its own, so that one private id names a topic of every kind."""
    ids = Counter(topic["id"] for topic in listed(remote))
    assert ids.most_common(1)[0][1] > 3
    assert not set(ids) & public_ids(listed(remote))
    titles = {remote.cc("GET", f"/v2/{path}/2").json["result"]["publicId"] for path in KINDS}
    assert len(titles) == len(KINDS)


def test_what_was_trashed_is_for_moderators(remote: Remote) -> None:
    trashed = next(row for row in all_topics(remote) if row["trashed"] and row["type"] in ("question", "conversation"))
    path = f"/v2/{trashed['type']}s/{trashed['id']}"
    missing = remote.cc("GET", path)
    assert (missing.status, missing.json) == (404, {"message": "Not Found", "description": "Item does not exist"})
    assert remote.cc("GET", f"{path}/replies").status == 404
    assert remote.cc("GET", f"{path}?moderatorId={MODERATOR}").json["result"]["trashed"] is True
    assert remote.cc("GET", f"{path}/replies?moderatorId={MODERATOR}").json["result"], "its replies are still there"
    assert remote.cc("GET", f"{path}?moderatorId=11").status == 422, "no moderator"
    listed_ones = remote.cc("GET", f"/v2/{trashed['type']}s/trashed?moderatorId={MODERATOR}").json["result"]
    assert str(trashed["number"]) in public_ids(listed_ones)
    remote.control("POST", "switches", {"list_trashed": True})
    assert str(trashed["number"]) in public_ids(listed(remote))


def test_drafts_are_for_moderators_until_they_are_published(remote: Remote) -> None:
    text = {"title": "Draft", "content": "<p>Soon.</p>", "categoryId": 9}
    made = remote.cc("POST", "/v2/articles/create?authorId=11", text)
    assert (made.status, made.headers["location"]) == (201, f"/v2/articles/{made.json['id']}")
    path = f"/v2/articles/{made.json['id']}"
    drafts = remote.cc("GET", f"/v2/articles/drafts?moderatorId={MODERATOR}&pageSize=100").json["result"]
    assert made.json["publicId"] in public_ids(drafts)
    assert made.json["publicId"] not in public_ids(listed(remote))
    assert remote.cc("GET", path).status == 404
    assert remote.cc("POST", f"{path}/publish?moderatorId={MODERATOR}").status == 201
    assert remote.cc("GET", path).json["result"]["status"] == "published"
    assert remote.cc("GET", "/v2/topics?pageSize=1").json["result"][0]["publicId"] == made.json["publicId"]


def test_replies_by_page_and_order(remote: Remote) -> None:
    topic = remote.cc("GET", "/v2/topics?contentTypes[]=question&sort=replyCount&pageSize=1").json["result"][0]
    base = f"/v2/questions/{topic['id']}/replies"
    replies = remote.cc("GET", base).json["result"]
    assert len(replies) == topic["replyCount"] > 5
    moments = [reply["repliedAt"] for reply in replies]
    assert moments == sorted(moments)
    assert [r["id"] for r in remote.cc("GET", f"{base}?sort=mostRecentFirst").json["result"]] == [
        reply["id"] for reply in reversed(replies)
    ]
    likes = [len(reply["likedBy"]) for reply in remote.cc("GET", f"{base}?sort=mostLiked").json["result"]]
    assert likes == sorted(likes, reverse=True)
    pages = [remote.cc("GET", f"{base}?pageSize=4&page={page}").json["result"] for page in (1, 2, 3, 4)]
    assert [reply["id"] for page in pages for reply in page] == [reply["id"] for reply in replies]
    assert all(int(reply["id"]) != int(reply["publicReplyId"]) for reply in replies)
    assert remote.cc("GET", f"{base}?sort=age").status == 422


def test_counts_of_replies_add_up(remote: Remote) -> None:
    lost = 0
    for topic in listed(remote, "/v2/questions"):
        shown = listed(remote, f"/v2/questions/{topic['id']}/replies")
        whole = listed(remote, f"/v2/questions/{topic['id']}/replies?moderatorId={MODERATOR}")
        assert (topic["replyCount"], topic["totalReplyCount"]) == (len(shown), len(whole))
        assert topic["trashedReplyCount"] == sum(reply["trashed"] for reply in whole)
        last = max((reply["repliedAt"] for reply in whole), default=topic["askedAt"])
        assert topic["lastActivityAt"] == last
        lost += topic["trashedReplyCount"]
    assert lost


def test_asking_replying_and_answering(remote: Remote) -> None:
    before = remote.cc("GET", "/user/11").json
    text = {"title": "Who <b>knows</b>?", "content": "<p>Hm.</p>", "categoryId": 2, "tags": ["api"]}
    made = remote.cc("POST", "/v2/questions/ask?authorId=11", text)
    assert made.status == 201
    path = f"/v2/questions/{made.json['id']}"
    answered = remote.cc("POST", f"{path}/reply?authorId={MODERATOR}", {"content": "<p>I do.</p>"})
    assert (answered.status, answered.body) == (201, b"")
    assert answered.headers["location"].startswith(f"{path}/replies/")
    reply = answered.headers["location"].rpartition("/")[2]
    assert remote.cc("POST", f"/v2/questions/replies/{reply}/answer?authorId=11").status == 204
    shown = remote.cc("GET", path).json["result"]
    assert (shown["title"], shown["answer"], shown["replyCount"]) == ("Who <b>knows</b>?", reply, 1)
    assert (shown["author"]["id"], shown["tags"], shown["publicId"]) == ("11", ["api"], made.json["publicId"])
    item = remote.cc("GET", "/v2/topics?pageSize=1").json["result"][0]
    assert (item["publicId"], item["bestAnswer"], item["lastContributor"]["id"]) == (
        shown["publicId"], True, str(MODERATOR),
    )  # fmt: skip
    after = remote.cc("GET", "/user/11").json
    assert (after["posts"], after["topics"]) == (before["posts"] + 1, before["topics"] + 1)
    assert after["lastactivity"] > before["lastactivity"]
    assert remote.cc("DELETE", f"/v2/questions/replies/{reply}/answer?authorId=11").status == 204
    assert remote.cc("GET", path).json["result"]["answer"] == ""


def test_refused_topics_say_everything_at_once(remote: Remote) -> None:
    refused = remote.cc("POST", "/v2/conversations/start?authorId=11", {})
    assert refused.status == 422
    assert refused.json["errors"] == ["Title is required", "Content is required", "CategoryId is required"]
    text = {"title": "T", "content": "C", "categoryId": 1}
    assert remote.cc("POST", "/v2/conversations/start?authorId=11", text).json["errors"] == ["Category does not exist"]
    assert remote.cc("POST", "/v2/conversations/start?authorId=0", text).status == 422
    unreadable = remote.cc("POST", "/v2/conversations/start?authorId=11", b"{")
    assert (unreadable.status, unreadable.json["description"]) == (400, "Invalid JSON")
    assert remote.cc("POST", "/v2/ideas/submit?authorId=11", text | {"categoryId": None}).headers["is-spam"] == "0"


def test_trashing_and_deleting(remote: Remote) -> None:
    topic = remote.cc("GET", "/v2/topics?contentTypes[]=question&sort=replyCount&pageSize=1").json["result"][0]
    path = f"/v2/questions/{topic['id']}"
    reply = remote.cc("GET", f"{path}/replies").json["result"][0]["id"]
    toggled = f"/v2/questions/replies/{reply}/toggleTrashed?moderatorId={MODERATOR}"
    assert remote.cc("POST", toggled, {"trashed": True}).status == 204
    assert remote.cc("GET", path).json["result"]["replyCount"] == topic["replyCount"] - 1
    assert remote.cc("GET", f"{path}/replies/{reply}").status == 404
    assert remote.cc("POST", f"{path}/toggleTrashed?moderatorId={MODERATOR}", {"trashed": True}).status == 204
    assert remote.cc("GET", path).status == 404
    assert remote.cc("DELETE", f"{path}?moderatorId={MODERATOR}").status == 204
    assert remote.cc("GET", f"{path}?moderatorId={MODERATOR}").status == 404
    assert remote.cc("DELETE", f"{path}?moderatorId={MODERATOR}").status == 404


def test_an_edit_is_no_activity(remote: Remote) -> None:
    topic = listed(remote, "/v2/conversations")[5]
    path = f"/v2/conversations/{topic['id']}"
    assert remote.cc("POST", f"{path}/editTitle?moderatorId={MODERATOR}", {"title": "Renamed"}).status == 204
    assert remote.cc("POST", f"{path}/editContent?authorId=11", {"content": "<p>Rewritten.</p>"}).status == 201
    after = remote.cc("GET", path).json["result"]
    assert (after["title"], after["content"]) == ("Renamed", "<p>Rewritten.</p>")
    assert after["lastActivityAt"] == topic["lastActivityAt"]


def test_idea_statuses(remote: Remote) -> None:
    statuses = remote.cc("GET", "/v2/ideas/ideaStatuses").json["result"]
    assert [(s["name"], s["default"]) for s in statuses] == [
        ("Not Implemented", False), ("Implemented", False), ("Discussion ongoing", False), ("New", True),
    ]  # fmt: skip
    given = {"name": "Planned", "type": "open", "default": True, "backgroundColor": "00ff00"}
    assert remote.cc("POST", f"/v2/ideas/createIdeaStatus?authorId={MODERATOR}", given).status == 201
    statuses = remote.cc("GET", "/v2/ideas/ideaStatuses").json["result"]
    assert [(s["id"], s["name"]) for s in statuses if s["default"]] == [("5", "Planned")]
    made = remote.cc("POST", "/v2/ideas/submit?authorId=11", {"title": "T", "content": "C"}).json
    path = f"/v2/ideas/{made['id']}"
    assert remote.cc("GET", path).json["result"]["ideaStatus"]["name"] == "Planned"
    assigned = remote.cc("POST", f"{path}/assignIdeaStatus?moderatorId={MODERATOR}", {"ideaStatusId": "3"})
    assert assigned.status == 204
    assert remote.cc("GET", path).json["result"]["ideaStatus"]["type"] == "delivered"
    bad = {"name": "X", "backgroundColor": "#ffffff"}
    assert remote.cc("POST", f"/v2/ideas/createIdeaStatus?authorId={MODERATOR}", bad).status == 422


def test_categories_their_tree_and_their_counts(remote: Remote) -> None:
    categories = {item["id"]: item["name"] for item in remote.cc("GET", "/v2/categories").json["result"]}
    open_ones = remote.cc("GET", "/v2/categories?excludeGroups=true").json["result"]
    assert set(categories) - {item["id"] for item in open_ones} == {"11"}
    assert remote.cc("GET", "/v2/categories/3").json == {"id": "3", "name": "Integrations", "order": 1}
    found = remote.cc("GET", "/v2/category/getTree?module[]=community&module[]=knowledge-base&module[]=groups").json
    sections = [node for nodes in found["result"].values() for node in nodes]
    leaves = [node for section in sections for node in (section["children"] or [section])]
    assert {str(node["id"]) for node in leaves} == set(categories)
    assert all(child["parentId"] == section["id"] for section in sections for child in section["children"])
    one = remote.cc("GET", "/v2/category/getTree?module[]=community&topLevelSectionIds[]=5").json["result"]
    assert [node["title"] for node in one["community"]] == ["Community"]
    assert remote.cc("GET", "/v2/category/getTree?module[]=cellar").status == 422
    counts = remote.cc("GET", "/v2/categories/getVisibleTopicsCount").json["result"]
    seen = Counter(topic["categoryId"] for topic in listed(remote))
    assert {number: int(count) for number, count in counts.items() if count != "0"} == {
        number: count for number, count in seen.items() if number
    }


def test_an_erased_author_is_nobody(remote: Remote) -> None:
    topic = next(topic for topic in listed(remote) if topic["author"]["id"] not in ("11", str(MODERATOR)))
    name, userid = topic["author"]["username"], topic["author"]["id"]
    assert name in str(listed(remote))
    assert remote.cc("DELETE", f"/user/{userid}/erase").status == 202
    path = f"/v2/topics?publicIds[]={topic['publicId']}"
    assert remote.cc("GET", path).json["result"][0]["author"] == {"id": "", "username": "Anonymous", "avatar": ""}
    assert name not in str(listed(remote))
    assert userid not in [userid for topic in listed(remote) for userid in topic["voteSet"]]
    remote.control("POST", "switches", {"erased_author": "null"})
    assert remote.cc("GET", path).json["result"][0]["author"] is None


def test_switches_of_shape(remote: Remote) -> None:
    path = f"/v2/questions/{listed(remote, '/v2/questions')[0]['id']}"
    remote.control("POST", "switches", {"content_shape": "bare", "author_ids": "number", "topic_views": False})
    shown = remote.cc("GET", path).json
    assert isinstance(shown["author"]["id"], int)
    assert "views" not in shown
    assert "publishedAt" not in remote.cc("GET", "/v2/topics").json["result"][0]
    remote.control("POST", "switches", {"content_shape": "wrapped", "utc_offset": 330})
    east = remote.cc("GET", path).json["result"]
    assert east["lastActivityAt"].endswith("+05:30")
    assert datetime.fromisoformat(east["lastActivityAt"]) == datetime.fromisoformat(shown["lastActivityAt"])
    day = east["lastActivityAt"][:10]
    found = listed(remote, f"/v2/topics?lastActivityAt[from]={day}&lastActivityAt[to]={day}")
    assert east["publicId"] in public_ids(found), "days are those of the community's zone"


def test_communities_have_content_of_their_own(remote: Remote) -> None:
    first, second = listed(remote), listed(remote, community=2)
    assert [topic["title"] for topic in first] != [topic["title"] for topic in second]
    path = f"/v2/questions/{listed(remote, '/v2/questions')[0]['id']}"
    urls = {remote.cc("GET", path, community=number).json["result"]["seoCommunityUrl"] for number in (1, 2)}
    assert {url.partition(".community")[0] for url in urls} == {"https://acme-en", "https://acme-partners-en"}


def test_equal_seeds_give_equal_content_and_people_do_not_depend_on_it() -> None:
    def picture(topics: int, seed: int = 1) -> tuple[object, object]:
        config = SandboxConfig(people=60, communities=2, topics=topics, seed=seed)
        with Sandbox(config) as sandbox, Remote(sandbox) as remote:
            replies = [remote.cc("GET", f"/v2/questions/{id}/replies").json for id in (1, 2, 3)]
            return (all_topics(remote), replies), remote.control("GET", "cc/1/members?limit=1000")

    content, people = picture(50)
    assert picture(50) == (content, people)
    assert picture(50, seed=2)[0] != content
    assert picture(0)[1] == people
    assert picture(0)[0] == ([], [{"message": "Not Found", "description": "Item does not exist"}] * 3)


def test_authors_are_members_who_had_joined(remote: Remote) -> None:
    joined = {str(member["userid"]): member["joindate"] for member in remote.members()}
    topics = listed(remote)
    assert all(topic["author"]["id"] in joined for topic in topics)
    early = [t for t in topics if joined[t["author"]["id"]] > datetime.fromisoformat(t["createdAt"]).timestamp()]
    assert not early
    assert len({topic["author"]["id"] for topic in topics}) > 50


def test_the_content_has_what_hurts_readers(remote: Remote) -> None:
    text = str([(topic["title"], topic["content"]) for number in (1, 2) for topic in listed(remote, community=number)])
    for odd in ("<script>", "<style>", "onerror=", "🚀", "مرحبا", "&unknown;", "never closed <b>", "\\u200b"):
        assert odd in text
    assert max(len(t["content"]) for number in (1, 2) for t in listed(remote, community=number)) > 65_000
    with Sandbox(SandboxConfig(people=40, communities=1, quirks=False)) as sandbox, Remote(sandbox) as tidy:
        plain = str(all_topics(tidy))
        assert "<script>" not in plain
        assert not any(topic["trashed"] for topic in all_topics(tidy))
