"""What the readers show: statuses with their next due time, rejected values, the export. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import groupby

from reconciler import errors
from reconciler.config.convert import to_resource
from reconciler.engine.badges import badges
from reconciler.engine.flows import profile, warehouse
from reconciler.engine.kinds import possible
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
        applied = _flows(session, recorded)
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


def _flows(
    session: Session, known: Mapping[DocumentId, documents.RecordedDocument] | None = None
) -> dict[DocumentId, Cyclic]:
    """The documents that run in cycles."""
    found: dict[DocumentId, Cyclic] = {}
    for id, recorded in (documents.load(session) if known is None else known).items():
        resource = to_resource(recorded.document)
        if isinstance(resource, Cyclic):
            found[id] = resource
    return found


def named(applied: Iterable[DocumentId], name: str) -> DocumentId:
    """The applied document with this name, also written `Kind/name`. Raises `errors.NotFound`, `errors.UsageError`."""
    ids = sorted(applied)
    meant = [id for id in ids if name in (id.name, str(id))]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise errors.UsageError(f"'{name}' could be {' or '.join(map(str, meant))}", hint="write its kind, too")
    known = ", ".join(sorted(id.name for id in ids)) or "none"
    shown = name.rpartition("/")[2]
    raise errors.NotFound(
        f"no document '{shown}' has been applied (applied: {known})",
        hint="commands work with what is applied; `reconcile plan` shows what is written and not applied yet",
    )


def applied_document(session: Session, name: str) -> DocumentId:
    """The id of the applied document with this name. Raises `errors.NotFound`, `errors.UsageError`."""
    # Each cycle asks: only an answer that names the others needs to look at all of them.
    return named(documents.load(session, possible(name)) or _flows(session), name)


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
        applied = _flows(session)
        ids: Sequence[DocumentId] = sorted(id for id, flow in applied.items() if isinstance(flow, ProfileFieldMapping))
        if name is not None:
            ids = [named(applied, name)]
        flows = {id: _with_values(id, applied[id]) for id in ids}
        rows = (row for id, flow in flows.items() for row in _rows(session, id, flow))
        if any(isinstance(flow, Sync) for flow in flows.values()):
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
