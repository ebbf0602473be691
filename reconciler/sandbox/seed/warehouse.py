"""A small warehouse in a SQLite file, with rows about the companies of the sandbox and about some that it does not know."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from reconciler.sandbox.config import SandboxConfig, SandboxError
from reconciler.sandbox.seed import companies, words

NEW = 110
"""Accounts that the warehouse knows and the tenant does not."""

STAGES = ("Adopting", "Launched", "Kicked Off", "New Customer")
WITHOUT_RENEWAL = 17
"""Of so many accounts one has no renewal, which is no mistake."""

TABLE = """
CREATE TABLE accounts (
  name TEXT NOT NULL, region TEXT, seats INTEGER NOT NULL, arr REAL, renews_on TEXT, stage TEXT, churned INTEGER NOT NULL
)
"""

Account = tuple[str, str, int, float, str | None, str, int]


def write(path: Path, config: SandboxConfig) -> None:
    """Make the file. Equal configs give equal rows. Raises SandboxError rather than touch a file that is there."""
    try:
        path.touch(exist_ok=False)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(TABLE)
            database.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", accounts(config))
    except FileExistsError:
        raise SandboxError(f"{path} is there already", "choose another name, or remove the file") from None
    except (OSError, sqlite3.Error) as problem:
        raise SandboxError(
            f"cannot write {path}: {problem}", "choose a folder that is there and can be written"
        ) from None


def accounts(config: SandboxConfig) -> Iterator[Account]:
    """One row for each account. The last but one has a renewal that is no date: every warehouse has such a row."""
    total = companies.count(config.people) + NEW
    for n in range(total):
        seats = 5 + (n * 37 + config.seed * 11) % 400
        day = date(2027, 1, 1) + timedelta(days=(n * 23 + config.seed) % 365)
        renews_on = None if n % WITHOUT_RENEWAL == 3 else day.isoformat()
        if n == total - 2:
            renews_on = "end of May"
        region, stage = words.REGIONS[n % len(words.REGIONS)], STAGES[n % len(STAGES)]
        yield companies.name(n), region, seats, seats * 400.0, renews_on, stage, int(n == total - 1)
