"""Pinned metadata as files: `catalog/<connection>.json`, sorted, so that git shows what the tenant changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal, TypeVar

from reconciler import atomic, errors
from reconciler.config import discovery, json_places
from reconciler.config.pinned import MAX_BYTES
from reconciler.config.places import Path
from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType, SeenProfileField
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.json import Json

FORMAT_VERSION = 1

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(rf"{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}")


def file_name(folder: str, connection: str) -> str:
    """Where the catalog of a connection stands, relative to the config root."""
    return f"{folder.rstrip('/')}/{connection}.json"


def write(path: FilePath, catalog: Catalog) -> bool:
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


def read(root: FilePath, path: str, connection: str) -> Catalog | Diagnostic | None:
    """The catalog of a connection in a file below the root, None if there is no such file, or what is wrong with it."""
    try:
        data = discovery.read(root, path, MAX_BYTES)
    except errors.ConfigIncomplete as error:
        return _damaged(path, error.message) if os.path.lexists(root / path) else None
    catalog = parse(data, path)
    if isinstance(catalog, Catalog) and catalog.connection != connection:
        where = json_places.position(data.decode("utf-8-sig"), ("connection",), path)
        return _damaged(path, "it is that of another connection", where)
    return catalog


def parse(data: bytes, path: str) -> Catalog | Diagnostic:
    """The catalog in the content of a file."""
    if len(data) > MAX_BYTES:
        return _damaged(path, "larger than 64 MiB")
    try:
        text = data.decode("utf-8-sig")
        content = json.loads(text)
        if halved := _half_character(text, content):
            return _damaged(path, "an escape stands for half of a character", json_places.at(text, halved.span(), path))
        return _catalog(content)
    except UnicodeDecodeError:
        why, where = "it is not UTF-8 text", None
    except json.JSONDecodeError as error:
        why, where = "it is not JSON", Position(path, error.lineno, error.colno)
    except _Wrong as wrong:
        at = f" (at {'.'.join(map(str, wrong.path))})" if wrong.path else ""
        why, where = f"{wrong}{at}", json_places.position(text, wrong.path, path)
    except RecursionError:
        why, where = "it is nested too deeply", None
    except ValueError:
        why, where = "a number in it has too many digits", None
    return _damaged(path, why, where)


def _half_character(text: str, content: object) -> re.Match[str] | None:
    """An escape that no database and no terminal could take."""
    found = _HALF.search(text)
    try:
        if found:
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return found
    return None


def _damaged(path: str, why: str, where: Position | None = None) -> Diagnostic:
    return Diagnostic(
        code="E-CATALOG",
        message=f"this catalog cannot be used: {why}",
        position=where or Position(path, 1, 1),
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
    content: dict[str, Json] = {
        "name": known.name,
        "fields": {name: _field_json(field) for name, field in known.fields.items()},
    }
    facts = {"custom": known.custom, "lowVolume": known.low_volume, "editable": known.editable}
    return content | {key: value for key, value in facts.items() if value is not None}


_USUAL: Mapping[str, bool] = {"required": False, "readOnly": False, "createable": True}
"""What is left out of a field where the object says `custom`. In older files, which do not, nothing is known of it."""


def _field_json(field: CatalogField) -> dict[str, Json]:
    content: dict[str, Json] = {"label": field.label, "dataType": field.data_type.value}
    facts = {"required": field.required, "readOnly": field.read_only, "createable": field.createable}
    content |= {key: value for key, value in facts.items() if value is not None and value is not _USUAL[key]}
    if field.length is not None:
        content["length"] = field.length
    if field.lookup_object is not None:
        content["lookupObject"] = field.lookup_object
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
    except _Wrong:
        hint = "run `reconcile catalog pull`, then `reconcile apply`"
        raise errors.StateDamaged(f"the recorded catalog of {source} cannot be understood", hint=hint) from None


class _Wrong(ValueError):
    """Something in a catalog is not what it must be; `path` leads to it, or to what lacks it."""

    def __init__(self, why: str, *path: str) -> None:
        super().__init__(why)
        self.path: Path = path

    def below(self, *path: str) -> _Wrong:
        return _Wrong(str(self), *path, *map(str, self.path))


Value = TypeVar("Value")


def _catalog(content: object) -> Catalog:
    whole = _mapping(content)
    version = _get(whole, "formatVersion", _whole)
    if version != FORMAT_VERSION:
        raise _Wrong(
            f"its formatVersion is not {FORMAT_VERSION}; another version of reconcile wrote it", "formatVersion"
        )
    return Catalog(
        connection=_get(whole, "connection", _text),
        objects=_each(whole, "objects", _object),
        profile_fields=_each(whole, "profileFields", lambda name, id_: SeenProfileField(name=name, id=_whole(id_))),
        users_read=_get(whole, "usersRead", _whole),
    )


def _object(label: str, content: object) -> CatalogObject:
    known = _mapping(content)
    custom = _perhaps(known, "custom", _flag)
    usual: Mapping[str, bool] = {} if custom is None else _USUAL
    return CatalogObject(
        name=_get(known, "name", _text),
        label=label,
        fields=_each(known, "fields", lambda name, field: _field(name, field, usual)),
        custom=custom,
        low_volume=_perhaps(known, "lowVolume", _flag),
        editable=_perhaps(known, "editable", _flag),
    )


def _field(name: str, content: object, usual: Mapping[str, bool]) -> CatalogField:
    field = _mapping(content)
    lookup = field.get("lookup", False)
    if not isinstance(lookup, str | bool):
        raise _Wrong(f"a reason is expected, found {_a(lookup)}", "lookup")
    return CatalogField(
        name=name,
        label=_get(field, "label", _text),
        data_type=_get(field, "dataType", _data_type),
        lookup=bool(lookup),
        lookup_reason=lookup if isinstance(lookup, str) else None,
        decimal_places=_perhaps(field, "decimalPlaces", _whole),
        hidden="hidden" in field and _get(field, "hidden", _flag),
        options=_each(field, "options", lambda _, label: _text(label)) if "options" in field else {},
        required=_perhaps(field, "required", _flag, usual.get("required")),
        read_only=_perhaps(field, "readOnly", _flag, usual.get("readOnly")),
        createable=_perhaps(field, "createable", _flag, usual.get("createable")),
        length=_perhaps(field, "length", _whole),
        lookup_object=_perhaps(field, "lookupObject", _text),
    )


def _perhaps(
    holder: Mapping[str, object], key: str, take: Callable[[object], Value], otherwise: Value | None = None
) -> Value | None:
    return otherwise if holder.get(key) is None else _get(holder, key, take)


def _get(holder: Mapping[str, object], key: str, take: Callable[[object], Value]) -> Value:
    if key not in holder:
        raise _Wrong(f"the key '{key}' is missing")
    try:
        return take(holder[key])
    except _Wrong as wrong:
        raise wrong.below(key) from None


def _each(holder: Mapping[str, object], key: str, make: Callable[[str, object], Value]) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for name, value in _get(holder, key, _mapping).items():
        try:
            made[name] = make(name, value)
        except _Wrong as wrong:
            raise wrong.below(key, name) from None
    return made


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _Wrong(f"an object {{…}} is expected, found {_a(value)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"text is expected, found {_a(value)}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong(f"a whole number is expected, found {_a(value)}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"true or false is expected, found {_a(value)}")
    return value


def _data_type(value: object) -> DataType:
    try:
        return DataType(_text(value))
    except _Wrong:
        raise
    except ValueError:
        raise _Wrong(f"this is no data type; known are {', '.join(sorted(DataType))}") from None


def _a(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "an object"


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
        ignored = _FOR_WRITERS if before.custom is None else frozenset[str]()
        yield from _keyed(f"{label}.", _comparable(before, ignored), _comparable(after, ignored))


_FOR_WRITERS = frozenset((*_USUAL, "length", "lookupObject"))
"""What older files do not know: that it is known now is no change of the tenant."""


def _comparable(known: CatalogObject, ignored: frozenset[str]) -> dict[str, Json]:
    return {
        name: {key: value for key, value in _field_json(field).items() if key not in ignored}
        for name, field in known.fields.items()
    }


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
