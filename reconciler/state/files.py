"""The database as a file: what may stand at its path, and how a new one appears there whole."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler import errors
from reconciler.atomic import sync_folder
from reconciler.clock import new_token
from reconciler.state.translate import REPAIR


def is_database_file(path: Path) -> bool:
    """Whether there is a file that may be a database. False when there is nothing.

    An empty file is damage: the program never leaves one behind, so something was lost. Raises `errors.StateDamaged`,
    `errors.StateUnavailable`.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    except OSError as cause:
        raise _unusable(path, cause) from cause
    if not stat.S_ISREG(found.st_mode):
        message = f"{path} is not a file, so it cannot be the database."
        raise errors.StateUnavailable(
            message, hint="correct spec.database in reconcile.yaml, or move away what is there"
        )
    if not found.st_size:
        raise errors.StateDamaged(f"The database {path} is an empty file.", hint=REPAIR)
    return True


Identity = tuple[int, int]
"""Tells a file from the one that takes its place."""


def identity(path: Path) -> Identity | None:
    """Which file is at a path; None when there is none, or it cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A database file as it lies there. `waiting` is the file with changes that are not in it yet, if any."""

    path: Path
    size: int
    modified: int
    waiting: Path | None


def fingerprint(path: Path) -> Fingerprint:
    """What tells whether a database file was changed. Raises `errors.StateUnavailable`."""
    try:
        found = path.stat()
        log = path.with_name(path.name + "-wal")
        waiting = log if log.exists() and log.stat().st_size else None
    except OSError as cause:
        raise _unusable(path, cause) from cause
    return Fingerprint(path=path, size=found.st_size, modified=found.st_mtime_ns, waiting=waiting)


def unreadable(path: Path, found: Fingerprint) -> errors.StateUnavailable:
    """A database of which a part lies in another file, where nothing may be written to bring the two together."""
    message = (
        f"The database {path} cannot be read where it is: its last changes are still in {found.waiting}, "
        "and its folder cannot be written or its disk is full."
    )
    hint = "make the folder writable, or free some space; or copy both files to another place and read them there"
    return errors.StateUnavailable(message, hint=hint)


@contextmanager
def new_database(path: Path) -> Iterator[Path]:
    """A path to make a new database at; at the end it appears at `path`, complete, or not at all.

    Without this a kill between the creation of the file and its first table would leave an empty file. When another process
    was faster, its file stays and ours goes. Missing parent folders are made.
    """
    draft = path.with_name(f".{path.name}.{new_token()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with suppress(FileExistsError):
            _appear(draft, path)
    except OSError as cause:
        raise _unusable(path, cause) from cause
    finally:
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)


def _appear(draft: Path, path: Path) -> None:
    """A hard link fails when the name is taken, which a rename does not. Some file systems have no links."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:
        draft.rename(path)
    sync_folder(path.parent)


def _unusable(path: Path, cause: OSError) -> errors.StateUnavailable:
    message = f"The database {path} cannot be used: {cause.strerror or type(cause).__name__}."
    return errors.StateUnavailable(message, hint="check that the folder exists and may be written by this user")
