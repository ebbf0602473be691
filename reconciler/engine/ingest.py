"""Reading a community into the store: what changed, what is new, and what is gone.

    categories, idea statuses → members → the profiles of those that changed → topics → the replies to those that changed

Lists are read as a whole and compared with the store by digest, a page at a time; only what differs is written, in the
transaction of its page. What a list does not have costs a call for each record, so it is read only where the list shows a
change. An edit that moves nothing in a list is found by the complete pass, which reads the replies to all topics, and some of
the profiles anew.

A run that breaks off has concluded nothing. Everything that it stored stays, and the next one only compares it; what was still
due is still due, and a complete pass goes on until it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.base import CommunitySource
from reconciler.connectors.crowd import crowd
from reconciler.engine.cycle import Progress
from reconciler.engine.holding import Held
from reconciler.engine.intake import Gone, Intake
from reconciler.model.community import CommunityRecord, Kind, Listed, Unusable
from reconciler.model.json import Json, canonical, digest
from reconciler.state import community
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

T = TypeVar("T")

PAGE = 200
"""Members that are asked more about before they are stored and the next ones are looked up."""

INTAKE = 500
"""Topics whose replies are read before the next ones are looked up, and replies that are stored together."""

FEW = 10
"""Lists that had fewer than this may lose more than half of it."""

DETAILS = {
    Kind.MEMBER: ("profile", "roles", "badges", "badge_count"),
    Kind.TOPIC: ("idea_status", "answer_id", "url", "closed"),
}
"""Values that the list of members, or of topics, may leave out, and that are read in another way."""

WORDS = {
    Kind.MEMBER: "members",
    Kind.TOPIC: "topics",
    Kind.REPLY: "replies",
    Kind.CATEGORY: "categories",
    Kind.IDEA_STATUS: "idea statuses",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a community is read. `profiles`: whether anything needs what only a call for each member tells.

    `every_topic`: list all topics in each run, at the price of a call for a hundred of them. Views and edits move no topic to
    the front of the list, so otherwise only complete passes see them.
    """

    profiles: bool
    full_every: int = 7
    refresh_members: int = 1000
    every_topic: bool = False


@dataclass(slots=True)
class Count:
    """What a run found of one kind. `asked`: how many were asked more about, in calls of their own."""

    listed: int = 0
    stored: int = 0
    asked: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """A run that read everything it was to read. `full`: all topics and replies, and not only what changed."""

    number: int
    full: bool
    counts: Mapping[Kind, Count]
    calls: int
    unusable: Sequence[Unusable] = ()


def ingest(
    workspace: Workspace,
    connection: str,
    source: CommunitySource,
    *,
    lease: Held,
    clock: Clock,
    settings: Settings,
    progress: Progress,
    forget: Callable[[], None] = lambda: None,
) -> Ingested:
    """Bring the store up to date with a community. `forget` is called when it is known which members are gone, while the posts of
    the store still say by whom they are: the community gives them another author.

    Raises what reading raises, `errors.FenceLost`, `errors.StateProblem`, and `errors.SafetyStop` when a list suddenly has less
    than half of what it had.
    """
    with workspace.begin() as session:
        lease.assert_held(session)
        begun = community.begin(session, connection, full_every=settings.full_every, now=clock.now())
    run = _Run(
        workspace=workspace,
        source=source,
        lease=lease,
        clock=clock,
        settings=settings,
        progress=progress,
        forget=forget,
        begun=begun,
        started=clock.now(),
        first_call=source.calls,
    )
    return run.all()


@dataclass(slots=True, kw_only=True)
class _Run:
    workspace: Workspace
    source: CommunitySource
    lease: Held
    clock: Clock
    settings: Settings
    progress: Progress
    forget: Callable[[], None]
    begun: community.Pass
    started: datetime
    first_call: int
    counts: dict[Kind, Count] = field(default_factory=lambda: {kind: Count() for kind in Kind})
    unusable: dict[tuple[Kind, str], Unusable] = field(default_factory=dict)
    unread: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    """Of what something unusable came: not asked for again in this run, and still due in the next one."""
    newest: str = ""
    """The latest activity of any topic that was listed."""

    def all(self) -> Ingested:
        self._list(Kind.CATEGORY, iter([self.source.categories()]))
        self._list(Kind.IDEA_STATUS, iter([self.source.idea_statuses()]))
        self._list(Kind.MEMBER, self.source.members())
        self._read_members()
        self.forget()
        self._list(Kind.TOPIC, self._topics(), whole=self._since is None)
        self._read_topic_details()
        self._read_replies()
        with self._commit() as session:
            community.complete(session, self.begun, since=self._watermark(), now=self.clock.now())
        calls = self.source.calls - self.first_call
        unusable = tuple(self.unusable.values())
        return Ingested(
            number=self.begun.number, full=self.begun.full, counts=self.counts, calls=calls, unusable=unusable
        )

    @contextmanager
    def _commit(self) -> Iterator[Session]:
        """A transaction that ends under the lease or not at all."""
        with self.workspace.begin() as session:
            self.lease.assert_held(session)
            yield session

    # ---- lists

    def _list(self, kind: Kind, pages: Iterable[Sequence[Listed]], *, whole: bool = True) -> None:
        """Read a list to its end and store what differs. Of a `whole` one, what it does not have is gone, unless it has things
        of which nobody knows what they are. Members are asked for before they are believed to be gone."""
        self.progress.phase(f"reading {WORDS[kind]}", None)
        with self.workspace.begin() as session:
            before = community.count(session, self.begun.connection, kind)
        community.watch(self.workspace)
        clear = True
        for page in pages:
            records = self._usable(page)
            clear = clear and len(records) == len(page)
            self._take(kind, records, whole=whole)
            self.progress.advance(len(page))
        if whole and (clear or kind is Kind.MEMBER):
            self._conclude(kind, before)

    def _usable(self, page: Sequence[Listed]) -> list[CommunityRecord]:
        """The records of a page; what cannot be used is noted."""
        for one in page:
            if isinstance(one, Unusable):
                self.unusable.setdefault((one.kind, one.id), one)
        return [one for one in page if not isinstance(one, Unusable)]

    def _take(self, kind: Kind, page: Sequence[CommunityRecord], *, whole: bool) -> None:
        with self.workspace.begin() as session:
            if whole:
                community.saw(session, [record.id for record in page])
            stored = self._store(session, kind, page)
            if stored:
                self.lease.assert_held(session)
        self.counts[kind].listed += len(page)
        self.counts[kind].stored += stored

    def _store(self, session: Session, kind: Kind, page: Sequence[CommunityRecord]) -> int:
        """Store what a list says of records, where it says something else than the last time. Gives how many that are."""
        connection = self.begun.connection
        known = community.known(session, connection, kind, [record.id for record in page])
        stamps = {record.id: digest(record.values) for record in page}
        new = [record for record in page if record.id not in known or known[record.id].listed != stamps[record.id]]
        if not new:
            return 0
        authors = {author for record in new if (author := _author(record)) is not None}
        erased = community.erased(session, connection, authors)
        held = self._held(session, kind, [record.id for record in new if record.id in known])
        rows = [
            _row(record, stamps[record.id], known.get(record.id), _content(record, held.get(record.id, {}), erased))
            for record in new
        ]
        community.store(session, self.begun, kind, rows, now=self.clock.now())
        return len(rows)

    def _held(self, session: Session, kind: Kind, ids: Sequence[str]) -> Mapping[str, Mapping[str, Json]]:
        """What was not read from the list, and stays until it is read again."""
        names = DETAILS.get(kind, ())
        found = community.values(session, self.begun.connection, kind, ids) if names else {}
        return {id: {name: held[name] for name in names if name in held} for id, held in found.items()}

    def _conclude(self, kind: Kind, before: int) -> None:
        """Mark what the list did not have. A list that lost most of what it had is a fault, not news."""
        with self.workspace.begin() as session:
            absent = community.count_absent(session, self.begun.connection, kind)
        if absent:
            self._refuse_loss(kind, absent, before)
        last = ""
        while absent:
            with self.workspace.begin() as session:
                ids = community.absent(session, self.begun.connection, kind, after=last, limit=PAGE)
            if not ids:
                return
            last = ids[-1]
            if kind is Kind.MEMBER:
                # A list may lose somebody between two of its pages. Whom we forget cannot be brought back, so we ask.
                self._ask(ids, listed=False)
            else:
                self._delete(kind, ids)

    def _refuse_loss(self, kind: Kind, absent: int, before: int) -> None:
        if self.begun.loss_accepted or 2 * absent <= before or (before < FEW and absent < before):
            return
        raise errors.SafetyStop(
            f"the community lists {before - min(absent, before):,} of the {before:,} {WORDS[kind]} that it had before",
            hint="nothing was marked as deleted; check the community and its credentials, then run the import again; if they "
            f"are really gone: reconcile sync {self.begun.connection} --accept-loss",
        )

    def _delete(self, kind: Kind, ids: Sequence[str]) -> None:
        with self._commit() as session:
            now = self.clock.now()
            if kind is Kind.TOPIC:
                gone = community.delete_replies(session, self.begun, ids, now=now)
                self.counts[Kind.REPLY].deleted += gone
            self.counts[kind].deleted += community.delete(session, self.begun, kind, ids, now=now)

    # ---- members one by one

    def _read_members(self) -> None:
        if not self.settings.profiles:
            return
        self.progress.phase("reading profiles", None)
        while ids := self._due(Kind.MEMBER, PAGE):
            self._ask(ids)
        # Only a complete pass looks for what the list does not show; what a part of it has read, the next part does not.
        full_since, rest = self.begun.full_since, self.settings.refresh_members - self.counts[Kind.MEMBER].asked
        while full_since and rest > 0 and (ids := self._oldest(Kind.MEMBER, min(rest, PAGE), full_since)):
            self._ask(ids)
            rest -= len(ids)

    def _ask(self, ids: Sequence[str], *, listed: bool = True) -> None:
        """Read members one by one. One who is not there any more is erased, and stays so while the list says nothing new."""
        found: list[CommunityRecord] = []
        gone: list[str] = []
        unread: list[str] = []
        for id, record in self.source.details(ids):
            if record is None:
                gone.append(id)
            elif isinstance(record, Unusable):
                unread.append(id)
                self._usable([record])
            else:
                found.append(record)
            self.progress.advance(1)
        with self._commit() as session:
            now, connection = self.clock.now(), self.begun.connection
            held = community.values(session, connection, Kind.MEMBER, [record.id for record in found])
            contents = {record.id: canonical({**held.get(record.id, {}), **record.values}) for record in found}
            self.counts[Kind.MEMBER].asked += len(ids)
            self.counts[Kind.MEMBER].stored += community.replace(session, self.begun, Kind.MEMBER, contents, now=now)
            community.was_read(session, connection, Kind.MEMBER, list(contents), now=self._read_at())
            self._leave_due(session, Kind.MEMBER, unread)
            erased = community.erase(session, self.begun, gone, forget=not listed, now=now)
            self.counts[Kind.MEMBER].deleted += erased

    # ---- topics and replies

    @property
    def _since(self) -> date | None:
        """From when on topics are listed; None: all of them."""
        if self.begun.full or self.settings.every_topic or self.begun.since is None:
            return None
        return self.begun.since.date()

    def _topics(self) -> Iterator[Sequence[Listed]]:
        for page in self.source.topics(self._since):
            self.newest = max([self.newest, *(_activity(record) for record in page)])
            yield page

    def _read_topic_details(self) -> None:
        """Add what the lists by type say of topics that are stored."""
        self.progress.phase("reading topics by type", None)
        names = DETAILS[Kind.TOPIC]
        for listed in self.source.topic_details(self._since):
            page = self._usable(listed)
            with self.workspace.begin() as session:
                held = community.values(session, self.begun.connection, Kind.TOPIC, [record.id for record in page])
                contents = {}
                for record in page:
                    before = held.get(record.id, {})
                    rest = {name: value for name, value in before.items() if name not in names}
                    told = {name: record.values[name] for name in names if name in record.values}
                    if before and {**rest, **told} != before:
                        contents[record.id] = canonical({**rest, **told})
                if contents:
                    self.lease.assert_held(session)
                    changed = community.replace(session, self.begun, Kind.TOPIC, contents, now=self.clock.now())
                    self.counts[Kind.TOPIC].stored += changed
            self.progress.advance(len(listed))

    def _watermark(self) -> datetime | None:
        """Up to when everything is known: the newest activity that the community told of, by its own clock. Ours only keeps a
        date in the future from hiding everything before it."""
        told = datetime.fromisoformat(self.newest) if self.newest else None
        known = [moment for moment in (self.begun.since, told) if moment is not None]
        return min(max(known), self.started) if known else None

    def _read_replies(self) -> None:
        self.progress.phase("reading replies", None)
        full_since = self.begun.full_since
        while ids := self._due(Kind.TOPIC, INTAKE):
            self._read_replies_of(ids)
        while full_since is not None and (ids := self._oldest(Kind.TOPIC, INTAKE, full_since)):
            self._read_replies_of(ids)

    def _read_replies_of(self, ids: Sequence[str]) -> None:
        found = self._look(lambda session: community.values(session, self.begun.connection, Kind.TOPIC, ids))
        topics = [CommunityRecord(kind=Kind.TOPIC, id=id, values=values) for id, values in found.items()]
        intake = Intake()
        for topic, page in crowd(self._replies, topics, self.source.concurrency):
            if page is None or isinstance(page, Gone):
                intake.end(topic.id, page)
            else:
                records = self._usable(page)
                intake.add(topic.id, records, clear=len(records) == len(page))
            if len(intake) >= INTAKE:
                self._take_replies(intake)
        self._take_replies(intake)

    def _replies(self, topic: CommunityRecord) -> Iterator[Sequence[Listed] | Gone]:
        try:
            yield from self.source.replies(topic)
        except errors.RemoteRefused as error:
            if error.status != 404:
                raise
            yield Gone()

    def _take_replies(self, intake: Intake) -> None:
        replies, ended = intake.taken()
        if not replies and not ended:
            return
        with self._commit() as session:
            now, connection = self.clock.now(), self.begun.connection
            stored = self._store(session, Kind.REPLY, replies)
            whole = {topic: ids for topic, ids in ended.items() if ids is not None}
            before = community.replies(session, connection, whole)
            gone = [id for topic, ids in whole.items() for id in before[topic] if id not in ids]
            self.counts[Kind.REPLY].deleted += community.delete(session, self.begun, Kind.REPLY, gone, now=now)
            read = [topic for topic in ended if topic not in intake.doubtful]
            community.was_read(session, connection, Kind.TOPIC, read, now=self._read_at())
            self._leave_due(session, Kind.TOPIC, [topic for topic in ended if topic in intake.doubtful])
        self.counts[Kind.REPLY].listed += len(replies)
        self.counts[Kind.REPLY].stored += stored
        self.counts[Kind.TOPIC].asked += len(ended)
        self.progress.advance(len(ended))

    # ---- looking

    def _read_at(self) -> datetime:
        """Now, also when the clock was set back: nothing that this run has read may look as if it had not."""
        return max(self.clock.now(), self.started, self.begun.full_since or self.started)

    def _look(self, work: Callable[[Session], T]) -> T:
        with self.workspace.begin() as session:
            return work(session)

    def _due(self, kind: Kind, limit: int) -> list[str]:
        besides = self.unread[kind]
        return self._look(lambda session: community.due(session, self.begun.connection, kind, limit, besides=besides))

    def _leave_due(self, session: Session, kind: Kind, ids: Sequence[str]) -> None:
        """What could not be read of some records is read in the next run."""
        self.unread[kind].update(ids)
        community.leave_due(session, self.begun.connection, kind, ids)

    def _oldest(self, kind: Kind, limit: int, before: datetime) -> list[str]:
        return self._look(lambda session: community.oldest(session, self.begun.connection, kind, limit, before=before))


def _row(record: CommunityRecord, stamp: str, known: community.Known | None, content: str) -> community.Row:
    wanted = _wanted(record)
    parent = record.values.get("topic_id")
    return community.Row(
        id=record.id,
        parent=parent if isinstance(parent, str) else None,
        author=_author(record),
        listed=stamp,
        wanted=wanted,
        due=_due(record, wanted, known),
        content=content,
    )


def _due(record: CommunityRecord, wanted: str, known: community.Known | None) -> bool:
    """Whether there is something to be read of a record that is new, or of which the list says something new."""
    if record.kind is not Kind.TOPIC:
        return record.kind is Kind.MEMBER
    if known is None or known.deleted:
        return record.values.get("reply_count") != 0
    return known.due or known.wanted != wanted


def _wanted(record: CommunityRecord) -> str:
    """What changes about a topic when there is another reply."""
    if record.kind is not Kind.TOPIC:
        return ""
    return f"{record.values.get('reply_count')} {record.values.get('last_activity_at')}"


def _content(record: CommunityRecord, held: Mapping[str, Json], erased: set[str]) -> str:
    values = {**held, **record.values}
    return canonical(community.nameless(values) if _author(record) in erased else values)


def _author(record: CommunityRecord) -> str | None:
    author = record.values.get("author_id")
    return author if isinstance(author, str) else None


def _activity(record: Listed) -> str:
    found = record.values.get("last_activity_at")
    return found if isinstance(found, str) else ""
