"""Models, Syncs and connections to a warehouse as documents: what they become, and what is said about mistakes in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.config import catalogs, convert, lineage, reading
from reconciler.config.load import LoadedProject, load_project
from reconciler.config.rules import examples, fits, playground
from reconciler.config.rules.base import Example
from reconciler.config.rules.examples import MODELS, STAGE, WAREHOUSE, model, sync
from reconciler.model import resources
from reconciler.model.catalog import CatalogField, DataType
from reconciler.model.document import MODEL, SYNC, Document, DocumentId
from reconciler.model.resources import Behavior, Dialect, Every, FieldRule, SecretRef, WhenNull
from tests.acceptance.commands import in_process
from tests.config.helpers import load, write

ONLY_WAREHOUSE = {"config/warehouse.yaml": WAREHOUSE}


def parse(text: str) -> Document:
    content = reading.read_file(text.encode(), "f.yaml")
    assert content.problems == ()
    return content.entries[0].document


def project(root: Path, text: str, files: Mapping[str, str] = MODELS, *, catalog: bool = True) -> LoadedProject:
    example = Example(text=text, files=files, catalog=catalog)
    return load_project(playground.write(example, root), root, use_cache=False)


def found(root: Path, text: str, files: Mapping[str, str] = MODELS, **options: bool) -> list[tuple[str, str, str]]:
    """Code, place and message of what is wrong."""
    loaded = project(root, text, files, **options)
    return [(d.code, str(d.position).removeprefix("config/"), d.message) for d in loaded.diagnostics]


# -- what they become --------------------------------------------------------------------------------------------------


def test_a_connection_to_a_warehouse() -> None:
    made = convert.to_resource(parse(WAREHOUSE + "  active: false\n  statementTimeout: 90s\n"))
    assert made == resources.SqlConnection(
        name="warehouse",
        dialect=Dialect.POSTGRESQL,
        url=SecretRef(source="env", name="WAREHOUSE_URL"),
        active=False,
        statement_timeout=timedelta(seconds=90),
    )
    default = parse(WAREHOUSE + "  statementTimeout: 300s\n")
    assert default.digest == parse(WAREHOUSE).digest


def test_a_model() -> None:
    text = model("sql: |\n    SELECT a, b\n    FROM t;\n", key="[b, a]", rest="  cursor: changed\n  fullEvery: 3\n")
    made = convert.to_resource(parse(text))
    assert made == resources.Model(
        name="accounts",
        connection="warehouse",
        query="SELECT a, b\nFROM t",
        key=("b", "a"),
        cursor="changed",
        full_every=3,
    )
    table = convert.to_resource(parse(model("table: crm.accounts")))
    assert isinstance(table, resources.Model)
    assert (table.query, table.cursor, table.full_every) == ("SELECT * FROM crm.accounts", None, 24)


def test_a_sync() -> None:
    text = sync(
        "constant: 5, field: Employees",
        "column: csm, field: Csm, lookup: Email, whenNull: clear",
        'template: "{name}", field: TickerSymbol, setIfEmpty: true',
        "column: stage, field: Stage, whenNull: default, default: Churn, owner: true",
        rest="  schedule: {every: 60m}\n  after: [people, Sync/users]\n  runOnApply: true\n  suspend: true\n",
        key="{Name: name}",
    )
    made = convert.to_resource(parse(text))
    assert made == resources.Sync(
        name="companies",
        model="accounts",
        connection="acme-cs",
        object="Company",
        behavior=Behavior.UPDATE_OR_CREATE,
        key={"Name": "name"},
        fields=(
            FieldRule(field="Csm", column="csm", lookup="Email", when_null=WhenNull.CLEAR),
            FieldRule(field="Employees", constant=5),
            FieldRule(field="Stage", column="stage", when_null=WhenNull.DEFAULT, default="Churn", owner=True),
            FieldRule(field="TickerSymbol", template="{name}", set_if_empty=True),
        ),
        schedule=Every(seconds=3600),
        after=("people", "Sync/users"),
        run_on_apply=True,
        suspended=True,
    )
    plain = convert.to_resource(parse(sync(key="{B: b, A: a}")))
    assert isinstance(plain, resources.Sync)
    assert (plain.schedule, plain.after, plain.run_on_apply) == (None, (), False)
    assert list(plain.key) == ["A", "B"]


@pytest.mark.parametrize("spec", [{}, {"connection": "w", "key": ["a"]}, {"connection": "w", "sql": "x", "key": 5}])
def test_a_recorded_model_of_another_shape(spec: dict[str, object]) -> None:
    with pytest.raises(errors.StateDamaged):
        convert.to_resource(Document(id=DocumentId(MODEL, "m"), spec=spec))  # type: ignore[arg-type]


def test_the_order_of_fields_means_nothing_but_places_are_kept(tmp_path: Path) -> None:
    one, other = sync("column: name, field: Zed", STAGE), sync(STAGE, "column: name, field: Zed")
    assert parse(one).digest == parse(other).digest
    assert [(code, place) for code, place, _ in found(tmp_path, one)] == [("E-FIELD", "example.yaml:10:29")]


# -- SQL files ---------------------------------------------------------------------------------------------------------

FILED = {"config/w/base.yaml": WAREHOUSE, "config/w/m.yaml": model("sqlFile: sql/accounts.sql")}


def query_of(loaded: LoadedProject) -> str:
    found = loaded.resources[DocumentId(MODEL, "accounts")]
    assert isinstance(found, resources.Model)
    return found.query


def test_a_file_is_part_of_the_document(tmp_path: Path) -> None:
    loaded = load(tmp_path, {**FILED, "config/w/sql/accounts.sql": b"\xef\xbb\xbfSELECT name\r\nFROM t;\r\n"})
    assert loaded.diagnostics == ()
    assert query_of(loaded) == "SELECT name\nFROM t"
    assert "config/w/sql/accounts.sql" in loaded.files
    inline = load(
        tmp_path / "b", {"config/w.yaml": WAREHOUSE, "config/m.yaml": model("sql: |\n    SELECT name\n    FROM t")}
    )
    assert (
        inline.documents[DocumentId(MODEL, "accounts")].digest == loaded.documents[DocumentId(MODEL, "accounts")].digest
    )


def test_a_changed_file_is_a_changed_document_and_the_cache_knows(tmp_path: Path) -> None:
    write(tmp_path, {**FILED, "config/w/sql/accounts.sql": "SELECT name FROM t"})
    before = load(tmp_path, cache=True)
    assert load(tmp_path, cache=True).digest == before.digest
    (tmp_path / "config/w/sql/accounts.sql").write_text("SELECT name, 1 AS x FROM t")
    after = load(tmp_path, cache=True)
    assert query_of(after).endswith("x FROM t") and after.digest != before.digest
    (tmp_path / "config/w/sql/accounts.sql").write_text("DELETE FROM t")
    assert [str(d.position) for d in load(tmp_path, cache=True).diagnostics] == ["config/w/sql/accounts.sql:1:1"]
    (tmp_path / "config/w/sql/accounts.sql").unlink()
    assert [d.code for d in load(tmp_path, cache=True).diagnostics] == ["E-PATH"]
    (tmp_path / "config/w/sql/accounts.sql").write_text("SELECT name FROM t")
    assert load(tmp_path, cache=True).digest == before.digest


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"", "1:1", "empty"),
        (b"\n ; \n", "1:1", "empty"),
        (b"SELECT '\xff'", "1:9", "not UTF-8"),
        ("SELECT 'é',\n '\x00'".encode(), "2:3", "U+0000"),
        (b"SELECT 1" + b" " * 262_144, "1:1", "256 KiB"),
        (b"SELECT name,\n  pg_sleep(5) AS x FROM t", "2:3", "pg_sleep"),
    ],
)
def test_files_that_are_no_query(content: bytes, place: str, words: str, tmp_path: Path) -> None:
    loaded = load(tmp_path, {**FILED, "config/w/sql/accounts.sql": content})
    (wrong,) = loaded.diagnostics
    assert (str(wrong.position), wrong.code[:5]) == (f"config/w/sql/accounts.sql:{place}", "E-SQL")
    assert words in wrong.message and not loaded.valid


def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    write(tmp_path, FILED)
    where = "config/w/m.yaml:6:12"
    assert [(str(d.position), d.message) for d in load(tmp_path).diagnostics] == [
        (where, "config/w/sql does not exist")
    ]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "accounts.sql").write_text("SELECT name FROM t")
    (tmp_path / "config/w/sql").symlink_to(tmp_path / "elsewhere")
    wrong = [(str(d.position), d.message) for d in load(tmp_path).diagnostics]
    assert (where, "config/w/sql is a symbolic link") in wrong
    (tmp_path / "config/w/sql").unlink()
    (tmp_path / "config/w/sql/accounts.sql").mkdir(parents=True)
    (problem,) = load(tmp_path).diagnostics
    assert (problem.code, problem.message) == ("E-PATH", "config/w/sql/accounts.sql is a folder")


def test_a_file_of_two_models_is_complained_about_once(tmp_path: Path) -> None:
    files = {**FILED, "config/w/n.yaml": model("sqlFile: sql/accounts.sql", name="again")}
    assert [d.code for d in load(tmp_path, files).diagnostics] == ["E-PATH"]


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("sql: |\n    -- c\n    SELECT name,\n      pg_sleep(1) AS x\n    FROM t", "9:7"),
        ("sql: |2\n     -- c\n    SELECT name, pg_sleep(1) AS x FROM t", "8:18"),
        ("sql: |-\n\n    SELECT name, pg_sleep(1) AS x FROM t", "8:18"),
        ("sql: >\n    SELECT name,\n    pg_sleep(1) AS x FROM t", "6:8"),
        ("sql: SELECT name, pg_sleep(1) AS x FROM t", "6:21"),
        ("sql: 'SELECT name, pg_sleep(1) AS x FROM t'", "6:22"),
        ('sql: "SELECT \\"name\\", pg_sleep(1) AS x FROM t"', "6:8"),
        ("sql: SELECT name,\n    pg_sleep(1) AS x FROM t", "6:8"),
        ("sql: &q SELECT name, pg_sleep(1) AS x FROM t", "6:8"),
    ],
)
def test_places_in_sql_are_places_in_the_file(query: str, place: str, tmp_path: Path) -> None:
    (one,) = found(tmp_path, model(query), ONLY_WAREHOUSE)
    assert one[:2] == ("E-SQL-READ-ONLY", f"example.yaml:{place}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (sync(key="[name]"), [("E-TYPE", "8:8")]),
        (sync(key="{}"), [("E-VALUE", "8:8")]),
        (sync(key='{Name: ""}'), [("E-VALUE", "8:15")]),
        (sync("column: stage, constant: 5, field: Stage"), [("E-FIELD-RULE", "10:7")]),
        (sync("field: Stage"), [("E-FIELD-RULE", "10:7")]),
        (sync("constant: [a], field: Stage"), [("E-TYPE", "10:18")]),
        (sync("constant: .inf, field: Employees"), [("E-TYPE", "10:18")]),
        (sync(f"constant: {'9' * 400}, field: Employees"), [("E-YAML-NUMBER", "10:18")]),
        (sync("constant: 5, field: Employees, whenNull: clear"), [("E-FIELD-RULE", "10:7")]),
        (sync(f"{STAGE}, default: Churn"), [("E-FIELD-RULE", "10:7")]),
        (sync(f"{STAGE}, whenNull: clear, setIfEmpty: true"), [("E-FIELD-RULE", "10:7")]),
        (sync(f"{STAGE}, owner: true, setIfEmpty: true"), [("E-FIELD-RULE", "10:7")]),
        (sync("colum: stage, field: Stage"), [("E-KEY", "10:8")]),
        (sync(behavior="upsert"), [("E-VALUE", "7:13")]),
        (sync().replace("{model: accounts}", "{model: Accounts}"), [("E-NAME", "5:17")]),
        (sync(rest="  after: [Foo Bar]\n"), [("E-NAME", "9:11")]),
        (sync("column: name, field: Stage", STAGE), [("E-OWNER", "11:30")]),
        (sync("column: name, field: Name"), [("E-FIELD", "10:29")]),
        (sync(object="Compny"), [("E-SYNC-OBJECT", "6:37")]),
        (sync(object="Relationship"), [("E-SYNC-OBJECT", "6:37")]),
        (sync(object="Onbording", key="{Name: name}"), [("E-SYNC-OBJECT", "6:37")]),
        (sync(STAGE, f"{STAGE}x", object="Company"), [("E-FIELD", "11:30")]),
        (sync("column: stage, field: GS Modified Date"), [("E-FIELD", "10:30")]),
        (sync("column: stage, field: Stage, lookup: Name"), [("E-SYNC-LOOKUP", "10:45")]),
        (sync('template: "a {name|uper}", field: TickerSymbol'), [("E-TEMPLATE", "10:27")]),
        (sync('template: "{nam}", field: TickerSymbol'), [("E-COLUMN", "10:18")]),
        (sync(rest="  after: [companies]\n"), [("E-AFTER", "9:10")]),
        (sync(rest="  after: [acme-cs]\n"), [("E-AFTER", "9:11")]),
    ],
)
def test_mistakes_in_a_sync(text: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert [(c, p.removeprefix("example.yaml:")) for c, p, _ in found(tmp_path, text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (model(""), [("E-QUERY", "5:3")]),
        (model("sql: SELECT 1 AS name\n  table: t"), [("E-QUERY", "7:10")]),
        (model('sql: " ; "'), [("E-SQL", "6:8")]),
        (model(f"sql: SELECT '{'x' * 300_000}' AS name"), [("E-SQL", "6:8")]),
        (model("table: a b"), [("E-VALUE", "6:10")]),
        (model("sqlFile: ../x.sql"), [("E-PATH", "6:12")]),
        (model("sqlFile: x.txt"), [("E-PATH", "6:12")]),
        (model(key="[name, name]"), [("E-VALUE", "7:8")]),
        (model(key="[nam]"), [("E-COLUMN", "7:9")]),
        (model(rest="  cursor: changed\n"), [("E-COLUMN", "8:11")]),
        (model(rest="  fullEvery: 3\n"), [("E-VALUE", "8:14")]),
        (model().replace("connection: warehouse", "connection: acme-cs"), [("E-CONNECTION", "5:15")]),
        (model().replace("connection: warehouse", "connection: warehous"), [("E-CONNECTION", "5:15")]),
        (model("table: select.from"), [("E-SQL", "6:10")]),
    ],
)
def test_mistakes_in_a_model(text: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert [(c, p.removeprefix("example.yaml:")) for c, p, _ in found(tmp_path, text, ONLY_WAREHOUSE)] == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (WAREHOUSE.replace("postgresql", "mysql"), "E-VALUE"),
        (WAREHOUSE.replace("{env: WAREHOUSE_URL}", "postgresql://u:example@h/d"), "E-SECRET"),
        (WAREHOUSE + "  statementTimeout: 2d\n", "E-VALUE"),
        (WAREHOUSE + "  sso: true\n", "E-KEY"),
    ],
)
def test_mistakes_in_a_connection(text: str, code: str, tmp_path: Path) -> None:
    wrong = found(tmp_path, text, {})
    assert [one[0] for one in wrong] == [code]
    assert "example@h" not in str(wrong)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("{External_Id__gc: name, Name: stage, Hours__gc: employees}", []),
        ("{External_Id: name}", ["E-FIELD"]),
        ("{Go_Live__gc: renewal}", ["E-SYNC-KEY"]),
        ("{Company__gc: name}", ["E-SYNC-KEY"]),
        ("{A: name, B: name, C: name, D: name}", ["E-SYNC-KEY", *["E-FIELD"] * 4]),
    ],
)
def test_keys_of_custom_objects(key: str, expected: list[str], tmp_path: Path) -> None:
    text = sync("column: employees, field: Progress__gc", object="Onboarding", key=key, behavior="update-only")
    assert [code for code, *_ in found(tmp_path, text)] == expected


def test_a_key_that_turns_out_to_be_a_lookup_is_refused_when_the_catalog_comes(tmp_path: Path) -> None:
    """Every plan and apply validates, so no cycle gets to see it."""
    text = sync("column: employees, field: Progress__gc", object="Onboarding", key="{Company__gc: name}")
    before = Example(text=text, files=MODELS, catalog=False)
    root = playground.write(before, tmp_path)
    assert "E-SYNC-KEY" not in [d.code for d in load_project(root, tmp_path).diagnostics]
    playground.write(replace(before, catalog=True), tmp_path)
    wrong = [d for d in load_project(root, tmp_path).diagnostics if d.code == "E-SYNC-KEY"]
    assert [d.message for d in wrong] == ["'Company__gc' is a lookup, and records are not found by lookups"]
    assert wrong[0].hint


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("{Person Email: email}", "Company Name is missing"),
        ("{Emial: email}", "is not found by 'Emial'"),
        ("{Person Email: email, Company Name: name, Title: stage}", "is not found by 'Title'"),
    ],
)
def test_keys_of_standard_objects(key: str, words: str, tmp_path: Path) -> None:
    (wrong,) = found(tmp_path, sync("column: stage, field: Seats__gc", object="Company Person", key=key))
    assert wrong[0] == "E-SYNC-KEY" and words in wrong[2]


@pytest.mark.parametrize(
    ("expression", "field", "taken"),
    [
        ("CAST(x AS date)", "RenewalDate", True),
        ("CAST(x AS date)", "Employees", False),
        ("count(*)", "Employees", True),
        ("count(*)", "RenewalDate", False),
        ("x > 1", "Employees", False),
        ("x > 1", "TickerSymbol", True),
        ("x", "Employees", True),
        ("'5'", "Employees", True),
        ("x || 'y'", "RenewalDate", True),
    ],
)
def test_what_the_sql_says_of_its_columns(expression: str, field: str, taken: bool, tmp_path: Path) -> None:
    for dialect, expected in (("postgresql", taken), ("snowflake", taken), ("sqlite", True)):
        files = {
            "config/warehouse.yaml": WAREHOUSE.replace("postgresql", dialect),
            "config/accounts.yaml": model(f'sql: "SELECT name, {expression} AS v FROM t"'),
        }
        wrong = found(tmp_path / dialect, sync(f"column: V, field: {field}"), files)
        assert [(c, p) for c, p, _ in wrong] == ([] if expected else [("E-SYNC-TYPE", "example.yaml:10:16")])


def test_an_image_is_never_written(tmp_path: Path) -> None:
    text = sync("column: name, field: Photo", object="Person", key="{Email: email}")
    assert [(c, p) for c, p, _ in found(tmp_path, text)] == [("E-SYNC-TYPE", "example.yaml:10:29")]


def test_a_person_is_never_made_without_what_is_required(tmp_path: Path) -> None:
    person = examples.CATALOG.objects["Person"]
    changed = replace(person, fields={**person.fields, "Name": replace(person.fields["Name"], required=True)})
    catalog = catalogs.to_text(replace(examples.CATALOG, objects={"Person": changed}))
    text = sync('template: "{name}", field: Photo', object="Person", key="{Email: email}").replace("Photo", "Nick")
    example = Example(text=text, files=MODELS, catalog_text=catalog)
    wrong = load_project(playground.write(example, tmp_path), tmp_path, use_cache=False).diagnostics
    assert [(d.code, d.hint) for d in wrong if d.code == "E-SYNC-REQUIRED"] == [
        ("E-SYNC-REQUIRED", "write a line for it")
    ]


def test_what_the_key_of_a_company_person_names_is_not_written_again(tmp_path: Path) -> None:
    key = "{Person Email: email, Company Name: name}"
    text = sync("column: name, field: Company_ID", object="Company Person", key=key)
    assert [code for code, *_ in found(tmp_path, text)] == ["E-FIELD"]


ID = "{External_Id__gc: email}"
ACCOUNT = CatalogField(
    name="Account__gc",
    label="Account",
    data_type=DataType.LOOKUP,
    lookup=True,
    required=False,
    lookup_object="company",
)


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        ("lookup: Name", None),
        ("lookup: Gsid", None),
        ("lookup: Nam", ("'Account__gc' points to Company, which has no field 'Nam'", "did you mean 'Name'?")),
        ("lookup: Email", ("'Account__gc' points to Company, which has no field 'Email'", "if it is new in CS,")),
        ("lookup: Stage", ("records of Company are not found by 'Stage'", "possible here: Employees, Gsid, Name,")),
        ("lookup: Csm", ("records of Company are not found by 'Csm'", "possible here:")),
        ("whenNull: keep", ("'Account__gc' is a lookup, and it is not said", "write `lookup: Name`")),
    ],
)
def test_what_a_lookup_is_found_by(lookup: str, expected: tuple[str, str] | None, tmp_path: Path) -> None:
    """By a field of the other object, which the catalog knows once it was pulled with the lookup in place."""
    text = sync("column: name, field: Name", f"column: csm, field: Account__gc, {lookup}", object="Onboarding", key=ID)
    onboarding = examples.CATALOG.objects["Onboarding"]
    changed = replace(onboarding, fields={**onboarding.fields, "Account__gc": ACCOUNT})
    objects = {**examples.CATALOG.objects, "Onboarding": changed}
    known = catalogs.to_text(replace(examples.CATALOG, objects=objects))
    unknown = catalogs.to_text(replace(examples.CATALOG, objects={"Onboarding": changed}))
    told = []
    for name, catalog in (("known", known), ("unknown", unknown)):
        example = Example(text=text, files=MODELS, catalog_text=catalog)
        told.append(load_project(playground.write(example, tmp_path / name), tmp_path, use_cache=False).diagnostics)
    if expected is None:
        assert told == [(), ()]
        return
    (wrong,) = told[0]
    assert (wrong.code, wrong.message.startswith(expected[0])) == ("E-SYNC-LOOKUP", True), wrong.message
    assert expected[1] in (wrong.hint or "")
    assert len(told[1]) == (0 if "lookup: " in lookup else 1), "nothing is said of what is not known"


@pytest.mark.parametrize(
    ("name", "label"), [("Onboarding__gc", "Onboarding"), ("company_person", "Company Person"), ("COMPANY", "Company")]
)
def test_objects_are_named_by_their_labels(name: str, label: str, tmp_path: Path) -> None:
    text = sync("column: name, field: Name", object=name, key=ID)
    (wrong,) = project(tmp_path, text).diagnostics
    assert (wrong.code, wrong.hint) == ("E-SYNC-OBJECT", f"that is an API name; the object is called '{label}'")


@pytest.mark.parametrize(
    ("model_key", "key", "warned"),
    [
        ("[name]", "{External_Id__gc: name}", False),
        ("[name, email]", "{External_Id__gc: name, Name: Email}", False),
        ("[name, email]", "{External_Id__gc: name}", True),
        ("[name, email]", "{External_Id__gc: EMAIL}", True),
        ("[name]", "{External_Id__gc: email}", False),
        ("[name, email]", "{External_Id__gc: csm}", False),
    ],
)
def test_a_key_that_leaves_out_a_part_of_the_models(model_key: str, key: str, warned: bool, tmp_path: Path) -> None:
    rest = () if "Name:" in key else ("column: name, field: Name",)
    text = sync(*rest, "constant: 1, field: Hours__gc", object="Onboarding", key=key)
    files = {**MODELS, "config/accounts.yaml": model(key=model_key)}
    assert [(code, place) for code, place, _ in found(tmp_path, text, files)] == (
        [("W-SYNC-KEY", "example.yaml:8:3")] if warned else []
    )


def test_the_people_api_takes_ids_only(tmp_path: Path) -> None:
    person = examples.CATALOG.objects["Person"]
    manager = CatalogField(name="Manager__gc", label="M", data_type=DataType.LOOKUP, lookup=True, required=False)
    changed = replace(person, fields={**person.fields, "Manager__gc": manager})
    catalog = catalogs.to_text(replace(examples.CATALOG, objects={**examples.CATALOG.objects, "Person": changed}))
    for lookup, expected in (("Email", ["E-SYNC-LOOKUP"]), ("Gsid", [])):
        text = sync(f"column: csm, field: Manager__gc, lookup: {lookup}", object="Person", key="{Email: email}")
        example = Example(text=text, files=MODELS, catalog_text=catalog)
        loaded = load_project(playground.write(example, tmp_path / lookup), tmp_path, use_cache=False)
        assert [d.code for d in loaded.diagnostics] == expected


def test_fields_that_cannot_be_set_when_a_record_is_made(tmp_path: Path) -> None:
    company = examples.CATALOG.objects["Company"]
    stage = replace(company.fields["Stage"], createable=False)
    changed = replace(company, fields={**company.fields, "Stage": stage})
    catalog = catalogs.to_text(replace(examples.CATALOG, objects={**examples.CATALOG.objects, "Company": changed}))
    for behavior, expected in (("update-or-create", ["E-READ-ONLY"]), ("update-only", [])):
        example = Example(text=sync(behavior=behavior), files=MODELS, catalog_text=catalog)
        loaded = load_project(playground.write(example, tmp_path / behavior), tmp_path, use_cache=False)
        assert [d.code for d in loaded.diagnostics] == expected


def test_an_object_whose_records_may_not_be_edited(tmp_path: Path) -> None:
    onboarding = replace(examples.CATALOG.objects["Onboarding"], editable=False)
    catalog = catalogs.to_text(replace(examples.CATALOG, objects={"Onboarding": onboarding}))
    text = sync("column: name, field: Name", object="Onboarding", key="{External_Id__gc: email}")
    example = Example(text=text, files=MODELS, catalog_text=catalog)
    (wrong,) = load_project(playground.write(example, tmp_path), tmp_path, use_cache=False).diagnostics
    assert wrong.code == "E-SYNC-OBJECT" and "may not be edited" in wrong.message


def test_an_object_that_is_no_destination(tmp_path: Path) -> None:
    other = replace(examples.CATALOG.objects["Company"], name="call_to_action", label="Call To Action")
    catalog = catalogs.to_text(replace(examples.CATALOG, objects={"Call To Action": other}))
    example = Example(text=sync(object="Call To Action"), files=MODELS, catalog_text=catalog)
    loaded = load_project(playground.write(example, tmp_path), tmp_path, use_cache=False)
    assert [d.code for d in loaded.diagnostics] == ["E-SYNC-OBJECT", "E-SYNC-KEY"][:1]


def test_without_a_catalog_there_is_a_warning(tmp_path: Path) -> None:
    for name, key in (("Company", "{Name: name}"), ("Foo__gc", "{Name: name}")):
        wrong = found(tmp_path / name, sync(object=name, key=key), catalog=False)
        assert [code for code, *_ in wrong] == ["W-CATALOG"]


def test_a_catalog_from_before_anybody_wrote(tmp_path: Path) -> None:
    whole = catalogs.to_json(examples.CATALOG)
    old = json.loads(json.dumps(whole))
    for known in old["objects"].values():
        for key in ("custom", "lowVolume", "editable"):
            known.pop(key, None)
    example = Example(text=sync("column: renewal, field: ModifiedDate"), files=MODELS, catalog_text=json.dumps(old))
    (warning,) = [
        d
        for d in load_project(playground.write(example, tmp_path), tmp_path, use_cache=False).diagnostics
        if d.code == "W-CATALOG"
    ]
    assert "does not say which fields can be written" in warning.message


def test_documents_that_wait_for_each_other(tmp_path: Path) -> None:
    other = sync("column: csm, field: Csm, lookup: Email", name="b", rest="  after: [Sync/companies]\n")
    third = sync("column: renewal, field: RenewalDate", name="c", rest="  after: [b]\n")
    text = "---\n".join((sync(rest="  after: [b]\n"), other, third))
    assert [message for code, _, message in found(tmp_path, text) if code == "E-AFTER"] == [
        "'b' waits for itself: b → companies → b"
    ]


def test_a_name_that_two_documents_have(tmp_path: Path) -> None:
    mapping = examples.mapping("object: Company Person, attribute: Title, profileField: Job Title", name="people")
    person = sync("column: name, field: Name", name="people", object="Person", key="{Email: email}")
    text = "---\n".join((mapping, person, sync(rest="  after: [people]\n")))
    (wrong,) = found(tmp_path, text)
    assert wrong[0] == "E-AFTER" and "ProfileFieldMapping/people or Sync/people" in wrong[2]
    assert (
        found(tmp_path / "b", text.replace("after: [people]", "after: [Sync/people, ProfileFieldMapping/people]")) == []
    )


def test_owners(tmp_path: Path) -> None:
    two = sync(f"{STAGE}, owner: true") + "---\n" + sync(f"{STAGE}, owner: true", name="b")
    assert [(c, p) for c, p, _ in found(tmp_path / "a", two)] == [("E-OWNER", "example.yaml:21:44")]
    rude = sync(f"{STAGE}, owner: true") + "---\n" + sync(STAGE, name="b")
    assert [(c, p) for c, p, _ in found(tmp_path / "b", rude)] == [("E-OWNER", "example.yaml:21:30")]
    elsewhere = sync(object="Onboarding__gc", key="{Name: name}", behavior="update-only")
    assert [code for code, *_ in found(tmp_path / "c", sync() + "---\n" + elsewhere.replace("companies", "b"))] == [
        "E-SYNC-OBJECT"
    ]


def test_a_deactivated_warehouse(tmp_path: Path) -> None:
    files = {**MODELS, "config/warehouse.yaml": WAREHOUSE + "  active: false\n"}
    assert [(c, p) for c, p, _ in found(tmp_path, sync(), files)] == [("E-INACTIVE", "example.yaml:5:17")]


def test_nothing_is_concluded_from_a_model_that_could_not_be_read(tmp_path: Path) -> None:
    files = {**MODELS, "config/accounts.yaml": model().replace("key: [name]", "keys: [name]")}
    assert {code for code, *_ in found(tmp_path / "a", sync("column: nope, field: Stage"), files)} == {"E-KEY"}
    broken = {**MODELS, "config/accounts.yaml": "a: ["}
    assert {code for code, *_ in found(tmp_path / "b", sync(rest="  after: [nobody]\n"), broken)} == {"E-YAML-SYNTAX"}


# -- values that are known beforehand ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (DataType.NUMBER, [5, 5.5, "5"], [True, "x", "nan"]),
        (DataType.BOOLEAN, [True, "false"], ["yes", 2]),
        (DataType.DATE, ["2026-01-31"], [20260131, "31.1.2026"]),
        (DataType.DATETIME, ["2026-01-31T10:00:00+01:00"], ["soon"]),
        (DataType.EMAIL, ["a@b.example"], ["a", "@b", "a@", 5]),
        (DataType.STRING, ["x" * 20, 5], ["x" * 21]),
        (DataType.PICKLIST, ["Launched", "1I00A"], ["launched", "Launched; Churn"]),
        (DataType.MULTISELECT, ["Launched", "Launched; Churn"], ["Launched; Lost"]),
        (DataType.SFDCID, ["anything"], []),
    ],
)
def test_constants(kind: DataType, good: list[object], bad: list[object]) -> None:
    options = {"1I00A": "Launched", "1I00B": "Churn"}
    field = CatalogField(name="F", label="F", data_type=kind, length=20, options=options)
    assert [fits.wrong(value, field) for value in good] == [None] * len(good)  # type: ignore[arg-type]
    assert all(fits.wrong(value, field) for value in bad)  # type: ignore[arg-type]


def test_a_picklist_without_items_takes_everything() -> None:
    field = CatalogField(name="F", label="F", data_type=DataType.PICKLIST)
    assert fits.wrong("x", field) is None
    assert fits.never(replace(field, data_type=DataType.IMAGE)) and fits.never(field) is None


# -- lineage -----------------------------------------------------------------------------------------------------------


def test_where_columns_come_from_and_go(tmp_path: Path) -> None:
    query = "sql: |\n    SELECT a.name, u.stage AS stage, count(*) AS n\n    FROM crm.accounts a JOIN usage u ON u.id = a.id"
    files = {**MODELS, "config/accounts.yaml": model(query)}
    text = lineage.explain(
        project(tmp_path, sync(STAGE, 'template: "{name}", field: TickerSymbol'), files), "Model/accounts"
    )
    assert [line.split("  ")[0:1] and " ".join(line.split()) for line in text.splitlines()] == [
        "Model/accounts: from warehouse (postgresql), one row for each name",
        "",
        "column comes from goes to",
        "name crm.accounts.name Company.Name (Sync/companies); Company.TickerSymbol (Sync/companies)",
        "stage usage.stage Company.Stage (Sync/companies)",
        "n - -",
    ]


def test_lineage_knows_columns_in_any_case_and_reads_no_comments(tmp_path: Path) -> None:
    query = (
        'sql: |\n    WITH x AS (SELECT name, a, "A" FROM crm.accounts /* all */)\n    SELECT name, a, "A" AS "A" FROM x'
    )
    files = {**MODELS, "config/accounts.yaml": model(query)}
    more = ("column: NAME, field: Industry", "column: a, field: Region__gc", "column: A, field: TickerSymbol")
    text = lineage.explain(project(tmp_path, sync(STAGE, *more), files), "Model/accounts")
    assert [" ".join(line.split()) for line in text.splitlines()[3:]] == [
        "name crm.accounts.name Company.Name (Sync/companies); Company.Industry (Sync/companies)",
        "a crm.accounts.a Company.Region__gc (Sync/companies)",
        "A crm.accounts.a Company.TickerSymbol (Sync/companies)",
    ]


def test_lineage_of_what_only_the_database_knows(tmp_path: Path) -> None:
    files = {**MODELS, "config/accounts.yaml": model("table: crm.accounts")}
    text = lineage.explain(project(tmp_path, sync(), files), "Model/accounts")
    assert "only the database knows them" in text
    assert ["stage", "crm.accounts.stage", "Company.Stage", "(Sync/companies)"] in [
        line.split() for line in text.split("\n")
    ]
    files["config/accounts.yaml"] = model("sql: SELECT * FROM crm.accounts WHERE true")
    text = lineage.explain(project(tmp_path / "b", sync(), files), "Model/accounts")
    assert ["stage", "-", "Company.Stage", "(Sync/companies)"] in [line.split() for line in text.split("\n")]


def test_lineage_shows_what_a_terminal_would_obey(tmp_path: Path) -> None:
    files = {**MODELS, "config/accounts.yaml": model("table: crm.accounts")}
    project(tmp_path, sync(STAGE, r'column: "re\x1b[31md\u202e", field: TickerSymbol'), files)
    done = in_process("explain", "Model/accounts", "--project", tmp_path, env={}).expect(0)
    assert r"re\x1b[31md\u202e" in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


def test_lineage_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound) as caught:
        lineage.explain(project(tmp_path / "a", sync()), "Model/acounts")
    assert caught.value.hint == "did you mean 'accounts'?"
    with pytest.raises(errors.ConfigInvalid):
        lineage.explain(
            project(tmp_path / "b", sync(), {**MODELS, "config/accounts.yaml": model("sql: DROP x")}), "Model/accounts"
        )
    assert SYNC == "Sync"
