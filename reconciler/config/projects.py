"""The shape of the project file. Apart from the other documents, because an unchanged one is taken from the cache."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes
from reconciler.config.channels import Notification
from reconciler.config.documents import ONE_REFERENCE, AnyKind, SecretReference, Strict, reference, shape

PROJECT = "Project"


def _database(value: object) -> object:
    if isinstance(value, dict):
        return reference(value)
    if isinstance(value, str) and shapes.has_password(value):
        raise PydanticCustomError("E-SECRET", "a secret never stands in YAML")
    if not isinstance(value, str):
        raise PydanticCustomError("E-TYPE", "a database URL stands here, or a reference to one")
    return value


class LimitsSpec(Strict):
    """How much one apply may change without being confirmed."""

    maxChangePercent: int = Field(
        default=defaults.LIMITS.max_change_percent,
        ge=0,
        le=100,
        description="Share of the recorded documents, and of the mappings, that may change or be forgotten unconfirmed.",
    )
    minRecords: int = Field(
        default=defaults.LIMITS.min_records, ge=0, le=1_000_000, description="With fewer recorded there is no limit."
    )


def _length(shortest: int, longest: int) -> AfterValidator:
    """A length of time, spelt as periods are."""
    return shape(partial(shapes.length, shortest=shortest, longest=longest))


def _default(length: timedelta) -> str:
    return shapes.spelt(int(length.total_seconds()))


_PERIOD: dict[str, Any] = {"pattern": shapes.PERIOD}


class RetrySpec(Strict):
    """When a cycle that failed is tried again, before its next slot."""

    first: Annotated[str, _length(1, 86_400)] = Field(
        default=_default(defaults.LOOP.retry_first),
        description="After the first failure; then twice as long each time.",
        json_schema_extra=_PERIOD,
    )
    longest: Annotated[str, _length(1, 7 * 86_400)] = Field(
        default=_default(defaults.LOOP.retry_longest), description="No wait is longer.", json_schema_extra=_PERIOD
    )


class LoopSpec(Strict):
    """How `reconcile run` works."""

    workers: int = Field(
        default=defaults.LOOP.workers, ge=1, le=64, description="Cycles under way at once, in each process."
    )
    poll: Annotated[str, _length(1, 86_400)] = Field(
        default=_default(defaults.LOOP.poll),
        description="How often the configuration is looked at.",
        json_schema_extra=_PERIOD,
    )
    retry: RetrySpec = Field(default=RetrySpec(), description="When a cycle that failed is tried again.")
    jitter: Annotated[str, _length(0, 3600)] = Field(
        default=_default(defaults.LOOP.jitter),
        description="Starts of slots are spread over this time, at most a twentieth of the period.",
        json_schema_extra=_PERIOD,
    )


RelativePath = Annotated[str, Field(min_length=1, max_length=1024)]


class ProjectSpec(Strict):
    """What belongs to the project and where its state is kept."""

    configs: list[RelativePath] = Field(min_length=1, max_length=1000, description="Folders and files below this one.")
    database: Annotated[
        str | SecretReference,
        BeforeValidator(_database),
        WithJsonSchema(
            {"anyOf": [{"type": "string", "minLength": 1, "not": {"pattern": "://[^/@]*:[^/@]+@"}}, ONE_REFERENCE]}
        ),
    ] = Field(default=defaults.DATABASE, description="A database URL without a password, or a reference to one.")
    stateFile: RelativePath = Field(
        default=defaults.STATE_FILE,
        description="Where the statuses are written for scripts and dashboards. Not for git.",
    )
    catalog: RelativePath = Field(
        default=defaults.CATALOG, description="Folder of the pinned remote metadata. Commit it."
    )
    limits: LimitsSpec = Field(
        default=LimitsSpec(), description="How much one apply may change without being confirmed."
    )
    applyPolicy: Literal["auto", "manual"] = Field(
        default="auto",
        description="What `reconcile run` does with a plan: applies those within the limits, or waits for each to be approved.",
    )
    loop: LoopSpec = Field(default=LoopSpec(), description="How `reconcile run` works.")
    notifications: list[Notification] = Field(
        default=[], max_length=100, description="Who hears of conditions that begin or end, and how."
    )


class Project(AnyKind):
    """The project file, reconcile.yaml."""

    kind: Literal["Project"]
    spec: ProjectSpec


PROJECTS: TypeAdapter[Project] = TypeAdapter(Project)
