"""Which loops are alive on this state. Times are those of the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from reconciler.state.leases import LONGEST, now_expression
from reconciler.state.session import Session

TTL = 30.0
"""Seconds after which a loop that was not seen counts as gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A loop that was seen lately, `age` seconds ago."""

    holder: str
    machine: str
    version: str
    age: float


def seen(session: Session, holder: str, machine: str, version: str) -> None:
    """This loop is alive. Rows of loops that are long gone are dropped."""
    now = now_expression(session)
    statement = text(
        "INSERT INTO replicas (holder, machine, version, started_at, seen_at) "
        f"VALUES (:holder, :machine, :version, {now}, {now}) "
        "ON CONFLICT (holder) DO UPDATE SET seen_at = excluded.seen_at"
    )
    session.execute(statement, {"holder": holder, "machine": machine, "version": version})
    session.execute(text(f"DELETE FROM replicas WHERE NOT ({_alive(session)})"))


def gone(session: Session, holder: str) -> None:
    """This loop has stopped."""
    session.execute(text("DELETE FROM replicas WHERE holder = :holder"), {"holder": holder})


def alive(session: Session) -> list[Replica]:
    """The loops that are alive, the oldest first."""
    now = now_expression(session)
    query = text(
        f"SELECT holder, machine, version, {now} - seen_at AS age FROM replicas "
        f"WHERE {_alive(session)} ORDER BY started_at, holder"
    )
    return [
        Replica(holder=row.holder, machine=row.machine, version=row.version, age=max(0.0, row.age))
        for row in session.execute(query)
    ]


def _alive(session: Session) -> str:
    # One that was seen in the future was seen by a wrong clock.
    now = now_expression(session)
    return f"seen_at > {now} - {TTL} AND seen_at <= {now} + {LONGEST}"
