"""The profile fields every community starts with. `Support Tier` is left out: it is the demo's missing field."""

from __future__ import annotations

from reconciler.sandbox.cc.community import Community, ProfileField
from reconciler.sandbox.config import tenant
from reconciler.sandbox.cs.catalog import LIFECYCLE, PRODUCTS

# (name, type, visibility, options); ids count up from 1, in the next community from 101, because ids are per tenant.
STARTING = (
    ("First Name", "text", "private", ()),
    ("Last Name", "text", "private", ()),
    ("City", "text", "public", ()),
    ("Country", "text", "public", ()),
    ("Company", "text", "public", ()),
    ("Job Title", "text", "public", ()),
    ("A bit about yourself", "textarea", "public", ()),
    ("Department", "text", "public", ()),
    ("Region", "dropdown", "public", ("AMER", "APAC", "EMEA", "LATAM")),
    ("Lifecycle Stage", "dropdown", "hidden", tuple(text.removeprefix("-") for text in LIFECYCLE)),
    ("Products", "text", "hidden", ()),
    ("Renewal Date", "date", "hidden", ()),
    ("Seats", "number", "private", ()),
    ("Champion", "text", "hidden", ()),
    ("Timezone", "text", "private", ()),
    ("Health Score", "number", "hidden", ()),
)
PHONE = ("Phone", "text", "private", ())
PRODUCT_NAMES = tuple(text.removeprefix("-") for text in PRODUCTS)
IDS_PER_COMMUNITY = 100


def community(number: int, phones: bool) -> Community:
    """A community without members and topics. `phones` adds a field for them at the end."""
    offset = (number - 1) * IDS_PER_COMMUNITY
    defined = [
        ProfileField(id=offset + n, name=name, type=kind, visibility=visibility, options=options)
        for n, (name, kind, visibility, options) in enumerate((*STARTING, PHONE) if phones else STARTING, start=1)
    ]
    return Community(number=number, tenant=tenant(number), fields={item.id: item for item in defined})


def filled_by_hand(community: Community) -> list[ProfileField]:
    """Those that members fill in as they like. Phones are given out one by one."""
    return [item for item in community.fields.values() if item.name != PHONE[0]]


def id_of(name: str, number: int) -> int:
    """The id that a starting field has in a community."""
    return (number - 1) * IDS_PER_COMMUNITY + 1 + [item[0] for item in (*STARTING, PHONE)].index(name)


def names(phones: bool) -> list[str]:
    return [item[0] for item in ((*STARTING, PHONE) if phones else STARTING)]
