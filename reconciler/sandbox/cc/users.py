"""Reading members: the list with its filters and both shapes, one by id, one by a search field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from reconciler.sandbox.cc import errors, members, shapes
from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.cc.members import Member
from reconciler.sandbox.http import Request, Response, json_response
from reconciler.sandbox.router import Call

DAY_SECONDS = 86_400
LISTED = re.compile(r"filter\[(roles\.rolename|badges\.badgeid|userid)\]\[\d*\]")
DATED = re.compile(r"filter\[(joindate|lastactivity)\]\[(from|to)\]")
Clause = tuple[str, list[Any]]


def list_users(call: Call) -> Response:
    request, community = call.request, community_of(call)
    page = positive(request, "page", 1)
    size = positive(request, "pageSize", 25)
    if size > call.world.switches.max_page_size:
        raise errors.unprocessable(f"pageSize may be at most {call.world.switches.max_page_size}")
    clauses = _filters(community, request)
    total, found = _filtered(call, clauses, page, size) if clauses else _page(call, community, page, size)
    with_profile = call.world.switches.list_profile_values
    users = [shapes.user(community, member, with_profile) for member in found]
    statistics = {"count": total}
    if request.first("_returnIterable").lower() in ("1", "true"):
        return json_response({"users": users, "statistics": statistics})
    return json_response({str(n): user for n, user in enumerate(users)} | {"statistics": statistics})


def get_user(call: Call) -> Response:
    community = community_of(call)
    return json_response(shapes.user(community, member_of(call, call.params[0]), with_profile=True))


def find_user(call: Call) -> Response:
    field, value = call.params
    if field not in members.FIND_FIELDS:
        raise errors.not_found()
    member = members.find(call.world, call.community, field, value)
    if member is None:
        raise errors.not_found()
    shaped = shapes.find_by_user(community_of(call), member)
    shape = call.world.switches.find_shape
    if shape == "bare":
        return json_response(shaped)
    # The schema wraps the user, a public client reads the id beside the wrapper: both are answered by default.
    beside = {"userid": shaped["userid"]} if shape == "both" else {}
    return json_response({"result": shaped, **beside})


def community_of(call: Call) -> Community:
    return call.world.communities[call.community]


def member_of(call: Call, text: str) -> Member:
    """The member with that id; refuses with 404."""
    member = members.by_id(call.world, call.community, text)
    if member is None:
        raise errors.not_found()
    return member


def written(call: Call, member: Member) -> Response:
    """The answer to every write of one attribute."""
    shaped = shapes.find_by_user(community_of(call), member)
    return json_response(shaped if call.world.switches.find_shape == "bare" else {"result": shaped})


def _page(call: Call, community: Community, page: int, size: int) -> tuple[int, list[Member]]:
    """An unfiltered page straight from the sorted ids, so that no page costs more than another."""
    start = (page - 1) * size
    ids = list(community.userids[start : start + size])
    if call.world.switches.list_order == "shift":
        community.listings += 1
        ids = _shifted(community, start, size)
    if not ids:
        return len(community.userids), []
    if ids == sorted(ids):
        sql = "SELECT * FROM member WHERE community = ? AND userid BETWEEN ? AND ? ORDER BY userid"
        return len(community.userids), call.world.store.rows(sql, (community.number, ids[0], ids[-1]))
    marks = ",".join("?" * len(ids))
    sql = f"SELECT * FROM member WHERE community = ? AND userid IN ({marks})"
    found = {row["userid"]: row for row in call.world.store.rows(sql, (community.number, *ids))}
    return len(community.userids), [found[userid] for userid in ids]


def _shifted(community: Community, start: int, size: int) -> list[int]:
    """The switch for an order that changes under the reader: every listing starts one member further on."""
    total = len(community.userids)
    by = community.listings % total if total else 0
    return [community.userids[(at + by) % total] for at in range(start, min(start + size, total))]


def _filtered(call: Call, clauses: list[Clause], page: int, size: int) -> tuple[int, list[Member]]:
    where = " AND ".join(sql for sql, _ in clauses)
    params = [call.community, *(value for _, values in clauses for value in values)]
    total = int(call.world.store.value(f"SELECT count(*) FROM member WHERE community = ? AND {where}", params))
    sql = f"SELECT * FROM member WHERE community = ? AND {where} ORDER BY userid LIMIT ? OFFSET ?"
    return total, call.world.store.rows(sql, [*params, size, (page - 1) * size])


def _filters(community: Community, request: Request) -> list[Clause]:
    if "filter" not in request.raw_query:
        return []
    grouped: dict[str, list[str]] = {}
    clauses: list[Clause] = []
    for name, values in request.query.items():
        listed, dated = LISTED.fullmatch(name), DATED.fullmatch(name)
        if listed:
            grouped.setdefault(listed.group(1), []).extend(values)
        elif dated:
            clauses.append(_dated(dated.group(1), dated.group(2), values[0]))
    return clauses + [_LISTS[name](community, values) for name, values in grouped.items()]


def _dated(column: str, end: str, text: str) -> Clause:
    """Whole days, both ends inclusive."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise errors.bad_request(f"filter[{column}][{end}] must be yyyy-mm-dd") from error
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return (f"{column} >= ?", [start]) if end == "from" else (f"{column} < ?", [start + DAY_SECONDS])


def _by_userid(_: Community, values: list[str]) -> Clause:
    ids = [members.parse_id(value) for value in values]
    return f"userid IN ({','.join('?' * len(ids))})", ids


def _by_role(community: Community, values: list[str]) -> Clause:
    return _any_number("roles", [role.id for role in community.roles.values() if role.name in values])


def _by_badge(_: Community, values: list[str]) -> Clause:
    return _any_number("badges", [number for number in map(members.parse_id, values) if number is not None])


def _any_number(column: str, numbers: list[int]) -> Clause:
    """Members whose JSON list holds any of the numbers."""
    marks = ",".join("?" * len(numbers))
    return f"EXISTS (SELECT 1 FROM json_each(member.{column}) WHERE value IN ({marks}))", list(numbers)


_LISTS: dict[str, Callable[[Community, list[str]], Clause]] = {
    "userid": _by_userid,
    "roles.rolename": _by_role,
    "badges.badgeid": _by_badge,
}


def positive(request: Request, name: str, default: int) -> int:
    """A query parameter that counts pages or items on one. Refuses with 422."""
    text = request.first(name) or str(default)
    number = members.parse_id(text)
    if not number or number > 2**53:
        raise errors.unprocessable(f"{name} must be a positive whole number")
    return number
