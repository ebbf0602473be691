"""Speed and memory of the ledger: staging, diff and commit, against a plain scan of the same rows.

    python bench/ledger.py [--quick] [--sizes 1000000x10,10000000x3] [--rounds 5] [--no-postgresql]

Every size and database runs in a process of its own, so that its peak memory is its own. Within it, scans and diffs take
turns, and medians are compared: the machine may be slow or shared, the ratios stay. One value in a hundred differs (one
row in forty), one in fifty is null. Prints a table on stderr and a JSON line on stdout; exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BARS = {"diff/scan": 2.2, "stage µs/row": 5.0, "commit/diff": 0.2, "peak MiB": 80.0}
"""For ten values a record on SQLite. Other sizes are there to show the growth of memory."""

GROWTH = 1.2
SERVER = 1.5


def main() -> int:
    options = _options()
    if options.measure:
        print(json.dumps(measure(options.measure, options.size, options.rounds)))
        return 0
    with ExitStack() as stack:
        urls = {"sqlite": None} | ({"postgresql": _postgresql(stack)} if options.postgresql else {})
        results = [
            _in_own_process(url, size, options.rounds) | {"database": name, "size": size}
            for size in options.sizes.split(",")
            for name, url in urls.items()
        ]
    missed = _judge(results)
    _table(results, missed)
    print(json.dumps({"bench": "ledger", "results": results, "missed": missed}))
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000000x10", help="rows x values, comma-separated")
    parser.add_argument("--quick", action="store_const", const="100000x10", dest="sizes", help="100,000 rows only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-postgresql", action="store_false", dest="postgresql")
    parser.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--size", help=argparse.SUPPRESS)
    return parser.parse_args()


def _postgresql(stack: ExitStack) -> Callable[[], str]:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.postgres import binaries, start

    found = binaries()
    if found is None:
        raise SystemExit("no PostgreSQL found; use --no-postgresql")
    # Durable, as in production: the tests' shortcuts would flatter the commit.
    server = stack.enter_context(start(found, durable=True))
    return server.create_database


def _in_own_process(url: Callable[[], str] | None, size: str, rounds: int) -> dict[str, Any]:
    address = "sqlite:///bench.db" if url is None else url()
    command = [sys.executable, __file__, "--measure", address, "--size", size, "--rounds", str(rounds)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def rows(count: int, width: int, *, changed: bool) -> Iterator[tuple[str | None, ...]]:
    """Records as a cycle stages them, in order of key. Of every 40 rows one has four changed values of ten."""
    differing = max(1, width * 4 // 10)
    for number in range(count):
        mark = "!" if changed and number % 40 == 0 else ""
        values = [
            None if (number + place) % 50 == 1 else f"value {place} {number % 9973}{mark if place < differing else ''}"
            for place in range(width)
        ]
        yield (f"{number:09d}", f"Person {number}", *values)


def measure(url: str, size: str, rounds: int) -> dict[str, Any]:
    """One size on one database, in this process."""
    from reconciler.clock import SystemClock
    from reconciler.state import ledger
    from reconciler.state.database import open_database

    count, width = (int(part) for part in size.split("x"))
    items = [f"Field {place}" for place in range(width)]
    result: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder,
        open_database(url, clock=SystemClock(), root=Path(folder)) as database,
    ):
        with database.begin() as session:
            book = ledger.open_ledger(session, "bench", items)
        with database.workspace() as workspace:
            workspace.stage(items)
            workspace.load("stage", rows(count, width, changed=False))
            _fill(workspace, book, items)
            result |= _stage(workspace, items, count, width, min(rounds, 3))
            result |= _diff(workspace, book, items, width, rounds)
            result |= _commit(workspace, book, result["changes"])
            assert workspace.diff(book) == dict.fromkeys(items, 0)
    result["peak MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["commit/diff"] = result["commit s"] / result["diff s"]
    return result


def _fill(workspace: Any, book: Any, items: list[str]) -> None:
    """The ledger as earlier cycles left it: every value acknowledged."""
    columns = ", ".join(book.columns[item] for item in items)
    staged = ", ".join(f"c{place}" for place in range(len(items)))
    with workspace.begin() as session:
        session.execute_raw(
            f"INSERT INTO {book.table} (key, label, run_id, updated_at, {columns}) "
            f"SELECT key, label, 1, '2026', {staged} FROM ws_stage"
        )
        if session.postgresql:
            session.execute_raw(f"ANALYZE {book.table}")


def _stage(workspace: Any, items: list[str], count: int, width: int, rounds: int) -> dict[str, float]:
    """Time for staging alone: what making the rows costs, measured in turns with it, is taken away."""
    making, whole = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in rows(count, width, changed=True):
            pass
        making.append(time.perf_counter() - start)
        workspace.stage(items)
        start = time.perf_counter()
        workspace.load("stage", rows(count, width, changed=True))
        whole.append(time.perf_counter() - start)
    staging = median(whole) - median(making)
    return {"stage s": staging, "stage µs/row": staging / count * 1e6}


def _diff(workspace: Any, book: Any, items: list[str], width: int, rounds: int) -> dict[str, Any]:
    """Scans and diffs in turns."""
    scan = f"SELECT sum({' + '.join(f'length(c{place})' for place in range(width))}) FROM ws_stage"
    scans, diffs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        with workspace.begin() as session:
            session.execute_raw(scan).all()
        scans.append(time.perf_counter() - start)
        start = time.perf_counter()
        changed = workspace.diff(book, items)
        diffs.append(time.perf_counter() - start)
    ratio = median(diff / scan for diff, scan in zip(diffs, scans, strict=True))
    return {"scan s": median(scans), "diff s": median(diffs), "diff/scan": ratio, "changes": sum(changed.values())}


def _commit(workspace: Any, book: Any, expected: int) -> dict[str, float]:
    """One durable transaction with every change acknowledged. Making the results is the push's work, not the ledger's."""
    from reconciler.model.outcome import WriteResult
    from reconciler.state import ledger

    spent, after = 0.0, 0
    while found := workspace.changes(after, 10_000):
        after = found[-1][0]
        results = [WriteResult(write=write) for _, write in found]
        start = time.perf_counter()
        with workspace.begin() as session:
            ledger.acknowledge(session, book, results, 2, now=NOW)
        spent += time.perf_counter() - start
        expected -= len(results)
    assert expected == 0
    return {"commit s": spent}


def _judge(results: list[dict[str, Any]]) -> list[str]:
    by_place = {(result["database"], result["size"]): result for result in results}
    missed = []
    for (database, size), result in by_place.items():
        if database == "sqlite" and size.endswith("x10"):
            bars = [(name, result[name], bar) for name, bar in BARS.items()]
        elif database == "sqlite":
            bars = [("growth of peak", result["peak MiB"] / results[0]["peak MiB"], GROWTH)]
        else:
            bars = [("time against SQLite", _whole(result) / _whole(by_place["sqlite", size]), SERVER)]
        missed += [f"{database} {size}: {name} {value:.2f} > {bar}" for name, value, bar in bars if value > bar]
    return missed


def _whole(result: dict[str, Any]) -> float:
    return float(result["stage s"] + result["diff s"] + result["commit s"])


def _table(results: list[dict[str, Any]], missed: list[str]) -> None:
    names = ["stage µs/row", "scan s", "diff s", "diff/scan", "commit s", "commit/diff", "changes", "peak MiB"]
    print(" | ".join(["database", "size", *names]), file=sys.stderr)
    for result in results:
        cells = [f"{result[name]:,.2f}" if isinstance(result[name], float) else f"{result[name]:,}" for name in names]
        print(" | ".join([result["database"], result["size"], *cells]), file=sys.stderr)
    for line in missed:
        print(f"MISSED {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
