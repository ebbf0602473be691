"""Taking a person out of what is kept here: a member whom a community has erased.

The store of the community forgets by itself, and the ledgers of an import when the target has taken the change. What is left
is what profile fields were written, what was rejected, and what the journal says of values before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, text, update

from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING
from reconciler.state import ledger, tables
from reconciler.state.session import Session

_outcomes, _batches, _documents = tables.outcomes, tables.batches, tables.documents


def erase(session: Session, connection: str, members: Collection[str], profile_scope: str) -> None:
    """Remove what is known of these members of a community. Costs what the journal of its documents is long."""
    if not members:
        return
    _erase_ledger(session, profile_scope, members)
    keys = {PROFILE_FIELD_MAPPING: set(members), COMMUNITY_IMPORT: {json.dumps([id]) for id in members}}
    for kind, name in _documents_of(session, connection):
        _erase_outcomes(session, kind, name, keys[kind])
        _erase_journal(session, kind, name, keys[kind], set(members))


def _documents_of(session: Session, connection: str) -> Iterator[tuple[str, str]]:
    """The import of a community, and whatever ever wrote its profile fields."""
    yield COMMUNITY_IMPORT, connection
    query = select(_documents.c.name, _documents.c.spec).where(_documents.c.kind == PROFILE_FIELD_MAPPING)
    for row in session.execute(query):
        if json.loads(row.spec).get("to") == connection:
            yield PROFILE_FIELD_MAPPING, row.name


def _erase_ledger(session: Session, scope: str, members: Collection[str]) -> None:
    book = ledger.find(session, scope, ())
    if book.table is not None:
        session.execute(text(f"DELETE FROM {book.table} WHERE key = :key"), [{"key": id} for id in sorted(members)])


def _erase_outcomes(session: Session, kind: str, name: str, keys: Collection[str]) -> None:
    statement = delete(_outcomes).where(
        _outcomes.c.kind == kind, _outcomes.c.name == name, _outcomes.c.key == bindparam("of_key")
    )
    session.execute(statement, [{"of_key": key} for key in sorted(keys)])


def _erase_journal(session: Session, kind: str, name: str, keys: Collection[str], members: Collection[str]) -> None:
    """That something was written stays on record; what, does not. Posts name their author, too."""
    query = select(_batches.c.id, _batches.c.writes).where(_batches.c.kind == kind, _batches.c.name == name)
    changed = []
    for row in session.stream(query):
        writes = json.loads(row.writes)
        kept = [_blank(write) if write[0] in keys or _names(write, members) else write for write in writes]
        if kept != writes:
            changed.append({"of_id": row.id, "now": json.dumps(kept, ensure_ascii=False)})
    if changed:
        statement = update(_batches).where(_batches.c.id == bindparam("of_id")).values(writes=bindparam("now"))
        session.execute(statement, changed)


def _blank(write: Sequence[Any]) -> list[Any]:
    key, _, item, before, _ = write
    return [key, "", item, None if before is None else "", ""]


def _names(write: Sequence[Any], members: Collection[str]) -> bool:
    return any(text is not None and _author(text) in members for text in write[3:])


def _author(text: str) -> str:
    """Whom a post of an import is by."""
    if '"Author Id"' not in text:
        return ""
    try:
        record = json.loads(text)
    except ValueError:
        return ""
    return str(record.get("Author Id", "")) if isinstance(record, dict) else ""
