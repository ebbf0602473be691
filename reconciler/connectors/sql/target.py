"""Writing records into tables of a database: a `RecordDestination` for each object, and the making of its table.

A batch is one transaction of upserts by key, so that sending a batch again does no harm. A record that the database refuses
is found by halving, and refused alone.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.base import Check, Lacks, Workload
from reconciler.connectors.sql.address import Address, parse
from reconciler.connectors.sql.fitting import Unfit, Value, fitted
from reconciler.connectors.sql.layout import Layout, Missing, absent, layout_of, missing, refuse_unfit
from reconciler.connectors.sql.watch import Watch
from reconciler.connectors.sql.writing import Again, Fitted, Refused, Session, Store
from reconciler.model.community import ObjectDefinition
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason, RecordResult, RecordWrite
from reconciler.model.resources import Dialect, SqlConnection

BATCH_RECORDS = 500

TRIES = 3
"""How often a transaction is tried that the database gives up in favour of another."""

IDLE_SECONDS = 10.0
"""After that a session is asked whether it is still there before it is used."""

STATE_TABLES = ("meta", "leases", "ledger_fields")
"""Where all of these are, a project keeps its state."""


def store_of(address: Address, watch: Callable[[], Watch]) -> Store:
    """What writes to this kind of database; each of its sessions takes a watch of its own."""
    match address.dialect:
        case Dialect.SQLITE:
            from reconciler.connectors.sql.sqlite_writing import SqliteStore

            assert address.path is not None
            return SqliteStore(address.path, watch)
        case Dialect.POSTGRESQL:
            from reconciler.connectors.sql.postgresql_writing import PostgresqlStore

            return PostgresqlStore(address.url, address.label, address.secrets, watch)
        case Dialect.DUCKDB:
            from reconciler.connectors.sql.duck_writing import DuckStore

            assert address.path is not None
            return DuckStore(address.path, watch)
    from reconciler.connectors.sql.generic_writing import GenericStore

    return GenericStore(address.url, address.label, watch)


class SqlTarget:
    """A database that records are written to. Nothing is connected before something is asked.

    All of it raises `errors.RemoteError`, and `errors.Interrupted` within two seconds after `stop` was set.
    """

    def __init__(
        self,
        connection: SqlConnection,
        url: str,
        *,
        root: Path,
        clock: Clock,
        stop: threading.Event,
        store_of: Callable[[Address, Callable[[], Watch]], Store] = store_of,
    ) -> None:
        """`url` is the secret itself; a file's path in it begins at `root`. Raises as `address.parse` does."""
        self.name = connection.name
        self._address = parse(url, connection.dialect, root)
        seconds = connection.statement_timeout.total_seconds()
        label = self._address.label
        self.store = store_of(self._address, lambda: Watch(clock=clock, stop=stop, seconds=seconds, label=label))
        self._sessions = _Sessions(self.store, clock)

    @property
    def address(self) -> Address:
        return self._address

    @property
    def calls(self) -> int:
        """Transactions, looks at tables among them."""
        return self._sessions.lent

    def missing(self, definition: ObjectDefinition) -> Missing:
        """What `prepare` would create for an object; nothing is written. Raises where the table could not be written to."""
        layout = layout_of(definition)
        if self.store.absent():
            return missing(layout, None, self.store.types)
        with self._sessions.one() as session:
            self._refuse_state(session)
            return self._looked_at(session, layout)

    def prepare(self, definitions: Sequence[ObjectDefinition], lacks: Lacks = lambda *_: None) -> list[Missing]:
        """Create the tables and columns that are missing, and say which. Nothing is created where one table cannot be written.

        `lacks` hears of the fields without values before they get a column.
        """
        layouts = [layout_of(definition) for definition in definitions]
        _refuse_shared(layouts)
        with self._sessions.one() as session:
            self._refuse_state(session)
            found = [self._looked_at(session, layout) for layout in layouts]
            for definition, layout, needed in zip(definitions, layouts, found, strict=True):
                if fields := self._without_values(session, layout, needed):
                    lacks(definition, fields)
            try:
                for layout, needed in zip(layouts, found, strict=True):
                    if needed:
                        self._create(session, layout)
            except (Refused, Again):
                message = f"somebody else changed the tables of {self._address.label} at the same time"
                raise errors.RemoteUnavailable(message, hint="try again") from None
        return found

    def records(self, definition: ObjectDefinition) -> TableWriter:
        """The way to write records of an object whose table was prepared."""
        return TableWriter(self.store, self._sessions, layout_of(definition))

    def check(self) -> Sequence[Check]:
        """Prove that tables can be made, without leaving any. Problems are checks that are not ok."""
        checks: list[Check] = []
        try:
            if self.store.absent():
                return [
                    Check(name="writable", ok=True, detail=f"{self._address.label} will be made, it is not there yet")
                ]
            with self._sessions.one() as session:
                checks.append(Check(name="reachable", ok=True, detail=self._address.label))
                self._refuse_state(session)
                checks.append(Check(name="writable", ok=True, detail=session.try_to_write()))
        except errors.RemoteError as error:
            name = "writable" if checks else "reachable"
            hint = error.hint or ""
            checks.append(Check(name=name, ok=False, detail=error.message, hint=hint, exit_code=error.exit_code))
        except (Refused, Again) as error:
            checks.append(Check(name="writable", ok=False, detail=str(error), hint="see the log of the database"))
        return checks

    def close(self) -> None:
        """End the sessions that nobody uses."""
        self._sessions.close()

    def _looked_at(self, session: Session, layout: Layout) -> Missing:
        found = session.table(layout.table)
        refuse_unfit(layout, found, self.store.types, self._address.label)
        return missing(layout, found, self.store.types)

    def _without_values(self, session: Session, layout: Layout, needed: Missing) -> list[str]:
        new = {name for name, _ in needed.columns}
        if needed.whole or layout.key.name in new or session.empty(layout):
            return list(layout.by_field())
        return [name for name, column in layout.by_field().items() if column.name in new]

    def _create(self, session: Session, layout: Layout) -> None:
        with session.transaction():
            session.alone()
            # Another import may have made it meanwhile.
            found = session.table(layout.table)
            if found is None:
                session.create(layout, self.store.types)
            else:
                session.add(layout, absent(layout, found), self.store.types)

    def _refuse_state(self, session: Session) -> None:
        """A cycle holds its own database for itself while it writes, and what people do to these tables would reach the state."""
        if all(session.table(name) for name in STATE_TABLES):
            message = f"{self._address.label} holds the state of a project, and takes no other tables"
            raise errors.RemoteRefused(message, hint="write to another file, database or schema")


class TableWriter:
    """Records of one object. `write` is thread-safe."""

    batch_size = BATCH_RECORDS

    def __init__(self, store: Store, sessions: _Sessions, layout: Layout) -> None:
        self._store = store
        self._sessions = sessions
        self._layout = layout
        self._columns = layout.by_field()

    @property
    def concurrency(self) -> int:
        return self._store.concurrency

    def batches(self, writes: Iterable[RecordWrite], workload: Workload) -> Iterator[list[RecordWrite]]:
        """All of `writes` in their order. Nothing has to be looked up: that is part of a batch's own transaction."""
        rest = iter(writes)
        while batch := list(islice(rest, self.batch_size)):
            yield batch

    def write(self, batch: Sequence[RecordWrite]) -> Iterator[RecordResult]:
        """Write a batch and yield one result for each record, when what it says has been committed.

        What the columns cannot hold is refused first, without asking the database. A record without a result may have been
        written. Where a key comes twice the later record is written after the earlier one.
        """
        ready: list[_Ready] = []
        for write in batch:
            try:
                ready.append(_Ready(write, self._fit(write)))
            except _Rejected as rejected:
                yield RecordResult(write=write, reason=rejected.reason, detail=str(rejected), field=rejected.field)
        for some in _of_different_keys(ready):
            yield from self._delivered(some)

    def _fit(self, write: RecordWrite) -> Fitted:
        key = self._layout.key.field
        try:
            (text,) = write.key
            of_row = fitted(text, key.type)
        except Unfit as flaw:
            raise _Rejected(f"the key is {flaw}", Reason.KEY_INVALID, key.name) from None
        if of_row == "":
            raise _Rejected("the key is empty", Reason.KEY_INVALID, key.name)
        unchanged = {name: value for name, value in write.unchanged.items() if name not in write.values}
        return Fitted(
            key=of_row,
            changed=dict(self._value(name, value) for name, value in write.values.items() if name != key.name),
            unchanged=dict(self._value(name, value) for name, value in unchanged.items() if name != key.name),
        )

    def _value(self, name: str, value: Json) -> tuple[str, Value]:
        column = self._columns.get(name)
        if column is None:
            raise errors.RemoteRefused(f"{self._layout.object} has no field {name!r}")
        try:
            found = fitted(value, column.field.type)
            self._store.check(found)
        except Unfit as flaw:
            raise _Rejected(str(flaw), flaw.reason, name) from None
        return column.name, found

    def _delivered(self, records: Sequence[_Ready]) -> list[RecordResult]:
        for attempt in range(1, TRIES + 1):
            try:
                with self._sessions.one() as session, session.transaction() if session.nests else nullcontext():
                    return self._isolated(session, records)
            except Again as again:
                if attempt == TRIES:
                    raise again.meaning from None
        raise AssertionError("unreachable")

    def _isolated(self, session: Session, records: Sequence[_Ready]) -> list[RecordResult]:
        try:
            with session.part() if session.nests else session.transaction():
                return self._put(session, records)
        except Refused as refused:
            if len(records) == 1:
                return [RecordResult(write=records[0].write, reason=refused.reason, detail=str(refused))]
        middle = len(records) // 2
        return [*self._isolated(session, records[:middle]), *self._isolated(session, records[middle:])]

    def _put(self, session: Session, records: Sequence[_Ready]) -> list[RecordResult]:
        known = session.known(self._layout, [one.fitted.key for one in records])
        alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Fitted]] = defaultdict(list)
        results = []
        for one in records:
            new = one.fitted.key not in known
            row = _whole(one.fitted) if new else one.fitted
            outcome = Outcome.CREATED if new else Outcome.UPDATED if row.changed else Outcome.UNCHANGED
            results.append(RecordResult(write=one.write, outcome=outcome))
            if outcome is not Outcome.UNCHANGED:
                alike[tuple(sorted(row.changed)), tuple(sorted(row.unchanged))].append(row)
        for rows in alike.values():
            session.put(self._layout, rows, known)
        return results


class _Ready:
    """A record and its values for the columns."""

    __slots__ = ("fitted", "write")

    def __init__(self, write: RecordWrite, fitted: Fitted) -> None:
        self.write = write
        self.fitted = fitted


class _Rejected(Exception):
    """The record cannot be written as it is."""

    def __init__(self, message: str, reason: Reason, field: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class _Sessions:
    """Sessions that wait for their next use; no more are made than are used at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._door = threading.Lock()
        self._idle: list[tuple[float, Session]] = []
        self.lent = 0

    @contextmanager
    def one(self) -> Iterator[Session]:
        """A session for one transaction. One in which anything went wrong is not used again."""
        session = self._taken()
        try:
            yield session
        except Again:
            self._put_back(session)
            raise
        except BaseException:
            session.close()
            raise
        self._put_back(session)

    def close(self) -> None:
        with self._door:
            idle, self._idle = self._idle, []
        for _, session in idle:
            session.close()

    def _taken(self) -> Session:
        with self._door:
            self.lent += 1
            since, session = self._idle.pop() if self._idle else (0.0, None)
        if session is None:
            return self._store.session()
        if self._clock.monotonic() - since <= IDLE_SECONDS:
            return session
        try:
            # Any question will do.
            session.table(STATE_TABLES[0])
        except errors.RemoteUnavailable:
            session.close()
            return self._store.session()
        except BaseException:
            session.close()
            raise
        return session

    def _put_back(self, session: Session) -> None:
        if not self._store.keeps:
            session.close()
            return
        with self._door:
            self._idle.append((self._clock.monotonic(), session))


def _whole(row: Fitted) -> Fitted:
    return Fitted(key=row.key, changed={**row.unchanged, **row.changed}, unchanged={})


def _of_different_keys(records: Sequence[_Ready]) -> Iterator[list[_Ready]]:
    """The records in their order, divided where a key comes again: one statement cannot write a row twice."""
    some: dict[Value, _Ready] = {}
    for one in records:
        if one.fitted.key in some:
            yield list(some.values())
            some = {}
        some[one.fitted.key] = one
    if some:
        yield list(some.values())


def _refuse_shared(layouts: Sequence[Layout]) -> None:
    by_table: dict[str, str] = {}
    for layout in layouts:
        other = by_table.setdefault(layout.table, layout.object)
        if other != layout.object:
            message = f"the objects {other!r} and {layout.object!r} have the same table {layout.table}"
            raise errors.RemoteRefused(message, hint="write one of them to another database or schema")
