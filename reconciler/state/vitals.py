"""How each document that has cycles is doing, in one statement that stays quick however long the history is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, and_, case, literal_column, select

from reconciler.model.document import CONNECTION, DocumentId
from reconciler.model.outcome import SKIPS, Reason
from reconciler.model.run import RunResult, Tally
from reconciler.state import tables
from reconciler.state.leases import free
from reconciler.state.session import Session

_documents, _runs, _schedules, _statuses = tables.documents, tables.runs, tables.schedules, tables.statuses
_leases = tables.leases

SUCCEEDED = (RunResult.SUCCESS, RunResult.PARTIAL)
"""Cycles that went through, also when some values were rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """`holder` has the lease now. `next_due` is None while nothing starts by itself. `rejected` is of the last cycle."""

    document: DocumentId
    last_success: datetime | None
    running: bool
    holder: str | None
    next_due: datetime | None
    rejected: Mapping[Reason, int]


def read(session: Session) -> list[Vitals]:
    """Every recorded document that has cycles, in order."""
    scheduled = and_(_schedules.c.kind == _documents.c.kind, _schedules.c.name == _documents.c.name)
    whole = and_(_statuses.c.kind == _documents.c.kind, _statuses.c.name == _documents.c.name, _statuses.c.item == "")
    leased = _leases.c.name == _documents.c.kind + "/" + _documents.c.name
    query = (
        select(
            _documents.c.kind,
            _documents.c.name,
            _newest(_runs.c.ended_at, _runs.c.result.in_([result.value for result in SUCCEEDED])).label("success"),
            _newest(_runs.c.result).label("newest"),
            _schedules.c.due_at,
            _statuses.c.tally,
            case((literal_column(f"({free(session)})"), None), else_=_leases.c.holder).label("holder"),
        )
        .select_from(_documents.outerjoin(_schedules, scheduled).outerjoin(_statuses, whole).outerjoin(_leases, leased))
        .where(_documents.c.forgotten_at.is_(None), _documents.c.kind != CONNECTION)
        .order_by(_documents.c.kind, _documents.c.name)
    )
    return [_vitals(row) for row in session.execute(query)]


def _vitals(row: Row[*tuple[Any, ...]]) -> Vitals:
    reasons = Tally.from_json(json.loads(row.tally or "{}")).reasons
    return Vitals(
        document=DocumentId(row.kind, row.name),
        last_success=row.success,
        # A process that was killed left its run open, but not its lease.
        running=row.newest == RunResult.RUNNING.value and row.holder is not None,
        holder=row.holder,
        next_due=row.due_at,
        rejected={reason: count for reason, count in sorted(reasons.items()) if reason not in SKIPS},
    )


def _newest(column: ColumnElement[datetime] | ColumnElement[str], *wanted: ColumnElement[bool]) -> ScalarSelect[object]:
    """A column of the newest run of a document. By its index: newest first, and no further than needed."""
    of_document = and_(_runs.c.kind == _documents.c.kind, _runs.c.document == _documents.c.name, *wanted)
    return (
        select(column).where(of_document).order_by(_runs.c.id.desc()).limit(1).correlate(_documents).scalar_subquery()
    )
