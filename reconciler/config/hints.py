"""What to write in place of a value of the wrong shape, by its key where that says more than its type."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config import documents, schedule_hints
from reconciler.config.places import Path
from reconciler.model.resources import NOTIFICATION_TYPES

BY_CODE: Mapping[str, str] = {
    "E-SECRET": "write {env: NAME} or {file: PATH}, and put the secret there",
    "E-SECRET-FORM": "write {env: NAME} or {file: PATH}",
    "E-SCHEDULE": 'write {every: 4h}, or {cron: "0 */4 * * *", timezone: Europe/Berlin}',
}

PATTERNS: Mapping[str, tuple[str, str]] = {
    "region": ("this does not look like a region", "known: eu-west-1, us-west-2"),
    "tenant": ("this is no tenant name: letters, digits, - and _, 1 to 63 characters", "such as albatross-us"),
    "baseUrl": ("this is no base URL", "write https://HOST, without a user, path, query or fragment"),
}
"""What is said of a text that has not the form which its key asks for, and the hint."""

EMPTY: Mapping[str, str] = {
    "attribute": "write the API name of an attribute, such as Title",
    "configs": "name at least one folder or file, such as [config]",
    "mappings": "write at least one mapping, or remove the document (values already written are kept)",
    "fields": "write at least one field, or remove the document (values already written are kept)",
    "key": "name at least one column, such as [email]",
    "rules": "write at least one rule, such as {match: [email]}, or remove the key for the usual ones",
    "match": "write at least one term, such as [email]",
    "stateFile": "write a path below this folder, such as var/state.json, or remove the key",
    "catalog": "write a path below this folder, such as catalog, or remove the key",
}
"""What belongs where nothing stands."""

SWITCHES = frozenset(("spec", key) for key in ("suspend", "active", "enabled", "disabled", "paused"))
"""Where people try to switch an import off."""

SWITCHED_OFF = (
    "an import cannot be switched off: every connected community has one",
    "to stop it, deactivate the connection: `active: false` in its document; all data is kept",
)

_WRITE = {
    "string_type": "write a text",
    "int_type": "write a whole number, without quotes",
    "bool_type": "write true or false, without quotes",
    "list_type": "write a list, [a, b]",
}

_KEYED = {
    "cron": 'write five fields in quotes, such as "0 */4 * * *"',
    "timezone": "write a name such as Europe/Berlin or UTC",
    "schedule": BY_CODE["E-SCHEDULE"],
    "mappings": "write a list: `- {object: Company Person, attribute: Title, profileField: Job Title}`",
    "profileFields": "write a list: `- {name: Job Title, visibility: private}`",
    **dict.fromkeys(("poll", "jitter", "first", "longest"), "write a whole number and a unit: 30s, 5m, 1h"),
    "mappings[]": "write {object: Company Person, attribute: Title, profileField: Job Title}",
    "profileFields[]": "write {name: Job Title, visibility: private}",
    "fields": "write a list: `- {column: title, field: Title}`",
    "fields[]": "write {column: title, field: Title}",
    "after": "write a list: [NAME]",
    "rules": "write a list: `- {match: [email]}`",
    "rules[]": "write {match: [email]}",
    "match": "write a list: [name, company]",
    "name": "write a list: [First Name, Last Name]",
    "aliases": 'write a mapping: {"old@acme.com": "new@acme.com"}',
    "similarity": "write a number from 0.5 to 1, such as 0.92",
    "metadata": "write metadata: {name: NAME}",
    "rateLimit": "write {perMinute: 100, perDay: 50000}",
    "limits": "write {maxChangePercent: 30, minRecords: 10}",
}


NO_DOCUMENT = (
    "this is no document: name a table of aliases in aliasesFile of a CommunityImport, and move other files out of the "
    "folders of configs"
)


def required(key: str, *, project: bool = False) -> str:
    """How to write a key that is missing."""
    return {
        "apiVersion": f"write apiVersion: {documents.API_VERSION}",
        "kind": "known kinds: " + ", ".join(sorted(documents.KINDS)),
        "type": "known types: " + ", ".join(sorted(NOTIFICATION_TYPES if project else documents.CONNECTION_TYPES)),
        **dict.fromkeys(("poll", "jitter", "first", "longest"), "write a whole number and a unit: 30s, 5m, 1h"),
        "mappings[]": "write {object: Company Person, attribute: Title, profileField: Job Title}",
        "profileFields[]": "write {name: Job Title, visibility: private}",
        "metadata": "write metadata: {name: NAME}",
        "accessKey": "write accessKey: {env: NAME}",
        "clientId": "write clientId: {env: NAME}",
        "clientSecret": "write clientSecret: {env: NAME}",
        "url": "write url: {env: NAME}",
        "dialect": "write dialect: postgresql, or what kind of database it is",
        "key": "write key: [COLUMN] in a Model, key: {FIELD: COLUMN} in a Sync",
        "behavior": "write behavior: update-or-create, or update-only",
        "field": "write field: NAME, the API name of a field of the object",
        "fields": "write a list: `- {column: title, field: Title}`",
        "model": "write model: NAME, a document of kind Model",
        "connection": "write connection: NAME",
        "object": "write object: NAME, such as Company",
        "git": "write git: https://HOST/PATH",
    }.get(key, "add it, as in `reconcile explain` of this kind")


def of_type(kind: str, path: Path, value: object) -> str:
    """What to write in place of `value`, which is not of the type `kind` that pydantic asks for."""
    key = "" if not path else f"{path[-2]}[]" if isinstance(path[-1], int) and len(path) > 1 else path[-1]
    if key == "every":
        return _period(value)
    if key in _KEYED:
        return _KEYED[str(key)]
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "quote it, if it is text"
    if kind in ("int_type", "bool_type") and isinstance(value, str) and (value.isdigit() or value in ("true", "false")):
        return "remove the quotes"
    return _WRITE.get(kind, "write a mapping, {key: value}")


def _period(value: object) -> str:
    found = schedule_hints.period(str(value)) if isinstance(value, int) and not isinstance(value, bool) else None
    return found or "write a whole number and a unit: 30m, 4h, 1d"
