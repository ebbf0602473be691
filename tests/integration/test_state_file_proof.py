"""A state file that says what the database says is as we wrote it; any other is proved by its schema."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.config.load import load_project
from reconciler.config.rules import examples, playground
from reconciler.config.rules.base import Example
from reconciler.engine.applier import apply
from reconciler.engine.projection import refuse_unusable, write_state_file
from reconciler.state import statefile
from reconciler.state.database import open_database

URL = "sqlite:///var/reconciler.db"
LOOK = """
import sys
from pathlib import Path
from reconciler.clock import SystemClock
from reconciler.engine.projection import refuse_unusable
from reconciler.state.database import open_database

root = Path(sys.argv[1])
with open_database(sys.argv[2], clock=SystemClock(), root=root) as database:
    refuse_unusable(database, root / "var/state.json")
print("jsonschema" in sys.modules)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    playground.write(
        Example(text=examples.mapping("object: Company Person, attribute: Title, profileField: Job Title")), tmp_path
    )
    with open_database(URL, clock=SystemClock(), root=tmp_path) as database:
        apply(load_project(tmp_path, tmp_path), database, holder="test", clock=SystemClock())
        write_state_file(database, tmp_path / "var/state.json")
    return tmp_path


def needed_schema(root: Path) -> bool:
    """Whether another process needs the schema to believe the file."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(root), URL], capture_output=True, text=True, check=True)
    return {"True": True, "False": False}[done.stdout.strip()]


def change(root: Path, **values: object) -> None:
    """A state file with other values and the checksum that they have."""
    path = root / "var/state.json"
    content = {name: value for name, value in json.loads(path.read_bytes()).items() if name != "checksum"} | values
    path.write_bytes(statefile._spell({**content, "checksum": statefile._checksum(content)}))


def test_what_the_database_says_is_believed(root: Path) -> None:
    assert not needed_schema(root)


def test_what_the_database_no_longer_says_needs_the_schema(root: Path) -> None:
    with closing(sqlite3.connect(root / "var/reconciler.db")) as connection, connection:
        connection.execute("UPDATE statuses SET reason = 'something else'")
    assert needed_schema(root)


def test_what_the_database_never_said_needs_the_schema(root: Path) -> None:
    change(root, commit="0123456")
    assert needed_schema(root)


def test_what_breaks_the_schema_is_refused(root: Path) -> None:
    change(root, documents=[{}])
    with (
        open_database(URL, clock=SystemClock(), root=root) as database,
        pytest.raises(errors.StateDamaged, match="breaks its schema at documents/0"),
    ):
        refuse_unusable(database, root / "var/state.json")


def test_a_file_without_a_database_needs_the_schema(root: Path) -> None:
    for name in ("", "-wal", "-shm"):
        (root / f"var/reconciler.db{name}").unlink(missing_ok=True)
    change(root, serial=0)
    assert needed_schema(root)
