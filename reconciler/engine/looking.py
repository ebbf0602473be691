"""What the readers show: statuses with their next due time, rejected values, the export. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby

from reconciler import errors
from reconciler.config.convert import to_resource
from reconciler.engine.flows import profile
from reconciler.model.document import PROFILE_FIELD_MAPPING, DocumentId
from reconciler.model.resources import ProfileFieldMapping
from reconciler.model.status import StatusEntry
from reconciler.report.records import ExportRow, export_rows
from reconciler.report.status import DocumentStatus
from reconciler.schedule import describe, next_slot
from reconciler.state import documents, ledger, outcomes, runs, statuses
from reconciler.state.database import Database
from reconciler.state.session import Session


def document_statuses(database: Database, name: str | None, now: datetime) -> list[DocumentStatus]:
    """Statuses of all applied documents, or of one. Raises `errors.NotFound`."""
    with database.read() as session:
        applied = _mappings(session)
        if name is not None:
            id = named(applied, name)
            applied = {id: applied[id]}
        entries = sorted((e for e in statuses.read(session) if DocumentId(e.kind, e.name) in applied), key=_by_document)
        unfinished = runs.unfinished(session)
    found = []
    for (kind, document), group in groupby(entries, key=lambda entry: (entry.kind, entry.name)):
        whole, *parts = group
        id = DocumentId(kind, document)
        schedule = applied[id].schedule
        found.append(
            DocumentStatus(
                whole=whole,
                mappings=tuple(parts),
                schedule=describe(schedule),
                next_due=next_slot(schedule, now),
                unfinished=unfinished.get(id),
            )
        )
    return found


def _by_document(entry: StatusEntry) -> tuple[str, str, str]:
    return (entry.kind, entry.name, entry.item)


def _mappings(session: Session) -> dict[DocumentId, ProfileFieldMapping]:
    found = {}
    for id, recorded in documents.load(session).items():
        resource = to_resource(recorded.document)
        if isinstance(resource, ProfileFieldMapping):
            found[id] = resource
    return found


def named(applied: dict[DocumentId, ProfileFieldMapping], name: str) -> DocumentId:
    """The applied document with this name, also written `Kind/name`. Raises `errors.NotFound`."""
    id = DocumentId(PROFILE_FIELD_MAPPING, name.removeprefix(f"{PROFILE_FIELD_MAPPING}/"))
    if id in applied:
        return id
    known = ", ".join(sorted(other.name for other in applied)) or "none"
    raise errors.NotFound(
        f"no document '{id.name}' has been applied (applied: {known})",
        hint="commands work with what is applied; `reconcile plan` shows what is written and not applied yet",
    )


def applied_document(session: Session, name: str) -> DocumentId:
    """The id of the applied document with this name. Raises `errors.NotFound`."""
    return named(_mappings(session), name)


@contextmanager
def export(database: Database, name: str | None) -> Iterator[Iterator[ExportRow]]:
    """The synced data of one document, or of all: a stream that is valid inside the context."""
    with database.read() as session:
        applied = _mappings(session)
        ids: Sequence[DocumentId] = [named(applied, name)] if name is not None else sorted(applied)
        yield (row for id in ids for row in _rows(session, id, applied[id]))


def _rows(session: Session, id: DocumentId, mapping: ProfileFieldMapping) -> Iterator[ExportRow]:
    items = sorted(entry.profile_field for entry in mapping.mappings)
    book = ledger.find(session, profile.scope(mapping), items)
    acknowledged = ledger.export(session, book, items)
    rejected = (record.rejection for record in outcomes.by_record(session, id))
    return export_rows(acknowledged, rejected)
