"""Roles and badges: given and taken one by one, and in bulk."""

from __future__ import annotations

from typing import Any

import orjson

from reconciler.sandbox.cc import errors, members, shapes
from reconciler.sandbox.cc.members import Member
from reconciler.sandbox.cc.users import community_of, member_of
from reconciler.sandbox.http import TEXT, Response, empty_response, json_response
from reconciler.sandbox.router import Call

MOST_IN_BULK = 10_000


def add_roles(call: Call) -> Response:
    """By role names; a main role replaces the main role the member had."""
    member = member_of(call, call.params[0])
    data = _data(call)
    names = data.get("user_role") if isinstance(data, dict) else data
    if not isinstance(names, list) or not names:
        raise errors.bad_request("user_role must be a list of role names")
    found = [community_of(call).role(str(name)) for name in names]
    held: list[int] = orjson.loads(member["roles"])
    for role in found:
        if role is None:
            raise errors.not_found()
        held = _with_role(call, held, role.id)
    _store(call, member, "roles", held)
    return Response(body=b"Done", content_type=TEXT)


def remove_role(call: Call) -> Response:
    member = member_of(call, call.params[0])
    role = community_of(call).role(call.params[1])
    held: list[int] = orjson.loads(member["roles"])
    if role is None:
        raise errors.not_found()
    if role.main or role.id not in held:
        raise errors.unprocessable("A member keeps one main role" if role.main else "The member does not have the role")
    _store(call, member, "roles", [number for number in held if number != role.id])
    return empty_response(204)


def bulk_add_roles(call: Call) -> Response:
    return _bulk(call, "roles", "roleIds", adding=True)


def bulk_remove_roles(call: Call) -> Response:
    return _bulk(call, "roles", "roleIds", adding=False)


def bulk_add_badges(call: Call) -> Response:
    return _bulk(call, "badges", "badgeIds", adding=True)


def bulk_remove_badges(call: Call) -> Response:
    return _bulk(call, "badges", "badgeIds", adding=False)


def add_badge(call: Call) -> Response:
    """201 when new, 204 when the member has it already."""
    member, number = _badge_call(call)
    held: list[int] = orjson.loads(member["badges"])
    if number in held:
        return empty_response(204)
    _store(call, member, "badges", [*held, number])
    return empty_response(201)


def remove_badge(call: Call) -> Response:
    member, number = _badge_call(call)
    held: list[int] = orjson.loads(member["badges"])
    if number not in held:
        raise errors.bad_request("The member does not have the badge")
    _store(call, member, "badges", [n for n in held if n != number])
    return empty_response(204)


def list_badges(call: Call) -> Response:
    community = community_of(call)
    page = members.parse_id(call.request.first("page", "1")) or 1
    size = min(members.parse_id(call.request.first("pageSize", "10")) or 10, 100)
    numbers = sorted(community.badges)
    chosen = numbers[(page - 1) * size : page * size]
    return json_response({"totalItems": len(numbers), "results": [shapes.badge(community, n) for n in chosen]})


def delete_badge(call: Call) -> Response:
    number = members.parse_id(call.params[0])
    if number is None or community_of(call).badges.pop(number, None) is None:
        raise errors.not_found()
    return empty_response(204)


def _badge_call(call: Call) -> tuple[Member, int]:
    member = member_of(call, call.params[0])
    number = members.parse_id(call.params[1])
    if number is None or number not in community_of(call).badges:
        raise errors.not_found()
    return member, number


def _bulk(call: Call, column: str, key: str, adding: bool) -> Response:
    """Everything is looked up before anything changes: an unknown id refuses the whole call."""
    data = _data(call)
    if not isinstance(data, dict):
        raise errors.bad_request("data must be an object")
    found = [member_of(call, str(userid)) for userid in _numbers(data, "userIds")]
    numbers = _numbers(data, key)
    known = community_of(call).roles if column == "roles" else community_of(call).badges
    if any(number not in known for number in numbers):
        raise errors.not_found()
    with call.world.store.transaction():
        for member in found:
            _store(call, member, column, _merged(call, member, column, numbers, adding))
    return empty_response(204)


def _merged(call: Call, member: Member, column: str, numbers: list[int], adding: bool) -> list[int]:
    held: list[int] = orjson.loads(member[column])
    if not adding:
        return [number for number in held if number not in numbers]
    for number in numbers:
        if column == "roles":
            held = _with_role(call, held, number)
        elif number not in held:
            held = [*held, number]
    return held


def _with_role(call: Call, held: list[int], number: int) -> list[int]:
    roles = community_of(call).roles
    if number in held:
        return held
    if roles[number].main:
        held = [n for n in held if not roles[n].main]
        return [number, *held]
    return [*held, number]


def _store(call: Call, member: Member, column: str, numbers: list[int]) -> None:
    text = orjson.dumps(numbers).decode()
    if text != member[column]:
        members.change(call.world, member, column, text, column)


def _data(call: Call) -> Any:
    body = call.request.json()
    if not isinstance(body, dict) or "data" not in body:
        raise errors.bad_request("The body must be an object with data")
    return body["data"]


def _numbers(data: dict[str, Any], key: str) -> list[int]:
    given = data.get(key)
    if not isinstance(given, list) or not 0 < len(given) <= MOST_IN_BULK:
        raise errors.bad_request(f"{key} must be a list of numbers")
    numbers = [members.parse_id(str(value)) for value in given]
    if None in numbers:
        raise errors.bad_request(f"{key} must be a list of numbers")
    return [number for number in numbers if number is not None]
