"""Databases that are files: what can be said of a path before a driver is asked, which says only that it cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler import errors

FOLDER = "the URL must name the file of the database"


def refuse_missing(path: Path) -> None:
    """Raises `errors.RemoteRefused` where there is no file to read."""
    with _told(path):
        if path.is_dir():
            raise errors.RemoteRefused(f"{path} is a folder", hint=FOLDER)
        if not path.exists():
            hint = "correct the URL; a relative path begins at the project's folder"
            raise errors.RemoteRefused(f"there is no file {path}", hint=hint)


def refuse_folder(path: Path) -> None:
    """Raises `errors.RemoteRefused` where there is no file and none can be."""
    with _told(path):
        if path.is_dir():
            raise errors.RemoteRefused(f"{path} is a folder", hint=FOLDER)
        if not path.parent.is_dir():
            hint = "make it, or correct the URL; a relative path begins at the project's folder"
            raise errors.RemoteRefused(f"there is no folder {path.parent} for the database", hint=hint)
        if not path.exists() and not os.access(path.parent, os.W_OK | os.X_OK):
            raise errors.RemoteRefused(
                f"no file can be made in {path.parent}", hint="let this user write to the folder"
            )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A name that is too long, or a folder on the way that this user may not enter."""
    try:
        yield
    except OSError as error:
        hint = "correct the URL, or let this user into its folder"
        raise errors.RemoteRefused(f"{path} cannot be reached: {error.strerror}", hint=hint) from None
