"""What people ask of the loop from the command line: a run now, approval, a pause. It is recorded, and the loop finds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.clock import Clock
from reconciler.engine import chain, kinds
from reconciler.engine.cycle import Report
from reconciler.engine.kinds import applied_document
from reconciler.engine.sync import refuse_suspended, refuse_waiting
from reconciler.engine.timetable import refresh
from reconciler.model.document import COMMUNITY_IMPORT, DocumentId
from reconciler.model.event import CONFIG, Condition
from reconciler.model.resources import LoopSettings
from reconciler.model.run import Run, RunResult
from reconciler.state import applies, conditions, documents, replicas, requests, runs, schedules
from reconciler.state.conditions import Held
from reconciler.state.database import Database
from reconciler.state.schedules import Entry
from reconciler.state.session import Session

ASK_EVERY = 0.2
"""Seconds between two looks at a request."""

APPROVE = "reconcile approve "
"""What the hint of something that waits begins with; a digest or commit follows."""

SHORT = 12
"""Digits of a digest or commit that people are shown and type."""

FEWEST = 7
"""Digits with which git names a commit, and so do people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that the loop has been given."""

    id: int
    document: DocumentId


def loop_is_alive(database: Database) -> bool:
    """Whether some loop works on this database."""
    with database.read() as session:
        return bool(replicas.alive(session))


def ask(database: Database, name: str, by: str, clock: Clock) -> Asked:
    """Ask the loop for a run of a document. Raises `errors.NotFound`, and `errors.ConfigIncomplete` for a suspended one."""
    with database.read() as session:
        document = applied_document(session, name)
        flow = kinds.cyclic(documents.load(session, [document])[document].document)
        refuse_suspended(session, flow, document)
        refuse_waiting(session, flow, document)
    with database.begin() as session:
        return Asked(id=requests.ask(session, document, by, now=clock.now()), document=document)


def wait(
    database: Database, asked: Asked, clock: Clock, stop: threading.Event, watch: Callable[[Run], None]
) -> Report | None:
    """Wait for the run that serves a request; `watch` is told how far it is. None when no loop is left to serve it.

    Raises `errors.Interrupted`, after a request that nobody serves yet has been taken back, and `errors.NotFound` when the
    document was forgotten meanwhile.
    """
    while True:
        with database.read() as session:
            found = requests.get(session, asked.id)
            if found is None:
                raise errors.NotFound(f"{asked.document} was forgotten before the loop got to it")
            run = runs.get(session, found.run_id) if found.run_id is not None else None
            alive = bool(replicas.alive(session))
            if found.closed and run is not None:
                held = {entry.condition for entry in conditions.read(session, str(asked.document))}
                return Report(run=run, tallies=runs.items(session, run.id), error=_error(run, held))
        if run is not None:
            watch(run)
        if not alive and _withdraw(database, asked):
            return None
        if clock.wait(ASK_EVERY, stop):
            withdrawn = _withdraw(database, asked)
            raise errors.Interrupted("the request is taken back" if withdrawn else "the loop goes on with it")


def _withdraw(database: Database, asked: Asked) -> bool:
    with database.begin() as session:
        return requests.withdraw(session, asked.id)


def _error(run: Run, held: Collection[Condition]) -> errors.ReconcileError | None:
    """The error that a failed run had: what is recorded of it is its text, and what kind it was."""
    if run.result is not RunResult.FAILED:
        return None
    if Condition.NEEDS_AUTH in held:
        return errors.AuthenticationFailed(run.reason)
    if Condition.SAFETY_STOP in held:
        return errors.SafetyStop(run.reason)
    return errors.ReconcileError(run.reason)


def approve(database: Database, subject: str, by: str, clock: Clock) -> Held:
    """Approve what waits for it: `subject` is what the waiting condition's command says. Gives that condition.

    Raises `errors.NotFound` when nothing of that name waits.
    """
    wanted = subject.lower()[:SHORT]
    with database.begin() as session:
        waiting = [held for held in conditions.read(session, CONFIG) if held.hint.startswith(APPROVE)]
        named = {held.hint.removeprefix(APPROVE): held for held in waiting}
        meant = [name for name in named if len(wanted) >= FEWEST and name.startswith(wanted)]
        if len(meant) == 1:
            applies.approve(session, meant[0], by, now=clock.now())
            return named[meant[0]]
    commands = ", ".join(held.hint for held in waiting) or "nothing waits for approval"
    raise errors.NotFound(f"nothing that waits is called '{subject}'", hint=commands)


def suspend(database: Database, name: str, by: str, settings: LoopSettings, clock: Clock) -> bool:
    """Let no cycle of a document start until `resume`. False when it was suspended already. Raises `errors.NotFound`."""
    return _change(
        database,
        name,
        lambda entry: replace(entry, suspended_at=clock.now(), suspended_by=by),
        settings,
        clock,
        to=True,
    )


def resume(database: Database, name: str, settings: LoopSettings, clock: Clock) -> bool:
    """The contrary of `suspend`. False when it was not suspended. Raises `errors.NotFound`."""
    return _change(
        database,
        name,
        lambda entry: replace(entry, suspended_at=None, suspended_by=None),
        settings,
        clock,
        to=False,
    )


def _change(
    database: Database, name: str, change: Callable[[Entry], Entry], settings: LoopSettings, clock: Clock, *, to: bool
) -> bool:
    def work(session: Session) -> bool:
        document = applied_document(session, name)
        if to and document.kind == COMMUNITY_IMPORT:
            hint = f"to stop it, write `active: false` into Connection/{document.name} and apply; all data is kept"
            raise errors.ConfigIncomplete(f"{document}: an import cannot be switched off", hint=hint)
        timing = refresh(session, settings, clock.now())[document].timing
        entry = schedules.get(session, document, lock=True)
        assert entry is not None
        if (entry.suspended_at is not None) is to:
            return False
        changed = change(entry)
        schedules.save(session, [replace(changed, due_at=timing.due_at(changed, clock.now()))])
        chain.ask_for_ready(session, documents.load(session, [document]), clock.now())
        return True

    return database.run(work)
