"""Writing content: new topics and replies, publishing, trashing, deleting, best answers and idea statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.sandbox.cc import errors, members, posts
from reconciler.sandbox.cc.content import BY_PATH, REPLY_OFFSET, ContentType
from reconciler.sandbox.cc.posts import Reply, Topic
from reconciler.sandbox.cc.reading import body_of, moderator
from reconciler.sandbox.cc.users import community_of
from reconciler.sandbox.http import Response, empty_response, json_response
from reconciler.sandbox.router import Call, Handler, Router


def add_routes(router: Router) -> None:
    for kind in BY_PATH.values():
        base = f"/v2/{kind.path}"
        named = "{replyId}" if kind.word == "question" else "{id}"
        router.add("POST", f"{base}/{kind.verb}", _of_kind(kind, begin))
        router.add("POST", f"{base}/{{id}}/reply", _of_kind(kind, reply))
        router.add("POST", f"{base}/{{id}}/editTitle", _of_kind(kind, edit_title))
        router.add("POST", f"{base}/{{id}}/editContent", _of_kind(kind, edit_content))
        router.add("POST", f"{base}/{{id}}/toggleTrashed", _of_kind(kind, toggle_trashed))
        router.add("POST", f"{base}/replies/{named}/toggleTrashed", _of_kind(kind, toggle_reply_trashed))
        router.add("DELETE", f"{base}/{{id}}", _of_kind(kind, delete))
        if kind.written:
            router.add("POST", f"{base}/{{id}}/publish", _of_kind(kind, publish))
    router.add("POST", "/v2/questions/replies/{replyId}/answer", _of_kind(BY_PATH["questions"], answer))
    router.add("DELETE", "/v2/questions/replies/{replyId}/answer", _of_kind(BY_PATH["questions"], unanswer))
    router.add("POST", "/v2/ideas/{id}/assignIdeaStatus", _of_kind(BY_PATH["ideas"], assign_status))


def _of_kind(kind: ContentType, handler: Callable[[Call, ContentType], Response]) -> Handler:
    return lambda call: handler(call, kind)


def begin(call: Call, kind: ContentType) -> Response:
    """Ask, start, create or submit. Articles and product updates begin as drafts."""
    body, author = body_of(call), _author(call)
    complaints = [f"{name.capitalize()} is required" for name in ("title", "content") if not _text(body.get(name))]
    category = body.get("categoryId")
    if category is None and kind.needs_category:
        complaints.append("CategoryId is required")
    if category is not None and not _takes(call, category):
        complaints.append("Category does not exist")
    if complaints:
        raise errors.unprocessable(*complaints)
    given = {"title": body["title"], "content": body["content"], "author": author, "category": category}
    given |= {name: int(bool(body.get(name))) for name in ("sticky", "closed")}
    given |= {"tags": _words(body, "tags"), "moderator_tags": _words(body, "moderatorTags")}
    if kind.written:
        given["status"] = posts.DRAFT
    made = posts.add_topic(call.world, community_of(call), kind.word, given)
    location = f"/v2/{kind.path}/{made['id']}"
    flags = ((b"is-spam", b"0"), (b"is-pending", b"0")) if kind.word == "idea" else ()
    shown = {"id": str(made["id"]), "publicId": str(made["number"])}
    return json_response(shown, 201, (_location(location), *flags))


def publish(call: Call, kind: ContentType) -> Response:
    """No 404 is documented here: a missing one is unprocessable."""
    moderator(call)
    topic = _topic(call, kind, missing=errors.unprocessable("Item does not exist"))
    if topic["status"] != posts.PUBLISHED:
        now = int(call.world.clock.now())
        posts.change(call.world, topic, {"status": posts.PUBLISHED, "published": now, "activity": now})
    return Response(status=201, content_type=None, headers=(_location(f"/v2/{kind.path}/{topic['id']}"),))


def reply(call: Call, kind: ContentType) -> Response:
    body, author = body_of(call), _author(call)
    topic = _topic(call, kind, missing=errors.unprocessable("Item does not exist"))
    if not _text(body.get("content")):
        raise errors.unprocessable("Content is required")
    if topic["closed"] or topic["trashed"]:
        raise errors.unprocessable("Nobody can reply here")
    number = posts.add_reply(call.world, topic, author, body["content"], bool(body.get("highlight")))
    location = f"/v2/{kind.path}/{topic['id']}/replies/{number + REPLY_OFFSET}"
    return Response(status=201, content_type=None, headers=(_location(location),))


def edit_title(call: Call, kind: ContentType) -> Response:
    """An edit is no activity: the topic stays where it was in every list."""
    return _edit(call, kind, "title")


def edit_content(call: Call, kind: ContentType) -> Response:
    return _edit(call, kind, "content")


def _edit(call: Call, kind: ContentType, name: str) -> Response:
    body = body_of(call)
    status = 201 if name == "content" or kind.written else 204
    missing = errors.unprocessable("Item does not exist") if status == 201 else errors.no_item()
    topic = _topic(call, kind, missing=missing)
    if not _text(body.get(name)):
        raise errors.unprocessable(f"{name.capitalize()} is required")
    posts.change(call.world, topic, {name: body[name]})
    return empty_response(status)


def toggle_trashed(call: Call, kind: ContentType) -> Response:
    trashed = _trashed(call)
    posts.change(call.world, _topic(call, kind), {"trashed": trashed})
    return empty_response(204)


def toggle_reply_trashed(call: Call, kind: ContentType) -> Response:
    trashed = _trashed(call)
    posts.change_reply(call.world, _reply(call, kind)[1], {"trashed": trashed})
    return empty_response(204)


def delete(call: Call, kind: ContentType) -> Response:
    moderator(call)
    posts.remove(call.world, _topic(call, kind))
    return empty_response(204)


def answer(call: Call, kind: ContentType) -> Response:
    _author(call)
    topic, found = _reply(call, kind)
    posts.change(call.world, topic, {"answer": found["number"]})
    return empty_response(204)


def unanswer(call: Call, kind: ContentType) -> Response:
    topic, found = _reply(call, kind)
    if topic["answer"] != found["number"]:
        raise errors.unprocessable("The reply is not the answer")
    posts.change(call.world, topic, {"answer": None})
    return empty_response(204)


def assign_status(call: Call, kind: ContentType) -> Response:
    moderator(call)
    topic, number = _topic(call, kind), members.parse_id(str(body_of(call).get("ideaStatusId")))
    if number not in community_of(call).content.statuses:
        raise errors.unprocessable("Idea status does not exist")
    posts.change(call.world, topic, {"idea_status": number, "status_changed": int(call.world.clock.now())})
    return empty_response(204)


def _topic(call: Call, kind: ContentType, missing: Exception | None = None) -> Topic:
    number = members.parse_id(call.params[0])
    found = posts.topic_by_id(call.world, call.community, kind.word, number) if number else None
    if found is None:
        raise missing or errors.no_item()
    return found


def _reply(call: Call, kind: ContentType) -> tuple[Topic, Reply]:
    number = members.parse_id(call.params[0])
    found = posts.reply_by_id(call.world, call.community, kind.word, number) if number else None
    if found is None:
        raise errors.no_item()
    return found


def _author(call: Call) -> int:
    member = members.by_id(call.world, call.community, call.request.first("authorId"))
    if member is None:
        raise errors.unprocessable("authorId must be the id of a user")
    return int(member["userid"])


def _takes(call: Call, category: object) -> bool:
    found = community_of(call).content.categories.get(category) if isinstance(category, int) else None
    return found is not None and not found.section


def _trashed(call: Call) -> int:
    moderator(call)
    value = body_of(call).get("trashed")
    if not isinstance(value, bool):
        raise errors.unprocessable("Trashed must be true or false")
    return int(value)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _words(body: dict[str, Any], name: str) -> str:
    given = body.get(name) or []
    if not isinstance(given, list):
        raise errors.unprocessable(f"{name} must be a list")
    return posts.dumped([str(word) for word in given])


def _location(path: str) -> tuple[bytes, bytes]:
    return b"location", path.encode()
