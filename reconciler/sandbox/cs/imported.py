"""The custom objects of a tenant that is connected to communities: five for each community, three for all of them.

An object is left out, or a field of it, as an administrator would who has not made it yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.sandbox.cs.fields import FieldDef, ObjectDef, define

SYSTEM_FIELDS = ("Gsid", "CreatedBy", "ModifiedBy", "CreatedDate", "ModifiedDate")
CLASH = "Custom"

# Types by one letter: s string, r rich text, w whole number, n number, b boolean, t date and time, d date.
TYPES = {"s": "STRING", "r": "RICHTEXTAREA", "w": "NUMBER", "n": "NUMBER", "b": "BOOLEAN", "t": "DATETIME", "d": "DATE"}
DECIMALS = {"n": 2}
LENGTHS = {"s": 255, "r": 65_000}
LOOKUPS = {"Company": "company", "Person": "person", "Company Person": "company_person"}
LOOKED_UP = "Company, Person, Company Person"
MARKED = "b:Deleted, t:Deleted At"

# The first field of each is what its records are found by.
RAW = {
    "User": f"""
        s:Community User Id, s:Username, s:Email, s:User Title, r:Profile Picture, s:Rank Id, s:Rank Name,
        s:SSO Customer User Id, s:Custom Roles Dropdown, s:Badges Dropdown, w:Badges, w:Posts, w:Topics, w:Solved Topics,
        w:Likes Received, w:Likes Given, w:Reputation, w:Followers, w:Following, b:Is Moderator, t:Registered At,
        t:Last Activity At, t:Last Visit At, {LOOKED_UP}, s:Match Outcome, s:Match Rule, n:Match Confidence, {MARKED}""",
    "Topic": f"""
        s:Content ID, s:Internal Id, r:Title, r:Content, s:Content Subtype, s:Category Id, s:Category Name, s:Author Id,
        s:Author Name, s:Idea Status, s:Best Answer Id, r:URL, s:Tags, s:Moderator Tags, s:Product Areas, w:Reply Count,
        w:Likes, w:Votes, w:Views, b:Sticky, b:Closed, b:Trashed, b:Content Cut, t:Created At, t:Published At,
        t:Last Activity At, {LOOKED_UP}, {MARKED}""",
    "Category": f"""
        s:Category Id, s:Name, s:Parent Category Id, s:Module, r:Description, s:Content Subtypes, w:Display Order,
        w:Visible Topics, {MARKED}""",
    "IdeaStatus": f"""
        s:Idea Status Id, s:Name, s:Type, s:Background Color, s:Text Color, b:Default, b:Visible, w:Display Order,
        {MARKED}""",
    "TopicReply": f"""
        s:Content ID, s:Internal Id, s:Topic Content ID, r:Content, s:Author Id, s:Author Name, r:URL, w:Likes,
        b:Highlighted, b:Trashed, b:Reported, b:Content Cut, t:Created At, {LOOKED_UP}, {MARKED}""",
}
CORE = {
    "Community Content": f"""
        s:Content Data Identifier, s:Community, s:Content ID, s:Content Type, s:Content Subtype, r:Title,
        s:Category Name, s:Module, s:Author Id, s:Author Name, s:Topic Identifier, r:URL, w:Reply Count, w:Likes,
        w:Votes, w:Views, b:Closed, t:Content Created At, t:Last Activity At, {LOOKED_UP}, {MARKED}""",
    "Community Activity": """
        s:Activity Identifier, s:Community, s:Activity Type, s:Content Data Identifier, s:Content Subtype,
        s:Category Name, d:Activity Date, w:Activity Count""",
    "Community Trend": """
        s:Trend Identifier, s:Community, d:Trend Date, w:Members, w:Members Joined, w:Members Active, w:Topics Created,
        w:Questions Asked, w:Discussions Started, w:Ideas Submitted, w:Articles Published,
        w:Product Updates Published, w:Replies Created, w:Views""",
}


def api_name(label: str) -> str:
    """`Community albatross-us User` becomes `Community_albatross_us_User__gc`."""
    return "_".join(re.findall(r"[A-Za-z0-9]+", label)) + "__gc"


def raw_label(tenant: str, kind: str) -> str:
    return f"Community {tenant} {kind}"


def objects(system: list[FieldDef], tenants: Iterable[str], profile: Iterable[str]) -> dict[str, ObjectDef]:
    """All of them by label. `profile` names the profile fields, which are attributes of each User object."""
    columns = list(profile)
    described = {raw_label(tenant, kind): fields for tenant in tenants for kind, fields in RAW.items()} | CORE
    made = {}
    for number, (label, fields) in enumerate(described.items()):
        own = _fields(fields)
        if fields is RAW["User"]:
            own += _profile(columns, {field.label.casefold() for field in own})
        made[label] = _object(label, number, [*system, *own])
    return made


def without(item: ObjectDef, label: str) -> ObjectDef:
    """The object without the field of that label. KeyError when it has none, or when its records are found by it."""
    keyed = next(field.label for field in item.fields.values() if field.name == item.name_field)
    labels = {field.label: field.name for field in item.fields.values() if field.name not in SYSTEM_FIELDS}
    if label == keyed:
        raise KeyError(label)
    gone = labels[label]
    return _like(item, [field for field in item.fields.values() if field.name != gone])


def labelled(item: ObjectDef, label: str) -> ObjectDef:
    """The same object under another label; API names stay as they were made."""
    return _like(item, list(item.fields.values()), label)


def _like(item: ObjectDef, fields: list[FieldDef], label: str = "") -> ObjectDef:
    shown = label or item.label
    return define(
        item.name,
        shown,
        shown,
        item.kind,
        key=item.prefix[:4],
        fields=fields,
        transactional=True,
        writable=True,
        name_field=item.name_field,
    )


def _object(label: str, number: int, fields: list[FieldDef]) -> ObjectDef:
    name_field = next(field.name for field in fields if field.name not in SYSTEM_FIELDS)
    return define(
        api_name(label),
        label,
        label,
        "CUSTOM",
        key=f"1Y{number:02d}"[:4],
        fields=fields,
        transactional=True,
        writable=True,
        name_field=name_field,
    )


def _fields(text: str) -> list[FieldDef]:
    found = []
    for entry in (part.strip() for part in text.split(",")):
        if entry in LOOKUPS:
            found.append(_lookup(entry))
            continue
        letter, _, label = entry.partition(":")
        found.append(_field(letter, label))
    return found


def _field(letter: str, label: str) -> FieldDef:
    kind, decimals, length = TYPES[letter], DECIMALS.get(letter, 0), LENGTHS.get(letter, 220)
    return FieldDef(name=api_name(label), label=label, type=kind, group="CUSTOM", decimals=decimals, length=length)


def _lookup(label: str) -> FieldDef:
    return FieldDef(name=api_name(label), label=label, type="LOOKUP", group="CUSTOM", target=LOOKUPS[label])


def _profile(names: Iterable[str], taken: set[str]) -> list[FieldDef]:
    """Profile fields; one that is called like another field gets a suffix."""
    found = []
    for name in names:
        label = name
        while label.casefold() in taken:
            label = f"{label} {CLASH}"
        taken.add(label.casefold())
        found.append(_field("s", label))
    return found
