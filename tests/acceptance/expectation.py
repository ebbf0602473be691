"""What a cycle ought to do, worked out from the sentences of the product and from nothing of its code.

It reads both systems through their APIs and says which profile values must stand afterwards and which of them change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tests.acceptance.projects import Line
from tests.acceptance.world import World, Written

Values = dict[tuple[str, str], str]
"""(user id, profile field) → value."""


def wanted(world: World, lines: Iterable[Line], community: int = 1) -> Values:
    """The values that CS has for the members of a community; what is null, ambiguous or unmatched is left out."""
    users = _users(world, community)
    found: Values = {}
    for name, attribute, field in lines:
        for email, records in _by_address(world, name, attribute).items():
            record = _the_one(name, records)
            if record is None or len(users[email]) != 1:
                continue
            value = _shown(attribute, record[attribute])
            if value is not None:
                found[users[email][0], field] = value
    return found


def _users(world: World, community: int) -> defaultdict[str, list[str]]:
    users: defaultdict[str, list[str]] = defaultdict(list)
    for member in world.members(community):
        users[_address(member["email"])].append(str(member["userid"]))
    return users


def _by_address(world: World, name: str, attribute: str) -> dict[str, list[dict[str, Any]]]:
    path, email = ("person", "Email") if name == "Person" else ("company_person", "Person_ID__gr.Email")
    extra = [] if name == "Person" else ["IsPrimaryCompany"]
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in world.query(path, ["Gsid", email, attribute, *extra]):
        found[_address(record[email])].append(record)
    found.pop("", None)
    return found


def _address(email: str) -> str:
    return email.strip().casefold()


def _the_one(name: str, records: list[dict[str, Any]]) -> dict[str, Any] | None:
    if len(records) == 1:
        return records[0]
    primary = [record for record in records if name != "Person" and record["IsPrimaryCompany"] is True]
    return primary[0] if len(primary) == 1 else None


def _shown(attribute: str, raw: Any) -> str | None:
    if raw is None or str(raw).strip() == "":
        return None
    if "_Date" in attribute:
        return datetime.fromtimestamp(raw / 1000, UTC).date().isoformat()
    return str(raw)


def changed(before: Values, after: Values) -> list[Written]:
    """What must be written when `before` was written last."""
    return sorted(
        Written(user, field, value) for (user, field), value in after.items() if before.get((user, field)) != value
    )
