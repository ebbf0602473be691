"""Where each column of a model comes from and where it goes: `reconcile explain Model/NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler import errors
from reconciler.config import closest, sqltext
from reconciler.config.load import LoadedProject
from reconciler.config.sqlproof import STUMBLES, dialect_name, prove
from reconciler.model.document import CONNECTION, MODEL, DocumentId
from reconciler.model.resources import Dialect, Model, SqlConnection, Sync
from reconciler.records.template import Template, TemplateError

PREFIX = f"{MODEL}/"


def explain(loaded: LoadedProject, topic: str) -> str:
    """`topic` is `Model/NAME`. Raises `errors.NotFound`, and `errors.ConfigInvalid` for a model that cannot be read."""
    name = topic[len(PREFIX) :]
    models = {id.name: found for id, found in loaded.resources.items() if isinstance(found, Model)}
    if name not in models:
        hint = closest.hint(name, models, "`reconcile validate` says what is wrong with documents that cannot be read")
        raise errors.NotFound(f"there is no model '{name}'", hint=hint)
    model = models[name]
    connection = loaded.resources.get(DocumentId(CONNECTION, model.connection))
    if not isinstance(connection, SqlConnection) or prove(model.query, connection.dialect).problems:
        raise errors.ConfigInvalid(
            loaded.diagnostics, f"the model '{name}' cannot be read", root=str(loaded.root), files=loaded.files
        )
    columns = prove(model.query, connection.dialect).columns
    head = f"Model/{name}: from {connection.name} ({connection.dialect}), one row for each {', '.join(model.key)}\n\n"
    uses = _uses(loaded, model, columns or ())
    named = columns if columns is not None else tuple(sorted(uses))
    rows = [
        (
            column,
            ", ".join(_sources(model.query, column, connection.dialect)) or "-",
            "; ".join(uses.get(column, ())) or "-",
        )
        for column in named
    ]
    wide = [max(len(row[at]) for row in (("column", "comes from", ""), *rows)) for at in range(3)]
    lines = [("column", "comes from", "goes to"), *rows]
    table = "".join(f"    {c:<{wide[0]}}  {s:<{wide[1]}}  {u}".rstrip() + "\n" for c, s, u in lines)
    note = (
        ""
        if columns is not None
        else "\nThe model does not name all of its columns, so only the database knows them.\n"
    )
    return head + table + note


def _sources(query: str, column: str, dialect: Dialect) -> list[str]:
    """The columns of tables that an output column is made of, as far as the query tells."""
    if whole := sqltext.whole_table(query):
        return [f"{whole}.{column}"]
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    try:
        tree = lineage(column, query, schema={}, dialect=dialect_name(dialect))
    except (SqlglotError, RecursionError, *STUMBLES):
        return []
    found = set()
    for node in tree.walk() if not isinstance(tree, dict) else ():
        if not node.downstream and isinstance(node.source, exp.Table):
            table = node.source.copy()
            table.set("alias", None)
            found.add(f"{table.sql(dialect=dialect_name(dialect), comments=False)}.{node.name.rpartition('.')[2]}")
    return sorted(found)


def _uses(loaded: LoadedProject, model: Model, named: Sequence[str]) -> Mapping[str, list[str]]:
    """What each column is used for. Its name means the same in other letter case, unless `named` has it as it is written."""
    spelled = {name.casefold(): name for name in reversed(named)} | {name: name for name in named}
    uses: dict[str, list[str]] = {}
    for sync in loaded.resources.values():
        if isinstance(sync, Sync) and sync.model == model.name:
            for column, field in _fields(sync):
                name = spelled.get(column) or spelled.setdefault(column.casefold(), column)
                uses.setdefault(name, []).append(f"{sync.object}.{field} (Sync/{sync.name})")
    return uses


def _fields(sync: Sync) -> Iterator[tuple[str, str]]:
    for field, column in sync.key.items():
        yield column, field
    for rule in sync.fields:
        if rule.column is not None:
            yield rule.column, rule.field
        elif rule.template is not None:
            try:
                columns = Template.parse(rule.template).columns
            except TemplateError:
                continue
            yield from ((column, rule.field) for column in columns)
