"""Findings about configuration → SARIF 2.1.0, the format of code scanning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.report.text import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
"""What viewers replace by the root of the checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What there is to know about a code. `help` is Markdown."""

    code: str
    title: str
    why: str
    fix: str
    severity: Severity
    help: str


def to_sarif(
    diagnostics: Sequence[Diagnostic], *, rules: Sequence[Rule], version: str, project_file: str, prefix: str = ""
) -> str:
    """One run with every rule that was broken. `prefix` leads from the repository's root to the config root: `ops/config/`.

    A finding without a place is shown at the project file, because code scanning drops results without one.
    """
    broken = {diagnostic.code for diagnostic in diagnostics}
    named = [rule for rule in sorted(rules, key=lambda rule: rule.code) if rule.code in broken]
    index = {rule.code: number for number, rule in enumerate(named)}
    driver = {"name": "reconcile", "semanticVersion": version, "rules": [_rule(rule) for rule in named]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "results": [_result(diagnostic, index, prefix, project_file) for diagnostic in diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> Mapping[str, object]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nTo fix it: {rule.fix}", "markdown": rule.help},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(diagnostic: Diagnostic, index: Mapping[str, int], prefix: str, project_file: str) -> Mapping[str, object]:
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    found: dict[str, object] = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.value,
        "message": _message(diagnostic.message + hint),
        "locations": [_location(diagnostic.position or project_file, prefix)],
    }
    if diagnostic.code in index:
        found["ruleIndex"] = index[diagnostic.code]
    if diagnostic.related:
        found["relatedLocations"] = [
            {**_location(place, prefix), "message": _message(words)} for words, place in diagnostic.related
        ]
    return found


def _message(text: str) -> Mapping[str, str]:
    """Viewers make links of `[words](target)`: a document must not be able to put one into a finding."""
    return {"text": visible(text).replace("](", "] (")}


def _location(place: Position | str, prefix: str) -> dict[str, object]:
    """A whole file where there is no position in it. A finding about a whole file has line 0, which SARIF does not know."""
    file = place if isinstance(place, str) else place.file
    physical: dict[str, object] = {"artifactLocation": {"uri": _uri(prefix + file), "uriBaseId": ROOT}}
    if not isinstance(place, str) and place.line > 0:
        start = max(1, place.column)
        physical["region"] = {
            "startLine": place.line,
            "startColumn": start,
            "endColumn": start + max(1, place.length),  # the column behind the last one
        }
    return {"physicalLocation": physical}


def _uri(path: str) -> str:
    """A path as a relative reference: a colon in its first part would read as a scheme."""
    return quote(path, errors="backslashreplace")
