"""P14: how much of every rate-limit window is used when there is always more to do. A simulated day in seconds.

    python -m bench.budget

Two processes' worth of budgets on one database, stepped in turn on a simulated clock; one of them is thrown away and made
anew in the middle of the day. The server counts calls in fixed windows by its own clock, a little off ours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.measure import Row, save, table
from reconciler import errors
from reconciler.model.resources import RateLimit
from reconciler.state.budgets import SharedBudget
from reconciler.state.database import open_database

START = datetime(2026, 11, 23, tzinfo=UTC)
PER_MINUTE, DAY_MINUTES = 100, 1440
CALL_SECONDS = 0.05
SKEW = 0.05
"""Seconds by which the server's clock is ahead."""


class SimulatedClock:
    """Time that passes only when somebody says so; waiting is remembered instead of done."""

    def __init__(self) -> None:
        self.time = 0.0
        self.wanted = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Called by a worker that must wait: it yields, and is asked again at that time."""
        self.wanted = seconds
        return True


class Worker:
    """One process's connection: makes calls as fast as it is allowed to."""

    def __init__(self, folder: Path, clock: SimulatedClock) -> None:
        self.clock = clock
        self.database = open_database(f"sqlite:///{folder}/bench.db", clock=clock, root=folder)
        self.budget = SharedBudget(self.database, "cs", RateLimit(per_minute=PER_MINUTE, per_day=None), clock)
        self.ready_at = 0.0

    def step(self) -> bool:
        """Try one call; returns whether it was made."""
        try:
            self.budget.acquire(threading.Event())
        except errors.Interrupted:
            self.ready_at = self.clock.time + max(self.clock.wanted, 0.001)
            return False
        self.ready_at = self.clock.time + CALL_SECONDS
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=DAY_MINUTES)
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        windows = simulate(Path(folder), options.minutes)
    full = [windows[minute] for minute in range(1, options.minutes - 1)]
    rows = [
        Row(
            goal="P14 use of the worst window under backlog",
            measured=f"{min(full)} of {PER_MINUTE} calls, {len(full):,} windows, two processes, one restart",
            value=min(full) / PER_MINUTE,
            bar=0.98,
            at_least=True,
        ),
        Row(
            goal="P14 windows above the limit (each would be a 429)",
            measured=f"server's clock {SKEW} s ahead",
            value=sum(count > PER_MINUTE for count in windows.values()),
            bar=0,
        ),
    ]
    print(table(rows))
    save(options.results, "budget", rows)
    return 0


def simulate(folder: Path, minutes: int) -> Counter[int]:
    """Calls that the server counts in each minute."""
    clock = SimulatedClock()
    workers = [Worker(folder, clock), Worker(folder, clock)]
    windows: Counter[int] = Counter()
    restarted = False
    while clock.time < minutes * 60:
        worker = min(workers, key=lambda one: one.ready_at)
        clock.time = max(clock.time, worker.ready_at)
        if not restarted and clock.time > minutes * 30 + 7:
            workers[0].database.close()
            workers[0], restarted = Worker(folder, clock), True
            workers[0].ready_at = clock.time
            continue
        if worker.step():
            windows[int((clock.time + SKEW) // 60)] += 1
    for worker in workers:
        worker.database.close()
    return windows


if __name__ == "__main__":
    sys.exit(main())
