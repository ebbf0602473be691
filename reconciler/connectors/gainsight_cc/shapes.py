"""One community user comes in three shapes, depending on the route. Here they become one.

User                    GET user/{id}: `userid`, `_related.userprofilefields`, dates in epoch seconds
{"result": FindByUser}  after a write: `profileFields` with a `NormalizedValue`
FindByUser              the same without the wrapper
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler import errors
from reconciler.connectors.answer import SHAPE_HINT, json_object
from reconciler.connectors.base import Member
from reconciler.model.json import Json


class ProfileValue(NamedTuple):
    """What a user has in one profile field. `field_id` is 0 where the shape does not tell it."""

    value: str
    field_id: int


class CommunityUser(NamedTuple):
    """A user with the profile fields that have a value, by field name."""

    member: Member
    profile: Mapping[str, ProfileValue]


def member(data: Json) -> Member:
    """An item of the user list. Raises `errors.RemoteMalformed`."""
    user = json_object(data, "a community user")
    return Member(str(_user_id(user)), _text(user.get("email")), _text(user.get("username")))


def community_user(data: Json) -> CommunityUser:
    """Any of the three shapes. Raises `errors.RemoteMalformed`."""
    user = json_object(data, "a community user")
    inner = user.get("result")
    if isinstance(inner, Mapping):
        user = inner
    return CommunityUser(member(user), {**_related(user), **_found(user)})


def _listed(items: Json) -> list[Json]:
    """The items of a list. The server may also write a list as an object of numbered items, or one item without its list."""
    if isinstance(items, Mapping):
        return [items] if "name" in items else list(items.values())
    return items if isinstance(items, list) else []


def _user_id(user: Mapping[str, Json]) -> int:
    value = user.get("userid")
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise errors.RemoteMalformed("a community user came without a userid", hint=SHAPE_HINT)


def _related(user: Mapping[str, Json]) -> dict[str, ProfileValue]:
    related = user.get("_related")
    items = related.get("userprofilefields") if isinstance(related, Mapping) else None
    profile: dict[str, ProfileValue] = {}
    for item in _listed(items):
        entry = json_object(item, "a profile field of a community user")
        name, field_id = entry.get("profilefield_name"), entry.get("profilefieldid")
        if isinstance(name, str):
            known = field_id if isinstance(field_id, int) else 0
            profile[name] = ProfileValue(_text(entry.get("value")), known)
    return profile


def _found(user: Mapping[str, Json]) -> dict[str, ProfileValue]:
    items = user.get("profileFields")
    profile: dict[str, ProfileValue] = {}
    for item in _listed(items):
        entry = json_object(item, "a profile field of a community user")
        name = entry.get("name")
        if isinstance(name, str):
            profile[name] = ProfileValue(_text(entry.get("NormalizedValue")), 0)
    return profile


def _text(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
