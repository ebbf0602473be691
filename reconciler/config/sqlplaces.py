"""From a place in the SQL of a document to a place in the YAML file that holds it."""

from __future__ import annotations

from reconciler.config.facts import Span
from reconciler.model.diagnostic import Position


def inside(data: bytes, start: Position, span: Span) -> Position:
    """Where a place of a text stands that begins at `start`. What is folded or has escapes is found as a whole."""
    rows = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").replace("\r\n", "\n").split("\n")
    head = rows[start.line - 1][start.column - 1 :]
    if head.startswith("|"):
        return _in_block(rows, start, span, head)
    quoted = head[:1] in ("'", '"')
    text = head[1:] if quoted else head
    plain = start.length > 1 and span.line == 1 and not any(char in text[: start.length] for char in ("\\", "''"))
    if not plain or head.startswith((">", "*", "&")):
        return start
    return Position(start.file, start.line, start.column + quoted + span.column - 1, span.length)


def _in_block(rows: list[str], start: Position, span: Span, head: str) -> Position:
    """Each line of a `|` text is a line of the file, moved to the right."""
    line = start.line + span.line
    explicit = next((int(char) for char in head[1:3] if char.isdigit()), None)
    first = next((row for row in rows[start.line :] if row.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    if explicit is not None:
        above = rows[start.line - 1]
        indent = len(above) - len(above.lstrip(" ")) + explicit
    return Position(start.file, line, indent + span.column, span.length)
