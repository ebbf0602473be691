"""What pydantic has to say about a document, in our codes and words, at the exact place, and without the input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from reconciler.config import closest, documents, hints
from reconciler.config.loader import RawDocument
from reconciler.config.places import Path, Places
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.document import COMMUNITY_IMPORT
from reconciler.model.resources import NOTIFICATION_TYPES

_PROJECT = "Project"
_NAMES = frozenset(("name", "from", "to", "connectedTo", "connection", "model"))

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_LIMITS = {
    "greater_than_equal": "this is too small: at least {ge}",
    "less_than_equal": "this is too large: at most {le}",
    "too_long": "this list is too long: at most {max_length}",
    "string_too_long": "this text is too long: at most {max_length} characters",
}


def diagnose(errors: Sequence[ErrorDetails], raw: RawDocument, places: Places, project: bool) -> list[Diagnostic]:
    """One diagnostic for each thing that is wrong with the shape of a document: a misspelled key is not missing as well."""
    found = [_Complaint(error, raw, places, _path(error["loc"], raw.data), project) for error in errors]
    misspelled = {
        (*it.path[:-1], meant)
        for it in found
        if it.error["type"] == "extra_forbidden"
        for meant in closest.closest(str(it.path[-1]), tuple(sorted(_known_keys(it.error["loc"], project))))
    }
    return [_diagnostic(it) for it in found if it.error["type"] != "missing" or it.path not in misspelled]


class _Complaint(NamedTuple):
    """One error of pydantic beside what it is about."""

    error: ErrorDetails
    raw: RawDocument
    places: Places
    path: Path
    project: bool

    @property
    def value(self) -> object:
        return _at(self.raw.data, self.path)

    def say(self, code: str, message: str, hint: str | None = None, *, at: Position | None = None) -> Diagnostic:
        where = at or self.places.value(self.raw.number, self.path)
        return Diagnostic(code=code, message=message, hint=hint, position=where)

    def key(self, path: Path) -> Position:
        return self.places.key(self.raw.number, path)


def _diagnostic(it: _Complaint) -> Diagnostic:
    kind, context = it.error["type"], it.error.get("ctx", {})
    if kind in _WORDED:
        return _WORDED[kind](it)
    if kind in _WANTED:
        message = f"{_WANTED[kind]} is expected here, found {_a(it.value)}"
        return it.say("E-TYPE", message, hints.of_type(kind, it.path, it.value))
    if kind in ("too_short", "string_too_short") and not it.value:
        what = "text" if kind == "string_too_short" else "mapping" if isinstance(it.value, dict) else "list"
        return it.say(
            "E-VALUE", f"this {what} is empty", hints.EMPTY.get(str(it.path[-1]), "write it, or remove the key")
        )
    if kind in _LIMITS:
        return it.say("E-VALUE", _LIMITS[kind].format_map(context))
    at = it.places.value(it.raw.number, (*it.path, context["at"])) if "at" in context else None
    at = it.key((*it.path, *context["of"])) if "of" in context else at
    return it.say(kind, it.error["msg"], context.get("hint") or hints.BY_CODE.get(kind), at=at)


def _missing(it: _Complaint) -> Diagnostic:
    at = it.key(it.path[:-1])
    hint = hints.required(str(it.path[-1]), project=it.project)
    return it.say("E-REQUIRED", f"the key '{it.path[-1]}' is missing here", hint, at=at)


def _unknown(it: _Complaint) -> Diagnostic:
    if _kind(it) == COMMUNITY_IMPORT and it.path in hints.SWITCHES:
        return it.say("E-IMPORT-OFF", *hints.SWITCHED_OFF, at=it.key(it.path))
    known = _known_keys(it.error["loc"], it.project)
    hint = closest.hint(str(it.path[-1]), known)
    return it.say("E-KEY", f"there is no key '{it.path[-1]}' here", hint, at=it.key(it.path))


def _kind(it: _Complaint) -> object:
    return it.raw.data.get("kind") if isinstance(it.raw.data, dict) else None


def _literal(it: _Complaint) -> Diagnostic:
    expected = [part.strip("'") for part in str(it.error["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
    hint = closest.hint(str(it.value), expected, _one_of(expected))
    if isinstance(it.value, str):
        return it.say("E-VALUE", f"'{it.value}' is not possible here", hint)
    return it.say("E-TYPE", f"text is expected here, found {_a(it.value)}", hint)


def _pattern(it: _Complaint) -> Diagnostic:
    if it.path[-1] in _NAMES:
        return it.say(
            "E-NAME", "this is no name: lower-case letters, digits and -, 1 to 63 characters", "such as acme-cs"
        )
    return it.say("E-VALUE", *hints.PATTERNS[str(it.path[-1])])


def _union(it: _Complaint) -> Diagnostic:
    """The key that decides what a document is (`kind`) or what a connection is (`type`) is missing or unknown."""
    key = str(it.error["ctx"]["discriminator"]).strip("'")
    holder = it.value
    if isinstance(holder, dict) and key not in holder:
        for near in closest.closest(key, tuple(sorted(holder.keys() - documents.COMMON_KEYS))):
            at = it.key((*it.path, near))
            return it.say("E-KEY", f"there is no key '{near}' here", f"did you mean '{key}'?", at=at)
    if not isinstance(holder, dict) or key not in holder:
        strange = key == "kind" and isinstance(holder, dict) and holder and not holder.keys() & documents.COMMON_KEYS
        missing = hints.NO_DOCUMENT if strange else hints.required(key, project=it.project)
        return it.say("E-REQUIRED", f"the key '{key}' is missing here", missing, at=it.key(it.path))
    value, at = holder[key], it.places.value(it.raw.number, (*it.path, key))
    known = sorted(documents.KINDS if key == "kind" else _types(it.project))
    if not isinstance(value, str):
        return it.say("E-TYPE", f"text is expected here, found {_a(value)}", _one_of(known), at=at)
    hint = closest.hint(value, known, _one_of(known))
    if key == "kind" and value == _PROJECT:
        hint = "the project stands in reconcile.yaml, and only there"
    return it.say("E-KIND" if key == "kind" else "E-VALUE", f"there is no {key} '{value}'", hint, at=at)


_WORDED: Mapping[str, Callable[[_Complaint], Diagnostic]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "union_tag_invalid": _union,
    "union_tag_not_found": _union,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
}


def _types(project: bool) -> Sequence[str]:
    """What may stand at `type`: of a notification in the project file, of a connection elsewhere."""
    return NOTIFICATION_TYPES if project else documents.CONNECTION_TYPES


def _one_of(known: Sequence[str]) -> str:
    return "known here: " + ", ".join(known)


def _a(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "a mapping"


# -- locations ---------------------------------------------------------------------------------------------------------


def _path(location: tuple[int | str, ...], data: object) -> Path:
    """A location without the names of union members, which pydantic puts between the keys."""
    path: list[str | int] = []
    current, skipped = data, False
    for part in location:
        chosen = (
            isinstance(current, dict) and part in documents.TAGS and part in (current.get("kind"), current.get("type"))
        )
        if chosen and not skipped:
            skipped = True
            continue
        path.append(part)
        current, skipped = _step(current, part), False
    return tuple(path)


def _step(data: object, part: str | int) -> object:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _at(data: object, path: Path) -> object:
    for part in path:
        data = _step(data, part)
    return data


def _known_keys(location: tuple[int | str, ...], project: bool) -> list[str]:
    """The keys that a model knows at a location."""
    models: list[type[BaseModel]] = [_project()] if project else list(documents.KINDS.values())
    for part in location[:-1]:
        tagged = [model for model in models if part in documents.TAGS and part in _tags(model)]
        models = tagged or [inner for model in models for inner in _below(model, part)] or models
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _project() -> type[BaseModel]:
    from reconciler.config import projects

    return projects.Project


def _tags(model: type[BaseModel]) -> set[str]:
    fields = (model.model_fields.get(key) for key in ("kind", "type"))
    return {
        value
        for field in fields
        if field and get_origin(field.annotation) is Literal
        for value in get_args(field.annotation)
    }


def _below(model: type[BaseModel], key: str | int) -> Iterator[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


# -- repair ------------------------------------------------------------------------------------------------------------


def repair(errors: Sequence[ErrorDetails], data: object) -> tuple[object, Mapping[str, Sequence[int]]]:
    """The document without its unknown keys and without broken items of its lists, so that the rest of it is checked as well.

    With the items that were kept, by list.
    """
    mended: Any = copy.deepcopy(data)
    broken: dict[str, set[int]] = {}
    for error in errors:
        path = _path(error["loc"], data)
        if error["type"] == "extra_forbidden":
            holder = _at(mended, path[:-1])
            if isinstance(holder, dict):
                holder.pop(path[-1], None)
        elif len(path) > 2 and isinstance(path[2], int):
            broken.setdefault(str(path[1]), set()).add(path[2])
    kept: dict[str, Sequence[int]] = {}
    for name, items in broken.items():
        whole = mended["spec"][name]
        kept[name] = [at for at in range(len(whole)) if at not in items]
        mended["spec"][name] = [whole[at] for at in kept[name]]
    return mended, kept
