"""Writing members: one profile field or one user field a call, and erasing."""

from __future__ import annotations

import re

import orjson

from reconciler.sandbox.cc import errors, members
from reconciler.sandbox.cc.community import ProfileField
from reconciler.sandbox.cc.users import community_of, member_of, written
from reconciler.sandbox.http import Response, empty_response, json_response
from reconciler.sandbox.router import Call

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def put_profile_field(call: Call) -> Response:
    userid, name, value = call.params
    member = member_of(call, userid)
    field = _field(call, name)
    kept = _accepted(call, field, value)
    if kept is not None:
        members.set_profile(call.world, member, field.id, field.name, kept)
    return written(call, member)


def delete_profile_field(call: Call) -> Response:
    userid, name = call.params
    member = member_of(call, userid)
    field = _field(call, name)
    members.set_profile(call.world, member, field.id, field.name, None)
    return written(call, member)


def put_user_field(call: Call) -> Response:
    userid, name, value = call.params
    if name not in members.WRITE_FIELDS:
        raise errors.not_found()
    member = member_of(call, userid)
    if name == "avatar":
        members.change(call.world, member, "avatar", value, name)
    elif name.endswith("_sso_id"):
        sso = orjson.loads(member["sso"]) | {name.removesuffix("_sso_id"): value}
        members.change(call.world, member, "sso", orjson.dumps(sso).decode(), name)
    else:
        _rename(call, member, name, value)
    return written(call, member)


def erase(call: Call) -> Response:
    members.erase(call.world, community_of(call), member_of(call, call.params[0]))
    return empty_response(202)


def remote_logout(call: Call) -> Response:
    field, value = call.params
    if field not in members.FIND_FIELDS or members.find(call.world, call.community, field, value) is None:
        raise errors.not_found()
    return json_response({"result": True})


def _field(call: Call, name: str) -> ProfileField:
    ignore_case = call.world.switches.field_name_case == "ignore"
    found = community_of(call).named(name, ignore_case)
    if found is None:
        raise errors.not_found()
    return found


def _accepted(call: Call, field: ProfileField, value: str) -> str | None:
    """The value that is stored; None when it is silently kept out. Nothing is checked unless a switch says so."""
    switches = call.world.switches
    if switches.max_value_length and len(value) > switches.max_value_length:
        raise errors.bad_request(f"The value is longer than {switches.max_value_length} characters")
    if switches.profile_validation == "off" or _fits(field, value):
        return value
    if switches.profile_validation == "drop":
        return None
    raise errors.bad_request(f"The value does not fit a {field.type} field")


def _fits(field: ProfileField, value: str) -> bool:
    if field.type == "dropdown":
        return value in field.options
    if field.type == "date":
        return ISO_DATE.fullmatch(value) is not None
    return field.type != "number" or NUMBER.fullmatch(value) is not None


def _rename(call: Call, member: members.Member, name: str, value: str) -> None:
    """E-mail and username stay unique in a community."""
    if name == "email" and not EMAIL.fullmatch(value):
        raise errors.invalid({"email": ["E-mail address is not valid"]})
    other = members.find(call.world, call.community, name, value)
    if other is not None and other["userid"] != member["userid"]:
        text = "E-mail address already exists" if name == "email" else "Username already exists"
        raise errors.invalid({name: [text]})
    members.change(call.world, member, name, value, name)
    key = value.strip().lower() if name == "email" else value.lower()
    sql = f"UPDATE member SET {name}_key = ? WHERE community = ? AND userid = ?"
    call.world.store.run(sql, (key, member["community"], member["userid"]))
