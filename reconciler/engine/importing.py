"""The ends of a community import: what is read and worked out before its parts, and a part for each object of the target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.clock import Clock
from reconciler.connectors.base import CommunitySource, ObjectSource, RecordDestination, Tables
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.engine import ingest, resolving
from reconciler.engine.cycle import Ends, Part, Progress
from reconciler.engine.flows import profile
from reconciler.engine.flows.community import ImportFlow, Missing, Origin, Render, WholeEnd, scope
from reconciler.engine.holding import Held
from reconciler.engine.kinds import IMPORT_JOB
from reconciler.model.catalog import Catalog, CatalogField
from reconciler.model.community import Kind, ObjectDefinition, Unusable, objects
from reconciler.model.document import COMMUNITY_IMPORT, DocumentId
from reconciler.model.json import Json
from reconciler.model.outcome import Reason
from reconciler.model.resources import Behavior, CcConnection, CommunityImport
from reconciler.planning.objects import TargetObject, compare
from reconciler.records.coerce import coerce
from reconciler.state import erasure, imports, outcomes
from reconciler.state.database import Database


class Tenant(ObjectSource, Protocol):
    """A Gainsight CS tenant whose records can be written."""

    def writer(self, target: RecordTarget) -> RecordDestination: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an import reads: its document, its community, and the tenant that its members are looked up in."""

    flow: CommunityImport
    community: CcConnection
    source: CommunitySource
    people: ObjectSource
    catalog: Catalog
    """That of `people`."""


def ends(
    database: Database,
    reading: Reading,
    target: Tenant | Tables,
    *,
    clock: Clock,
    calls: Callable[[], int],
    applied_at: datetime,
) -> Ends:
    """Everything that one cycle of an import needs."""
    flow = reading.flow
    definitions = objects(reading.community.tenant, reading.community.profile_fields)
    unusable: list[Unusable] = []
    """What reading finds, before any part is staged."""
    if isinstance(target, Tables):
        parts = [_table_part(database, reading, target, definition, unusable) for definition in definitions]
    else:
        found = compare(definitions, reading.catalog)
        parts = [_object_part(database, reading, target, one, unusable) for one in found]

    def prepare(lease: Held, progress: Progress) -> None:
        if isinstance(target, Tables):
            target.prepare(definitions, lacks=lambda *what: _lose(database, flow.target, lease, *what))
        unusable.extend(_read(database, reading, lease, progress, clock))

    return Ends(
        parts=parts,
        job=IMPORT_JOB,
        connection=flow.target,
        calls=calls,
        prepare=prepare,
        applied_at=applied_at,
    )


def _read(database: Database, reading: Reading, lease: Held, progress: Progress, clock: Clock) -> Sequence[Unusable]:
    """Bring the store up to date, then what is derived from it. Gives what could not be used of what came."""
    flow, connection = reading.flow, reading.community.name
    with database.read() as session:
        counted_at = imports.counted_at(session, connection)
        document = DocumentId(COMMUNITY_IMPORT, flow.name)
        unusable = outcomes.count(session, document=document, item=Kind.TOPIC.value, reason=Reason.MALFORMED)
    settings = ingest.Settings(
        profiles=bool(reading.community.profile_fields or flow.identity.profile_fields),
        full_every=flow.full_every,
        refresh_members=flow.refresh_members,
        # Views move nothing in the list of what was active. Counted once a day, they belong to that day.
        # A topic that cannot be used may become usable without having been active.
        every_topic=counted_at is None or counted_at.date() < clock.now().date() or unusable > 0,
    )

    def forget() -> None:
        _forget(database, connection, lease)

    forget()
    with database.workspace() as workspace:
        ingested = ingest.ingest(
            workspace,
            connection,
            reading.source,
            lease=lease,
            clock=clock,
            settings=settings,
            progress=progress,
            forget=forget,
        )
    progress.phase("resolving", None)
    resolving.resolve(
        database,
        connection,
        flow.identity,
        reading.people,
        reading.catalog,
        clock=clock,
        assert_held=lease.assert_held,
        advance=progress.advance,
    )
    with database.begin() as session:
        lease.assert_held(session)
        imports.count(session, connection, clock.now())
    return ingested.unusable


def _forget(database: Database, connection: str, lease: Held) -> None:
    """Take members who are gone out of everything else. Also before anything is read: a run may never have come this far."""
    with database.read() as session:
        members = imports.to_forget(session, connection)
        traces = erasure.find(session, connection, members) if members else None
    if traces is not None:
        with database.begin() as session:
            lease.assert_held(session)
            erasure.erase(session, traces, profile.scope(connection))
            imports.forgotten(session, connection)


def _lose(database: Database, target: str, lease: Held, definition: ObjectDefinition, fields: Collection[str]) -> None:
    """What a target no longer has is written again: a table that somebody dropped or emptied, or another database."""
    with database.begin() as session:
        lease.assert_held(session)
        imports.lose(session, scope(target, definition.name), definition, fields)


def _origin(reading: Reading) -> Origin:
    return Origin(connection=reading.community.name, tenant=reading.community.tenant)


def _table_part(
    database: Database, reading: Reading, target: Tables, definition: ObjectDefinition, unusable: Sequence[Unusable]
) -> Part:
    names = {field.name: (field.name, _as_it_is) for field in definition.fields}
    return Part(
        flow=ImportFlow(database, _origin(reading), definition, definition.fields, unusable),
        destination=WholeEnd(writer=target.records(definition), item=definition.kind, fields=names, key=definition.key),
        scope=scope(reading.flow.target, definition.name),
    )


def _object_part(
    database: Database, reading: Reading, target: Tenant, found: TargetObject, unusable: Sequence[Unusable]
) -> Part:
    definition, ledger = found.definition, scope(reading.flow.target, found.definition.name)
    if found.found is None or not found.usable:
        return Part(flow=Missing(definition, _why_unusable(found, reading.flow)), destination=None, scope=ledger)
    usable = [field for field in definition.fields if field.name in found.fields]
    fields = {field.name: (found.fields[field.name].name, _coercing(found.fields[field.name])) for field in usable}
    key = found.fields[definition.key].name
    writer = target.writer(RecordTarget(object=found.found, key=(key,), behavior=Behavior.UPDATE_OR_CREATE))
    return Part(
        flow=ImportFlow(database, _origin(reading), definition, usable, unusable),
        destination=WholeEnd(writer=writer, item=definition.kind, fields=fields, key=definition.key),
        scope=ledger,
    )


def _why_unusable(found: TargetObject, flow: CommunityImport) -> str:
    if found.found is None:
        named = f"{flow.target} has no object '{found.definition.name}'"
        return f"{named}; `reconcile explain {COMMUNITY_IMPORT}/{flow.name}` lists its fields"
    if found.problems:
        return f"'{found.definition.name}' {found.problems[0]}"
    return f"'{found.definition.name}' has no field '{found.definition.key}', by which records are found"


def _coercing(field: CatalogField) -> Render:
    return lambda value: coerce(_spelled(value), field)


def _spelled(value: Json) -> str:
    """A value of a community as a warehouse would give it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return ";".join(str(one) for one in value)
        case _:
            return str(value)


def _as_it_is(value: Json) -> Json:
    return value
