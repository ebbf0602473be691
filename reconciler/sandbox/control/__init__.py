"""The control plane under `/_sandbox/`: it sees and changes the world, and is no part of either API."""

from __future__ import annotations

from reconciler.sandbox.control import admin, community, content, objects, source
from reconciler.sandbox.http import Request, Response, json_response
from reconciler.sandbox.router import Router
from reconciler.sandbox.world import World


def routes() -> Router:
    router = Router()
    admin.add_routes(router)
    source.add_routes(router)
    community.add_routes(router)
    content.add_routes(router)
    objects.add_routes(router)
    return router


def locate(request: Request) -> tuple[str, ...]:
    return request.segments


def admit(_world: World, _request: Request, _pattern: str) -> tuple[str, int]:
    """Loopback is the only door; there is no key."""
    return "", 0


def unreadable(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status)


def unknown(_world: World, request: Request) -> Response:
    return json_response({"error": f"no control route {request.method} {request.raw_path[:200]}"}, 404)


def broken() -> Response:
    return json_response({"error": "the sandbox failed; see its standard error"}, 500)
