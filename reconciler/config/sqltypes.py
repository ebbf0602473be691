"""What kind of value an output column holds, where the query itself says so: casts, comparisons, counts, dates of today."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from reconciler.config.sqlproof import STUMBLES, dialect_name
from reconciler.model.resources import Dialect


class Kind(StrEnum):
    """Kinds of values that can be told apart from all others. Texts may hold anything, so they are none of these."""

    BOOLEAN = "true or false"
    DATE = "a date"
    NUMBER = "a number"


def kinds(query: str, dialect: Dialect) -> Mapping[str, Kind]:
    """The columns whose kind is certain, by case-folded name, of a query that has been proven.

    SQLite has types of values, not of columns, so nothing is certain there.
    """
    if dialect is Dialect.SQLITE:
        return {}
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.annotate_types import annotate_types

    name = dialect_name(dialect)
    try:
        tree = annotate_types(parse_one(query, read=name), dialect=name)
    except (SqlglotError, RecursionError, *STUMBLES):
        return {}
    found: dict[str, Kind] = {}
    for output in tree.selects if isinstance(tree, exp.Select) else ():
        kind = _kind(output.type)
        if kind is not None and output.alias_or_name:
            found[output.alias_or_name.casefold()] = kind
    return found


def _kind(known: object) -> Kind | None:
    from sqlglot import exp

    if not isinstance(known, exp.DataType):
        return None
    if known.this == exp.DataType.Type.BOOLEAN:
        return Kind.BOOLEAN
    if known.this in exp.DataType.TEMPORAL_TYPES:
        return Kind.DATE
    return Kind.NUMBER if known.this in exp.DataType.NUMERIC_TYPES else None
