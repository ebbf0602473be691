"""The SQL that compares a stage with a ledger, in one statement for either database: value by value, or record by record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.state.ledger import Ledger


def table(name: str) -> str:
    """Temporary tables hide real ones of the same name, so theirs are told apart."""
    return f"ws_{name}"


def _befores(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> Mapping[int, str]:
    """The ledger's column for each chosen place, or NULL where nothing was ever written."""
    return {
        place: f"l.{ledger.columns[items[place]]}" if ledger.table and items[place] in ledger.columns else "NULL"
        for place in chosen
    }


def _joined(ledger: Ledger) -> str:
    return f"{table('stage')} s" + (f" LEFT JOIN {ledger.table} l ON l.key = s.key" if ledger.table else "")


def values_differing(ledger: Ledger, items: Sequence[str], chosen: Sequence[int], *, postgresql: bool) -> str:
    """Fills `changes` with a row for each value that differs."""
    return (_values_postgresql if postgresql else _values_sqlite)(ledger, items, chosen)


def records_differing(ledger: Ledger, items: Sequence[str], *, postgresql: bool) -> str:
    """Fills `changes` with a row for each record that differs: what is new in it, and what was there before."""
    other = "IS DISTINCT FROM" if postgresql else "IS NOT"
    befores = _befores(ledger, items, range(len(items)))
    differs = {p: f"s.c{p} {other} {before} AND s.c{p} IS NOT NULL" for p, before in befores.items()}
    values = ", ".join(f"CASE WHEN {differs[p]} THEN s.c{p} END" for p in befores)
    before = ", ".join(f"CASE WHEN {differs[p]} THEN {before} END" for p, before in befores.items())
    columns = ", ".join(f"{kind}{p}" for kind in "vb" for p in befores)
    changed = " OR ".join(f"({condition})" for condition in differs.values())
    return (
        f"INSERT INTO {table('changes')} (key, label, {columns}) SELECT s.key, s.label, {values}, {before} "
        f"FROM {_joined(ledger)} WHERE {changed} ORDER BY s.key"
    )


def _values_sqlite(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> str:
    """Both tables are clustered by key: one walk over `stage`, with a cheap step in the ledger beside it.

    The inner query leaves only records with a change, so that taking them apart costs what the changes cost.
    """
    before = _befores(ledger, items, chosen)
    changed = " OR ".join(f"(s.c{p} IS NOT {before[p]} AND s.c{p} IS NOT NULL)" for p in chosen)
    pairs = ", ".join(f"s.c{p} AS s{p}, {before[p]} AS l{p}" for p in chosen)
    numbers = ", ".join(f"({p})" for p in chosen)

    def of_each(cell: str) -> str:
        return "CASE u.column1 " + " ".join(f"WHEN {p} THEN {cell.replace('#', str(p))}" for p in chosen) + " END"

    return (
        f"INSERT INTO {table('changes')} (key, label, item, before, value) "
        f"SELECT d.key, d.label, u.column1, {of_each('d.l#')}, {of_each('d.s#')} "
        f"FROM (SELECT s.key, s.label, {pairs} FROM {_joined(ledger)} WHERE {changed} ORDER BY s.key) d "
        f"CROSS JOIN (VALUES {numbers}) u WHERE {of_each('d.s# IS NOT d.l# AND d.s# IS NOT NULL')}"
    )


def _values_postgresql(ledger: Ledger, items: Sequence[str], chosen: Sequence[int]) -> str:
    before = _befores(ledger, items, chosen)
    changed = " OR ".join(f"(s.c{p} IS DISTINCT FROM {before[p]} AND s.c{p} IS NOT NULL)" for p in chosen)
    rows = ", ".join(f"({p}, {before[p]}::text, s.c{p})" for p in chosen)
    return (
        f"INSERT INTO {table('changes')} (key, label, item, before, value) "
        f"SELECT s.key, s.label, u.item, u.before, u.value FROM {_joined(ledger)} "
        f"CROSS JOIN LATERAL (VALUES {rows}) u (item, before, value) "
        f"WHERE ({changed}) AND u.value IS NOT NULL AND u.value IS DISTINCT FROM u.before ORDER BY s.key, u.item"
    )
