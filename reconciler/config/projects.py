"""The shape of the project file. Apart from the other documents, because an unchanged one is taken from the cache."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes
from reconciler.config.documents import ONE_REFERENCE, AnyKind, SecretReference, Strict, reference

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


class Project(AnyKind):
    """The project file, reconcile.yaml."""

    kind: Literal["Project"]
    spec: ProjectSpec


PROJECTS: TypeAdapter[Project] = TypeAdapter(Project)
