"""SQLAlchemy engines, set up so that both databases behave alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool, StaticPool, create_engine, event, exc

from reconciler import errors
from reconciler.state import driver, files
from reconciler.state.address import Address, PostgresqlAddress, SqliteAddress
from reconciler.state.translate import REPAIR

CONNECT_SECONDS = 10

ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A server that vanished without a word is noticed within half a minute, not after the hours of the system's defaults."""

LOOK = "schema_version"
"""Reads the first page, so that a file that cannot be read is found when it is opened."""

_NO_SHARED_MEMORY = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL)
"""What SQLite says when it cannot make the `-shm` file; no other code tells it from other trouble with the disk."""

READ = "read"
WRITE = "write"
SCRATCH = "scratch"
"""What a transaction is for: `SCRATCH` touches temporary tables only, so it takes no lock that others wait for."""


def create(address: Address, *, read_only: bool = False) -> Engine:
    """An engine that connects when it is first used. No statement of it ever shows its parameters in an error."""
    match address:
        case SqliteAddress():
            return _sqlite_reader(address.path) if read_only else sqlite(address.path)
        case PostgresqlAddress():
            return _postgresql(address)


def sqlite(path: Path, *, mode: str = "rw") -> Engine:
    """An engine on a file. `mode` is SQLite's: `rw` never creates one, so a read cannot leave a file behind."""
    engine = _sqlite_engine(lambda: _open(path, f"mode={mode}", driver.PRAGMAS), QueuePool)
    event.listen(engine, "checkout", partial(_refuse_moved, path))
    return engine


def checkpoint(engine: Engine) -> None:
    """Bring everything from the `-wal` into the file of a SQLite database. Closing the last connection does that, too, but
    says nothing when there is no room: who moves the file alone would then have a part of the database."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _refuse_moved(path: Path, connection: _Connection, _record: object, _proxy: object) -> None:
    """A pooled connection stays with its file when that is moved away or deleted, and would write where nobody reads."""
    if connection.file != files.identity(path):
        raise exc.DisconnectionError


def _sqlite_reader(path: Path) -> Engine:
    """An engine that can write nothing. Nothing is pooled: a frozen connection never learns of what is written later."""
    return _sqlite_engine(lambda: _open_reader(path), NullPool)


def _sqlite_engine(connect: Callable[[], sqlite3.Connection], pool: type[Pool]) -> Engine:
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=pool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return engine


class _Connection(sqlite3.Connection):
    """A connection that may stand on a file which is taken to stay as it is."""

    frozen: files.Fingerprint | None = None
    file: files.Identity | None = None


def _open(path: Path, options: str, pragmas: Sequence[str]) -> _Connection:
    try:
        connection = driver.connect(path, options, pragmas, _Connection)
    except UnicodeDecodeError:
        # SQLite quotes what it cannot read in its message, and the sqlite3 module cannot decode that.
        raise errors.StateDamaged(f"The database {path} is damaged.", hint=REPAIR) from None
    connection.file = files.identity(path)
    return connection


def _open_reader(path: Path) -> _Connection:
    """Even a reader of a WAL database makes a file beside it, `-shm`, which a full or read-only disk does not allow.

    Then the database is read as it lies there, which is the whole of it only when nothing waits in the `-wal`.
    """
    try:
        return _open(path, "mode=rw", (*driver.READ_PRAGMAS, LOOK))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY:
            raise
        found = files.fingerprint(path)
        if found.waiting:
            raise files.unreadable(path, found) from None
    connection = _open(path, "mode=ro&immutable=1", driver.READ_PRAGMAS)
    connection.frozen = found
    return connection


def refuse_changed(connection: Connection) -> None:
    """After reading from a file that was taken to stay as it is: raises `errors.StateBusy` when it did not."""
    under = connection.connection.driver_connection
    frozen = under.frozen if isinstance(under, _Connection) else None
    if frozen is not None and files.fingerprint(frozen.path) != frozen:
        message = f"The database {frozen.path} was changed by another process while it was read."
        raise errors.StateBusy(message, hint="what was shown may be wrong; run the command again")


def nowhere() -> Engine:
    """An empty database in memory: what a state that does not exist yet reads as."""
    return create_engine("sqlite+pysqlite://", poolclass=StaticPool, hide_parameters=True)


def _begin(connection: Connection) -> None:
    """A transaction that is going to write takes the lock at once: taking it later may fail after half the work."""
    purpose = connection.get_execution_options().get("purpose", WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if purpose == WRITE else "BEGIN")


def _postgresql(address: PostgresqlAddress) -> Engine:
    arguments: dict[str, object] = {"client_encoding": "utf8"}
    for name, value in {"connect_timeout": CONNECT_SECONDS, "application_name": "reconcile", **ALIVE}.items():
        if name not in address.url.query:
            arguments[name] = value
    engine = create_engine(
        address.url, poolclass=QueuePool, pool_pre_ping=True, hide_parameters=True, connect_args=arguments
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    """Nobody waits for a lock without end. Set by a statement: poolers refuse it as an option of the connection."""
    connection.autocommit = True
    connection.execute("SET lock_timeout = '5s'")
    connection.autocommit = False
