"""From a document's name to a finished cycle: what is recorded decides, not what is in the working tree."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from reconciler import errors
from reconciler.clock import Clock
from reconciler.config import catalogs as catalog_files
from reconciler.config.convert import to_resource
from reconciler.connectors.base import Destination, MemberDirectory, ObjectSource, Remote
from reconciler.engine import holding, timetable
from reconciler.engine.cycle import Ends, Progress, Report, run_cycle
from reconciler.engine.flows.profile import ProfileFlow, scope
from reconciler.engine.looking import applied_document
from reconciler.engine.occasion import Occasion
from reconciler.model.catalog import Catalog
from reconciler.model.document import CONNECTION, PROFILE_FIELD_MAPPING, Document, DocumentId
from reconciler.model.resources import CcConnection, CsConnection, ProfileFieldMapping
from reconciler.model.run import Trigger
from reconciler.state import catalogs, documents, schedules
from reconciler.state.database import Database
from reconciler.state.session import Session


class CsRemote(ObjectSource, Remote, Protocol):
    """A CS tenant that is read."""


class CcRemote(MemberDirectory, Destination, Remote, Protocol):
    """A community that is listed and written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """Makes connectors from recorded connections, each with the event that stops it.

    Secrets are resolved here, when they are needed and not before.
    """

    cs: Callable[[CsConnection, threading.Event], CsRemote]
    cc: Callable[[CcConnection, threading.Event], CcRemote]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    mapping: ProfileFieldMapping
    source: CsConnection
    target: CcConnection
    catalog: Catalog


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
    with _open(recorded, remotes, halt) as (source, target):
        ends = Ends(
            flow=ProfileFlow(recorded.mapping, recorded.catalog, source, target),
            destination=target,
            scope=scope(recorded.mapping),
            connection=recorded.target.name,
            calls=lambda: source.calls + target.calls,
        )
        document = DocumentId(PROFILE_FIELD_MAPPING, recorded.mapping.name)
        report = run_cycle(
            database,
            document,
            ends,
            holder=holder,
            clock=clock,
            halt=halt,
            progress=progress,
            occasion=occasion or Occasion(),
        )
    if report.run.trigger is Trigger.MANUAL:
        database.run(lambda session: timetable.ran_by_hand(session, document, report.run, clock.now()))
    return report


@contextmanager
def _open(recorded: _Recorded, remotes: Remotes, halt: holding.Halt) -> Iterator[tuple[CsRemote, CcRemote]]:
    source = remotes.cs(recorded.source, halt)
    try:
        target = remotes.cc(recorded.target, halt)
        try:
            yield source, target
        finally:
            target.close()
    finally:
        source.close()


def _load(session: Session, name: str) -> _Recorded:
    id = applied_document(session, name)
    document = documents.load(session, [id])[id].document
    mapping = to_resource(document)
    assert isinstance(mapping, ProfileFieldMapping)
    ends = [DocumentId(CONNECTION, connection) for connection in (mapping.source, mapping.target)]
    found = {known: entry.document for known, entry in documents.load(session, ends).items()}
    source, target = (_connection(found, document, end) for end in ends)
    content = catalogs.read(session, mapping.source)
    if not isinstance(source, CsConnection) or not isinstance(target, CcConnection) or content is None:
        raise errors.StateDamaged(
            f"{document.id}: its connections or their catalog are not recorded", hint="run `reconcile apply`"
        )
    _refuse_inactive(source, target)
    refuse_suspended(session, mapping)
    return _Recorded(
        mapping=mapping, source=source, target=target, catalog=catalog_files.from_json(content.content, mapping.source)
    )


def _connection(found: Mapping[DocumentId, Document], document: Document, id: DocumentId) -> object:
    recorded = found.get(id)
    if recorded is None:
        raise errors.NotFound(
            f"{document.id}: connection '{id.name}' is not recorded", hint="run `reconcile apply` without --only"
        )
    return to_resource(recorded)


def refuse_suspended(session: Session, mapping: ProfileFieldMapping) -> None:
    """Raises `errors.ConfigIncomplete` for a document that somebody has suspended."""
    if mapping.suspended:
        raise errors.ConfigIncomplete(
            f"{mapping.name} is suspended by its document", hint="take `suspend` out and apply"
        )
    entry = schedules.get(session, DocumentId(PROFILE_FIELD_MAPPING, mapping.name))
    if entry is not None and entry.suspended_at is not None:
        raise errors.ConfigIncomplete(
            f"{mapping.name} is suspended by {entry.suspended_by}", hint=f"reconcile resume {mapping.name}"
        )


def _refuse_inactive(*connections: CsConnection | CcConnection) -> None:
    for connection in connections:
        if not connection.active:
            raise errors.ConfigIncomplete(
                f"connection '{connection.name}' is deactivated: nothing of it syncs, everything is kept",
                hint="set `active: true` and apply to sync again",
            )
