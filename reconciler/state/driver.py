"""A connection of SQLite's own driver, set up as all of ours are. `engines` puts SQLAlchemy on top of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

BUSY_SECONDS = 1.0
"""How long one attempt waits for another writer. `Database` makes several."""

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
    # What is removed is gone from the file, too: a person may be erased.
    "main.secure_delete = ON",
    # A staging table may be larger than the memory: on disk, behind a small page cache.
    "temp_store = FILE",
    f"cache_size = -{CACHE_KIB}",
)

READ_PRAGMAS = ("query_only = ON", "temp_store = FILE", f"cache_size = -{CACHE_KIB}")


_Kind = TypeVar("_Kind", bound=sqlite3.Connection)


def connect(path: Path, options: str, pragmas: Sequence[str], kind: type[_Kind]) -> _Kind:
    """A connection to a file. `options` are those of SQLite's URIs: `mode=rw` never creates a file.

    Raises what the driver raises; that includes `UnicodeDecodeError`, because SQLite quotes what it cannot read.
    """
    # Without an isolation level the sqlite3 module begins nothing on its own: whoever connects says how.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{options}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        factory=kind,
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
