"""One community: its profile fields, roles, badges, ranks and the order of its members."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field, replace

from reconciler.sandbox.cc.content import Content

FIRST_USERID = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileField:
    """A definition as an administrator makes it. `options` limits a dropdown when validation is switched on."""

    id: int
    name: str
    type: str = "text"
    visibility: str = "public"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    id: int
    name: str
    main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    id: int
    title: str
    description: str


ROLES = (
    Role(id=1, name="roles.admin", main=True),
    Role(id=2, name="roles.moderator", main=True),
    Role(id=3, name="roles.superuser", main=True),
    Role(id=4, name="roles.registered", main=True),
    Role(id=5, name="roles.banned", main=True),
    Role(id=7, name="Customer", main=False),
    Role(id=8, name="Partner", main=False),
    Role(id=13, name="Beta Tester", main=False),
)
BADGES = (
    Badge(id=1, title="First reply", description="Answered somebody for the first time."),
    Badge(id=2, title="Problem solver", description="Ten answers were marked as best."),
    Badge(id=3, title="Idea maker", description="Submitted an idea that was delivered."),
    Badge(id=5, title="Event guest", description="Joined a community event."),
)
RANKS = {1: "Newcomer", 2: "Contributor", 3: "Regular", 4: "Expert", 5: "Guide"}
REGISTERED = 4


@dataclass(slots=True, kw_only=True)
class Community:
    """`userids` is kept sorted, so that page 10,000 costs as much as page 1."""

    number: int
    tenant: str
    fields: dict[int, ProfileField]
    content: Content = field(default_factory=Content)
    roles: dict[int, Role] = field(default_factory=lambda: {role.id: role for role in ROLES})
    badges: dict[int, Badge] = field(default_factory=lambda: {badge.id: badge for badge in BADGES})
    userids: array[int] = field(default_factory=lambda: array("q"))
    last_userid: int = FIRST_USERID - 1
    last_field: int = 0
    listings: int = 0

    def named(self, name: str, ignore_case: bool) -> ProfileField | None:
        """A profile field by exact name; real case sensitivity is unknown, so it is a switch."""
        for item in self.fields.values():
            if item.name == name or (ignore_case and item.name.casefold() == name.casefold()):
                return item
        return None

    def role(self, name: str) -> Role | None:
        return next((role for role in self.roles.values() if role.name == name), None)

    def next_userid(self) -> int:
        self.last_userid += 1
        return self.last_userid

    def joined(self, userid: int) -> None:
        self.userids.insert(bisect_left(self.userids, userid), userid)

    def left(self, userid: int) -> None:
        at = bisect_left(self.userids, userid)
        if at < len(self.userids) and self.userids[at] == userid:
            del self.userids[at]

    def rename(self, old: str, new: str) -> bool:
        """Give a profile field another name; values stay with it. False when there is no such field."""
        found = self.named(old, ignore_case=False)
        if found is None:
            return False
        self.fields[found.id] = replace(found, name=new)
        return True

    def define(self, name: str, kind: str, visibility: str, options: tuple[str, ...]) -> ProfileField:
        # Ids are never used twice, or a new field would show the values of a deleted one.
        self.last_field = number = max(self.last_field, *self.fields, (self.number - 1) * 100) + 1
        made = ProfileField(id=number, name=name, type=kind, visibility=visibility, options=options)
        self.fields[number] = made
        return made
