"""Why a cycle runs, decided under its lease, and what follows from how it ended: the next due time, retries, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler import errors, schedule
from reconciler.clock import chance
from reconciler.engine import chain
from reconciler.model.document import COMMUNITY_IMPORT, DocumentId
from reconciler.model.event import Condition, Transition
from reconciler.model.resources import LoopSettings, Schedule
from reconciler.model.run import Extent, Run, RunResult, Trigger
from reconciler.state import conditions, requests, runs, schedules
from reconciler.state.session import Session

Announce = Callable[[Session, Sequence[Transition], datetime], None]
"""Passes on what began or ended, in the transaction that records it."""

MANY_REJECTED = 0.05
"""Share of the values of a run; more rejected ones are worth a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What decides when a document is due: its own schedule, and the project's settings."""

    schedule: Schedule | None
    """None: it runs when somebody or another document says so."""
    settings: LoopSettings
    suspended: bool = False
    """By its own YAML."""
    deactivated: bool = False
    """One of its connections is."""
    waiting: bool = False
    """Its target has nothing that it could write to yet."""

    def due_at(self, entry: schedules.Entry, now: datetime) -> datetime | None:
        """When the document should start next: at its next slot, spread a little, or at a retry that comes before."""
        if self._paused(entry):
            return None
        if self.schedule is None:
            return entry.retry_at
        slot = schedule.due_slot(self.schedule, entry.last_slot, entry.since, now)
        if slot is None:
            slot = schedule.next_due(self.schedule, entry.last_slot, entry.since, now)
        started = self._spread(slot, entry, self.schedule)
        return min(started, entry.retry_at) if entry.retry_at is not None else started

    def _paused(self, entry: schedules.Entry) -> bool:
        return self.suspended or self.deactivated or self.waiting or entry.suspended_at is not None

    def _spread(self, slot: datetime, entry: schedules.Entry, when: Schedule) -> datetime:
        if entry.last_slot is None:
            return slot  # somebody has just applied it and wants to see it run
        spread = schedule.spread_of(when, self.settings.jitter)
        return schedule.start_at(slot, str(entry.document), spread)

    def slot(self, entry: schedules.Entry, now: datetime) -> datetime | None:
        """The slot that should run now; None before its start."""
        if self.schedule is None:
            return None
        slot = schedule.due_slot(self.schedule, entry.last_slot, entry.since, now)
        if slot is None or self._paused(entry) or self._spread(slot, entry, self.schedule) > now:
            return None
        return slot


class Occasion:
    """A run that somebody started by hand: it is always right, and changes nothing about the schedule but the backoff."""

    def __init__(self, announce: Announce | None = None) -> None:
        self._announce = announce
        self._wished = False

    def open(self, session: Session, document: DocumentId, *, job: str, connection: str, now: datetime) -> Run:
        """Open the run, in the transaction that has checked the lease. Raises `errors.NotDue`."""
        trigger, slot = self.decide(session, document, now)
        run = runs.open_run(session, document, job=job, connection=connection, now=now, trigger=trigger, slot=slot)
        if slot is not None and not schedules.claim_slot(session, document, slot, run.id):
            raise errors.NotDue
        self._wished = requests.take(session, document, run.id) > 0
        return run

    def decide(self, session: Session, document: DocumentId, now: datetime) -> tuple[Trigger, datetime | None]:
        """Why this run happens, and for which slot."""
        return Trigger.MANUAL, None

    def close(
        self,
        session: Session,
        document: DocumentId,
        run: Run,
        error: errors.ReconcileError | None,
        *,
        now: datetime,
    ) -> None:
        """Draw the conclusions, in the transaction that closes the run. A run that was interrupted stays due."""
        if run.result is RunResult.INTERRUPTED:
            return
        if run.slot is not None:
            schedules.complete_slot(session, document, run.slot, run.id, now=now)
        if self._wished:
            requests.close(session, run.id, now=now)
        self.move(session, document, run, error, now)
        if run.result in chain.COMPLETED:
            chain.ask_followers(session, document, now)
        changed = conditions.settle(session, str(document), found_conditions(run, error), now=now)
        if changed and self._announce is not None:
            self._announce(session, changed, now)

    def move(
        self, session: Session, document: DocumentId, run: Run, error: errors.ReconcileError | None, now: datetime
    ) -> None:
        """Move the schedule on; a run by hand only ends a series of failures."""
        entry = schedules.get(session, document, lock=True)
        if entry is not None and run.result is not RunResult.FAILED:
            schedules.move(session, replace(entry, failures=0, retry_at=None))


class Scheduled(Occasion):
    """A run that the loop starts, because of a slot, a retry or a request."""

    def __init__(
        self,
        timing: Timing,
        announce: Announce | None = None,
        *,
        random: Callable[[], float] = chance,
    ) -> None:
        super().__init__(announce)
        self._timing = timing
        self._random = random
        self._entry: schedules.Entry | None = None

    def decide(self, session: Session, document: DocumentId, now: datetime) -> tuple[Trigger, datetime | None]:
        entry = schedules.get(session, document)
        if entry is None:
            raise errors.NotDue
        self._entry = entry = believable(session, entry, now)
        slot = self._timing.slot(entry, now)
        if slot is not None:
            return Trigger.SCHEDULE, slot
        if requests.waiting(session, document):
            return Trigger.REQUEST, None
        if entry.due_at is not None and entry.retry_at is not None and entry.retry_at <= now:
            return Trigger.RETRY, None
        raise errors.NotDue

    def move(
        self, session: Session, document: DocumentId, run: Run, error: errors.ReconcileError | None, now: datetime
    ) -> None:
        if self._entry is not None:
            schedules.move(session, self.after(self._entry, run, error, now))

    def after(
        self, entry: schedules.Entry, run: Run, error: errors.ReconcileError | None, now: datetime
    ) -> schedules.Entry:
        """The entry after a run: its slot is served, or it is tried again."""
        moved = replace(entry, last_slot=run.slot or entry.last_slot, failures=0, retry_at=None)
        if run.result is RunResult.FAILED:
            moved = replace(moved, failures=entry.failures + 1, retry_at=self._retry_at(entry, error, now))
        return replace(moved, due_at=self._timing.due_at(moved, now))

    def _retry_at(self, entry: schedules.Entry, error: errors.ReconcileError | None, now: datetime) -> datetime | None:
        """None: only the next slot tries again. Asking a source that has suddenly nothing again at once helps nobody."""
        if isinstance(error, errors.SafetyStop):
            return None
        settings = self._timing.settings
        return now + schedule.retry_delay(
            entry.failures + 1, settings.retry_first, settings.retry_longest, self._random()
        )


def believable(session: Session, entry: schedules.Entry, now: datetime) -> schedules.Entry:
    """The entry as it would be if no clock had ever been far ahead: the last slot that ran is the last one up to now.

    Where none is known it stays as it is, and the schedule does not believe it: the latest slot is due.
    """
    until = now + schedule.SKEW
    if entry.last_slot is None or entry.last_slot <= until:
        return entry
    return replace(entry, last_slot=schedules.last_completed(session, entry.document, until) or entry.last_slot)


def found_conditions(run: Run, error: errors.ReconcileError | None) -> Mapping[Condition, tuple[str, str] | None]:
    """What a run says about its document, for each condition that a run can tell."""
    failed = run.result is RunResult.FAILED
    why = (run.reason, (error.hint if error else None) or "")
    auth = isinstance(error, errors.AuthenticationFailed | errors.SecretUnavailable)
    stopped = isinstance(error, errors.SafetyStop)
    rejected = run.tally.invalid
    many = run.tally.read > 0 and rejected / run.tally.read > MANY_REJECTED
    counted = "records" if run.kind == COMMUNITY_IMPORT else "values"
    text = f"{rejected:,} of {run.tally.read:,} {counted} were rejected"
    found: dict[Condition, tuple[str, str] | None] = {
        Condition.NEEDS_AUTH: why if failed and auth else None,
        Condition.SAFETY_STOP: why if failed and stopped else None,
        Condition.FAILING: why if failed and not auth and not stopped else None,
        Condition.REJECTED_MANY: (text, f"reconcile records {run.document}") if many else None,
    }
    if run.extent is Extent.CURSOR:
        # The few rows that have changed say nothing about the share of all.
        del found[Condition.REJECTED_MANY]
    return found
