"""The shape of the project file. Apart from the other documents, because an unchanged one is taken from the cache."""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from reconciler.config import defaults, discovery, shapes
from reconciler.config.channels import Notification
from reconciler.config.discovery import PROJECT_FILE
from reconciler.config.git import address
from reconciler.config.parts import ONE_REFERENCE, AnyKind, Secret, SecretReference, Strict, reference, shape

PROJECT = "Project"
_URLS = "write sqlite:///var/reconciler.db, postgresql://user@host/name, or {env: NAME}"


def _database(value: object) -> object:
    if isinstance(value, dict):
        return reference(value)
    if isinstance(value, str) and shapes.has_password(value):
        raise PydanticCustomError("E-SECRET", "a secret never stands in YAML")
    if not isinstance(value, str):
        raise PydanticCustomError("E-TYPE", "a database URL stands here, or a reference to one", {"hint": _URLS})
    if not shapes.is_database(value):
        raise PydanticCustomError("E-VALUE", "this is no URL of a database that is supported", {"hint": _URLS})
    return value


def _below(path: str) -> str:
    """A path that cannot lead out of the project, judged by its spelling."""
    if why := discovery.outside(path):
        raise PydanticCustomError("E-PATH", "this path {why}", {"why": why, "hint": "name a file below reconcile.yaml"})
    return path


def _within(path: str, other: str) -> bool:
    """Whether a path is `other` or below it."""
    parts, above = ([part for part in one.split("/") if part not in ("", ".")] for one in (path, other))
    return parts[: len(above)] == above


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


# -- source ------------------------------------------------------------------------------------------------------------


def _no_credentials(value: object) -> object:
    if isinstance(value, str) and address.carries_credentials(value):
        raise PydanticCustomError("E-SECRET", "a secret never stands in YAML, and so not in a URL")
    return value


def _key_file(value: object) -> object:
    found = reference(value)
    if isinstance(found, dict) and "env" in found:
        raise PydanticCustomError("E-SECRET-FORM", "an ssh key is read by ssh itself, so it stands in a file")
    return found


_ONE_FILE = {
    **{key: value for key, value in ONE_REFERENCE.items() if key not in ("title", "description", "maxProperties")},
    "title": "KeyFile",
    "description": "The file of a private key.",
    "properties": {"file": {"type": "string", "minLength": 1, "description": "Path of a file, from the config root."}},
    "examples": [{"file": "/run/secrets/deploy_key"}],
}


class GitSourceSpec(Strict):
    """A branch of a git repository that the running program follows."""

    git: Annotated[
        str,
        Field(min_length=1, max_length=2048, examples=["https://git.example.com/acme/customer-data.git"]),
        BeforeValidator(_no_credentials),
        shape(address.url),
        Field(description=f"The repository: {address.FORMS}.", json_schema_extra={"pattern": address.URL}),
    ]
    branch: Annotated[
        str, Field(min_length=1, max_length=244, description="The branch that is followed."), shape(address.branch)
    ] = defaults.BRANCH
    path: Annotated[
        str,
        Field(min_length=1, max_length=1024, description="Folder of reconcile.yaml in the repository."),
        shape(address.folder, "E-PATH"),
    ] = defaults.SOURCE_PATH
    every: Annotated[
        str,
        _length(10, 86_400),
        Field(
            description="How often the repository is asked: at least 10s.",
            examples=["1m", "30s"],
            json_schema_extra=_PERIOD,
        ),
    ] = defaults.SOURCE_EVERY
    username: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="Beside the token; most hosts take any."
    )
    token: Secret | None = Field(default=None, description="What https asks for: an access token or a password.")
    sshKey: Annotated[SecretReference, BeforeValidator(_key_file), WithJsonSchema(_ONE_FILE)] | None = Field(
        default=None, description="Private key for ssh, in a file; without it ssh takes what it is set up with."
    )
    onRewrite: Literal["refuse", "accept"] = Field(
        default=defaults.ON_REWRITE,
        description="What happens when the history of the branch no longer holds the commit that was applied.",
    )

    @model_validator(mode="after")
    def _credentials_fit(self) -> Self:
        scheme = address.parse(self.git).scheme
        if self.token is not None and scheme not in ("https", "http"):
            raise PydanticCustomError(
                "E-VALUE", "a token is for https; ssh takes `sshKey`, a local folder takes nothing"
            )
        if self.sshKey is not None and scheme != "ssh":
            raise PydanticCustomError(
                "E-VALUE", "an ssh key is for ssh; https takes `token`, a local folder takes nothing"
            )
        if self.username is not None and (
            self.token is None or ":" in self.username or not self.username.isprintable()
        ):
            raise PydanticCustomError(
                "E-VALUE", "`username` stands beside `token`, without a colon; that of ssh is in the URL"
            )
        return self


# -- project -----------------------------------------------------------------------------------------------------------


_LEFT_OUT: Any = ()
"""No list: what stands in YAML is never this."""


def _configs(value: object, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    if value is not _LEFT_OUT:
        return check(value)
    if "source" in info.data and info.data["source"] is None:
        raise PydanticKnownError("missing")
    return []


class ProjectSpec(Strict):
    """What belongs to the project and where its state is kept."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["configs"]}, {"required": ["source"]}]})

    # Before `configs`, whose check looks at it.
    source: GitSourceSpec | None = Field(
        default=None, description="A branch that the running program follows; the project file there has the configs."
    )
    configs: Annotated[
        list[RelativePath],
        Field(min_length=1, max_length=1000, description="Folders and files below this one; needed without `source`."),
        WrapValidator(_configs),
        Field(default=_LEFT_OUT, validate_default=True, json_schema_extra=lambda schema: schema.pop("default", None)),
    ]
    database: Annotated[
        str | SecretReference,
        BeforeValidator(_database),
        WithJsonSchema(
            {"anyOf": [{"type": "string", "minLength": 1, "not": {"pattern": "://[^/@]*:[^/@]+@"}}, ONE_REFERENCE]}
        ),
    ] = Field(default=defaults.DATABASE, description="A database URL without a password, or a reference to one.")
    stateFile: Annotated[RelativePath, AfterValidator(_below)] = Field(
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

    @model_validator(mode="after")
    def _apart(self) -> Self:
        """What the program writes may not stand among what people write."""
        sqlite = self.database.partition(":///")[2] if isinstance(self.database, str) else ""
        database = sqlite if self.database == f"sqlite:///{sqlite}" and not sqlite.startswith("/") else ""
        for key, written, others in (
            ("database", database, [PROJECT_FILE, *self.configs, self.catalog]),
            ("stateFile", self.stateFile, [PROJECT_FILE, *self.configs, self.catalog, database]),
        ):
            clash = next((other for other in others if written and other and _within(written, other)), None)
            if clash is not None:
                found = {"clash": clash, "at": key, "hint": "choose another path, such as one below var"}
                raise PydanticCustomError("E-PATH", "this file would be written into {clash}", found)
        return self


class Project(AnyKind):
    """The project file, reconcile.yaml."""

    kind: Literal["Project"]
    spec: ProjectSpec


PROJECTS: TypeAdapter[Project] = TypeAdapter(Project)
