"""Messages as Slack's incoming webhooks take them; other chats understand the same."""

from __future__ import annotations

from datetime import datetime

from reconciler.connectors.notify.base import Post
from reconciler.model.notice import Notice

MAX_LINE = 1000
"""Characters of one line: a message is for being read, and Slack refuses far longer ones."""


class SlackSender:
    """One incoming webhook."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        self._post.send({"text": text(notice)}, {})
        return ""


def text(notice: Notice) -> str:
    """The message. Nothing in it can mention people, make links or look like anything but text."""
    mark = ":red_circle:" if notice.began else ":large_green_circle:"
    return "\n".join([f"{mark} *{escaped(notice.title)}*", *map(escaped, notice.lines)])


def escaped(line: str) -> str:
    """One line of plain text: `&`, `<` and `>` are all that Slack gives a meaning to besides marks of style."""
    flat = " ".join(line.split())
    short = flat if len(flat) <= MAX_LINE else f"{flat[: MAX_LINE - 1]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "∗")
