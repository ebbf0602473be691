"""The outbox: what is told, in which order, how often, and by whom of several; and the passes that empty it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from reconciler import errors
from reconciler.engine import announcing
from reconciler.model.event import Condition, Event, EventName, Level, Transition
from reconciler.model.notice import Notice
from reconciler.model.resources import Channel, Limits, Project, SecretRef, Slack
from reconciler.state import conditions, notices, tables
from reconciler.state.database import Database
from tests.connectors.servers import NOON, FakeClock
from tests.state.conftest import Open

SUBJECT = "ProfileFieldMapping/acme-profile"
MINUTE = timedelta(minutes=1)


def notice(began: bool = True, subject: str = SUBJECT, at: datetime = NOON) -> Notice:
    return Notice(
        project="acme",
        subject=subject,
        condition=Condition.FAILING,
        began=began,
        reason="why",
        hint="what to do",
        since=NOON,
        at=at,
    )


def enqueue(
    database: Database, *words: bool, at: datetime = NOON, channel: str = "ops", subject: str = SUBJECT
) -> None:
    with database.begin() as session:
        for began in words:
            notices.enqueue(session, channel, notice(began, subject), now=at)


def claim(database: Database, at: datetime = NOON) -> notices.Claimed | None:
    with database.begin() as session:
        return notices.claim(session, now=at)


def waiting(database: Database) -> int:
    with database.read() as session:
        return notices.waiting(session)


def send_all(database: Database, at: datetime) -> list[bool]:
    """What is due at a moment, sent: began or ended."""
    told = []
    while (claimed := claim(database, at)) is not None:
        with database.begin() as session:
            notices.sent(session, claimed, now=at)
        told.append(claimed.notice.began)
    return told


# ---- what is told


def test_a_notice_is_sent_once(database: Database) -> None:
    enqueue(database, True)
    claimed = claim(database)
    assert claimed is not None
    assert (claimed.channel, claimed.notice, claimed.attempts) == ("ops", notice(), 1)
    assert claim(database) is None, "it belongs to whoever took it"
    with database.begin() as session:
        notices.sent(session, claimed, now=NOON)
    assert (claim(database, NOON + timedelta(days=2)), waiting(database)) == (None, 0)


def test_what_began_and_ended_before_anybody_was_told_is_not_told(database: Database) -> None:
    enqueue(database, True, False)
    assert (claim(database), waiting(database)) == (None, 0)
    enqueue(database, True, False, True)
    assert send_all(database, NOON) == [True]
    enqueue(database, False, True, at=NOON + MINUTE)
    assert send_all(database, NOON + timedelta(days=1)) == [], "who was told of the beginning still knows what is true"


def test_what_may_have_arrived_is_not_taken_back(database: Database) -> None:
    enqueue(database, True)
    claimed = claim(database)
    assert claimed is not None
    with database.begin() as session:
        notices.failed(session, claimed, now=NOON)
    enqueue(database, False)
    assert send_all(database, NOON) == [], "the end waits for the beginning"
    assert send_all(database, NOON + MINUTE) == [True, False]


def test_what_flaps_is_told_once_in_each_direction_and_its_last_word_is_kept(database: Database) -> None:
    told: list[tuple[int, bool]] = []
    for minute in range(9):
        at = NOON + minute * MINUTE
        enqueue(database, minute % 2 == 0, at=at)
        told += [(minute, began) for began in send_all(database, at)]
    assert told == [(0, True), (1, False)]
    for minute in range(9, 40):
        told += [(minute, began) for began in send_all(database, NOON + minute * MINUTE)]
    assert told == [(0, True), (1, False), (10, True)], "it failed at last, and that is told, later"


def test_subjects_and_channels_are_told_on_their_own(database: Database) -> None:
    enqueue(database, True)
    enqueue(database, True, channel="chat")
    enqueue(database, True, subject="config")
    enqueue(database, False, channel="chat")
    assert waiting(database) == 2
    assert send_all(database, NOON) == [True, True]


# ---- by whom and how often


def test_pauses_grow_and_end_after_a_day(database: Database) -> None:
    enqueue(database, True)
    at, pauses = NOON, []
    while True:
        claimed = claim(database, at)
        assert claimed is not None
        assert claim(database, at) is None
        with database.begin() as session:
            again = notices.failed(session, claimed, now=at)
        if again is None:
            break
        pauses.append(int((again - at) / MINUTE))
        at = again
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert timedelta(hours=22) < at - NOON < timedelta(hours=24)
    assert (claim(database, at + timedelta(days=2)), waiting(database)) == (None, 0)


def test_a_claim_ends_and_a_late_answer_changes_nothing(database: Database) -> None:
    enqueue(database, True)
    first = claim(database)
    later = NOON + notices.CLAIM
    second = claim(database, later)
    assert first is not None and second is not None
    assert second.attempts == 2
    with database.begin() as session:
        notices.sent(session, first, now=later)
    assert waiting(database) == 1
    with database.begin() as session:
        notices.sent(session, second, now=later)
    assert waiting(database) == 0


def test_what_is_given_back_was_never_tried(database: Database) -> None:
    enqueue(database, True)
    claimed = claim(database)
    assert claimed is not None
    with database.begin() as session:
        notices.give_back(session, claimed, now=NOON)
    enqueue(database, False)
    assert waiting(database) == 0


def test_several_replicas_never_take_the_same(open_again: Open) -> None:
    replicas = [open_again() for _ in range(4)]
    for number in range(40):
        enqueue(replicas[0], True, subject=f"ProfileFieldMapping/m{number}")
    taken: list[int] = []
    failures: list[BaseException] = []
    together = threading.Barrier(len(replicas))

    def work(database: Database) -> None:
        together.wait()
        try:
            while (claimed := database.run(lambda session: notices.claim(session, now=NOON))) is not None:
                taken.append(claimed.id)
        except errors.ReconcileError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(database,)) for database in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(taken) == len(set(taken)) == 40


def test_the_end_follows_a_beginning_that_is_being_sent(open_again: Open) -> None:
    """The end is told while another process takes the beginning: whichever is first, nobody is left in doubt."""
    first, second = open_again(), open_again()
    for number in range(20):
        subject = f"ProfileFieldMapping/m{number}"
        enqueue(first, True, subject=subject)
        together = threading.Barrier(2)
        claimed: list[notices.Claimed | None] = []

        def take(together: threading.Barrier = together, claimed: list[notices.Claimed | None] = claimed) -> None:
            together.wait()
            claimed.append(second.run(lambda session: notices.claim(session, now=NOON)))

        thread = threading.Thread(target=take)
        thread.start()
        together.wait()
        first.run(
            lambda session, subject=subject: notices.enqueue(session, "ops", notice(False, subject), now=NOON)  # type: ignore[misc]
        )
        thread.join()
        taken = claimed[0]
        if taken is not None:
            with first.begin() as session:
                notices.sent(session, taken, now=NOON)
        assert send_all(first, NOON) == ([] if taken is None else [False])


def test_old_ones_are_forgotten(database: Database) -> None:
    enqueue(database, True)
    enqueue(database, True, subject="config")
    claimed = claim(database)
    assert claimed is not None
    with database.begin() as session:
        notices.sent(session, claimed, now=NOON)
        notices.prune(session, now=NOON + notices.KEPT)
        assert len(session.execute(select(tables.notices)).all()) == 2
        notices.prune(session, now=NOON + notices.KEPT + MINUTE)
        rows = session.execute(select(tables.notices.c.key)).scalars().all()
    assert rows == ["config failing"], "the other one still waits"


def test_a_notice_of_another_version_is_an_error_that_says_so(database: Database) -> None:
    enqueue(database, True)
    with database.begin() as session:
        session.execute(update(tables.notices).values(content='{"project": "acme"}'))
    with pytest.raises(errors.StateDamaged, match="cannot be understood"):
        claim(database)


# ---- announcing and delivering


def project(*channels: Channel) -> Project:
    return Project(
        name="acme",
        configs=("config",),
        database="sqlite:///x",
        state_file="s",
        catalog="c",
        limits=Limits(max_change_percent=30, min_records=10),
        notifications=channels,
    )


def channel(name: str, **filters: Any) -> Channel:
    return Channel(name=name, way=Slack(url=SecretRef(source="env", name="X")), **filters)


class Recorder:
    """A sender that keeps what it was given, and fails as it is told to."""

    def __init__(self, *troubles: errors.ReconcileError, remark: str = "") -> None:
        self.notices: list[Notice] = []
        self.keys: list[str] = []
        self._troubles = list(troubles)
        self._remark = remark

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        self.keys.append(key)
        if self._troubles:
            raise self._troubles.pop(0)
        self.notices.append(notice)
        return self._remark


def deliver(
    database: Database, senders: Mapping[str, Recorder], clock: FakeClock, stop: threading.Event | None = None
) -> list[Event]:
    events: list[Event] = []
    announcing.deliver(database, senders, clock=clock, stop=stop or threading.Event(), emit=events.append)
    return events


def began(condition: Condition = Condition.FAILING, subject: str = SUBJECT) -> dict[str, Any]:
    return {"subject": subject, "condition": condition, "began": True, "reason": "key s3cret refused", "since": NOON}


def test_transitions_of_conditions_reach_the_channels_that_hear_of_them(database: Database) -> None:
    told = project(
        channel("all"),
        channel("auth", conditions=(Condition.NEEDS_AUTH,)),
        channel("mine", documents=("acme-profile",)),
        channel("other", documents=("other",)),
        channel("config", documents=("config",)),
    )
    found: dict[Condition, tuple[str, str] | None] = {
        Condition.FAILING: ("key s3cret refused", "look"),
        Condition.NEEDS_AUTH: None,
    }
    with database.begin() as session:
        transitions = conditions.settle(session, SUBJECT, found, now=NOON)
        transitions += conditions.settle(session, "config", {Condition.CONFIG_INVALID: ("bad", "")}, now=NOON)
        announcing.announce(session, told, transitions, now=NOON, mask=lambda text: text.replace("s3cret", "***"))
    recorders = {name.name: Recorder() for name in told.notifications}
    events = deliver(database, recorders, FakeClock())
    heard = {name: [(n.subject, n.reason, n.began) for n in recorder.notices] for name, recorder in recorders.items()}
    mine = (SUBJECT, "key *** refused", True)
    assert heard == {"all": [mine, ("config", "bad", True)], "auth": [], "mine": [mine], "other": [], "config": []}
    assert [event.name for event in events] == [EventName.NOTICE_SENT] * 3
    assert events[0].fields == {
        "channel": "all",
        "subject": SUBJECT,
        "condition": "failing",
        "began": True,
        "attempt": 1,
    }


def test_the_end_knows_when_it_began(database: Database) -> None:
    later = NOON + timedelta(hours=2)
    with database.begin() as session:
        conditions.settle(session, SUBJECT, {Condition.FAILING: ("why", "")}, now=NOON)
        (ended,) = conditions.settle(session, SUBJECT, {Condition.FAILING: None}, now=later)
    assert ended == Transition(subject=SUBJECT, condition=Condition.FAILING, began=False, since=NOON)


def test_a_rolled_back_transition_is_not_told(database: Database) -> None:
    with pytest.raises(errors.Interrupted), database.begin() as session:
        announcing.announce(session, project(channel("ops")), [Transition(**began())], now=NOON, mask=str)
        raise errors.Interrupted
    assert waiting(database) == 0


def test_a_channel_that_fails_is_tried_again_with_the_same_key(database: Database) -> None:
    enqueue(database, True)
    clock, recorder = FakeClock(), Recorder(errors.RemoteUnavailable("hooks.test: answered HTTP 500"))
    (event,) = deliver(database, {"ops": recorder}, clock)
    assert (event.name, event.level) == (EventName.NOTICE_FAILED, Level.WARNING)
    assert event.fields["reason"] == "hooks.test: answered HTTP 500"
    assert (event.fields["retry_at"], event.fields["given_up"]) == ("2026-11-22T12:01:00Z", False)
    assert deliver(database, {"ops": recorder}, clock) == []
    clock.passed = 60
    (event,) = deliver(database, {"ops": recorder}, clock)
    assert (event.name, event.fields["attempt"]) == (EventName.NOTICE_SENT, 2)
    assert len(set(recorder.keys)) == 1


def test_giving_up_is_said_loudly(database: Database) -> None:
    enqueue(database, True)
    clock, events = FakeClock(), []
    recorder = Recorder(*(errors.SecretUnavailable("the secret env X is missing") for _ in range(100)))
    while waiting(database):
        events += deliver(database, {"ops": recorder}, clock)
        clock.passed += 300
    assert [event.level for event in events[:-1]] == [Level.WARNING] * (len(events) - 1)
    assert (events[-1].level, events[-1].fields["given_up"]) == (Level.ERROR, True)
    assert clock.passed < 24 * 3600 + 600


def test_a_channel_that_is_gone(database: Database) -> None:
    enqueue(database, True)
    (event,) = deliver(database, {}, FakeClock())
    assert (event.level, event.fields["given_up"]) == (Level.ERROR, True)
    assert waiting(database) == 0


def test_a_remark_is_passed_on(database: Database) -> None:
    enqueue(database, True)
    (event,) = deliver(database, {"ops": Recorder(remark="refused for a@example.com")}, FakeClock())
    assert (event.name, event.level) == (EventName.NOTICE_SENT, Level.WARNING)
    assert event.fields["reason"] == "refused for a@example.com"


def test_a_stop_leaves_the_rest_to_whoever_comes_next(database: Database) -> None:
    enqueue(database, True)
    enqueue(database, True, subject="config")
    assert deliver(database, {"ops": Recorder(errors.Interrupted())}, FakeClock()) == []
    stop = threading.Event()
    stop.set()
    assert deliver(database, {"ops": Recorder()}, FakeClock(), stop) == []
    assert waiting(database) == 2
    assert len(deliver(database, {"ops": Recorder()}, FakeClock())) == 2


def test_one_pass_is_bounded(database: Database) -> None:
    for number in range(announcing.AT_ONCE + 5):
        enqueue(database, True, subject=f"ProfileFieldMapping/m{number}")
    clock = FakeClock()

    class Slow(Recorder):
        def send(self, notice: Notice, key: str, at: datetime) -> str:
            clock.passed += 25
            return super().send(notice, key, at)

    assert len(deliver(database, {"ops": Slow()}, clock)) == 3
    assert len(deliver(database, {"ops": Recorder()}, clock)) == announcing.AT_ONCE
    assert len(deliver(database, {"ops": Recorder()}, clock)) == 2
