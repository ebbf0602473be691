"""Sending persons, company persons and relationship persons: one at a time, or up to fifty in a background job.

The People API creates or updates whoever has an e-mail address, so sending a record again does no harm by itself. Two requests
for a new person at the same time could make two persons of one, so a person is never under way twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from reconciler import errors
from reconciler.connectors.gainsight_cs.api import Accepted, Answer, Job, Lost, NotDone, Refused, WriteApi, status_id
from reconciler.connectors.gainsight_cs.ready import Health, Ready
from reconciler.connectors.gainsight_cs.resolve import Index
from reconciler.connectors.gainsight_cs.sending import Looking, Rest
from reconciler.connectors.gainsight_cs.target import EMAIL, PERSON, RELATIONSHIP_PERSON, RecordTarget
from reconciler.model.json import Json
from reconciler.model.outcome import RecordResult

POLLS = 2
"""Questions that a job is expected to cost. The API tells of no better way to learn that it has ended."""

ALONE = 1 + POLLS
"""Up to so many records, a call for each is no dearer than a job, and the answer is there at once."""

FIRST_POLL, LONGEST_POLL = 1.0, 30.0
LONGEST_JOB = 35 * 60.0
"""Seconds after which we stop waiting. The API gives itself 30 minutes for a job."""

COMPANIES, RELATIONSHIPS = "companies", "relationships"


class PeopleSender:
    """Thread-safe."""

    def __init__(self, api: WriteApi, target: RecordTarget, looking: Looking, health: Health, rest: Rest) -> None:
        self._api = api
        self._target = target
        self._looking = looking
        self._health = health
        self._rest = rest
        self._turns = threading.Condition()
        self._under_way: set[str] = set()
        self._no_jobs = False

    def send(self, items: Sequence[Ready]) -> Iterator[RecordResult]:
        """One call for each of a few records, and a job for many."""
        with self._turn({item.identity[0] for item in items}):
            if len(items) <= ALONE or self._no_jobs:
                yield from self._each(items)
            else:
                yield from self._together(items)

    @contextmanager
    def _turn(self, people: set[str]) -> Iterator[None]:
        """Wait until none of these persons is under way elsewhere."""
        with self._turns:
            self._turns.wait_for(lambda: not people & self._under_way)
            self._under_way |= people
        try:
            yield
        finally:
            with self._turns:
                self._under_way -= people
                self._turns.notify_all()

    # ---- one at a time

    def _each(self, items: Sequence[Ready]) -> Iterator[RecordResult]:
        for item in items:
            self._health.check()
            yield self._alone(item, last=False)

    def _alone(self, item: Ready, *, last: bool) -> RecordResult:
        answer = self._api.person(self._person([item]))
        match answer:
            case Accepted():
                self._health.answered()
                return item.done
            case Refused(problem=problem, status=status):
                self._health.refused(problem)
                return item.refused(problem, status)
            case NotDone(detail=detail):
                self._health.failed()
                return item.unavailable(detail)
            case Lost():
                self._health.failed()
                return self._found_again(item, answer) or self._retried(item, answer, last=last)

    def _retried(self, item: Ready, lost: Lost, *, last: bool) -> RecordResult:
        if last or (item.created and not lost.finished):
            return item.unavailable(f"{lost.detail}; read back: not written")
        return self._alone(item, last=True)

    def _found_again(self, item: Ready, lost: Lost) -> RecordResult | None:
        """What looking says: a result, or None where the record is surely not as it should be."""
        index = self._looking.look([item], settled=lost.finished)
        if index is None:
            return item.unavailable(f"{lost.detail}; it could not be read back")
        return item.done if self._holds(item, index) else None

    def _holds(self, item: Ready, index: Index) -> bool:
        return any(self._looking.holds(item, found) for found in self._looking.found(item, index))

    # ---- in the background

    def _together(self, items: Sequence[Ready]) -> Iterator[RecordResult]:
        groups = _by_person(items)
        self._health.check()
        answer: Answer
        try:
            answer = self._api.people([self._person(group) for group in groups])
        except errors.RemoteRefused as error:
            # The tenant has no such call. If it does not have the other either, that raises.
            answer = NotDone(detail=error.message)
        match answer:
            case Accepted(data=data):
                self._health.answered()
                job = status_id(data)
                yield from self._unsure(items, "the job cannot be found") if job is None else self._ended(groups, job)
            case Refused() | NotDone():
                # Jobs have limits of their own. One at a time shows whether it is them or a person.
                self._no_jobs = self._no_jobs or isinstance(answer, NotDone)
                yield from self._each(items)
            case Lost(detail=detail, finished=finished):
                self._health.failed()
                yield from self._unsure(items, detail, settled=finished)

    def _ended(self, groups: Sequence[Sequence[Ready]], job: str) -> Iterator[RecordResult]:
        items = [item for group in groups for item in group]
        ended = self._awaited(job)
        if ended is None:
            yield from self._unsure(items, "the job has not ended in time")
        elif ended.refused or ended.status != "COMPLETED" or ended.count not in (None, len(groups)):
            yield from self._sorted_out(groups, ended)
        else:
            yield from (item.done for item in items)

    def _awaited(self, job: str) -> Job | None:
        """The job when it has ended. Questions without an answer are asked again."""
        waited, pause = 0.0, FIRST_POLL
        while waited < LONGEST_JOB:
            self._rest(pause)
            waited += pause
            pause = min(2 * pause, LONGEST_POLL)
            found = self._api.job(job)
            if isinstance(found, Job) and found.done:
                return found
            if isinstance(found, Lost) and found.finished:
                return None
        return None

    def _sorted_out(self, groups: Sequence[Sequence[Ready]], job: Job) -> Iterator[RecordResult]:
        """Some were refused. By which number a job calls a row is not documented, so we look before we believe it."""
        items = [item for group in groups for item in group]
        index = self._looking.look(items, settled=True)
        for number, group in enumerate(groups, start=1):
            problem = job.errors.get(number)
            for item in group:
                if index is not None and self._holds(item, index):
                    yield item.done
                elif problem is not None and len(group) == 1:
                    yield item.refused(problem)
                else:
                    self._health.check()
                    yield self._alone(item, last=False)

    def _unsure(self, items: Sequence[Ready], detail: str, *, settled: bool = False) -> Iterator[RecordResult]:
        """Nobody knows what a job did, or still does: what does not show is left to the next cycle."""
        index = self._looking.look(items, settled=settled)
        for item in items:
            if index is not None and self._holds(item, index):
                yield item.done
            else:
                yield item.unavailable(f"{detail}; read back: not written")

    # ---- what is sent

    def _person(self, group: Sequence[Ready]) -> dict[str, Json]:
        """One person with everything of the group that hangs on them."""
        first = group[0]
        email: Json = self._email(first)
        if self._target.name.lower() == PERSON:
            return {**first.fields, EMAIL: email}
        if self._target.name.lower() != RELATIONSHIP_PERSON:
            link = self._target.link("company", "Company_ID")
            return {EMAIL: email, COMPANIES: [{link: item.identity[1], **item.fields} for item in group]}
        link = self._target.link("relationship", "Relationship_ID")
        companies: dict[str, list[Json]] = {}
        for item in group:
            companies.setdefault(item.company, []).append({link: item.identity[1], **item.fields})
        return {EMAIL: email, COMPANIES: [{"Company_ID": id_, RELATIONSHIPS: each} for id_, each in companies.items()]}

    def _email(self, item: Ready) -> str:
        at = next(at for at, name in enumerate(self._target.key) if name.endswith(EMAIL))
        return item.write.key[at].strip()


def _by_person(items: Sequence[Ready]) -> list[list[Ready]]:
    groups: dict[str, list[Ready]] = {}
    for item in items:
        groups.setdefault(item.identity[0], []).append(item)
    return list(groups.values())
