"""Temporary tables of one cycle, and the comparison of what was read with what was written before.

    with database.workspace() as workspace:
        workspace.create("people", ["email", "title"])
        workspace.load("people", rows)
        workspace.stage(["Job Title"])
        workspace.load("stage", merged(workspace.sorted("people", ["email", "title"], ["email"])))
        changed = workspace.diff(ledger, ["Job Title"])
        for seq, write in workspace.changes(0, 50): ...
        with workspace.begin() as session:      # a real transaction on the same connection
            ledger.acknowledge(session, …)

Rows go to disk, behind a small page cache; an unchanged row never becomes a Python object. The tables belong to one
connection: nobody else sees them, and they vanish with it, also when the process is killed. A load that fails half-way
leaves half a table, so it ends the workspace.

On PostgreSQL this needs the same server connection for the whole cycle: a pooler must pool by session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from reconciler import errors
from reconciler.model.document import DocumentId
from reconciler.model.outcome import Reason
from reconciler.state.changes import Changes
from reconciler.state.difference import table
from reconciler.state.ledger import MAX_ITEMS, Ledger
from reconciler.state.session import Session
from reconciler.state.shaping import Shape, Shaping


class Workspace(Changes):
    """The temporary tables of a cycle. Made by `database.workspace()`; for one thread at a time."""

    def __init__(self, connection: Connection, *, label: str, begin: Callable[[Connection, str], None]) -> None:
        super().__init__(connection, label=label, begin=begin)
        self._rows_query = ""
        self._known = [0]
        """How many records are left out of `stage` because the ledger has them as they are, and how many have each item."""
        self._present = "stage"
        """The table that has the keys of all records."""

    def stage(self, items: Sequence[str]) -> None:
        """The table `stage` for values as they should be: columns `key`, `label`, then one for each of `items`.

        Raises `errors.StateProblem` for more than 500 items.
        """
        if len(items) > MAX_ITEMS:
            message = f"More than {MAX_ITEMS} fields cannot be compared in one cycle."
            raise errors.StateProblem(message, hint="map fewer fields to this destination")
        self._items = tuple(items)
        self._known, self._present = [0] * (len(items) + 1), "stage"
        # What an earlier part of the cycle withheld has keys of its own.
        self._withholding = False
        self.create("stage", ["key", "label", *(f"c{place}" for place in range(len(items)))], key="key")

    def stage_unique(self, rows: str) -> int:
        """Fill `stage` from a query for its columns, in which keys may repeat: rows that say the same are one row. Gives how
        many rows have a key that others have, too, with other values: see `conflicts`.

        Looking at every value of every row takes as long as all the rest, so it is only done when a key does repeat.
        """
        columns = ", ".join(f"c{place}" for place in range(len(self._items)))
        self._rows_query = rows
        found = self._rows_plain(f"SELECT count(*) FROM ({rows}) r")[0][0]
        self._plain(
            f"INSERT INTO {table('stage')} SELECT key, label, {columns} FROM ({rows}) r WHERE true ORDER BY key "
            "ON CONFLICT DO NOTHING"
        )
        if self.count("stage") == found:
            return 0
        values = "".join(f", min(c{place})" for place in range(len(self._items)))
        self._plain(f"DELETE FROM {table('stage')}")
        self._plain(
            f"INSERT INTO {table('stage')} SELECT key, min(label){values} FROM ({rows}) r "
            f"GROUP BY key HAVING {self._agreeing()} ORDER BY key"
        )
        query = f"SELECT count(*) AS n FROM ({rows}) r GROUP BY key HAVING NOT ({self._agreeing()})"
        return int(self._rows_plain(f"SELECT coalesce(sum(n), 0) FROM ({query}) conflicting")[0][0])

    def stage_rows(self, name: str) -> int:
        """`stage_unique` for a table of the workspace."""
        return self.stage_unique(f"SELECT * FROM {table(name)}")

    def stage_shaped(self, rows: str, shape: Shape, ledger: Ledger | None = None) -> int:
        """`stage_unique` for the rows of a source as they are, in a table of `copy_in` or `attach`; rows without a whole key
        are left out: see `unkeyed`. Records that `ledger` has as they are may be counted and not staged.

        Where SQLite gives the rows in order of their keys, as most tables do, nothing needs to be sorted or looked for twice.
        """
        shaping = Shaping(shape, postgresql=self._postgresql)
        if self._postgresql or self._rows_plain(shaping.disordered(rows)):
            return self.stage_unique(shaping.rows(rows))
        if ledger is not None and ledger.table is not None:
            rows = self._leave_known_out(rows, shaping, ledger)
        self._plain(f"INSERT INTO {table('stage')} {shaping.rows(rows)}")
        return 0

    def _leave_known_out(self, rows: str, shaping: Shaping, ledger: Ledger) -> str:
        """Compare rows with a ledger as they are. Gives those that may differ, which have to be looked at."""
        columns = [ledger.columns.get(item) for item in self._items]
        number = "id INTEGER NOT NULL PRIMARY KEY, known INTEGER NOT NULL"
        self._run(f"DROP TABLE IF EXISTS {table('unlike')}", f"CREATE TEMPORARY TABLE {table('unlike')} ({number})")
        self._plain(f"INSERT INTO {table('unlike')} {shaping.unlike(rows, str(ledger.table), columns)}")
        unlike = f"(SELECT * FROM {rows} WHERE rowid IN (SELECT id FROM {table('unlike')}))"
        every, left = (self._rows_plain(shaping.counts(some))[0] for some in (rows, unlike))
        self._known = [all - some for all, some in zip(every, left, strict=True)]
        self._keep_keys(rows, shaping, ledger, every[0])
        return unlike

    def _keep_keys(self, rows: str, shaping: Shaping, ledger: Ledger, count: int) -> None:
        """Remember all keys for `find_departed`, unless counting shows that nothing of the ledger is missing."""
        new = self._rows_plain(f"SELECT count(*) FROM {table('unlike')} WHERE NOT known")[0][0]
        before = self._rows_plain(f"SELECT count(*) FROM {ledger.table}")[0][0]
        self._present = ""
        if before > count - new:
            self._present = "present"
            self.create(self._present, ["key"], key="key")
            self._plain(f"INSERT INTO {table(self._present)} {shaping.keys(rows)}")

    def count_records(self) -> int:
        """The records that were read: what is staged, and what the ledger has as it is."""
        return self.count("stage") + self._known[0]

    def unkeyed(self, rows: str, shape: Shape) -> Iterator[tuple[str | None, ...]]:
        """The rows of a source whose key is not whole, as they are."""
        valid = Shaping(shape, postgresql=self._postgresql).valid()
        return self._stream(f"{_select(rows, shape)} WHERE ({valid}) IS NOT TRUE")

    def respelled(self, rows: str, shape: Shape) -> Iterator[tuple[str | None, ...]] | None:
        """All rows of a source as they are, where numbers of their keys may have several spellings; else None."""
        query = Shaping(shape, postgresql=self._postgresql).respelled(rows)
        return self._stream(_select(rows, shape)) if query is not None and self._rows_plain(query) else None

    def conflicts(self) -> Iterator[tuple[str, str, int]]:
        """(key, label, rows) of the keys that `stage_unique` left out, in order of the keys."""
        query = (
            f"SELECT key, min(label), count(*) FROM ({self._rows_query}) r GROUP BY key HAVING NOT ({self._agreeing()})"
        )
        for key, label, rows in self._stream(f"{query} ORDER BY key"):
            yield key or "", label or "", int(rows or 0)

    def _agreeing(self) -> str:
        same = (
            f"(count(c{p}) = 0 OR (count(c{p}) = count(*) AND min(c{p}) = max(c{p})))" for p in range(len(self._items))
        )
        return " AND ".join(["count(*) >= 1", *same])

    def leave_out(self, document: DocumentId, reason: Reason) -> int:
        """Take those records out of `stage` that are on record as wrong altogether for a reason. Gives how many."""
        q = self._mark
        wrong = f"SELECT key FROM outcomes WHERE kind = {q} AND name = {q} AND item = '' AND reason = {q}"
        parameters = (document.kind, document.name, reason.value)
        with self._scratch():
            done = self._connection.exec_driver_sql(f"DELETE FROM {table('stage')} WHERE key IN ({wrong})", parameters)
            return int(done.rowcount)

    def sweep_staged(self, session: Session, document: DocumentId, run_id: int) -> None:
        """`outcomes.sweep` for a run that read some of the records: what it did not reject of these is solved."""
        q = self._mark
        session.execute_raw(
            f"DELETE FROM outcomes WHERE kind = {q} AND name = {q} AND run_id <> {q} "
            f"AND key IN (SELECT key FROM {table('stage')})",
            (document.kind, document.name, run_id),
        )

    def find_departed(self, ledger: Ledger) -> int:
        """Fill `departed` with the records that were written before, and are neither read nor in a table `rejected` any
        more. Gives how many."""
        self.create("departed", ("key", "label"), key="key")
        written = [ledger.columns[item] for item in self._items if item in ledger.columns]
        if ledger.table is None or not written or not self._present:
            return 0
        some = " OR ".join(f"l.{column} IS NOT NULL" for column in written)
        gone = f"NOT EXISTS (SELECT 1 FROM {table(self._present)} s WHERE s.key = l.key)"
        gone += f" AND l.key NOT IN (SELECT key FROM {table('rejected')} WHERE key IS NOT NULL)"
        written_before = f"SELECT l.key, l.label FROM {ledger.table} l WHERE ({some}) AND {gone} ORDER BY l.key"
        self._run(f"INSERT INTO {table('departed')} {written_before}")
        return self.count("departed")

    def still_departed(self, session: Session, document: DocumentId, run_id: int) -> None:
        """Those in `departed` that are on record as such already are counted by `run_id`, too."""
        q = self._mark
        session.execute_raw(
            f"UPDATE outcomes SET run_id = {q} WHERE kind = {q} AND name = {q} AND item = '' AND reason = {q} "
            f"AND key IN (SELECT key FROM {table('departed')})",
            (run_id, document.kind, document.name, Reason.DEPARTED.value),
        )

    def newly_departed(self, document: DocumentId, limit: int) -> list[tuple[str, str]]:
        """(key, label) of some of those in `departed` that are not on record as such."""
        q = self._mark
        known = f"o.kind = {q} AND o.name = {q} AND o.item = '' AND o.key = d.key AND o.reason = {q}"
        query = (
            f"SELECT key, label FROM {table('departed')} d WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE {known})"
        )
        rows = self._rows(f"{query} LIMIT {int(limit)}", (document.kind, document.name, Reason.DEPARTED.value))
        return [(key, label) for key, label in rows]

    def count_staged(self) -> dict[str, int]:
        """For each item, how many of the records that were read have a value (not null)."""
        if not self._items:
            return {}
        counted = ", ".join(f"count(c{place}) + {self._known[place + 1]}" for place in range(len(self._items)))
        return dict(zip(self._items, self._rows(f"SELECT {counted} FROM {table('stage')}")[0], strict=True))


def _select(rows: str, shape: Shape) -> str:
    return f"SELECT {', '.join(f'c{place}' for place in range(shape.width))} FROM {rows}"
