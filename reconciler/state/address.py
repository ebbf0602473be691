"""The database URL: what is accepted, and how it is shown without its password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import errors

if TYPE_CHECKING:
    from sqlalchemy import URL

HINT = "use sqlite:///var/reconciler.db or postgresql://user:password@host/name"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")
_PLAIN = re.compile(r"sqlite:///([\w./-]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteAddress:
    """A file, by its absolute path."""

    path: Path

    @property
    def label(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PostgresqlAddress:
    """A server and a database on it. `url` holds the password and is never shown."""

    url: URL

    @property
    def label(self) -> str:
        """Host, port and name only: user and options may hold what is nobody's business."""
        from sqlalchemy import URL

        return URL.create(
            "postgresql", host=self.url.host, port=self.url.port, database=self.url.database
        ).render_as_string()


Address = SqliteAddress | PostgresqlAddress


def parse(text: str, root: Path) -> Address:
    """Read a database URL; a relative SQLite path stands below `root`. Raises `errors.UsageError`, which echoes nothing of it."""
    from sqlalchemy import exc, make_url

    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise errors.UsageError("The database URL cannot be understood.", hint=HINT) from None
    if url.drivername in _POSTGRESQL:
        return PostgresqlAddress(url=_checked(url))
    if url.drivername in _SQLITE:
        return SqliteAddress(path=_file(url, root))
    raise errors.UsageError("The database URL names a kind of database that is not supported.", hint=HINT)


def plain_file(text: str, root: Path) -> Path | None:
    """The file that a database URL names, where it is written so plainly that nothing has to be taken apart."""
    found = _PLAIN.fullmatch(text)
    return (root / found[1]).absolute() if found else None


def _checked(url: URL) -> URL:
    if not url.database:
        raise errors.UsageError("The database URL does not name a database.", hint=HINT)
    hidden = url.query.get("password")
    if isinstance(hidden, str):
        # SQLAlchemy hides a password, but only where it expects one.
        url = url.set(password=hidden).difference_update_query(["password"])
    return url.set(drivername="postgresql+psycopg")


def _file(url: URL, root: Path) -> Path:
    if url.host or url.query or url.username:
        raise errors.UsageError("The database URL has parts that SQLite does not take.", hint=HINT)
    if not url.database or url.database == ":memory:" or "\0" in url.database or url.database.startswith("file:"):
        raise errors.UsageError("The database URL must name a file.", hint=HINT)
    # absolute() and not resolve(): what the user wrote is what messages show.
    return (root / url.database).absolute()
