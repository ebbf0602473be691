"""Which schema a database has, and bringing it to the one this program knows."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from enum import Enum

from sqlalchemy import Connection, text

from reconciler import errors
from reconciler.state.revisions import HEAD, REVISIONS, VERSION_TABLE

_one_at_a_time = threading.Lock()
"""alembic keeps the migration under way in global variables, so two threads must not migrate at once."""

_ADVISORY_LOCK = 0x7265636F6E63  # "reconc", for pg_advisory_xact_lock


class Schema(Enum):
    """What was found, where it can be worked with."""

    MISSING = "missing"
    OLDER = "older"
    CURRENT = "current"


def inspect(connection: Connection, label: str, revisions: Sequence[str] = REVISIONS) -> Schema:
    """Look at the tables, in the transaction of `connection`. `revisions` are all known schemas, the newest last.

    Raises `errors.StateForeign` for somebody else's tables and `errors.StateNewer` for those of a newer program.
    """
    found = _tables(connection)
    if not found:
        return Schema.MISSING
    if VERSION_TABLE not in found:
        raise _foreign(label)
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if version == revisions[-1]:
        return Schema.CURRENT
    if version in revisions:
        return Schema.OLDER
    if version is None or not re.fullmatch(r"\d{4}", version):
        raise _foreign(label)
    message = (
        f"The database {label} has schema {version}, newer than {revisions[-1]}, the last that this version knows."
    )
    raise errors.StateNewer(message, hint="update reconcile to the version that wrote it, or a later one")


def upgrade(connection: Connection, label: str) -> None:
    """Bring the tables to `HEAD` in the transaction of `connection`: all of it, or nothing.

    Of several processes that start at once, one does it and the others find it done. alembic is loaded only if there is
    something to do, because loading it takes longer than most commands.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    if inspect(connection, label) is not Schema.CURRENT:
        _run_alembic(connection)


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "reconciler.state:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, HEAD)


def _tables(connection: Connection) -> set[str]:
    if connection.dialect.name == "postgresql":
        query = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return set(connection.execute(text(query)).scalars())


def _foreign(label: str) -> errors.StateForeign:
    message = f"The database {label} holds the tables of another program."
    return errors.StateForeign(message, hint="give reconcile a database of its own (spec.database in reconcile.yaml)")
