"""The profile fields every community starts with. `Support Tier` is left out: it is the demo's missing field."""

from __future__ import annotations

from reconciler.sandbox.cc.community import Community, ProfileField
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
PRODUCT_NAMES = tuple(text.removeprefix("-") for text in PRODUCTS)
IDS_PER_COMMUNITY = 100


def community(number: int) -> Community:
    offset = (number - 1) * IDS_PER_COMMUNITY
    defined = [
        ProfileField(id=offset + n, name=name, type=kind, visibility=visibility, options=options)
        for n, (name, kind, visibility, options) in enumerate(STARTING, start=1)
    ]
    return Community(number=number, fields={item.id: item for item in defined})
