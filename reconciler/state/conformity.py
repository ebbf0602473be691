"""Whether a value follows a JSON Schema, for those keywords that the schema of the state file has.

A library that knows all of them takes a fifth of the time of a command that changes nothing, and a tenth of its memory: it brings
the schemas of schemas with it. A test holds this to what such a library says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

ANNOTATIONS = frozenset(("$schema", "title", "description", "$defs"))

_TYPES: Mapping[str, type] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}

Place = tuple[str | int, ...]


class Breach(NamedTuple):
    """Where a value breaks which keyword."""

    place: Place
    keyword: str


def breaches(value: object, schema: Mapping[str, Any], defs: Mapping[str, Any], place: Place = ()) -> Iterator[Breach]:
    """Every breach; none for a value that follows the schema. `defs` is what references lead to."""
    for keyword, wanted in schema.items():
        if keyword not in ANNOTATIONS:
            check = _Check(keyword, wanted, schema, defs, place)
            yield from _CHECKS[keyword](check, value)


class _Check(NamedTuple):
    keyword: str
    wanted: Any
    schema: Mapping[str, Any]
    defs: Mapping[str, Any]
    place: Place

    def inner(self, value: object, schema: Mapping[str, Any], *step: str | int) -> Iterator[Breach]:
        return breaches(value, schema, self.defs, (*self.place, *step))

    def said(self, holds: bool) -> Iterator[Breach]:
        if not holds:
            yield Breach(self.place, self.keyword)


def _is(value: object, kind: str) -> bool:
    if kind == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    return isinstance(value, _TYPES[kind])


def _type(check: _Check, value: object) -> Iterator[Breach]:
    kinds = [check.wanted] if isinstance(check.wanted, str) else check.wanted
    return check.said(any(_is(value, kind) for kind in kinds))


def _one_of(check: _Check, value: object) -> Iterator[Breach]:
    followed = [next(check.inner(value, schema), None) is None for schema in check.wanted]
    return check.said(followed.count(True) == 1)


def _properties(check: _Check, value: object) -> Iterator[Breach]:
    for name, schema in check.wanted.items():
        if isinstance(value, dict) and name in value:
            yield from check.inner(value[name], schema, name)


def _additional(check: _Check, value: object) -> Iterator[Breach]:
    if not isinstance(value, dict):
        return
    others = value.keys() - check.schema.get("properties", {}).keys()
    if check.wanted is False:
        yield from check.said(not others)
        return
    for name in others:
        yield from check.inner(value[name], check.wanted, name)


def _items(check: _Check, value: object) -> Iterator[Breach]:
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield from check.inner(item, check.wanted, number)


def _minimum(check: _Check, value: object) -> Iterator[Breach]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return check.said(not number or value >= check.wanted)


_CHECKS: Mapping[str, Callable[[_Check, object], Iterator[Breach]]] = {
    "$ref": lambda check, value: check.inner(value, check.defs[check.wanted.rpartition("/")[2]]),
    "type": _type,
    "const": lambda check, value: check.said(type(value) is type(check.wanted) and value == check.wanted),
    "enum": lambda check, value: check.said(isinstance(value, str) and value in check.wanted),
    "oneOf": _one_of,
    "required": lambda check, value: check.said(
        not isinstance(value, dict) or all(map(value.__contains__, check.wanted))
    ),
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "minimum": _minimum,
    "minLength": lambda check, value: check.said(not isinstance(value, str) or len(value) >= check.wanted),
    "pattern": lambda check, value: check.said(not isinstance(value, str) or bool(re.search(check.wanted, value))),
}
"""A schema with another keyword is a mistake that shows at once: a KeyError."""
