"""What the control plane does to content and members, and the members who are hard to tell apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.sandbox_client import Remote
from tests.sandbox.test_sandbox_content import all_topics, listed, public_ids


def topic_of(remote: Remote, number: int | str) -> dict[str, Any]:
    found = remote.cc("GET", f"/v2/topics?publicIds[]={number}").json["result"]
    assert len(found) == 1
    item: dict[str, Any] = found[0]
    return item


def test_topics_are_added_changed_and_deleted(remote: Remote) -> None:
    made = remote.control("POST", "cc/1/topics", {"type": "idea", "title": "T", "tags": ["api"]}, expect=201)
    path = f"cc/1/topics/{made['number']}"
    assert topic_of(remote, made["number"])["tags"] == ["api"]
    changes = {"title": "New", "views": 12, "category": 7, "closed": True, "tags": [], "likes": 3}
    remote.control("PATCH", path, changes)
    after = topic_of(remote, made["number"])
    assert (after["title"], after["views"], after["categoryName"], after["tags"], after["likes"]) == (
        "New", 12, "Ideas", [], 3,
    )  # fmt: skip
    remote.control("PATCH", path, {"trashed": True})
    assert remote.cc("GET", f"/v2/topics?publicIds[]={made['number']}").json["result"] == []
    assert remote.control("DELETE", path) == {"deleted": made["number"]}
    remote.control("GET", path, expect=404)


def test_replies_are_added_changed_and_deleted(remote: Remote) -> None:
    topic = next(topic for topic in listed(remote, "/v2/questions") if topic["replyCount"] == 0)
    base, path = f"cc/1/topics/{topic['publicId']}/replies", f"/v2/questions/{topic['id']}"
    made = remote.control("POST", base, {"content": "<p>Hello</p>", "author": 13}, expect=201)
    after = remote.cc("GET", path).json["result"]
    assert after["replyCount"] == 1
    assert after["lastActivityAt"] > topic["lastActivityAt"]
    assert [item["number"] for item in remote.control("GET", base)["replies"]] == [made["number"]]
    remote.control("PATCH", f"{base}/{made['number']}", {"content": "<p>Edited</p>", "likes": 2})
    shown = remote.cc("GET", f"{path}/replies").json["result"][0]
    assert (shown["content"], len(shown["likedBy"]), shown["author"]["id"]) == ("<p>Edited</p>", 2, "13")
    remote.control("PATCH", f"{base}/{made['number']}", {"trashed": True})
    assert remote.cc("GET", path).json["result"]["trashedReplyCount"] == 1
    remote.control("DELETE", f"{base}/{made['number']}")
    assert remote.cc("GET", path).json["result"]["totalReplyCount"] == 0
    remote.control("DELETE", f"{base}/{made['number']}", expect=404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "cc/1/topics", {"type": "poll", "title": "T"}),
        ("POST", "cc/1/topics", {"type": "idea"}),
        ("PATCH", "cc/1/topics/10001", {}),
        ("PATCH", "cc/1/topics/10001", {"title": 5}),
        ("PATCH", "cc/1/topics/10001", {"colour": "red"}),
        ("PATCH", "cc/1/topics/10001", {"tags": "api"}),
        ("PATCH", "cc/1/topics/10001", {"closed": 1}),
        ("POST", "cc/1/topics/10002/replies", {"title": "T"}),
        ("POST", "cc/1/activity", {"topics": -1}),
        ("POST", "cc/1/views", {"add": "many"}),
        ("PATCH", "cc/1/members/12", {}),
        ("PATCH", "cc/1/members/12", {"posts": "7"}),
        ("PATCH", "cc/1/members/12", {"roles": []}),
        ("POST", "faults", {"action": {"touch_topics": -1}}),
    ],
)
def test_bad_changes_are_refused(remote: Remote, method: str, path: str, body: Any) -> None:
    assert remote.control(method, path, body, expect=400)["error"]


def test_views_grow(remote: Remote) -> None:
    before = {topic["publicId"]: topic["views"] for topic in listed(remote)}
    assert remote.control("POST", "cc/1/views", {"add": 3, "every": 2})["topics"] > 20
    grown = {topic["publicId"]: topic["views"] - before[topic["publicId"]] for topic in listed(remote)}
    assert {number: 3 if int(number) % 2 == 0 else 0 for number in grown} == grown


def test_a_busy_day(remote: Remote) -> None:
    quiet = [topic["publicId"] for topic in listed(remote)][-4:]
    before = {user["userid"]: user["lastactivity"] for user in remote.members()}
    day = remote.control("POST", "cc/1/activity", {"topics": 4, "members": 10})
    assert [str(number) for number in day["topics"]] == list(reversed(quiet))
    assert {topic["publicId"] for topic in listed(remote)[:4]} == set(quiet)
    after = {user["userid"]: user["lastactivity"] for user in remote.members()}
    assert len(day["members"]) == 10
    assert set(day["members"]) <= {userid for userid in after if after[userid] > before[userid]}
    everybody = remote.control("POST", "cc/1/activity", {"members": 1_000_000})["members"]
    assert sorted(everybody) == sorted(after)


@pytest.mark.parametrize(("action", "lost", "twice"), [("touch_topics", False, True), ("delete_topics", True, False)])
def test_pages_shift_while_they_are_read(remote: Remote, action: str, lost: bool, twice: bool) -> None:
    """Topics that move to the front push others onto the next page; those that vanish pull others off it, unread."""
    everything = public_ids(listed(remote))
    fault = {"side": "cc", "path": "^/v2/topics$", "skip": 1, "times": 1, "action": {action: 3}}
    remote.control("POST", "faults", fault)
    seen: Counter[str] = Counter()
    for page in range(1, 8):
        found = remote.cc("GET", f"/v2/topics?pageSize=20&page={page}").json["result"]
        seen.update(topic["publicId"] for topic in found)
    assert bool(set(everything) - set(seen)) is (lost or action == "touch_topics")
    assert any(count > 1 for count in seen.values()) is twice


def test_members_change_by_hand(remote: Remote) -> None:
    changes = {"username": "Renamed", "email": "", "posts": 41, "lastactivity": 1_790_000_000, "rank_id": 5}
    remote.control("PATCH", "cc/1/members/15", changes)
    user = remote.cc("GET", "/user/15").json
    assert {name: user[name] for name in changes} == changes
    assert user["rank_name"] == "Guide"
    assert remote.cc("GET", "/user/username/renamed").json["userid"] == 15


def test_members_who_are_hard_to_tell_apart(remote: Remote) -> None:
    people = {row["Email"].strip().lower(): row for row in remote.query("person", ["Email", "Name", "Phone__gc"])}
    phones = {row["Phone__gc"] for row in people.values() if row["Phone__gc"]}
    assert len(phones) > 300
    assert any(row["Phone__gc"] is None for row in people.values())
    members = [
        member | {"home": number}
        for number in (1, 2)
        for member in remote.control("GET", f"cc/{number}/members?limit=1000")["members"]
    ]
    emails = Counter((member["home"], member["email"].lower()) for member in members if member["email"])
    assert any(count > 1 for count in emails.values()), "two members with one address"
    nameless = [member for member in members if not member["email"]]
    assert any(member["profile"].get("Company", "").endswith((" Inc.", " GmbH", ", LLC")) for member in nameless)
    assert any("🚀" in member["username"] for member in nameless)
    typed = {member["profile"]["Phone"] for member in members if "Phone" in member["profile"]}
    digits = {"".join(char for char in phone if char.isdigit())[-7:] for phone in phones}
    assert len([number for number in typed if "".join(c for c in number if c.isdigit())[-7:] in digits]) > 10
    assert any(number.startswith("0049") for number in typed)
    assert any(number.startswith("030") for number in typed)
    assert any(number.startswith("(030)") for number in typed)
    domains = {email.rpartition("@")[2] for email in people}
    strangers = [member for member in members if member["email"] and member["email"].lower() not in people]
    assert any(member["email"].rpartition("@")[2] in domains for member in strangers), "a colleague"
    names = {row["Name"] for row in people.values()}
    assert any(
        f"{member['profile'].get('First Name')} {member['profile'].get('Last Name')}" in names for member in strangers
    ), "a namesake"


def test_the_state_counts_content(remote: Remote) -> None:
    state = remote.control("GET", "state")
    assert state["topics"] == {"1": 100, "2": 100}
    assert state["topics"]["1"] == len(all_topics(remote)) == remote.control("GET", "cc/1")["topics"]
    assert state["replies"]["2"] == remote.control("GET", "cc/2")["replies"] > 100
    made = remote.control("POST", "cc/2/topics", {"title": "T"}, expect=201)
    assert remote.control("GET", "state")["topics"] == {"1": 100, "2": 101}
    writes = remote.control("GET", "writes")["writes"]
    assert [(w["action"], w["target"], w["subject"]) for w in writes] == [("topic_added", "topic", str(made["number"]))]
