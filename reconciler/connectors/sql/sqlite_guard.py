"""What a query may do in SQLite, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler import errors
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.words import CORRECT, one_line

SCRATCH = "scratch"
STAGED = "rows"

_REACHING_OUT = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "sqlite_log"})
"""Functions that touch more than the row they are called for; most are not even compiled in."""

_HARMLESS_PRAGMAS = frozenset({"data_version"})
"""What a full-text index asks on its own when it is read."""

_SCHEMAS = ("sqlite_master", "sqlite_temp_master")

_ACTIONS = {
    getattr(sqlite3, f"SQLITE_{name.replace(' ', '_')}"): name
    for name in (
        "INSERT", "UPDATE", "DELETE", "ATTACH", "DETACH", "PRAGMA", "TRANSACTION", "SAVEPOINT", "ANALYZE", "REINDEX",
        "ALTER TABLE",
    )
}  # fmt: skip


class Guard:
    """Answers SQLite, which asks about every step of a statement before it runs: only reading is allowed.

    `filling` also allows to insert into the one table of the scratch file.
    """

    def __init__(self, *, filling: bool) -> None:
        self._filling = filling
        self.refused: str | None = None
        self.prepares = False

    def __call__(
        self, action: int, first: str | None, second: str | None, database: str | None, _within: str | None
    ) -> int:
        if self._allows(action, first, second, database):
            return sqlite3.SQLITE_OK
        what = f"the function {second}" if action == sqlite3.SQLITE_FUNCTION else _ACTIONS.get(action)
        what = "a change of the schema" if first in _SCHEMAS else what
        self.refused = self.refused or what or "something other than to read"
        return sqlite3.SQLITE_DENY

    def _allows(self, action: int, first: str | None, second: str | None, database: str | None) -> bool:
        match action:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
                return True
            case sqlite3.SQLITE_READ:
                return database != SCRATCH
            case sqlite3.SQLITE_FUNCTION:
                return second is not None and second.lower() not in _REACHING_OUT
            case sqlite3.SQLITE_PRAGMA:
                return first in _HARMLESS_PRAGMAS and second is None
            case sqlite3.SQLITE_INSERT:
                return self._filling and (first, database) == (STAGED, SCRATCH)
        return False

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """No row is read in here, so what SQLite says can only be about the query."""
        self.prepares = True
        yield
        self.prepares = False


_OPENING = (
    "check that the file and its folder may be read by this user; the folder of a database in WAL mode also written"
)
_LOCKED = "try again when the other process has ended"
_SPACE = "free some space beside the state database, where the rows wait, and in the folder for temporary files"

BY_CODE: dict[int, tuple[type[errors.RemoteError], str, str]] = {
    sqlite3.SQLITE_BUSY: (errors.RemoteUnavailable, "is locked by another process", _LOCKED),
    sqlite3.SQLITE_LOCKED: (errors.RemoteUnavailable, "is locked by another process", _LOCKED),
    sqlite3.SQLITE_CANTOPEN: (errors.RemoteRefused, "cannot be opened", _OPENING),
    sqlite3.SQLITE_PERM: (errors.RemoteRefused, "cannot be opened", _OPENING),
    sqlite3.SQLITE_READONLY: (errors.RemoteRefused, "was left in the middle of a change", "open it once for writing"),
    sqlite3.SQLITE_NOTADB: (errors.RemoteRefused, "is no SQLite database", "correct the URL"),
    sqlite3.SQLITE_CORRUPT: (errors.RemoteRefused, "is damaged", "restore it from a backup"),
    sqlite3.SQLITE_IOERR: (errors.RemoteUnavailable, "cannot be read", "check the disk"),
    sqlite3.SQLITE_FULL: (errors.RemoteUnavailable, "needs more room than there is for the query", _SPACE),
    sqlite3.SQLITE_TOOBIG: (errors.RemoteRefused, "has a value of more than 16 MiB in the result of the query", ""),
}


@contextmanager
def translated(path: Path, guard: Guard, watch: Watch) -> Iterator[None]:
    """Let no error of SQLite out. Its texts may hold values, except while a query is only prepared."""
    try:
        yield
    # A Warning is what Python 3.11 makes of a second statement.
    except (sqlite3.Error, sqlite3.Warning) as error:
        watch.check()
        raise _meaning(error, path, guard) from None
    except UnicodeError:
        raise errors.RemoteMalformed(f"{path} has names that are no UTF-8 text") from None


def _meaning(error: Exception, path: Path, guard: Guard) -> errors.RemoteError:
    if guard.refused is not None:
        message = f"the query does more than read: {guard.refused}"
        return errors.RemoteRefused(message, hint="write one SELECT; the database is only ever read")
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in BY_CODE:
        kind, what, hint = BY_CODE[code & 0xFF]
        return kind(f"{path} {what}", hint=hint or None)
    if guard.prepares:
        return errors.RemoteRefused(f"SQLite refuses the query: {one_line(str(error))}", hint=CORRECT)
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    return errors.RemoteRefused(
        f"the query failed while rows were read ({name})",
        hint="run it in a SQL client: a function in it, or in a view, does not take the values of some row",
    )
