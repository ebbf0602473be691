"""What `reconcile explain CODE` prints and what stands in docs/reference/rules/: the same text from the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reconciler.config.rules import RULES
from reconciler.config.rules.base import Example, Rule


def explain(code: str) -> str:
    """A rule for people, in a terminal."""
    rule = RULES[code]
    parts = [
        f"{rule.severity.value}[{rule.code}] {rule.title}",
        rule.why,
        f"To fix it: {rule.fix}",
        f"Refused:\n\n{_indented(rule.bad)}" if _is_error(rule) else f"Warned about:\n\n{_indented(rule.bad)}",
        f"Accepted:\n\n{_indented(rule.good)}",
    ]
    return "\n\n".join(parts) + "\n"


def pages() -> Mapping[str, str]:
    """Every page of docs/reference/rules by file name."""
    made = {f"{rule.code}.md": _page(rule) for rule in RULES.values()}
    made["index.md"] = _index()
    return made


def write(folder: Path) -> None:
    """Write all pages, and remove those of rules that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)


def _is_error(rule: Rule) -> bool:
    return rule.severity.value == "error"


def _page(rule: Rule) -> str:
    verdict = "Refused" if _is_error(rule) else "Warned about"
    return (
        f"# {rule.code}: {rule.title}\n\n"
        f"Severity: {rule.severity.value}\n\n"
        f"{rule.why}\n\n"
        f"**To fix it:** {rule.fix}\n\n"
        f"## {verdict}\n\n{_fenced(rule.bad)}\n"
        f"## Accepted\n\n{_fenced(rule.good)}"
    )


def _index() -> str:
    rows = "".join(f"| [{rule.code}]({rule.code}.md) | {rule.severity.value} | {rule.title} |\n" for rule in _sorted())
    head = "# Rules\n\nWhat `reconcile validate` checks. `reconcile explain CODE` prints a page.\n\n"
    return f"{head}| code | severity | what |\n|---|---|---|\n{rows}"


def _sorted() -> list[Rule]:
    return [RULES[code] for code in sorted(RULES)]


def _text(example: Example) -> str:
    """The file that matters: the one that differs between the bad and the good example."""
    text = example.catalog_text or example.project or example.text
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda m: f"<U+{ord(m.group()):04X}>", text).rstrip("\n") + "\n"


def _fenced(example: Example) -> str:
    return f"```{'json' if example.catalog_text else 'yaml'}\n{_text(example)}```\n"


def _indented(example: Example) -> str:
    return "".join(f"    {line}\n" for line in _text(example).splitlines()).rstrip("\n")
