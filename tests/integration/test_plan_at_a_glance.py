"""A plan for which one look at the file was enough is the plan that SQLAlchemy's way gives, and nothing else is answered so."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.cli.wiring import Workplace
from reconciler.clock import SystemClock
from reconciler.config.load import LoadedProject, load_project
from reconciler.config.rules import examples, playground
from reconciler.config.rules.base import Example
from reconciler.engine.applier import apply
from reconciler.engine.planner import make_plan, unchanged
from reconciler.engine.projection import doubts, write_state_file
from reconciler.model.plan import Plan
from reconciler.state import address, standing
from reconciler.state.database import open_database
from tests.postgres import Postgres

URL = "sqlite:///var/reconciler.db"
TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
REGION = "object: Company Person, attribute: Region__gc, profileField: Region"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    playground.write(Example(text=examples.mapping(TITLE)), tmp_path)
    return tmp_path


def load(root: Path) -> LoadedProject:
    return load_project(root, root)


def glance(root: Path, *only: str) -> Plan | None:
    return unchanged(load(root), standing.glance(URL, root), only=only)


def whole(root: Path, *only: str) -> Plan:
    with open_database(URL, clock=SystemClock(), root=root) as database:
        return make_plan(load(root), database, only=only)


def recorded(root: Path) -> None:
    with open_database(URL, clock=SystemClock(), root=root) as database:
        apply(load(root), database, holder="test", clock=SystemClock())


def execute(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(root / "var/reconciler.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("only", [(), ("acme-cs",)])
def test_an_unchanged_project_has_the_same_plan(root: Path, only: tuple[str, ...]) -> None:
    recorded(root)
    found = glance(root, *only)
    assert found is not None
    assert found == whole(root, *only)
    assert (found.empty, found.base.serial, found.mappings.recorded) == (True, 6, 1)


def test_both_ways_refuse_the_same_name(root: Path) -> None:
    recorded(root)
    for way in (glance, whole):
        with pytest.raises(errors.NotFound, match="--only names no document: missing"):
            way(root, "missing")


def test_both_ways_refuse_a_project_with_errors(root: Path) -> None:
    recorded(root)
    (root / "config" / "example.yaml").write_text(examples.mapping(TITLE, TITLE))
    for way in (glance, whole):
        with pytest.raises(errors.ConfigInvalid):
            way(root)


def test_a_changed_project_goes_the_whole_way(root: Path) -> None:
    recorded(root)
    (root / "config" / "example.yaml").write_text(examples.mapping(TITLE, REGION))
    assert glance(root) is None
    assert not whole(root).empty


def test_a_forgotten_document_is_not_in_the_record(root: Path) -> None:
    recorded(root)
    execute(
        root, "UPDATE documents SET forgotten_at = '2026-11-22T12:00:00.000000Z' WHERE kind = 'ProfileFieldMapping'"
    )
    assert glance(root) is None
    assert whole(root).documents.add == 1


def test_a_missing_database_is_left_to_the_whole_way(root: Path) -> None:
    assert glance(root) is None
    assert whole(root).base.lineage is None
    assert not (root / "var/reconciler.db").exists()


def test_a_database_in_which_nothing_was_ever_applied(root: Path) -> None:
    with open_database(URL, clock=SystemClock(), root=root) as database:
        database.migrate()
    assert standing.glance(URL, root) == standing.Standing(
        project=None, lineage=None, serial=0, documents={}, catalogs={}, mappings=0, newest_run=0
    )
    assert glance(root) is None
    assert whole(root).base.lineage is None


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE schema_version SET version_num = '0999'", errors.StateNewer),
        ("UPDATE schema_version SET version_num = 'of another'", errors.StateForeign),
        ("DROP TABLE schema_version", errors.StateForeign),
        ("DROP TABLE meta", errors.StateProblem),
        ("UPDATE meta SET project = 'umbrella'", errors.StateForeign),
    ],
)
def test_what_is_wrong_with_a_database_is_left_to_the_whole_way(
    statement: str, error: type[errors.ReconcileError], root: Path
) -> None:
    recorded(root)
    execute(root, statement)
    assert glance(root) is None
    with pytest.raises(error):
        whole(root)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.write_bytes(b""), errors.StateDamaged),
        (lambda path: path.write_bytes(b"no database " * 500), errors.StateDamaged),
        (lambda path: (path.unlink(), path.mkdir()), errors.StateUnavailable),
        (lambda path: (path.unlink(), os.mkfifo(path)), errors.StateUnavailable),
    ],
)
def test_a_file_that_is_no_database_is_left_to_the_whole_way(
    spoil: Callable[[Path], object], error: type[errors.ReconcileError], root: Path
) -> None:
    recorded(root)
    for name in ("-wal", "-shm"):
        (root / f"var/reconciler.db{name}").unlink(missing_ok=True)
    spoil(root / "var/reconciler.db")
    assert glance(root) is None
    with pytest.raises(error):
        whole(root)


def test_postgresql_gives_the_same_standing_and_is_asked_the_whole_way(root: Path, postgres: Postgres) -> None:
    recorded(root)
    url = postgres.create_schema()
    assert standing.glance(url, root) is None
    with open_database(url, clock=SystemClock(), root=root) as database:
        apply(load(root), database, holder="test", clock=SystemClock())
        with database.read() as session:
            there = standing.read(session.execute_raw)
    here = standing.glance(URL, root)
    assert here is not None
    assert (there.project, there.serial, there.documents, there.catalogs, there.mappings) == (
        here.project,
        here.serial,
        here.documents,
        here.catalogs,
        here.mappings,
    )


@pytest.mark.parametrize("text", ["sqlite:///var/a b.db", "sqlite:///x.db?mode=ro", "sqlite://", "sqlite:///:memory:"])
def test_only_a_plain_url_is_read_without_its_parser(text: str, tmp_path: Path) -> None:
    assert address.plain_file(text, tmp_path) is None


@pytest.mark.parametrize("text", ["sqlite:///var/x.db", "sqlite:////srv/x.db", "sqlite:///./../x-1.db", "sqlite:///x"])
def test_a_plain_url_is_read_as_the_parser_reads_it(text: str, tmp_path: Path) -> None:
    assert address.parse(text, tmp_path) == address.SqliteAddress(path=address.plain_file(text, tmp_path))  # type: ignore[arg-type]


def test_the_plan_of_an_unchanged_project_imports_no_sqlalchemy(root: Path) -> None:
    recorded(root)
    code = (
        "import sys; from reconciler.cli.main import run;"
        f"code = run(['plan', '--project', {str(root)!r}]); print(code, 'sqlalchemy' in sys.modules)"
    )

    def last_line() -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1]

    assert last_line() == "0 False"
    (root / "config" / "example.yaml").write_text(examples.mapping(TITLE, REGION))
    assert last_line() == "0 True"


@pytest.mark.parametrize(
    ("head", "doubted"),
    [
        ({}, False),
        ({"serial": 5}, False),
        ({"serial": 7}, True),
        ({"lineage": "another"}, True),
    ],
)
def test_a_state_file_that_raises_doubts_leads_the_whole_way(
    head: dict[str, object], doubted: bool, root: Path
) -> None:
    recorded(root)
    path = root / "var/state.json"
    with open_database(URL, clock=SystemClock(), root=root) as database:
        write_state_file(database, path)
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **head}))
        assert bool(doubts(database, path)) is doubted
    work = Workplace(root=root, project=load(root).project)
    assert (work.standing() is None) is doubted
    path.write_bytes(b"not a state")
    assert work.standing() is None
