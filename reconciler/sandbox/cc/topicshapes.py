"""How topics and replies leave: the item of the lists over all kinds, the own shape of each kind, and a reply."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.cc import posts
from reconciler.sandbox.cc.community import RANKS, Community
from reconciler.sandbox.cc.content import BY_WORD, REPLY_OFFSET, IdeaStatus
from reconciler.sandbox.cc.members import Member
from reconciler.sandbox.cc.posts import Reply, Topic
from reconciler.sandbox.clock import iso
from reconciler.sandbox.router import Call
from reconciler.sandbox.switches import Switches

MOST_VOTERS = 50
LEAVES = ("article", "productUpdate")
ANONYMOUS = {"id": "", "username": "Anonymous", "avatar": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaper:
    """What the shapes of one answer share: the community, the switches and the authors that are still members."""

    community: Community
    switches: Switches
    authors: dict[int, Member]

    def date(self, seconds: int | None) -> str | None:
        return None if seconds is None else iso(seconds, self.switches.utc_offset)


def shaper(call: Call, userids: Iterable[int]) -> Shaper:
    """Reads the authors of an answer at once. Who was erased is not among them, and so stays anonymous."""
    wanted = sorted(set(userids))
    marks = ",".join("?" * len(wanted))
    sql = f"SELECT * FROM member WHERE community = ? AND userid IN ({marks})"
    rows = call.world.store.rows(sql, (call.community, *wanted)) if wanted else []
    community = call.world.communities[call.community]
    return Shaper(community=community, switches=call.world.switches, authors={row["userid"]: row for row in rows})


def item(shape: Shaper, topic: Topic) -> dict[str, Any]:
    """TopicItem: what lists over all kinds give."""
    category = shape.community.content.categories.get(topic["category"])
    shaped = {
        "contentType": topic["type"],
        "id": str(topic["id"]),
        "publicId": str(topic["number"]),
        "title": topic["title"],
        "content": topic["content"],
        "featuredImage": "",
        "publicLabel": "",
        "categoryId": "" if category is None else str(category.id),
        "categoryName": "" if category is None else category.name,
        "tags": posts.names(topic["tags"]),
        "moderatorTags": posts.names(topic["moderator_tags"]),
        "moderationLabel": topic["label"],
        "replyCount": topic["replies"],
        "likes": topic["likes"],
        "votes": topic["votes"],
        "voteSet": some_members(shape.community, topic["number"], topic["votes"]),
        "trashed": bool(topic["trashed"]),
        "sticky": bool(topic["sticky"]),
        "bestAnswer": topic["answer"] is not None,
        "author": _author(shape, topic["author"]),
        "lastContributor": _author(shape, topic["last_author"] or topic["author"]),
        "createdAt": shape.date(topic["created"]),
        "lastActivityAt": shape.date(topic["activity"]),
        "status": topic["status"],
        "productAreas": posts.names(topic["areas"]),
    }
    return shaped | _undocumented(shape, topic)


def single(shape: Shaper, topic: Topic, counts: dict[str, int]) -> dict[str, Any]:
    """The own shape of a topic's kind. `counts` has the visible and the trashed replies."""
    kind = BY_WORD[topic["type"]]
    shaped = {
        "id": str(topic["id"]),
        "publicId": str(topic["number"]),
        "title": topic["title"],
        "content": topic["content"],
        "author": _full_author(shape, topic["author"]),
        "categoryId": "" if topic["category"] is None else str(topic["category"]),
        kind.dated: shape.date(topic["created"]),
        "lastActivityAt": shape.date(topic["activity"]),
        **_counts(counts),
        "tags": posts.names(topic["tags"]),
        "sticky": bool(topic["sticky"]),
        "closed": bool(topic["closed"]),
        "trashed": bool(topic["trashed"]),
        "seoCommunityUrl": url(shape.community, topic),
    }
    if topic["type"] not in LEAVES:
        shaped |= {"spam": False, "reported": False, "reportedContent": []}
    return shaped | _own(shape, topic) | _undocumented(shape, topic)


def _own(shape: Shaper, topic: Topic) -> dict[str, Any]:
    """What only one kind, or a few, have."""
    likers = {"likedBy": some_members(shape.community, topic["number"] + 1, topic["likes"])}
    tags = {"moderatorTags": posts.names(topic["moderator_tags"])}
    match topic["type"]:
        case "question":
            answer = "" if topic["answer"] is None else str(topic["answer"] + REPLY_OFFSET)
            return {**likers, "answer": answer, "pendingApproval": False, "containsPoll": False}
        case "conversation":
            return {**likers, **tags, "containsPoll": False, "pinnedReplyId": ""}
        case "idea":
            return {**tags, **_idea(shape, topic)}
    return {**likers, **tags, **_article(shape, topic)}


def _idea(shape: Shaper, topic: Topic) -> dict[str, Any]:
    status = shape.community.content.statuses.get(topic["idea_status"] or 0)
    return {
        "votedBy": some_members(shape.community, topic["number"], topic["votes"]),
        "ideaStatus": None if status is None else idea_status(status),
        "ideaStatusChangedAt": shape.date(topic["status_changed"] or topic["created"]),
        "productAreas": posts.names(topic["areas"]),
        "assignedModerator": "",
        "moderationLabel": {"id": "1", "title": topic["label"]} if topic["label"] else {},
        "pinnedReplyId": "",
    }


def _article(shape: Shaper, topic: Topic) -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "featuredImage": "",
        "featuredImageAltText": "",
        "publicLabel": "",
        "status": topic["status"],
        "containsPoll": False,
    }
    if topic["type"] == "article":
        return shaped | {
            "lastModifiedAt": shape.date(topic["created"]),
            "isPreviewPublic": False,
            "_links": {"self": f"/v2/articles/{topic['id']}"},
        }
    areas = {area.name: area for area in shape.community.content.areas.values()}
    held = [areas[name] for name in posts.names(topic["areas"]) if name in areas]
    return shaped | {"productAreas": [{"id": str(area.id), "name": area.name} for area in held]}


def reply(shape: Shaper, topic: Topic, item: Reply) -> dict[str, Any]:
    return {
        "id": str(item["number"] + REPLY_OFFSET),
        "publicReplyId": str(item["number"]),
        "content": item["content"],
        "author": _full_author(shape, item["author"]),
        "repliedAt": shape.date(item["at"]),
        "inclusiveReplyCount": 0,
        "inclusiveVisibleReplyCount": 0,
        "trashed": bool(item["trashed"]),
        "spam": False,
        "reported": bool(item["reported"]),
        "reportedContent": [],
        "pendingApproval": False,
        "highlighted": bool(item["highlighted"]),
        "likedBy": some_members(shape.community, item["number"], item["likes"]),
        "permalink": f"{url(shape.community, topic)}?postid={item['number']}#post{item['number']}",
    }


def idea_status(status: IdeaStatus) -> dict[str, Any]:
    return {
        "id": str(status.id),
        "name": status.name,
        "backgroundColor": status.background,
        "textColor": status.text,
        "default": status.default,
        "visible": status.visible,
        "type": status.type,
        "displayOrder": status.order,
    }


def url(community: Community, topic: Topic) -> str:
    category = community.content.categories.get(topic["category"])
    place = f"{_slug(category.name)}-{category.id}" if category else "ideas"
    return f"https://{community.tenant}.community.example/{place}/{_slug(topic['title'])}-{topic['number']}"


def some_members(community: Community, start: int, count: int) -> list[str]:
    """Ids of members who liked or voted, always the same ones; nobody stores them."""
    total = len(community.userids)
    most = min(count, total, MOST_VOTERS)
    return [str(community.userids[(start * 7 + at) % total]) for at in range(most)]


def _undocumented(shape: Shaper, topic: Topic) -> dict[str, Any]:
    """Seen in stored answers of real communities, in no schema."""
    if not shape.switches.topic_views:
        return {}
    published = {} if topic["published"] is None else {"publishedAt": shape.date(topic["published"])}
    return {"views": topic["views"], **published}


def _counts(counts: dict[str, int]) -> dict[str, int]:
    shown, trashed = counts["visible"], counts["trashed"]
    return {
        "replyCount": shown,
        "spamReplyCount": 0,
        "pendingReplyCount": 0,
        "trashedReplyCount": trashed,
        "totalReplyCount": shown + trashed,
        "inclusiveReplyCount": shown + trashed,
        "inclusiveVisibleReplyCount": shown,
    }


def _author(shape: Shaper, userid: int) -> dict[str, Any] | None:
    found = shape.authors.get(userid)
    if found is None:
        return None if shape.switches.erased_author == "null" else dict(ANONYMOUS)
    id = userid if shape.switches.author_ids == "number" else str(userid)
    return {"id": id, "username": found["username"], "avatar": found["avatar"]}


def _full_author(shape: Shaper, userid: int) -> dict[str, Any] | None:
    short, found = _author(shape, userid), shape.authors.get(userid)
    if short is None or found is None:
        return short
    reputation = {
        "rank": RANKS.get(found["rank_id"], ""),
        "rankIcon": "",
        "rankIconThumbnail": "",
        "likesReceived": found["likes"],
        "repliesMade": found["posts"],
    }
    return short | {"customTitle": "", "signature": "", "reputation": reputation}


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:60] or "topic"
