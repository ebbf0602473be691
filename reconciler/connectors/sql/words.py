"""What may be said of a database's own messages: they can hold rows, and parts of the URL."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 300

MASK = "[secret]"

CORRECT = "correct the SQL of the model, or the name of its table"
"""What helps where a database refuses a query before it runs."""


def one_line(message: str, secrets: Iterable[str] = ()) -> str:
    """The first line that says something, without secrets. Only for messages about the text of a query."""
    line = next((" ".join(line.split()) for line in message.splitlines() if line.strip()), "")
    for secret in secrets:
        line = line.replace(secret, MASK)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
