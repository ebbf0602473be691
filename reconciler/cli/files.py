"""Writing the files that a command was asked for: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reconciler import atomic, errors


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write to a file beside `path` and move it there. Raises `errors.ReconcileError`."""
    if path.exists() and not path.is_file():
        raise errors.UsageError(f"{path} is not a file", hint="choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace(path, (part.encode() for part in ([text] if isinstance(text, str) else text)))
    except OSError as problem:
        raise errors.ReconcileError(
            f"cannot write {path}: {problem.strerror}",
            hint="check the folder, its permissions and the space on the disk",
        ) from None
