"""What the repositories get to work with: one connection inside one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Row

from reconciler import errors
from reconciler.state.translate import REPAIR

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

PAGE = 1000
"""Rows fetched at a time when a result is streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A transaction under way. Made by `database.begin()`, `database.read()` and `workspace.begin()`.

    `label` names the database in messages; it never holds a password.
    """

    connection: Connection
    label: str

    @property
    def postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement; a list of parameters runs it once for each. Text must be valid Unicode without lone surrogates."""
        with storable():
            return self.connection.execute(statement, parameters)

    def execute_raw(self, statement: str, parameters: Sequence[Any] | None = None) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement in the driver's own spelling (`?` or `%s`), past SQLAlchemy's compiler."""
        with storable():
            return self.connection.exec_driver_sql(statement, tuple(parameters) if parameters is not None else None)

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement in the driver's spelling once for each row, straight through the driver. Gives how many rows of
        tables it touched in all."""
        with storable(), closing(self.connection.connection.cursor()) as cursor:
            cursor.executemany(statement, rows)
            return cursor.rowcount

    def stream(self, statement: Executable) -> Iterator[Row[*tuple[Any, ...]]]:
        """Rows of a query, `PAGE` at a time in memory, valid while the transaction lasts. Who does not take all of them closes it
        before that ends."""
        with storable(), closing(self.connection.execute(statement, execution_options={"yield_per": PAGE})) as rows:
            yield from rows


@contextmanager
def storable() -> Iterator[None]:
    """Refuse text that no database can hold or gives back, naming nothing of it: it is somebody's data."""
    try:
        yield
    except UnicodeEncodeError:
        message = "A text is not valid Unicode (it has a lone surrogate), so it cannot be recorded."
        raise errors.StateProblem(message, hint="correct the value at its source") from None
    except UnicodeDecodeError:
        # SQLite quotes what it cannot read in its message, and the sqlite3 module cannot decode that.
        raise errors.StateDamaged("The database is damaged: it holds text that is none.", hint=REPAIR) from None
