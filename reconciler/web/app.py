"""The routes: health for those who restart us, readiness for those who send us work, metrics, version.

`/healthz` asks nobody else. If it asked the database, an outage of the database would restart every replica for nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reconciler import __version__
from reconciler.model.event import Emit, Event, EventName, Level
from reconciler.web.metrics import CONTENT_TYPE, Metrics

MAX_TICK_AGE = 120.0
"""Seconds. The loop ticks every few of them, also while cycles run and while the database is away."""

_NEVER_STORED = {"Cache-Control": "no-store"}


class Health(Protocol):
    """How the loop is, asked from other threads."""

    def tick_age(self) -> float:
        """Seconds since the loop went round last. Answers at once, whatever else is stuck."""
        ...

    def checks(self) -> Mapping[str, str]:
        """`database`, `config`, `state`: an empty text when it is fine, else why it is not. May take a few seconds."""
        ...


def create(health: Health, metrics: Metrics, *, emit: Emit, max_tick_age: float = MAX_TICK_AGE) -> Starlette:
    """The application. `emit` is told of answers that failed."""

    # Async: it must answer although every thread for the others waits for a database.
    async def healthz(request: Request) -> Response:
        age = health.tick_age()
        alive = age <= max_tick_age
        body = {
            "status": "ok" if alive else "stuck",
            "tickAgeSeconds": round(age, 3),
            "maxTickAgeSeconds": max_tick_age,
        }
        return JSONResponse(body, 200 if alive else 503, _NEVER_STORED)

    def readyz(request: Request) -> Response:
        checks = health.checks()
        ready = not any(checks.values())
        body = {
            "status": "ready" if ready else "not ready",
            "checks": {name: why or "ok" for name, why in checks.items()},
        }
        return JSONResponse(body, 200 if ready else 503, _NEVER_STORED)

    def scrape(request: Request) -> Response:
        return Response(metrics.exposition(), 200, _NEVER_STORED, media_type=CONTENT_TYPE)

    def version(request: Request) -> Response:
        body = {"name": "reconcile", "version": __version__, "python": platform.python_version()}
        return JSONResponse(body, 200, _NEVER_STORED)

    def failed(request: Request, error: Exception) -> Response:
        fields = {"where": "web", "reason": type(error).__name__}
        emit(Event(name=EventName.LOOP_TROUBLE, level=Level.ERROR, fields=fields))
        return PlainTextResponse("Internal error\n", 500)

    routes = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", scrape, methods=["GET"]),
        Route("/version", version, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={Exception: failed})
    app.router.redirect_slashes = False
    return app
