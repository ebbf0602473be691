"""Lookups on write: helper columns of a record find the record that a lookup attribute shall point at."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.cs import envelope
from reconciler.sandbox.cs.fields import FieldDef, ObjectDef
from reconciler.sandbox.router import Call

MULTI = ("FIRSTMATCH", "MARKASERROR")
NO_MATCH = ("NULLABLE", "DEFAULTVALUE", "ERROR")


class Lookup:
    """One entry of `lookups`, checked once and applied to every record."""

    def __init__(self, call: Call, item: ObjectDef, name: str, given: Any) -> None:
        field = item.find(name)
        target = call.world.catalog.find(str(given.get("objectName", ""))) if isinstance(given, dict) else None
        if field is None or target is None or not isinstance(given.get("fields"), dict) or not given["fields"]:
            raise envelope.refuse("GSOBJ_1002", f"Invalid lookup configuration ({name[:80]})")
        self.field: FieldDef = field
        self._store = call.world.store
        self._target = target
        self.helpers = {str(column): _known(target, str(name)) for column, name in given["fields"].items()}
        self._result = _known(target, str(given.get("lookupField", "Gsid")))
        self._multi = _choice(given, "multiMatchOption", "FIRSTMATCH", MULTI)
        self._none = _choice(given, "onNoMatch", "ERROR", NO_MATCH)

    def apply(self, record: dict[str, Any]) -> str | None:
        """Replace the helper columns by the found value; an error text when it cannot be found."""
        wanted = {field.name: record.pop(column, None) for column, field in self.helpers.items()}
        if all(value is None for value in wanted.values()):
            return None
        tests = " AND ".join(f'"{name}" IS ?' for name in wanted)
        sql = f'SELECT "{self._result.name}" FROM {self._target.table} WHERE {tests} ORDER BY "Gsid" LIMIT 2'
        params = [value if isinstance(value, str | int | float) else str(value) for value in wanted.values()]
        found = self._store.tuples(sql, params)
        if not found and self._none == "ERROR":
            return "No match found for the lookup"
        if len(found) > 1 and self._multi == "MARKASERROR":
            return "Multiple matches found for the lookup"
        record[self.field.name] = found[0][0] if found else None
        return None


def parse(call: Call, item: ObjectDef, given: object) -> list[Lookup]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise envelope.refuse("GSOBJ_1002", "lookups must be an object")
    return [Lookup(call, item, str(name), entry) for name, entry in given.items()]


def _known(target: ObjectDef, name: str) -> FieldDef:
    found = target.find(name)
    if found is None:
        raise envelope.refuse("GSOBJ_1002", f"Invalid lookup configuration ({name[:80]})")
    return found


def _choice(given: dict[str, Any], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name) or default
    if value not in allowed:
        raise envelope.refuse("GSOBJ_1002", f"{name} must be {' or '.join(allowed)}")
    return str(value)
