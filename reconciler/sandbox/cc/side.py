"""The routes of the community side, its tokens, and who may call what."""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from reconciler.sandbox import tokens
from reconciler.sandbox.cc import errors, grants, profile, reading, register, taxonomy, users, writing
from reconciler.sandbox.config import CLIENT_SECRET, client_id
from reconciler.sandbox.http import Refusal, Request, Response, json_response
from reconciler.sandbox.limits import MINUTE
from reconciler.sandbox.router import Call, Router
from reconciler.sandbox.tokens import Token
from reconciler.sandbox.world import World

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
SCOPES = frozenset({"read", "write"})
# Families the legacy prefix is served for; content under /v2 never had it.
PREFIX = "api1"
PREFIXED = frozenset({"user", "gamification", "remotelogout"})
# First segments of the families the product exists with but the sandbox does not answer.
KNOWN_FAMILIES = frozenset({"v2", "leaderboard", "points", "search", "external-content", "gamification", "user"})


def routes() -> Router:
    router = Router()
    router.add("POST", TOKEN_PATH, issue_token)
    router.add("GET", "/user", users.list_users)
    router.add("GET", "/user/{id}", users.get_user)
    router.add("GET", "/user/{field}/{value}", users.find_user)
    router.add("PUT", "/user/{id}/{field}/{value}", profile.put_user_field)
    router.add("PUT", "/user/{id}/profile_field/{field}/{value}", profile.put_profile_field)
    router.add("DELETE", "/user/{id}/profile_field/{field}", profile.delete_profile_field)
    router.add("POST", "/user/register", register.register)
    router.add("DELETE", "/user/{id}/erase", profile.erase)
    router.add("DELETE", "/remotelogout/{field}/{value}", profile.remote_logout)
    _grant_routes(router)
    reading.add_routes(router)
    taxonomy.add_routes(router)
    writing.add_routes(router)
    return router


def _grant_routes(router: Router) -> None:
    router.add("POST", "/user/{id}/role", grants.add_roles)
    router.add("DELETE", "/user/{userId}/role/{roleName}", grants.remove_role)
    router.add("POST", "/user/bulk/role", grants.bulk_add_roles)
    router.add("DELETE", "/user/bulk/role", grants.bulk_remove_roles)
    router.add("POST", "/user/bulk/badge", grants.bulk_add_badges)
    router.add("DELETE", "/user/bulk/badge", grants.bulk_remove_badges)
    router.add("PUT", "/user/{userId}/badge/{badgeId}", grants.add_badge)
    router.add("DELETE", "/user/{userId}/badge/{badgeId}", grants.remove_badge)
    router.add("GET", "/gamification/badges", grants.list_badges)
    router.add("DELETE", "/gamification/badge/{badgeId}", grants.delete_badge)


def locate(request: Request) -> tuple[str, ...]:
    """The route's segments: the legacy prefix is dropped, and reads forgive one slash at the end."""
    segments = request.segments
    if len(segments) > 1 and segments[0] == PREFIX and segments[1] in PREFIXED:
        segments = segments[1:]
    if request.method == "GET" and len(segments) > 1 and segments[-1] == "":
        segments = segments[:-1]
    return segments


def admit(world: World, request: Request, pattern: str) -> tuple[str, int]:
    """The client and its community. Refuses with 401, with 404 for a slash the front end would not pass, or 429."""
    if pattern == TOKEN_PATH:
        return "", 0
    token = _token(world, request)
    if token is None or (pattern.startswith("/v2") and not _scoped(token, request.method)):
        raise Refusal(errors.unauthorized())
    switches = world.switches
    if switches.encoded_slash == "404" and "%2f" in request.raw_path.lower():
        raise errors.not_found()
    if switches.cc_per_minute:
        limits = ((MINUTE, switches.cc_per_minute),)
        wait = world.windows.take(f"cc:{token.caller}", world.clock.now(), limits)
        if wait:
            raise Refusal(errors.too_many(wait))
    return token.caller, token.community


def _token(world: World, request: Request) -> Token | None:
    found = world.tokens.find(tokens.bearer(request.headers.get("authorization", "")), world.clock.now())
    return found if found is not None and found.community else None


def _scoped(token: Token, method: str) -> bool:
    return ("read" if method == "GET" else "write") in token.scopes


def issue_token(call: Call) -> Response:
    """Client credentials as form fields or HTTP Basic; a token asked for without scope is issued all the same."""
    form = call.request.form()
    given = _basic(call.request.headers.get("authorization", ""))
    name, secret = given or (form.get("client_id", ""), form.get("client_secret", ""))
    community = _community(call.world, name, secret)
    if community == 0:
        return _oauth_error(401, "invalid_client", "Client authentication failed")
    if form.get("grant_type") != "client_credentials":
        return _oauth_error(400, "unsupported_grant_type", "Only client_credentials is supported")
    scopes = frozenset(form.get("scope", "").split())
    if not scopes <= SCOPES:
        return _oauth_error(400, "invalid_scope", "Known scopes are read and write")
    seconds = call.world.switches.token_seconds
    expires = call.world.clock.now() + seconds
    text = call.world.tokens.issue(Token(caller=name, community=community, scopes=scopes, expires=expires))
    return json_response({"token_type": "bearer", "access_token": text, "expires_in": seconds})


def _community(world: World, name: str, secret: str) -> int:
    if not hmac.compare_digest(secret.encode(), CLIENT_SECRET.encode()):
        return 0
    return next((number for number in world.communities if client_id(number) == name), 0)


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "", ""
    name, _, secret = text.partition(":")
    return unquote_plus(name), unquote_plus(secret)


def _oauth_error(status: int, code: str, text: str) -> Response:
    return json_response({"error": code, "error_description": text}, status)


def unreadable(status: int, reason: str) -> Response:
    return json_response({"message": "Bad Request", "description": reason}, status)


def unknown(world: World, request: Request) -> Response:
    """401 without a token, 501 for families that exist at Gainsight but not here, 404 for the rest."""
    token = _token(world, request)
    family = locate(request)[0] if request.segments else ""
    if token is None or (family == "v2" and not _scoped(token, request.method)):
        return errors.unauthorized()
    if family in KNOWN_FAMILIES and family != "user":
        return errors.not_served(f"{request.method} {request.raw_path[:200]}")
    return errors.not_found().response


def broken() -> Response:
    return errors.broken()
