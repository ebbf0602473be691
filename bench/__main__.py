"""All benchmarks in turn, and their table.

    python -m bench [--quick] [--soak] [--only NAME ...] [--write]

Every figure is a ratio to something measured in the same run, or a count of calls. `--write` puts the table into
docs/benchmarks.md with the machine and the day. A missed bar is in the table as missed; the exit code says so, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measure import Row, machine, save, table

RESULTS = Path(".bench")
PAGE = Path("docs/benchmarks.md")
MARKS = ("<!-- table -->", "<!-- end of table -->")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--only", nargs="*", choices=sorted({**BENCHMARKS, **SOAK}), help="some of them")
    parser.add_argument("--soak", action="store_true", help="the soak of the loop, and nothing else")
    parser.add_argument("--kept", action="store_true", help="measure nothing; take what was measured last")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only or (SOAK if options.soak else BENCHMARKS):
        print(f"# {name}", file=sys.stderr, flush=True)
        found = kept(name) if options.kept else {**BENCHMARKS, **SOAK}[name](options.quick)
        save(RESULTS, name, found)
        rows += found
    print(f"{machine()}\n\n{table(rows)}")
    if options.write:
        before, _, rest = PAGE.read_text().partition(MARKS[0])
        old, _, after = rest.partition(MARKS[1])
        PAGE.write_text(f"{before}{MARKS[0]}\n\n{machine()}\n\n{merged(old, table(rows))}\n\n{MARKS[1]}{after}")
    return 0 if all(row.holds for row in rows) else 1


def merged(old: str, new: str) -> str:
    """The old table with the rows of the new one: in their places where they were there before, else at the end."""
    head, rule, *fresh = new.splitlines()
    by_goal = {_goal(line): line for line in fresh}
    stay = [line for line in old.splitlines() if line.startswith("| ") and line != head]
    lines = [by_goal.pop(_goal(line), line) for line in stay]
    return "\n".join([head, rule, *lines, *by_goal.values()])


def _goal(line: str) -> str:
    return line.split("|")[1].strip()


def kept(name: str) -> list[Row]:
    """The rows of a benchmark as it was last run."""
    return [
        Row(goal=r["goal"], measured=r["measured"], value=r["value"], bar=r["bar"], at_least=r["atLeast"])
        for r in json.loads((RESULTS / f"{name}.json").read_text())
    ]


def saved(module: str, quick: Sequence[str], full: Sequence[str] = ()) -> Callable[[bool], list[Row]]:
    """A benchmark that keeps its rows in a file."""

    def measure(small: bool) -> list[Row]:
        arguments = [*(quick if small else full), "--results", str(RESULTS)]
        subprocess.run([sys.executable, "-m", f"bench.{module}", *arguments], check=True, stdout=sys.stderr)
        return kept(module)

    return measure


def _last_line(module: str, arguments: Sequence[str]) -> Any:
    """The JSON that a benchmark prints last; a missed bar is no failure here, because the table shows it."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"bench.{module} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def ledger(quick: bool) -> list[Row]:
    if quick:
        return _compared(_last_line("ledger", ["--sizes", "100000x10"])["results"])
    usual = _last_line("ledger", ["--sizes", "1000000x10"])["results"]
    (large,) = _last_line("ledger", ["--sizes", "10000000x3", "--no-postgresql", "--rounds", "1"])["results"]
    small = next(result for result in usual if result["database"] == "sqlite")
    peaks = (large["peak MiB"], small["peak MiB"])
    measured = f"{peaks[0]:.0f} / {peaks[1]:.0f} MiB"
    growth = Row(goal="P9 peak of 10M × 3 against 1M × 10", measured=measured, value=peaks[0] / peaks[1], bar=1.2)
    return [*_compared(usual), growth]


def _compared(found: Sequence[dict[str, Any]]) -> list[Row]:
    """The rows of SQLite, and how PostgreSQL compares."""
    whole = {r["database"]: r["stage s"] + r["diff s"] + r["commit s"] for r in found}
    rows = [row for result in found if result["database"] == "sqlite" for row in _sqlite_rows(result)]
    if "postgresql" in whole:
        seconds = f"{whole['postgresql']:.1f} / {whole['sqlite']:.1f} s for staging, diff and commit"
        ratio = whole["postgresql"] / whole["sqlite"]
        rows.append(Row(goal="PostgreSQL against SQLite", measured=seconds, value=ratio, bar=1.5))
    return rows


def _sqlite_rows(result: dict[str, Any]) -> list[Row]:
    size = result["size"]
    times = f"{result['diff s']:.2f} / {result['scan s']:.2f} s"
    commit = f"{result['commit s']:.2f} / {result['diff s']:.2f} s, {result['changes']:,} values"
    return [
        Row(goal=f"P6 diff against a scan, {size}", measured=times, value=result["diff/scan"], bar=2.2),
        Row(goal=f"P10 staging, µs a row, {size}", measured="from Python rows", value=result["stage µs/row"], bar=5),
        Row(goal=f"P11 commit against diff, {size}", measured=commit, value=result["commit/diff"], bar=0.2),
        Row(goal=f"P9 peak of the process, MiB, {size}", measured="whole process", value=result["peak MiB"], bar=80),
    ]


def http_client(quick: bool) -> list[Row]:
    found = _last_line("http_client", ["--seconds", "1" if quick else "3", "--rounds", "3" if quick else "5"])["rows"]
    rows = []
    for row in found:
        measured = f"{row['calls_per_second']:.0f} of {row['ideal']:.0f} calls a second"
        goal = f"P16 share of ideal, 50 ms, {row['concurrency']} connections"
        if row["concurrency"] != 32:
            bar = 0.95 if row["concurrency"] == 8 else 0.8
            rows.append(Row(goal=goal, measured=measured, value=row["of_ideal"], bar=bar, at_least=True))
        cpu = f"bare socket {row['bare_cpu_us']:.0f} µs"
        rows.append(
            Row(
                goal=f"P15 CPU µs a call, {row['concurrency']} connections", measured=cpu, value=row["cpu_us"], bar=1000
            )
        )
    return rows


BENCHMARKS: dict[str, Callable[[bool], list[Row]]] = {
    "config_plane": saved("config_plane", ["--quick"]),
    "ledger": ledger,
    "calls": saved("calls", ["--people", "5000"]),
    "budget": saved("budget", ["--minutes", "60"]),
    "http_client": http_client,
    "loop": saved("loop", ["--quick"]),
    "resolution": saved("resolution", ["--members", "10000", "--rounds", "3"]),
    "communities": saved("communities", ["--people", "1500", "--topics", "1500", "--small", "300"], ["--full"]),
    "warehouse": saved("warehouse", ["--quick"]),
}

SOAK = {
    f"soak_{part}": saved("soak", ["--only", part, "--quick"], ["--only", part])
    for part in ("kills", "takeover", "pauses")
}
"""Minutes of kills and pauses: `make soak`."""


if __name__ == "__main__":
    sys.exit(main())
