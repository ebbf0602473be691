"""What models read from: one database, of whatever kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.base import Check
from reconciler.connectors.sql.address import Address, parse
from reconciler.connectors.sql.base import Backend, Page
from reconciler.connectors.sql.watch import Watch
from reconciler.model.resources import Dialect, SqlConnection
from reconciler.model.watermark import Highest, Mark, Since

if TYPE_CHECKING:
    from reconciler.connectors.sql.postgresql import Postgresql
    from reconciler.connectors.sql.sqlite import Sqlite


class SqlSource:
    """Reads queries as pages of text, as `records.text_of` spells values; what has no text is marked (`flaw_of`).

    Nothing is connected before something is asked, and every question has a session of its own. All of them raise
    `errors.RemoteError`, and `errors.Interrupted` within two seconds after `stop` was set.
    """

    def __init__(self, connection: SqlConnection, url: str, *, root: Path, clock: Clock, stop: threading.Event) -> None:
        """`url` is the secret itself; a file's path in it begins at `root`. Raises as `address.parse` does."""
        self.name = connection.name
        self._address = parse(url, connection.dialect, root)
        seconds = connection.statement_timeout.total_seconds()
        self._watch = Watch(clock=clock, stop=stop, seconds=seconds, label=self._address.label)
        self._backend = _backend(self._address, self._watch)
        self._calls = 0

    @property
    def address(self) -> Address:
        return self._address

    @property
    def calls(self) -> int:
        """Questions asked."""
        return self._calls

    @property
    def stages(self) -> bool:
        """Whether there is `stage_file`."""
        return self._address.dialect is Dialect.SQLITE

    @property
    def copies(self) -> bool:
        """Whether there is `copy_out`."""
        return self._address.dialect is Dialect.POSTGRESQL

    def columns(self, query: str) -> list[str]:
        """Names of the output columns, as the database tells them."""
        return self._backend.columns(self._asked(query))

    @property
    def label(self) -> str:
        """The database, as messages name it."""
        return self._address.label

    def pages(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[Page]:
        """Every row once, or every one since a mark, in no particular order, a page at a time; of the output columns only those
        named, in that order."""
        return self._backend.pages(self._asked(query), columns, since)

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        """Where a cursor stands, and whether that is no less than `past`; None where it has no value that can be kept.

        Of databases that we have no way to try this with, it is always None.
        """
        found = self._backend.highest(self._asked(query), column, past)
        return None if found is None or "\0" in found.mark.text else found

    def stage_file(self, query: str, columns: Sequence[str], path: Path, since: Since | None = None) -> int:
        """See `Sqlite.stage_file`."""
        backend: Sqlite = self._able(self.stages)
        return backend.stage_file(self._asked(query), columns, path, since)

    def copy_out(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[bytes]:
        """See `Postgresql.copy_out`."""
        backend: Postgresql = self._able(self.copies)
        return backend.copy_out(self._asked(query), columns, since)

    def check(self) -> Sequence[Check]:
        """Prove that the database can be reached, is only read, and answers. Problems are checks that are not ok."""
        self._calls += 1
        try:
            proof = self._backend.proof()
        except errors.RemoteError as error:
            return [
                Check(
                    name="reachable", ok=False, detail=error.message, hint=error.hint or "", exit_code=error.exit_code
                )
            ]
        hint = "" if proof.refused else "the program cannot promise to only read this database: please report it"
        read_only = proof.read_only if proof.refused else "an attempt to make a table was not refused"
        return [
            Check(name="reachable", ok=True, detail=proof.reached),
            Check(name="read only", ok=proof.refused, detail=read_only, hint=hint),
            Check(name="query", ok=True, detail=f"a trivial one took {proof.seconds * 1000:.0f} ms"),
        ]

    def close(self) -> None:
        """Sessions end with what they were made for."""

    def _able(self, able: bool) -> Any:
        if not able:
            raise TypeError(f"no fast path for {self._address.dialect}")
        return self._backend

    def _asked(self, query: str) -> str:
        self._calls += 1
        if "\0" in query:
            raise errors.RemoteRefused("the query has a NUL character", hint="remove it")
        return query.rstrip("; \t\r\n")


def _backend(address: Address, watch: Watch) -> Backend:
    match address.dialect:
        case Dialect.SQLITE:
            from reconciler.connectors.sql.sqlite import Sqlite

            assert address.path is not None
            return Sqlite(address.path, watch)
        case Dialect.POSTGRESQL:
            from reconciler.connectors.sql.postgresql import Postgresql

            return Postgresql(address.url, address.label, address.secrets, watch)
        case Dialect.DUCKDB:
            from reconciler.connectors.sql.duck import Duck

            assert address.path is not None
            return Duck(address.path, watch)
    from reconciler.connectors.sql.generic import Generic

    return Generic(address.url, address.label, address.secrets, watch)
