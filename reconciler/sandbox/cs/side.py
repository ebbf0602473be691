"""The routes of the CS side, who may call them and how often."""

from __future__ import annotations

import base64
import binascii

from reconciler.sandbox import tokens
from reconciler.sandbox.config import ACCESS_KEY, M2M_KEY, M2M_SECRET
from reconciler.sandbox.cs import data, describe, envelope, people, query
from reconciler.sandbox.http import Refusal, Request, Response, json_response
from reconciler.sandbox.limits import DAY, MINUTE
from reconciler.sandbox.router import Call, Router
from reconciler.sandbox.tokens import Token
from reconciler.sandbox.world import World

M2M_SECONDS = 86_400
PEOPLE_PATHS = ("/v1/peoplemgmt/v1.0/people", "/v1.0/api/people")
TOKEN_PATH = "/v1/users/m2m/oauth/token"  # noqa: S105 - a path


def routes() -> Router:
    router = Router()
    router.add("GET", "/v1/meta/services/objects/list", describe.list_objects)
    router.add("GET", "/v1/meta/services/objects/{object}/describe", describe.describe_one)
    router.add("POST", "/v1/meta/services/objects/describe", describe.describe_many)
    router.add("GET", "/v1/meta/services/dropdowns/{category}", describe.dropdown)
    router.add("POST", "/v1/data/objects/query/{object}", query.query)
    router.add("POST", "/v1/data/objects/{object}", data.insert)
    router.add("PUT", "/v1/data/objects/{object}", data.update)
    router.add("DELETE", "/v1/data/objects/{object}", data.delete_many)
    router.add("GET", "/v1/data/objects/{object}/{gsid}", data.get)
    router.add("DELETE", "/v1/data/objects/{object}/{gsid}", data.delete)
    router.add("POST", TOKEN_PATH, issue_token)
    for path in PEOPLE_PATHS:
        router.add("PUT", path, people.upsert)
        router.add("GET", path, people.get)
        router.add("DELETE", path, people.delete)
        router.add("PUT", f"{path}/async", people.upsert_async)
        router.add("GET", f"{path}/async/{{status}}", people.status)
        router.add("GET", f"{path}/{{gsid}}", people.get_one)
        router.add("DELETE", f"{path}/{{gsid}}", people.delete)
    return router


def locate(request: Request) -> tuple[str, ...]:
    return request.segments


def admit(world: World, request: Request, pattern: str) -> tuple[str, int]:
    """The caller's key, counted against its windows. Refuses with 401 or 429."""
    if pattern == TOKEN_PATH:
        return M2M_KEY, 0
    caller = _caller(world, request)
    if caller is None:
        raise Refusal(envelope.unauthorized())
    switches = world.switches
    if switches.rate_limit:
        limits = ((MINUTE, switches.per_minute), (DAY, switches.per_day))
        wait = world.windows.take(f"cs:{caller}", world.clock.now(), limits)
        if wait:
            raise Refusal(envelope.too_many(wait, switches.retry_after))
    return caller, 0


def _caller(world: World, request: Request) -> str | None:
    if request.headers.get("accesskey") == ACCESS_KEY:
        return ACCESS_KEY
    token = world.tokens.find(tokens.bearer(request.headers.get("authorization", "")), world.clock.now())
    return token.caller if token is not None and token.community == 0 else None


def issue_token(call: Call) -> Response:
    """Machine-to-machine client credentials by HTTP Basic."""
    scheme, _, encoded = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or _decoded(encoded) != f"{M2M_KEY}:{M2M_SECRET}":
        raise Refusal(envelope.unauthorized())
    if call.request.form().get("grant_type", "client_credentials") != "client_credentials":
        return json_response({"error": "unsupported_grant_type"}, 400)
    expires = call.world.clock.now() + M2M_SECONDS
    token = Token(caller=M2M_KEY, community=0, scopes=frozenset(), expires=expires)
    text = call.world.tokens.issue(token)
    return json_response({"access_token": text, "token_type": "Bearer", "expires_in": M2M_SECONDS})


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def unreadable(status: int, reason: str) -> Response:
    return envelope.error(status, "GSOBJ_1002", reason)


def unknown(world: World, request: Request) -> Response:
    """A wrong key is told before a wrong path."""
    return envelope.unknown_route() if _caller(world, request) else envelope.unauthorized()


def broken() -> Response:
    return envelope.broken()
