"""What an import works out of the store of a community: who its members are, how often topics were viewed, what a day brought.

The store itself is `state.community`. What is derived here can be derived again, but for the views of past days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update

from reconciler.model.community import Kind, ObjectDefinition
from reconciler.model.json import Json
from reconciler.records.resolution.result import Outcome, Resolution
from reconciler.records.resolution.settings import ALIAS
from reconciler.state import ledger, tables
from reconciler.state.order import natural
from reconciler.state.session import Session
from reconciler.state.upsert import upsert

_matches, _views, _days = tables.community_matches, tables.community_views, tables.community_days
_passes = tables.community_passes

KEPT = timedelta(days=35)
"""How long views are known by topic and day. A target that takes none for longer than that misses some."""

Match = Mapping[str, Json]
"""What a match adds to a record, by the names of `model.community`."""

NOBODY: Match = {}

_NEVER = "9999-99-99"
"""A day that no topic was created on or after."""

CHUNK = 5000
"""Records of a ledger that are held at once."""

_LIKE = re.compile("[/%_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record of the store, with who its member or author is."""

    id: str
    parent: str | None
    values: Mapping[str, Json]
    deleted_at: datetime | None
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberMatch:
    """Who a member of a community is, as it was last worked out."""

    connection: str
    id: str
    label: str
    email: str
    outcome: Outcome
    person_id: str | None
    company_id: str | None
    company_person_id: str | None
    rule: str
    confidence: float
    detail: str
    since: datetime


def records(session: Session, connection: str, kind: Kind) -> Iterator[Stored]:
    """Every record of a kind, in order of id, a page at a time in memory."""
    whose = "r.author" if kind in (Kind.TOPIC, Kind.REPLY) else "r.id"
    query = text(
        "SELECT r.id, r.parent, r.content, r.deleted_at, m.outcome, m.person_id, m.company_id, m.company_person_id, m.rule, "
        f"m.confidence FROM community_records r LEFT JOIN community_matches m ON m.connection = r.connection AND m.id = {whose} "
        "WHERE r.connection = :connection AND r.kind = :kind ORDER BY r.id"
    ).bindparams(connection=connection, kind=kind.value)
    for id, parent, content, deleted_at, outcome, person, company, company_person, rule, confidence in session.stream(
        query
    ):
        match = NOBODY
        if outcome is not None:
            match = {
                "company_id": company,
                "person_id": person,
                "company_person_id": company_person,
                "match_outcome": outcome,
                "match_rule": rule or None,
                "match_confidence": confidence if outcome == Outcome.MATCHED else None,
            }
        yield Stored(
            id=id,
            parent=parent,
            values=json.loads(content),
            deleted_at=None if deleted_at is None else datetime.fromisoformat(deleted_at),
            match=match,
        )


def lose(session: Session, scope: str, definition: ObjectDefinition, fields: Collection[str]) -> None:
    """Take the values of some fields out of the ledger of an object, because the target does not have them. Without its key a
    record is lost as a whole."""
    book = ledger.find(session, scope, (definition.kind,))
    if book.table is None or not book.columns:
        return
    if definition.key in fields:
        session.execute(text(f"DELETE FROM {book.table}"))
        return
    column = book.columns[definition.kind]
    page = text(f"SELECT key, {column} AS record FROM {book.table} WHERE key > :after ORDER BY key LIMIT {CHUNK}")
    statement = text(f"UPDATE {book.table} SET {column} = :record WHERE key = :key")
    after = ""
    while rows := session.execute(page, {"after": after}).all():
        after = rows[-1].key
        changed = [{"key": row.key, "record": left} for row in rows if (left := _without(row.record, fields))]
        if changed:
            session.execute(statement, changed)


def _without(record: str | None, fields: Collection[str]) -> str | None:
    """A record of a ledger without some fields; None where it has none of them."""
    values = json.loads(record or "{}")
    left = {name: value for name, value in values.items() if name not in fields}
    return None if left == values else json.dumps(left, ensure_ascii=False, separators=(",", ":"))


def present_members(session: Session, connection: str, after: str, limit: int) -> list[tuple[str, Mapping[str, Json]]]:
    """(id, values) of members that are still there, some at a time in order of id."""
    query = text(
        "SELECT id, content FROM community_records WHERE connection = :connection AND kind = :kind AND deleted_at IS NULL "
        "AND id > :after ORDER BY id LIMIT :limit"
    ).bindparams(connection=connection, kind=Kind.MEMBER.value, after=after, limit=limit)
    return [(row.id, json.loads(row.content)) for row in session.execute(query)]


def to_forget(session: Session, connection: str) -> list[str]:
    """Members who are gone, and of whom only the store itself has forgotten everything."""
    query = text(
        "SELECT id FROM community_records WHERE connection = :connection AND kind = :kind AND due = 1 "
        "AND deleted_at IS NOT NULL ORDER BY id"
    ).bindparams(connection=connection, kind=Kind.MEMBER.value)
    return list(session.execute(query).scalars())


def forgotten(session: Session, connection: str) -> None:
    """Nothing of them is left anywhere."""
    query = text(
        "UPDATE community_records SET due = 0 WHERE connection = :connection AND kind = :kind AND due = 1 "
        "AND deleted_at IS NOT NULL"
    ).bindparams(connection=connection, kind=Kind.MEMBER.value)
    session.execute(query)


def record_matches(
    session: Session,
    connection: str,
    members: Sequence[tuple[str, str, str]],
    found: Sequence[Resolution],
    *,
    now: datetime,
) -> int:
    """Record who members are, given as (id, label, email). Gives how many of them were somebody else before."""
    ids = [id for id, _, _ in members]
    at = (_matches.c.connection == connection) & _matches.c.id.in_(ids)
    before = {row.id: tuple(row)[:-1] for row in session.execute(select(_matches).where(at))}
    rows = [
        {"connection": connection, "id": id, "label": label, "email": email, **_columns(resolution), "since": now}
        for (id, label, email), resolution in zip(members, found, strict=True)
    ]
    changed = [row for row in rows if before.get(row["id"]) != tuple(row.values())[:-1]]
    if changed:
        session.execute(upsert(session, _matches), changed)
    return len(changed)


def _columns(resolution: Resolution) -> dict[str, Any]:
    return {
        "outcome": resolution.outcome.value,
        "person_id": resolution.person_id,
        "company_id": resolution.company_id,
        "company_person_id": resolution.company_person_id,
        "rule": resolution.rule,
        "confidence": resolution.confidence,
        "detail": detail_of(resolution),
    }


def detail_of(resolution: Resolution) -> str:
    """Who could be meant, for people to decide."""
    if resolution.candidates:
        at_companies = resolution.person_id is not None
        named = ", ".join(
            _named(one.label, one.company_id if at_companies or one.person_id is None else one.person_id)
            for one in resolution.candidates
        )
        more = resolution.found - len(resolution.candidates)
        return f"could be {'at ' if at_companies else ''}{named}{f' and {more:,} more' if more > 0 else ''}"
    if resolution.suggestions:
        named = ", ".join(_named(one.label, f"{one.person_id}, {one.similarity:.2f}") for one in resolution.suggestions)
        return f"similar: {named}"
    if resolution.outcome is Outcome.UNMATCHED and resolution.rule == ALIAS:
        return "the alias leads to nobody in Gainsight CS"
    return ""


def _named(label: str, id: str | None) -> str:
    return f"{label} ({id})" if label else str(id)


def matches(
    session: Session, connection: str, outcomes: Iterable[Outcome], words: str
) -> Generator[MemberMatch, None, None]:
    """Members by how their resolution ended, in natural order of id, a page at a time in memory; `words` are looked for in id,
    label, address and detail, in any case of ASCII letters."""
    query = (
        select(_matches).where(*_wanted(connection, outcomes, words)).order_by(text(natural("community_matches.id")))
    )
    for row in session.stream(query):
        yield MemberMatch(**{**row._mapping, "outcome": Outcome(row.outcome)})


def count_found(session: Session, connection: str, outcomes: Iterable[Outcome], words: str) -> int:
    """How many `matches` would give."""
    query = select(func.count()).select_from(_matches).where(*_wanted(connection, outcomes, words))
    return int(session.execute(query).scalar_one())


def _wanted(connection: str, outcomes: Iterable[Outcome], words: str) -> list[ColumnElement[bool]]:
    wanted = [_matches.c.connection == connection, _matches.c.outcome.in_([outcome.value for outcome in outcomes])]
    if words:
        columns = (_matches.c.id, _matches.c.label, _matches.c.email, _matches.c.detail)
        # The database lowers both: what it leaves as it is, it leaves in both.
        escaped = _LIKE.sub(r"/\g<0>", words)
        pattern = func.lower(f"%{escaped}%")
        wanted.append(or_(*(func.lower(column).like(pattern, escape="/") for column in columns)))
    return wanted


def count_matches(session: Session, connection: str) -> dict[Outcome, int]:
    """How many members ended in each way."""
    query = (
        select(_matches.c.outcome, func.count()).where(_matches.c.connection == connection).group_by(_matches.c.outcome)
    )
    return {Outcome(outcome): count for outcome, count in session.execute(query)}


def counted_at(session: Session, connection: str) -> datetime | None:
    """When views were last counted."""
    return session.execute(select(_passes.c.counted_at).where(_passes.c.connection == connection)).scalar()


def count(session: Session, connection: str, now: datetime) -> None:
    """Note what is only known now: how much topics were viewed since the last time, how many members there are and were active.

    Views belong to the day in which the middle of that time lies: what is counted at midnight happened the day before.
    """
    before = counted_at(session, connection)
    day = now.date() if before is None else (before + (now - before) / 2).date()
    count_views(session, connection, min(day, now.date()))
    note_day(session, connection, now.date(), viewed=day)
    session.execute(update(_passes).where(_passes.c.connection == connection).values(counted_at=now))


def count_views(session: Session, connection: str, today: date) -> None:
    """Note by how much the views of topics grew since they were last counted, as views of one day.

    A topic that is counted for the first time has no past to compare with, so only its number is noted; one that was created
    since the last counting had none before.
    """
    views, created = _field(session, "views", number=True), _field(session, "created_at")
    at = {
        "connection": connection,
        "kind": Kind.TOPIC.value,
        "last": last_day(session, connection) or _NEVER,
        "day": today.isoformat(),
    }
    counted = (
        f"SELECT r.id AS id, {views} AS total, coalesce(t.views, "
        f"CASE WHEN substr({created}, 1, 10) >= :last THEN 0 ELSE {views} END) AS known FROM community_records r "
        "LEFT JOIN community_totals t ON t.connection = r.connection AND t.id = r.id WHERE r.connection = :connection "
        f"AND r.kind = :kind AND r.deleted_at IS NULL AND {views} IS NOT NULL"
    )
    session.execute(
        text(
            "INSERT INTO community_views (connection, day, id, views) SELECT :connection, :day, c.id, c.total - c.known "
            f"FROM ({counted}) c WHERE c.total > c.known ON CONFLICT (connection, day, id) "
            "DO UPDATE SET views = community_views.views + excluded.views"
        ),
        at,
    )
    session.execute(
        text(
            "INSERT INTO community_totals (connection, id, views) SELECT :connection, c.id, c.total "
            f"FROM ({counted}) c WHERE true ON CONFLICT (connection, id) "
            "DO UPDATE SET views = excluded.views WHERE community_totals.views <> excluded.views"
        ),
        at,
    )
    session.execute(delete(_views).where(_views.c.connection == connection, _views.c.day < (today - KEPT).isoformat()))


def last_day(session: Session, connection: str) -> str:
    """The day on which views were last counted, empty when they never were."""
    query = select(func.max(_days.c.day)).where(_days.c.connection == connection)
    return session.execute(query).scalar() or ""


def note_day(session: Session, connection: str, today: date, viewed: date | None = None) -> None:
    """Note what is only known today: how many members there are, how many were active, how many views were counted, also of the
    day `viewed`."""
    active = _field(session, "last_activity_at")
    yesterday = today - timedelta(days=1)
    whose = {"connection": connection, "kind": Kind.MEMBER.value}
    there = "FROM community_records r WHERE r.connection = :connection AND r.kind = :kind AND r.deleted_at IS NULL"
    members = session.execute(text(f"SELECT count(*) {there}").bindparams(**whose)).scalar_one()
    for day in sorted({yesterday, today, viewed or today}):
        counted = members if day == today else None
        # Who was active yesterday and is active again today is no longer seen as active yesterday: what was more stays.
        seen = session.execute(
            text(f"SELECT count(*) {there} AND substr({active}, 1, 10) = :day").bindparams(**whose, day=day.isoformat())
        ).scalar_one()
        views = session.execute(
            select(func.coalesce(func.sum(_views.c.views), 0)).where(
                _views.c.connection == connection, _views.c.day == day.isoformat()
            )
        ).scalar_one()
        known = session.execute(
            select(_days).where(_days.c.connection == connection, _days.c.day == day.isoformat())
        ).one_or_none()
        if known is None and counted is None and not views:
            continue
        row = {
            "connection": connection,
            "day": day.isoformat(),
            "members": counted if counted is not None else known.members if known else None,
            "active": _most(seen if day >= yesterday else None, known.active if known else None),
            "views": views,
        }
        session.execute(upsert(session, _days), [row])


def _most(*counts: int | None) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def days(session: Session, connection: str) -> dict[str, dict[str, int | None]]:
    """What was noted of each day. Of days that are only kept, views were not counted."""
    query = select(_days).where(_days.c.connection == connection)
    return {
        row.day: {
            "members": row.members,
            "members_active": row.active,
            "views": row.views if row.views or row.members is not None or row.active is not None else None,
        }
        for row in session.execute(query)
    }


def created_by_day(session: Session, connection: str, kind: Kind, source: str) -> Iterator[tuple[str, str, int]]:
    """(day, subtype, how many) of records by the day of a moment in them. What has been deleted happened all the same."""
    day, subtype = f"substr({_field(session, source)}, 1, 10)", _field(session, "subtype")
    query = text(
        f"SELECT {day} AS day, coalesce({subtype}, '') AS subtype, count(*) AS n FROM community_records r "
        f"WHERE r.connection = :connection AND r.kind = :kind AND {_field(session, source)} IS NOT NULL GROUP BY 1, 2"
    ).bindparams(connection=connection, kind=kind.value)
    for row in session.execute(query):
        yield row.day, row.subtype, row.n


def views(session: Session, connection: str) -> Iterator[tuple[str, str, int, Mapping[str, Json]]]:
    """(day, topic, views, values of the topic) of every day that is kept, in order."""
    query = text(
        "SELECT v.day, v.id, v.views, r.content FROM community_views v JOIN community_records r ON r.connection = v.connection "
        "AND r.kind = :kind AND r.id = v.id WHERE v.connection = :connection ORDER BY v.id, v.day"
    ).bindparams(connection=connection, kind=Kind.TOPIC.value)
    for row in session.stream(query):
        yield row.day, row.id, row.views, json.loads(row.content)


def _field(session: Session, name: str, *, number: bool = False) -> str:
    """A value of a record of the store, in SQL."""
    if session.postgresql:
        found = f"(r.content::json ->> '{name}')"
        return f"({found})::bigint" if number else found
    return f"json_extract(r.content, '$.{name}')"
