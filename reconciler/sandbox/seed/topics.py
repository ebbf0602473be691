"""Topics and replies of the communities, written by their members; equal sizes and seed give equal content.

It has a source of chance of its own, so that people and members are the same however much content there is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.cc.content import AREAS, CATEGORIES, MODERATOR_TAGS, TAGS
from reconciler.sandbox.seed import phrases
from reconciler.sandbox.seed.load import EPOCH_DAY, Loader

COLUMNS = (
    "community", "number", "type", "id", "title", "content", "author", "category", "created", "published", "activity",
    "last_author", "replies", "likes", "votes", "views", "trashed", "sticky", "closed", "status", "answer", "idea_status",
    "status_changed", "tags", "moderator_tags", "areas", "label",
)  # fmt: skip
REPLY_COLUMNS = (
    "community", "topic", "number", "content", "author", "at", "likes", "trashed", "highlighted", "reported",
)  # fmt: skip
INSERT = f"INSERT INTO topic ({', '.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})"
INSERT_REPLY = f"INSERT INTO reply ({', '.join(REPLY_COLUMNS)}) VALUES ({','.join('?' * len(REPLY_COLUMNS))})"
DAY = 86_400
DAYS = 700
CHUNK = 2_000
# How many replies a topic gets; four on average.
REPLIES = (0, 1, 2, 3, 4, 5, 6, 11)
KINDS = ("question", "conversation", "question", "idea", "article", "question", "conversation", "productUpdate")
# The odd bodies up to the one that is only long: a hundred thousand replies of that length would fill a disk.
MARKUP = len(phrases.ODD_BODIES) - 1
TRASHED_EVERY, TRASHED_AT = 41, 17
DRAFT_EVERY, DRAFT_AT = 40, 4
ODD_EVERY, ODD_AT = 23, 9
STICKY_EVERY, CLOSED_EVERY = 60, 13
REPLY_TRASHED_EVERY, REPORTED_EVERY, HIGHLIGHTED_EVERY = 29, 53, 19

Row = tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class _Community:
    """Who can write: the members in the order in which they joined."""

    community: Community
    quirks: bool
    random: Callable[[], float]
    joined: array[int]
    userids: array[int]
    places: dict[str, list[int]] = field(default_factory=dict)

    def writer(self, at: float) -> int:
        """Somebody who was there by then, else whoever was first."""
        there = bisect_right(self.joined, at) or 1
        return self.userids[int(self.random() * there)]

    def pick(self, values: tuple[str, ...]) -> str:
        return values[int(self.random() * len(values))]


def load(loader: Loader) -> None:
    for number, community in loader.communities.items():
        share, rest = divmod(loader.config.topics, loader.config.communities)
        total = share + (number <= rest)
        rows = loader.store.tuples("SELECT joindate, userid FROM member WHERE community = ? ORDER BY 1, 2", (number,))
        if not rows or not total:
            continue
        chance = Random(f"content:{loader.config.seed}:{number}")  # noqa: S311 - repeatable data, not secrets
        held = _Community(
            community=community,
            quirks=loader.config.quirks,
            random=chance.random,
            joined=array("q", [row[0] for row in rows]),
            userids=array("q", [row[1] for row in rows]),
            places=_places(),
        )
        del rows
        for topics, replies in _chunks(held, total):
            loader.store.bulk(INSERT, topics)
            loader.store.bulk(INSERT_REPLY, replies)


def _places() -> dict[str, list[int]]:
    """Categories by the kind of topic they take. Product updates are in none."""
    return {word: [item.id for item in CATEGORIES if word in item.types and item.parent] for word in phrases.TITLES}


def _chunks(held: _Community, total: int) -> Iterator[tuple[list[Row], list[Row]]]:
    """Two thousand topics at a time with their replies, so that memory stays flat."""
    topics: list[Row] = []
    replies: list[Row] = []
    for index in range(total):
        topic, below = _topic(held, index, (EPOCH_DAY - DAYS + DAYS * index / total) * DAY)
        topics.append(topic)
        replies += below
        if len(topics) == CHUNK:
            yield topics, replies
            topics, replies = [], []
    yield topics, replies


def _topic(held: _Community, index: int, begun: float) -> tuple[Row, list[Row]]:
    draw, content, word = held.random, held.community.content, KINDS[index % len(KINDS)]
    number, id = content.next_topic(word)
    created = int(begun + draw() * DAY / 2)
    author = held.writer(created)
    draft = word == "article" and index % DRAFT_EVERY == DRAFT_AT
    below = [] if draft else _replies(held, number, created)
    shown = [row for row in below if not row[7]]
    last = below[-1] if below else None
    answer = shown[0][2] if word == "question" and shown and index % 3 else None
    votes = int(draw() * draw() * 60) if word == "idea" else 0
    status = 1 + index // len(KINDS) % 4 if word == "idea" else None
    trashed = int(held.quirks and index % TRASHED_EVERY == TRASHED_AT)
    title, body = _words(held, index, word)
    places = held.places[word]
    row = (
        held.community.number, number, word, id, title, body, author, places[index % len(places)] if places else None,
        created, None if draft else created, last[5] if last else created, last[4] if last else 0, len(shown),
        int(draw() * draw() * 25), votes, int(draw() ** 3 * 900) + 5 * len(shown), trashed,
        int(index % STICKY_EVERY == 1), int(index % CLOSED_EVERY == 2 or status == 4), "draft" if draft else "published",
        answer, status, created if status else None, *_labels(held, index, word),
    )  # fmt: skip
    return row, below


def _labels(held: _Community, index: int, word: str) -> tuple[str, str, str, str]:
    """Tags, moderator tags, product areas and the moderation label."""
    tags = sorted({held.pick(TAGS) for _ in range(index % 3)})
    marks = [MODERATOR_TAGS[index % len(MODERATOR_TAGS)]] if index % 9 == 5 else []
    areas = [AREAS[index % len(AREAS)]] if word in ("idea", "productUpdate") else []
    label = "checkup" if index % 37 == 5 else ""
    return orjson.dumps(tags).decode(), orjson.dumps(marks).decode(), orjson.dumps(areas).decode(), label


def _words(held: _Community, index: int, word: str) -> tuple[str, str]:
    if held.quirks and index % ODD_EVERY == ODD_AT:
        at = index // ODD_EVERY + 4 * (held.community.number - 1)
        return phrases.ODD_TITLES[at % len(phrases.ODD_TITLES)], phrases.ODD_BODIES[at % len(phrases.ODD_BODIES)]
    title = held.pick(phrases.TITLES[word]).format(thing=held.pick(phrases.THINGS))
    return title[0].upper() + title[1:], held.pick(phrases.BODIES)


def _replies(held: _Community, topic: int, created: int) -> list[Row]:
    draw, community = held.random, held.community
    rows: list[Row] = []
    at, end = float(created), EPOCH_DAY * DAY
    for _ in range(REPLIES[int(draw() * len(REPLIES))]):
        # Most answers come within hours, some after weeks, none after the day that the seed ends.
        at = min(at + 600 + draw() ** 6 * 40 * DAY, end)
        number = community.content.next_reply()
        trashed = held.quirks and number % REPLY_TRASHED_EVERY == 3
        odd = held.quirks and number % ODD_EVERY == ODD_AT
        text = phrases.ODD_BODIES[number % MARKUP] if odd else held.pick(phrases.ANSWERS)
        likes, marked = int(draw() * draw() * 9), int(number % HIGHLIGHTED_EVERY == 0)
        reported = int(number % REPORTED_EVERY == 0)
        author = held.writer(at)
        rows.append((community.number, topic, number, text, author, int(at), likes, int(trashed), marked, reported))
    return rows
