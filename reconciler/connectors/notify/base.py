"""What every way of sending a notice has in common."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.attempt import Text
from reconciler.connectors.base import Unlimited
from reconciler.connectors.http import HttpClient
from reconciler.connectors.secret import Secret
from reconciler.connectors.urls import Target, origin_and_target
from reconciler.model.json import Json, digest
from reconciler.model.notice import Notice

SECONDS = 15.0
"""For one request, from connecting to the last byte of the answer; for mail, each step of the conversation."""

MAX_ANSWER = 64 * 1024


class Sender(Protocol):
    """Sends notices to one channel."""

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        """Send once, at the moment `at`, and give a remark for the log, empty when there is nothing to remark.

        A notice that is sent again has the same `key`. Raises `errors.RemoteError`, `errors.SecretUnavailable`,
        `errors.Interrupted`.
        """
        ...


def idempotency_key(notice: Notice, id: int) -> str:
    """What a receiver can tell a notice by that was sent to it twice."""
    return digest([id, notice.to_json()])[:32]


class Post:
    """Posts JSON to one URL, which is a secret: nothing but its host is ever named."""

    def __init__(self, url: Secret, *, clock: Clock, stop: threading.Event, allow_loopback: bool) -> None:
        self._url = url
        self._clock = clock
        self._stop = stop
        self._allow_loopback = allow_loopback

    def send(self, body: Json, headers: Mapping[str, Text]) -> None:
        """Once, over a connection of its own. Raises `errors.RemoteError` unless the answer says that it was taken."""
        origin, target = _taken_apart(self._url)
        http = HttpClient(
            origin,
            budget=Unlimited(),
            clock=self._clock,
            stop=self._stop,
            connections=1,
            allow_loopback=self._allow_loopback,
            total_timeout=SECONDS,
            max_body=MAX_ANSWER,
            attempts=1,
        )
        try:
            answer = http.request("POST", target, json=body, headers=headers, idempotent=False)
        finally:
            http.close()
        if answer.status >= 400:
            raise errors.RemoteRefused(
                f"{http.host} refused the notification (HTTP {answer.status})",
                hint="make a new webhook there, and put its address where the project file says",
                status=answer.status,
            )


def _taken_apart(url: Secret) -> tuple[str, Target]:
    try:
        return origin_and_target(url.reveal())
    except errors.AddressRefused:
        pass
    # Outside of the handler, and in words of its own: those above speak of connections.
    raise errors.AddressRefused(
        "the address of the webhook is none: it must look like https://host/path",
        hint="look at where the secret comes from: it must hold the address and nothing else",
    )
