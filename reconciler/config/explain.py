"""`reconcile explain`: what a code or a reason means, and what a kind and its keys are, from the values and models themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler import errors
from reconciler.config import closest, documents, projects, schemas
from reconciler.config.rules import RULES, pages
from reconciler.model.outcome import ADVICE

Schema = Mapping[str, Any]


def topics() -> str:
    """Everything that can be explained, one line each."""
    kinds = [projects.PROJECT, *documents.KINDS]
    rows = [(kind, _first_line(_schema(kind).get("description", ""))) for kind in kinds]
    rows += [(code, RULES[code].title) for code in sorted(RULES)]
    rows += sorted((reason.value, advice) for reason, advice in ADVICE.items())
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:<{width}}  {title}\n" for name, title in rows)


def explain(topic: str) -> str:
    """A code (`E-LOOKUP`), a reason of a rejected value (`key-null`), a kind (`Connection`) or a key of a kind
    (`Connection.profileFields`). Raises `errors.NotFound`."""
    if topic.upper() in RULES:
        return pages.explain(topic.upper())
    reasons = {reason.value: advice for reason, advice in ADVICE.items()}
    if topic.lower() in reasons:
        return f"{topic.lower()}: {reasons[topic.lower()]}\n\n`reconcile records NAME` lists the values.\n"
    kind, *keys = topic.split(".")
    known = {name.casefold(): name for name in (projects.PROJECT, *documents.KINDS)}
    if kind.casefold() not in known:
        is_code = topic[:2].upper() in ("E-", "W-")
        hint = closest.hint(
            topic, RULES if is_code else [*known.values(), *reasons], "`reconcile explain` lists everything"
        )
        raise errors.NotFound(f"there is nothing to explain about '{topic}'", hint=hint)
    return _explain_key(known[kind.casefold()], [key for key in keys if key != "spec"])


def _schema(kind: str) -> Schema:
    return schemas.document_schemas()[schemas.file_name(kind)]


def _explain_key(kind: str, keys: Sequence[str]) -> str:
    """Keys are named from below `spec`, which everything of interest is in."""
    schema = _schema(kind)
    definitions: Schema = schema.get("$defs", {})
    node: Schema = schema["properties"]["spec"]
    path, title = kind, schema.get("description", "")
    for key in keys:
        below = _properties(node, definitions)
        if key not in below:
            raise errors.NotFound(f"{path} has no key '{key}'", hint=closest.hint(key, below))
        node, path = below[key], f"{path}.{key}"
        title = _resolved(node, definitions).get("description", "")
    rows = [
        (key, _type(value, definitions), _about(value, definitions))
        for key, value in _properties(node, definitions).items()
    ]
    head = f"{path}: {title}" if title else path
    if not rows:
        about = _about({key: value for key, value in node.items() if key != "description"}, definitions)
        return f"{head}\n\n    {_type(node, definitions)}{'  ' + about if about else ''}\n"
    wide, typed = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    return f"{head}\n\n" + "".join(f"    {k:<{wide}}  {t:<{typed}}  {about}".rstrip() + "\n" for k, t, about in rows)


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """The node with what it refers to."""
    reference = node.get("$ref")
    return {**definitions[reference.rsplit("/", 1)[1]], **node} if reference else node


def _properties(node: Schema, definitions: Schema) -> dict[str, Schema]:
    """The keys below a node: its own, those of its items, those of every branch."""
    node = _resolved(node, definitions)
    if "items" in node:
        return _properties(node["items"], definitions)
    found: dict[str, Schema] = dict(node.get("properties", {}))
    for branch in (*node.get("allOf", ()), *node.get("anyOf", ())):
        for key, value in _properties(branch.get("then", branch), definitions).items():
            found.setdefault(key, value)
    return found


def _type(node: Schema, definitions: Schema) -> str:
    node = _resolved(node, definitions)
    if "const" in node or "enum" in node:
        return "word"
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_type(branch, definitions) for branch in node["anyOf"]))
    names = {
        "object": "mapping",
        "array": "list",
        "string": "text",
        "integer": "number",
        "number": "number",
        "boolean": "true/false",
        "null": "null",
    }
    return names.get(str(node.get("type")), "mapping")


def _about(node: Schema, definitions: Schema) -> str:
    node = _resolved(node, definitions)
    parts = [_first_line(node.get("description", ""))]
    if "enum" in node:
        parts.append("One of: " + ", ".join(repr(word) if word == "" else str(word) for word in node["enum"]) + ".")
    if "default" in node and node["default"] not in (None, [], {}):
        parts.append(f"Default: {_shown(node['default'])}.")
    return " ".join(part for part in parts if part)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_inside(inner)}" for key, inner in value.items() if inner not in (None, [], {}))
    return _inside(value)


def _inside(value: object) -> str:
    """A value within another one, as YAML has it on one line."""
    if isinstance(value, dict):
        return f"{{{_shown(value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inside, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
