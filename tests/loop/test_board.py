"""Whose turn it is: the rules of the board, one by one and for any order of events."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.occasion import Timing
from reconciler.engine.timetable import Work
from reconciler.loop.board import Board
from reconciler.model.document import DocumentId
from reconciler.model.resources import Every, LoopSettings

TIMING = Timing(schedule=Every(seconds=3600), settings=LoopSettings())


def work(name: str) -> Work:
    """`a1`: document 1 of connection a."""
    return Work(document=DocumentId("ProfileFieldMapping", name), job="a job", connection=name[0], timing=TIMING)


def offered(board: Board, names: str, *, full: bool = False, connections: int | None = None) -> None:
    ready = [work(name) for name in names.split()]
    count = len({one.connection for one in ready}) if connections is None else connections
    board.offer(ready, connections=count, full=full)


def taken(board: Board, count: int = 1) -> str:
    found = [board.take(0) for _ in range(count)]
    return " ".join(one.document.name if one else "-" for one in found)


def test_in_the_order_in_which_they_became_due() -> None:
    board = Board(4)
    offered(board, "a1 a2 a3")
    assert taken(board, 4) == "a1 a2 a3 -"
    assert [one.document.name for one in board.running] == ["a1", "a2", "a3"]


def test_each_turn_goes_to_the_connection_with_the_fewest_cycles() -> None:
    board = Board(6)
    offered(board, "a1 a2 a3 b1 c1 b2")
    assert taken(board, 6) == "a1 b1 c1 a2 b2 a3"


def test_with_several_connections_none_gets_the_last_worker() -> None:
    board = Board(3)
    offered(board, "a1 a2 a3 a4", connections=2)
    assert taken(board, 3) == "a1 a2 -"
    offered(board, "a3 a4 b1", connections=2)
    assert taken(board, 2) == "b1 -"
    board.done(work("a1"))
    assert taken(board, 2) == "a3 -"


def test_a_connection_alone_gets_all_workers() -> None:
    board = Board(3)
    offered(board, "a1 a2 a3 a4")
    assert taken(board, 3) == "a1 a2 a3"


def test_one_worker_serves_all_connections() -> None:
    board = Board(1)
    offered(board, "a1 b1")
    assert taken(board) == "a1"
    board.done(work("a1"))
    assert taken(board) == "b1"


def test_what_runs_is_not_handed_out_again() -> None:
    board = Board(4)
    offered(board, "a1")
    assert taken(board) == "a1"
    offered(board, "a1 a2")
    assert taken(board, 2) == "a2 -"
    board.done(work("a1"))
    assert taken(board) == "-", "it was not offered since"
    offered(board, "a1")
    assert taken(board) == "a1"


@pytest.mark.parametrize(("full", "hungry"), [(True, True), (False, False)])
def test_who_finds_nothing_although_there_is_more_says_so(full: bool, hungry: bool) -> None:
    board = Board(4)
    offered(board, "a1", full=full)
    assert taken(board) == "a1"
    assert not board.hungry.is_set()
    assert taken(board) == "-"
    assert board.hungry.is_set() is hungry
    offered(board, "a2")
    assert not board.hungry.is_set()


def test_nobody_is_hungry_for_what_has_to_wait() -> None:
    """More of the board would not help: what is on it belongs to a connection that has enough."""
    board = Board(2)
    offered(board, "a1 a2", full=True, connections=2)
    assert taken(board, 2) == "a1 -"
    assert not board.hungry.is_set()


def test_a_closed_board_hands_out_nothing_and_nobody_waits_there() -> None:
    board = Board(2)
    offered(board, "a1")
    board.close()
    started = time.monotonic()
    assert board.take(30) is None
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("event", ["offer", "done", "close"])
def test_who_waits_is_woken(event: str) -> None:
    board = Board(2)
    offered(board, "a1 a2", connections=2)
    assert taken(board) == "a1"
    found: list[Work | None] = []
    waiting = threading.Thread(target=lambda: found.append(board.take(30)))
    waiting.start()
    time.sleep(0.05)
    if event == "offer":
        offered(board, "a2 b1", connections=2)
    elif event == "done":
        board.done(work("a1"))
    else:
        board.close()
    waiting.join(10)
    names = [one.document.name if one else None for one in found]
    assert names == [{"offer": "b1", "done": "a2", "close": None}[event]]


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.lists(st.sampled_from(["a1", "a2", "a3", "a4", "b1", "b2", "c1"]), unique=True)),
        st.tuples(st.just("take"), st.none()),
        st.tuples(st.just("done"), st.integers(0, 5)),
    ),
    max_size=40,
)


@given(workers=st.integers(1, 4), events=EVENTS)
def test_the_rules_hold_whatever_happens(workers: int, events: list[tuple[str, object]]) -> None:
    board = Board(workers)
    ready: list[str] = []
    for event, detail in events:
        running = [one.document.name for one in board.running]
        busy = Counter(name[0] for name in running)
        if event == "offer":
            offered(board, " ".join(detail), connections=3)  # type: ignore[arg-type]
            ready = [name for name in detail if name not in running]  # type: ignore[attr-defined]
        elif event == "done" and running:
            board.done(work(running[int(detail) % len(running)]))  # type: ignore[call-overload]
        elif event == "take" and len(running) < workers:
            allowed = [name for name in ready if busy[name[0]] < max(1, workers - 1)]
            fewest = min((busy[name[0]] for name in allowed), default=0)
            best = next((name for name in allowed if busy[name[0]] == fewest), "-")
            assert taken(board) == best
            ready = [name for name in ready if name != best]
