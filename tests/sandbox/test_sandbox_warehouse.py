"""The warehouse that a sandbox makes: rows about its companies."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig, SandboxError, write_warehouse
from tests.acceptance.commands import in_process
from tests.sandbox.sandbox_client import Remote

Rows = list[tuple[str, str | None]]


def accounts(path: Path) -> Rows:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return list(database.execute("SELECT name, renews_on FROM accounts WHERE churned = 0"))


def test_it_knows_the_companies_of_the_sandbox_and_some_more(tmp_path: Path) -> None:
    config = SandboxConfig(people=100, quirks=False)
    write_warehouse(tmp_path / "a.db", config)
    write_warehouse(tmp_path / "b.db", config)
    rows = accounts(tmp_path / "a.db")
    assert rows == accounts(tmp_path / "b.db")
    with Sandbox(config) as sandbox, Remote(sandbox) as remote:
        there = {row["Name"] for row in remote.query("company", ["Name"])}
    names = [name for name, _ in rows]
    assert len(names) == len(set(names)) == len(there) + 109
    assert there < set(names)
    days = [day for _, day in rows if day is not None]
    assert 0 < len(days) < len(rows), "some have no renewal"
    assert [day for day in days if not re.fullmatch(r"2027-\d\d-\d\d", day)] == ["end of May"]


def test_it_touches_nothing_that_is_there(tmp_path: Path) -> None:
    mine = tmp_path / "mine.db"
    mine.write_text("mine")
    with pytest.raises(SandboxError, match="is there already"):
        write_warehouse(mine, SandboxConfig())
    done = in_process("sandbox", "--warehouse", mine, env={}).expect(1)
    assert "is there already" in done.err
    assert mine.read_text() == "mine"
    done = in_process("sandbox", "--warehouse", tmp_path / "nowhere/a.db", env={}).expect(1)
    assert "cannot write" in done.err
    assert "hint: choose a folder" in done.err
