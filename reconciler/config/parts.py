"""What the shapes of all documents are made of: strict models, names, secret references, schedules."""

# No postponed annotations: pydantic would compile each of them again from its text.
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes


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


SCHEDULE_SCHEMA: dict[str, Any] = {
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


SortedLists = Mapping[str, Callable[[Any], Any]]


class AnyKind(Strict):
    sorted_lists: ClassVar[SortedLists] = {}
    """Lists of the spec whose order means nothing, with the key they are sorted by."""

    apiVersion: Literal["reconciler/v1"]
    metadata: Metadata
