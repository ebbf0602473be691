"""Topics and replies in the store: found, added, changed and removed."""

from __future__ import annotations

from typing import Any

import orjson

from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.cc.content import REPLY_OFFSET
from reconciler.sandbox.journal import Write
from reconciler.sandbox.seed.topics import COLUMNS, INSERT, INSERT_REPLY
from reconciler.sandbox.world import World

Topic = dict[str, Any]
Reply = dict[str, Any]
PUBLISHED, DRAFT = "published", "draft"
VISIBLE = f"trashed = 0 AND status = '{PUBLISHED}'"
OF_REPLIES = frozenset({"reply_changed", "reply_deleted"})
EMPTY: Topic = {
    "category": None, "published": None, "last_author": 0, "replies": 0, "likes": 0, "votes": 0, "views": 0, "trashed": 0,
    "sticky": 0, "closed": 0, "status": PUBLISHED, "answer": None, "idea_status": None, "status_changed": None,
    "tags": "[]", "moderator_tags": "[]", "areas": "[]", "label": "",
}  # fmt: skip


def topic(world: World, community: int, number: int) -> Topic | None:
    """By its public number."""
    return world.store.row("SELECT * FROM topic WHERE community = ? AND number = ?", (community, number))


def topic_by_id(world: World, community: int, word: str, id: int) -> Topic | None:
    sql = "SELECT * FROM topic WHERE community = ? AND type = ? AND id = ?"
    return world.store.row(sql, (community, word, id))


def reply(world: World, community: int, number: int) -> Reply | None:
    return world.store.row("SELECT * FROM reply WHERE community = ? AND number = ?", (community, number))


def reply_by_id(world: World, community: int, word: str, id: int) -> tuple[Topic, Reply] | None:
    """A reply to a topic of that kind, by its private id."""
    found = reply(world, community, id - REPLY_OFFSET)
    parent = topic(world, community, found["topic"]) if found else None
    return (parent, found) if found and parent and parent["type"] == word else None


def add_topic(world: World, community: Community, word: str, given: dict[str, Any]) -> Topic:
    """Store a new topic of checked columns; `title`, `content` and `author` must be among them."""
    now = int(world.clock.now())
    number, id = community.content.next_topic(word)
    made: Topic = EMPTY | {"community": community.number, "number": number, "id": id, "type": word}
    made |= {"created": now, "activity": now, "published": now} | given
    if made["status"] == DRAFT:
        made["published"] = None
    if word == "idea" and made["idea_status"] is None:
        made["idea_status"] = community.content.default_status()
    world.store.run(INSERT, [made[name] for name in COLUMNS])
    _count(world, community.number, made["author"], "topics")
    log(world, community.number, "topic_added", number, word, str(made["title"]))
    return made


def add_reply(world: World, parent: Topic, author: int, content: str, highlighted: bool = False) -> int:
    """Store a reply, which moves the topic's last activity; the public number of the reply."""
    community, now = world.communities[parent["community"]], int(world.clock.now())
    number = community.content.next_reply()
    row = (community.number, parent["number"], number, content, author, now, 0, 0, int(highlighted), 0)
    world.store.run(INSERT_REPLY, row)
    changes = {"replies": parent["replies"] + 1, "activity": now, "last_author": author}
    _store(world, parent, changes)
    _count(world, community.number, author, "posts")
    log(world, community.number, "reply_added", parent["number"], str(number), content)
    return number


def change(world: World, item: Topic, changes: dict[str, Any]) -> None:
    """Set columns; the names are ours, never the caller's text."""
    _store(world, item, changes)
    for name, value in changes.items():
        log(world, item["community"], "topic_changed", item["number"], name, None if value is None else str(value))


def change_reply(world: World, item: Reply, changes: dict[str, Any]) -> None:
    sets = ", ".join(f"{name} = ?" for name in changes)
    key = (item["community"], item["topic"], item["number"])
    world.store.run(
        f"UPDATE reply SET {sets} WHERE community = ? AND topic = ? AND number = ?", [*changes.values(), *key]
    )
    item.update(changes)
    for name, value in changes.items():
        log(world, item["community"], "reply_changed", item["number"], name, str(value))
    recount(world, item["community"], item["topic"])


def remove_reply(world: World, item: Reply) -> None:
    key = (item["community"], item["topic"], item["number"])
    world.store.run("DELETE FROM reply WHERE community = ? AND topic = ? AND number = ?", key)
    recount(world, item["community"], item["topic"])
    log(world, item["community"], "reply_deleted", item["number"], None, None)


def remove(world: World, item: Topic) -> None:
    """Delete a topic with its replies, for good."""
    key = (item["community"], item["number"])
    world.store.run("DELETE FROM reply WHERE community = ? AND topic = ?", key)
    world.store.run("DELETE FROM topic WHERE community = ? AND number = ?", key)
    log(world, item["community"], "topic_deleted", item["number"], None, None)


def recount(world: World, community: int, number: int) -> None:
    """The number of visible replies follows what became of them."""
    sql = "UPDATE topic SET replies = (SELECT count(*) FROM reply WHERE community = ? AND topic = ? AND trashed = 0)"
    world.store.run(f"{sql} WHERE community = ? AND number = ?", (community, number, community, number))


def replies(world: World, item: Topic, order: str, limit: int, offset: int, trashed: bool) -> list[Reply]:
    """A page of replies; `order` is a clause of ours."""
    shown = "" if trashed else " AND trashed = 0"
    sql = f"SELECT * FROM reply WHERE community = ? AND topic = ?{shown} ORDER BY {order} LIMIT ? OFFSET ?"
    return world.store.rows(sql, (item["community"], item["number"], limit, offset))


def touch(world: World, community: Community, count: int) -> list[int]:
    """The visible topics that were quiet for longest get a reply each, and so move to the front of every list."""
    sql = f"SELECT * FROM topic WHERE community = ? AND {VISIBLE} ORDER BY activity, number LIMIT ?"
    found = world.store.rows(sql, (community.number, count))
    for item in found:
        add_reply(world, item, item["author"], "<p>Is this still current?</p>")
    return [item["number"] for item in found]


def drop_newest(world: World, community: Community, count: int) -> list[int]:
    """The visible topics at the front of every list are deleted, so that all others move up."""
    sql = f"SELECT * FROM topic WHERE community = ? AND {VISIBLE} ORDER BY activity DESC, number DESC LIMIT ?"
    found = world.store.rows(sql, (community.number, count))
    for item in found:
        remove(world, item)
    return [item["number"] for item in found]


def names(text: str) -> list[str]:
    """The words of a column that holds a JSON list."""
    found: list[str] = orjson.loads(text)
    return found


def dumped(values: list[str]) -> str:
    return orjson.dumps(values).decode()


def log(world: World, community: int, action: str, subject: int, field: str | None, value: str | None) -> None:
    world.wrote(
        Write(
            side="cc",
            community=community,
            action=action,
            target="reply" if action in OF_REPLIES else "topic",
            subject=str(subject),
            field=field,
            value=value,
        )
    )


def _store(world: World, item: Topic, changes: dict[str, Any]) -> None:
    sets = ", ".join(f"{name} = ?" for name in changes)
    key = (item["community"], item["number"])
    world.store.run(f"UPDATE topic SET {sets} WHERE community = ? AND number = ?", [*changes.values(), *key])
    item.update(changes)


def _count(world: World, community: int, userid: int, column: str) -> None:
    """Who writes is active, and has one more to show for it."""
    sets = "posts = posts + 1" if column == "posts" else "posts = posts + 1, topics = topics + 1"
    sql = f"UPDATE member SET {sets}, lastactivity = ? WHERE community = ? AND userid = ?"
    world.store.run(sql, (int(world.clock.now()), community, userid))
