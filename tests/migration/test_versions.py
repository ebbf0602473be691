"""An older database is brought up to date by what writes, a newer one is refused by everything, and data stays.

The newer version is made here: a copy of the program with one more migration. Both are run as they would be in an upgrade.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from reconciler.state import revisions, tables
from tests.acceptance.commands import REPOSITORY, Done, environment, finish
from tests.acceptance.projects import COUNTRY, TITLE, ProjectFolder
from tests.integration.kills import execute
from tests.loop.processes import loop, until

NEXT = '''"""One more column, and a table that starts with a row."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("runs", sa.Column("made_next", sa.Text, nullable=True))
    op.create_table("made_next", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO made_next VALUES (1)")
    {more}
'''


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the next version of the program."""
    return _version(tmp_path_factory.mktemp("later"), "pass")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A next version whose migration fails after it has changed something."""
    return _version(tmp_path_factory.mktemp("broken"), 'op.execute("INSERT INTO made_next VALUES (1)")')


def _version(folder: Path, more: str) -> Path:
    program = folder / "reconciler"
    shutil.copytree(REPOSITORY / "reconciler", program, ignore=shutil.ignore_patterns("__pycache__"))
    revision = f"{int(revisions.HEAD) + 1:04}"
    text = NEXT.format(revision=revision, before=revisions.HEAD, more=more)
    (program / f"state/migrations/versions/{revision}_next.py").write_text(text)
    module = program / "state/revisions.py"
    known = f"REVISIONS = {revisions.REVISIONS!r}".replace("'", '"')
    assert known in module.read_text()
    longer = f"REVISIONS = {(*revisions.REVISIONS, revision)!r}"
    module.write_text(module.read_text().replace(known, longer))
    return folder


def _start(project: ProjectFolder, version: Path, *words: str) -> subprocess.Popen[str]:
    env = environment(project.env)
    env["PYTHONPATH"] = os.pathsep.join([str(version), env["PYTHONPATH"]])
    command = [sys.executable, "-m", "reconciler", *words]
    return subprocess.Popen(
        command, cwd=project.root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _run(project: ProjectFolder, version: Path, *words: str) -> Done:
    return finish(_start(project, version, *words))


def test_an_older_database_is_upgraded_and_keeps_everything(on_both: ProjectFolder, later: Path) -> None:
    project = on_both.ready()
    project.sync()
    before = project.run("export").out.splitlines()
    for word in ("plan", "status", "export"):
        done = _run(project, later, word).expect(1)
        assert "written by an older version" in done.err
        assert "reconcile apply" in done.err, "readers change nothing, and say who does"
    assert execute(project, "SELECT version_num FROM schema_version") == [(revisions.HEAD,)]

    _run(project, later, "apply").expect(0)
    assert execute(project, "SELECT id FROM made_next") == [(1,)]
    assert _run(project, later, "export").expect(0).out.splitlines() == before
    project.world.new_writes()
    _run(project, later, "sync", "acme-profile").expect(0)
    assert project.world.new_writes() == [], "the ledger came along"

    for words in (("plan",), ("apply",), ("sync", "acme-profile"), ("status",), ("export",), ("state", "rebuild")):
        done = project.run(*words).expect(1)
        assert "newer than" in done.err, words
        assert "update reconcile" in done.err


def test_a_migration_that_fails_leaves_the_old_database(on_both: ProjectFolder, broken: Path) -> None:
    project = on_both.ready()
    project.sync()
    before = project.run("export").out.splitlines()
    done = _run(project, broken, "apply").expect(1)
    assert "Traceback" not in done.all
    assert execute(project, "SELECT version_num FROM schema_version") == [(revisions.HEAD,)]
    assert project.run("export").expect(0).out.splitlines() == before
    project.sync()


def test_two_processes_that_upgrade_at_once(on_both: ProjectFolder, later: Path) -> None:
    project = on_both.ready()
    project.mapping("acme-profile", [TITLE, COUNTRY])
    codes = [finish(process).code for process in [_start(project, later, "apply") for _ in range(2)]]
    assert sorted(codes) in ([0, 0], [0, 5])
    assert execute(project, "SELECT id FROM made_next") == [(1,)]
    assert _run(project, later, "plan").expect(0).out.startswith("No changes")


def test_a_loop_upgrades_by_itself_and_one_of_the_version_before_ends(on_both: ProjectFolder, later: Path) -> None:
    project = on_both.ready()
    project.sync()
    newer = {"PYTHONPATH": os.pathsep.join([str(later), environment(project.env)["PYTHONPATH"]])}
    assert (project.root / "var/state.json").is_file()
    with loop(project) as before:
        until(lambda: execute(project, "SELECT holder FROM replicas"))
        with loop(project, env=newer) as after:
            assert before.ended() == 1
            assert "newer than" in before.text
            assert execute(project, "SELECT version_num FROM schema_version") != [(revisions.HEAD,)]
            assert after.end() == 0
            assert "state.lost" not in after.text
    with loop(project) as again:
        assert again.ended() == 1


def test_reading_makes_no_database(on_both: ProjectFolder) -> None:
    project = on_both
    for words in (("plan",), ("status",), ("activity",)):
        project.run(*words).expect(0)
    if project.database is None:
        assert not (project.root / "var/reconciler.db").exists()
    else:
        assert execute(project, "SELECT 1 FROM meta") == []
        rows = execute(project, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert rows == [(0,)]


def test_the_migrations_make_the_tables_that_the_program_uses(on_both: ProjectFolder) -> None:
    """Whoever changes a table and forgets the migration fails here."""
    project = on_both.ready()
    url = project.database or f"sqlite:///{project.root}/var/reconciler.db"
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    known = set(tables.metadata.tables) | {revisions.VERSION_TABLE}

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in known

    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "include_name": ours, "version_table": revisions.VERSION_TABLE}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, tables.metadata) == []
    finally:
        engine.dispose()
