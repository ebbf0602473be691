"""From a document's name to a finished cycle: what is recorded decides, not what is in the working tree."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler import errors
from reconciler.clock import Clock
from reconciler.config import catalogs as catalog_files
from reconciler.config.convert import to_resource
from reconciler.connectors.base import (
    CommunitySource,
    Destination,
    MemberDirectory,
    ObjectSource,
    RecordDestination,
    Remote,
    RowSource,
    Tables,
)
from reconciler.connectors.gainsight_cs.target import RecordTarget, target_of
from reconciler.engine import holding, kinds, timetable
from reconciler.engine.cycle import Ends, Part, Progress, Report, run_cycle
from reconciler.engine.flows import warehouse
from reconciler.engine.flows.cursor import Cursor
from reconciler.engine.kinds import applied_document
from reconciler.engine.occasion import Occasion
from reconciler.engine.waiting import Waiting
from reconciler.model import destination
from reconciler.model.catalog import Catalog
from reconciler.model.document import COMMUNITY_IMPORT, MODEL, DocumentId
from reconciler.model.resources import (
    CcConnection,
    CommunityImport,
    Connection,
    CsConnection,
    Cyclic,
    Model,
    ProfileFieldMapping,
    SqlConnection,
    Sync,
)
from reconciler.model.run import Trigger
from reconciler.state import catalogs, documents, schedules, watermarks
from reconciler.state.catalogs import RecordedCatalog
from reconciler.state.database import Database
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session


class CsRemote(ObjectSource, Remote, Protocol):
    """A CS tenant that is read, and written."""

    def writer(self, target: RecordTarget) -> RecordDestination:
        """Made anew for each run."""
        ...


class CcRemote(MemberDirectory, Destination, Remote, Protocol):
    """A community that is listed and written, and read as a whole."""

    def community(self) -> CommunitySource:
        """Made anew for each run."""
        ...


class TablesRemote(Tables, Protocol):
    """A database that is written to."""

    @property
    def calls(self) -> int: ...

    def close(self) -> None: ...


class SqlRemote(RowSource, Protocol):
    """A warehouse that is read."""

    @property
    def calls(self) -> int: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """Makes connectors from recorded connections, each with the event that stops it.

    Secrets are resolved here, when they are needed and not before.
    """

    cs: Callable[[CsConnection, threading.Event], CsRemote]
    cc: Callable[[CcConnection, threading.Event], CcRemote]
    sql: Callable[[SqlConnection, threading.Event], SqlRemote]
    tables: Callable[[SqlConnection, threading.Event], TablesRemote]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """A document with everything that is recorded of what it names. The catalog is that of `tenant`."""

    id: DocumentId
    flow: Cyclic
    source: Connection
    target: Connection
    tenant: CsConnection
    catalog: Catalog
    model: Model | None
    applied_at: datetime
    """When the newest of all of it was applied."""
    applied: str
    """Names all of it as it was applied."""


def sync(
    database: Database,
    name: str,
    remotes: Remotes,
    *,
    holder: str,
    clock: Clock,
    stop: threading.Event,
    progress: Progress,
    occasion: Occasion | None = None,
) -> Report:
    """Run one cycle of the document `name`, now. Raises `errors.NotFound`, `errors.Locked`, `errors.SecretUnavailable`.

    With an `occasion` other than somebody's hand it may turn out that nothing is due: `errors.NotDue`.
    """
    with database.read() as session:
        recorded = _load(session, name)
    halt = holding.Halt(stop)
    with _open(database, recorded, remotes, halt, clock) as ends:
        report = run_cycle(
            database,
            recorded.id,
            ends,
            holder=holder,
            clock=clock,
            halt=halt,
            progress=progress,
            occasion=occasion or Occasion(),
        )
    if report.run.trigger is Trigger.MANUAL:
        database.run(lambda session: timetable.ran_by_hand(session, recorded.id, report.run, clock.now()))
    return report


def wish(database: Database, name: str, *, full: bool, accept_loss: bool) -> None:
    """Let the next cycle of a document read everything, whatever a cursor or an earlier pass says; let that of an import believe
    that most of a community is gone. Raises `errors.NotFound`, and `errors.UsageError` where there is no such thing."""
    with database.read() as session:
        id = applied_document(session, name)
    if id.kind != COMMUNITY_IMPORT:
        if accept_loss:
            raise errors.UsageError(f"{id} is no import of a community", hint="leave out --accept-loss")
        database.run(lambda session: watermarks.forget(session, id))
        return
    from reconciler.state import community

    database.run(lambda session: community.wish(session, id.name, full=full, accept_loss=accept_loss))


@contextmanager
def _open(
    database: Database, recorded: _Recorded, remotes: Remotes, halt: holding.Halt, clock: Clock
) -> Iterator[Ends]:
    match recorded.flow, recorded.source, recorded.target:
        case ProfileFieldMapping() as mapping, CsConnection() as source, CcConnection() as target:
            with closing(remotes.cs(source, halt)) as cs, closing(remotes.cc(target, halt)) as cc:
                yield _profile_ends(mapping, recorded.catalog, cs, cc)
        case Sync() as flow, SqlConnection() as source, CsConnection() as target:
            with closing(remotes.cs(target, halt)) as cs, closing(remotes.sql(source, halt)) as sql:
                yield _record_ends(flow, recorded, sql, cs)
        case CommunityImport() as flow, CcConnection() as source, CsConnection():
            with closing(remotes.cc(source, halt)) as cc, closing(remotes.cs(recorded.tenant, halt)) as cs:
                yield _import_ends(database, flow, recorded, source, cc, cs, cs, clock)
        case CommunityImport() as flow, CcConnection() as source, SqlConnection() as target:
            with (
                closing(remotes.cc(source, halt)) as cc,
                closing(remotes.cs(recorded.tenant, halt)) as cs,
                closing(remotes.tables(target, halt)) as tables,
            ):
                yield _import_ends(database, flow, recorded, source, cc, cs, tables, clock)
        case _:
            raise _incomplete(recorded.id)


def _profile_ends(mapping: ProfileFieldMapping, catalog: Catalog, source: CsRemote, target: CcRemote) -> Ends:
    # Here and not above: what one kind of cycle works with takes longer to load than a short cycle of another kind lasts.
    from reconciler.engine.flows import profile

    flow = profile.ProfileFlow(mapping, catalog, source, target)
    return Ends(
        parts=[Part(flow=flow, destination=target, scope=profile.scope(mapping.target))],
        job=kinds.PROFILE_JOB,
        connection=mapping.target,
        calls=lambda: source.calls + target.calls,
    )


def _record_ends(flow: Sync, recorded: _Recorded, source: SqlRemote, target: CsRemote) -> Ends:
    known = recorded.catalog.objects.get(flow.object)
    if known is None or recorded.model is None:
        raise _incomplete(recorded.id)
    keys = [] if flow.object in destination.PEOPLE else flow.key
    missing = {name for name in (*keys, *(rule.field for rule in flow.fields)) if name not in known.fields}
    if missing:
        raise errors.ConfigIncomplete(
            f"{recorded.id}: {flow.object} has no {', '.join(sorted(missing))} in the recorded catalog",
            hint="run `reconcile catalog pull`, correct the document, and apply",
        )
    part = Part(
        flow=warehouse.WarehouseFlow(flow, recorded.model, known, source, _cursor(recorded, recorded.model, source)),
        destination=warehouse.end(flow, known, target.writer(target_of(flow, known))),
        scope=warehouse.scope(flow),
    )
    return Ends(
        parts=[part],
        job=warehouse.job(flow),
        connection=flow.connection,
        calls=lambda: target.calls,
        place=warehouse.place(flow),
        applied_at=recorded.applied_at,
    )


def _import_ends(
    database: Database,
    flow: CommunityImport,
    recorded: _Recorded,
    community: CcConnection,
    source: CcRemote,
    people: CsRemote,
    target: CsRemote | TablesRemote,
    clock: Clock,
) -> Ends:
    from reconciler.engine import importing

    used = {id(remote): remote for remote in (source, people, target)}.values()
    reading = importing.Reading(
        flow=flow, community=community, source=source.community(), people=people, catalog=recorded.catalog
    )
    return importing.ends(
        database,
        reading,
        target,
        clock=clock,
        calls=lambda: sum(remote.calls for remote in used),
        applied_at=recorded.applied_at,
    )


def _cursor(recorded: _Recorded, model: Model, source: SqlRemote) -> Cursor | None:
    if model.cursor is None:
        return None
    return Cursor(document=recorded.id, model=model, column=model.cursor, source=source, applied=recorded.applied)


def _load(session: Session, name: str) -> _Recorded:
    id = applied_document(session, name)
    own = documents.load(session, [id])[id]
    flow = kinds.cyclic(own.document)
    around = kinds.surroundings(session, flow)
    model = _model(flow, around, id)
    source, target = (_connection(around, id, end) for end in kinds.ends(flow, around))
    refuse_waiting(session, flow, id)
    tenant = _connection(around, id, kinds.tenant(flow, around))
    catalog = catalogs.read(session, tenant.name)
    if catalog is None or not isinstance(tenant, CsConnection):
        raise _incomplete(id)
    _refuse_inactive(source, target, tenant)
    refuse_suspended(session, flow, id)
    return _Recorded(
        id=id,
        flow=flow,
        source=source,
        target=target,
        tenant=tenant,
        catalog=catalog_files.from_json(catalog.content, tenant.name),
        model=model,
        applied_at=_newest(own, around, catalog),
        applied="\n".join(f"{id} {found.applied_at}" for id, found in sorted({**around, id: own}.items()))
        + f"\n{catalog.digest} {catalog.saved_at}",
    )


def _newest(own: RecordedDocument, around: Mapping[DocumentId, RecordedDocument], catalog: RecordedCatalog) -> datetime:
    models = [recorded.applied_at for id, recorded in around.items() if id.kind == MODEL]
    return max([own.applied_at, catalog.saved_at, *models])


def _model(flow: Cyclic, around: Mapping[DocumentId, RecordedDocument], id: DocumentId) -> Model | None:
    if not isinstance(flow, Sync):
        return None
    recorded = around.get(DocumentId(MODEL, flow.model))
    model = None if recorded is None else to_resource(recorded.document)
    if not isinstance(model, Model):
        raise errors.NotFound(
            f"{id}: model '{flow.model}' is not recorded", hint="run `reconcile apply` without --only"
        )
    return model


def _connection(around: Mapping[DocumentId, RecordedDocument], id: DocumentId, end: DocumentId) -> Connection:
    recorded = around.get(end)
    if recorded is None:
        raise errors.NotFound(
            f"{id}: connection '{end.name}' is not recorded", hint="run `reconcile apply` without --only"
        )
    connection = to_resource(recorded.document)
    assert isinstance(connection, Connection)
    return connection


def _incomplete(id: DocumentId) -> errors.StateDamaged:
    return errors.StateDamaged(f"{id}: its connections or their catalog are not recorded", hint="run `reconcile apply`")


def refuse_suspended(session: Session, flow: Cyclic, id: DocumentId) -> None:
    """Raises `errors.ConfigIncomplete` for a document that somebody has suspended."""
    if flow.suspended:
        raise errors.ConfigIncomplete(f"{id.name} is suspended by its document", hint="take `suspend` out and apply")
    entry = schedules.get(session, id)
    if entry is not None and entry.suspended_at is not None:
        raise errors.ConfigIncomplete(
            f"{id.name} is suspended by {entry.suspended_by}", hint=f"reconcile resume {id.name}"
        )


def refuse_waiting(session: Session, flow: Cyclic, id: DocumentId) -> None:
    """Raises `errors.ConfigIncomplete` for an import that has nothing to write to."""
    why = Waiting(session).of(flow) if isinstance(flow, CommunityImport) else ""
    if why:
        what, _, hint = why.partition("; ")
        raise errors.ConfigIncomplete(f"{id} {what}", hint=hint)


def _refuse_inactive(*connections: Connection) -> None:
    for connection in connections:
        if not connection.active:
            raise errors.ConfigIncomplete(
                f"connection '{connection.name}' is deactivated: nothing of it syncs, everything is kept",
                hint="set `active: true` and apply to sync again",
            )
