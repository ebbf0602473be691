"""The budget against a simulated server that counts in fixed windows and answers 429 beyond them."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.clock import SystemClock
from reconciler.model.resources import RateLimit
from reconciler.state import budgets
from reconciler.state.budgets import SharedBudget
from reconciler.state.database import Database, open_database
from tests.state.conftest import Open

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
NEVER = threading.Event()


class SimulatedClock:
    """Time that passes only when somebody waits or works."""

    def __init__(self, start: float = MIDNIGHT, *, ahead: float = 0.0, of: SimulatedClock | None = None) -> None:
        self._time = [start] if of is None else of._time
        self._ahead = ahead

    @property
    def seconds(self) -> float:
        return self._time[0]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._time[0] + self._ahead, UTC)

    def monotonic(self) -> float:
        return self._time[0]

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.spend(max(0.0, seconds))
        return stop.is_set()

    def spend(self, seconds: float) -> None:
        self._time[0] += seconds


class Server:
    """Counts calls by its own clock and refuses what is beyond a window."""

    def __init__(self, clock: SimulatedClock, limit: RateLimit) -> None:
        self.clock, self.limit = clock, limit
        self.minutes: Counter[int] = Counter()
        self.days: Counter[int] = Counter()
        self.refused = 0

    def call(self) -> None:
        minute, day = int(self.clock.seconds // 60), int(self.clock.seconds // 86_400)
        full = self.limit.per_minute is not None and self.minutes[minute] >= self.limit.per_minute
        if full or (self.limit.per_day is not None and self.days[day] >= self.limit.per_day):
            self.refused += 1
        self.minutes[minute] += 1
        self.days[day] += 1


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


def work(clock: SimulatedClock, server: Server, until: float, *workers: SharedBudget, cost: float = 0.02) -> None:
    """Workers with endless work take turns; each call takes a moment."""
    turn = 0
    while clock.seconds < until:
        workers[turn % len(workers)].acquire(NEVER)
        if clock.seconds < until:
            server.call()
        clock.spend(cost)
        turn += 1


class TestDay:
    @pytest.fixture
    def quick_folder(self, tmp_path: Path) -> Iterator[Path]:
        """In memory where there is such a folder: hours of work are thousands of commits."""
        memory = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
            yield Path(folder)

    def test_the_end_of_a_day_of_backlog_in_two_processes_with_a_restart(self, quick_folder: Path) -> None:
        """Six hours, in which the minutes allow a little more than the day does."""
        clock = SimulatedClock(MIDNIGHT + 18 * 3600)
        limit = RateLimit(per_minute=10, per_day=3_250)
        server = Server(clock, limit)

        def process(ahead: float = 0.0) -> SharedBudget:
            database = open_database("sqlite:///x.db", clock=SystemClock(), root=quick_folder)
            return SharedBudget(database, "acme-cs", limit, SimulatedClock(ahead=ahead, of=clock))

        work(clock, server, MIDNIGHT + 20.5 * 3600, process(), process(0.1))
        work(clock, server, MIDNIGHT + 86_400, process(), process(-0.1))
        assert server.refused == 0
        # The restart may lose a permit of each process.
        assert 3_250 - 2 <= server.days[int(MIDNIGHT // 86_400)] <= 3_250
        full = [count for _, count in sorted(server.minutes.items())][:324]
        assert sum(full) >= 0.98 * 10 * len(full)
        assert min(full) >= 9

    def test_high_limits_over_midnight(self, database: Database, open_again: Open) -> None:
        """Claims of several permits at once, on both databases, with the next day's budget from midnight on."""
        clock = SimulatedClock(MIDNIGHT - 300)
        limit = RateLimit(per_minute=400, per_day=1500)
        server = Server(clock, limit)
        workers = [SharedBudget(each, "acme-cs", limit, clock) for each in (database, open_again())]
        work(clock, server, MIDNIGHT + 180, *workers)
        assert server.refused == 0
        minutes = [count for _, count in sorted(server.minutes.items())]
        assert [minutes[place] for place in (0, 1, 2, -3, -2, -1)] == [400] * 6
        first, second = (count for _, count in sorted(server.days.items()))
        # At the end of a day, one of them may hold a few permits while the other one waits.
        assert 0.98 * 1500 <= first <= 1500
        assert second == 1200

    def test_few_calls_use_up_no_day(self, database: Database, clock: SimulatedClock) -> None:
        """Permits that a minute left over count for the day, so a slow day does not lose its budget to them."""
        limit = RateLimit(per_minute=1000, per_day=30)
        budget, server = SharedBudget(database, "acme-cs", limit, clock), Server(clock, limit)
        work(clock, server, MIDNIGHT + 30 * 60, budget, cost=61)
        assert sum(server.minutes.values()) >= 29
        assert server.refused == 0

    def test_only_a_day_limit(self, database: Database, clock: SimulatedClock) -> None:
        limit = RateLimit(per_minute=None, per_day=50)
        budget, server = SharedBudget(database, "acme-cs", limit, clock), Server(clock, limit)
        work(clock, server, MIDNIGHT + 86_400, budget)
        assert (sum(server.minutes.values()), server.refused) == (50, 0)


class TestEdges:
    @pytest.mark.parametrize("ahead", [-0.15, 0.15])
    def test_a_small_skew_provokes_nothing(self, database: Database, clock: SimulatedClock, ahead: float) -> None:
        limit = RateLimit(per_minute=100, per_day=None)
        server = Server(clock, limit)
        budget = SharedBudget(database, "acme-cs", limit, SimulatedClock(ahead=ahead, of=clock))
        work(clock, server, MIDNIGHT + 240, budget, cost=0.6)
        assert server.refused == 0
        assert sum(server.minutes.values()) > 380

    def test_no_call_starts_at_the_edge_of_a_minute(self, database: Database, clock: SimulatedClock) -> None:
        budget = SharedBudget(database, "acme-cs", RateLimit(per_minute=5, per_day=None), clock, edge=0.5)
        for into, wanted in ((0.1, 0.5), (59.8, 60.5), (30.0, 30.0)):
            clock._time[0] = MIDNIGHT + into
            budget.acquire(NEVER)
            assert clock.seconds == pytest.approx(MIDNIGHT + wanted)

    def test_a_clock_that_jumped_years_ahead_and_back_stops_nothing(self, database: Database) -> None:
        limit = RateLimit(per_minute=2, per_day=100)
        clock = SimulatedClock(MIDNIGHT + 4 * 365 * 86_400)
        budget = SharedBudget(database, "acme-cs", limit, clock)
        budget.acquire(NEVER)
        budget.throttled(3600)
        clock._time[0] = MIDNIGHT + 1
        for used in (budget, SharedBudget(database, "acme-cs", limit, clock)):
            used.acquire(NEVER)
            assert clock.seconds < MIDNIGHT + 120


class TestThrottled:
    def test_everybody_stops_until_the_window_ends(
        self, database: Database, open_again: Open, clock: SimulatedClock
    ) -> None:
        limit = RateLimit(per_minute=50, per_day=None)
        first, second = (SharedBudget(each, "acme-cs", limit, clock) for each in (database, open_again()))
        clock.spend(10)
        first.acquire(NEVER)
        first.throttled(None)
        second.acquire(NEVER)
        assert clock.seconds == pytest.approx(MIDNIGHT + 60.2, abs=0.01)
        first.acquire(NEVER)
        assert clock.seconds == pytest.approx(MIDNIGHT + 60.2, abs=0.01)

    @pytest.mark.parametrize(
        ("retry_after", "resumes"), [(300.0, 310), (0.0, 60.2), (-5.0, 60.2), (1e9, 3610), (float("nan"), 60.2)]
    )
    @pytest.mark.parametrize(
        "limit", [RateLimit(per_minute=50, per_day=None), RateLimit(per_minute=None, per_day=None)]
    )
    def test_retry_after_is_honoured_within_reason(
        self, database: Database, clock: SimulatedClock, retry_after: float, resumes: float, limit: RateLimit
    ) -> None:
        budget = SharedBudget(database, "acme-cs", limit, clock)
        clock.spend(10)
        budget.throttled(retry_after)
        budget.acquire(NEVER)
        assert clock.seconds == pytest.approx(MIDNIGHT + resumes, abs=0.3)

    def test_other_connections_go_on(self, database: Database, clock: SimulatedClock) -> None:
        limit = RateLimit(per_minute=50, per_day=None)
        clock.spend(1)
        SharedBudget(database, "acme-cs", limit, clock).throttled(600)
        SharedBudget(database, "other", limit, clock).acquire(NEVER)
        assert clock.seconds == MIDNIGHT + 1


def test_a_window_that_is_used_up_is_told(database: Database, clock: SimulatedClock) -> None:
    heard: list[tuple[str, float]] = []

    @contextmanager
    def waiting(why: str, seconds: float) -> Iterator[None]:
        heard.append((why, seconds))
        yield

    clock.spend(30.0)
    limit = RateLimit(per_minute=2, per_day=None)
    budget = SharedBudget(database, "acme", limit, clock, edge=0.0, waiting=waiting)
    for _ in range(3):
        budget.acquire(NEVER)
    assert heard == [("rate limited", pytest.approx(30.0))]


def test_waiting_can_be_interrupted(database: Database) -> None:
    budget = SharedBudget(database, "acme-cs", RateLimit(per_minute=None, per_day=1), SystemClock())
    budget.acquire(NEVER)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(errors.Interrupted):
        budget.acquire(stop)


def test_threads_share_one_budget(database: Database, clock: SimulatedClock) -> None:
    limit = RateLimit(per_minute=300, per_day=None)
    clock.spend(5)
    budget = SharedBudget(database, "acme-cs", limit, clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: budget.acquire(NEVER), range(300)))
    with database.read() as session:
        [usage] = budgets.usage(session)
    assert (usage.minute_used, usage.day_used, usage.limit) == (300, 300, limit)
    assert clock.seconds == MIDNIGHT + 5


def test_two_processes_that_start_at_once_share_from_the_first_call(open_again: Open, clock: SimulatedClock) -> None:
    limit = RateLimit(per_minute=100, per_day=None)
    clock.spend(5)
    databases = [open_again() for _ in range(4)]
    databases[0].migrate()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: SharedBudget(each, "acme-cs", limit, clock).acquire(NEVER), databases))
    with databases[0].read() as session:
        assert [usage.minute_used for usage in budgets.usage(session)] == [4]


def test_nothing_is_recorded_without_limits(tmp_path: Path, clock: SimulatedClock) -> None:
    database = open_database("sqlite:///x.db", clock=clock, root=tmp_path)
    budget = SharedBudget(database, "acme-cs", RateLimit(per_minute=None, per_day=None), clock)
    for _ in range(1000):
        budget.acquire(NEVER)
    budget.throttled(None)
    assert list(tmp_path.iterdir()) == []
