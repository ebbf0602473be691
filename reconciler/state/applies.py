"""Which plans were applied, and which of those that wait were approved by somebody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_table = tables.applies
_approvals = tables.approvals


def record(session: Session, *, serial: int, commit: str | None, digest: str, by: str, now: datetime) -> None:
    """Note an apply: the serial after it, the commit and the digest of the desired state."""
    row = {"serial": serial, "commit_id": commit, "digest": digest, "applied_at": now, "applied_by": by}
    session.execute(insert(_table).values(**row))


def commits(session: Session, limit: int = 1000) -> list[str]:
    """The commits that were applied, the newest first."""
    query = select(_table.c.commit_id).where(_table.c.commit_id.is_not(None)).order_by(_table.c.id.desc()).limit(limit)
    return [str(commit) for commit in session.execute(query).scalars()]


def approve(session: Session, subject: str, by: str, *, now: datetime) -> None:
    """Somebody takes responsibility for `subject`: the digest of a plan, or a commit of a rewritten branch."""
    session.execute(upsert(session, _approvals), {"subject": subject, "approved_at": now, "approved_by": by})


def approved_by(session: Session, subject: str) -> str | None:
    """Who approved `subject`; None if nobody did."""
    query = select(_approvals.c.approved_by).where(_approvals.c.subject == subject)
    found = session.execute(query).scalar()
    return None if found is None else str(found)


def used(session: Session, subject: str) -> None:
    """An approval is good for once."""
    session.execute(delete(_approvals).where(_approvals.c.subject == subject))
