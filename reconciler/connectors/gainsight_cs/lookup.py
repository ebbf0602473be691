"""Whether a field is a lookup. `dataType` alone does not say: `ParentCompany` of Company is a GSID that points to a company."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.model.json import Json

MAPPED_IDENTITIES = frozenset(
    {
        "GS_COMPANY_ID",
        "GS_COMPANY_NAME",
        "GS_USER_ID",
        "GS_USER_NAME",
        "GS_USER_EMAIL",
        "GS_RELATIONSHIP_ID",
        "GS_RELATIONSHIP_NAME",
        "GS_RELATIONSHIP_TYPE_ID",
        "GS_RELATIONSHIP_TYPE_NAME",
    }
)
"""Keys under which a tenant maps a plain field to the identity of another record."""

OWN_IDENTITY = frozenset({"name", "gsid"})
"""Fields that carry such a mapping for their own record."""

Field = Mapping[str, Json]
Meta = Mapping[str, Json]


def _mapped(field: Field, meta: Meta) -> bool:
    mappings = meta.get("mappings")
    gainsight = mappings.get("GAINSIGHT") if isinstance(mappings, Mapping) else None
    key = gainsight.get("key") if isinstance(gainsight, Mapping) else None
    own = str(field.get("fieldName", "")).casefold() in OWN_IDENTITY
    return key in MAPPED_IDENTITIES and not own


SIGNS: tuple[tuple[str, Callable[[Field, Meta], bool]], ...] = (
    ("its data type is LOOKUP", lambda field, _: str(field.get("dataType", "")).upper() == "LOOKUP"),
    ("its metadata says hasLookup", lambda _, meta: _true(meta.get("hasLookup"))),
    ("its metadata has lookup details", lambda _, meta: bool(meta.get("lookupDetail"))),
    ("it points to a record of its own object (selfLookup)", lambda _, meta: _true(meta.get("selfLookup"))),
    ("it was created as a lookup", lambda _, meta: str(meta.get("originalDataType", "")).lower() == "lookup"),
    ("it is mapped to the identity of another record", _mapped),
)
"""Every sign of a lookup, in words for an error message, strongest first."""


def lookup_reason(field: Field) -> str | None:
    """The first sign that gives this described field away as a lookup; None when it is a plain field."""
    meta = field.get("meta")
    known: Meta = meta if isinstance(meta, Mapping) else {}
    return next((words for words, holds in SIGNS if holds(field, known)), None)


def _true(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
