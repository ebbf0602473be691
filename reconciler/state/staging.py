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

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from reconciler import errors
from reconciler.model.document import DocumentId
from reconciler.model.outcome import Reason, Write
from reconciler.state import tables
from reconciler.state.difference import diff_postgresql, diff_sqlite, table
from reconciler.state.ledger import MAX_ITEMS, Ledger
from reconciler.state.scratch import Scratch
from reconciler.state.session import Session
from reconciler.state.shaping import Shape, Shaping


class Workspace(Scratch):
    """The temporary tables of a cycle. Made by `database.workspace()`; for one thread at a time."""

    def __init__(self, connection: Connection, *, label: str, begin: Callable[[Connection, str], None]) -> None:
        super().__init__(connection, label=label, begin=begin)
        self._items: tuple[str, ...] = ()
        self._withholding = False
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
        columns = ", ".join(f"c{place}" for place in range(shape.width))
        valid = Shaping(shape, postgresql=self._postgresql).valid()
        return self._stream(f"SELECT {columns} FROM {rows} WHERE ({valid}) IS NOT TRUE")

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

    def diff(self, ledger: Ledger, items: Sequence[str] | None = None) -> dict[str, int]:
        """Compare `stage` with a ledger, put what differs into `changes`, and give the number of changes of each item.

        A staged null is no change: it keeps what is there. Nothing but temporary tables is written. `items` are some of
        the staged ones; None is all of them.
        """
        chosen = [place for place, item in enumerate(self._items) if items is None or item in items]
        self._make_changes()
        if chosen:
            if self._postgresql:
                self._run(f"ANALYZE {table('stage')}")
                self._run("SET LOCAL work_mem = '64MB'", diff_postgresql(ledger, self._items, chosen))
            else:
                self._run(diff_sqlite(ledger, self._items, chosen))
        return {self._items[place]: 0 for place in chosen} | self.count_changed()

    def count_changed(self) -> dict[str, int]:
        """The number of changes of each item that has any."""
        counts = self._rows(f"SELECT item, count(*) FROM {table('changes')} GROUP BY item")
        return {self._items[place]: count for place, count in counts}

    def changes(self, after_seq: int, limit: int) -> list[tuple[int, Write]]:
        """Up to `limit` changes after number `after_seq` (0: from the start), in order of key; changes of one key together."""
        query = f"SELECT seq, key, label, item, before, value FROM {table('changes')}"
        rows = self._rows_of_texts(f"{query} WHERE seq > {int(after_seq)} ORDER BY seq LIMIT {int(limit)}")
        return [
            (seq, Write(key=key, label=label, item=self._items[item], before=before, value=value))
            for seq, key, label, item, before, value in rows
        ]

    def changes_of_records(self, after_seq: int, records: int) -> list[tuple[int, Write]]:
        """As `changes`, but of up to so many whole records: the changes of a key are never parted."""
        found = self.changes(after_seq, records * len(self._items) + 1)
        keys: set[str] = set()
        for place, (_, write) in enumerate(found):
            keys.add(write.key)
            if len(keys) > records:
                return found[:place]
        return found

    def unchanged(self, changes: Sequence[tuple[int, Write]]) -> dict[str, dict[str, str]]:
        """For the records of some numbered changes, what is staged and no change: {key: {item: value}}. One without such a
        value may be left out."""
        if not changes:
            return {}
        changed = {(write.key, write.item) for _, write in changes}
        numbered = f"seq BETWEEN {changes[0][0]} AND {changes[-1][0]}"
        if self._withholding:
            keys = f"SELECT key FROM {table('changes')} WHERE {numbered}"
            held = self._rows(f"SELECT key, item FROM {table('withheld')} WHERE key IN ({keys})")
            changed.update((key, self._items[place]) for key, place in held)
        cells = ", ".join(f"c{place}" for place in range(len(self._items)))
        counted = f"SELECT key AS changed, count(*) AS n FROM {table('changes')} WHERE {numbered} GROUP BY key"
        filled = " + ".join(f"(c{place} IS NOT NULL)" for place in range(len(self._items)))
        present = f"num_nonnulls({cells})" if self._postgresql else filled
        # Of a new record all values are changes, and none of them needs to be read again.
        rows = self._rows(
            f"SELECT key, {cells} FROM {table('stage')} JOIN ({counted}) c ON c.changed = key WHERE c.n < {present}"
        )
        return {
            key: {
                item: value
                for item, value in zip(self._items, values, strict=True)
                if value is not None and (key, item) not in changed
            }
            for key, *values in rows
        }

    def withhold(
        self, document: DocumentId, reasons: Collection[Reason], since: datetime
    ) -> dict[tuple[str, Reason], int]:
        """Take those changes away whose very value was rejected for one of these reasons since a moment. Gives how many, by
        item and reason. Nothing is written but temporary tables."""
        named = ", ".join(f"'{reason.value}'" for reason in sorted(reasons))
        q = self._mark
        mine = f"o.kind = {q} AND o.name = {q} AND o.reason IN ({named}) AND o.last_seen >= {q}"
        whose = (document.kind, document.name, tables.to_text(since))
        items = {item for (item,) in self._rows(f"SELECT DISTINCT o.item FROM outcomes o WHERE {mine}", whose)}
        if items.isdisjoint(self._items):
            return {}
        self._make_withheld()
        for place, item in enumerate(self._items):
            if item in items:
                self._run(
                    f"INSERT INTO {table('withheld')} SELECT c.key, c.item, o.reason FROM {table('changes')} c "
                    f"JOIN outcomes o ON o.key = c.key AND o.value = c.value "
                    f"WHERE {mine} AND o.item = {q} AND c.item = {place}",
                    parameters=(*whose, item),
                )
        self._run(
            f"DELETE FROM {table('changes')} WHERE EXISTS (SELECT 1 FROM {table('withheld')} w "
            f"WHERE w.key = {table('changes')}.key AND w.item = {table('changes')}.item)"
        )
        counted = self._rows(f"SELECT item, reason, count(*) FROM {table('withheld')} GROUP BY item, reason")
        return {(self._items[place], Reason(reason)): count for place, reason, count in counted}

    def still_withheld(self, session: Session, document: DocumentId, run_id: int) -> None:
        """What was withheld is still rejected, so `run_id` counts it, too."""
        q = self._mark
        for place, item in enumerate(self._items if self._withholding else ()):
            session.execute_raw(
                f"UPDATE outcomes SET run_id = {q} WHERE kind = {q} AND name = {q} AND item = {q} "
                f"AND key IN (SELECT key FROM {table('withheld')} WHERE item = {place})",
                (run_id, document.kind, document.name, item),
            )

    def changed_values(self, item: str) -> list[str]:
        """The different new values of an item."""
        place = self._items.index(item)
        rows = self._rows(f"SELECT DISTINCT value FROM {table('changes')} WHERE item = {place} ORDER BY value")
        return [value for (value,) in rows]

    def changed_key_parts(self, place: int) -> list[str]:
        """The different values of one part of the keys of changed records, where keys are JSON lists."""
        part = f"(key::json ->> {int(place)})" if self._postgresql else f"json_extract(key, '$[{int(place)}]')"
        return [value for (value,) in self._rows(f"SELECT DISTINCT {part} FROM {table('changes')} ORDER BY 1")]

    def count_changed_records(self) -> int:
        return int(self._rows(f"SELECT count(DISTINCT key) FROM {table('changes')}")[0][0])

    def changes_plain_keys(self) -> bool:
        """Whether the keys of all changed records are of ASCII."""
        size = "octet_length(key)" if self._postgresql else "length(CAST(key AS BLOB))"
        return not self._rows(f"SELECT 1 FROM {table('changes')} WHERE {size} <> length(key) LIMIT 1")

    def take_unreadable(self) -> list[tuple[str, tuple[bool, ...]]]:
        """Take those records out of `stage` and `changes` whose key has bytes that are no text: SQLite does not look at them.
        Gives the key, with half surrogates for such bytes, and which values were staged."""
        with self._scratch():
            self._driver.create_function("reconcile_is_text", 1, _is_text, deterministic=True)
            # Each key is looked at once, not once for each of its changes.
            keys = f"SELECT DISTINCT CAST(key AS BLOB) AS key FROM {table('changes')}"
            query = f"WITH keys AS MATERIALIZED ({keys}) SELECT key FROM keys WHERE NOT reconcile_is_text(key)"
            unreadable = self._driver.execute(query).fetchall()
            present = ", ".join(f"c{place} IS NOT NULL" for place in range(len(self._items)))
            found = []
            for key in unreadable:
                at = "WHERE key = CAST(? AS TEXT)"
                row = self._driver.execute(f"SELECT {present} FROM {table('stage')} {at}", key).fetchone()
                found.append((key[0].decode(errors="surrogateescape"), tuple(map(bool, row))))
                for name in ("stage", "changes"):
                    self._driver.execute(f"DELETE FROM {table(name)} {at}", key)
        return found

    def _make_changes(self) -> None:
        seq = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY" if self._postgresql else "INTEGER PRIMARY KEY"
        columns = f"seq {seq}, key {self._text}, label TEXT, item INTEGER, before TEXT, value TEXT"
        self._run(f"DROP TABLE IF EXISTS {table('changes')}", f"CREATE TEMPORARY TABLE {table('changes')} ({columns})")

    def _make_withheld(self) -> None:
        key = f"key {self._text}, item INTEGER, reason TEXT, PRIMARY KEY (key, item)"
        self._run(f"DROP TABLE IF EXISTS {table('withheld')}", f"CREATE TEMPORARY TABLE {table('withheld')} ({key})")
        self._withholding = True


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
