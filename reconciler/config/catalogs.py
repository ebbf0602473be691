"""Pinned metadata as files: `catalog/<connection>.json`, sorted, so that git shows what the tenant changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reconciler import atomic, errors
from reconciler.config import discovery
from reconciler.config.pinned import MAX_BYTES
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType, SeenProfileField
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.json import Json

FORMAT_VERSION = 1


def file_name(folder: str, connection: str) -> str:
    """Where the catalog of a connection stands, relative to the config root."""
    return f"{folder.rstrip('/')}/{connection}.json"


def write(path: Path, catalog: Catalog) -> bool:
    """Pin a catalog, atomically. Returns whether the file changed. Raises `errors.ConfigIncomplete`."""
    data = to_text(catalog).encode()
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace(path, [data])
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise errors.ConfigIncomplete(f"the catalog {path.name} cannot be written: {reason}") from None
    return True


def read(root: Path, path: str, connection: str) -> Catalog | Diagnostic | None:
    """The catalog of a connection in a file below the root, None if there is no such file, or what is wrong with it."""
    try:
        data = discovery.read(root, path, MAX_BYTES)
    except errors.ConfigIncomplete as error:
        return _damaged(path, error.message) if os.path.lexists(root / path) else None
    catalog = parse(data, path)
    if isinstance(catalog, Catalog) and catalog.connection != connection:
        return _damaged(path, "it is that of another connection")
    return catalog


def parse(data: bytes, path: str) -> Catalog | Diagnostic:
    """The catalog in the content of a file."""
    if len(data) > MAX_BYTES:
        return _damaged(path, "larger than 64 MiB")
    try:
        content = json.loads(data)
        version = content["formatVersion"]
        if version != FORMAT_VERSION:
            return _damaged(path, f"its formatVersion is not {FORMAT_VERSION}; another version of reconcile wrote it")
        return _catalog(content)
    except json.JSONDecodeError as error:
        return _damaged(path, "it is not JSON", error.lineno, error.colno)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return _damaged(path, "its content is not that of a catalog")


def _damaged(path: str, why: str, line: int = 1, column: int = 1) -> Diagnostic:
    return Diagnostic(
        code="E-CATALOG",
        message=f"this catalog cannot be used: {why}",
        position=Position(path, line, column),
        hint="run `reconcile catalog pull` again, or restore the file from git",
    )


# -- JSON --------------------------------------------------------------------------------------------------------------


def to_text(catalog: Catalog) -> str:
    """The file's content: keys and lists sorted, one line for each field, so that a diff shows what changed."""
    return json.dumps(to_json(catalog), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def to_json(catalog: Catalog) -> dict[str, Json]:
    """A catalog as plain JSON, as files and the database have it."""
    return {
        "formatVersion": FORMAT_VERSION,
        "connection": catalog.connection,
        "objects": {label: _object_json(known) for label, known in catalog.objects.items()},
        "profileFields": {name: field.id for name, field in catalog.profile_fields.items()},
        "usersRead": catalog.users_read,
    }


def _object_json(known: CatalogObject) -> dict[str, Json]:
    return {"name": known.name, "fields": {name: _field_json(field) for name, field in known.fields.items()}}


def _field_json(field: CatalogField) -> dict[str, Json]:
    content: dict[str, Json] = {"label": field.label, "dataType": field.data_type.value}
    if field.lookup:
        content["lookup"] = field.lookup_reason or True
    if field.decimal_places is not None:
        content["decimalPlaces"] = field.decimal_places
    if field.hidden:
        content["hidden"] = True
    if field.options:
        content["options"] = dict(field.options)
    return content


def from_json(content: Mapping[str, Json], source: str) -> Catalog:
    """The catalog as the database has it. Raises `errors.StateDamaged`, naming `source`."""
    try:
        return _catalog(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = "run `reconcile catalog pull`, then `reconcile apply`"
        raise errors.StateDamaged(f"the recorded catalog of {source} cannot be understood", hint=hint) from None


def _catalog(content: Mapping[str, Any]) -> Catalog:
    return Catalog(
        connection=_text(content["connection"]),
        objects={_text(label): _object(label, known) for label, known in content["objects"].items()},
        profile_fields={
            name: SeenProfileField(name=name, id=_whole(id_)) for name, id_ in content["profileFields"].items()
        },
        users_read=_whole(content["usersRead"]),
    )


def _object(label: str, content: Mapping[str, Any]) -> CatalogObject:
    fields = {name: _field(name, field) for name, field in content["fields"].items()}
    return CatalogObject(name=_text(content["name"]), label=label, fields=fields)


def _field(name: str, content: Mapping[str, Any]) -> CatalogField:
    lookup = content.get("lookup", False)
    places = content.get("decimalPlaces")
    return CatalogField(
        name=name,
        label=_text(content["label"]),
        data_type=DataType(content["dataType"]),
        lookup=bool(lookup),
        lookup_reason=lookup if isinstance(lookup, str) else None,
        decimal_places=None if places is None else _whole(places),
        hidden=content.get("hidden", False) is True,
        options={_text(key): _text(label) for key, label in content.get("options", {}).items()},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


# -- diff --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that the tenant changed. `path` is like `Company Person.Title`; what was not there is None."""

    action: Literal["added", "removed", "changed"]
    path: str
    before: Json = None
    after: Json = None

    @property
    def line(self) -> str:
        """For people: `+ Company Person.Title STRING`."""
        match self.action:
            case "added":
                return f"+ {self.path}{_words(self.after)}"
            case "removed":
                return f"- {self.path}{_words(self.before)}"
            case "changed":
                return f"~ {self.path}: {_shown(self.before)} → {_shown(self.after)}"


def diff(old: Catalog, new: Catalog) -> list[Change]:
    """What is different in `new`, sorted by path."""
    changes = [*_object_changes(old, new)]
    changes += _keyed("profile field ", {n: f.id for n, f in old.profile_fields.items()}, _ids(new))
    return sorted(changes, key=lambda change: (change.path, change.action))


def _ids(catalog: Catalog) -> dict[str, Json]:
    return {name: field.id for name, field in catalog.profile_fields.items()}


def _object_changes(old: Catalog, new: Catalog) -> Iterator[Change]:
    for label in sorted({*old.objects, *new.objects}):
        before, after = old.objects.get(label), new.objects.get(label)
        if before is None or after is None:
            action: Literal["added", "removed"] = "added" if before is None else "removed"
            yield Change(action=action, path=label)
            continue
        fields = {name: _field_json(field) for name, field in before.fields.items()}
        yield from _keyed(f"{label}.", fields, {name: _field_json(field) for name, field in after.fields.items()})


def _keyed(prefix: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        path = prefix + name
        if name not in old:
            yield Change(action="added", path=path, after=new[name])
        elif name not in new:
            yield Change(action="removed", path=path, before=old[name])
        elif isinstance(before := old[name], dict) and isinstance(after := new[name], dict):
            yield from (
                Change(action="changed", path=f"{path} {key}", before=before.get(key), after=after.get(key))
                for key in sorted({*before, *after})
                if before.get(key) != after.get(key)
            )
        elif old[name] != new[name]:
            yield Change(action="changed", path=path, before=old[name], after=new[name])


def _words(value: Json) -> str:
    return f" {value['dataType']}" if isinstance(value, dict) and "dataType" in value else ""


def _shown(value: Json) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
