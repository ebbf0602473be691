"""One attempt of a request: what is sent, and why no answer came."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from reconciler.connectors.secret import Secret

Text = str | Secret


class Prepared(NamedTuple):
    """A request as every attempt of it sends it. `target` is the path with its query, encoded; secrets are revealed last."""

    method: str
    target: bytes
    headers: list[tuple[str, Text]]
    body: Callable[[], bytes]


class Trouble(NamedTuple):
    """Why an attempt has to be repeated or given up. `refused`: the request was surely not carried out."""

    text: str
    refused: bool
    retry_after: float | None = None
    throttled: bool = False
    status: int = 0


def plain(text: Text) -> str:
    return text.reveal() if isinstance(text, Secret) else text
