"""Writing the files that a command was asked for: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reconciler import atomic, errors


def refuse_own(path: Path, root: Path, own: Iterable[Path]) -> None:
    """Raises `errors.UsageError` where an output would stand in the place of one of the project's own files or folders."""
    target = path.resolve()
    for place in own:
        kept = (root / place).resolve()
        if target == kept or kept in target.parents or target.with_name(target.name.split("-")[0]) == kept:
            raise errors.UsageError(
                f"{path} belongs to the project itself", hint="choose another name; nothing was written"
            )


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write to a file beside `path` and move it there. Raises `errors.ReconcileError`."""
    if path.exists() and not path.is_file():
        raise errors.UsageError(f"{path} is not a file", hint="choose another name")
    try:
        atomic.replace(path, (part.encode() for part in ([text] if isinstance(text, str) else text)))
    except OSError as problem:
        raise errors.ReconcileError(
            f"cannot write {path}: {problem.strerror}",
            hint="check the folder, its permissions and the space on the disk",
        ) from None
