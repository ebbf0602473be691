"""Replies as several threads read them, until they are stored."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from reconciler.model.community import CommunityRecord


class Gone(NamedTuple):
    """In place of a page of replies: the topic is not there any more."""


class Intake:
    """Replies of several topics at once, as they come, until they are stored."""

    def __init__(self) -> None:
        self._replies: dict[str, CommunityRecord] = {}
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        self._gone: set[str] = set()
        self.doubtful: set[str] = set()
        """Topics of whose replies some are unusable: any of those that did not come may be among them."""
        self._ended: list[str] = []

    def __len__(self) -> int:
        return len(self._replies) + len(self._ended)

    def add(self, topic: str, replies: list[CommunityRecord], *, clear: bool) -> None:
        """Some replies to a topic, and whether they are all that came with them."""
        self._replies.update((reply.id, reply) for reply in replies)
        self._ids[topic].update(reply.id for reply in replies)
        if not clear:
            self.doubtful.add(topic)

    def end(self, topic: str, how: Gone | None) -> None:
        """A topic is not there, which something says that comes before its end, or has no more replies."""
        if how is None:
            self._ended.append(topic)
        else:
            self._gone.add(topic)

    def taken(self) -> tuple[list[CommunityRecord], dict[str, set[str] | None]]:
        """The replies since the last time; and the topics that ended, each with the ids of all its replies, or None when it is
        gone, or `doubtful`, and its replies are anybody's guess."""
        unknown = self._gone | self.doubtful
        ended = {topic: None if topic in unknown else self._ids.pop(topic, set()) for topic in self._ended}
        replies = list(self._replies.values())
        self._replies, self._ended = {}, []
        return replies, ended
