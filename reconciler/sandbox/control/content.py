"""Content as a moderator with every right changes it, and the days of a busy community in one call."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.cc import members, posts
from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.cc.content import BY_WORD
from reconciler.sandbox.cc.posts import Reply, Topic
from reconciler.sandbox.control.body import mapping, refuse, whole
from reconciler.sandbox.control.community import community_of
from reconciler.sandbox.cs import imported
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Router

ONE = "/_sandbox/cc/{community}"
TOPICS = f"{ONE}/topics"
REPLIES = f"{TOPICS}/{{topic}}/replies"
MOST_LISTED = 1_000
MOST_CHANGED = 1_000_000
TEXTS = ("title", "content", "label")
LISTS = {"tags": "tags", "moderatorTags": "moderator_tags", "productAreas": "areas"}
NUMBERS = ("likes", "votes", "views", "activity", "created", "author", "category", "idea_status", "answer")
FLAGS = ("trashed", "sticky", "closed")
REPLY_TEXTS, REPLY_NUMBERS, REPLY_FLAGS = ("content",), ("likes", "author"), ("trashed", "highlighted", "reported")


def add_routes(router: Router) -> None:
    router.add("GET", ONE, read_community)
    router.add("PATCH", ONE, rename)
    router.add("POST", f"{ONE}/activity", busy)
    router.add("POST", f"{ONE}/views", view_many)
    router.add("GET", TOPICS, list_topics)
    router.add("POST", TOPICS, add_topic)
    router.add("GET", f"{TOPICS}/{{topic}}", read_topic)
    router.add("PATCH", f"{TOPICS}/{{topic}}", edit_topic)
    router.add("DELETE", f"{TOPICS}/{{topic}}", delete_topic)
    router.add("GET", REPLIES, list_replies)
    router.add("POST", REPLIES, add_reply)
    router.add("PATCH", f"{REPLIES}/{{reply}}", edit_reply)
    router.add("DELETE", f"{REPLIES}/{{reply}}", delete_reply)


def read_community(call: Call) -> Response:
    return json_response(_community_view(call, community_of(call)))


def rename(call: Call) -> Response:
    """`{"tenant": "acme-us"}`: the addresses of its pages change, and the labels of its objects in CS, not their API names."""
    community, name = community_of(call), mapping(call).get("tenant")
    if not isinstance(name, str) or not name:
        raise refuse("send the new name of the tenant")
    catalog = call.world.catalog
    for kind in imported.RAW:
        old, new = imported.raw_label(community.tenant, kind), imported.raw_label(name, kind)
        item = catalog.imported.pop(old, None)
        if item is None:
            continue
        catalog.imported[new] = imported.labelled(item, new)
        shown = catalog.find(item.name)
        if shown is not None:
            catalog.put(imported.labelled(shown, new))
    community.tenant = name
    return read_community(call)


def busy(call: Call) -> Response:
    """`{"topics": 10, "members": 20}`: the quietest topics get a reply each, and members, spread evenly, were here today."""
    community, body = community_of(call), mapping(call)
    topics, people = _count(body, "topics"), _count(body, "members")
    with call.world.store.transaction():
        touched = posts.touch(call.world, community, topics)
        seen = _seen_today(call, community, people)
    return json_response({"topics": touched[:MOST_LISTED], "members": seen[:MOST_LISTED]})


def _seen_today(call: Call, community: Community, count: int) -> list[int]:
    total = len(community.userids)
    chosen = sorted({community.userids[at * total // count] for at in range(min(count, total))}) if count else []
    if count >= total:
        chosen = list(community.userids)
    sql = "UPDATE member SET lastactivity = ?, likes = likes + 1 WHERE community = ? AND userid = ?"
    now = int(call.world.clock.now())
    call.world.store.bulk(sql, ((now, community.number, userid) for userid in chosen))
    return chosen


def view_many(call: Call) -> Response:
    """`{"add": 3, "every": 2}`: every second visible topic was seen three more times."""
    community, body = community_of(call), mapping(call)
    add, every = _count(body, "add", 1), _count(body, "every", 1) or 1
    sql = f"UPDATE topic SET views = views + ? WHERE community = ? AND {posts.VISIBLE} AND number % ? = 0"
    return json_response({"topics": call.world.store.run(sql, (add, community.number, every))})


def list_topics(call: Call) -> Response:
    """From public number ?after= on, trashed ones and drafts included."""
    sql = "SELECT * FROM topic WHERE community = ? AND number > ? ORDER BY number LIMIT ?"
    limit = min(whole(call, "limit", 100), MOST_LISTED)
    rows = call.world.store.rows(sql, (community_of(call).number, whole(call, "after", 0), limit))
    return json_response({"topics": [_view(row) for row in rows]})


def read_topic(call: Call) -> Response:
    return json_response(_view(_topic(call)[1]))


def add_topic(call: Call) -> Response:
    """`{"type": "question", "title": …, "content"?, "author"?, …}`, published at once."""
    community, body = community_of(call), mapping(call)
    word = body.pop("type", "question")
    if word not in BY_WORD or not isinstance(body.get("title"), str):
        raise refuse(f"a topic needs a title, and a type of {', '.join(BY_WORD)}")
    given = {"content": "", "author": _somebody(community)} | _columns(body, TEXTS, NUMBERS, FLAGS)
    return json_response(_view(posts.add_topic(call.world, community, word, given)), 201)


def edit_topic(call: Call) -> Response:
    """Any of a topic's values. Last activity stays where it was, as it does for edits, unless it is among them."""
    _, topic = _topic(call)
    changes = _columns(mapping(call), TEXTS, NUMBERS, FLAGS)
    if not changes:
        raise refuse(f"send one or more of {', '.join((*TEXTS, *LISTS, *NUMBERS, *FLAGS))}")
    posts.change(call.world, topic, changes)
    return json_response(_view(topic))


def delete_topic(call: Call) -> Response:
    _, topic = _topic(call)
    posts.remove(call.world, topic)
    return json_response({"deleted": topic["number"]})


def list_replies(call: Call) -> Response:
    _, topic = _topic(call)
    return json_response({"replies": posts.replies(call.world, topic, "number", MOST_LISTED, 0, trashed=True)})


def add_reply(call: Call) -> Response:
    community, topic = _topic(call)
    body = _columns(mapping(call), REPLY_TEXTS, REPLY_NUMBERS, REPLY_FLAGS)
    author = body.get("author", _somebody(community))
    number = posts.add_reply(call.world, topic, author, body.get("content", "<p>Me too.</p>"))
    return json_response(posts.reply(call.world, community.number, number), 201)


def edit_reply(call: Call) -> Response:
    item = _reply(call)
    changes = _columns(mapping(call), REPLY_TEXTS, REPLY_NUMBERS, REPLY_FLAGS)
    if not changes:
        raise refuse(f"send one or more of {', '.join((*REPLY_TEXTS, *REPLY_NUMBERS, *REPLY_FLAGS))}")
    posts.change_reply(call.world, item, changes)
    return json_response(item)


def delete_reply(call: Call) -> Response:
    item = _reply(call)
    posts.remove_reply(call.world, item)
    return json_response({"deleted": item["number"]})


def _columns(
    body: dict[str, Any], texts: tuple[str, ...], numbers: tuple[str, ...], flags: tuple[str, ...]
) -> dict[str, Any]:
    """Values by column, checked. Refuses what is no value of a topic or a reply."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in texts and isinstance(value, str):
            found[name] = value
        elif name in flags and isinstance(value, bool):
            found[name] = int(value)
        elif name in numbers and (value is None or (isinstance(value, int) and not isinstance(value, bool))):
            found[name] = value
        elif name in LISTS and "title" in texts and isinstance(value, list):
            found[LISTS[name]] = posts.dumped([str(word) for word in value])
        else:
            raise refuse(f"{name[:80]!r} is no value that can be set, or not of its type")
    return found


def _topic(call: Call) -> tuple[Community, Topic]:
    community = community_of(call)
    found = posts.topic(call.world, community.number, members.parse_id(call.params[1]) or 0)
    if found is None:
        raise refuse("no such topic; topics are named by their public ids here", 404)
    return community, found


def _reply(call: Call) -> Reply:
    community, topic = _topic(call)
    found = posts.reply(call.world, community.number, members.parse_id(call.params[2]) or 0)
    if found is None or found["topic"] != topic["number"]:
        raise refuse("no such reply; replies are named by their public ids here", 404)
    return found


def _somebody(community: Community) -> int:
    if not community.userids:
        raise refuse("the community has no member who could write it")
    return community.userids[0]


def _count(body: dict[str, Any], name: str, default: int = 0) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_CHANGED:
        raise refuse(f"{name} must be a whole number from 0 to {MOST_CHANGED:,}")
    return value


def _community_view(call: Call, community: Community) -> dict[str, Any]:
    counts = {
        f"{table}s" if table == "topic" else "replies": call.world.store.value(
            f"SELECT count(*) FROM {table} WHERE community = ?", (community.number,)
        )
        for table in ("topic", "reply")
    }
    return {"number": community.number, "tenant": community.tenant, "members": len(community.userids), **counts}


def _view(topic: Topic) -> dict[str, Any]:
    lists = {name: posts.names(topic[column]) for name, column in LISTS.items()}
    rest = {name: value for name, value in topic.items() if name not in LISTS.values()}
    return rest | lists | {name: bool(topic[name]) for name in FLAGS}
