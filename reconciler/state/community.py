"""What was read of communities, record by record, and how far the reading of each community came.

`content` is the canonical JSON of a record's values. `listed` is the digest of what the list last said of it, so that most of
a list is compared without reading any content; empty: compare as if it were new. `due` says that what a list does not have
(the profile of a member, the replies to a topic) is to be read, `read_at` when that was last done, `wanted` for what state of
the list. Of a member who is gone, `due` says that other tables still know of them: see `erasure`.

Nothing is removed but personal data: what a community no longer has keeps its row, with `deleted_at`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, text, update

from reconciler.model.community import Kind
from reconciler.model.json import Json, canonical
from reconciler.state import tables
from reconciler.state.difference import table
from reconciler.state.session import Session
from reconciler.state.staging import Workspace
from reconciler.state.upsert import upsert

CHUNK = 500
"""Ids in one statement."""

_records = tables.community_records
_passes, _days = tables.community_passes, tables.community_days
_SEEN = "seen"
_KEY = ("connection", "kind", "id")
_REPLACED = ("parent", "author", "listed", "wanted", "due")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One run of reading. `since` is the moment up to which everything is known, None at first; `full_since` when the
    complete pass began of which this run is a part. `loss_accepted`: somebody has looked, and a list may have lost most of
    what it had."""

    connection: str
    number: int
    since: datetime | None
    full_since: datetime | None
    loss_accepted: bool = False

    @property
    def full(self) -> bool:
        return self.full_since is not None


class Known(NamedTuple):
    """What a list is compared with."""

    listed: str
    wanted: str
    due: bool
    deleted: bool


class Row(NamedTuple):
    """A record to be stored."""

    id: str
    parent: str | None
    author: str | None
    listed: str
    wanted: str
    due: bool
    content: str


# ---- passes


def begin(session: Session, connection: str, *, full_every: int, now: datetime) -> Pass:
    """Begin a run: a part of a complete pass when it is time for one, or when the last one was not finished."""
    row = session.execute(select(_passes).where(_passes.c.connection == connection)).one_or_none()
    if row is None:
        begun = Pass(connection=connection, number=1, since=None, full_since=now)
        runs, full_at = 0, None
    else:
        due = row.full_wanted or row.since is None or row.runs + 1 >= full_every
        begun = Pass(
            connection=connection,
            number=row.number + 1,
            since=row.since,
            full_since=row.full_since or (now if due else None),
            loss_accepted=bool(row.loss_accepted),
        )
        runs, full_at = row.runs, row.full_at
    _save(session, begun, runs=runs, full_at=full_at)
    return begun


def complete(session: Session, begun: Pass, *, since: datetime | None, now: datetime) -> None:
    """Close a run that has read everything it was to read."""
    row = session.execute(select(_passes).where(_passes.c.connection == begun.connection)).one()
    done = Pass(connection=begun.connection, number=begun.number, since=since, full_since=None)
    _save(session, done, runs=0 if begun.full else row.runs + 1, full_at=now if begun.full else row.full_at)


def wish(session: Session, connection: str, *, full: bool, accept_loss: bool) -> None:
    """What the next run of a community is to do: read everything, conclude that most of a list is gone. The first run reads
    everything anyway."""
    values = {"full_wanted": 1} if full else {}
    values |= {"loss_accepted": 1} if accept_loss else {}
    if values:
        session.execute(update(_passes).where(_passes.c.connection == connection).values(**values))


def _save(session: Session, one: Pass, *, runs: int, full_at: datetime | None) -> None:
    values = {
        "connection": one.connection,
        "number": one.number,
        "since": one.since,
        "runs": runs,
        "full_since": one.full_since,
        "full_at": full_at,
        # What was wished holds until a run has come to its end; the beginning of a complete pass is remembered by itself.
        "full_wanted": 0,
        "loss_accepted": int(one.loss_accepted),
    }
    session.execute(upsert(session, _passes, counted_at=None), values)


# ---- lists against the store


def known(session: Session, connection: str, kind: Kind, ids: Collection[str]) -> dict[str, Known]:
    """Those of some records that are stored, with what a list is compared with."""
    columns = "id, listed, wanted, due, deleted_at IS NOT NULL"
    return {
        id: Known(listed, wanted, bool(due), bool(deleted))
        for id, listed, wanted, due, deleted in _by_id(session, connection, kind, ids, columns)
    }


def values(session: Session, connection: str, kind: Kind, ids: Collection[str]) -> dict[str, dict[str, Json]]:
    """The values of some records, by id."""
    return {id: json.loads(content) for id, content in _by_id(session, connection, kind, ids, "id, content")}


def erased(session: Session, connection: str, members: Collection[str]) -> set[str]:
    """Those of some members who are gone."""
    found = _by_id(session, connection, Kind.MEMBER, members, "id, deleted_at")
    return {id for id, deleted_at in found if deleted_at is not None}


def store(session: Session, begun: Pass, kind: Kind, rows: Sequence[Row], *, now: datetime) -> None:
    """Insert records, or replace what is stored of them; a deleted one is there again. When `content` is the same, it counts
    as not changed."""
    if not rows:
        return
    names = (*_KEY, *_REPLACED, "changed_at", "changed_in", "content")
    when = tables.to_text(now)
    cells = [(begun.connection, kind.value, *row[:5], int(row.due), when, begun.number, row.content) for row in rows]
    plain = ", ".join(
        f"{name} = excluded.{name}" for name in ("parent", "author", "listed", "wanted", "due", "content")
    )
    same = "r.content = excluded.content AND r.deleted_at IS NULL"
    kept = ", ".join(
        f"{name} = CASE WHEN {same} THEN r.{name} ELSE excluded.{name} END" for name in ("changed_at", "changed_in")
    )
    end = f"ON CONFLICT (connection, kind, id) DO UPDATE SET {plain}, {kept}, deleted_at = NULL"
    start = f"INSERT INTO community_records AS r ({', '.join(names)})"
    if session.postgresql:
        types = ("text",) * 7 + ("integer", "text", "bigint", "text")
        arrays = ", ".join(f"%s::{type}[]" for type in types)
        columns = [list(column) for column in zip(*cells, strict=True)]
        session.execute_raw(f"{start} SELECT * FROM unnest({arrays}) {end}", columns)
    else:
        session.execute_many(f"{start} VALUES ({', '.join('?' * len(names))}) {end}", cells)


def replace(session: Session, begun: Pass, kind: Kind, contents: Mapping[str, str], *, now: datetime) -> int:
    """Give records that are there another content. Gives how many of them really changed."""
    statement = (
        "UPDATE community_records SET content = {0}, changed_at = {0}, changed_in = {0} "
        "WHERE connection = {0} AND kind = {0} AND id = {0} AND content <> {0}"
    ).format(_mark(session))
    when = tables.to_text(now)
    rows = [
        (content, when, begun.number, begun.connection, kind.value, id, content) for id, content in contents.items()
    ]
    return session.execute_many(statement, rows) if rows else 0


# ---- what is not in the lists


def due(session: Session, connection: str, kind: Kind, limit: int, *, besides: Collection[str] = ()) -> list[str]:
    """Some of the records of which more is to be read, `besides` a few."""
    query = _alive(connection, kind).where(_records.c.due == 1, _records.c.id.not_in(sorted(besides)))
    return list(session.execute(query.order_by(_records.c.read_at).limit(limit)).scalars())


def leave_due(session: Session, connection: str, kind: Kind, ids: Collection[str]) -> None:
    """Note that there is more to be read of some records."""
    for part in _parts(ids):
        chosen = (_records.c.connection == connection, _records.c.kind == kind.value, _records.c.id.in_(part))
        session.execute(update(_records).where(*chosen).values(due=1))


def oldest(session: Session, connection: str, kind: Kind, limit: int, *, before: datetime) -> list[str]:
    """Records of which more was last read before a moment, the longest ago first."""
    query = _alive(connection, kind).where(_records.c.due == 0, _records.c.read_at < before)
    return list(session.execute(query.order_by(_records.c.read_at).limit(limit)).scalars())


def was_read(session: Session, connection: str, kind: Kind, ids: Collection[str], *, now: datetime) -> None:
    """Note that everything was read of some records."""
    for part in _parts(ids):
        chosen = (_records.c.connection == connection, _records.c.kind == kind.value, _records.c.id.in_(part))
        session.execute(update(_records).where(*chosen).values(due=0, read_at=now))


# ---- what is gone


def watch(workspace: Workspace) -> None:
    """Begin to remember which records a list has."""
    workspace.create(_SEEN, ["id"], key="id")


def saw(session: Session, ids: Sequence[str]) -> None:
    if session.postgresql:
        statement = f"INSERT INTO {table(_SEEN)} SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING"
        session.execute_raw(statement, [list(ids)])
    else:
        session.execute_many(f"INSERT INTO {table(_SEEN)} VALUES (?) ON CONFLICT DO NOTHING", [(id,) for id in ids])


def count(session: Session, connection: str, kind: Kind) -> int:
    """Records that are not deleted."""
    alive = _alive(connection, kind).subquery()
    return int(session.execute(select(func.count()).select_from(alive)).scalar_one())


def count_absent(session: Session, connection: str, kind: Kind) -> int:
    """Records that are not deleted and that the list did not have."""
    if session.postgresql:
        session.execute_raw(f"ANALYZE {table(_SEEN)}")
    query = f"SELECT count(*) {_absent(session)}"
    return int(session.execute_raw(query, (connection, kind.value)).scalar_one())


def absent(session: Session, connection: str, kind: Kind, *, after: str, limit: int) -> list[str]:
    """Ids of some of these, in order."""
    query = f"SELECT id {_absent(session)} AND r.id > {_mark(session)} ORDER BY r.id LIMIT {int(limit)}"
    return list(session.execute_raw(query, (connection, kind.value, after)).scalars())


def replies(session: Session, connection: str, topics: Collection[str]) -> dict[str, list[str]]:
    """Ids of the replies to some topics that are not deleted, by topic."""
    found: dict[str, list[str]] = {topic: [] for topic in topics}
    start = f"SELECT parent, id FROM community_records WHERE connection = {_mark(session)} AND deleted_at IS NULL"
    for part in _parts(topics):
        for topic, id in _among(session, f"{start} AND parent", (connection,), part):
            found[topic].append(id)
    return found


def delete(session: Session, begun: Pass, kind: Kind, ids: Collection[str], *, now: datetime) -> int:
    """Mark records as deleted. Gives how many were not yet."""
    return _delete(session, begun, kind, _records.c.id, ids, now)


def delete_replies(session: Session, begun: Pass, topics: Collection[str], *, now: datetime) -> int:
    """The same for all replies to some topics."""
    return _delete(session, begun, Kind.REPLY, _records.c.parent, ids=topics, now=now)


def erase(session: Session, begun: Pass, ids: Collection[str], *, forget: bool, now: datetime) -> int:
    """Members who are gone: their ids stay, everything else about them is removed, also their names from what they wrote.

    With `forget` one that is listed again is a member again; without, only when the list says something new of it.
    """
    gone = _delete(session, begun, Kind.MEMBER, _records.c.id, ids, now, forget=forget)
    _keep_days(session, begun.connection, ids)
    replace(session, begun, Kind.MEMBER, {id: canonical({"id": id}) for id in ids}, now=now)
    for id in ids:
        for kind in (Kind.TOPIC, Kind.REPLY):
            _anonymise(session, begun, kind, id, now)
    return gone


def _keep_days(session: Session, connection: str, ids: Collection[str]) -> None:
    """Days on which members joined who do not count any more stay days of the trend: else the old number stayed at the target."""
    joined = {
        str(json.loads(content).get("joined_at") or "")[:10]
        for (content,) in _by_id(session, connection, Kind.MEMBER, ids, "content")
    }
    last = session.execute(select(func.max(_days.c.day)).where(_days.c.connection == connection)).scalar() or ""
    rows = [{"connection": connection, "day": day} for day in sorted(joined) if "" < day < last]
    if rows:
        statement = "INSERT INTO community_days (connection, day, views) VALUES (:connection, :day, 0)"
        session.execute(text(f"{statement} ON CONFLICT (connection, day) DO NOTHING"), rows)


def _anonymise(session: Session, begun: Pass, kind: Kind, author: str, now: datetime) -> None:
    last = ""
    while True:
        query = (
            select(_records.c.id, _records.c.content)
            .where(_records.c.connection == begun.connection, _records.c.author == author)
            .where(_records.c.kind == kind.value, _records.c.id > last)
        )
        rows = session.execute(query.order_by(_records.c.id).limit(CHUNK)).all()
        if not rows:
            return
        replace(session, begun, kind, {row.id: canonical(nameless(json.loads(row.content))) for row in rows}, now=now)
        last = rows[-1].id


def nameless(values: Mapping[str, Json]) -> dict[str, Json]:
    """The values of a post without the name of its author."""
    return {name: value for name, value in values.items() if name != "author_name"}


# ---- how


def _alive(connection: str, kind: Kind) -> Any:
    return select(_records.c.id).where(
        _records.c.connection == connection, _records.c.kind == kind.value, _records.c.deleted_at.is_(None)
    )


def _absent(session: Session) -> str:
    q = _mark(session)
    return (
        f"FROM community_records r WHERE r.connection = {q} AND r.kind = {q} AND r.deleted_at IS NULL "
        f"AND NOT EXISTS (SELECT 1 FROM {table(_SEEN)} s WHERE s.id = r.id)"
    )


def _delete(
    session: Session,
    begun: Pass,
    kind: Kind,
    column: Any,
    ids: Collection[str],
    now: datetime,
    *,
    forget: bool = True,
) -> int:
    # Nothing is left of what the list said, so whatever comes back is new.
    cleared = {"listed": "", "wanted": ""} if forget else {}
    gone = 0
    for part in _parts(ids):
        chosen = (_records.c.connection == begun.connection, _records.c.kind == kind.value, column.in_(part))
        statement = update(_records).where(*chosen, _records.c.deleted_at.is_(None))
        due = int(kind is Kind.MEMBER)
        marks = {"deleted_at": now, "changed_at": now, "changed_in": begun.number, "due": due}
        gone += session.execute(statement.values(**marks, **cleared)).rowcount
    return gone


def _by_id(
    session: Session, connection: str, kind: Kind, ids: Collection[str], columns: str
) -> Iterator[tuple[Any, ...]]:
    start = f"SELECT {columns} FROM community_records WHERE connection = {_mark(session)} AND kind = {_mark(session)}"
    for part in _parts(ids):
        yield from _among(session, f"{start} AND id", (connection, kind.value), part)


def _among(session: Session, query: str, bound: tuple[str, ...], ids: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of a query that ends with the name of a column, which has to be one of `ids`."""
    if session.postgresql:
        found = session.execute_raw(f"{query} = ANY(%s::text[])", (*bound, ids))
    else:
        found = session.execute_raw(f"{query} IN ({', '.join('?' * len(ids))})", (*bound, *ids))
    yield from (tuple(row) for row in found)


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    listed = list(ids)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def _mark(session: Session) -> str:
    return "%s" if session.postgresql else "?"
