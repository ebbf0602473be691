"""The shapes of the documents. Pydantic at the edge: from here on there are plain `Document`s and typed resources.

A new kind is a new class in `AnyDocument`; `KINDS` follows. What a document means beside others is checked by `rules`, so that
a wrong attribute does not hide a wrong connection; here stands what can be said about one document alone.
"""

# No postponed annotations: pydantic would compile each of them again from its text.
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes
from reconciler.model.document import Document, DocumentId
from reconciler.model.resources import NOTIFICATION_TYPES, SOURCE_OBJECTS

API_VERSION = "reconciler/v1"

Orders = Mapping[str, tuple[int, ...]]
"""For each list of a spec that was sorted: where its items stood in the file."""


class Strict(BaseModel):
    """Exact types, no unknown keys, and no input in any error."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True, title=None)


def shape(check: Callable[[str], str], code: str = "E-VALUE") -> AfterValidator:
    """A check of `shapes` as part of a field; its message becomes the diagnostic's."""

    def validate(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            found = {"why": str(error), "hint": getattr(error, "hint", None)}
            raise PydanticCustomError(code, "{why}", found) from None

    return AfterValidator(validate)


Name = Annotated[
    str,
    Field(
        pattern=shapes.NAME, description="Lower-case letters, digits and -, 1 to 63 characters.", examples=["acme-cs"]
    ),
]
Title = Annotated[str, Field(min_length=1, max_length=255)]


# -- secrets -----------------------------------------------------------------------------------------------------------


class SecretReference(Strict):
    """Where a secret is found: in an environment variable or in a file. Never the secret itself."""

    env: Annotated[str, Field(pattern=shapes.ENV, description="Name of an environment variable.")] | None = None
    file: (
        Annotated[str, Field(min_length=1, max_length=4096, description="Path of a file, from the config root.")] | None
    ) = None


def reference(value: object) -> object:
    """Everything but a well-formed reference is refused here, without a word about what stood there."""
    if not isinstance(value, dict):
        raise PydanticCustomError("E-SECRET", "a secret never stands in YAML")
    source = next(iter(value), None) if len(value) == 1 else None
    name = value[source] if source in ("env", "file") else None
    if not isinstance(name, str) or not name or not name.isprintable() or len(name) > 4096:
        raise PydanticCustomError("E-SECRET-FORM", "a secret reference is either {env: NAME} or {file: PATH}")
    if source == "env" and not _is_env(name):
        raise PydanticCustomError("E-SECRET-FORM", "this is no name of an environment variable")
    return value


def _is_env(name: str) -> bool:
    return name.isascii() and name.isidentifier()


ONE_REFERENCE = {
    "title": "SecretReference",
    "description": SecretReference.__doc__,
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "env": {"type": "string", "pattern": shapes.ENV, "description": "Name of an environment variable."},
        "file": {"type": "string", "minLength": 1, "description": "Path of a file, from the config root."},
    },
    "examples": [{"env": "ACME_CS_KEY"}, {"file": "/run/secrets/acme_cc"}],
}

Secret = Annotated[SecretReference, BeforeValidator(reference), WithJsonSchema(ONE_REFERENCE)]


# -- parts -------------------------------------------------------------------------------------------------------------


class Metadata(Strict):
    """What a document is called."""

    name: Name
    labels: dict[
        Annotated[str, Field(min_length=1, max_length=63)],
        Annotated[str, Field(max_length=255)],
    ] = Field(
        # Not a default value, which would be copied for every document.
        default_factory=dict,
        description="Words of your own, for searching and filtering.",
        json_schema_extra={"default": {}},
    )


_SCHEDULE_SCHEMA: dict[str, Any] = {
    "title": "Schedule",
    "description": "When a cycle is due: a period, anchored to midnight UTC of 1970-01-01, or five cron fields in a time zone.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "every": {
            "type": "string",
            "pattern": shapes.PERIOD,
            "description": "A period: m, h or d; at least 5m.",
            "examples": ["4h", "30m", "1d"],
        },
        "cron": {
            "type": "string",
            "pattern": shapes.CRON,
            "description": "Five cron fields; at least 5 minutes apart.",
            "examples": ["0 */4 * * *"],
        },
        "timezone": {
            "type": "string",
            "default": "UTC",
            "description": "Where the cron fields are read; only with cron.",
            "examples": ["Europe/Berlin"],
        },
    },
    "oneOf": [{"required": ["every"], "not": {"required": ["timezone"]}}, {"required": ["cron"]}],
    "examples": [{"every": "4h"}, {"cron": "0 */4 * * *", "timezone": "Europe/Berlin"}],
}


class Schedule(Strict):
    """When a cycle is due."""

    every: Annotated[str, shape(shapes.period, "E-SCHEDULE")] | None = None
    cron: Annotated[str, shape(shapes.cron, "E-SCHEDULE")] | None = None
    timezone: Annotated[str, shape(shapes.timezone_name, "E-SCHEDULE")] = defaults.TIMEZONE

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise PydanticCustomError("E-SCHEDULE", "a schedule has either `every` or `cron`")
        if self.every is not None and "timezone" in self.model_fields_set:
            raise PydanticCustomError("E-SCHEDULE", "`every` is anchored in UTC; only `cron` has a time zone")
        return self


class _RateLimit(Strict):
    perMinute: Annotated[int, Field(ge=1, le=100_000)] | None
    perDay: Annotated[int, Field(ge=1, le=100_000_000)] | None


class CsRateLimit(_RateLimit):
    """Calls per clock minute and per UTC day; null means no limit of ours."""

    perMinute: Annotated[int, Field(ge=1, le=100_000)] | None = defaults.CS_RATE.per_minute
    perDay: Annotated[int, Field(ge=1, le=100_000_000)] | None = defaults.CS_RATE.per_day


class CcRateLimit(_RateLimit):
    """Calls per clock minute and per UTC day; null means no limit of ours."""

    perMinute: Annotated[int, Field(ge=1, le=100_000)] | None = defaults.CC_RATE.per_minute
    perDay: Annotated[int, Field(ge=1, le=100_000_000)] | None = defaults.CC_RATE.per_day


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


ConnectionSpec = Annotated[CsSpec | CcSpec, Field(discriminator="type")]


class AnyKind(Strict):
    sorted_lists: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """Lists of the spec whose order means nothing, with the key they are sorted by."""

    apiVersion: Literal["reconciler/v1"]
    metadata: Metadata


class Connection(AnyKind):
    """A remote system: a Gainsight CS tenant or a community."""

    sorted_lists = {"profileFields": lambda item: (item.name, item.type, item.visibility)}

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
    schedule: Annotated[Schedule, WithJsonSchema({**_SCHEDULE_SCHEMA, "default": {"every": defaults.EVERY}})] = (
        Schedule(every=defaults.EVERY)
    )
    suspend: bool = Field(default=False, description="true: no cycle starts until this is false again; data stays.")
    mappings: list[FieldMappingSpec] = Field(min_length=1, description="What is written where.")


class ProfileFieldMapping(AnyKind):
    """Keeps profile fields of a community equal to attributes of Gainsight CS."""

    sorted_lists = {"mappings": lambda item: (item.profileField, item.object, item.attribute)}

    kind: Literal["ProfileFieldMapping"]
    spec: MappingSpec


AnyDocument = Annotated[Connection | ProfileFieldMapping, Field(discriminator="kind")]
"""Every kind that may stand in a configuration file."""

KINDS: Mapping[str, type[AnyKind]] = {
    kind: model
    for model in get_args(get_args(AnyDocument)[0])
    for kind in get_args(model.model_fields["kind"].annotation)
}

DOCUMENTS: TypeAdapter[AnyKind] = TypeAdapter(AnyDocument)

COMMON_KEYS = frozenset(("apiVersion", "kind", "metadata", "spec"))
"""What every document has at its top."""

CONNECTION_TYPES = tuple(get_args(model.model_fields["type"].annotation)[0] for model in (CsSpec, CcSpec))

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
