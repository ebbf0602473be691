"""The ASGI application of one side: read, route, admit, serve, note, answer."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox import delivery
from reconciler.sandbox.cc import members, posts
from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.http import BadRequest, Refusal, Request, Response, split_path
from reconciler.sandbox.journal import Seen
from reconciler.sandbox.router import Call, Router
from reconciler.sandbox.world import World

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
CONTROL = "/_sandbox"
NO_BODY = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What differs between the two services. `admit` gives (caller, community) or raises Refusal."""

    name: str
    router: Router
    locate: Callable[[Request], tuple[str, ...]]
    admit: Callable[[World, Request, str], tuple[str, int]]
    unreadable: Callable[[int, str], Response]
    unknown: Callable[[World, Request], Response]
    broken: Callable[[], Response]


class App:
    """`abort(client)` closes the connection of a client address; faults need it, ASGI does not offer it."""

    def __init__(self, world: World, side: Side, control: Side, abort: Callable[[object], None]) -> None:
        self._world = world
        self._side = side
        self._control = control
        self._abort = abort

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        raw_path = scope["raw_path"].decode("latin-1")
        side = self._control if raw_path.startswith(CONTROL) else self._side
        try:
            request = await _read(scope, receive, raw_path, self._world.config.max_body)
        except BadRequest as bad:
            self._note(scope, side, bad.status, "unreadable")
            await delivery.send_whole(send, side.unreadable(bad.status, str(bad)))
            return
        if side is self._control:
            await delivery.send_whole(send, _serve(self._world, side, request)[0])
        else:
            await self._answer(scope, request, send)

    async def _answer(self, scope: MutableMapping[str, Any], request: Request, send: Send) -> None:
        world, side = self._world, self._side
        fault = world.faults.strike(side.name, request.method, request.raw_path) if world.faults.rules else None
        wait = world.switches.latency + (fault.action.delay if fault else 0)
        if wait:
            await asyncio.sleep(wait)
        if fault is not None:
            await self._faulty(scope, request, send, fault)
            return
        response, pattern = _serve(world, side, request)
        self._note(scope, side, response.status, pattern)
        await delivery.send_whole(send, response)

    async def _faulty(self, scope: MutableMapping[str, Any], request: Request, send: Send, fault: Fault) -> None:
        action = fault.action
        _disturb(self._world, self._side, request, action)
        pattern = "fault"
        response = delivery.replacement(action)
        if action.drop != "before" and (action.commit or not action.replaces):
            served, pattern = _serve(self._world, self._side, request)
            response = response if action.replaces else served
        # Status 0 in the log means that the client got no answer.
        status = 0 if action.drop else response.status
        self._note(scope, self._side, status, pattern, fault.number)
        if action.drop:
            self._abort(scope["client"])
            return
        await delivery.send_faulty(send, response, action, lambda: self._abort(scope["client"]))

    def _note(self, scope: MutableMapping[str, Any], side: Side, status: int, pattern: str, fault: int = 0) -> None:
        raw_path = scope["raw_path"][:2_000].decode("latin-1")
        now, method = self._world.clock.now(), scope["method"]
        seen = Seen(at=now, side=side.name, method=method, raw_path=raw_path, status=status, fault=fault)
        self._world.journal.saw(seen, pattern)


async def _read(scope: MutableMapping[str, Any], receive: Receive, raw_path: str, most: int) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    body = b"" if scope["method"] in NO_BODY else await _body(headers, receive, most)
    return Request(
        method=scope["method"],
        raw_path=raw_path,
        segments=split_path(raw_path),
        raw_query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


async def _body(headers: dict[str, str], receive: Receive, most: int) -> bytes:
    length = headers.get("content-length", "")
    if length in ("", "0") and "transfer-encoding" not in headers:
        return b""
    if length.isdigit() and int(length[:18]) > most:
        raise BadRequest(413, f"The body is larger than {most} bytes")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise BadRequest(413, f"The body is larger than {most} bytes")
        parts.append(part)
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


def _serve(world: World, side: Side, request: Request) -> tuple[Response, str]:
    """The answer and the route's pattern. The one place where any failure becomes an error answer."""
    match = side.router.find(request.method, side.locate(request))
    pattern = match.pattern if match else "unknown"
    try:
        if match is None:
            return side.unknown(world, request), pattern
        caller, community = side.admit(world, request, match.pattern)
        call = Call(world=world, request=request, params=match.params, caller=caller, community=community)
        return match.handler(call), pattern
    except Refusal as refusal:
        return refusal.response, pattern
    except BadRequest as bad:
        return side.unreadable(bad.status, str(bad)), pattern
    except Exception:  # noqa: BLE001 - a bug here must look like a broken service, not like a dead one
        traceback.print_exc(file=sys.stderr)
        return side.broken(), pattern


def _disturb(world: World, side: Side, request: Request, action: Action) -> None:
    """Change the world under the request: a member vanishes, a profile field gets another name, pages of topics shift."""
    if not action.disturbs or side.name != "cc":
        return
    try:
        community = world.communities[side.admit(world, request, "")[1]]
    except Refusal:
        return
    segments = side.locate(request)
    if action.erase_user and len(segments) > 1:
        member = members.by_id(world, community.number, segments[1])
        if member is not None:
            members.erase(world, community, member)
    if action.rename_field is not None:
        community.rename(*action.rename_field)
    if action.touch_topics:
        posts.touch(world, community, action.touch_topics)
    if action.delete_topics:
        posts.drop_newest(world, community, action.delete_topics)
