"""Lookups: attributes that hold the id of another record. The catalog says which; the standard ones are known without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.facts import Facts, Finding, Line
from reconciler.model.catalog import CatalogField, DataType

STANDARD: Mapping[str, str] = {
    "Person_ID": "a person",
    "Company_ID": "a company",
    "Manager": "another person",
    "CreatedBy": "a user",
    "ModifiedBy": "a user",
    "ParentCompany": "a company",
    "Csm": "a user",
    "CurrentScore": "a score",
    "PreviousScore": "a score",
    "ScorecardId": "a scorecard",
}
"""Lookups that every tenant has on Person, Company Person or Company, and what they point to.

Names of a tenant's own attributes end with `__gc`, so none of them can be called like this.
"""

_BY_FOLD = {name.casefold(): name for name in STANDARD}


def standard(name: str) -> str | None:
    """What a standard lookup of this name is properly called, letter case aside."""
    return _BY_FOLD.get(name.casefold())


def is_lookup(field: CatalogField) -> bool:
    """The catalog's verdict; and some tenants describe standard lookups as plain ids."""
    return field.lookup or (field.data_type is DataType.GSID and standard(field.name) is not None)


def check(facts: Facts) -> Iterator[Finding]:
    hint = "map an attribute that holds the value itself"
    for line in facts.lines:
        if message := _refused(facts, line):
            yield Finding(line.place("attribute"), message, hint)


def _refused(facts: Facts, line: Line) -> str | None:
    name = line.mapping.attribute
    if "__gr." in name:
        return f"'{name}' is a path through a lookup, and lookups cannot be mapped"
    known = facts.described(line)
    field = known.fields.get(name) if known else None
    if field is not None and not is_lookup(field):
        return None
    found = standard(name)
    if field is not None and field.lookup:
        why = f": {field.lookup_reason}" if field.lookup_reason else ""
    elif found is not None:
        why = f": {found} points to {STANDARD[found]}"
    else:
        return None
    return f"'{name}' is a lookup, and lookups cannot be mapped{why}"
