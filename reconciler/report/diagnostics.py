"""Findings about configuration → text with code frames, JSON, and annotations for GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.report.text import PLAIN, Style, plural, visible, width

Source = Callable[[str], str | None]
"""The text of a file as it may be shown (secrets starred out), by the name that positions use. None if it cannot be read."""

FORMAT_VERSION = 1
MAX_SHOWN = 500
"""Findings that people are shown, errors first: whoever has more mends these and runs again."""

MAX_COLUMNS = 120
"""Of a source line in a code frame; a longer line is cut around the place that is pointed at."""

_HIDDEN = frozenset(("E-SECRET", "E-SECRET-FORM"))
"""Codes that point at what could be a secret: the source is not to be trusted to have hidden it."""


# -- text --------------------------------------------------------------------------------------------------------------


def to_text(diagnostics: Sequence[Diagnostic], *, source: Source, files: Sequence[str], style: Style = PLAIN) -> str:
    """Every finding with its place in the source, then one line that counts them. `files` are those that were read."""
    lines_of = _lines(source)
    shown = diagnostics
    if len(diagnostics) > MAX_SHOWN:
        shown = sorted(diagnostics, key=lambda diagnostic: diagnostic.severity is not Severity.ERROR)[:MAX_SHOWN]
    blocks = ["\n".join(_block(diagnostic, lines_of, style)) for diagnostic in shown]
    if len(shown) < len(diagnostics):
        more = f"{len(diagnostics) - len(shown):,} more"
        blocks.append(f"… and {more}; `reconcile validate --output json` has them all")
    return "\n\n".join([*blocks, summary(diagnostics, files)]) + "\n"


def summary(diagnostics: Sequence[Diagnostic], files: Sequence[str]) -> str:
    """`2 errors, 1 warning in 3 files (5 files ok)`"""
    affected = {diagnostic.position.file for diagnostic in diagnostics if diagnostic.position}
    fine = plural(len(set(files) - affected), "file") + " ok"
    if not diagnostics:
        return fine
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [plural(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    where = f" in {plural(len(affected), 'file')}" if affected else ""
    return f"{', '.join(counts)}{where} ({fine})"


def _lines(source: Source) -> Callable[[str], list[str]]:
    @cache
    def lines(file: str) -> list[str]:
        # Lines end as they do for YAML and for editors; str.splitlines knows more ends than these.
        return re.split("\r\n|\r|\n", source(file) or "")

    return lines


def _block(diagnostic: Diagnostic, lines_of: Callable[[str], list[str]], style: Style) -> Iterator[str]:
    yield f"{_head(diagnostic, style)} {style.bold(visible(diagnostic.message))}"
    hint = visible(diagnostic.hint) if diagnostic.hint else ""
    position = diagnostic.position
    lines = lines_of(position.file) if position else []
    margin = " " * (len(str(position.line)) if position else 1)
    if position is not None:
        yield f"{margin}{style.dim('-->')} {visible(str(position))}"
    if position is not None and 0 < position.line <= len(lines) and lines[position.line - 1].strip():
        line = lines[position.line - 1]
        if diagnostic.code in _HIDDEN:
            line = line[: position.column - 1] + re.sub(r"\S", "*", line[position.column - 1 :])
        yield from _frame(position, line, hint, style)
    elif hint:
        yield f"{margin} {style.dim('=')} {hint}"
    for words, place in diagnostic.related:
        yield f"{margin} {style.dim('=')} {visible(words)}: {visible(str(place))}"
    yield f"{margin} {style.dim('=')} help: reconcile explain {diagnostic.code}"


def _head(diagnostic: Diagnostic, style: Style) -> str:
    paint = style.red if diagnostic.severity is Severity.ERROR else style.yellow
    return paint(f"{diagnostic.severity.value}[{diagnostic.code}]")


def _frame(position: Position, line: str, hint: str, style: Style) -> Iterator[str]:
    start = min(position.column - 1, len(line))
    end = max(start + 1, min(start + position.length, len(line)))
    before, marked, after = _cut(line, start, end)
    number, bar = str(position.line), style.dim("|")
    margin = " " * len(number)
    carets = style.red("^" * max(1, width(marked)))
    yield f"{margin} {bar}"
    yield f"{style.dim(number)} {bar} {before}{marked}{after}".rstrip()
    yield f"{margin} {bar} {' ' * width(before)}{carets}{' ' + hint if hint else ''}"


def _cut(line: str, start: int, end: int) -> tuple[str, str, str]:
    """What stands before, at and after the place, made visible and short enough for a terminal."""
    first = max(0, start - MAX_COLUMNS // 2) if len(line) > MAX_COLUMNS else 0
    last = min(len(line), first + MAX_COLUMNS)
    before = ("…" if first else "") + _plain(line[first:start])
    after = _plain(line[end:last]) + ("…" if last < len(line) else "")
    return before, _plain(line[start : min(end, last)]), after


def _plain(part: str) -> str:
    return visible(part.replace("\t", " "))


# -- for programs ------------------------------------------------------------------------------------------------------


def to_json(diagnostics: Sequence[Diagnostic]) -> str:
    """`{"formatVersion", "valid", "errors", "warnings", "diagnostics": [{code, severity, message, hint, file, …}]}`"""
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    content = {
        "formatVersion": FORMAT_VERSION,
        "valid": errors == 0,
        "errors": errors,
        "warnings": len(diagnostics) - errors,
        "diagnostics": [_as_json(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(content, indent=2) + "\n"


def _as_json(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        **_place(diagnostic.position),
        "related": [{"message": words, **_place(place)} for words, place in diagnostic.related],
    }


def _place(position: Position | None) -> dict[str, object]:
    return dict(position._asdict()) if position else dict.fromkeys(Position._fields)


def to_github(diagnostics: Sequence[Diagnostic], *, prefix: str = "") -> str:
    """Workflow commands that become annotations. `prefix` leads from the repository's root to the config root: `ops/config/`."""
    return "".join(f"{_annotation(diagnostic, prefix)}\n" for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic, prefix: str) -> str:
    message = visible(diagnostic.message) + (f" ({visible(diagnostic.hint)})" if diagnostic.hint else "")
    properties = {"title": diagnostic.code}
    if diagnostic.position:
        file, line, column, length = diagnostic.position
        end = str(column + length - 1)
        properties = {
            "file": prefix + visible(file),
            "line": str(line),
            "col": str(column),
            "endColumn": end,
            **properties,
        }
    shown = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{diagnostic.severity.value} {shown}::{_escaped(message)}"


def _escaped(value: str, more: str = "") -> str:
    """As the runner of GitHub Actions decodes it: percent signs, line ends, and in properties the separators too."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + more else c for c in value)
