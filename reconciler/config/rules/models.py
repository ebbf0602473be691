"""Rules about models: what a query may be, and that its columns are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.config.facts import Facts, Finding, Place
from reconciler.config.rules import examples
from reconciler.config.rules.base import Check, Example, Rule
from reconciler.model.diagnostic import Severity
from reconciler.model.document import MODEL, DocumentId
from reconciler.records.template import Template, TemplateError


def _sql(code: str) -> Check:
    def check(facts: Facts) -> Iterator[Finding]:
        for name, problems in facts.sql.items():
            for wrong in problems:
                if wrong.code == code:
                    place = facts.models[name].entry.sql_place(wrong.line, wrong.column, wrong.length)
                    yield Finding(place, wrong.message, wrong.hint)

    return check


def _models(facts: Facts) -> Iterator[Finding]:
    if not facts.complete:
        return
    for typed in facts.syncs:
        name = typed.resource.model
        if name not in facts.models and DocumentId(MODEL, name) not in facts.doubtful:
            hint = facts.suggest(name, facts.models, "declare a document of kind Model with this name")
            yield Finding(typed.entry.place("spec", "from", "model"), f"there is no model '{name}'", hint)


def _columns(facts: Facts) -> Iterator[Finding]:
    for model, place, column in _named(facts):
        typed = facts.models.get(model)
        if typed is None or typed.resource.columns is None or DocumentId(MODEL, model) in facts.doubtful:
            continue
        if column.casefold() not in {known.casefold() for known in typed.resource.columns}:
            hint = facts.suggest(column, typed.resource.columns, "add it to the SELECT, or name it with AS")
            yield Finding(place, f"the model '{model}' has no output column '{column}'", hint)


def _keys(facts: Facts) -> Iterator[Finding]:
    """A part of what tells the rows apart does not. Of other columns nobody knows whether they do."""
    for typed in facts.syncs:
        sync = typed.resource
        model = facts.models.get(sync.model)
        if model is None or DocumentId(MODEL, sync.model) in facts.doubtful:
            continue
        used = {column.casefold() for column in sync.key.values()}
        left_out = [column for column in model.resource.key if column.casefold() not in used]
        if left_out and used <= {column.casefold() for column in model.resource.key}:
            columns = " and ".join(left_out)
            message = f"the rows of '{sync.model}' are told apart by {columns}, too, so several may have this key"
            hint = "rows that say the same are one, others are rejected; if this key is enough, write it as the key of the model"
            yield Finding(typed.entry.place("spec", "key", key=True), message, hint)


def _named(facts: Facts) -> Iterator[tuple[str, Place, str]]:
    """Every column that is named somewhere: the model, where, and the name."""
    for name, typed in facts.models.items():
        for at, column in enumerate(typed.resource.key):
            yield name, typed.entry.place("spec", "key", at), column
        if typed.resource.cursor is not None:
            yield name, typed.entry.place("spec", "cursor"), typed.resource.cursor
    for synced in facts.syncs:
        for field, column in synced.resource.key.items():
            yield synced.resource.model, synced.entry.place("spec", "key", field), column
    for line in facts.writes:
        if line.rule.column is not None:
            yield line.sync.model, line.place("column"), line.rule.column
        for column in _template_columns(line.rule.template):
            yield line.sync.model, line.place("template"), column


def _template_columns(text: str | None) -> Sequence[str]:
    try:
        return Template.parse(text).columns if text is not None else ()
    except TemplateError:
        return ()  # E-TEMPLATE says so.


def _model(query: str) -> Example:
    return Example(text=examples.model(query), files={"config/warehouse.yaml": examples.WAREHOUSE})


def _block(*lines: str) -> str:
    return "sql: |\n" + "".join(f"    {line}\n" for line in lines).rstrip("\n")


_GOOD = _model(_block("SELECT name, stage", "FROM crm.accounts"))

RULES = (
    Rule(
        code="E-QUERY",
        title="a model has no query, or several",
        why="A model is the rows of one query: a SELECT in the document, a SELECT in a file beside it, or a whole table or view.",
        fix="Write exactly one of `sql`, `sqlFile` and `table`.",
        bad=_model("sql: SELECT name FROM crm.accounts\n  table: crm.accounts"),
        good=_model("table: crm.accounts"),
    ),
    Rule(
        code="E-SQL",
        title="the SQL of a model is not one statement that can be understood",
        why="What runs is what was reviewed: one SELECT, written out. Templates and parameters would be filled in by nobody, "
        "and of several statements only one could be the rows. The SQL is read in the dialect that the connection names.",
        fix="Write one SELECT as the database takes it.",
        bad=_model(_block("SELECT name, stage", "FROM crm.accounts WHERE region = '{{ region }}'")),
        good=_GOOD,
        check=_sql("E-SQL"),
    ),
    Rule(
        code="E-SQL-READ-ONLY",
        title="the SQL of a model does more than read",
        why="A model only reads. Statements that write or lock are refused wherever they stand in it, and so are functions that "
        "are known to do more than compute: those that wait, take locks, move sequences, change settings, read files or talk to "
        "other systems. Functions that nobody knows here are let through; the session that runs the query is read only, too.",
        fix="Take it out of the query. What has to be prepared is prepared in the warehouse, where it belongs.",
        bad=_model(_block("WITH gone AS (DELETE FROM crm.accounts RETURNING name)", "SELECT name FROM gone")),
        good=_GOOD,
        check=_sql("E-SQL-READ-ONLY"),
    ),
    Rule(
        code="E-MODEL",
        title="there is no such model",
        why="A sync takes its rows from a document of kind Model.",
        fix="Correct the name, or declare the model.",
        bad=Example(text=examples.sync().replace("{model: accounts}", "{model: acounts}"), files=examples.MODELS),
        good=Example(text=examples.sync(), files=examples.MODELS),
        check=_models,
    ),
    Rule(
        code="E-COLUMN",
        title="the model has no such column",
        why="Keys and fields come from output columns of the model. Which those are is read from its SELECT. After `SELECT *`, "
        "and of expressions without a name, only the database knows, and it is asked when a cycle begins.",
        fix="Correct the name, or add the column to the SELECT.",
        bad=Example(text=examples.sync("column: stag, field: Stage"), files=examples.MODELS),
        good=Example(text=examples.sync("column: stage, field: Stage"), files=examples.MODELS),
        check=_columns,
    ),
    Rule(
        code="W-SYNC-KEY",
        severity=Severity.WARNING,
        title="several rows of the model may have the key of a sync",
        why="The key of a model says what tells its rows apart. A sync that leaves a part of it out may find several rows for "
        "one record. Rows that say the same of it are one; those that do not are rejected (`key-conflict`), because nobody can "
        "know which of them is right.",
        fix="Put the missing column into the key of the sync; or, where the shorter key is enough, into no key: the key of the "
        "model is then the shorter one. A model of its own with SELECT DISTINCT makes one row of several.",
        bad=Example(
            text=examples.sync(), files={**examples.MODELS, "config/accounts.yaml": examples.model(key="[name, email]")}
        ),
        good=Example(text=examples.sync(), files=examples.MODELS),
        check=_keys,
    ),
)
