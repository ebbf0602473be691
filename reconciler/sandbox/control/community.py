"""Members and profile fields as a moderator of one community sees and changes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from reconciler.sandbox.cc import members
from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.cc.members import Member
from reconciler.sandbox.control.body import mapping, refuse, whole
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Router

MEMBERS = "/_sandbox/cc/{community}/members"
FIELDS = "/_sandbox/cc/{community}/fields"
MOST_LISTED = 1_000
TYPES = ("text", "textarea", "dropdown", "date", "number")
TEXTS = ("email", "username", "avatar")
NUMBERS = ("joindate", "lastactivity", "posts", "topics", "solved", "likes", "likes_given", "rank_id")
VISIBILITIES = ("public", "private", "hidden")


def add_routes(router: Router) -> None:
    router.add("GET", MEMBERS, list_members)
    router.add("POST", MEMBERS, add_member)
    router.add("GET", f"{MEMBERS}/{{userid}}", read_member)
    router.add("PATCH", f"{MEMBERS}/{{userid}}", edit_member)
    router.add("DELETE", f"{MEMBERS}/{{userid}}", erase_member)
    router.add("GET", FIELDS, list_fields)
    router.add("POST", FIELDS, add_field)
    router.add("PATCH", f"{FIELDS}/{{name}}", rename_field)
    router.add("DELETE", f"{FIELDS}/{{name}}", delete_field)


def list_members(call: Call) -> Response:
    """By ?email=, or from userid ?after= on, at most ?limit= of them."""
    community = community_of(call)
    email = call.request.first("email")
    if email:
        found = members.by_email(call.world, community.number, email)
        return json_response({"members": [_view(community, found)] if found else []})
    sql = "SELECT * FROM member WHERE community = ? AND userid > ? ORDER BY userid LIMIT ?"
    limit = min(whole(call, "limit", 100), MOST_LISTED)
    rows = call.world.store.rows(sql, (community.number, whole(call, "after", 0), limit))
    return json_response({"members": [_view(community, row) for row in rows]})


def read_member(call: Call) -> Response:
    community, member = _member(call)
    return json_response(_view(community, member))


def edit_member(call: Call) -> Response:
    """A member edits the own profile by hand: `{"profile": {"City": "Leeds", "Country": null}}`.

    Other attributes change as time goes by: `{"username": …, "email": "", "posts": 7, "lastactivity": 1790000000}`.
    """
    community, member = _member(call)
    body = mapping(call)
    changes = body.pop("profile", {})
    if not isinstance(changes, dict) or not (changes or body):
        raise refuse("send an object with profile, or with other attributes of a member")
    attributes = _attributes(body)
    chosen = [(community.named(name, ignore_case=False), name, value) for name, value in changes.items()]
    for field, name, _ in chosen:
        if field is None:
            raise refuse(f"no profile field {name[:80]!r}", 404)
    for field, name, value in chosen:
        if field is not None:
            members.set_profile(call.world, member, field.id, name, None if value is None else str(value))
    for column, value in attributes.items():
        members.change(call.world, member, column, value, column)
    return json_response(_view(community, member))


def _attributes(body: dict[str, Any]) -> dict[str, Any]:
    """Columns of a member, checked: texts with the keys they are found by, and whole numbers."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in TEXTS and isinstance(value, str):
            found[name] = value
            if name != "avatar":
                found[f"{name}_key"] = value.strip().lower()
        elif name in NUMBERS and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            found[name] = value
        else:
            raise refuse(f"a member has the texts {TEXTS} and the whole numbers {NUMBERS}, not {name[:80]!r} like that")
    return found


def add_member(call: Call) -> Response:
    """`{"email": …, "username"?: …, "profile"?: {name: value}}`; a second member with one address is allowed here."""
    community, body = community_of(call), mapping(call)
    if not isinstance(body.get("email"), str) or not isinstance(body.get("profile", {}), dict):
        raise refuse("a member needs an email, and profile must be an object")
    values = {}
    for name, value in body.get("profile", {}).items():
        field = community.named(name, ignore_case=False)
        if field is None:
            raise refuse(f"no profile field {name[:80]!r}", 404)
        values[str(field.id)] = str(value)
    username = str(body.get("username") or f"member.{community.last_userid + 1}")
    columns = {"email": body["email"], "username": username, "profile": orjson.dumps(values).decode()}
    return json_response(_view(community, members.add(call.world, community, columns)), 201)


def erase_member(call: Call) -> Response:
    community, member = _member(call)
    members.erase(call.world, community, member)
    return json_response({"erased": member["userid"]})


def list_fields(call: Call) -> Response:
    return json_response({"fields": [asdict(field) for field in community_of(call).fields.values()]})


def add_field(call: Call) -> Response:
    community, body = community_of(call), mapping(call)
    name, options = body.get("name"), body.get("options", [])
    kind, visibility = body.get("type", "text"), body.get("visibility", "public")
    if not isinstance(name, str) or not name or kind not in TYPES or visibility not in VISIBILITIES:
        raise refuse(f"a field needs a name, a type of {TYPES} and a visibility of {VISIBILITIES}")
    if not isinstance(options, list) or community.named(name, ignore_case=False):
        raise refuse("options must be a list, and the name must be new")
    made = community.define(name, kind, visibility, tuple(str(option) for option in options))
    return json_response(asdict(made), 201)


def rename_field(call: Call) -> Response:
    community, name = community_of(call), mapping(call).get("name")
    if not isinstance(name, str) or not name or community.named(name, ignore_case=False):
        raise refuse("send the new name, which no field may have yet")
    if not community.rename(call.params[1], name):
        raise refuse("no such profile field", 404)
    return list_fields(call)


def delete_field(call: Call) -> Response:
    """The definition goes and with it every value, as no reader can see one any more."""
    community = community_of(call)
    found = community.named(call.params[1], ignore_case=False)
    if found is None:
        raise refuse("no such profile field", 404)
    del community.fields[found.id]
    return list_fields(call)


def community_of(call: Call) -> Community:
    """The community that the path names. Refuses with 404."""
    found = call.world.communities.get(members.parse_id(call.params[0]) or 0)
    if found is None:
        raise refuse(f"no community {call.params[0][:20]!r}", 404)
    return found


def _member(call: Call) -> tuple[Community, Member]:
    community = community_of(call)
    member = members.by_id(call.world, community.number, call.params[1])
    if member is None:
        raise refuse("no such member", 404)
    return community, member


def _view(community: Community, member: Member) -> dict[str, Any]:
    head = {name: member[name] for name in ("userid", "email", "username", "joindate", "lastactivity")}
    roles = [community.roles[number].name for number in orjson.loads(member["roles"]) if number in community.roles]
    return head | {"roles": roles, "profile": members.readable_profile(community, member)}
