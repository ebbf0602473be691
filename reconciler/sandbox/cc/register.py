"""Registering a member, with the checks the schema's descriptions state."""

from __future__ import annotations

import re
from typing import Any

import orjson

from reconciler.sandbox.cc import errors, members, shapes
from reconciler.sandbox.cc.community import REGISTERED
from reconciler.sandbox.cc.users import community_of
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call

# `@` is let through: a public client registers people with their address as the name.
USERNAME = re.compile(r"[\w .'\-@]{3,30}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LEAST_PASSWORD = 6


def register(call: Call) -> Response:
    body = call.request.json()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise errors.invalid({"data": ["Data is required"]})
    complaints = _complaints(call, data)
    if complaints:
        raise errors.invalid(complaints)
    columns = {"email": data["email"], "username": data["username"], "roles": _roles(call, data)}
    columns["profile"] = orjson.dumps(_profile(call, data)).decode()
    columns["sso"] = orjson.dumps({str(k): str(v) for k, v in (data.get("sso") or {}).items()}).decode()
    member = members.add(call.world, community_of(call), columns)
    return json_response({"user": shapes.registered(member)})


def _complaints(call: Call, data: dict[str, Any]) -> dict[str, list[str]]:
    checks = {
        "email": _email_complaint(call, data.get("email")),
        "username": _username_complaint(call, data.get("username")),
        "password": _password_complaint(data.get("password")),
    }
    for name in ("sso", "profile_field"):
        if not isinstance(data.get(name) or {}, dict):
            checks[name] = f"{name} must be an object"
    return {name: [text] for name, text in checks.items() if text}


def _email_complaint(call: Call, email: object) -> str:
    if not isinstance(email, str) or not EMAIL.fullmatch(email.strip()):
        return "E-mail address is not valid"
    known = members.by_email(call.world, call.community, email)
    return "E-mail address already exists" if known else ""


def _username_complaint(call: Call, username: object) -> str:
    if not isinstance(username, str) or not USERNAME.fullmatch(username):
        return "Username must have 3 to 30 letters, digits, spaces or . ' - _"
    known = members.find(call.world, call.community, "username", username)
    return "Username already exists" if known else ""


def _password_complaint(password: object) -> str:
    if not isinstance(password, str) or len(password) < LEAST_PASSWORD:
        return f"Password must have at least {LEAST_PASSWORD} characters"
    if len(set(password)) == 1 or any(character.isspace() for character in password):
        return "Password must not hold spaces or one repeated character"
    return ""


def _roles(call: Call, data: dict[str, Any]) -> str:
    """Exactly one main role, and any custom ones."""
    names = data.get("user_role") or ["roles.registered"]
    found = [community_of(call).role(str(name)) for name in names] if isinstance(names, list) else [None]
    if None in found:
        raise errors.not_found()
    roles = [role for role in found if role is not None]
    if sum(role.main for role in roles) != 1:
        raise errors.invalid({"user_role": ["Exactly one main role is needed"]})
    return orjson.dumps([role.id for role in roles] or [REGISTERED]).decode()


def _profile(call: Call, data: dict[str, Any]) -> dict[str, str]:
    """Profile fields arrive by id here, not by name."""
    given = data.get("profile_field") or {}
    fields = community_of(call).fields
    if any(members.parse_id(str(key)) not in fields for key in given):
        raise errors.invalid({"profile_field": ["Profile field does not exist"]})
    return {str(key): str(value) for key, value in given.items()}
