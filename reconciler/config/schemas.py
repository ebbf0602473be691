"""JSON Schemas (draft 2020-12) of the documents, generated from the models into `schemas/`, for editors and for CI.

A plain validator with these refuses what the models refuse, and of the rules those that concern one document alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from reconciler.config import documents, projects
from reconciler.config.rules import examples

ALL = "reconcile.schema.json"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def document_schemas() -> dict[str, Schema]:
    """The schemas of all documents by file name. Those of plans and of the state file are made where these are."""
    models: dict[str, type[BaseModel]] = {projects.PROJECT: projects.Project, **documents.KINDS}
    single = {kind: _schema(model) for kind, model in models.items()}
    made = {file_name(kind): {"$schema": _DRAFT, **schema} for kind, schema in single.items()}
    made[ALL] = _all(single)
    return dict(sorted(made.items()))


def file_name(kind: str) -> str:
    """`ProfileFieldMapping` → `profile-field-mapping.schema.json`"""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind)
    return f"{words.lstrip('-')}.schema.json"


def _schema(model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema(by_alias=True)
    _tidy(schema)
    schema["title"] = model.__name__
    schema["examples"] = [_example(model.__name__)]
    return schema


def _all(single: Mapping[str, Schema]) -> Schema:
    """One schema for every document. `kind` decides which branch applies, so an editor shows errors of that kind only."""
    definitions: Schema = {}
    branches = []
    for kind, schema in single.items():
        own = copy.deepcopy(schema)
        definitions.update(own.pop("$defs", {}))
        definitions[f"{kind}Document"] = own
        condition = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        branches.append({"if": condition, "then": {"$ref": f"#/$defs/{kind}Document"}})
    return {
        "$schema": _DRAFT,
        "title": "reconcile",
        "description": "Any document of a project, and the project file.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"kind": {"enum": list(single)}},
        "allOf": branches,
        "$defs": definitions,
    }


def _tidy(node: Any) -> None:
    """Without what pydantic adds: titles made from key names, and `discriminator`, which is OpenAPI's."""
    if isinstance(node, dict):
        if "discriminator" in node and "oneOf" in node:
            _branch_on_type(node)
        properties = node.get("properties")
        if isinstance(properties, dict):
            for value in properties.values():
                if isinstance(value, dict) and isinstance(value.get("title"), str) and "properties" not in value:
                    del value["title"]
        for value in node.values():
            _tidy(value)
    elif isinstance(node, list):
        for value in node:
            _tidy(value)


def _branch_on_type(node: Schema) -> None:
    """A union told apart by a key, as branches: a mistake is then shown as itself and not as 'valid under none of these'."""
    discriminator = node.pop("discriminator")
    del node["oneOf"]
    key, members = discriminator["propertyName"], discriminator["mapping"]
    node.update(
        type="object",
        required=[key],
        properties={key: {"enum": sorted(members)}},
        allOf=[
            {"if": {"properties": {key: {"const": tag}}, "required": [key]}, "then": {"$ref": reference}}
            for tag, reference in sorted(members.items())
        ],
    )


def _example(kind: str) -> Any:
    from reconciler.config import loader

    texts = {
        projects.PROJECT: examples.PROJECT,
        "Connection": examples.CC,
        "ProfileFieldMapping": examples.mapping("object: Company Person, attribute: Title, profileField: Job Title"),
        "CommunityImport": examples.community_import("  schedule: {every: 24h}\n  identity: {phoneRegion: DE}\n"),
        "Model": examples.model(),
        "Sync": examples.sync(rest="  schedule: {every: 1h}\n"),
    }
    return loader.load(texts[kind].encode(), kind).documents[0].data
