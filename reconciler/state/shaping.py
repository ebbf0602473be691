"""Rows of a source made into rows of the stage by the database itself: what `flows.warehouse` says of a row, as SQL.

Both say the same, which a property test holds: blanks around a key mean nothing, an empty text is a null, what has no text is
marked. No row becomes an object of Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.value import CLEARED, INVALID
from reconciler.records.text_of import BINARY, FLAWS, RESERVED

BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` takes away. Spelled out: to look at every character there is takes a tenth of a second of each start."""

_AFTER_MARKS = chr(ord(INVALID) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCell:
    """A part of the key: the column at `place`; of an e-mail address the case of letters means nothing, of a number how it is
    spelled."""

    place: int
    address: bool
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value of the stage: the column at `place`, or `text` where it is null; `text` alone without a column."""

    place: int | None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a row of the stage is made of a row of `width` columns."""

    width: int
    keys: Sequence[KeyCell]
    cells: Sequence[Cell]


class Shaping:
    """The SQL of a shape, for either database."""

    def __init__(self, shape: Shape, *, postgresql: bool) -> None:
        self._shape = shape
        self._postgresql = postgresql

    def valid(self) -> str:
        """Holds for rows whose whole key is a text that is not empty."""
        return " AND ".join(self._valid_key(cell) for cell in self._shape.keys)

    def respelled(self, table: str) -> str | None:
        """A SELECT of one row where some key of `table` may be a number in other than its usual spelling, which only Python
        knows; None where no key is a number."""
        names = [f"c{cell.place}" for cell in self._shape.keys if cell.number]
        plain = (f"{name} ~ '^(0|[1-9][0-9]*)$'" if self._postgresql else self._plain_number(name) for name in names)
        odd = " OR ".join(f"({name} IS NOT NULL AND NOT ({usual}))" for name, usual in zip(names, plain, strict=True))
        return f"SELECT 1 FROM {table} WHERE {odd} LIMIT 1" if odd else None

    @staticmethod
    def _plain_number(name: str) -> str:
        return f"{name} = '0' OR ({name} GLOB '[1-9]*' AND {name} NOT GLOB '*[^0-9]*')"

    def rows(self, table: str) -> str:
        """A SELECT of what is staged: key, label, and the values."""
        keys = [self._key(cell) for cell in self._shape.keys]
        label = " || ' · ' || ".join(keys)
        values = "".join(f", {self._value(cell)} AS c{number}" for number, cell in enumerate(self._shape.cells))
        return f"SELECT {self._json(keys)} AS key, {label} AS label{values} FROM {table} WHERE {self.valid()}"

    def disordered(self, table: str) -> str:
        """A SELECT of one row where some row of `table` may have a key that another has, too: where the keys are not as they
        are staged, each greater than the one before. SQLite only."""
        places = [cell.place for cell in self._shape.keys]
        renamed = ", ".join(f"c{place} AS b{place}" for place in places)
        before = f"LEFT JOIN (SELECT rowid AS number, {renamed} FROM {table}) b ON b.number = r.rowid - 1"
        names = [", ".join(f"{letter}{place}" for place in places) for letter in "cb"]
        plain = [self._plain_key(cell) for cell in self._shape.keys]
        good = " AND ".join([*plain, f"(r.rowid = 1 OR ({names[0]}) > ({names[1]}))"])
        return f"SELECT 1 FROM {table} r {before} WHERE ({good}) IS NOT TRUE LIMIT 1"

    def unlike(self, table: str, ledger: str, columns: Sequence[str | None]) -> str:
        """A SELECT of the number of each row of `table` that may not be in a ledger as it is, and whether its key is there.
        The rows must not be `disordered`; `columns` of the ledger belong to the cells, None where there is none."""
        key = self._json([f"c{cell.place}" for cell in self._shape.keys])
        same = (self._same(cell, column) for cell, column in zip(self._shape.cells, columns, strict=True))
        known = " AND ".join(["l.key IS NOT NULL", *same])
        joined = f"{table} r LEFT JOIN {ledger} l ON l.key = {key}"
        return f"SELECT r.rowid, l.key IS NOT NULL FROM {joined} WHERE ({known}) IS NOT TRUE"

    def counts(self, rows: str) -> str:
        """A SELECT of how many of some rows there are, and how many have each value, if none of them is empty or marked."""
        return f"SELECT count(*){''.join(f', {self._counted(cell)}' for cell in self._shape.cells)} FROM {rows}"

    def keys(self, table: str) -> str:
        """A SELECT of the keys of rows that are not `disordered`."""
        return f"SELECT {self._json([f'c{cell.place}' for cell in self._shape.keys])} FROM {table}"

    def _same(self, cell: Cell, column: str | None) -> str:
        """Whether a cell surely has what the ledger has. A source may have a text that would be a mark in the ledger."""
        before = "NULL" if column is None else f"l.{column}"
        if cell.place is None:
            return "true" if cell.text is None else f"{before} = {_quoted(cell.text)}"
        name = f"c{cell.place}"
        plain = f"{name} = {before} AND {name} < {_quoted(CLEARED)}"
        absent = "true" if cell.text is None else f"{before} = {_quoted(cell.text)}"
        return f"CASE WHEN {name} IS NULL THEN {absent} ELSE {plain} END"

    @staticmethod
    def _counted(cell: Cell) -> str:
        if cell.text is not None:
            return "count(*)"
        return "0" if cell.place is None else f"count(c{cell.place})"

    def _json(self, keys: Sequence[str]) -> str:
        if self._postgresql:
            return "'[' || " + " || ',' || ".join(f"to_json({key})::text" for key in keys) + " || ']'"
        return f"json_array({', '.join(keys)})"

    def _key(self, cell: KeyCell) -> str:
        trimmed = self._trimmed(f"c{cell.place}")
        if not cell.address:
            return trimmed
        # Beyond ASCII databases disagree about case. lower() leaves it alone, in PostgreSQL because of the collation.
        return f'lower({trimmed} COLLATE "C")' if self._postgresql else f"lower({trimmed})"

    def _trimmed(self, name: str) -> str:
        """Without blanks of any kind around. In PostgreSQL looking for them takes longer than all the rest, so it is done only
        where the first or the last character may be one."""
        if not self._postgresql:
            return f"trim({name}, {_quoted(BLANKS)})"
        ends = " AND ".join(f"{end}({name}, 1) BETWEEN '!' AND '~'" for end in ("left", "right"))
        return f"CASE WHEN {ends} THEN {name} ELSE btrim({name}, {_quoted(BLANKS)}) END"

    def _valid_key(self, cell: KeyCell) -> str:
        name = f"c{cell.place}"
        marked = f"{name} >= {_quoted(CLEARED)} AND {name} < {_quoted(_AFTER_MARKS)}"
        plain = f"{self._trimmed(name)} <> '' AND NOT ({marked})"
        return plain if self._postgresql else f"{plain} AND {self._whole(name)}"

    @staticmethod
    def _whole(name: str) -> str:
        """Whether SQLite has a text that it sees all of."""
        return f"typeof({name}) = 'text' AND instr({name}, char(0)) = 0"

    def _plain_key(self, cell: KeyCell) -> str:
        """Whether a part of the key is staged as it is. To look for blanks of all kinds takes longer than all the rest, so the
        first and the last character are looked at before."""
        name = f"c{cell.place}"
        ends = f"{name} > ' ' AND {name} < char(127) AND substr({name}, -1) BETWEEN '!' AND '~'"
        lower = f" AND lower({name}) = {name}" if cell.address else ""
        trimmed = self._trimmed(name)
        return f"(({ends}) OR ({self._valid_key(cell)} AND {trimmed} = {name})) AND {self._whole(name)}{lower}"

    def _value(self, cell: Cell) -> str:
        if cell.place is None:
            return "NULL" if cell.text is None else _quoted(cell.text)
        value = self._plain(f"c{cell.place}")
        return value if cell.text is None else f"coalesce({value}, {_quoted(cell.text)})"

    def _plain(self, name: str) -> str:
        """The text of a column. Few texts begin with so late a character; nothing else is looked at more closely. In SQLite
        whatever is no text comes later still."""
        flaws = ", ".join(_quoted(INVALID + flaw) for flaw in sorted(FLAWS))
        marked = f"CASE WHEN {name} IN ({flaws}) THEN {name} ELSE {_quoted(INVALID + RESERVED)} END"
        close = f"WHEN {name} < {_quoted(_AFTER_MARKS)} THEN {marked} ELSE {name}"
        if not self._postgresql:
            close = f"WHEN typeof({name}) = 'blob' THEN {_quoted(INVALID + BINARY)} {close}"
        return f"CASE WHEN {name} >= {_quoted(CLEARED)} THEN CASE {close} END ELSE nullif({name}, '') END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
