"""Normalised documents → typed resources. Standard library only: recorded and cached documents need no pydantic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from reconciler import errors
from reconciler.config import defaults, shapes, sqltext
from reconciler.model import resources
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, MODEL, PROFILE_FIELD_MAPPING, SYNC, Document
from reconciler.model.event import Condition
from reconciler.model.json import Json

Resource = (
    resources.Connection | resources.ProfileFieldMapping | resources.Model | resources.Sync | resources.CommunityImport
)


def to_resource(document: Document) -> Resource:
    """The typed form of a document, fresh from YAML or read back from the database.

    Raises `errors.StateDamaged` for a recorded document that this version cannot understand.
    """
    try:
        return _convert(document)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        raise errors.StateDamaged(
            f"{document.id} cannot be understood as it was recorded",
            hint="a newer version of reconcile may have written it",
        ) from None


def _convert(document: Document) -> Resource:
    kind, type = document.id.kind, document.spec.get("type")
    if (kind == CONNECTION) is not isinstance(type, str):
        raise ValueError
    return _CONVERSIONS[type if isinstance(type, str) else kind](document.id.name, document.spec)


def _cs(name: str, spec: Mapping[str, Any]) -> resources.CsConnection:
    return resources.CsConnection(
        name=name,
        domain=spec["domain"],
        base_url=spec.get("baseUrl"),
        access_key=secret(spec["accessKey"]),
        sso=spec.get("sso", False),
        active=spec.get("active", True),
        rate_limit=_rate(spec.get("rateLimit"), defaults.CS_RATE),
        concurrency=spec.get("concurrency", defaults.CONCURRENCY),
    )


def _cc(name: str, spec: Mapping[str, Any]) -> resources.CcConnection:
    return resources.CcConnection(
        name=name,
        tenant=spec["tenant"],
        region=spec["region"],
        base_url=spec.get("baseUrl"),
        client_id=secret(spec["clientId"]),
        client_secret=secret(spec["clientSecret"]),
        sso=spec.get("sso", False),
        connected_to=spec.get("connectedTo"),
        active=spec.get("active", True),
        profile_fields=tuple(_profile_field(item) for item in spec.get("profileFields", ())),
        rate_limit=_rate(spec.get("rateLimit"), defaults.CC_RATE),
        concurrency=spec.get("concurrency", defaults.CONCURRENCY),
        path_prefix=spec.get("pathPrefix", defaults.PATH_PREFIX),
    )


def _sql(name: str, spec: Mapping[str, Any]) -> resources.SqlConnection:
    return resources.SqlConnection(
        name=name,
        dialect=resources.Dialect(spec["dialect"]),
        url=secret(spec["url"]),
        active=spec.get("active", True),
        statement_timeout=timedelta(seconds=shapes.seconds(spec.get("statementTimeout", defaults.STATEMENT_TIMEOUT))),
    )


_TYPES = {kind.value: kind for kind in resources.ProfileFieldType}
_CONDITIONS = {condition.value: condition for condition in Condition}
_TLS = {tls.value: tls for tls in resources.Tls}
_VISIBILITIES = {visibility.value: visibility for visibility in resources.Visibility}


def _profile_field(item: Mapping[str, str]) -> resources.ProfileField:
    return resources.ProfileField(
        name=item["name"],
        type=_TYPES[item.get("type", "text")],
        visibility=_VISIBILITIES[item.get("visibility", "public")],
    )


def _mapping(name: str, spec: Mapping[str, Any]) -> resources.ProfileFieldMapping:
    items: Sequence[Mapping[str, str]] = spec["mappings"]
    return resources.ProfileFieldMapping(
        name=name,
        source=spec["from"],
        target=spec["to"],
        schedule=_schedule(spec.get("schedule", {"every": defaults.EVERY})),
        mappings=tuple(
            resources.FieldMapping(
                object=item["object"], attribute=item["attribute"], profile_field=item["profileField"]
            )
            for item in items
        ),
        suspended=spec.get("suspend", False),
    )


def _model(name: str, spec: Mapping[str, Any]) -> resources.Model:
    return resources.Model(
        name=name,
        connection=spec["connection"],
        query=spec["sql"] if "sql" in spec else sqltext.table_query(spec["table"]),
        key=tuple(spec["key"]),
        cursor=spec.get("cursor"),
        full_every=spec.get("fullEvery", defaults.FULL_EVERY),
    )


def _sync(name: str, spec: Mapping[str, Any]) -> resources.Sync:
    key: Mapping[str, str] = spec["key"]
    return resources.Sync(
        name=name,
        model=spec["from"]["model"],
        connection=spec["to"]["connection"],
        object=spec["to"]["object"],
        behavior=resources.Behavior(spec["behavior"]),
        key={field: key[field] for field in sorted(key)},  # a database may give them back in any order
        fields=tuple(_field(item) for item in spec["fields"]),
        schedule=_schedule(spec["schedule"]) if "schedule" in spec else None,
        after=tuple(spec.get("after", ())),
        run_on_apply=spec.get("runOnApply", False),
        suspended=spec.get("suspend", False),
    )


def _field(item: Mapping[str, Any]) -> resources.FieldRule:
    return resources.FieldRule(
        field=item["field"],
        column=item.get("column"),
        constant=item.get("constant"),
        template=item.get("template"),
        when_null=resources.WhenNull(item.get("whenNull", defaults.WHEN_NULL)),
        default=item.get("default"),
        set_if_empty=item.get("setIfEmpty", False),
        lookup=item.get("lookup"),
        owner=item.get("owner", False),
    )


def _import(name: str, spec: Mapping[str, Any]) -> resources.CommunityImport:
    return resources.CommunityImport(
        name=name,
        target=spec.get("to", ""),  # the loader fills it in where the document does not say it
        schedule=_schedule(spec.get("schedule", {"every": defaults.IMPORT_EVERY})),
        full_every=spec.get("fullEvery", defaults.IMPORT.full_every),
        refresh_members=spec.get("refreshMembers", defaults.IMPORT.refresh_members),
        identity=_identity(spec.get("identity", {})),
    )


def _identity(spec: Mapping[str, Any]) -> resources.IdentitySettings:
    usual = defaults.IDENTITY
    rules = tuple(tuple(resources.MatchTerm(term) for term in rule["match"]) for rule in spec.get("rules", ()))
    aliases: Mapping[str, str] = spec.get("aliases", {})
    return resources.IdentitySettings(
        rules=rules or usual.rules,
        phone_region=spec.get("phoneRegion"),
        phone=spec.get("phone"),
        name=tuple(spec.get("name", ())),
        company=spec.get("company"),
        similarity=float(spec.get("similarity", usual.similarity)),
        accept_similar=spec.get("acceptSimilar", usual.accept_similar),
        free_mail=tuple(spec.get("freeMail", ())),
        aliases={alias: aliases[alias] for alias in sorted(aliases)},
    )


def _schedule(spec: Mapping[str, str]) -> resources.Schedule:
    if "every" in spec:
        return resources.Every(seconds=shapes.seconds(spec["every"]))
    return resources.Cron(expression=spec["cron"], timezone=spec.get("timezone", defaults.TIMEZONE))


def _rate(spec: Mapping[str, int | None] | None, default: resources.RateLimit) -> resources.RateLimit:
    if spec is None:
        return default
    return resources.RateLimit(
        per_minute=spec.get("perMinute", default.per_minute), per_day=spec.get("perDay", default.per_day)
    )


_CONVERSIONS: Mapping[str, Callable[[str, Mapping[str, Any]], Resource]] = {
    "gainsight-cs": _cs,
    "gainsight-cc": _cc,
    "sql": _sql,
    PROFILE_FIELD_MAPPING: _mapping,
    MODEL: _model,
    SYNC: _sync,
    COMMUNITY_IMPORT: _import,
}
"""By the type of a connection, else by kind."""


def secret(spec: Mapping[str, str]) -> resources.SecretRef:
    """`{env: NAME}` or `{file: PATH}`."""
    if "env" in spec:
        return resources.SecretRef(source="env", name=spec["env"])
    return resources.SecretRef(source="file", name=spec["file"])


def to_project(name: str, spec: Mapping[str, Any]) -> resources.Project:
    """The project from its normalised spec."""
    database: Json = spec.get("database", defaults.DATABASE)
    limits: Mapping[str, int] = spec.get("limits", {})
    return resources.Project(
        name=name,
        configs=tuple(spec.get("configs", ())),
        database=secret(database) if isinstance(database, dict) else str(database),
        state_file=spec.get("stateFile", defaults.STATE_FILE),
        catalog=spec.get("catalog", defaults.CATALOG),
        limits=resources.Limits(
            max_change_percent=limits.get("maxChangePercent", defaults.LIMITS.max_change_percent),
            min_records=limits.get("minRecords", defaults.LIMITS.min_records),
        ),
        loop=_loop(spec.get("loop", {}), spec.get("applyPolicy")),
        notifications=tuple(_channel(item) for item in spec.get("notifications", ())),
        source=_source(spec["source"]) if spec.get("source") else None,
    )


def _source(spec: Mapping[str, Any]) -> resources.GitSource:
    return resources.GitSource(
        url=spec["git"],
        branch=spec.get("branch", defaults.BRANCH),
        path=spec.get("path", defaults.SOURCE_PATH),
        every=timedelta(seconds=shapes.seconds(spec.get("every", defaults.SOURCE_EVERY))),
        username=spec.get("username"),
        token=secret(spec["token"]) if spec.get("token") else None,
        ssh_key=secret(spec["sshKey"]) if spec.get("sshKey") else None,
        on_rewrite=resources.OnRewrite(spec.get("onRewrite", defaults.ON_REWRITE)),
    )


def _loop(spec: Mapping[str, Any], policy: str | None) -> resources.LoopSettings:
    retry: Mapping[str, str] = spec.get("retry", {})

    def length(text: str | None, default: timedelta) -> timedelta:
        return default if text is None else timedelta(seconds=shapes.seconds(text))

    return resources.LoopSettings(
        workers=spec.get("workers", defaults.LOOP.workers),
        poll=length(spec.get("poll"), defaults.LOOP.poll),
        retry_first=length(retry.get("first"), defaults.LOOP.retry_first),
        retry_longest=length(retry.get("longest"), defaults.LOOP.retry_longest),
        jitter=length(spec.get("jitter"), defaults.LOOP.jitter),
        apply_policy=defaults.LOOP.apply_policy if policy is None else resources.ApplyPolicy(policy),
    )


def _channel(item: Mapping[str, Any]) -> resources.Channel:
    return resources.Channel(
        name=item["name"],
        way=_way(item),
        conditions=tuple(_CONDITIONS[word] for word in item.get("conditions", ())),
        documents=tuple(item.get("documents", ())),
    )


def _way(item: Mapping[str, Any]) -> resources.Slack | resources.Webhook | resources.Email:
    match item["type"]:
        case "slack":
            return resources.Slack(url=secret(item["url"]))
        case "webhook":
            key = item.get("secret")
            return resources.Webhook(url=secret(item["url"]), secret=secret(key) if key else None)
    smtp = item["smtp"]
    tls = _TLS[smtp.get("tls", defaults.TLS)]
    password = smtp.get("password")
    return resources.Email(
        host=smtp["host"],
        port=smtp.get("port") or resources.SMTP_PORTS[tls],
        tls=tls,
        username=smtp.get("username"),
        password=secret(password) if password else None,
        sender=item["from"],
        recipients=tuple(item["to"]),
    )
