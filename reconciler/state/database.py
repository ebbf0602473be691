"""The state database: transactions, and nothing about what is in them.

    with open_database("sqlite:///var/reconciler.db", clock=clock, root=folder) as database:
        with database.begin() as session:       # commits at the end, rolls back on an exception
            serial = meta.bump(session)

A read of a database that nobody has written yet sees empty tables and leaves no file behind. Every failure is a
`StateProblem` (or a `UsageError` for the URL) that names the database without user or password. A `StateUnavailable` at the
end of `begin()` on PostgreSQL may mean that the commit arrived and its answer did not: read again before concluding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy import Connection, Engine

from reconciler import errors
from reconciler.clock import Clock, chance
from reconciler.state import address, engines, files, schema, tables
from reconciler.state.session import Session
from reconciler.state.translate import foreign, problem, translated

if TYPE_CHECKING:
    from reconciler.state.staging import Workspace

ATTEMPTS = 5
"""How often a transaction is tried while another process is in the way."""

T = TypeVar("T")


def open_database(url: str, *, clock: Clock, root: Path, jitter: Callable[[], float] = chance) -> Database:
    """A database by its URL; a relative SQLite path stands below `root`. Connects to nothing yet.

    `jitter` gives numbers from 0 to 1. Raises `errors.UsageError` for a URL that is not understood.
    """
    return Database(address.parse(url, root), clock=clock, jitter=jitter)


class Database:
    """One state database. Safe to share between threads; every transaction has a connection of its own."""

    def __init__(self, where: address.Address, *, clock: Clock, jitter: Callable[[], float] = chance) -> None:
        self._address = where
        self._clock = clock
        self._jitter = jitter
        self._migrated = False
        self._never = threading.Event()

    @property
    def label(self) -> str:
        """The database as messages name it."""
        return self._address.label

    @property
    def embedded(self) -> bool:
        """Whether it is a file of this machine, which other machines cannot share."""
        return isinstance(self._address, address.SqliteAddress)

    @property
    def clock(self) -> Clock:
        return self._clock

    @cached_property
    def _engine(self) -> Engine:
        return engines.create(self._address)

    @cached_property
    def _reader(self) -> Engine:
        """SQLite is told by connection, PostgreSQL by transaction, that nothing may be written."""
        if isinstance(self._address, address.SqliteAddress):
            return engines.create(self._address, read_only=True)
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction that writes. Creates and upgrades the tables when needed.

        Raises `errors.StateProblem` in all its kinds; what was done before is rolled back then.
        """
        self.migrate()
        with translated(self.label), self._transaction(engines.WRITE) as connection:
            yield Session(connection=connection, label=self.label)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that reads one consistent moment and can write nothing. A missing state reads as empty tables."""
        with translated(self.label):
            if self._absent_file() is not None:
                with self._nothing() as session:
                    yield session
                return
            with self._transaction(engines.READ) as connection:
                if self._is_empty(connection):
                    with self._nothing() as session:
                        yield session
                    return
                yield Session(connection=connection, label=self.label)

    def run(self, work: Callable[[Session], T]) -> T:
        """`work` in a transaction that writes, all over again (at most 5 times) when another process got in its way."""
        self.migrate()
        return self._again(lambda: self._once(work))

    def migrate(self) -> None:
        """Create the tables, or bring them to the schema of this program; nothing when they have it."""
        if self._migrated:
            return
        with translated(self.label):
            absent = self._absent_file()
            if absent is not None:
                self._create(absent)
            self._again(self._upgrade)
        self._migrated = True

    def refuse_other_schema(self) -> None:
        """For whoever stays for long: raises `errors.StateProblem` when the tables are no longer those that it came to."""
        if not self._migrated:
            return
        with translated(self.label), self._transaction(engines.READ) as connection:
            match schema.inspect(connection, self.label):
                case schema.Schema.MISSING:
                    message = f"The tables of the database {self.label} are gone."
                    raise errors.StateUnavailable(message, hint="restore it from a backup")
                case schema.Schema.OLDER:
                    message = f"The database {self.label} is that of an older version of reconcile again."
                    raise errors.StateProblem(message, hint="start again, which brings it up to date")
                case schema.Schema.CURRENT:
                    return

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """One connection for a whole cycle, with temporary tables that vanish with it. See `staging.Workspace`."""
        from reconciler.state.staging import Workspace

        self.migrate()
        with translated(self.label):
            connection = self._again(self._engine.connect)
            try:
                yield Workspace(connection, label=self.label, begin=self._start_within)
            finally:
                # Never back into the pool: what is temporary must end here.
                with translated(self.label):
                    connection.invalidate()
                    connection.close()

    def close(self) -> None:
        """Give the connections back. The database may be used again afterwards."""
        for name in ("_engine", "_reader"):
            if name in self.__dict__:
                self.__dict__[name].dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- transactions

    def _once(self, work: Callable[[Session], T]) -> T:
        with self._transaction(engines.WRITE) as connection:
            return work(Session(connection=connection, label=self.label))

    @contextmanager
    def _transaction(self, purpose: str) -> Iterator[Connection]:
        connection = self._again(lambda: self._start(purpose))
        try:
            yield connection
            engines.refuse_changed(connection)
            connection.commit()
        finally:
            # Rolls back what was not committed.
            connection.close()

    def _start(self, purpose: str) -> Connection:
        connection = (self._reader if purpose == engines.READ else self._engine).connect()
        try:
            self._start_on(connection, purpose)
        except foreign():
            connection.close()
            raise
        return connection

    def _start_on(self, connection: Connection, purpose: str) -> None:
        connection.execution_options(purpose=purpose)
        if purpose == engines.READ and connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.begin()

    def _start_within(self, connection: Connection, purpose: str) -> None:
        self._again(lambda: self._start_on(connection, purpose))

    def _again(self, work: Callable[[], T]) -> T:
        """Try `work` up to `ATTEMPTS` times, with growing pauses of random length."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return work()
            except foreign() as error:
                found = problem(error, self.label)
                if not found.again or attempt == ATTEMPTS:
                    raise found.error from None
            self._clock.wait(0.05 * 2**attempt * (0.5 + self._jitter()), self._never)
        raise AssertionError("the last attempt returns or raises")

    # -- what is there

    def _absent_file(self) -> Path | None:
        """Where the database file should be and is not. A file that cannot be a database is refused here, before SQLite
        makes one of it."""
        if not isinstance(self._address, address.SqliteAddress):
            return None
        path = self._address.path
        if files.is_database_file(path):
            return None
        if self._migrated:
            message = f"The database {path} is gone: it was there, and somebody moved or deleted it."
            raise errors.StateUnavailable(message, hint="put it back, or restore it from a backup")
        return path

    def _is_empty(self, connection: Connection) -> bool:
        if self._migrated:
            return False
        match schema.inspect(connection, self.label):
            case schema.Schema.MISSING:
                return True
            case schema.Schema.OLDER:
                message = f"The database {self.label} was written by an older version of reconcile."
                raise errors.StateUnavailable(message, hint="run `reconcile apply`, which brings it up to date")
            case schema.Schema.CURRENT:
                return False

    @contextmanager
    def _nothing(self) -> Iterator[Session]:
        engine = engines.nowhere()
        try:
            with engine.begin() as connection:
                tables.metadata.create_all(connection)
                yield Session(connection=connection, label=self.label)
        finally:
            engine.dispose()

    def _create(self, path: Path) -> None:
        with files.new_database(path) as draft:
            engine = engines.sqlite(draft, mode="rwc")
            try:
                with engine.begin() as connection:
                    schema.upgrade(connection, self.label)
                engines.checkpoint(engine)
            finally:
                engine.dispose()

    def _upgrade(self) -> None:
        # By the reader: somebody else's database is refused before anything about it changes.
        with self._reader.connect() as connection:
            self._start_on(connection, engines.READ)
            current = schema.inspect(connection, self.label) is schema.Schema.CURRENT
        if not current:
            with self._engine.connect() as connection:
                self._start_on(connection, engines.WRITE)
                schema.upgrade(connection, self.label)
                connection.commit()
