"""The where clause of a query: conditions by alias, and the expression that joins them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reconciler.sandbox.cs import envelope, values
from reconciler.sandbox.cs.fields import DATED, NUMERIC, FieldDef
from reconciler.sandbox.cs.paths import Column, Paths

MOST_CONDITIONS = 100
MOST_VALUES = 1_000
LONGEST_EXPRESSION = 4_000
TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9_]+)")
COMPARISONS = {"EQ": "=", "NE": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
SqlPart = tuple[str, list[Any]]


class Where:
    """Compiles a where object to SQL with parameters; every refusal is an error answer."""

    def __init__(self, paths: Paths, ignore_case: bool) -> None:
        self._paths = paths
        self._ignore_case = ignore_case

    def compile(self, where: object) -> SqlPart:
        if where is None or where == {}:
            return "", []
        conditions = where.get("conditions") if isinstance(where, dict) else None
        if (
            not isinstance(where, dict)
            or not isinstance(conditions, list)
            or not 0 < len(conditions) <= MOST_CONDITIONS
        ):
            raise _bad(f"where needs 1 to {MOST_CONDITIONS} conditions")
        by_alias: dict[str, SqlPart] = {}
        for at, condition in enumerate(conditions):
            if not isinstance(condition, dict):
                raise _bad("a condition must be an object")
            alias = str(condition.get("alias") or chr(ord("A") + at))
            if alias.upper() in ("AND", "OR"):
                raise _bad("an alias cannot be AND or OR")
            by_alias[alias] = self._condition(condition)
        return _join(by_alias, where.get("expression"))

    def _condition(self, condition: dict[str, Any]) -> SqlPart:
        column = self._paths.column(condition.get("name"))
        operator = str(condition.get("operator", "")).upper()
        given = condition.get("value")
        listed = given if isinstance(given, list) else [] if given is None else [given]
        if len(listed) > MOST_VALUES:
            raise _bad(f"at most {MOST_VALUES} values in a condition")
        build = _OPERATORS.get(operator)
        if build is None:
            raise _bad(f"unknown operator {operator[:40]!r}")
        if operator not in ("IS_NULL", "IS_NOT_NULL") and not listed:
            raise _bad(f"operator {operator} needs a value")
        column = self._cased(column)
        return build(operator, column, [filter_value(column.field, value) for value in listed])

    def _cased(self, column: Column) -> Column:
        if self._ignore_case and column.field.type in ("STRING", "EMAIL", "URL"):
            return Column(sql=f"{column.sql} COLLATE NOCASE", field=column.field)
        return column


def filter_value(field: FieldDef, value: Any) -> Any:
    """A condition's value in stored form; a picklist may be named by label or GSID."""
    if isinstance(value, dict | list):
        raise _bad(f"a value of {field.name} must be plain")
    if field.options:
        option = field.option(str(value))
        return option.gsid if option else str(value)
    if field.type in DATED or field.type in NUMERIC or field.type == "BOOLEAN":
        try:
            return values.coerce(field, value)
        except values.Invalid as error:
            raise envelope.refuse(error.code, error.text) from error
    return None if value is None else str(value)


def _compare(operator: str, column: Column, given: list[Any]) -> SqlPart:
    if given[0] is None:
        return f"{column.sql} IS {'NOT ' if operator == 'NE' else ''}NULL", []
    return f"{column.sql} {COMPARISONS[operator]} ?", given[:1]


def _between(_: str, column: Column, given: list[Any]) -> SqlPart:
    if len(given) != 2:
        raise _bad("BTW needs two values")
    return f"{column.sql} BETWEEN ? AND ?", given


def _null(operator: str, column: Column, _: list[Any]) -> SqlPart:
    return f"{column.sql} {'IS NULL' if operator == 'IS_NULL' else 'IS NOT NULL'}", []


def _among(operator: str, column: Column, given: list[Any]) -> SqlPart:
    if column.field.type == "MULTISELECTDROPDOWNLIST":
        return _includes("INCLUDES" if operator == "IN" else "EXCLUDES", column, given)
    marks = ",".join("?" * len(given))
    return f"{column.sql} {'NOT ' if operator == 'NOT_IN' else ''}IN ({marks})", given


def _includes(operator: str, column: Column, given: list[Any]) -> SqlPart:
    """Items inside a joined multi-select; on any other type the plain list operators."""
    if column.field.type != "MULTISELECTDROPDOWNLIST":
        return _among("IN" if operator == "INCLUDES" else "NOT_IN", column, given)
    some = " OR ".join([f"instr(';' || {column.sql} || ';', ?)"] * len(given))
    params = [f";{value};" for value in given]
    if operator == "EXCLUDES":
        return f"({column.sql} IS NULL OR NOT ({some}))", params
    return f"({some})", params


def _text(operator: str, column: Column, given: list[Any]) -> SqlPart:
    folded = column.sql.endswith("NOCASE")
    sql = f"lower({column.sql})" if folded else column.sql
    text = str(given[0]).lower() if folded else str(given[0])
    if operator == "STARTS_WITH":
        return f"substr({sql}, 1, ?) = ?", [len(text), text]
    if operator == "ENDS_WITH":
        return (f"substr({sql}, -?) = ?", [len(text), text]) if text else ("1", [])
    return f"instr({sql}, ?) {'= 0' if operator == 'DOES_NOT_CONTAINS' else '> 0'}", [text]


_OPERATORS: dict[str, Callable[[str, Column, list[Any]], SqlPart]] = {
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys(("IN", "NOT_IN"), _among),
    **dict.fromkeys(("INCLUDES", "EXCLUDES"), _includes),
    **dict.fromkeys(("CONTAINS", "DOES_NOT_CONTAINS", "STARTS_WITH", "ENDS_WITH"), _text),
    **dict.fromkeys(("IS_NULL", "IS_NOT_NULL"), _null),
    "BTW": _between,
}


def _join(by_alias: dict[str, SqlPart], expression: object) -> SqlPart:
    """AND and OR bind as in SQL, so the checked tokens become SQL one by one; without an expression all must hold."""
    text = " AND ".join(by_alias) if expression in (None, "") else expression
    if not isinstance(text, str) or len(text) > LONGEST_EXPRESSION:
        raise _bad("expression must be a short text")
    sql: list[str] = []
    params: list[Any] = []
    depth, wants_operand = 0, True
    for token in _tokens(text):
        upper = token.upper()
        if wants_operand and token == "(":  # noqa: S105 - a parenthesis
            depth += 1
        elif not wants_operand and token == ")" and depth:  # noqa: S105
            depth -= 1
        elif not wants_operand and upper in ("AND", "OR"):
            wants_operand = True
        elif wants_operand and token in by_alias:
            params.extend(by_alias[token][1])
            wants_operand = False
        else:
            raise _bad(f"expression does not fit its conditions near {token[:40]!r}")
        sql.append(f"({by_alias[token][0]})" if token in by_alias else token)
    if depth or wants_operand or len(sql) > LONGEST_EXPRESSION:
        raise _bad("expression is not complete")
    return " ".join(sql), params


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise _bad("expression holds characters that are no alias, AND, OR or parenthesis")
        tokens.append(found.group(1))
        at = found.end()
    return tokens


def _bad(text: str) -> Exception:
    return envelope.refuse("GSOBJ_1002", f"Invalid query: {text}")
