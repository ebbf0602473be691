"""What differs between a stage and a ledger: as single values, for destinations that take one at a time, or as records.

A record is a row from here to the ledger. To take it apart and put it together again costs several times what it costs to
send it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from reconciler.model.document import DocumentId
from reconciler.model.outcome import Reason, RecordChange, Write
from reconciler.state import tables
from reconciler.state.difference import records_differing, table, values_differing
from reconciler.state.ledger import Ledger
from reconciler.state.scratch import Scratch
from reconciler.state.session import Session


class Changes(Scratch):
    """The temporary tables `changes`, and `withheld` for what is not sent again. `stage` is filled before."""

    def __init__(self, connection: Connection, *, label: str, begin: Callable[[Connection, str], None]) -> None:
        super().__init__(connection, label=label, begin=begin)
        self._items: tuple[str, ...] = ()
        self._withholding = False

    # ---- single values

    def diff(self, ledger: Ledger, items: Sequence[str] | None = None) -> dict[str, int]:
        """Compare `stage` with a ledger, put the values that differ into `changes`, and give how many each item has.

        A staged null is no change: it keeps what is there. Nothing but temporary tables is written. `items` are some of
        the staged ones; None is all of them.
        """
        chosen = [place for place, item in enumerate(self._items) if items is None or item in items]
        self._make_changes("item INTEGER, before TEXT, value TEXT")
        if chosen:
            self._compare(values_differing(ledger, self._items, chosen, postgresql=self._postgresql))
        counts = self._rows(f"SELECT item, count(*) FROM {table('changes')} GROUP BY item")
        return {self._items[place]: 0 for place in chosen} | {self._items[place]: count for place, count in counts}

    def changes(self, after_seq: int, limit: int) -> list[tuple[int, Write]]:
        """Up to `limit` changes after number `after_seq` (0: from the start), in order of key; changes of one key together."""
        query = f"SELECT seq, key, label, item, before, value FROM {table('changes')}"
        rows = self._rows_of_texts(f"{query} WHERE seq > {int(after_seq)} ORDER BY seq LIMIT {int(limit)}")
        return [
            (seq, Write(key=key, label=label, item=self._items[item], before=before, value=value))
            for seq, key, label, item, before, value in rows
        ]

    # ---- records

    def diff_records(self, ledger: Ledger) -> dict[str, int]:
        """As `diff`, with one row in `changes` for each record that has a change."""
        places = range(len(self._items))
        self._make_changes(", ".join(f"{kind}{place} TEXT" for kind in "vb" for place in places))
        self._compare(records_differing(ledger, self._items, postgresql=self._postgresql))
        return self.count_changed()

    def count_changed(self) -> dict[str, int]:
        """How many records have a change of each item."""
        counted = ", ".join(f"count(v{place})" for place in range(len(self._items)))
        return dict(zip(self._items, self._rows(f"SELECT {counted} FROM {table('changes')}")[0], strict=True))

    def changed_records(self, after_seq: int, limit: int) -> list[tuple[int, RecordChange]]:
        """Up to `limit` records after number `after_seq` (0: from the start), in order of key."""
        width = len(self._items)
        cells = ", ".join(f"{kind}{place}" for kind in "vb" for place in range(width))
        query = f"SELECT seq, key, label, {cells} FROM {table('changes')}"
        rows = self._rows_of_texts(f"{query} WHERE seq > {int(after_seq)} ORDER BY seq LIMIT {int(limit)}")
        values, befores = slice(3, 3 + width), slice(3 + width, None)
        return [(row[0], RecordChange(row[1], row[2], row[values], row[befores])) for row in rows]

    def unchanged(self, changes: Sequence[tuple[int, RecordChange]]) -> dict[str, dict[str, str]]:
        """For the records of some numbered changes, what is staged and no change: {key: {item: value}}. One without such a
        value may be left out."""
        if not changes:
            return {}
        places = range(len(self._items))
        cells = ", ".join(f"CASE WHEN c.v{place} IS NULL THEN s.c{place} END" for place in places)
        # Of a new record all values are changes, and none of them needs to be read again.
        some = " OR ".join(f"(c.v{place} IS NULL AND s.c{place} IS NOT NULL)" for place in places)
        numbered = f"c.seq BETWEEN {changes[0][0]} AND {changes[-1][0]}"
        joined = f"{table('changes')} c JOIN {table('stage')} s ON s.key = c.key"
        rows = self._rows(f"SELECT c.key, {cells} FROM {joined} WHERE {numbered} AND ({some})")
        held = self._withheld(numbered)
        return {
            key: {
                item: value
                for item, value in zip(self._items, values, strict=True)
                if value is not None and (key, item) not in held
            }
            for key, *values in rows
        }

    def changed_values(self, item: str) -> list[str]:
        """The different new values of an item."""
        value = f"v{self._items.index(item)}"
        rows = self._rows(f"SELECT DISTINCT {value} FROM {table('changes')} WHERE {value} IS NOT NULL ORDER BY 1")
        return [value for (value,) in rows]

    def changed_key_parts(self, place: int) -> list[str]:
        """The different values of one part of the keys of changed records, where keys are JSON lists."""
        part = f"(key::json ->> {int(place)})" if self._postgresql else f"json_extract(key, '$[{int(place)}]')"
        return [value for (value,) in self._rows(f"SELECT DISTINCT {part} FROM {table('changes')} ORDER BY 1")]

    def count_changed_records(self) -> int:
        return self.count("changes")

    def changes_plain_keys(self) -> bool:
        """Whether the keys of all changed records are of ASCII."""
        size = "octet_length(key)" if self._postgresql else "length(CAST(key AS BLOB))"
        return not self._rows(f"SELECT 1 FROM {table('changes')} WHERE {size} <> length(key) LIMIT 1")

    def take_unreadable(self) -> list[tuple[str, tuple[bool, ...]]]:
        """Take those records out of `stage` and `changes` whose key has bytes that are no text: SQLite does not look at them.
        Gives the key, with half surrogates for such bytes, and which values were staged."""
        with self._scratch():
            self._driver.create_function("reconcile_is_text", 1, _is_text, deterministic=True)
            # Most keys are of printable ASCII, which SQLite sees by itself.
            suspect = "key GLOB '*[^ -~]*' AND NOT reconcile_is_text(CAST(key AS BLOB))"
            query = f"SELECT CAST(key AS BLOB) FROM {table('changes')} WHERE {suspect}"
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

    # ---- what is not sent again

    def withhold(
        self, document: DocumentId, reasons: Collection[Reason], since: datetime
    ) -> dict[tuple[str, Reason], int]:
        """Take those values out of changed records that were rejected, as they are, for one of these reasons since a moment.
        Gives how many, by item and reason. Nothing is written but temporary tables."""
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
                    f"INSERT INTO {table('withheld')} SELECT c.key, {place}, o.reason FROM {table('changes')} c "
                    f"JOIN outcomes o ON o.key = c.key AND o.value = c.v{place} WHERE {mine} AND o.item = {q}",
                    parameters=(*whose, item),
                )
                held = f"SELECT key FROM {table('withheld')} WHERE item = {place}"
                self._run(f"UPDATE {table('changes')} SET v{place} = NULL, b{place} = NULL WHERE key IN ({held})")
        nothing = " AND ".join(f"v{place} IS NULL" for place in range(len(self._items)))
        self._run(f"DELETE FROM {table('changes')} WHERE {nothing}")
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

    def _withheld(self, numbered: str) -> frozenset[tuple[str, str]]:
        """(key, item) of what is withheld of some changed records."""
        if not self._withholding:
            return frozenset()
        keys = f"SELECT key FROM {table('changes')} c WHERE {numbered}"
        held = self._rows(f"SELECT key, item FROM {table('withheld')} WHERE key IN ({keys})")
        return frozenset((key, self._items[place]) for key, place in held)

    def _compare(self, statement: str) -> None:
        if self._postgresql:
            self._run(f"ANALYZE {table('stage')}")
            self._run("SET LOCAL work_mem = '64MB'", statement)
        else:
            self._run(statement)

    def _make_changes(self, columns: str) -> None:
        seq = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY" if self._postgresql else "INTEGER PRIMARY KEY"
        every = f"seq {seq}, key {self._text}, label TEXT, {columns}"
        self._run(f"DROP TABLE IF EXISTS {table('changes')}", f"CREATE TEMPORARY TABLE {table('changes')} ({every})")

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
