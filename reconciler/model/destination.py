"""What Gainsight CS takes records for: which objects, found by which keys, and what may become of a key that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.model.catalog import DataType
from reconciler.model.resources import Behavior

PERSON, COMPANY = "Person", "Company"
COMPANY_PERSON, RELATIONSHIP_PERSON = "Company Person", "Relationship Person"

KEYS: Mapping[str, tuple[str, ...]] = {
    PERSON: ("Email",),
    COMPANY: ("Name",),
    COMPANY_PERSON: ("Person Email", "Company Name"),
    RELATIONSHIP_PERSON: ("Person Email", "Company Name", "Relationship Name"),
}
"""The standard objects, and what their records are found by. For those of two words it is other records' names."""

PEOPLE = frozenset((PERSON, COMPANY_PERSON, RELATIONSHIP_PERSON))
"""Objects that are written through the API for people, which takes no lookups and always creates who is not there."""

TIES = frozenset((COMPANY_PERSON, RELATIONSHIP_PERSON))
"""Objects that tie a person to something. The lookups they need are what their key names."""

GSID: Final = "Gsid"
"""As `lookup` of a field: its values are ids already, and nothing has to be looked up."""

MAX_KEYS: Final = 3
"""How many fields the API finds a record of a custom object by."""

KEY_TYPES = frozenset((DataType.STRING, DataType.GSID, DataType.NUMBER, DataType.EMAIL))
"""Data types of fields that the API finds records by."""


def behaviors(name: str) -> tuple[Behavior, ...]:
    """What an object can be synced with."""
    return (Behavior.UPDATE_OR_CREATE,) if name in PEOPLE else (Behavior.UPDATE_OR_CREATE, Behavior.UPDATE_ONLY)
