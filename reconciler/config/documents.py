"""The shapes of the documents. Pydantic at the edge: from here on there are plain `Document`s and typed resources.

A new kind is a new class in `AnyDocument`; `KINDS` follows. What a document means beside others is checked by `rules`, so that
a wrong attribute does not hide a wrong connection; here stands what can be said about one document alone.
"""

# No postponed annotations: pydantic would compile each of them again from its text.
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, JsonValue, TypeAdapter, WithJsonSchema

from reconciler.config import defaults, shapes
from reconciler.config.imports import CommunityImport
from reconciler.config.parts import (
    SCHEDULE_SCHEMA,
    AnyKind,
    CcRateLimit,
    CsRateLimit,
    Metadata,
    Name,
    Schedule,
    Secret,
    SortedLists,
    Strict,
    shape,
)
from reconciler.config.warehouse import Model, SqlSpec, Sync
from reconciler.model.document import Document, DocumentId
from reconciler.model.resources import NOTIFICATION_TYPES, SOURCE_OBJECTS

API_VERSION = "reconciler/v1"

Orders = Mapping[str, tuple[int, ...]]
"""For each list of a spec that was sorted: where its items stood in the file."""


class ProfileFieldSpec(Strict):
    """A user profile field, as an admin set it up in the community."""

    name: Annotated[str, Field(max_length=255, description="Exactly as in the community.", examples=["Job Title"])]
    type: Literal["text", "number", "date", "boolean", "dropdown", "multiselect"] = Field(
        default="text", description="What the field takes; attributes that do not fit are refused."
    )
    visibility: Literal["public", "private", "hidden"] = Field(
        default="public", description="Who can see it. Communities make fields public unless an admin changes that."
    )


BaseUrl = Annotated[
    str,
    Field(
        pattern=r"^https?://[^/?#@\s]+/?$", max_length=2048, description="Only where the address is not the usual one."
    ),
]


# -- connections -------------------------------------------------------------------------------------------------------


class _ConnectionSpec(Strict):
    sso: bool = Field(default=False, description="Single sign-on is set up on this end.")
    active: bool = Field(default=True, description="false: nothing of it syncs, everything is kept.")
    concurrency: int = Field(default=defaults.CONCURRENCY, ge=1, le=32, description="Calls under way at once.")
    baseUrl: BaseUrl | None = None


class CsSpec(_ConnectionSpec):
    """A Gainsight Customer Success tenant."""

    type: Literal["gainsight-cs"]
    domain: Annotated[
        str,
        shape(shapes.host),
        Field(description="Host name of the tenant.", examples=["acme.gainsightcloud.com"]),
        Field(json_schema_extra={"pattern": shapes.HOST}),
    ]
    accessKey: Annotated[Secret, Field(description="Of the Gainsight API connection; an organisation has one.")]
    rateLimit: CsRateLimit = CsRateLimit()


class CcSpec(_ConnectionSpec):
    """A Gainsight Customer Communities tenant."""

    type: Literal["gainsight-cc"]
    tenant: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
            description="Name of the tenant; it becomes part of the names of raw objects.",
            examples=["albatross-us"],
        ),
    ]
    region: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$",
            description="Known: eu-west-1, us-west-2.",
            examples=["eu-west-1"],
        ),
    ]
    clientId: Annotated[Secret, Field(description="Of the API credentials in Control > Integrations > API.")]
    clientSecret: Annotated[Secret, Field(description="Of the same credentials.")]
    connectedTo: Name | None = Field(
        default=None, description="The CS connection at the other end of the one-click connection."
    )
    pathPrefix: Literal["/api1", ""] = Field(
        default=defaults.PATH_PREFIX,
        description="What the paths of the user API begin with; older tenants have nothing there.",
    )
    profileFields: list[ProfileFieldSpec] = Field(
        default=[], description="The API cannot list them, so they are declared."
    )
    rateLimit: CcRateLimit = CcRateLimit()


ConnectionSpec = Annotated[CsSpec | CcSpec | SqlSpec, Field(discriminator="type")]


class Connection(AnyKind):
    """A remote system: a Gainsight CS tenant, a community or a warehouse."""

    sorted_lists: ClassVar[SortedLists] = {"profileFields": lambda item: (item.name, item.type, item.visibility)}

    kind: Literal["Connection"]
    spec: ConnectionSpec


# -- mappings ----------------------------------------------------------------------------------------------------------


class FieldMappingSpec(Strict):
    """One attribute of a CS object that is written to one profile field."""

    object: Annotated[
        str, Field(description="The CS object that is read.", json_schema_extra={"enum": list(SOURCE_OBJECTS)})
    ]
    attribute: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            description="API name of the attribute, not a lookup.",
            examples=["Title"],
            json_schema_extra={"not": {"pattern": r"__gr\."}},
        ),
    ]
    profileField: Annotated[
        str,
        Field(
            max_length=255,
            description="Name of a profile field that the connection declares. One mapping writes it, over all documents.",
            json_schema_extra={"minLength": 1},
            examples=["Job Title"],
        ),
    ]


class MappingSpec(Strict):
    """A flow from CS attributes to the profile fields of one community."""

    from_: Name = Field(alias="from", description="A connection of type gainsight-cs.")
    to: Name = Field(description="A connection of type gainsight-cc.")
    schedule: Annotated[Schedule, WithJsonSchema({**SCHEDULE_SCHEMA, "default": {"every": defaults.EVERY}})] = Schedule(
        every=defaults.EVERY
    )
    suspend: bool = Field(default=False, description="true: no cycle starts until this is false again; data stays.")
    mappings: list[FieldMappingSpec] = Field(min_length=1, description="What is written where.")


class ProfileFieldMapping(AnyKind):
    """Keeps profile fields of a community equal to attributes of Gainsight CS."""

    sorted_lists: ClassVar[SortedLists] = {"mappings": lambda item: (item.profileField, item.object, item.attribute)}

    kind: Literal["ProfileFieldMapping"]
    spec: MappingSpec


AnyDocument = Annotated[Connection | ProfileFieldMapping | CommunityImport | Model | Sync, Field(discriminator="kind")]
"""Every kind that may stand in a configuration file."""

KINDS: Mapping[str, type[AnyKind]] = {
    kind: model
    for model in get_args(get_args(AnyDocument)[0])
    for kind in get_args(model.model_fields["kind"].annotation)
}

DOCUMENTS: TypeAdapter[AnyKind] = TypeAdapter(AnyDocument)

COMMON_KEYS = frozenset(("apiVersion", "kind", "metadata", "spec"))
"""What every document has at its top."""

CONNECTION_TYPES = tuple(get_args(model.model_fields["type"].annotation)[0] for model in (CsSpec, CcSpec, SqlSpec))

TAGS = frozenset((*KINDS, *CONNECTION_TYPES, *NOTIFICATION_TYPES))
"""What pydantic puts into a location for the member of a union that it chose."""


def to_document(parsed: Any) -> tuple[Document, Orders]:
    """The normalised document: defaults left out, lists without an order sorted."""
    spec: dict[str, JsonValue] = parsed.spec.model_dump(by_alias=True, exclude_defaults=True)
    orders: dict[str, tuple[int, ...]] = {}
    for key, sort_key in parsed.sorted_lists.items():
        items = getattr(parsed.spec, key, None)
        dumped = spec.get(key)
        if items and isinstance(dumped, list):
            order = sorted(range(len(items)), key=lambda at: sort_key(items[at]))
            spec[key] = [dumped[at] for at in order]
            orders[key] = tuple(order)
    metadata: Metadata = parsed.metadata
    return Document(id=DocumentId(parsed.kind, metadata.name), spec=spec, labels=metadata.labels), orders
