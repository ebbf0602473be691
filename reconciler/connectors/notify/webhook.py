"""JSON to any webhook, with a signature that proves where it comes from and when it was made.

X-Reconcile-Timestamp: 1795348800
X-Reconcile-Signature: sha256=HEX      HMAC-SHA256 with the secret over `TIMESTAMP.BODY`
Idempotency-Key: HEX                   the same when the same notice is sent again
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import orjson

from reconciler.connectors.attempt import Text
from reconciler.connectors.notify.base import Post
from reconciler.connectors.secret import Secret
from reconciler.model.notice import Notice


class WebhookSender:
    """One webhook; without a secret its requests are not signed."""

    def __init__(self, post: Post, secret: Secret | None) -> None:
        self._post = post
        self._secret = secret

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        body = {**notice.to_json(), "id": key}
        timestamp = str(int(at.timestamp()))
        headers: dict[str, Text] = {"X-Reconcile-Timestamp": timestamp, "Idempotency-Key": key}
        if self._secret is not None:
            # The HTTP client encodes the same value with the same encoder, so these are the bytes that arrive.
            headers["X-Reconcile-Signature"] = signature(self._secret, timestamp, orjson.dumps(body))
        self._post.send(body, headers)
        return ""


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """What the receiver makes of the request, too, and compares."""
    made = hmac.new(secret.reveal().encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"
