"""What a plan asks first: whose state this is, and the digest of everything that is recorded.

In plain SQL that both databases understand, so that the plan of an unchanged project does without SQLAlchemy: its import
takes longer than everything else that such a plan does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.model.document import DocumentId
from reconciler.state import address, driver, revisions

Query = Callable[[str], Iterable[Sequence[Any]]]
"""Runs a statement that has no parameters and gives its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The record at one moment, less its contents. Without `project` nothing was ever applied.

    `documents` are those that are not forgotten, `catalogs` are keyed by connection, `mappings` is how many are recorded,
    `newest_run` the id of the last cycle, or 0.
    """

    project: str | None
    lineage: str | None
    serial: int
    documents: Mapping[DocumentId, str]
    catalogs: Mapping[str, str]
    mappings: int
    newest_run: int


def read(query: Query) -> Standing:
    """The standing as it is in one transaction."""
    meta = list(query("SELECT project, lineage, serial FROM meta"))
    project, lineage, serial = meta[0] if meta else (None, None, 0)
    documents = query("SELECT kind, name, digest FROM documents WHERE forgotten_at IS NULL")
    catalogs = query("SELECT connection, digest FROM catalogs")
    # Each mapping has exactly one status. The objects of an import have some, too, and would make every change look small.
    ((mappings,),) = query("SELECT count(*) FROM statuses WHERE item <> '' AND kind <> 'CommunityImport'")
    ((newest_run,),) = query("SELECT max(id) FROM runs")
    return Standing(
        project=project,
        lineage=lineage,
        serial=serial,
        documents={DocumentId(kind, name): digest for kind, name, digest in documents},
        catalogs={str(connection): digest for connection, digest in catalogs},
        mappings=mappings,
        newest_run=newest_run or 0,
    )


def glance(url: str, root: Path) -> Standing | None:
    """The standing of a database that is a file in good order. None for everything else: `Database` knows what to say then."""
    path = address.plain_file(url, root)
    try:
        if path is None or not path.is_file():
            return None
        with closing(driver.connect(path, "mode=rw", driver.READ_PRAGMAS, sqlite3.Connection)) as connection:
            connection.execute("BEGIN")
            versions = connection.execute(f"SELECT version_num FROM {revisions.VERSION_TABLE}").fetchall()
            return read(connection.execute) if versions == [(revisions.HEAD,)] else None
    except (sqlite3.Error, OSError, UnicodeError):
        return None
