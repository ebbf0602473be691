"""The catalog of each connection, as it was when it was last applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from reconciler.model.json import Json, canonical
from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.catalogs


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCatalog:
    """`content` is the pinned file as JSON, `digest` its digest."""

    digest: str
    content: Mapping[str, Json]
    saved_at: datetime


def read(session: Session, connection: str) -> RecordedCatalog | None:
    row = session.execute(select(_table).where(_table.c.connection == connection)).one_or_none()
    if row is None:
        return None
    return RecordedCatalog(digest=row.digest, content=json.loads(row.content), saved_at=row.saved_at)


def save(session: Session, connection: str, digest: str, content: Mapping[str, Json], *, now: datetime) -> None:
    values = {"connection": connection, "digest": digest, "content": canonical(content), "saved_at": now}
    session.execute(upsert(session, _table), values)


def remove(session: Session, connection: str) -> None:
    """Forget the catalog of a connection; it can be pulled again."""
    session.execute(delete(_table).where(_table.c.connection == connection))
