"""The URL of a warehouse: what is accepted, how it is shown without its secrets, and which driver it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, exc, make_url

from reconciler import errors
from reconciler.model.resources import Dialect

HOW_TO = "docs/how-to/connect-a-warehouse.md has a URL for each kind of database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What connects to a kind of database: SQLAlchemy's names for it, and the modules that must be installed.

    `extra` is the optional part of this package that brings them; empty where they are always there.
    """

    names: tuple[str, ...]
    modules: tuple[str, ...]
    extra: str = ""


DRIVERS = {
    Dialect.SQLITE: Driver(names=("sqlite", "sqlite+pysqlite"), modules=()),
    Dialect.POSTGRESQL: Driver(names=("postgresql", "postgres", "postgresql+psycopg"), modules=()),
    Dialect.DUCKDB: Driver(names=("duckdb",), modules=("duckdb",), extra="duckdb"),
    Dialect.SNOWFLAKE: Driver(names=("snowflake",), modules=("snowflake.sqlalchemy",), extra="snowflake"),
    Dialect.BIGQUERY: Driver(names=("bigquery",), modules=("sqlalchemy_bigquery",), extra="bigquery"),
    Dialect.DATABRICKS: Driver(names=("databricks",), modules=("databricks.sqlalchemy",), extra="databricks"),
    Dialect.REDSHIFT: Driver(
        names=("redshift", "redshift+redshift_connector"),
        modules=("sqlalchemy_redshift", "redshift_connector"),
        extra="redshift",
    ),
    Dialect.TRINO: Driver(names=("trino",), modules=("trino.sqlalchemy",), extra="trino"),
}

_FILES = (Dialect.SQLITE, Dialect.DUCKDB)

_SHOWN = re.compile(r"pass|secret|token|key|cred|auth|pwd", re.IGNORECASE)
"""Options of a URL whose values are secrets."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """A database. `url` holds the password and is never shown; `label` may be. `path` is set for a file."""

    dialect: Dialect
    url: URL
    label: str
    path: Path | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be in any message: drivers quote parts of the URL."""
        return tuple(sorted(set(filter(None, _secrets(self.url))), key=len, reverse=True))


def parse(text: str, dialect: Dialect, root: Path) -> Address:
    """Read a URL; a relative path of a file stands below `root`.

    Raises `errors.AuthenticationFailed` where the URL cannot be understood, since the secret is what is wrong, and
    `errors.RemoteRefused` where its driver is missing. Neither repeats anything of it.
    """
    try:
        text.encode()  # bytes of the environment that are no text come as half surrogates
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise errors.AuthenticationFailed("the URL of the database cannot be understood", hint=HOW_TO) from None
    driver = DRIVERS[dialect]
    if url.drivername not in driver.names:
        expected = " or ".join(f"{name}://" for name in driver.names)
        message = f"the URL is not one of {dialect}, which the connection declares: it must begin with {expected}"
        raise errors.AuthenticationFailed(message, hint=HOW_TO)
    _require(driver, dialect)
    if dialect in _FILES:
        path = _file(url, dialect, root)
        return Address(dialect=dialect, url=url, label=str(path), path=path)
    return Address(dialect=dialect, url=_with_driver(url, dialect), label=_label(url, dialect))


def _require(driver: Driver, dialect: Dialect) -> None:
    missing = [name for name in driver.modules if not _installed(name)]
    if missing:
        message = f"the driver for {dialect} is not installed ({', '.join(missing)})"
        raise errors.RemoteRefused(message, hint=_how_to_install(driver))


def no_driver(url: URL, label: str) -> errors.RemoteRefused:
    """The error for a database that SQLAlchemy finds no driver for, although the modules that we know of are there."""
    named = [one for one in DRIVERS.values() if url.drivername in one.names or url.get_backend_name() in one.names]
    hint = _how_to_install(named[0]) if named and named[0].extra else "install the SQLAlchemy dialect of this database"
    return errors.RemoteRefused(f"no driver for {label} is installed", hint=hint)


def _how_to_install(driver: Driver) -> str:
    return f"pip install 'reconciler[{driver.extra}]'"


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _file(url: URL, dialect: Dialect, root: Path) -> Path:
    if url.host or url.query or url.username:
        message = f"the URL of a {dialect} file has a host, a user or options, which it does not take"
        raise errors.AuthenticationFailed(message, hint=HOW_TO)
    name = url.database or ""
    if not name or name == ":memory:" or "\0" in name or name.startswith(("file:", "md:", "motherduck:")):
        raise errors.AuthenticationFailed(f"the URL of a {dialect} database must name a file", hint=HOW_TO)
    # absolute() and not resolve(): what the user wrote is what messages show.
    return (root / name).absolute()


def _with_driver(url: URL, dialect: Dialect) -> URL:
    if dialect is Dialect.REDSHIFT:
        return url.set(drivername="redshift+redshift_connector")
    return url


def _label(url: URL, dialect: Dialect) -> str:
    """Host, port and name only: user and options may hold what is nobody's business."""
    return URL.create(dialect, host=url.host, port=url.port, database=url.database).render_as_string()


def _secrets(url: URL) -> Iterator[str]:
    yield url.password or ""
    for name, value in url.query.items():
        if _SHOWN.search(name):
            yield from (value,) if isinstance(value, str) else value
