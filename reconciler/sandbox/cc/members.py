"""Members in the store: found by id, e-mail, username or single sign-on id, changed, added and erased."""

from __future__ import annotations

from typing import Any

import orjson

from reconciler.sandbox.cc.community import Community
from reconciler.sandbox.journal import Write
from reconciler.sandbox.seed.members import INSERT
from reconciler.sandbox.world import World

SSO_FIELDS = (
    "oauth2_sso_id", "openidconnect_sso_id", "saml_sso_id", "token_sso_id", "oracle_sso_id", "facebook_sso_id",
    "janrain_sso_id", "linkedin_sso_id",
)  # fmt: skip
FIND_FIELDS = frozenset({"email", "userid", "username", *SSO_FIELDS})
WRITE_FIELDS = frozenset({"email", "username", "avatar", *SSO_FIELDS})
Member = dict[str, Any]


def parse_id(text: str) -> int | None:
    """A user id of the path; anything that is no plain whole number is no user."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def by_id(world: World, community: int, text: str) -> Member | None:
    userid = parse_id(text)
    if userid is None:
        return None
    return world.store.row("SELECT * FROM member WHERE community = ? AND userid = ?", (community, userid))


def by_email(world: World, community: int, email: str) -> Member | None:
    sql = "SELECT * FROM member WHERE community = ? AND email_key = ? ORDER BY userid LIMIT 1"
    return world.store.row(sql, (community, email.strip().lower()))


def find(world: World, community: int, field: str, value: str) -> Member | None:
    """By one of the eleven search fields; `field` must be one of them."""
    if field == "userid":
        return by_id(world, community, value)
    if field == "email":
        return by_email(world, community, value)
    if field == "username":
        sql = "SELECT * FROM member WHERE community = ? AND username_key = ? LIMIT 1"
        return world.store.row(sql, (community, value.lower()))
    sql = "SELECT * FROM member WHERE community = ? AND sso LIKE '%' || ? || '%' AND json_extract(sso, ?) = ? LIMIT 1"
    provider = field.removesuffix("_sso_id")
    return world.store.row(sql, (community, provider, f"$.{provider}", value))


def profile(member: Member) -> dict[str, str]:
    """Values by profile field id, as text keys."""
    found: dict[str, str] = orjson.loads(member["profile"])
    return found


def readable_profile(community: Community, member: Member) -> dict[str, str]:
    """Values by field name, as a reader of the community sees them."""
    names = {str(item.id): item.name for item in community.fields.values()}
    return {names[key]: value for key, value in profile(member).items() if key in names}


def change(world: World, member: Member, column: str, value: Any, shown: str) -> None:
    """Store one attribute; `column` is one of ours, never the caller's text."""
    sql = f"UPDATE member SET {column} = ? WHERE community = ? AND userid = ?"
    world.store.run(sql, (value, member["community"], member["userid"]))
    _log(world, member, "user_field", shown, str(value))
    member[column] = value


def set_profile(world: World, member: Member, field_id: int, name: str, value: str | None) -> None:
    """Write a profile value, or clear it with None."""
    values = profile(member)
    if value is None:
        values.pop(str(field_id), None)
    else:
        values[str(field_id)] = value
    member["profile"] = orjson.dumps(values).decode()
    sql = "UPDATE member SET profile = ? WHERE community = ? AND userid = ?"
    world.store.run(sql, (member["profile"], member["community"], member["userid"]))
    _log(world, member, "profile_field" if value is not None else "profile_field_cleared", name, value)


def add(world: World, community: Community, given: dict[str, Any]) -> Member:
    """Store a new member; `given` holds checked columns, the rest starts empty."""
    now = int(world.clock.now())
    userid = community.next_userid()
    email, username = str(given["email"]), str(given["username"])
    row = (
        community.number, userid, email, email.strip().lower(), username, username.lower(), now, now,
        0, 0, 0, 0, 0, 1, given.get("roles", "[4]"), "[]", given.get("sso", "{}"), "", given.get("profile", "{}"),
    )  # fmt: skip
    world.store.run(INSERT, row)
    community.joined(userid)
    member = by_id(world, community.number, str(userid)) or {}
    _log(world, member, "registered", "email", email)
    return member


def erase(world: World, community: Community, member: Member) -> None:
    world.store.run("DELETE FROM member WHERE community = ? AND userid = ?", (community.number, member["userid"]))
    community.left(member["userid"])
    _log(world, member, "erased", None, None)


def log_grant(world: World, member: Member, action: str, field: str, value: str) -> None:
    _log(world, member, action, field, value)


def _log(world: World, member: Member, action: str, field: str | None, value: str | None) -> None:
    world.wrote(
        Write(
            side="cc",
            community=member["community"],
            action=action,
            target="user",
            subject=str(member["userid"]),
            field=field,
            value=value,
        )
    )
