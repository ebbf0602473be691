"""The state file for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.status import Status
from reconciler.report.text import PLAIN, Style, table, visible


def to_text(state: Mapping[str, Any], *, style: Style = PLAIN) -> str:
    """Head data, then a line for each connection and document."""
    head = [
        f"{key:<8} {visible(str(state.get(key) or '-'))}"
        for key in ("project", "serial", "lineage", "commit", "digest")
    ]
    rows = [
        [f"Connection/{visible(entry['name'])}", _status(entry, style), "", visible(entry.get("reason") or "")]
        for entry in state["connections"]
    ]
    rows += [
        [
            f"{visible(entry['kind'])}/{visible(entry['name'])}",
            _status(entry, style),
            str(entry["generation"]),
            visible(entry.get("reason") or ""),
        ]
        for entry in state["documents"]
    ]
    return "\n".join([*head, "", table(("Document", "Status", "Generation", "Reason"), rows, style=style, right=(2,))])


def _status(entry: Mapping[str, Any], style: Style) -> str:
    word = entry.get("status")
    return style.coloured(Status(word).colour, word) if word else "-"
