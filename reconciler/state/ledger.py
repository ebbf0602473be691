"""The last acknowledged values, one wide table for each destination scope.

A row for each record, by its key at the destination; a column for each item (destination field) that was ever written.
Columns are added and never dropped: a value stays when its mapping goes. Tables and columns have numbers for names, so no
name from a configuration becomes an identifier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text

from reconciler import errors
from reconciler.model.outcome import RecordChange, WriteResult
from reconciler.state import tables
from reconciler.state.order import natural
from reconciler.state.session import Session

MAX_ITEMS = 500
"""More columns than this would come near the limits of both databases."""

CHUNK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where the values of a scope are. `table` is None and `columns` lacks an item when nothing was ever written there."""

    scope: str
    table: str | None
    columns: Mapping[str, str]


def find(session: Session, scope: str, items: Collection[str]) -> Ledger:
    """The ledger of a scope as far as it exists, for those `items` that it has. Writes nothing."""
    ledger_id = session.execute(select(tables.ledgers.c.id).where(tables.ledgers.c.scope == scope)).scalar()
    if ledger_id is None:
        return Ledger(scope=scope, table=None, columns={})
    fields = _fields(session, ledger_id)
    wanted = {item: fields[item] for item in items if item in fields}
    return Ledger(scope=scope, table=f"ledger_{ledger_id}", columns=wanted)


def open_ledger(session: Session, scope: str, items: Collection[str]) -> Ledger:
    """The ledger of a scope, with table and columns for all `items`; what is missing is made.

    Several processes may do this at once. Raises `errors.StateProblem` for more than 500 items in one scope.
    """
    found = find(session, scope, items)
    if found.table is not None and len(found.columns) == len(set(items)):
        return found
    if session.postgresql:
        session.execute(text("LOCK TABLE ledgers IN SHARE ROW EXCLUSIVE MODE"))
    ledger_id = _make_table(session, scope)
    _make_columns(session, ledger_id, scope, items)
    return find(session, scope, items)


def acknowledge(session: Session, ledger: Ledger, results: Iterable[WriteResult], run_id: int, *, now: datetime) -> int:
    """Record the values of all acknowledged results and give how many. Costs what they cost, whatever the ledger's size."""
    position = {item: place for place, item in enumerate(ledger.columns)}
    records: dict[str, list[Any]] = {}
    count = 0
    width, when = len(position), tables.to_text(now)
    for result in results:
        if result.reason is not None:
            continue
        write = result.write
        row = records.get(write.key)
        if row is None:
            records[write.key] = row = [write.key, write.label, run_id, when, *[None] * width]
        row[1] = write.label
        row[4 + position[write.item]] = write.value
        count += 1
    _store(session, ledger, [records[key] for key in sorted(records)])
    return count


def acknowledge_records(
    session: Session,
    ledger: Ledger,
    items: Sequence[str],
    changes: Sequence[RecordChange],
    run_id: int,
    *,
    now: datetime,
) -> None:
    """The same for acknowledged changes of whole records, whose values are those of `items`."""
    when = tables.to_text(now)
    places = [items.index(item) for item in ledger.columns]
    rows = [[key, label, run_id, when, *[values[place] for place in places]] for key, label, values, _ in changes]
    _store(session, ledger, rows)


def export(session: Session, ledger: Ledger, items: Sequence[str] | None = None) -> Iterator[tuple[str, str, str, str]]:
    """Every recorded value as (key, label, item, value), in natural order of key, then of `items`.

    A page at a time in memory; the database sorts, on its disk where there is much.
    """
    wanted = [item for item in (ledger.columns if items is None else items) if item in ledger.columns]
    if ledger.table is None or not wanted:
        return
    chosen = ", ".join(ledger.columns[item] for item in wanted)
    query = text(f"SELECT key, label, {chosen} FROM {ledger.table} ORDER BY {natural('key')}")
    for key, label, *values in session.stream(query):
        for item, value in zip(wanted, values, strict=True):
            if value is not None:
                yield key, label, item, value


def get(session: Session, ledger: Ledger, key: str) -> dict[str, str]:
    """The recorded values of one record, by item; empty when nothing was ever acknowledged for it."""
    if ledger.table is None or not ledger.columns:
        return {}
    chosen = ", ".join(ledger.columns.values())
    row = session.execute(text(f"SELECT {chosen} FROM {ledger.table} WHERE key = :key"), {"key": key}).one_or_none()
    values = row or [None] * len(ledger.columns)
    return {item: value for item, value in zip(ledger.columns, values, strict=True) if value is not None}


def _fields(session: Session, ledger_id: int) -> dict[str, str]:
    fields = tables.ledger_fields
    query = select(fields.c.item, fields.c.column_name).where(fields.c.ledger_id == ledger_id)
    return {row.item: row.column_name for row in session.execute(query)}


def _make_table(session: Session, scope: str) -> int:
    ledger_id = session.execute(select(tables.ledgers.c.id).where(tables.ledgers.c.scope == scope)).scalar()
    if ledger_id is not None:
        return int(ledger_id)
    ledger_id = session.execute(insert(tables.ledgers).values(scope=scope).returning(tables.ledgers.c.id)).scalar_one()
    # Clustered by key in SQLite; in PostgreSQL room is left in each page, so that an update stays in it.
    key, end = ('TEXT COLLATE "C"', "WITH (fillfactor = 90)") if session.postgresql else ("TEXT", "WITHOUT ROWID")
    columns = f"key {key} NOT NULL PRIMARY KEY, label TEXT NOT NULL, run_id BIGINT NOT NULL, updated_at TEXT NOT NULL"
    session.execute(text(f"CREATE TABLE ledger_{ledger_id} ({columns}) {end}"))
    return int(ledger_id)


def _make_columns(session: Session, ledger_id: int, scope: str, items: Collection[str]) -> None:
    fields = _fields(session, ledger_id)
    missing = sorted(set(items) - fields.keys())
    if len(fields) + len(missing) > MAX_ITEMS:
        message = f"The ledger {scope} would hold more than {MAX_ITEMS} fields."
        raise errors.StateProblem(message, hint="map fewer fields to this destination")
    for number, item in enumerate(missing, start=len(fields) + 1):
        session.execute(text(f"ALTER TABLE ledger_{ledger_id} ADD COLUMN f{number} TEXT"))
        row = {"ledger_id": ledger_id, "item": item, "column_name": f"f{number}"}
        session.execute(insert(tables.ledger_fields).values(**row))


def _store(session: Session, ledger: Ledger, rows: list[list[Any]]) -> None:
    if ledger.table is None:
        raise errors.StateProblem(f"The ledger {ledger.scope} was never opened for writing.")
    names = ("key", "label", "run_id", "updated_at", *ledger.columns.values())
    replaced = ", ".join(
        # A value that was not part of this batch stays.
        f"{name} = coalesce(excluded.{name}, {ledger.table}.{name})" if place >= 4 else f"{name} = excluded.{name}"
        for place, name in enumerate(names)
        if place
    )
    target = f"INSERT INTO {ledger.table} ({', '.join(names)})"
    conflict = f"ON CONFLICT (key) DO UPDATE SET {replaced}"
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        if session.postgresql:
            # One statement with an array for each column: a statement for each row takes ten times as long.
            types = ("text", "text", "bigint", *["text"] * (len(names) - 3))
            arrays = ", ".join(f"%s::{kind}[]" for kind in types)
            session.execute_raw(
                f"{target} SELECT * FROM unnest({arrays}) {conflict}", [list(c) for c in zip(*part, strict=True)]
            )
        else:
            session.execute_many(f"{target} VALUES ({', '.join('?' * len(names))}) {conflict}", part)
