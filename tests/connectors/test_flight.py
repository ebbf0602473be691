"""Several threads that need the same answer at once cost one call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler import errors
from reconciler.connectors.flight import SingleFlight


@pytest.mark.parametrize("fail", [False, True])
def test_whoever_comes_while_it_is_under_way_shares_the_outcome(fail: bool) -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    done: list[int] = []
    under_way, waiting = threading.Event(), threading.Event()

    def work() -> int:
        under_way.set()
        assert waiting.wait(5)
        done.append(1)
        if fail:
            raise errors.RemoteUnavailable
        return 7

    def outcome() -> object:
        try:
            return flight.do("key", work)
        except errors.RemoteUnavailable as error:
            return type(error)

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(outcome)
        assert under_way.wait(5)
        rest = [pool.submit(outcome) for _ in range(19)]
        while any(not (one.running() or one.done()) for one in rest):
            threading.Event().wait(0.001)
        threading.Event().wait(0.05)  # a running follower still has to reach the flight
        waiting.set()
        outcomes = {one.result(5) for one in [first, *rest]}
    assert outcomes == ({errors.RemoteUnavailable} if fail else {7})
    assert done == [1]


def test_nothing_is_remembered() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    counter = iter(range(10))
    assert [flight.do("a", lambda: next(counter)) for _ in range(3)] == [0, 1, 2]


def test_a_failure_does_not_stay() -> None:
    flight: SingleFlight[str, int] = SingleFlight()

    def fail() -> int:
        raise errors.RemoteUnavailable

    with pytest.raises(errors.RemoteUnavailable):
        flight.do("a", fail)
    assert flight.do("a", lambda: 1) == 1
