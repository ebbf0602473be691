"""The content of a small community on loopback: topics, replies, categories and idea statuses behind the documented routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.connectors.community import PASS, Community, Pass, item
from tests.connectors.servers import Answer, Request, reply

ROUTES = {
    "questions": "question",
    "conversations": "conversation",
    "articles": "article",
    "ideas": "idea",
    "productUpdates": "productUpdate",
}


def topic(number: int, active: str = "2026-11-20T10:00:00+00:00", **more: Any) -> dict[str, Any]:
    """A topic; `number` is its public id, and its internal one is 1,000,000 more."""
    return {
        "contentType": "question",
        "id": str(1_000_000 + number),
        "publicId": str(number),
        "title": f"Topic {number}",
        "content": f"<p>Body of {number}</p>",
        "categoryId": "6",
        "categoryName": "News",
        "tags": ["a"],
        "moderatorTags": [],
        "replyCount": 0,
        "likes": 1,
        "votes": 0,
        "trashed": False,
        "sticky": False,
        "bestAnswer": False,
        "author": {"id": "7", "username": "ops", "avatar": ""},
        "createdAt": "2026-01-05T10:00:00+00:00",
        "lastActivityAt": active,
        "views": 3,
        **more,
    }


def answer(number: int, author: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A reply; ids as for topics."""
    return {
        "id": str(1_000_000 + number),
        "publicReplyId": str(number),
        "content": f"<p>Reply {number}</p>",
        "author": author,
        "repliedAt": "2026-11-01T08:00:00+02:00",
        "trashed": False,
        "highlighted": False,
        "likedBy": ["1", "2"],
        **more,
    }


@dataclass(slots=True)
class Forum:
    """Give `hook` to a `Community`. `before` is called with each request for topics, which it may change."""

    topics: list[dict[str, Any]] = field(default_factory=list)
    replies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    categories: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "6", "name": "News", "order": 0}])
    tree: Any = None
    counts: Any = None
    statuses: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What only the lists by type say of topics, by their public id."""
    most: int = 10_000
    most_of_type: int = 10_000
    wrapped: bool = True
    before: Callable[[Request], Answer | Pass | None] = field(default=lambda _: None)
    community: Community = field(default_factory=lambda: Community({}))

    def __post_init__(self) -> None:
        self.community.hook = self.hook

    def hook(self, request: Request) -> Answer | Pass:  # noqa: PLR0911
        done = self.before(request)
        if done is not None:
            return done
        url = urlsplit(request.target)
        query = dict(parse_qsl(url.query))
        parts = url.path.strip("/").split("/")
        if parts[0] == "api1":
            return self._users(parts[2:], query)
        if parts[0] != "v2":
            return PASS
        match parts[1:]:
            case ["topics"]:
                return self._topics(query)
            case ["categories"]:
                return self._page(self.categories, query)
            case ["category", "getTree"] if self.tree is not None:
                return reply(200, {"result": self.tree})
            case ["categories", "getVisibleTopicsCount"] if self.counts is not None:
                return reply(200, {"result": self.counts})
            case ["ideas", "ideaStatuses"]:
                return self._page(self.statuses, query)
            case [kind] if kind in ROUTES:
                return self._typed(ROUTES[kind], query)
            case [kind, internal, "replies"] if kind in ROUTES:
                return self._replies(kind, internal, query)
        return reply(404, {"message": "Not Found"})

    def _users(self, parts: list[str], query: dict[str, str]) -> Answer | Pass:
        if not parts:
            page, size = int(query["page"]), int(query["pageSize"])
            listed = list(self.users.values())[(page - 1) * size : page * size]
            plain = [{name: value for name, value in user.items() if name != "_related"} for user in listed]
            return reply(200, {"users": plain, "statistics": {"count": len(self.users)}})
        user = self.users.get(parts[0])
        return reply(404) if user is None else reply(200, user)

    def _page(self, items: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        page, size = int(query.get("page", 1)), int(query.get("pageSize", 25))
        assert 1 <= size <= 100
        found = items[(page - 1) * size : page * size]
        return reply(200, {"result": found} if self.wrapped else found)

    def _topics(self, query: dict[str, str]) -> Answer:
        assert query["sort"] == "lastActivityAt"
        if int(query["page"]) * int(query["pageSize"]) > self.most:
            return reply(422, {"message": "Unprocessable Entity", "errors": ["too many"]})
        found = [one for one in self.topics if _matches(one, query)]
        return self._page(sorted(found, key=lambda one: str(one["lastActivityAt"]), reverse=True), query)

    def _typed(self, kind: str, query: dict[str, str]) -> Answer:
        if int(query["page"]) * int(query["pageSize"]) > self.most_of_type:
            return reply(422, {"message": "Unprocessable Entity", "errors": ["too many"]})
        found = [one for one in self.topics if one["contentType"] == kind]
        found.sort(key=lambda one: str(one["lastActivityAt"]), reverse=True)
        return self._page([{**one, **self.details.get(one["publicId"], {})} for one in found], query)

    def _replies(self, kind: str, internal: str, query: dict[str, str]) -> Answer:
        for one in self.topics:
            if one["id"] == internal and one["contentType"] == ROUTES[kind]:
                return self._page(self.replies.get(one["publicId"], []), query)
        return reply(404, {"message": "Not Found", "description": "Item does not exist"})


def _matches(one: dict[str, Any], query: dict[str, str]) -> bool:
    for name in ("lastActivityAt", "createdAt"):
        day = _day(one[name])
        start, end = query.get(f"{name}[from]"), query.get(f"{name}[to]")
        if start is not None and (day is None or day < date.fromisoformat(start)):
            return False
        if end is not None and (day is None or day > date.fromisoformat(end)):
            return False
    wanted = {"contentTypes[]": "contentType", "categoryIds[]": "categoryId"}
    return all(query[name] == one[key] for name, key in wanted.items() if name in query)


def _day(text: str | None) -> date | None:
    return None if text is None else datetime.fromisoformat(text).date()


def user(number: int, profile: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A user as the API gives one by itself; the list leaves `_related` out."""
    fields = [
        {"profilefieldid": place, "profilefield_name": name, "value": value}
        for place, (name, value) in enumerate((profile or {}).items(), 5)
    ]
    badges = [{"id": 1, "title": "Helper"}]
    roles = [{"itemname": "roles.registered"}, {"itemname": "roles.admin"}]
    related = {"userprofilefields": fields, "badges": badges, "badgesCount": 1, "roles": roles}
    return {**item(number), "lastactivity": 1_720_000_000, "posts": 2, "_related": related, **more}
