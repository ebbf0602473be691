"""From the channels of a project file to what sends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from reconciler.clock import Clock
from reconciler.connectors.notify.base import Post, Sender
from reconciler.connectors.notify.mail import MailSender
from reconciler.connectors.notify.slack import SlackSender
from reconciler.connectors.notify.webhook import WebhookSender
from reconciler.connectors.secret import Secret
from reconciler.model.notice import Notice
from reconciler.model.resources import Channel, Email, SecretRef, Slack, Webhook

Resolve = Callable[[SecretRef], str]
"""Gives the value of a secret. Raises `errors.SecretUnavailable`."""


def senders(
    channels: Iterable[Channel], resolve: Resolve, *, clock: Clock, stop: threading.Event, allow_loopback: bool
) -> dict[str, Sender]:
    """A sender for each channel, by name. Nothing is read or connected before it is needed."""

    def maker(channel: Channel) -> Callable[[], Sender]:
        return lambda: _make(channel, resolve, clock=clock, stop=stop, allow_loopback=allow_loopback)

    return {channel.name: FreshSender(maker(channel)) for channel in channels}


class FreshSender:
    """Reads its secrets for every notice, so that a secret that was changed or put right is used without a restart."""

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make = make

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        return self._make().send(notice, key, at)


def _make(channel: Channel, resolve: Resolve, *, clock: Clock, stop: threading.Event, allow_loopback: bool) -> Sender:
    def post(url: SecretRef) -> Post:
        return Post(Secret(resolve(url)), clock=clock, stop=stop, allow_loopback=allow_loopback)

    match channel.way:
        case Slack(url=url):
            return SlackSender(post(url))
        case Webhook(url=url, secret=secret):
            return WebhookSender(post(url), Secret(resolve(secret)) if secret else None)
        case Email(password=password) as mail:
            return MailSender(mail, Secret(resolve(password)) if password else None)
