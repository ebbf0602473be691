"""All JSON Schemas of the program, as `schemas/` in its repository has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.cli.files import write_atomically


def all_schemas() -> dict[str, Mapping[str, Any]]:
    """File name → schema: the documents, the plan file and the state file."""
    from reconciler.config.schemas import document_schemas
    from reconciler.report.plan import SCHEMA as PLAN
    from reconciler.state.statefile import SCHEMA as STATE

    return {**document_schemas(), "plan.schema.json": PLAN, "state.schema.json": STATE}


def to_text(schema: Mapping[str, Any]) -> str:
    """How a schema is written to a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into `folder` and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in all_schemas().items():
        write_atomically(folder / name, to_text(schema))
        written.append(folder / name)
    return written
