"""The three shapes one member has: User, FindByUser, and the answer to a registration."""

from __future__ import annotations

from typing import Any

import orjson

from reconciler.sandbox.cc import members
from reconciler.sandbox.cc.community import RANKS, Community, Role
from reconciler.sandbox.cc.members import Member
from reconciler.sandbox.clock import iso

# Attributes the sandbox has nothing to say about, with the types the schema gives them.
FLAT = {
    "usergroupid": 0, "membergroupids": 0, "displaygroupid": 0, "deleted_posts": 0, "options": 0, "autosubscribe": 1,
    "customoptions": 0, "ipaddress": "", "usertitle": "", "customtitle": 0, "session_ids_flagged_for_logout": [],
    "external_logout_at": None, "pmunread": 0, "subscriptions": 0, "pmtotal": 0, "following": 0, "followers": 0,
    "signature": "", "reputation": 0, "insided_sso_customeruid": "", "reviewcount": 0, "ratingcount": 0,
    "lastpostid": 0, "lastpost": 0, "blogposts": 0, "researches": 0, "rank_avatar_icon": None,
    "rank_avatar_icon_thumb": None, "cdn": "", "autoAddToFavorites": True, "crudListCacheDependencyKey": "", "id": None,
}  # fmt: skip
COPIED = ("userid", "username", "email", "posts", "topics", "solved", "avatar", "lastactivity", "joindate")
COPIED_TOO = ("likes", "likes_given", "rank_id")
MODERATING = frozenset({1, 2})


def user(community: Community, member: Member, with_profile: bool) -> dict[str, Any]:
    """The User shape; only a single read carries profile values."""
    shaped: dict[str, Any] = {name: member[name] for name in COPIED}
    shaped |= {name: member[name] for name in COPIED_TOO}
    role_ids = orjson.loads(member["roles"])
    rank = RANKS.get(member["rank_id"], "")
    shaped |= FLAT
    shaped["lastvisit"] = member["lastactivity"]
    shaped["rank_name"] = shaped["rank_display_name"] = rank
    shaped["is_moderator"] = int(not MODERATING.isdisjoint(role_ids))
    shaped["_related"] = related(community, member, role_ids, with_profile)
    return shaped


def related(community: Community, member: Member, role_ids: list[int], with_profile: bool) -> dict[str, Any]:
    badges = [badge(community, number) for number in orjson.loads(member["badges"])]
    held = [community.roles[number] for number in role_ids if number in community.roles]
    found = {
        "badges": badges,
        "badgesCount": len(badges),
        "roles": [_role(role, member["userid"]) for role in held],
    }
    return {"userprofilefields": _profile(community, member), **found} if with_profile else found


def _profile(community: Community, member: Member) -> list[dict[str, Any]]:
    userid = member["userid"]
    return [
        {
            "id": userid * 1000 + int(key) % 1000,
            "userid": userid,
            "profilefieldid": int(key),
            "value": value,
            "profilefield_name": community.fields[int(key)].name,
            "_related": [],
        }
        for key, value in members.profile(member).items()
        if int(key) in community.fields
    ]


def _role(role: Role, userid: int) -> dict[str, Any]:
    item = {
        "id": role.id, "name": role.name, "type": 2, "description": None, "bizrule": None, "data": None, "visible": 1,
        "main": int(role.main), "order": role.id, "exclude_for_spam_check": 0, "_related": [],
    }  # fmt: skip
    head = {"auth_item_id": role.id, "itemname": role.name, "userid": userid, "bizrule": None, "data": None}
    return head | {"_related": {"items": item}}


def badge(community: Community, number: int) -> dict[str, Any]:
    found = community.badges.get(number)
    title = found.title if found else ""
    described = {"id": number, "title": title, "description": found.description if found else ""}
    return described | {"enableBadgeRules": False, "image": "", "thumbImage": ""}


def find_by_user(community: Community, member: Member) -> dict[str, Any]:
    held = [community.roles[n] for n in orjson.loads(member["roles"]) if n in community.roles]
    values = members.readable_profile(community, member)
    return {
        "userid": member["userid"],
        "email": member["email"],
        "username": member["username"],
        "rank": RANKS.get(member["rank_id"], ""),
        "joindate": iso(member["joindate"]),
        "profileFields": [{"name": name, "NormalizedValue": value} for name, value in values.items()],
        "roles": [{"auth_item": {"name": role.name, "main": role.main}} for role in held],
        "user_statistics": {
            "post_count": member["posts"],
            "likes": member["likes"],
            "likes_given": member["likes_given"],
            "topic_count": member["topics"],
            "topic_answered_count": member["solved"],
        },
        "sso": orjson.loads(member["sso"]),
    }


def registered(member: Member) -> dict[str, Any]:
    rank = RANKS.get(member["rank_id"], "")
    head = {"userid": member["userid"], "email": member["email"], "username": member["username"], "rank": rank}
    return head | {"joindate": member["joindate"], "sso": orjson.loads(member["sso"])}
