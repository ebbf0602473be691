"""Simulated months with people who ask and pause, configurations that change, several loops, and processes that end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler import errors
from reconciler.engine import asking, timetable
from reconciler.model.document import DocumentId
from reconciler.model.resources import LoopSettings
from reconciler.state import replicas, schedules
from tests.acceptance.projects import COUNTRY, ROLE, SEATS, ProjectFolder
from tests.integration.kills import execute, let_leases_end
from tests.loop.simulated import (
    DOCUMENT,
    EVERY,
    START,
    HandClock,
    RunSeen,
    Simulation,
    break_source,
    every_four_hours,
    moment,
    ran,
    runs,
    simulate,
)

HOUR = timedelta(hours=1)
SPREAD = timedelta(seconds=30)


# ---- people


def test_suspended_for_a_month_then_one_cycle(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
        settings = loop.loop.settings
        assert asking.suspend(loop.loop.database, DOCUMENT, "ann", settings, clock)
        assert loop.schedule()["due_at"] is None
        assert set(loop.badges()) == {"suspended"}
        loop.live(moment("2026-07-01 10:00"), longest=timedelta(days=1))
        assert len(loop.runs()) == 1
        assert asking.resume(loop.loop.database, DOCUMENT, settings, clock)
        assert loop.step() == 1
        assert loop.runs()[-1].slot == moment("2026-07-01 08:00")
        loop.live(moment("2026-07-01 12:01"))
        assert [run.slot for run in loop.runs()[1:]] == [moment(f"2026-07-01 {hour}:00") for hour in ("08", "12")]


def test_a_request_is_served_once_and_several_by_one_run(on_each: ProjectFolder, clock: HandClock) -> None:
    with simulate(on_each, clock) as loop:
        loop.follow()
        database = loop.loop.database
        asked = [asking.ask(database, DOCUMENT, who, clock) for who in ("ann", "bob")]
        assert ran(loop) == ("request", "Success")
        for _ in range(5):
            loop.wait(seconds=1)
        assert len(loop.runs()) == 2
        served = {asking.wait(database, one, clock, loop.loop.stop, lambda _: None).run.id for one in asked}  # type: ignore[union-attr]
        assert len(served) == 1
        loop.live(moment("2026-06-01 12:01"))
        assert loop.runs()[-1].slot == moment("2026-06-01 12:00"), "a request moves no slot"


def test_a_request_does_not_wait_for_the_backoff(acting: Simulation) -> None:
    loop = acting
    break_source(loop.project)
    loop.live(moment("2026-06-01 14:00"))
    loop.project.world.heal()
    asking.ask(loop.loop.database, DOCUMENT, "ann", loop.clock)
    assert ran(loop) == ("request", "Success")
    assert loop.schedule()["retry_at"] is None


def test_suspended_by_its_document(acting: Simulation) -> None:
    loop, project = acting, acting.project
    project.replace(f"mappings/{DOCUMENT}.yaml", EVERY, f"{EVERY}\n  suspend: true")
    loop.follow()
    loop.live(moment("2026-06-02 09:00"))
    assert len(loop.runs()) == 1
    with pytest.raises(errors.ConfigIncomplete, match="suspended by its document"):
        asking.ask(loop.loop.database, DOCUMENT, "ann", loop.clock)
    project.replace(f"mappings/{DOCUMENT}.yaml", "  suspend: true\n", "")
    loop.follow()
    assert [run.slot for run in loop.runs()[1:]] == [moment("2026-06-02 08:00")]


def test_a_pause_that_comes_while_the_timetable_is_made_anew(on_each: ProjectFolder, clock: HandClock) -> None:
    """Both write the same row. The timetable waits for the person and takes what they wrote."""
    with simulate(on_each, clock) as loop:
        loop.follow()
        database, settings = loop.loop.database, loop.loop.settings
        later = clock.now() + timedelta(days=2)
        again = threading.Thread(
            target=lambda: database.run(lambda session: timetable.refresh(session, settings, later)), daemon=True
        )
        with database.begin() as session:
            id = DocumentId("ProfileFieldMapping", DOCUMENT)
            entry = schedules.get(session, id, lock=True)
            assert entry is not None
            again.start()
            time.sleep(0.3)
            schedules.save(session, [replace(entry, suspended_at=clock.now(), suspended_by="ann", due_at=None)])
        again.join(20)
        assert not again.is_alive()
        assert loop.schedule()["suspended_at"] == clock.now()
        assert loop.schedule()["due_at"] is None


def test_which_slots_ran_is_kept_by_number(on_each: ProjectFolder, clock: HandClock) -> None:
    on_each.mapping("other", [COUNTRY])
    with simulate(on_each, clock) as loop:
        loop.follow()
        id = DocumentId("ProfileFieldMapping", DOCUMENT)
        with loop.loop.database.begin() as session:
            for number in range(1200):
                slot = START + timedelta(minutes=5 * number + 5)
                assert schedules.claim_slot(session, id, slot, 1)
                schedules.complete_slot(session, id, slot, 1, now=slot)
        loop.wait(hours=1, minutes=1)
        kept = execute(on_each, "SELECT name, count(*), max(slot) FROM slots GROUP BY name ORDER BY name")
        assert [(name, count) for name, count, _ in kept] == [(DOCUMENT, schedules.KEPT), ("other", 1)]
        assert datetime.fromisoformat(kept[0][2]) == START + timedelta(minutes=6000), "the latest ones"


# ---- what is applied meanwhile


def _deactivate(project: ProjectFolder, *, back: bool = False) -> None:
    """As the middle of an apply records it: the mapping over the connection goes with a later transaction."""
    words = ('"active":false,"baseUrl"', '"baseUrl"')
    before, after = words if back else words[::-1]
    execute(project, f"UPDATE documents SET spec = replace(spec, '{before}', '{after}') WHERE name = 'acme-cs'")
    execute(project, "UPDATE meta SET serial = serial + 1")
    (found,) = execute(project, "SELECT spec FROM documents WHERE name = 'acme-cs'")
    assert (words[0] in found[0]) is not back


def test_a_deactivated_connection_stops_its_documents_until_it_is_back(acting: Simulation) -> None:
    loop, project = acting, acting.project
    _deactivate(project)
    loop.live(moment("2026-06-08 09:00"), longest=timedelta(days=1))
    assert len(loop.runs()) == 1
    assert set(loop.badges()) == {"deactivated"}
    _deactivate(project, back=True)
    loop.step()
    assert [run.slot for run in loop.runs()[1:]] == [moment("2026-06-08 08:00")]


def test_deactivated_between_the_look_and_the_cycle(acting: Simulation) -> None:
    """What is on the board is a moment old. That a connection was deactivated since is no failure of the document."""
    loop, clock = acting, acting.clock
    clock.advance(moment("2026-06-01 12:01") - clock.now())
    loop.loop.tick()
    _deactivate(loop.project)
    assert loop.loop.crew.work_one()
    loop.wait(minutes=10)
    assert [run.result for run in loop.runs()] == ["Success"]
    assert loop.schedule()["failures"] == 0
    assert execute(loop.project, f"SELECT status FROM statuses WHERE name = '{DOCUMENT}' AND item = ''") == [
        ("Successful",)
    ]


def test_forgotten_between_the_look_and_the_cycle(acting: Simulation) -> None:
    loop, project, clock = acting, acting.project, acting.clock
    project.mapping("other", [COUNTRY])
    loop.follow()
    clock.advance(moment("2026-06-01 12:01") - clock.now())
    loop.loop.tick()
    project.forget("other")
    loop.loop.follow()
    while loop.loop.crew.work_one():
        pass
    loop.step()
    assert len(loop.runs("other")) == 1
    assert not loop.schedule("other")
    assert execute(project, "SELECT count(*) FROM conditions") == [(0,)]
    project.run("status").expect(0)


def test_forgotten_and_applied_again(on_each: ProjectFolder, clock: HandClock) -> None:
    project = on_each
    project.mapping("other", [COUNTRY])
    with simulate(project, clock) as loop:
        loop.follow()
        asking.ask(loop.loop.database, "other", "ann", clock)
        project.forget("other")
        loop.follow()
        assert not loop.schedule("other")
        loop.live(moment("2026-06-01 16:01"))
        assert len(loop.runs("other")) == 1, "its request is gone, too"
        project.mapping("other", [COUNTRY])
        loop.follow()
        again = loop.runs("other")[1:]
        assert [(run.trigger, run.slot) for run in again] == [("schedule", clock.now().replace(microsecond=0))]
        loop.live(moment("2026-06-01 20:01"))
        assert loop.runs("other")[-1].slot == moment("2026-06-01 20:00")


def test_what_ran_by_hand_before_there_was_a_loop(acme: ProjectFolder, clock: HandClock) -> None:
    acme.apply()
    acme.sync()
    (by_hand,) = runs(acme)
    clock.set(by_hand.started + timedelta(minutes=1))
    with simulate(acme, clock) as loop:
        loop.follow()
        assert len(loop.runs()) == 1 or loop.runs()[1].slot > by_hand.started  # type: ignore[operator]
        loop.live(by_hand.started + timedelta(hours=4, minutes=1))
        assert len(loop.runs()) == 2


# ---- several loops, and processes that end


@pytest.fixture
def several(on_each: ProjectFolder) -> ProjectFolder:
    """Four documents for two communities."""
    for number, line in enumerate((COUNTRY, ROLE, SEATS)):
        project_name = f"more-{number}"
        on_each.mapping(project_name, [line], to="acme-partners" if number else "acme-community")
    return on_each


def _no_slot_twice(found: list[RunSeen]) -> None:
    done = Counter((run.document, run.slot) for run in found if run.slot and run.result != "Interrupted")
    assert done
    assert set(done.values()) == {1}


def test_two_replicas_with_clocks_three_seconds_apart(several: ProjectFolder, clock: HandClock) -> None:
    """Whatever the order in which they get their turns. A few seconds a step, so that one is often before a slot."""
    draw, ahead = random.Random(5), HandClock(START + timedelta(seconds=3))
    with simulate(several, clock) as left, simulate(several, ahead) as right:
        right.loop.follow()
        moves: list[Callable[[], object]] = [
            *(each.loop.tick for each in (left, right)),
            *(each.loop.crew.work_one for each in (left, right)),
        ]
        while clock.now() < moment("2026-06-02 10:00"):
            due = [due for due in left.due() if due > clock.now() + timedelta(seconds=5)]
            near = any(due - clock.now() < timedelta(seconds=10) for due in left.due())
            jump = timedelta(seconds=1) if near else min(due, default=clock.now() + HOUR) - clock.now() - SPREAD / 10
            for each in (clock, ahead):
                each.advance(max(timedelta(seconds=1), min(jump, HOUR)))
            for _ in range(4):
                draw.choice(moves)()
        found = left.runs()
    _no_slot_twice(found)
    assert {run.result for run in found} == {"Success"}
    for document in {run.document for run in found}:
        slots = [run.slot for run in found if run.document == document]
        assert slots[1:] == every_four_hours(1, 12, 6)


def test_a_restart_at_any_moment(several: ProjectFolder, clock: HandClock) -> None:
    """A process ends between any two steps, also in the middle of a cycle; the next one carries on."""
    draw = random.Random(9)
    with ExitStack() as stack:
        stack.enter_context(simulate(several, clock)).loop.follow()
        for _ in range(60):
            with simulate(several, clock) as loop:
                steps: list[Callable[[], object]] = [loop.loop.follow, loop.loop.tick, loop.loop.crew.work_one]
                for step in (*steps[1:], *draw.choices(steps, k=draw.randrange(4))):
                    step()
                if draw.random() < 0.3:
                    _cut_off(loop)
            clock.advance(timedelta(minutes=draw.randrange(1, 50)))
        with simulate(several, clock) as loop:
            loop.live(clock.now() + timedelta(hours=5))
            found = loop.runs()
    _no_slot_twice(found)
    assert {run.result for run in found} == {"Success", "Interrupted"}
    for document in {run.document for run in found}:
        slots = [run.slot for run in found if run.document == document and run.result == "Success"]
        assert all(slot is not None for slot in slots)
        assert slots == sorted(slots)  # type: ignore[type-var]
    assert execute(several, "SELECT count(*) FROM runs WHERE result = 'Running'") == [(0,)]
    assert execute(several, "SELECT count(*) FROM slots WHERE attempts > 1") != [(0,)], "some were cut off and resumed"


class _Killed(BaseException):
    pass


def _cut_off(loop: Simulation) -> None:
    """The process ends while its next cycle lists members: nothing of it runs any more, and its lease ends by itself."""
    real = loop.loop.crew.remotes

    def dying(connection: object, stop: object) -> object:
        found = real.cc(connection, stop)  # type: ignore[arg-type]

        def members() -> object:
            raise _Killed

        found.members = members  # type: ignore[method-assign,assignment]
        return found

    loop.loop.crew.remotes = replace(real, cc=dying)  # type: ignore[arg-type]
    try:
        loop.loop.crew.work_one()
    except _Killed:
        let_leases_end(loop.project)


def test_a_loop_that_leaves_is_not_counted_any_more(acting: Simulation) -> None:
    database = acting.loop.database
    with database.read() as session:
        assert [other.holder for other in replicas.alive(session)] == [acting.loop.replica.holder]
    acting.loop.replica.leave()
    with database.read() as session:
        assert not replicas.alive(session)


def test_the_settings_of_the_simulation_are_those_of_a_project(acting: Simulation) -> None:
    """The figures above rest on these."""
    assert acting.loop.settings == LoopSettings()
    assert acting.loop.settings.jitter == SPREAD
