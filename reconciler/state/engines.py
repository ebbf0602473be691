"""SQLAlchemy engines, set up so that both databases behave alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool, StaticPool, create_engine, event, exc

from reconciler import errors
from reconciler.state import files
from reconciler.state.address import Address, PostgresqlAddress, SqliteAddress
from reconciler.state.translate import REPAIR

BUSY_SECONDS = 1.0
"""How long one attempt waits for another writer. `Database` makes several."""

CONNECT_SECONDS = 10

ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A server that vanished without a word is noticed within half a minute, not after the hours of the system's defaults."""

CACHE_KIB = 8192
SORT_KIB = 2048
"""What SQLite may keep of pages in memory, and of rows that it sorts: several sorts of a cycle are open at once."""

PRAGMAS = (
    # Of a new file only. A walk over a large ledger is a tenth faster than with 4 KiB, and so is a scattered commit.
    "page_size = 8192",
    "journal_mode = WAL",
    "wal_autocheckpoint = 2000",
    # FULL, not NORMAL: the state file is fsynced, so after a power cut a database that lost its last commits would have a
    # lower serial than the file. A commit is made once for each batch of calls; next to a call an fsync costs nothing.
    "synchronous = FULL",
    "foreign_keys = ON",
    # A staging table may be larger than the memory: on disk, behind a small page cache.
    "temp_store = FILE",
    f"cache_size = -{CACHE_KIB}",
)

READ_PRAGMAS = ("query_only = ON", "temp_store = FILE", f"cache_size = -{CACHE_KIB}")

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
    engine = _sqlite_engine(lambda: _open(path, f"mode={mode}", PRAGMAS), QueuePool)
    event.listen(engine, "checkout", partial(_refuse_moved, path))
    return engine


def _refuse_moved(path: Path, driver: _Connection, _record: object, _proxy: object) -> None:
    """A pooled connection stays with its file when that is moved away or deleted, and would write where nobody reads."""
    if driver.file != files.identity(path):
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
    location = f"file:{quote(str(path))}?{options}"
    # Without an isolation level the sqlite3 module begins nothing on its own: `_begin` says how.
    connection = sqlite3.connect(
        location, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False, factory=_Connection
    )
    connection.file = files.identity(path)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    except UnicodeDecodeError:
        # SQLite quotes what it cannot read in its message, and the sqlite3 module cannot decode that.
        connection.close()
        raise errors.StateDamaged(f"The database {path} is damaged.", hint=REPAIR) from None
    return connection


def _open_reader(path: Path) -> _Connection:
    """Even a reader of a WAL database makes a file beside it, `-shm`, which a full or read-only disk does not allow.

    Then the database is read as it lies there, which is the whole of it only when nothing waits in the `-wal`.
    """
    try:
        return _open(path, "mode=rw", (*READ_PRAGMAS, LOOK))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY:
            raise
        found = files.fingerprint(path)
        if found.waiting:
            raise files.unreadable(path, found) from None
    connection = _open(path, "mode=ro&immutable=1", READ_PRAGMAS)
    connection.frozen = found
    return connection


def refuse_changed(connection: Connection) -> None:
    """After reading from a file that was taken to stay as it is: raises `errors.StateBusy` when it did not."""
    driver = connection.connection.driver_connection
    frozen = driver.frozen if isinstance(driver, _Connection) else None
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


def _prepare(driver: Any, _record: object) -> None:
    """Nobody waits for a lock without end. Set by a statement: poolers refuse it as an option of the connection."""
    driver.autocommit = True
    driver.execute("SET lock_timeout = '5s'")
    driver.autocommit = False
