"""The shapes of the warehouse sync: connections to a warehouse, models of its rows, and syncs of a model to an object."""

# No postponed annotations: pydantic would compile each of them again from its text.
import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes, sqltext
from reconciler.config.parts import SCHEDULE_SCHEMA, AnyKind, Name, Schedule, Secret, SortedLists, Strict, shape

MAX_KEY = 8
"""Columns that tell the rows of a model apart. What an object takes as key is less, and a matter of the rules."""

Column = Annotated[
    str, Field(min_length=1, max_length=255, description="An output column of the model.", examples=["email"])
]
FieldName = Annotated[
    str, Field(min_length=1, max_length=255, description="API name of a field at the destination.", examples=["Title"])
]
DocumentName = Annotated[
    str, shape(shapes.document_name, "E-NAME"), Field(json_schema_extra={"pattern": shapes.DOCUMENT})
]


def _one_of(*keys: str) -> JsonDict:
    """For a JSON Schema: exactly one of these keys."""
    return {"oneOf": [{"required": [key]} for key in keys]}


class SqlSpec(Strict):
    """A database. Models read it, and never write; only an import whose `to` names it writes, into tables of its own."""

    type: Literal["sql"]
    dialect: Literal["sqlite", "postgresql", "duckdb", "snowflake", "bigquery", "databricks", "redshift", "trino"] = (
        Field(description="What kind of database it is; the URL would say so, but validation does not know secrets.")
    )
    url: Annotated[Secret, Field(description="An SQLAlchemy URL, user and password included: a secret as a whole.")]
    active: bool = Field(default=True, description="false: it is neither read nor written, everything is kept.")
    statementTimeout: Annotated[
        str,
        shape(shapes.statement_timeout),
        Field(json_schema_extra={"pattern": shapes.PERIOD}),
        Field(description="How long a statement may take, 1s to 1d, where the database has such a limit."),
    ] = defaults.STATEMENT_TIMEOUT


# -- models ------------------------------------------------------------------------------------------------------------


def _query(text: str) -> str:
    normal = sqltext.normalise(text)
    if not normal.strip():
        raise shapes.Wrong("this SQL is empty", "write one SELECT")
    if len(normal.encode()) > sqltext.MAX_SQL_BYTES:
        raise shapes.Wrong("this SQL is larger than 256 KiB", "let the warehouse do the work: make a view and name it")
    return normal


class ModelSpec(Strict):
    """Rows of a warehouse, one for each key: exactly one of `sql`, `sqlFile` and `table` says which."""

    model_config = ConfigDict(json_schema_extra=_one_of("sql", "sqlFile", "table"))

    connection: Name = Field(description="A connection of type sql.")
    sql: Annotated[str, shape(_query, "E-SQL"), Field(description="One SELECT.")] | None = None
    sqlFile: (
        Annotated[
            str,
            shape(shapes.sql_file, "E-PATH"),
            Field(description="A file with one SELECT, from the folder of this document.", examples=["users.sql"]),
            Field(json_schema_extra={"pattern": r"\.sql$"}),
        ]
        | None
    ) = None
    table: (
        Annotated[
            str,
            shape(shapes.table),
            Field(description="A table or view, as the database names it.", examples=["analytics.users"]),
            Field(json_schema_extra={"pattern": shapes.TABLE}),
        ]
        | None
    ) = None
    key: list[Column] = Field(min_length=1, max_length=MAX_KEY, description="Columns that tell the rows apart.")
    cursor: Column | None = Field(
        default=None,
        description="A column that grows whenever a row changes: most cycles then read only the rows that it gives away.",
    )
    fullEvery: int = Field(
        default=defaults.FULL_EVERY,
        ge=1,
        le=10_000,
        description="With a cursor: every n-th cycle reads and compares everything nevertheless.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        said = [key for key in ("sql", "sqlFile", "table") if getattr(self, key) is not None]
        if len(said) != 1:
            found = f"; here are {' and '.join(said)}" if said else ""
            at = {"at": said[-1]} if said else {}
            raise PydanticCustomError(
                "E-QUERY", "a model has exactly one of sql, sqlFile and table{found}", {"found": found, **at}
            )
        if len(set(self.key)) != len(self.key):
            raise PydanticCustomError(
                "E-VALUE", "the key names a column twice", {"hint": "keep one of the two", "at": "key"}
            )
        if self.cursor is None and "fullEvery" in self.model_fields_set:
            why = "`fullEvery` is for models with a `cursor`; others are always read whole"
            raise PydanticCustomError("E-VALUE", why, {"hint": "remove it", "at": "fullEvery"})
        return self


class Model(AnyKind):
    """Rows of a warehouse as one SELECT says them."""

    kind: Literal["Model"]
    spec: ModelSpec


# -- syncs -------------------------------------------------------------------------------------------------------------


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise PydanticCustomError(
        "E-TYPE", "text, a number, true or false is expected here", {"hint": "write one value; quote it if it is text"}
    )


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]


class FieldSpec(Strict):
    """How one field of the object gets its value: exactly one of `column`, `constant` and `template` says from what."""

    model_config = ConfigDict(json_schema_extra=_one_of("column", "constant", "template"))

    field: FieldName
    column: Column | None = None
    constant: Scalar | None = Field(default=None, description="The same value for every row.")
    template: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        default=None,
        description="Text with columns in braces, and filters after a bar: {first|trim} {last|trim|upper}.",
    )
    whenNull: Literal["keep", "clear", "default"] = Field(
        default=defaults.WHEN_NULL,
        description="What a null means: keep what is there, clear the field, or write `default`.",
    )
    default: Scalar | None = Field(default=None, description="With whenNull: default, what is written for a null.")
    setIfEmpty: bool = Field(default=False, description="true: fill the field where it is empty, never overwrite it.")
    lookup: FieldName | None = Field(
        default=None,
        description="For a lookup field: the field of the other object that the value names, such as Email.",
    )
    owner: bool = Field(
        default=False,
        description="true: of several documents that write this field, this one overwrites; the others have setIfEmpty.",
    )

    @model_validator(mode="after")
    def _clear_how(self) -> Self:
        if wrong := self._wrong():
            raise PydanticCustomError("E-FIELD-RULE", "{why}", {"why": wrong[0], "hint": wrong[1]})
        return self

    def _wrong(self) -> tuple[str, str] | None:
        """What does not go together, with a hint."""
        said = [key for key in ("column", "constant", "template") if getattr(self, key) is not None]
        if len(said) != 1:
            found = f"; here are {' and '.join(said)}" if said else ""
            return f"a field has exactly one of column, constant and template{found}", "write `column: NAME`"
        if (self.whenNull == "default") != (self.default is not None):
            return "`whenNull: default` and `default` stand together", "write both, or neither"
        if self.constant is not None and self.whenNull != "keep":
            return "a constant is never null", "remove `whenNull`"
        if self.setIfEmpty and self.whenNull == "clear":
            return "a field that is only filled where it is empty is never cleared", "remove one of the two"
        if self.setIfEmpty and self.owner:
            return "the owner of a field overwrites it", "remove `setIfEmpty` or `owner`"
        return None


class ModelEnd(Strict):
    """Where the rows come from."""

    model: Name = Field(description="A document of kind Model.")


class ObjectEnd(Strict):
    """Where they go."""

    connection: Name = Field(description="A connection of type gainsight-cs.")
    object: str = Field(
        min_length=1,
        max_length=255,
        description="Person, Company, Company Person, Relationship Person, or a custom object of low volume.",
        examples=["Company Person"],
    )


class SyncSpec(Strict):
    """A flow from a model to one object of Gainsight CS."""

    from_: ModelEnd = Field(alias="from", description="Where the rows come from.")
    to: ObjectEnd = Field(description="Where they go.")
    behavior: Literal["update-or-create", "update-only"] = Field(
        description="What becomes of a row whose key is not there yet. No row is ever deleted."
    )
    key: dict[FieldName, Column] = Field(
        min_length=1,
        description="What a record is found by: fields of the object, and the column that each comes from.",
        examples=[{"Person Email": "email", "Company Name": "company"}],
    )
    fields: list[FieldSpec] = Field(min_length=1, description="What is written.")
    schedule: Annotated[Schedule, WithJsonSchema(SCHEDULE_SCHEMA)] | None = Field(
        default=None,
        description="When a cycle is due. Without one it runs by hand, after others, or when it is applied.",
    )
    after: list[DocumentName] = Field(
        default=[],
        max_length=20,
        description="Documents after which a cycle runs: when each has succeeded since the last one.",
        examples=[["companies"]],
    )
    runOnApply: bool = Field(
        default=False, description="true: a cycle is due as soon as this document is new or changed."
    )
    suspend: bool = Field(default=False, description="true: no cycle starts until this is false again; data stays.")


class Sync(AnyKind):
    """Keeps records of Gainsight CS equal to the rows of a model."""

    sorted_lists: ClassVar[SortedLists] = {"fields": lambda item: (item.field, str(item.column), str(item.template))}

    kind: Literal["Sync"]
    spec: SyncSpec
