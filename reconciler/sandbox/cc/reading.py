"""Reading content: lists over all kinds, the lists of each kind, single topics and their replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from reconciler.sandbox.cc import errors, members, posts, topicfilters, topicshapes
from reconciler.sandbox.cc.content import BY_PATH, ContentType
from reconciler.sandbox.cc.posts import Topic
from reconciler.sandbox.cc.shapes import MODERATING
from reconciler.sandbox.cc.users import community_of
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Handler, Router

REPLY_SORTS = {
    "oldestFirst": "at, number",
    "mostRecentFirst": "at DESC, number DESC",
    "mostLiked": "likes DESC, number",
}
BARE = frozenset({"article", "conversation", "idea", "productUpdate"})
"""Kinds whose single replies are not wrapped in `result`."""


def add_routes(router: Router) -> None:
    router.add("GET", "/v2/topics", list_topics)
    router.add("GET", "/v2/topics/search", search_topics)
    router.add("GET", "/v2/categories/{id}/topics", list_of_category(""))
    for kind in BY_PATH.values():
        base = f"/v2/{kind.path}"
        router.add("GET", base, _of_kind(kind, list_kind))
        router.add("GET", f"{base}/trashed", _of_kind(kind, list_trashed))
        router.add("GET", f"{base}/{{id}}", _of_kind(kind, get_topic))
        router.add("GET", f"{base}/{{id}}/replies", _of_kind(kind, list_replies))
        router.add("GET", f"{base}/{{id}}/replies/{{replyId}}", _of_kind(kind, get_reply))
        if kind.written:
            router.add("GET", f"{base}/drafts", _of_kind(kind, list_drafts))
        if kind.word in ("article", "conversation", "question"):
            router.add("GET", f"/v2/categories/{{id}}/{kind.path}", list_of_category(kind.word))


def _of_kind(kind: ContentType, handler: Callable[[Call, ContentType], Response]) -> Handler:
    return lambda call: handler(call, kind)


def list_topics(call: Call) -> Response:
    content, order = community_of(call).content, topicfilters.order_of(call.request)
    return items(call, topicfilters.search(call, topicfilters.conditions(call, content), order))


def list_of_category(word: str) -> Handler:
    def handler(call: Call) -> Response:
        content, number = community_of(call).content, members.parse_id(call.params[0])
        if number not in content.categories:
            raise errors.unprocessable("Category does not exist")
        clauses = topicfilters.conditions(call, content, category=number, word=word)
        return items(call, topicfilters.search(call, clauses, topicfilters.order_of(call.request)))

    return handler


def search_topics(call: Call) -> Response:
    """By words; here the lists of ids and kinds are divided by commas."""
    request = call.request
    trashed = request.first("trashed").lower() in ("1", "true")
    clauses: list[topicfilters.Clause] = [("status = 'published'", []), ("trashed = ?", [int(trashed)])]
    text = request.first("q").strip()
    if text:
        clauses.append(("(instr(lower(title), lower(?)) OR instr(lower(content), lower(?)))", [text, text]))
    places = [members.parse_id(part) or 0 for part in topicfilters.commas(request, "categories")]
    if places:
        clauses.append(topicfilters.any_of("category", places))
    kinds = topicfilters.commas(request, "contentTypes")
    if kinds:
        clauses.append(topicfilters.any_of("type", kinds))
    for name, column in (("tags", "tags"), ("moderatorTags", "moderator_tags")):
        asked = topicfilters.commas(request, name)
        if asked:
            clauses.append(topicfilters.any_in(column, asked))
    return items(call, topicfilters.search(call, clauses))


def items(call: Call, found: list[Topic]) -> Response:
    userids = [topic[name] for topic in found for name in ("author", "last_author")]
    shape = topicshapes.shaper(call, userids)
    return json_response({"result": [topicshapes.item(shape, topic) for topic in found]})


def list_kind(call: Call, kind: ContentType) -> Response:
    return _singles(call, topicfilters.search(call, [topicfilters.visible(call), ("type = ?", [kind.word])]))


def list_trashed(call: Call, kind: ContentType) -> Response:
    moderator(call)
    return _singles(call, topicfilters.search(call, [("trashed = 1", []), ("type = ?", [kind.word])]))


def list_drafts(call: Call, kind: ContentType) -> Response:
    moderator(call)
    return _singles(call, topicfilters.search(call, [(f"status = '{posts.DRAFT}'", []), ("type = ?", [kind.word])]))


def get_topic(call: Call, kind: ContentType) -> Response:
    topic = topic_of(call, kind)
    return _answer(call, _shaped(call, [topic])[0], wrapped=True)


def list_replies(call: Call, kind: ContentType) -> Response:
    topic, page = topic_of(call, kind), topicfilters.page_of(call)
    order = call.request.first("sort") or "oldestFirst"
    if order not in REPLY_SORTS:
        raise errors.unprocessable(f"sort must be one of {', '.join(REPLY_SORTS)}")
    found = posts.replies(call.world, topic, REPLY_SORTS[order], page.size, page.offset, _sees_hidden(call))
    shape = topicshapes.shaper(call, [reply["author"] for reply in found])
    return json_response({"result": [topicshapes.reply(shape, topic, reply) for reply in found]})


def get_reply(call: Call, kind: ContentType) -> Response:
    topic, number = topic_of(call, kind), members.parse_id(call.params[1])
    found = posts.reply_by_id(call.world, call.community, kind.word, number) if number else None
    if found is None or found[0]["number"] != topic["number"] or (found[1]["trashed"] and not _sees_hidden(call)):
        raise errors.no_item()
    shaped = topicshapes.reply(topicshapes.shaper(call, [found[1]["author"]]), topic, found[1])
    return _answer(call, shaped, wrapped=kind.word not in BARE)


def topic_of(call: Call, kind: ContentType) -> Topic:
    """The topic that the path names. What was trashed, and drafts, are there for moderators alone; 404 for the rest."""
    number = members.parse_id(call.params[0])
    found = posts.topic_by_id(call.world, call.community, kind.word, number) if number else None
    hidden = found is not None and (found["trashed"] or found["status"] != posts.PUBLISHED)
    if found is None or (hidden and not _sees_hidden(call)):
        raise errors.no_item()
    return found


def body_of(call: Call) -> dict[str, Any]:
    """The object that a write sends. Refuses with 422."""
    body = call.request.json()
    if not isinstance(body, dict):
        raise errors.unprocessable("The body must be an object")
    return body


def moderator(call: Call, name: str = "moderatorId") -> int:
    """The member in whose name a moderator's call is made. Refuses with 422."""
    member = members.by_id(call.world, call.community, call.request.first(name))
    if member is None:
        raise errors.unprocessable(f"{name} must be the id of a user")
    if MODERATING.isdisjoint(orjson.loads(member["roles"])):
        raise errors.unprocessable(f"{name} must be the id of a moderator")
    return int(member["userid"])


def _sees_hidden(call: Call) -> bool:
    return bool(call.request.first("moderatorId")) and moderator(call) > 0


def _singles(call: Call, found: list[Topic]) -> Response:
    return json_response({"result": _shaped(call, found)})


def _shaped(call: Call, found: list[Topic]) -> list[dict[str, Any]]:
    """Topics in the shape of their kind, with the replies that nobody sees counted."""
    numbers = [topic["number"] for topic in found]
    marks = ",".join("?" * len(numbers))
    sql = f"SELECT topic, count(*) FROM reply WHERE community = ? AND topic IN ({marks}) AND trashed = 1 GROUP BY topic"
    trashed = dict(call.world.store.tuples(sql, (call.community, *numbers)))
    shape = topicshapes.shaper(call, [topic["author"] for topic in found])
    return [
        topicshapes.single(shape, topic, {"visible": topic["replies"], "trashed": trashed.get(topic["number"], 0)})
        for topic in found
    ]


def _answer(call: Call, shaped: dict[str, Any], wrapped: bool) -> Response:
    """As documented, unless the switch wants one or the other of everything."""
    shape = call.world.switches.content_shape
    wrapped = wrapped if shape == "spec" else shape == "wrapped"
    return json_response({"result": shaped} if wrapped else shaped)
