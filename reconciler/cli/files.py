"""Writing the files that a command was asked for: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reconciler import errors


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write to a file beside `path` and move it there. Raises `errors.ReconcileError`."""
    if path.exists() and not path.is_file():
        raise errors.UsageError(f"{path} is not a file", hint="choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8", newline="", delete=False
        ) as temporary:
            try:
                temporary.writelines([text] if isinstance(text, str) else text)
                temporary.flush()
                os.fsync(temporary.fileno())
                Path(temporary.name).replace(path)
            except BaseException:
                Path(temporary.name).unlink(missing_ok=True)
                raise
    except OSError as problem:
        raise errors.ReconcileError(
            f"cannot write {path}: {problem.strerror}",
            hint="check the folder, its permissions and the space on the disk",
        ) from None
