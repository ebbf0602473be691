"""Taking a person out of what is kept here: a member whom a community has erased.

The store of the community forgets by itself (`state.community`). What is left is who they were matched with, which of their
profile fields were written, what of them and of their posts was rejected, what the journal says, and what the ledgers of
imports say that a target has. In these an empty text takes the place of what is personal: it differs from everything that is
ever staged, so the next write clears it at the target, and the journal of that write knows no more either.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, delete, select, text, update

from reconciler.model.community import CONTENT, Kind, content_identifier, raw_name
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, PROFILE_FIELD_MAPPING, DocumentId
from reconciler.model.json import Json
from reconciler.state import journal, ledger, tables
from reconciler.state.ledger import Ledger
from reconciler.state.session import Session

_outcomes, _batches, _documents, _matches = tables.outcomes, tables.batches, tables.documents, tables.community_matches

AUTHOR_NAME = "Author Name"
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What is to be erased. `keys` are those of the records of an import, by item: the members themselves, and their posts.
    `names` are their user names as JSON.

    `batches` are the journalled batches that have any of it. To find them takes as long as the journal is long, and nobody has
    to wait for that.
    """

    connection: str
    members: frozenset[str]
    keys: Mapping[str, Collection[str]]
    names: Collection[str]
    mappings: Sequence[DocumentId]
    batches: Sequence[int] = ()

    @property
    def documents(self) -> list[DocumentId]:
        """Those that wrote something of the members."""
        return [DocumentId(COMMUNITY_IMPORT, self.connection), *self.mappings]

    def are_in(self, document: DocumentId, write: Sequence[Any]) -> bool:
        """Whether a journalled write of a document has something of them. Posts that the community gave another author, before
        it was known who is gone, are found by the name."""
        keys = self.keys.get(write[2], ()) if document.kind == COMMUNITY_IMPORT else self.members
        texts = [text for text in write[3:] if text is not None]
        return write[0] in keys or any(f'"{AUTHOR_NAME}":{name}' in text for name in self.names for text in texts)


def find(session: Session, connection: str, members: Collection[str]) -> Traces:
    """Where something is known of these members of a community. Writes nothing."""
    found = Traces(
        connection=connection,
        members=frozenset(members),
        keys=_keys(session, connection, sorted(members)),
        names=_names(session, connection, sorted(members)),
        mappings=_mappings(session, connection),
    )
    batches = [
        row.id
        for document in found.documents
        for row in session.stream(_of(document))
        if any(found.are_in(document, write) for write in journal.unpacked(row.writes))
    ]
    return replace(found, batches=batches)


def erase(session: Session, traces: Traces, profile_scope: str) -> None:
    """Remove what `find` has found. `profile_scope` is the ledger of the community's profile fields."""
    own = _matches.c.connection == traces.connection
    session.execute(delete(_matches).where(own, _matches.c.id == bindparam("of_id")), _each(traces.members, "of_id"))
    book = ledger.find(session, profile_scope, ())
    if book.table is not None:
        session.execute(text(f"DELETE FROM {book.table} WHERE key = :key"), _each(traces.members, "key"))
    for document in traces.mappings:
        _erase_outcomes(session, document, None, traces.members)
    for item, keys in traces.keys.items():
        _erase_outcomes(session, DocumentId(COMMUNITY_IMPORT, traces.connection), item, keys)
    for item, book in _ledgers(session, traces):
        _blank_ledger(session, book, item, traces.keys[item])
    _blank_journal(session, traces)


def _keys(session: Session, connection: str, members: Sequence[str]) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    found[Kind.MEMBER.value] = {_key(id) for id in members}
    records = tables.community_records
    for start in range(0, len(members), CHUNK):
        query = select(records.c.kind, records.c.id).where(
            records.c.connection == connection, records.c.author.in_(members[start : start + CHUNK])
        )
        for kind, id in session.execute(query):
            found[kind].add(_key(id))
            found[CONTENT.kind].add(_key(content_identifier(connection, Kind(kind), id)))
    return dict(found)


def _names(session: Session, connection: str, members: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(members), CHUNK):
        query = select(_matches.c.label).where(
            _matches.c.connection == connection,
            _matches.c.id.in_(members[start : start + CHUNK]),
            _matches.c.label != "",
        )
        found.update(json.dumps(label, ensure_ascii=False) for label in session.execute(query).scalars())
    return found


def _key(text: str) -> str:
    """The key of a record in stage, ledger, outcomes and journal."""
    return json.dumps([text], ensure_ascii=False)


def _mappings(session: Session, connection: str) -> list[DocumentId]:
    """Whatever ever wrote the profile fields of a community."""
    query = select(_documents.c.name, _documents.c.spec).where(_documents.c.kind == PROFILE_FIELD_MAPPING)
    return [
        DocumentId(PROFILE_FIELD_MAPPING, row.name)
        for row in session.execute(query)
        if json.loads(row.spec).get("to") == connection
    ]


def _of(document: DocumentId) -> Any:
    at = (_batches.c.kind == document.kind, _batches.c.name == document.name)
    return select(_batches.c.id, _batches.c.writes).where(*at)


def _erase_outcomes(session: Session, document: DocumentId, item: str | None, keys: Collection[str]) -> None:
    statement = delete(_outcomes).where(
        _outcomes.c.kind == document.kind, _outcomes.c.name == document.name, _outcomes.c.key == bindparam("of_key")
    )
    chosen = statement if item is None else statement.where(_outcomes.c.item == item)
    session.execute(chosen, _each(keys, "of_key"))


def _ledgers(session: Session, traces: Traces) -> Iterator[tuple[str, Ledger]]:
    """Those of all targets that an import ever wrote to, also under an earlier name of the tenant. Never those of another
    community, whose members have the same ids."""
    others = _others(session, traces.connection)
    query = select(tables.ledgers.c.scope).where(tables.ledgers.c.scope.like("import:%"))
    for scope in list(session.execute(query).scalars()):
        book = ledger.find(session, scope, traces.keys.keys())
        if scope.split(":", 2)[2] not in others:
            yield from ((item, book) for item in book.columns)


def _others(session: Session, connection: str) -> set[str]:
    """The raw objects of all other communities that were ever recorded."""
    query = select(_documents.c.name, _documents.c.spec).where(_documents.c.kind == CONNECTION)
    tenants = {row.name: json.loads(row.spec).get("tenant") for row in session.execute(query)}
    own = tenants.pop(connection, None)
    return {raw_name(kind, tenant) for tenant in tenants.values() if tenant not in (None, own) for kind in Kind}


def _blank_ledger(session: Session, book: Ledger, item: str, keys: Collection[str]) -> None:
    column = book.columns[item]
    query = text(f"SELECT key, label, {column} FROM {book.table} WHERE key IN :keys AND {column} IS NOT NULL")
    query = query.bindparams(bindparam("keys", expanding=True))
    statement = text(f"UPDATE {book.table} SET label = :label, {column} = :value WHERE key = :key")
    several = sorted(keys)
    for start in range(0, len(several), CHUNK):
        blanks = [
            {
                "key": key,
                "label": json.loads(key)[0] if item == Kind.MEMBER else label,
                "value": json.dumps(_blank_record(item, json.loads(value)), ensure_ascii=False),
            }
            for key, label, value in session.execute(query, {"keys": several[start : start + CHUNK]})
        ]
        if blanks:
            session.execute(statement, blanks)


def _blank_record(item: str, record: Mapping[str, Json]) -> dict[str, Json]:
    """Of a member everything is personal, of a post the name of its author."""
    return {name: "" if item == Kind.MEMBER or name == AUTHOR_NAME else value for name, value in record.items()}


def _blank_journal(session: Session, traces: Traces) -> None:
    """That something was written stays on record; what, does not."""
    statement = update(_batches).where(_batches.c.id == bindparam("of_id")).values(writes=bindparam("now"))
    for document in traces.documents:
        for start in range(0, len(traces.batches), CHUNK):
            part = traces.batches[start : start + CHUNK]
            for row in session.execute(_of(document).where(_batches.c.id.in_(part))).all():
                writes = [
                    _blank_write(one) if traces.are_in(document, one) else one for one in journal.unpacked(row.writes)
                ]
                session.execute(statement, {"of_id": row.id, "now": journal.packed(writes)})


def _blank_write(write: Sequence[Any]) -> list[Any]:
    key, _, item, before, _ = write
    return [key, "", item, None if before is None else "", ""]


def _each(values: Collection[str], name: str) -> list[dict[str, str]]:
    return [{name: value} for value in sorted(values)]
