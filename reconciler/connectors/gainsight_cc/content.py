"""What a community has besides its members, as records: topics, replies, categories, statuses of ideas.

Ids are the public ones, which the addresses of a community show; `internal_id` is what the routes of the API take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.connectors.answer import json_list, json_object
from reconciler.connectors.gainsight_cc.plain import clean, plain_text, plain_title
from reconciler.connectors.gainsight_cc.values import flag, identifier, moment, number, required, said, word, words
from reconciler.model.community import CommunityRecord, Kind
from reconciler.model.json import Json


class ContentType(NamedTuple):
    """A type of topic: the API's word, that of the glossary, and the first part of its routes."""

    name: str
    subtype: str
    route: str


CONTENT_TYPES = (
    ContentType("article", "Article", "articles"),
    ContentType("conversation", "Discussion", "conversations"),
    ContentType("idea", "Idea", "ideas"),
    ContentType("productUpdate", "Product Update", "productUpdates"),
    ContentType("question", "Question", "questions"),
)
_SUBTYPES = {one.name: one.subtype for one in CONTENT_TYPES}
_ROUTES = {one.subtype: one.route for one in CONTENT_TYPES}

MODULES = {"community": "Community", "knowledge-base": "Knowledge Base", "groups": "Groups"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A category as topics name it."""

    name: str | None
    module: str | None


@dataclass(slots=True)
class Categories:
    """The categories of a community from three answers, of which each says something else about them."""

    found: dict[str, dict[str, Json]] = field(default_factory=dict)

    def listed(self, data: Json) -> CommunityRecord:
        """Take an item of the list, and give what it has. Raises `errors.RemoteMalformed`."""
        entry = json_object(data, "a category")
        name, order = word(entry.get("name")) or word(entry.get("title")), number(entry.get("order"))
        id = required(entry.get("id"), "a category")
        self._add(id, said(name=name, order=order))
        return self._record(id)

    def noded(self, data: Json, module: str) -> CommunityRecord:
        """Take a node of the tree, and give what it has. Raises `errors.RemoteMalformed`."""
        node = json_object(data, "a category of the tree")
        id = required(node.get("id"), "a category of the tree")
        self._add(
            id,
            said(
                name=word(node.get("title")),
                parent_id=identifier(node.get("parentId")),
                module=MODULES.get(module, clean(module)),
                description=plain_text(word(node.get("description")) or "")[0] or None,
                content_types=_content_types(node.get("supportedContentTypes")),
                order=number(node.get("displayOrder")),
            ),
        )
        return self._record(id)

    def counted(self, data: Json) -> None:
        """Take the numbers of topics. A category that nothing else names stays unknown."""
        for category, count in json_object(_inner(data), "the numbers of topics by category").items():
            if category in self.found:
                self._add(category, said(topic_count=number(count)))

    def place(self, category: str | None) -> Place:
        """What is known of a category."""
        known = self.found.get(category or "", {})
        return Place(name=word(known.get("name")), module=word(known.get("module")))

    def records(self) -> list[CommunityRecord]:
        return [self._record(id) for id in self.found]

    def _record(self, id: str) -> CommunityRecord:
        return CommunityRecord(kind=Kind.CATEGORY, id=id, values=self.found[id])

    def _add(self, category: str, values: Mapping[str, Json]) -> None:
        self.found[category] = {"id": category, **self.found.get(category, {}), **values}


def topic(data: Json, categories: Categories) -> CommunityRecord:
    """An item of the list of topics. Raises `errors.RemoteMalformed`."""
    item = json_object(data, "a topic")
    internal = required(item.get("id"), "a topic")
    id = required(item.get("publicId"), f"topic {internal}")
    category = identifier(item.get("categoryId"))
    place = categories.place(category)
    likes = number(item.get("likes"))
    values = said(
        id=id,
        internal_id=internal,
        title=plain_title(word(item.get("title")) or ""),
        **_body(item),
        subtype=_subtype(item.get("contentType")),
        category_id=category,
        category_name=word(item.get("categoryName")) or place.name,
        module=place.module,
        **_author(item.get("author")),
        idea_status=_idea_status(item),
        answer_id=_answer(item),
        url=_url(item),
        tags=words(item.get("tags")),
        moderator_tags=words(item.get("moderatorTags")),
        product_areas=words(item.get("productAreas")),
        reply_count=number(item.get("replyCount")),
        likes=_count(item.get("likedBy")) if likes is None else likes,
        votes=number(item.get("votes")),
        views=number(item.get("views")),
        sticky=flag(item.get("sticky")),
        closed=flag(item.get("closed")),
        trashed=flag(item.get("trashed")),
        created_at=_first_moment(item, "createdAt", "askedAt", "startedAt", "submittedAt"),
        published_at=moment(item.get("publishedAt")),
        last_activity_at=moment(item.get("lastActivityAt")),
    )
    return CommunityRecord(kind=Kind.TOPIC, id=id, values=values)


def topic_details(data: Json) -> CommunityRecord:
    """An item of the list of one type of topics: what the list of all of them leaves out. Raises `errors.RemoteMalformed`."""
    item = json_object(data, "a topic")
    id = required(item.get("publicId"), "a topic")
    values = said(
        id=id,
        idea_status=_idea_status(item),
        answer_id=_answer(item),
        url=_url(item),
        closed=flag(item.get("closed")),
        last_activity_at=moment(item.get("lastActivityAt")),
    )
    return CommunityRecord(kind=Kind.TOPIC, id=id, values=values)


def reply(data: Json, topic_id: str) -> CommunityRecord:
    """An item of the replies of a topic. Raises `errors.RemoteMalformed`."""
    item = json_object(data, "a reply")
    internal = required(item.get("id"), "a reply")
    id = required(item.get("publicReplyId"), f"reply {internal}")
    likes = number(item.get("likes"))
    values = said(
        id=id,
        internal_id=internal,
        topic_id=topic_id,
        **_body(item),
        **_author(item.get("author")),
        url=word(item.get("permalink")),
        likes=_count(item.get("likedBy")) if likes is None else likes,
        highlighted=flag(item.get("highlighted")),
        trashed=flag(item.get("trashed")),
        reported=flag(item.get("reported")),
        created_at=moment(item.get("repliedAt")),
    )
    return CommunityRecord(kind=Kind.REPLY, id=id, values=values)


def idea_status(data: Json) -> CommunityRecord:
    """An item of the list of idea statuses. Raises `errors.RemoteMalformed`."""
    item = json_object(data, "an idea status")
    id = required(item.get("id"), "an idea status")
    values = said(
        id=id,
        name=word(item.get("name")),
        type=word(item.get("type")),
        background_color=word(item.get("backgroundColor")),
        text_color=word(item.get("textColor")),
        default=flag(item.get("default")),
        visible=flag(item.get("visible")),
        order=number(item.get("displayOrder")),
    )
    return CommunityRecord(kind=Kind.IDEA_STATUS, id=id, values=values)


def route(record: CommunityRecord) -> tuple[str, str] | None:
    """The parts of the path of a topic; None for a type whose routes nobody knows."""
    name, internal = _ROUTES.get(str(record.values.get("subtype"))), record.values.get("internal_id")
    return (name, internal) if name is not None and isinstance(internal, str) else None


def _inner(data: Json) -> Json:
    """An answer without the envelope that some routes put around it."""
    return data["result"] if isinstance(data, Mapping) and "result" in data else data


def items(data: Json, what: str) -> list[Json]:
    """The items of a list, with or without the envelope. Raises `errors.RemoteMalformed`."""
    return json_list(_inner(data), what)


MOST_LEVELS = 50


def nodes(data: Json) -> dict[str, list[Json]]:
    """The nodes of the tree of categories by module, each before those below it. Raises `errors.RemoteMalformed`."""
    modules = json_object(_inner(data), "the tree of categories")
    return {name: [*_nodes(json_list(roots, "a module of the tree of categories"))] for name, roots in modules.items()}


def _nodes(roots: list[Json], level: int = 0) -> Iterator[Json]:
    for node in roots:
        yield node
        children = node.get("children") if isinstance(node, Mapping) else None
        if isinstance(children, list) and level < MOST_LEVELS:
            yield from _nodes(children, level + 1)


def _body(item: Mapping[str, Json]) -> dict[str, Json]:
    html = item.get("content")
    if not isinstance(html, str):
        html = item.get("body")  # the API's own description calls it so for articles
    if not isinstance(html, str):
        return {}
    text, cut = plain_text(html)
    return {"content": text, "cut": cut}


def _author(author: Json) -> dict[str, Json]:
    """Whom a post is from. An author who was erased is null, or nobody in particular."""
    if not isinstance(author, Mapping):
        return {}
    return {"author_id": identifier(author.get("id")), "author_name": word(author.get("username"))}


def _subtype(value: Json) -> str | None:
    name = word(value)
    return None if name is None else _SUBTYPES.get(name, name)


def _content_types(value: Json) -> list[Json] | None:
    names = words(value)
    return None if names is None else [_SUBTYPES.get(name, name) for name in names]


def _idea_status(item: Mapping[str, Json]) -> str | None:
    status = item.get("ideaStatus")
    return word(status.get("name")) if isinstance(status, Mapping) else word(status)


def _answer(item: Mapping[str, Json]) -> str | None:
    """The reply that was accepted. The list of topics only says that there is one."""
    return next((id for name in ("answer", "bestAnswer") if (id := identifier(item.get(name)))), None)


def _url(item: Mapping[str, Json]) -> str | None:
    return next((found for name in ("seoCommunityUrl", "permalink", "url") if (found := word(item.get(name)))), None)


def _count(value: Json) -> int | None:
    return len(value) if isinstance(value, list) else None


def _first_moment(item: Mapping[str, Json], *names: str) -> str | None:
    return next((found for name in names if (found := moment(item.get(name)))), None)
