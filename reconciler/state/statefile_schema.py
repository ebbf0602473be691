"""The published form of the state file."""

from __future__ import annotations

from typing import Any

from reconciler.model.outcome import Outcome
from reconciler.model.run import RunResult
from reconciler.model.status import Status

FORMAT_VERSION = 1

State = dict[str, Any]

_COUNT = {"type": "integer", "minimum": 0}
_MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"}
_NAME = {"type": "string", "minLength": 1}


def _object(properties: State, *optional: str) -> State:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_COUNTS = _object(
    {
        "read": _COUNT,
        **{outcome.value: _COUNT for outcome in Outcome},
        "reasons": {"type": "object", "additionalProperties": _COUNT},
    }
)

_LAST_RUN = _object(
    {
        "id": {"type": "integer", "minimum": 1},
        "result": {"enum": [result.value for result in RunResult]},
        "startedAt": _MOMENT,
        "endedAt": {"oneOf": [_MOMENT, {"type": "null"}]},
    }
)

_STATUS: State = {
    "status": {"enum": [status.value for status in Status]},
    "reason": {"type": "string"},
    "since": _MOMENT,
    "counts": {"$ref": "#/$defs/counts"},
    "lastRun": {"oneOf": [{"$ref": "#/$defs/lastRun"}, {"type": "null"}]},
}

SCHEMA: State = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "State file of reconcile",
    "description": "A projection of the state database, rewritten after each apply and run. Do not edit it.",
    **_object(
        {
            "formatVersion": {"const": FORMAT_VERSION},
            "project": _NAME,
            "lineage": _NAME,
            "serial": _COUNT,
            "commit": {"type": ["string", "null"]},
            "digest": {"type": ["string", "null"]},
            "checksum": {"type": "string", "description": "SHA-256 of the file without this key, in the same spelling"},
            "connections": {"type": "array", "items": {"$ref": "#/$defs/connection"}},
            "documents": {"type": "array", "items": {"$ref": "#/$defs/document"}},
        },
    ),
    "$defs": {
        "counts": _COUNTS,
        "lastRun": _LAST_RUN,
        "connection": _object({"name": _NAME, "type": _NAME, "active": {"type": "boolean"}, **_STATUS}),
        "document": _object(
            {
                "kind": _NAME,
                "name": _NAME,
                "digest": _NAME,
                "generation": {"type": "integer", "minimum": 1},
                "appliedAt": _MOMENT,
                "commit": {"type": ["string", "null"]},
                "nextDue": {"oneOf": [_MOMENT, {"type": "null"}]},
                "suspended": {"type": "boolean"},
                **_STATUS,
                "mappings": {"type": "array", "items": {"$ref": "#/$defs/mapping"}},
            },
            "commit",
            "nextDue",
            "suspended",
        ),
        "mapping": _object({"item": _NAME, **_STATUS}),
    },
}
