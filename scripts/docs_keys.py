"""Sections of the reference that list keys: of documents, the state file and the plan file, from their JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from docs_words import code, table

from reconciler.cli.schemas import all_schemas
from reconciler.config.schemas import file_name

Schema = Mapping[str, Any]


ANYTHING: Schema = {}


class Keys:
    """The keys of one schema, with the definitions that its references lead to."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._definitions: Schema = schema.get("$defs", {})

    def table(self, *path: str, branch: str | None = None, definition: str | None = None) -> str:
        """Keys below `path`, as a table; `branch` is the `type` that a spec is written for."""
        node = self._definitions[definition] if definition else self._schema
        for step in path:
            node = self._resolved(self._resolved(node)["properties"][step])
        if branch is not None:
            node = self._branch(node, branch)
        rows = [(code(key), *about) for key, about in self._rows(self._resolved(node), "")]
        if all(not default or default == "required" for _, _, default, _ in rows):
            return table(("key", "type", "what it is"), [(key, kind, about) for key, kind, _, about in rows])
        return table(("key", "type", "default", "what it is"), rows)

    def _branch(self, node: Schema, branch: str) -> Schema:
        found = [part["then"] for part in node["allOf"] if part["if"]["properties"]["type"]["const"] == branch]
        return self._resolved(found[0])

    def _rows(self, node: Schema, prefix: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
        required = node.get("required", ())
        for key, value in sorted(node.get("properties", {}).items(), key=lambda pair: pair[0] not in required):
            full = self._resolved(value)
            yield (
                prefix + key,
                (
                    self._type(full),
                    self._default(full, key in required),
                    full.get("description", "").partition("\n")[0],
                ),
            )
            inner = self._resolved(full.get("items", full))
            if key not in FOLDED and not self._is_reference(inner):
                yield from self._rows(inner, f"{prefix}{key}{'[]' if 'items' in full else ''}.")

    @staticmethod
    def _is_reference(node: Schema) -> bool:
        """Secret references have a section of their own."""
        return set(node.get("properties", {})) == {"env", "file"}

    def _resolved(self, node: Schema | bool) -> Schema:
        """The node with what it refers to; of several branches, the one that is not null. True stands for anything."""
        if isinstance(node, bool):
            return ANYTHING
        if "$ref" in node:
            node = {**self._definitions[node["$ref"].rsplit("/", 1)[1]], **node}
            node.pop("$ref")
            return self._resolved(node)
        for word in ("anyOf", "oneOf"):
            branches = [branch for branch in node.get(word, ()) if branch.get("type") != "null"]
            if len(branches) == 1 and "properties" not in node:
                rest = {key: value for key, value in node.items() if key != word}
                return {**self._resolved(branches[0]), **rest, "nullable": True}
        return node

    def _type(self, node: Schema) -> str:
        branches = node.get("anyOf")
        if branches:
            return " or ".join(self._type(self._resolved(branch)) for branch in branches)
        if self._is_reference(node):
            return "[secret reference](#secret-references)"
        words = [node["const"]] if "const" in node else node.get("enum")
        if words and len(words) > MANY:
            return f"one of {len(words)} words, such as {code(str(node.get('examples', words)[0]))}"
        if words:
            return " or ".join(code(str(word)) if word else "empty text" for word in words)
        return _plain_type(node)

    @staticmethod
    def _default(node: Schema, required: bool) -> str:
        if required:
            return "required"
        default = node.get("default")
        if default in (None, [], {}) or isinstance(default, dict):
            return ""
        return code(json.dumps(default) if not isinstance(default, str) else default or "''")


MANY = 20
"""More words than this are not listed."""

FOLDED = ("counts", "lastRun")
"""Keys that come again and again, with a section of their own for what is below them."""

WORDS = {
    "object": "mapping",
    "array": "list",
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def _plain_type(node: Schema) -> str:
    if node is ANYTHING:
        return "anything"
    kinds = node.get("type", "object")
    names = [WORDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join([*names, *(["null"] if node.get("nullable") else [])]) + _range(node)


def _range(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    return f", {low:,} to {high:,}" if low is not None and high is not None else ""


def _keys(file: str) -> Keys:
    return Keys(json.loads(all_schemas()[file]))


def _spec(kind: str, branch: str | None = None) -> str:
    return _keys(file_name(kind)).table("spec", branch=branch)


def _channel(definition: str) -> str:
    return _keys(file_name("Project")).table(definition=definition)


def _metadata() -> str:
    return _keys(file_name("Connection")).table("metadata")


def _file(name: str, definition: str | None = None) -> str:
    return _keys(name).table(definition=definition)


SECTIONS: Mapping[str, Callable[[], str]] = {
    "metadata": _metadata,
    "project": partial(_spec, "Project"),
    "slack": partial(_channel, "SlackChannel"),
    "webhook": partial(_channel, "WebhookChannel"),
    "email": partial(_channel, "EmailChannel"),
    "gainsight-cs": partial(_spec, "Connection", "gainsight-cs"),
    "gainsight-cc": partial(_spec, "Connection", "gainsight-cc"),
    "profile-field-mapping": partial(_spec, "ProfileFieldMapping"),
    "sql": partial(_spec, "Connection", "sql"),
    "model": partial(_spec, "Model"),
    "sync": partial(_spec, "Sync"),
    "community-import": partial(_spec, "CommunityImport"),
    "state-file": partial(_file, "state.schema.json"),
    "counts": partial(_file, "state.schema.json", "counts"),
    "last-run": partial(_file, "state.schema.json", "lastRun"),
    "plan-file": partial(_file, "plan.schema.json"),
}
