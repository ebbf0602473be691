"""The table of an object: what it should be, what is there, and what stands between the two. Nothing here asks a database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler import errors
from reconciler.connectors.sql.names import column_names, table_name
from reconciler.model.community import FieldDefinition, FieldType, ObjectDefinition


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How a kind of database holds values of a field: the type that we give a new column, and the types (a pattern) that an
    existing one may have without changing what is written."""

    made: str
    accepted: str

    def accepts(self, type: str) -> bool:
        return re.fullmatch(self.accepted, type, re.IGNORECASE) is not None


ColumnTypes = Mapping[FieldType, ColumnType]


def column_types(
    *,
    text: ColumnType,
    integer: ColumnType,
    number: ColumnType,
    boolean: ColumnType,
    datetime: ColumnType,
    date: ColumnType,
) -> ColumnTypes:
    """Lists are texts with semicolons, lookups are ids."""
    return {
        FieldType.STRING: text,
        FieldType.TEXT: text,
        FieldType.LIST: text,
        FieldType.LOOKUP: text,
        FieldType.INTEGER: integer,
        FieldType.NUMBER: number,
        FieldType.BOOLEAN: boolean,
        FieldType.DATETIME: datetime,
        FieldType.DATE: date,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of ours, and the field whose values it has."""

    name: str
    field: FieldDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The table that an object should have. Only the key must have a value."""

    object: str
    table: str
    key: Column
    columns: tuple[Column, ...]
    """All of them, the key included."""

    def by_field(self) -> Mapping[str, Column]:
        return {column.field.name: column for column in self.columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundColumn:
    """A column that is there. `required`: whoever inserts a row must give a value. `computed`: nobody may give one."""

    type: str
    required: bool = False
    computed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """What is there under the name of a table. `kind` is `table`, or what it is instead.

    `unique` are the columns each of which tells rows apart on its own; None where a database does not keep to such a thing.
    `rights` are those that the user lacks.
    """

    kind: str
    columns: Mapping[str, FoundColumn]
    unique: frozenset[str] | None
    rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What would be created for an object: the whole table, or columns of one that is there. Columns with their types."""

    object: str
    table: str
    whole: bool
    columns: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return self.whole or bool(self.columns)


def layout_of(definition: ObjectDefinition) -> Layout:
    """The table of an object, the same on every database. Raises `errors.RemoteRefused` where two fields share a name."""
    names = column_names(definition)
    columns = tuple(Column(name=names[field.name], field=field) for field in definition.fields)
    key = next(column for column in columns if column.field.name == definition.key)
    if key.field.type not in (FieldType.STRING, FieldType.INTEGER):
        raise errors.RemoteRefused(
            f"{definition.name} has a key that is no text and no whole number, but {key.field.type}"
        )
    return Layout(object=definition.name, table=table_name(definition.name), key=key, columns=columns)


def absent(layout: Layout, found: FoundTable | None) -> tuple[Column, ...]:
    if found is None:
        return layout.columns
    there = {name.casefold() for name in found.columns}
    return tuple(column for column in layout.columns if column.name not in there)


def missing(layout: Layout, found: FoundTable | None, types: ColumnTypes) -> Missing:
    columns = tuple((column.name, types[column.field.type].made) for column in absent(layout, found))
    return Missing(object=layout.object, table=layout.table, whole=found is None, columns=columns)


def refuse_unfit(layout: Layout, found: FoundTable | None, types: ColumnTypes, label: str) -> None:
    """Raises `errors.RemoteRefused` where what is there cannot be written to as it is: nothing of it is ever altered."""
    if found is None:
        return
    for problem, hint in _problems(layout, found, types):
        raise errors.RemoteRefused(f"{layout.table} of {label} {problem}", hint=hint)


_AWAY = "rename it, or write to another schema or database"


def _problems(layout: Layout, found: FoundTable, types: ColumnTypes) -> list[tuple[str, str]]:
    if found.kind != "table":
        return [(f"is a {found.kind}, and no table that {layout.object} could be written to", _AWAY)]
    there = {name.casefold(): column for name, column in found.columns.items()}
    problems = []
    for column in layout.columns:
        other = there.get(column.name)
        kind = types[column.field.type]
        if other is not None and other.computed:
            problems.append((f"computes its column {column.name}, which is to be written", _AWAY))
        elif other is not None and not kind.accepts(other.type):
            said = f"has a column {column.name} of type {other.type}, where {column.field.name} takes {kind.made}"
            problems.append((said, f"change the type of the column, or {_AWAY.replace('it', 'the table', 1)}"))
    ours = {column.name for column in layout.columns}
    for name, other in there.items():
        if other.required and name not in ours:
            said = f"has a column {name} that must have a value and is none of {layout.object}"
            problems.append((said, f"give the column a default, or, where the table is not meant, {_AWAY}"))
    if found.unique is not None and layout.key.name not in found.unique:
        said = f"does not keep its column {layout.key.name} unique, by which records are told apart"
        problems.append((said, f"add a primary key or a unique index on that column alone, or {_AWAY}"))
    if found.rights:
        problems.append(
            (f"may not be written by this user: {', '.join(found.rights)} is missing", "grant it to the user")
        )
    return problems
