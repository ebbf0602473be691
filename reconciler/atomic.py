"""Replacing a file so that every reader sees the old content or the new one, also after a kill or a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.clock import new_token


def replace(path: Path, chunks: Iterable[bytes]) -> None:
    """Write `chunks` to a draft beside `path`, and move it there once it is on the disk. Raises OSError."""
    draft = path.with_name(f".{path.name}.{new_token()}.tmp")
    try:
        with draft.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
