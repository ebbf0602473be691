"""Exceptions of SQLAlchemy and the drivers become our own, by their codes and never by their texts.

The originals are not kept as causes: their texts and attributes hold values and, on PostgreSQL, the connection's password.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import exc

from reconciler import errors

REPAIR = "restore it from a backup, or move it away and run `reconcile apply` to start anew"
SPACE = (
    "free some space there and in the folder for temporary files, then run the command again; nothing was recorded half"
)
REPORT = "run `reconcile doctor`; if it finds nothing and this comes again, report it with the code"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of ours, and whether the whole transaction may simply be tried again at once."""

    error: errors.StateProblem | errors.UsageError
    again: bool = False


@contextmanager
def translated(label: str) -> Iterator[None]:
    """Let no foreign exception out. `label` names the database."""
    try:
        yield
    except foreign() as error:
        raise problem(error, label).error from None


def foreign() -> tuple[type[Exception], ...]:
    """Every exception that `problem` understands. psycopg is loaded only where it is used, and asking must not load it."""
    psycopg = sys.modules.get("psycopg")
    known: tuple[type[Exception], ...] = (exc.SQLAlchemyError, sqlite3.Error)
    return known if psycopg is None else (*known, psycopg.Error)


def problem(error: Exception, label: str) -> Problem:
    """What `error` means for the database named `label`."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _sqlite(getattr(original, "sqlite_errorcode", None), label)
    if original is not None and type(original).__module__.split(".")[0] == "psycopg":
        return _postgresql(original, label)
    if isinstance(error, exc.TimeoutError):
        return Problem(
            errors.StateUnavailable(f"All connections to the database {label} are in use.", hint="try again")
        )
    return Problem(errors.StateProblem(f"The database {label} cannot be used ({type(error).__name__}).", hint=REPORT))


_OPENING = "check that the file and its folder exist and may be written by this user"
_DISK = "check the disk and its free space; SQLite needs a local file system"

_BY_SQLITE_CODE: dict[int, tuple[type[errors.StateProblem], str, str]] = {
    sqlite3.SQLITE_BUSY: (errors.StateBusy, "is locked by another process", "try again when it has ended"),
    sqlite3.SQLITE_LOCKED: (errors.StateBusy, "is locked by another process", "try again when it has ended"),
    sqlite3.SQLITE_FULL: (errors.StateUnavailable, "cannot grow: no space is left on its disk", SPACE),
    sqlite3.SQLITE_IOERR: (errors.StateUnavailable, "cannot be read or written", _DISK),
    sqlite3.SQLITE_CORRUPT: (errors.StateDamaged, "is damaged", REPAIR),
    sqlite3.SQLITE_NOTADB: (errors.StateDamaged, "is damaged, or is no SQLite database", REPAIR),
    sqlite3.SQLITE_READONLY: (errors.StateUnavailable, "may not be written", _OPENING),
    sqlite3.SQLITE_PERM: (errors.StateUnavailable, "may not be opened", _OPENING),
    sqlite3.SQLITE_CANTOPEN: (errors.StateUnavailable, "cannot be opened", _OPENING),
}


def _sqlite(code: int | None, label: str) -> Problem:
    primary = -1 if code is None else code & 0xFF
    if primary not in _BY_SQLITE_CODE:
        message = f"The database {label} refused a statement (SQLite code {code})."
        return Problem(errors.StateProblem(message, hint=REPORT))
    kind, what, hint = _BY_SQLITE_CODE[primary]
    busy = primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return Problem(kind(f"The database {label} {what}.", hint=hint), again=busy)


_CREDENTIALS = "check user, password and rights in the database URL"
_SERVER = "check that the server runs and that host, port and network are right, then try again"

_BY_STATE: dict[str, tuple[str, str]] = {
    "28": ("refused the credentials", _CREDENTIALS),
    "3D": ("does not exist", "create it (`createdb`), or correct the database URL"),
    "08": ("lost the connection", _SERVER),
    "57": ("is shutting down or ended the connection", _SERVER),
    "53": ("has no room left (disk, memory or connections)", SPACE),
    "58": ("has trouble with its disk", "see the log of the server"),
    "25": ("does not take writes at the moment", "connect to the primary server"),
    "42501": ("does not allow this user to do this", _CREDENTIALS),
}

_AGAIN = ("40001", "40P01", "55P03", "57P05")
"""Serialization failure, deadlock, lock timeout, idle session ended."""


def _postgresql(error: BaseException, label: str) -> Problem:
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:
        return _unanswered(error, label)
    if state in _AGAIN:
        message = f"The database {label} is busy with another process (code {state})."
        return Problem(errors.StateUnavailable(message, hint="try again"), again=True)
    if state in ("XX001", "XX002"):
        return Problem(errors.StateDamaged(f"The database {label} is damaged.", hint="restore it from a backup"))
    what = _BY_STATE.get(state) or _BY_STATE.get(state[:2])
    if what is None:
        return Problem(errors.StateProblem(f"The database {label} refused a statement (code {state}).", hint=REPORT))
    return Problem(errors.StateUnavailable(f"The database {label} {what[0]} (code {state}).", hint=what[1]))


def _unanswered(error: BaseException, label: str) -> Problem:
    """No code: the server was not reached, ended the connection, or the URL has an option that libpq does not know."""
    if type(error).__name__ == "ProgrammingError":
        message = f"The URL of the database {label} has an option that PostgreSQL does not know."
        return Problem(errors.UsageError(message, hint="correct what follows `?` in the database URL"))
    if type(error).__name__ == "DataError":
        message = "A text has a NUL character, which PostgreSQL cannot hold."
        return Problem(errors.StateProblem(message, hint="correct the value at its source"))
    connection = getattr(error, "pgconn", None)
    if connection is not None and (connection.used_password or connection.needs_password):
        message = f"The database {label} refused the connection."
        return Problem(errors.StateUnavailable(message, hint=_CREDENTIALS))
    return Problem(errors.StateUnavailable(f"The database {label} cannot be reached.", hint=_SERVER), again=True)
