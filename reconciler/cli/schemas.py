"""All JSON Schemas of the program, as `schemas/` in its repository has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.cli.files import write_atomically


def all_schemas() -> dict[str, str]:
    """File name → text: the documents, the plan file and the state file."""
    from reconciler.config import schemas
    from reconciler.report.plan import SCHEMA as PLAN
    from reconciler.state.statefile_schema import SCHEMA as STATE

    found = {**schemas.document_schemas(), "plan.schema.json": PLAN, "state.schema.json": STATE}
    return {name: _text(schema) for name, schema in found.items()}


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> int:
    """Write all schemas into `folder`; gives how many there are. Raises `errors.ReconcileError`."""
    found = all_schemas()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        write_atomically(folder / name, text)
    return len(found)
