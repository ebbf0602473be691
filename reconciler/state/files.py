"""The database as a file: what may stand at its path, and how a new one appears there whole."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
