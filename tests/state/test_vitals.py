"""How documents are doing, as the database tells it: from real runs, schedules, leases, statuses and budgets."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import update

from reconciler.engine.observing import Use, observe
from reconciler.model.document import Document, DocumentId
from reconciler.model.event import Condition
from reconciler.model.outcome import Outcome, Reason
from reconciler.model.resources import RateLimit
from reconciler.model.run import RunResult, Tally
from reconciler.model.status import Status, StatusEntry
from reconciler.state import budgets, conditions, documents, leases, meta, runs, schedules, statuses, tables, vitals
from reconciler.state.database import Database
from tests.connectors.servers import NOON, FakeClock
from tests.state.conftest import MAPPING, NOW

HOUR = timedelta(hours=1)
OTHER = DocumentId("ProfileFieldMapping", "other")


def apply(database: Database, *ids: DocumentId) -> None:
    with database.begin() as session:
        meta.initialise(session, "acme", "l1", now=NOW)
        meta.bump(session, commit="c1")
        for id_ in ids:
            documents.save(session, Document(id=id_, spec={}), now=NOW, serial=1)


def run(database: Database, hours: int, result: RunResult, document: DocumentId = MAPPING) -> None:
    at = NOW + hours * HOUR
    with database.begin() as session:
        opened = runs.open_run(session, document, job="j", connection="c", now=at)
        if result is not RunResult.RUNNING:
            runs.close(session, opened.id, result=result, tally=Tally(), items={}, calls=1, reason="", now=at)


def read(database: Database) -> dict[DocumentId, vitals.Vitals]:
    with database.read() as session:
        return {found.document: found for found in vitals.read(session)}


def test_an_absent_database_has_none(database: Database) -> None:
    assert read(database) == {}
    seen = observe(database, now=NOW)
    assert (seen.serial, seen.commit, seen.config_valid, seen.documents, seen.notices_waiting) == (
        None,
        None,
        True,
        [],
        0,
    )


def test_the_last_success_is_that_of_each_document(database: Database) -> None:
    apply(database, MAPPING, OTHER, DocumentId("Connection", "acme-cs"))
    run(database, 1, RunResult.SUCCESS)
    run(database, 2, RunResult.PARTIAL)
    run(database, 3, RunResult.FAILED)
    run(database, 4, RunResult.INTERRUPTED)
    run(database, 5, RunResult.FAILED, OTHER)
    found = read(database)
    assert list(found) == [MAPPING, OTHER]
    assert (found[MAPPING].last_success, found[OTHER].last_success) == (NOW + 2 * HOUR, None)
    assert not found[MAPPING].running


def test_running_is_what_somebody_has_the_lease_for(database: Database) -> None:
    apply(database, MAPPING, OTHER)
    run(database, 1, RunResult.RUNNING)
    run(database, 1, RunResult.RUNNING, OTHER)
    with database.begin() as session:
        lease = leases.acquire(session, str(MAPPING), "replica 1")
    found = read(database)
    assert (found[MAPPING].running, found[MAPPING].holder) == (True, "replica 1")
    assert (found[OTHER].running, found[OTHER].holder) == (False, None), "its process was killed"
    with database.begin() as session:
        leases.release(session, lease)
    assert read(database)[MAPPING].holder is None


def test_what_is_due_and_what_was_rejected(database: Database) -> None:
    apply(database, MAPPING, OTHER)
    tally = Tally(read=10)
    tally.add(Outcome.REJECTED, Reason.FIELD_MISSING, 3)
    tally.add(Outcome.SKIPPED, Reason.NULL, 7)
    entry = StatusEntry(
        kind=MAPPING.kind,
        name=MAPPING.name,
        item="",
        status=Status.PARTIAL,
        reason="",
        since=NOW,
        run_id=None,
        last_run_at=NOW,
        tally=tally,
    )
    with database.begin() as session:
        schedules.save(session, [schedules.Entry(document=MAPPING, generation=1, since=NOW, due_at=NOW + HOUR)])
        statuses.replace(session, [entry])
    found = read(database)
    assert (found[MAPPING].next_due, found[OTHER].next_due) == (NOW + HOUR, None)
    assert (dict(found[MAPPING].rejected), dict(found[OTHER].rejected)) == ({Reason.FIELD_MISSING: 3}, {})


def test_a_forgotten_document_is_gone(database: Database) -> None:
    apply(database, MAPPING, OTHER)
    with database.begin() as session:
        session.execute(update(tables.documents).where(tables.documents.c.name == "other").values(forgotten_at=NOW))
    assert list(read(database)) == [MAPPING]


def test_everything_at_once(database: Database) -> None:
    apply(database, MAPPING)
    clock = FakeClock()
    limit = RateLimit(per_minute=60, per_day=None)
    with database.begin() as session:
        conditions.settle(session, str(MAPPING), {Condition.FAILING: ("why", "")}, now=NOW)
    budget = budgets.SharedBudget(database, "acme-cs", limit, clock, edge=0)
    budget.acquire(threading.Event())
    seen = observe(database, now=clock.now())
    assert (seen.serial, seen.commit, seen.config_valid) == (1, "c1", True)
    assert list(seen.conditions) == [(str(MAPPING), Condition.FAILING)]
    assert list(seen.budgets) == [
        Use(connection="acme-cs", window="minute", used=1, limit=60),
        Use(connection="acme-cs", window="day", used=1, limit=None),
    ]
    later = observe(database, now=NOON + timedelta(minutes=1))
    assert [use.used for use in later.budgets] == [0, 1]
    tomorrow = observe(database, now=NOON + timedelta(days=1))
    assert [use.used for use in tomorrow.budgets] == [0, 0]
    with database.begin() as session:
        conditions.settle(session, "config", {Condition.CONFIG_INVALID: ("why", "")}, now=NOW)
    assert not observe(database, now=NOW).config_valid
