"""The folder of pinned catalogs, as far as an unchanged project needs it: where it is, and whether it changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.config import discovery
from reconciler.model.diagnostic import Diagnostic

if TYPE_CHECKING:
    from reconciler.model.catalog import Catalog

MAX_BYTES = 64 * 1024 * 1024


def outside(root: Path, folder: str) -> str | None:
    """Why the catalog folder may not be read."""
    why = discovery.outside(folder)
    if why is None and not Path(os.path.realpath(root / folder)).is_relative_to(root):
        return "does not lead below the folder of reconcile.yaml"
    return why


def shas(root: Path, folder: str) -> Iterator[str]:
    """What the content of the catalog folder is known by."""
    if outside(root, folder) is not None:
        return
    for file in sorted((root / folder).glob("*.json")):
        try:
            data = discovery.read(root, f"{folder}/{file.name}", MAX_BYTES)
        except errors.ConfigIncomplete:
            data = b""  # What is wrong with it is said when it is read for its content.
        yield f"{file.name}\0{hashlib.sha256(data).hexdigest()}"


def read(root: Path, folder: str, connections: Iterable[str]) -> tuple[dict[str, Catalog], dict[str, Diagnostic]]:
    """The catalogs that are there, and what is wrong with the others, by connection."""
    from reconciler.config import catalogs

    found: dict[str, Catalog] = {}
    damaged: dict[str, Diagnostic] = {}
    if outside(root, folder) is None:
        for name in connections:
            read = catalogs.read(root, catalogs.file_name(folder, name), name)
            if isinstance(read, Diagnostic):
                damaged[name] = read
            elif read is not None:
                found[name] = read
    return found, damaged
