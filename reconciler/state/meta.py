"""The one row that says whose state this is and how often it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from reconciler import errors
from reconciler.state import tables
from reconciler.state.session import Session
from reconciler.state.upsert import insert_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """`serial` grows by one with every recorded change; `lineage` never changes. `desired_digest` and `commit` are those of
    the last apply."""

    project: str
    lineage: str
    serial: int
    desired_digest: str | None
    commit: str | None


def read(session: Session) -> Meta | None:
    """None: nothing was ever applied."""
    row = session.execute(select(tables.meta)).one_or_none()
    if row is None:
        return None
    return Meta(
        project=row.project,
        lineage=row.lineage,
        serial=row.serial,
        desired_digest=row.desired_digest,
        commit=row.commit_id,
    )


def expect(session: Session, project: str, lineage: str | None = None) -> Meta | None:
    """`read`, refusing the state of another project or, where one is given, of another lineage with `errors.StateForeign`."""
    found = read(session)
    if found is not None:
        _check(session, found, project, lineage)
    return found


def initialise(session: Session, project: str, lineage: str, *, now: datetime) -> Meta:
    """The state of `project`, made with `lineage` and serial 0 when there is none yet.

    Raises `errors.StateForeign` when the database holds the state of another project. An existing lineage is kept.
    """
    found = expect(session, project)
    if found is not None:
        return found
    row = {"id": 1, "project": project, "lineage": lineage, "serial": 0, "created_at": now}
    session.execute(insert_missing(session, tables.meta), row)
    made = expect(session, project)  # perhaps by another process, which was faster
    if made is None:
        raise errors.StateDamaged(f"The database {session.label} does not keep what is written to it.")
    return made


def bump(session: Session, *, digest: str | None = None, commit: str | None = None) -> int:
    """The next serial. What is None stays as it is. Raises `errors.StateProblem` before `initialise`."""
    changed = {name: value for name, value in (("desired_digest", digest), ("commit_id", commit)) if value is not None}
    statement = update(tables.meta).values(serial=tables.meta.c.serial + 1, **changed).returning(tables.meta.c.serial)
    serial = session.execute(statement).scalar()
    if serial is None:
        raise errors.StateProblem("Nothing was ever applied to this database.", hint="run `reconcile apply` first")
    return int(serial)


def _check(session: Session, found: Meta, project: str, lineage: str | None) -> None:
    if found.project != project:
        message = f"The database {session.label} holds the state of project {found.project!r}, not of {project!r}."
        raise errors.StateForeign(message, hint="correct spec.database or metadata.name in reconcile.yaml")
    if lineage is not None and found.lineage != lineage:
        message = (
            f"The database {session.label} has lineage {found.lineage}, not {lineage}: it was made anew or swapped."
        )
        raise errors.StateForeign(message, hint="if the database is right, run `reconcile state rebuild`")
