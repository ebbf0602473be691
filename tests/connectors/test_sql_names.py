"""Names of tables and columns, and values as columns take them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.sql.fitting import MOST_CHARACTERS, Unfit, fitted
from reconciler.connectors.sql.layout import layout_of
from reconciler.connectors.sql.names import LONGEST, column_name, column_names, table_name
from reconciler.model.community import FieldType, ObjectDefinition, objects
from reconciler.model.json import Json
from reconciler.model.outcome import Reason
from tests.connectors.tables import field, members


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("Community albatross-us User", "community_albatross_us_user"),
        ("Community albatross-us IdeaStatus", "community_albatross_us_idea_status"),
        ("Community Content", "community_content"),
        ("sqlite master", "x_sqlite_master_[0-9a-f]{8}"),
        ("pg class", "x_pg_class_[0-9a-f]{8}"),
    ],
)
def test_tables(name: str, table: str) -> None:
    assert re.fullmatch(table, table_name(name))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Community User Id", "community_user_id"),
        ("URL", "url"),
        ("Order", "order"),
        ("Content ID", "content_id"),
        ("Job-Title", r"job_title_[0-9a-f]{8}"),
        ("Größe (cm)", r"grosse_cm_[0-9a-f]{8}"),
        ("部署", r"x_[0-9a-f]{8}"),
        ("", r"x_[0-9a-f]{8}"),
        ("1st", r"x_1st_[0-9a-f]{8}"),
        ("xmin", r"xmin_[0-9a-f]{8}"),
        ("two  spaces", r"two_spaces_[0-9a-f]{8}"),
        ("x" * 100, rf"x{{{LONGEST - 9}}}_[0-9a-f]{{8}}"),
    ],
)
def test_columns(name: str, column: str) -> None:
    assert re.fullmatch(column, column_name(name))


@given(st.lists(st.text(max_size=80), unique_by=str.casefold, max_size=30))
def test_names_that_differ_have_columns_that_differ(names: list[str]) -> None:
    columns = [column_name(name) for name in names]
    assert len(set(columns)) == len(columns)
    for column in columns:
        assert re.fullmatch("[a-z][a-z0-9_]*", column)
        assert len(column) <= LONGEST


def test_everything_that_an_import_writes_has_a_table() -> None:
    definitions = objects("albatross-us")
    layouts = [layout_of(definition) for definition in definitions]
    assert len({layout.table for layout in layouts}) == len(definitions)
    named = [(column.field.name, column.name) for layout in layouts for column in layout.columns]
    assert [column for _, column in named] == [name.lower().replace(" ", "_") for name, _ in named]


def test_two_fields_with_one_column() -> None:
    with pytest.raises(errors.RemoteRefused, match=r"'Job Title' and 'job title' .* have the same column job_title"):
        column_names(members(field("Job Title"), field("job title")))


def test_a_key_that_is_no_key() -> None:
    fields = (field("Score", "number"),)
    with pytest.raises(errors.RemoteRefused, match="key that is no text"):
        layout_of(ObjectDefinition(kind="x", name="X", key="Score", fields=fields, raw=True))


@pytest.mark.parametrize(
    ("type", "value", "found"),
    [
        ("string", "x", "x"),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("string", {"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        ("list", ["a", None, "b c", 3], "a;b c;3"),
        ("list", [], ""),
        ("list", "a;b", "a;b"),
        ("integer", 3.0, 3),
        ("integer", " -12 ", -12),
        ("integer", "1e3", 1000),
        ("number", 0.1, Decimal("0.1")),
        ("number", "1.50", Decimal("1.50")),
        ("boolean", 0, False),
        ("boolean", "TRUE", True),
        ("datetime", "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("datetime", "2026-01-31T00:30:00+01:00", datetime(2026, 1, 30, 23, 30, tzinfo=UTC)),
        ("date", "2026-01-31T23:30:00-05:00", date(2026, 1, 31)),
        ("date", None, None),
    ],
)
def test_values(type: str, value: Json, found: Any) -> None:
    assert fitted(value, FieldType(type)) == found


def test_a_text_that_no_database_takes() -> None:
    with pytest.raises(Unfit) as raised:
        fitted("x" * (MOST_CHARACTERS + 1), FieldType.TEXT)
    assert raised.value.reason is Reason.VALUE_OVERLONG


@pytest.mark.parametrize("value", ["1e99999999999", "١", "0x10", "1_000", "nan", "inf", "", [], {}])
def test_texts_that_are_no_numbers(value: Json) -> None:
    for type in (FieldType.NUMBER, FieldType.INTEGER):
        with pytest.raises(Unfit):
            fitted(value, type)
