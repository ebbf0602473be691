"""What the readers show: statuses with their next due time, rejected values, the export. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import groupby

from reconciler import errors
from reconciler.engine.badges import badges
from reconciler.engine.flows import profile, warehouse
from reconciler.engine.kinds import applied_document, flows, named, possible
from reconciler.engine.occasion import Timing
from reconciler.engine.timetable import timing
from reconciler.engine.waiting import Waiting
from reconciler.model.document import COMMUNITY_IMPORT, PROFILE_FIELD_MAPPING, DocumentId
from reconciler.model.event import CONFIG
from reconciler.model.resources import CommunityImport, Cyclic, LoopSettings, ProfileFieldMapping, Sync
from reconciler.model.run import Run
from reconciler.model.status import StatusEntry
from reconciler.records.resolution.result import Outcome as MatchOutcome
from reconciler.report.csv import EXPORT_HEAD, RECORD_HEAD
from reconciler.report.records import ExportRow, export_rows, record_rows
from reconciler.report.status import DocumentStatus
from reconciler.schedule import describe, next_slot
from reconciler.state import conditions, documents, imports, ledger, outcomes, runs, schedules, statuses
from reconciler.state.conditions import Held
from reconciler.state.database import Database
from reconciler.state.imports import MemberMatch
from reconciler.state.session import Session

UNSCHEDULED = "when asked"


def document_statuses(
    database: Database, name: str | None, settings: LoopSettings, now: datetime
) -> list[DocumentStatus]:
    """Statuses of all applied documents, or of one. Raises `errors.NotFound`."""
    with database.read() as session:
        recorded = documents.load(session)
        applied = flows(session, recorded)
        if name is not None:
            id = named(applied, name)
            applied = {id: applied[id]}
        entries = sorted((e for e in statuses.read(session) if DocumentId(e.kind, e.name) in applied), key=_by_document)
        unfinished = runs.unfinished(session)
        entries_due = schedules.read(session)
        waiting = Waiting(session)
        timings = {id: timing(flow, recorded, settings, waiting) for id, flow in applied.items()}
        last = runs.by_id(session, {entry.run_id for entry in entries if not entry.item and entry.run_id is not None})
    found = []
    for (kind, document), group in groupby(entries, key=lambda entry: (entry.kind, entry.name)):
        whole, *parts = group
        id = DocumentId(kind, document)
        when, entry, run = timings[id], entries_due.get(id), unfinished.get(id)
        found.append(
            DocumentStatus(
                whole=whole,
                mappings=tuple(parts),
                schedule=describe(when.schedule) if when.schedule is not None else UNSCHEDULED,
                next_due=entry.due_at if entry is not None else _next_due(when, now),
                unfinished=run,
                badges=badges(entry, when, run, now),
                extent=last[whole.run_id].extent if whole.run_id in last else None,
            )
        )
    return found


def _next_due(when: Timing, now: datetime) -> datetime | None:
    """When a document is due that no loop has seen yet."""
    return next_slot(when.schedule, now) if when.schedule is not None and not when.waiting else None


def config_conditions(database: Database) -> list[Held]:
    """What is the matter with the configuration that the loop follows."""
    with database.read() as session:
        return conditions.read(session, CONFIG)


def _by_document(entry: StatusEntry) -> tuple[str, str, str]:
    return (entry.kind, entry.name, entry.item)


def document_of_runs(session: Session, name: str) -> DocumentId:
    """The id whose runs are meant: also that of a forgotten document, or of one that never was. Raises `errors.UsageError`."""
    meant = possible(name)
    known = documents.load(session, meant) or documents.load(session, meant, forgotten=True)
    return named(known, name) if known else (meant or [DocumentId(PROFILE_FIELD_MAPPING, name)])[0]


@contextmanager
def members_of(
    database: Database, name: str, outcome: str, words: str
) -> Iterator[tuple[Iterator[MemberMatch], int, dict[str, int]]]:
    """The members of an import whose resolution ended in one way: a stream that is valid inside the context, how many it has,
    and how many members ended in each way. Raises `errors.UsageError` for a document that is no import."""
    with database.read() as session:
        id = applied_document(session, name)
        if id.kind != COMMUNITY_IMPORT:
            raise errors.UsageError(
                f"{id} has no members that are tied to people",
                hint="leave out --outcome: it is for imports of communities",
            )
        wanted = [MatchOutcome(outcome)]
        total = imports.count_found(session, id.name, wanted, words)
        counts = {str(known): count for known, count in imports.count_matches(session, id.name).items()}
        with closing(imports.matches(session, id.name, wanted, words)) as found:
            yield found, total, counts


def member_counts(database: Database, run: Run) -> dict[str, int]:
    """How many members of a community ended in each way, as they stand after a run; nothing where the run was no import."""
    if run.kind != COMMUNITY_IMPORT:
        return {}
    with database.read() as session:
        return {str(known): count for known, count in imports.count_matches(session, run.document).items()}


@contextmanager
def export(database: Database, name: str | None) -> Iterator[tuple[Sequence[str], Iterator[ExportRow]]]:
    """The synced data of one document, or of all mappings: its head, and a stream that is valid inside the context."""
    with database.read() as session:
        applied = flows(session)
        ids: Sequence[DocumentId] = sorted(id for id, flow in applied.items() if isinstance(flow, ProfileFieldMapping))
        if name is not None:
            ids = [named(applied, name)]
        wanted = {id: _with_values(id, applied[id]) for id in ids}
        rows = (row for id, flow in wanted.items() for row in _rows(session, id, flow))
        if any(isinstance(flow, Sync) for flow in wanted.values()):
            yield RECORD_HEAD, record_rows(rows)
        else:
            yield EXPORT_HEAD, rows


def _with_values(id: DocumentId, flow: Cyclic) -> ProfileFieldMapping | Sync:
    """The document, if it has values that can be exported."""
    if isinstance(flow, CommunityImport):
        raise errors.UsageError(
            f"{id}: what an import has written is in {flow.target} itself, as records",
            hint=f"`reconcile records {id.name}` lists what was rejected",
        )
    return flow


def _rows(session: Session, id: DocumentId, flow: ProfileFieldMapping | Sync) -> Iterator[ExportRow]:
    match flow:
        case Sync():
            items, scope = sorted(rule.field for rule in flow.fields), warehouse.scope(flow)
        case ProfileFieldMapping():
            items, scope = sorted(entry.profile_field for entry in flow.mappings), profile.scope(flow.target)
    book = ledger.find(session, scope, items)
    acknowledged = ledger.export(session, book, items)
    rejected = (record.rejection for record in outcomes.by_record(session, id) if record.rejection.item)
    return export_rows(acknowledged, rejected)
