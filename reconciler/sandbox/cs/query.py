"""The data query API: flat rows, lookups followed by path, at most 5,000 a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.sandbox.cs import describe, envelope
from reconciler.sandbox.cs.fields import UNSORTABLE, FieldDef, ObjectDef
from reconciler.sandbox.cs.paths import Column, Paths
from reconciler.sandbox.cs.where import Where
from reconciler.sandbox.http import Response
from reconciler.sandbox.router import Call
from reconciler.sandbox.switches import Switches

MOST_ROWS = 5_000
MOST_SELECTED = 200
MOST_ORDERED = 10
LARGEST_OFFSET = 2**53


def query(call: Call) -> Response:
    item = readable(call, call.params[0])
    body = call.request.json()
    if not isinstance(body, dict):
        raise envelope.refuse("GSOBJ_1002", "The query must be an object.")
    rows = run(call, item, body)
    return _answer(rows, call.world.switches)


def readable(call: Call, name: str) -> ObjectDef:
    """An object the data API knows. High volume objects are described, but answer here as if they were not there."""
    found = call.world.catalog.find(name)
    if found is None or not found.queryable:
        raise describe.not_found(call)
    return found


def run(call: Call, item: ObjectDef, body: dict[str, Any]) -> list[dict[str, Any]]:
    switches = call.world.switches
    paths = Paths(catalog=call.world.catalog, root=item)
    selected = _select(paths, body.get("select"))
    condition, params = Where(paths, switches.string_match == "ignore_case").compile(body.get("where"))
    order = _order(paths, body.get("orderBy"))
    limit = _whole(body, "limit", MOST_ROWS, MOST_ROWS)
    offset = _whole(body, "offset", 0, LARGEST_OFFSET)
    columns = ", ".join(column.sql for column in selected.values())
    where = f" WHERE {condition}" if condition else ""
    sql = f"SELECT {columns} {paths.from_clause()}{where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = call.world.store.tuples(sql, [*params, limit, offset])
    return _named(rows, selected, switches)


def _select(paths: Paths, select: object) -> dict[str, Column]:
    """Columns by the text they were asked for: answers echo the request's own spelling."""
    if not isinstance(select, list) or not 0 < len(select) <= MOST_SELECTED:
        raise envelope.refuse("GSOBJ_1002", f"Please add 1 to {MOST_SELECTED} fields in the select clause")
    return {str(path): paths.column(path) for path in select}


def _order(paths: Paths, order: object) -> str:
    """GSID comes last in every order, so that pages by offset do not overlap while nothing changes."""
    if order is not None and (not isinstance(order, dict) or len(order) > MOST_ORDERED):
        raise envelope.refuse("GSOBJ_1002", f"orderBy must name at most {MOST_ORDERED} fields with asc or desc")
    parts: list[str] = []
    for path, direction in (order or {}).items():
        column = paths.column(path)
        if str(direction).lower() not in ("asc", "desc") or column.field.type in UNSORTABLE:
            raise envelope.refuse("GSOBJ_1002", f"Cannot order by {str(path)[:200]} {str(direction)[:20]}")
        parts.append(f"{column.sql} {str(direction).upper()}")
    if not any(part.startswith('t."Gsid"') for part in parts):
        parts.append('t."Gsid" ASC')
    return ", ".join(parts)


def _whole(body: dict[str, Any], name: str, default: int, most: int) -> int:
    value = body.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise envelope.refuse("GSOBJ_1008", f"{name} must be a whole number from 0 to {most}")
    return value


def _named(
    rows: list[tuple[Any, ...]], selected: dict[str, Column], switches: Switches
) -> list[dict[str, Any]]:  # fmt: skip
    names = list(selected)
    converters = [(n, _reader(column.field, switches)) for n, column in enumerate(selected.values())]
    active = [(names[n], convert) for n, convert in converters if convert is not None]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    for name, convert in active:
        for record in records:
            if record[name] is not None:
                record[name] = convert(record[name])
    return records


def _reader(field: FieldDef, switches: Switches) -> Callable[[Any], Any] | None:
    """How a stored value leaves, where it differs from how it is stored."""
    if field.type == "BOOLEAN":
        return bool
    if field.type == "MULTISELECTDROPDOWNLIST" and switches.multiselect_read == "label":
        labels = {option.gsid: option.label for option in field.options}
        return lambda text: ";".join(labels.get(item, item) for item in text.split(";"))
    return None


def _answer(rows: list[dict[str, Any]], switches: Switches) -> Response:
    if not rows and switches.empty == "result_false":
        return envelope.error(200, "GSOBJ_1XXX", "No data found for given criteria")
    if not rows and switches.empty == "400":
        return envelope.error(400, "GSOBJ_1011", "No entity matches the given criteria")
    return envelope.ok(rows if switches.read_shape == "list" else {"records": rows})


def whole_record(call: Call, item: ObjectDef, gsid: str) -> dict[str, Any] | None:
    """Every attribute of one record."""
    condition = {"name": "Gsid", "alias": "A", "operator": "EQ", "value": [gsid]}
    found = run(call, item, {"select": list(item.fields), "where": {"conditions": [condition]}, "limit": 1})
    return found[0] if found else None
