"""The documents of a project as typed, frozen values. `config.documents` makes them, at the edge and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from reconciler.model.event import Condition
from reconciler.model.json import Json

SOURCE_OBJECTS = ("Person", "Company Person")
"""The Gainsight CS objects whose attributes can flow into community profiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret is found. Never the secret itself."""

    source: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Calls that the program may make in each clock minute and each UTC day. None means no limit of ours."""

    per_minute: int | None
    per_day: int | None


CS_RATE_LIMIT = RateLimit(per_minute=100, per_day=50_000)
"""Published by Gainsight for synchronous calls."""

CC_RATE_LIMIT = RateLimit(per_minute=100, per_day=None)
"""Nothing is published for communities: a careful default that a connection may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsConnection:
    """A Gainsight CS tenant."""

    name: str
    domain: str
    base_url: str | None
    access_key: SecretRef
    sso: bool
    active: bool
    rate_limit: RateLimit
    concurrency: int


class Visibility(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    HIDDEN = "hidden"


class ProfileFieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    DROPDOWN = "dropdown"
    MULTISELECT = "multiselect"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileField:
    """A user profile field as an admin set it up in the community. The API cannot list them, so they are declared."""

    name: str
    type: ProfileFieldType
    visibility: Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class CcConnection:
    """A Gainsight Customer Communities tenant."""

    name: str
    tenant: str
    region: str
    base_url: str | None
    client_id: SecretRef
    client_secret: SecretRef
    sso: bool
    connected_to: str | None
    active: bool
    profile_fields: tuple[ProfileField, ...]
    rate_limit: RateLimit
    concurrency: int
    path_prefix: str


class Dialect(StrEnum):
    """What kind of database a model is written for. Its URL would say so, but that is a secret, and validation has none."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    DUCKDB = "duckdb"
    SNOWFLAKE = "snowflake"
    BIGQUERY = "bigquery"
    DATABRICKS = "databricks"
    REDSHIFT = "redshift"
    TRINO = "trino"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlConnection:
    """A database: a warehouse that models read, and are kept from writing, or one whose tables an import writes.

    `url` is a secret as a whole: it holds a password.
    """

    name: str
    dialect: Dialect
    url: SecretRef
    active: bool
    statement_timeout: timedelta


Connection = CsConnection | CcConnection | SqlConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """A period in seconds, anchored to the epoch in UTC."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Five cron fields in a time zone."""

    expression: str
    timezone: str


Schedule = Every | Cron


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """One attribute of a CS object that is written to one profile field."""

    object: str
    attribute: str
    profile_field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFieldMapping:
    """A flow from CS attributes to the profile fields of one community."""

    name: str
    source: str
    target: str
    schedule: Schedule
    mappings: tuple[FieldMapping, ...]
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Rows of a warehouse, one for each key. `query` is always the text of one SELECT, whatever the document says it with.

    `cursor` is a column that grows with every change of a row; each `full_every`-th cycle compares everything nevertheless.
    `columns` are the output columns, None where nobody looked into the query or it does not tell (`SELECT *`).
    """

    name: str
    connection: str
    query: str
    key: tuple[str, ...]
    cursor: str | None = None
    full_every: int = 24
    columns: tuple[str, ...] | None = None


class Behavior(StrEnum):
    """What becomes of a row whose key is not at the destination."""

    UPDATE_OR_CREATE = "update-or-create"
    UPDATE_ONLY = "update-only"


class WhenNull(StrEnum):
    """What a null of the source means for a destination field."""

    KEEP = "keep"
    CLEAR = "clear"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How one field of the destination gets its value: from exactly one of `column`, `constant` and `template`.

    `lookup` is for a field that points to another record: the field of that record which the value names. With
    `set_if_empty` the field is only filled, never overwritten. `owner` is the one of several writers that overwrites.
    """

    field: str
    column: str | None = None
    constant: Json = None
    template: str | None = None
    when_null: WhenNull = WhenNull.KEEP
    default: Json = None
    set_if_empty: bool = False
    lookup: str | None = None
    owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """A flow from a model to one object of Gainsight CS. `key` says which column each key field of the object comes from."""

    name: str
    model: str
    connection: str
    object: str
    behavior: Behavior
    key: Mapping[str, str]
    fields: tuple[FieldRule, ...]
    schedule: Schedule | None
    after: tuple[str, ...] = ()
    run_on_apply: bool = False
    suspended: bool = False


class MatchTerm(StrEnum):
    """By what a member of a community is found among the people of Gainsight CS."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    COMPANY = "company"
    DOMAIN = "domain"


IDENTITY_RULES = (
    (MatchTerm.EMAIL,),
    (MatchTerm.PHONE,),
    (MatchTerm.NAME, MatchTerm.COMPANY),
    (MatchTerm.DOMAIN,),
)
"""The rules of an import that says none. The first one that finds somebody decides. A name alone is not among them: people of
one name are more frequent than people with two addresses."""

SIMILARITY = 0.9
"""Of two names, from 0 to 1, from which one is suggested for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """How members are tied to people and companies. Each rule is a tuple of terms that must all agree.

    `phone`, `name` and `company` are profile fields of the community; without names of fields a member's name is what the
    community shows. `aliases` maps an e-mail address, a member id or a domain to the e-mail address of a person or to the name
    of a company.
    """

    rules: tuple[tuple[MatchTerm, ...], ...] = IDENTITY_RULES
    phone_region: str | None = None
    phone: str | None = None
    name: tuple[str, ...] = ()
    company: str | None = None
    similarity: float = SIMILARITY
    accept_similar: bool = False
    free_mail: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def profile_fields(self) -> tuple[str, ...]:
        """The profile fields that resolution reads."""
        return tuple(name for name in (self.phone, *self.name, self.company) if name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityImport:
    """The flow from the community of the same name to `target`: a Gainsight CS tenant or a database.

    Each `full_every`-th run reads everything. In such a run at most `refresh_members` members are read one by one although
    nothing in the list of members changed.
    """

    name: str
    target: str
    schedule: Schedule
    full_every: int = 7
    refresh_members: int = 1000
    identity: IdentitySettings = IdentitySettings()

    @property
    def suspended(self) -> bool:
        """Never by its document: an import stops when its connection is deactivated."""
        return False


Cyclic = ProfileFieldMapping | Sync | CommunityImport
"""What runs in cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one apply may change without being confirmed."""

    max_change_percent: int
    min_records: int


class ApplyPolicy(StrEnum):
    """What the loop does with a plan: apply those within the limits, or wait for somebody to approve each."""

    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How `reconcile run` works. `poll` is how often it looks at the configuration; a failed cycle is tried again after
    `retry_first`, then after twice as long, at the longest after `retry_longest`; the starts of slots are spread over `jitter`.
    """

    workers: int = 4
    poll: timedelta = timedelta(minutes=1)
    retry_first: timedelta = timedelta(minutes=1)
    retry_longest: timedelta = timedelta(hours=1)
    jitter: timedelta = timedelta(seconds=30)
    apply_policy: ApplyPolicy = ApplyPolicy.AUTO


class OnRewrite(StrEnum):
    """What to do when the history of a followed branch no longer holds the commit that was good."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """A branch that the running program follows. `path` is the folder of the project in it."""

    url: str
    branch: str
    path: str
    every: timedelta
    username: str | None
    token: SecretRef | None
    ssh_key: SecretRef | None
    on_rewrite: OnRewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """A webhook that takes messages as Slack does; Mattermost, Rocket.Chat and others do so, too."""

    url: SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook that takes JSON of our own, signed when there is a secret."""

    url: SecretRef
    secret: SecretRef | None


class Tls(StrEnum):
    """How a connection to a mail server is made safe. `none` is for a relay on a trusted network."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


SMTP_PORTS = {Tls.STARTTLS: 587, Tls.TLS: 465, Tls.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """Plain-text mail through a server that takes it for others."""

    host: str
    port: int
    tls: Tls
    username: str | None
    password: SecretRef | None
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Somewhere that hears of conditions: of those in `conditions`, about the documents in `documents`; empty means all."""

    name: str
    way: Slack | Webhook | Email
    conditions: tuple[Condition, ...] = ()
    documents: tuple[str, ...] = ()


NOTIFICATION_TYPES = ("slack", "webhook", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project file, with paths as written (relative to `reconcile.yaml`).

    Without `configs` it only says which branch to follow; `source` is then there.
    """

    name: str
    configs: tuple[str, ...]
    database: str | SecretRef
    state_file: str
    catalog: str
    limits: Limits
    loop: LoopSettings = LoopSettings()
    source: GitSource | None = None
    notifications: tuple[Channel, ...] = ()
