"""The data, in one temporary SQLite file that no crash leaves behind."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Params = Sequence[Any]

# The file never outlives the process, so nothing is synced; the journal stays, because a batch must roll back.
PRAGMAS = (
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA temp_store = FILE",
    "PRAGMA cache_size = -65536",
)

BOOKS = """
CREATE TABLE writes (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, side TEXT, community INTEGER, action TEXT,
                     target TEXT, subject TEXT, field TEXT, value TEXT);
CREATE TABLE member (community INTEGER NOT NULL, userid INTEGER NOT NULL, email TEXT NOT NULL, email_key TEXT NOT NULL,
                     username TEXT NOT NULL, username_key TEXT NOT NULL, joindate INTEGER, lastactivity INTEGER,
                     posts INTEGER, topics INTEGER, solved INTEGER, likes INTEGER, likes_given INTEGER, rank_id INTEGER,
                     roles TEXT, badges TEXT, sso TEXT, avatar TEXT, profile TEXT,
                     PRIMARY KEY (community, userid)) WITHOUT ROWID;
CREATE TABLE topic (community INTEGER NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, id INTEGER NOT NULL,
                    title TEXT NOT NULL, content TEXT NOT NULL, author INTEGER NOT NULL, category INTEGER,
                    created INTEGER NOT NULL, published INTEGER, activity INTEGER NOT NULL, last_author INTEGER NOT NULL,
                    replies INTEGER NOT NULL, likes INTEGER NOT NULL, votes INTEGER NOT NULL, views INTEGER NOT NULL,
                    trashed INTEGER NOT NULL, sticky INTEGER NOT NULL, closed INTEGER NOT NULL, status TEXT NOT NULL,
                    answer INTEGER, idea_status INTEGER, status_changed INTEGER, tags TEXT NOT NULL,
                    moderator_tags TEXT NOT NULL, areas TEXT NOT NULL, label TEXT NOT NULL,
                    PRIMARY KEY (community, number)) WITHOUT ROWID;
CREATE TABLE reply (community INTEGER NOT NULL, topic INTEGER NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL,
                    author INTEGER NOT NULL, at INTEGER NOT NULL, likes INTEGER NOT NULL, trashed INTEGER NOT NULL,
                    highlighted INTEGER NOT NULL, reported INTEGER NOT NULL,
                    PRIMARY KEY (community, topic, number)) WITHOUT ROWID;
"""
MEMBER_INDEXES = """
CREATE INDEX member_email ON member (community, email_key);
CREATE INDEX member_username ON member (community, username_key);
"""
CONTENT_INDEXES = """
CREATE UNIQUE INDEX topic_id ON topic (community, type, id);
CREATE INDEX topic_activity ON topic (community, activity, number);
CREATE INDEX topic_created ON topic (community, created, number);
CREATE INDEX topic_of_type ON topic (community, type, activity, number);
CREATE INDEX topic_of_category ON topic (community, category, activity, number);
CREATE UNIQUE INDEX reply_number ON reply (community, number);
"""


class Store:
    """A thin layer on one connection. Only one thread uses it at a time: the seeder first, the server loop after."""

    def __init__(self) -> None:
        with tempfile.NamedTemporaryFile(prefix="reconcile-sandbox-", suffix=".db", delete=False) as handle:
            path = Path(handle.name)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=512)
        for pragma in PRAGMAS:
            self._connection.execute(pragma).fetchall()
        self._connection.executescript(BOOKS)
        self._path: Path | None = path
        # Unlinked while open, the file goes with the process even on SIGKILL; where that is refused, close() does it.
        with contextlib.suppress(OSError):
            path.unlink()
            self._path = None

    def close(self) -> None:
        self._connection.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def script(self, sql: str) -> None:
        self._connection.executescript(sql)

    def run(self, sql: str, params: Params = ()) -> int:
        """Execute one statement; the number of rows it changed."""
        return self._connection.execute(sql, params).rowcount

    def bulk(self, sql: str, rows: Iterable[Params]) -> None:
        self._connection.executemany(sql, rows)

    def tuples(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, params).fetchall()

    def rows(self, sql: str, params: Params = ()) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, params: Params = ()) -> dict[str, Any] | None:
        cursor = self._connection.execute(sql, params)
        found = cursor.fetchone()
        return None if found is None else dict(zip((c[0] for c in cursor.description), found, strict=True))

    def value(self, sql: str, params: Params = ()) -> Any:
        found = self._connection.execute(sql, params).fetchone()
        return None if found is None else found[0]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: rolls back on any exception."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
