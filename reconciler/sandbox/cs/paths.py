"""Field paths such as `Company_ID__gr.csm__gr.name`, resolved to SQL columns and the joins they need."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.sandbox.cs import envelope
from reconciler.sandbox.cs.catalog import Catalog
from reconciler.sandbox.cs.fields import FieldDef, ObjectDef

DEEPEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An addressable value: the SQL expression and the field that types it."""

    sql: str
    field: FieldDef


@dataclass(slots=True, kw_only=True)
class Paths:
    """Collects one LEFT JOIN per distinct lookup step while paths are resolved."""

    catalog: Catalog
    root: ObjectDef
    joins: dict[tuple[str, ...], str] = field(default_factory=dict)

    def column(self, path: object) -> Column:
        """The column of a path, whatever its case. Refuses names the object does not have."""
        if not isinstance(path, str) or not path:
            raise envelope.refuse("GSOBJ_1002", "Invalid field, please re-check data mapping")
        *steps, last = path.split(".")
        if len(steps) > DEEPEST:
            raise _unknown(path)
        item, alias = self.root, "t"
        taken: tuple[str, ...] = ()
        for step in steps:
            lookup = item.follow(step)
            if lookup is None:
                raise _unknown(path)
            taken = (*taken, lookup.name.lower())
            target = self.catalog.target(lookup)
            alias = self._join(taken, alias, lookup, target)
            item = target
        found = item.find(last)
        if found is None:
            raise _unknown(path)
        return Column(sql=f'{alias}."{found.name}"', field=found)

    def _join(self, taken: tuple[str, ...], parent: str, lookup: FieldDef, target: ObjectDef) -> str:
        known = list(self.joins)
        if taken in self.joins:
            return f"j{known.index(taken)}"
        alias = f"j{len(known)}"
        self.joins[taken] = f'LEFT JOIN {target.table} {alias} ON {alias}."Gsid" = {parent}."{lookup.name}"'
        return alias

    def from_clause(self) -> str:
        return " ".join([f"FROM {self.root.table} t", *self.joins.values()])


def _unknown(path: str) -> Exception:
    return envelope.refuse("GSOBJ_1002", f"Invalid field, please re-check data mapping ({path[:200]})")
