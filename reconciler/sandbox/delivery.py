"""Sending an answer, whole or with a fault played on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from reconciler.sandbox.faults import Action
from reconciler.sandbox.http import JSON, Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
BLOCK = 65_536
# A dripping answer is sent in slices a reader sees one by one, without a timer per byte at high rates.
SLICES_PER_SECOND = 20


async def send_whole(send: Send, response: Response) -> None:
    await send(_start(response, len(response.body)))
    await send({"type": "http.response.body", "body": response.body})


async def send_faulty(send: Send, response: Response, action: Action, abort: Callable[[], None]) -> None:
    """Play truncate, drip, giant and foreign headers; `abort` closes the connection under the answer."""
    blocks, length = _blocks(response, action)
    await send(_start(_dressed(response, action), length))
    left = length if action.truncate is None else min(action.truncate, length)
    for block in blocks:
        part = block[:left]
        left -= len(part)
        await _send_part(send, part, action.drip)
        if left <= 0:
            break
    if action.truncate is not None and action.truncate < length:
        # Give the written bytes a moment to leave, or the reset would overtake them.
        await asyncio.sleep(0.01)
        abort()
        return
    await send({"type": "http.response.body", "body": b""})


def _dressed(response: Response, action: Action) -> Response:
    return Response(
        status=response.status,
        body=response.body,
        content_type=action.content_type or response.content_type,
        headers=(*response.headers, *action.headers),
    )


def _blocks(response: Response, action: Action) -> tuple[Iterator[bytes], int]:
    """The body in pieces and its length. A giant body is valid JSON of spaces, made on the way out."""
    if not action.giant:
        size = max(1, int(action.drip / SLICES_PER_SECOND)) if action.drip else BLOCK
        body = response.body
        return (body[at : at + size] for at in range(0, len(body), size)), len(body)
    return _giant(action.giant), action.giant


def _giant(size: int) -> Iterator[bytes]:
    block = b" " * BLOCK
    yield b"["
    left = size - 2
    while left > 0:
        yield block[:left]
        left -= BLOCK
    yield b"]"


async def _send_part(send: Send, part: bytes, drip: float) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
    if drip:
        await asyncio.sleep(len(part) / drip)


def _start(response: Response, length: int) -> dict[str, Any]:
    headers = list(response.headers)
    if response.content_type is not None:
        headers.append((b"content-type", response.content_type))
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


def replacement(action: Action) -> Response:
    """The answer a fault gives instead of the service."""
    body = action.body if action.body is not None else b""
    return Response(status=action.status or 200, body=body, content_type=JSON if body or action.giant else None)
