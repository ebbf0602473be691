"""One holder at a time, and a lost lease records nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.engine.holding import Held, held
from reconciler.state import leases, meta
from reconciler.state.database import Database, open_database
from tests.state.conftest import NOW, Open

NAME = "ProfileFieldMapping/acme-profile"


def take(database: Database, holder: str, ttl: float = 15) -> leases.Lease:
    with database.begin() as session:
        return leases.acquire(session, NAME, holder, ttl)


def expire(database: Database) -> None:
    with database.begin() as session:
        session.execute(text("UPDATE leases SET expires_at = expires_at - 100"))


def test_a_lease_is_held_by_one_and_says_by_whom(database: Database, open_again: Open) -> None:
    first = take(database, "host-a, process 17")
    with pytest.raises(errors.Locked, match=r"host-a, process 17 since 20..-..-..") as caught:
        take(open_again(), "host-b")
    assert any(character.isdigit() for character in str(caught.value.hint))
    with database.begin() as session:
        leases.release(session, first)
    second = take(open_again(), "host-b")
    assert second.fence > first.fence


def test_an_expired_lease_may_be_taken_and_its_old_holder_records_nothing(database: Database, open_again: Open) -> None:
    stale = take(database, "a")
    expire(database)
    fresh = take(open_again(), "b")
    with database.begin() as session:
        meta.initialise(session, "acme", "l1", now=NOW)
    with pytest.raises(errors.FenceLost), database.begin() as session:
        meta.bump(session)
        leases.assert_held(session, stale)
    with pytest.raises(errors.FenceLost), database.begin() as session:
        leases.renew(session, stale)
    with database.begin() as session:
        leases.release(session, stale)
        leases.assert_held(session, fresh)
        assert meta.expect(session, "acme").serial == 0  # type: ignore[union-attr]
    with pytest.raises(errors.Locked):
        take(database, "c")


def test_an_expired_lease_that_nobody_took_is_still_held(database: Database) -> None:
    lease = take(database, "a")
    expire(database)
    with database.begin() as session:
        leases.assert_held(session, lease)
        leases.renew(session, lease)
    with pytest.raises(errors.Locked):
        take(database, "b")


def test_a_lease_ends_by_the_clock_of_the_database(database: Database) -> None:
    take(database, "a", ttl=0.3)
    with pytest.raises(errors.Locked):
        take(database, "b")
    time.sleep(0.4)
    assert take(database, "b").fence == 2


def test_of_many_that_try_at_once_one_gets_it(open_again: Open) -> None:
    databases = [open_again() for _ in range(8)]
    databases[0].migrate()
    for round_number in range(1, 4):
        barrier = threading.Barrier(8)

        def contend(database: Database, barrier: threading.Barrier = barrier) -> int | None:
            barrier.wait(10)
            try:
                return take(database, "x").fence
            except errors.Locked:
                return None

        with ThreadPoolExecutor(8) as pool:
            fences = [fence for fence in pool.map(contend, databases) if fence is not None]
        assert fences == [round_number]
        expire(databases[0])


def test_nobody_takes_a_lease_while_its_holder_commits(database: Database, open_again: Open) -> None:
    """The new holder's first sight of the state includes everything that the old one recorded under its fence."""
    with database.begin() as session:
        meta.initialise(session, "acme", "l1", now=NOW)
    lease = take(database, "a")
    expire(database)
    other = open_again()
    seen: list[int] = []

    def taker() -> None:
        take(other, "b")
        with other.read() as session:
            seen.append(meta.expect(session, "acme").serial)  # type: ignore[union-attr]

    with database.begin() as session:
        leases.assert_held(session, lease)
        thread = threading.Thread(target=taker)
        thread.start()
        time.sleep(0.3)
        assert not seen
        meta.bump(session)
    thread.join(10)
    assert seen == [1]


class TestHeartbeat:
    def test_it_holds_the_lease_beyond_its_time(self, database: Database) -> None:
        lease = take(database, "a", ttl=0.5)
        with leases.Heartbeat(database, lease, every=0.1) as heartbeat:
            time.sleep(0.9)
            assert not heartbeat.lost.is_set()
            with pytest.raises(errors.Locked):
                take(database, "b")
        with database.begin() as session:
            leases.assert_held(session, lease)

    def test_it_notes_a_loss(self, database: Database) -> None:
        lease = take(database, "a")
        expire(database)
        take(database, "b")
        with leases.Heartbeat(database, lease, every=0.05) as heartbeat:
            assert heartbeat.lost.wait(5)
            with pytest.raises(errors.FenceLost) as caught:
                Held(lease, heartbeat).refuse_lost()
        assert caught.value.hint == "another process carries on; nothing needs to be done"

    def test_a_database_that_is_gone_for_the_whole_time_is_a_loss(self, tmp_path: Path) -> None:
        with open_database("sqlite:///x.db", clock=SystemClock(), root=tmp_path) as database:
            lease = take(database, "a", ttl=0.3)
            database.close()
            (tmp_path / "x.db").write_bytes(b"")
            with leases.Heartbeat(database, lease, every=0.1) as heartbeat:
                assert heartbeat.lost.wait(5)
                with pytest.raises(errors.FenceLost, match=r"could not be renewed for 0\.3 s") as caught:
                    Held(lease, heartbeat).refuse_lost()
            assert "run it again" in str(caught.value.hint)


def test_what_broke_the_work_is_told_and_not_that_the_lease_cannot_be_given_back(tmp_path: Path) -> None:
    with open_database("sqlite:///x.db", clock=SystemClock(), root=tmp_path) as database:
        database.migrate()
        with pytest.raises(ZeroDivisionError), held(database, "work", "a"):
            database.close()
            (tmp_path / "x.db").write_bytes(b"")
            raise ZeroDivisionError
