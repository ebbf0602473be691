"""Applies a plan: one transaction for each document, so that a cut at any point leaves whole documents behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from reconciler import errors, failpoints
from reconciler.clock import Clock, new_token
from reconciler.config import catalogs as catalog_files
from reconciler.config.convert import to_resource
from reconciler.config.load import LoadedProject
from reconciler.engine import holding, status, waiting
from reconciler.engine.planner import CATALOG, desired, make_plan
from reconciler.failpoints import Step
from reconciler.model.document import HAVING_CYCLES, MODEL, Document, DocumentId
from reconciler.model.json import Json
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.resources import CommunityImport, Sync
from reconciler.planning.diff import Desired
from reconciler.planning.limits import exceeded, needed
from reconciler.report.plan import limit_message
from reconciler.state import applies, catalogs, documents, meta
from reconciler.state.database import Database
from reconciler.state.session import Session

LEASE = "apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an apply did: the plan as it was carried out, and the serial after it."""

    plan: Plan
    serial: int


def apply(
    loaded: LoadedProject,
    database: Database,
    *,
    clock: Clock,
    holder: str,
    allow: int = 0,
    only: tuple[str, ...] = (),
    saved: Mapping[str, Json] | None = None,
    commit: str | None = None,
) -> Applied:
    """Make the plan and carry it out.

    `saved` is the content of a plan file: the plan made now must be the very same. `allow` is how many recorded documents
    or mappings may be touched beyond the limits. Raises `errors.StalePlan`, `errors.SafetyStop`, `errors.Locked`.
    """
    database.migrate()
    with holding.held(database, LEASE, holder) as lease:
        plan = make_plan(loaded, database, only=_only(saved) if saved else only)
        if saved is not None:
            refuse_stale(plan, saved)
        _refuse_mass_change(plan, loaded, allow)
        wanted = desired(loaded)
        _refuse_unchecked(plan, wanted)
        serial = plan.base.serial
        for changes in _in_order(plan):
            with database.begin() as session:
                lease.assert_held(session)
                serial = _record(session, changes, wanted, clock, commit, serial)
            failpoints.reached(Step.DOCUMENT_APPLIED)
        with database.begin() as session:
            if not only and not plan.only:
                serial = _settle(session, wanted, commit, serial)
            if serial != plan.base.serial:
                applies.record(session, serial=serial, commit=commit, digest=wanted.digest, by=holder, now=clock.now())
        return Applied(plan=plan, serial=serial)


def _only(saved: Mapping[str, Json]) -> tuple[str, ...]:
    names = saved.get("only")
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def refuse_stale(plan: Plan, saved: Mapping[str, Json]) -> None:
    """Raises `errors.StalePlan` with the reason when a saved plan is not the plan of this moment."""
    if saved.get("digest") == plan.digest:
        return
    then = saved.get("base")
    base = then if isinstance(then, Mapping) else {}
    if base.get("lineage") != plan.base.lineage and base.get("lineage") is not None:
        why = "it was made for another project's state"
    elif base.get("serial") != plan.base.serial:
        why = f"the state has moved from serial {base.get('serial')} to {plan.base.serial} since"
    elif base.get("desired") != plan.base.desired:
        why = "the documents or catalogs have changed since"
    else:
        why = "it was made by another version of reconcile"
    raise errors.StalePlan(
        f"the saved plan is stale: {why}", hint="run `reconcile plan --out FILE` again and review it"
    )


def _refuse_mass_change(plan: Plan, loaded: LoadedProject, allow: int) -> None:
    broken = exceeded(plan, loaded.project.limits)
    if needed(broken) > allow:
        raise errors.SafetyStop(
            limit_message(broken),
            hint="nothing was changed; if this is meant, confirm the number, else look for a missing folder or file",
        )


def _refuse_unchecked(plan: Plan, wanted: Desired) -> None:
    """Documents are applied only when the attributes that they read or write could be checked."""
    for change in plan.changes:
        if change.item or change.id.kind not in HAVING_CYCLES or change.action is Action.FORGET:
            continue
        connection, why = _unchecked(wanted, wanted.documents[change.id])
        if why:
            raise errors.ConfigIncomplete(
                f"{change.id}: {why}",
                hint=f"run `reconcile catalog pull {connection}` and commit the file it writes",
            )


def _unchecked(wanted: Desired, document: Document) -> tuple[str, str | None]:
    """The connection whose attributes a document depends on, and why they were not checked. An import waits for them."""
    resource = to_resource(document)
    if isinstance(resource, CommunityImport):
        return resource.target, None
    written = resource.object if isinstance(resource, Sync) else None
    connection = resource.connection if isinstance(resource, Sync) else str(document.spec.get("from"))
    catalog = wanted.documents.get(DocumentId(CATALOG, connection))
    if catalog is None:
        return connection, f"there is no catalog of {connection}, so its attributes were not checked"
    known = catalog_files.from_json(catalog.spec, connection).objects.get(written) if written is not None else None
    if written is not None and (known is None or known.custom is None):
        return connection, f"the catalog of {connection} does not say what can be written to {written}"
    return connection, None


def _in_order(plan: Plan) -> list[list[Change]]:
    """The changes of each document: connections before what uses them; when forgetting, the other way round."""
    groups = [list(changes) for _, changes in groupby(plan.changes, key=lambda change: change.id)]
    forgotten = [group for group in groups if group[0].action is Action.FORGET]
    return [group for group in groups if group[0].action is not Action.FORGET] + forgotten[::-1]


def _record(
    session: Session, changes: list[Change], wanted: Desired, clock: Clock, commit: str | None, serial: int
) -> int:
    """Record one document as it is declared now, or that it is forgotten. Returns the new serial."""
    now, id = clock.now(), changes[0].id
    if meta.read(session) is None:
        meta.initialise(session, wanted.project, new_token(), now=now)
    _refuse_moved(session, serial)
    if changes[0].action is Action.FORGET:
        _forget(session, id, now, serial + 1)
    elif id.kind == CATALOG:
        document = wanted.documents[id]
        catalogs.save(session, id.name, document.digest, document.spec, now=now)
    else:
        documents.save(session, wanted.documents[id], now=now, serial=serial + 1, commit=commit)
    if id.kind == MODEL:
        for user in _readers(session, id.name):
            status.after_apply_of_source(session, user, now=now)
    if id.kind in HAVING_CYCLES:
        status.after_apply(session, id, changes, now=now)
    reasons = waiting.Waiting(session)
    for found, flow in waiting.affected(session, id):
        status.after_apply_of_target(session, found, reasons.of(flow), now=now)
    return meta.bump(session, commit=commit)


def _readers(session: Session, model: str) -> list[DocumentId]:
    """The recorded Syncs that read a model."""
    known = ((id, to_resource(entry.document)) for id, entry in documents.load(session).items())
    return sorted(id for id, resource in known if isinstance(resource, Sync) and resource.model == model)


def _forget(session: Session, id: DocumentId, now: datetime, serial: int) -> None:
    if id.kind == CATALOG:
        catalogs.remove(session, id.name)
    else:
        documents.forget(session, id, now=now, serial=serial)


def _refuse_moved(session: Session, serial: int) -> None:
    """Somebody who wrote without our lease would make the plan a lie."""
    current = meta.read(session)
    if current is not None and current.serial != serial:
        raise errors.StalePlan(
            f"the state moved from serial {serial} to {current.serial} while applying", hint="run it again"
        )


def _settle(session: Session, wanted: Desired, commit: str | None, serial: int) -> int:
    """Note which commit and which digest the record now stands for."""
    current = meta.read(session)
    if current is not None and current.desired_digest == wanted.digest and current.commit == commit:
        return serial
    return meta.bump(session, digest=wanted.digest, commit=commit)
