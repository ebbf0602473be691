"""What a cycle of a Sync costs in calls and minutes, as far as that can be known without asking its warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.config.convert import to_resource
from reconciler.config.load import LoadedProject
from reconciler.connectors.gainsight_cs.records import predict_calls
from reconciler.connectors.gainsight_cs.target import target_of
from reconciler.model.document import CONNECTION, SYNC, DocumentId
from reconciler.model.plan import Action, Cost, Plan
from reconciler.model.resources import CsConnection, Sync

if TYPE_CHECKING:
    from reconciler.state.database import Database

EXAMPLE = 1_000
"""Records that are reckoned with where no cycle has told how many there are."""


def costs(plan: Plan, loaded: LoadedProject, database: Database | None) -> tuple[Cost, ...]:
    """Of the Syncs that a plan adds or changes. `database` tells how many rows their last runs read."""
    syncs = [
        change.id
        for change in plan.changes
        if change.id.kind == SYNC and not change.item and change.action is not Action.FORGET
    ]
    rows = _rows(database, syncs) if database is not None and syncs else {}
    return tuple(cost for id in syncs for cost in _cost(id, loaded, rows.get(id)))


def _cost(id: DocumentId, loaded: LoadedProject, rows: int | None) -> Iterator[Cost]:
    flow = to_resource(loaded.documents[id])
    assert isinstance(flow, Sync)
    catalog, declared = (
        loaded.catalogs.get(flow.connection),
        loaded.documents.get(DocumentId(CONNECTION, flow.connection)),
    )
    known = catalog.objects.get(flow.object) if catalog else None
    connection = to_resource(declared) if declared else None
    if known is None or not isinstance(connection, CsConnection):
        return
    target, records = target_of(flow, known), rows or EXAMPLE
    # How many names there are is not known: at the most, each record names others of its own.
    names = dict.fromkeys(target.looked_up, records)
    new = predict_calls(
        target, new=records if target.creates else 0, known=0 if target.creates else records, names=names
    )
    yield Cost(
        document=id,
        records=records,
        example=not rows,
        names=bool(names),
        predicted=new,
        per_minute=connection.rate_limit.per_minute,
    )


def _rows(database: Database, syncs: list[DocumentId]) -> Mapping[DocumentId, int]:
    from reconciler.engine.chain import COMPLETED
    from reconciler.state import runs

    found = {}
    with database.read() as session:
        for id in syncs:
            last = runs.newest(session, [id], COMPLETED, whole=True)
            counts = runs.items(session, last.id).values() if last is not None else ()
            found[id] = max((tally.read for tally in counts), default=0)
    return found
