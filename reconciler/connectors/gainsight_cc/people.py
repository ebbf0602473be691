"""Community users as records. The list has no profile fields; only one user read by itself has."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler import errors
from reconciler.connectors.answer import SHAPE_HINT, json_object
from reconciler.connectors.gainsight_cc.plain import clean
from reconciler.connectors.gainsight_cc.shapes import community_user, member
from reconciler.connectors.gainsight_cc.values import flag, identifier, moment, number, said, word
from reconciler.model.community import CommunityRecord, Kind
from reconciler.model.json import Json


def listed_member(data: Json) -> CommunityRecord:
    """An item of the user list. Raises `errors.RemoteMalformed`."""
    user = json_object(data, "a community user")
    return CommunityRecord(kind=Kind.MEMBER, id=member(user).id, values=_values(user))


def member_details(data: Json, user_id: str) -> CommunityRecord:
    """The user with this id, read by itself: with `profile`, roles and badges. Raises `errors.RemoteMalformed`."""
    user = json_object(data, "a community user")
    inner = user.get("result")
    if isinstance(inner, Mapping):
        user = inner
    found = community_user(user)
    if found.member.id != user_id:
        raise errors.RemoteMalformed("the community answered with another user than was asked for", hint=SHAPE_HINT)
    profile: dict[str, Json] = {}
    for name, value in sorted(found.profile.items()):
        text = word(value.value)
        if text is not None:
            profile[clean(name)] = text
    return CommunityRecord(kind=Kind.MEMBER, id=user_id, values={**_values(user), "profile": profile})


def _values(user: Mapping[str, Json]) -> dict[str, Json]:
    return said(
        id=member(user).id,
        username=word(user.get("username")),
        email=word(user.get("email")),
        user_title=word(user.get("usertitle")),
        avatar=word(user.get("avatar")),
        rank_id=identifier(user.get("rank_id")),
        rank_name=word(user.get("rank_display_name")) or word(user.get("rank_name")) or word(user.get("rank")),
        sso_customer_id=word(user.get("insided_sso_customeruid")),
        posts=number(user.get("posts")),
        topics=number(user.get("topics")),
        solved=number(user.get("solved")),
        likes=number(user.get("likes")),
        likes_given=number(user.get("likes_given")),
        reputation=number(user.get("reputation")),
        followers=number(user.get("followers")),
        following=number(user.get("following")),
        is_moderator=flag(user.get("is_moderator")),
        joined_at=moment(user.get("joindate")),
        last_activity_at=moment(user.get("lastactivity")),
        last_visit_at=moment(user.get("lastvisit")),
        **_related(user.get("_related")),
    )


def _related(related: Json) -> dict[str, Json]:
    """Roles and badges, which only some answers have."""
    if not isinstance(related, Mapping):
        return {}
    badges = _names(related.get("badges"), "title", "name")
    count = number(related.get("badgesCount"))
    return {
        "roles": _names(related.get("roles"), "itemname", "name"),
        "badges": badges,
        "badge_count": len(badges) if count is None and badges is not None else count,
    }


def _names(items: Json, *keys: str) -> list[Json] | None:
    """The names of related things, in alphabetical order: they come in any. A list may be an object of numbered items."""
    if isinstance(items, Mapping):
        items = list(items.values())
    if not isinstance(items, list):
        return None
    found: set[str] = set()
    for item in items:
        name = word(item)
        if isinstance(item, Mapping):
            inner = item.get("_related")
            more = [inner.get("badge")] if isinstance(inner, Mapping) else []
            places = [item, *(one for one in more if isinstance(one, Mapping))]
            name = next((text for one in places for key in keys if (text := word(one.get(key)))), None)
        if name is not None:
            found.add(name)
    return [*sorted(found)]
