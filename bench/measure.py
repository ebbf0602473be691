"""Measuring whole processes: wall time, CPU time and peak memory, as the operating system accounts for them."""

from __future__ import annotations

import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of wall and CPU time, peak memory in MiB (of the largest process)."""

    wall: float
    cpu: float
    peak: float


LAUNCH = """\
import json, os, sys, time
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
wall = time.perf_counter() - start
found = (os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
os.write(int(sys.argv[1]), json.dumps(found).encode())
"""
"""Starts a command and tells what it took. A process that is started begins with the peak of the one that starts it, so this
one must be small, whatever the benchmark has in memory."""


@cache
def compiled() -> None:
    """An installed release is compiled, by whatever installs it, and so are the peers. A working tree is not where the
    environment says that Python writes no bytecode: then half a second of each process is compiling."""
    if not compileall.compile_dir(Path(__file__).parents[1] / "reconciler", quiet=1):
        raise SystemExit("the program cannot be compiled")


def run(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command once. Its output is thrown away; a failing command fails the benchmark."""
    compiled()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as report:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", LAUNCH, str(writing), *command],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[writing],
                check=False,
            )
        finally:
            os.close(writing)
        told = report.read()
    code, wall, cpu, peak = json.loads(told) if told else (done.returncode, 0.0, 0.0, 0.0)
    if code or not told:
        errors = done.stderr.decode(errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(command)} ended with {code}: {errors}")
    return Cost(wall=wall, cpu=cpu, peak=peak)


def interleaved(commands: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, Cost]:
    """Median cost of each command over `runs` rounds, A B C, A B C, …: a slow moment of the machine strikes all alike."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(command())
    return {name: median(costs) for name, costs in found.items()}


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        wall=statistics.median(cost.wall for cost in costs),
        cpu=statistics.median(cost.cpu for cost in costs),
        peak=max(cost.peak for cost in costs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a goal, what was measured, and whether it holds."""

    goal: str
    measured: str
    value: float
    bar: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| Goal | Measured | Value | Bar | |", "|---|---|---|---|---|"]
    for row in rows:
        bar = f"{'≥' if row.at_least else '≤'} {row.bar:g}"
        lines.append(
            f"| {row.goal} | {row.measured} | {row.value:.3g} | {bar} | {'holds' if row.holds else 'MISSED'} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """The machine and the day, for the head of a table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC).date().isoformat()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def save(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Keep the rows of one benchmark as JSON, for the report."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [
        {"goal": r.goal, "measured": r.measured, "value": r.value, "bar": r.bar, "atLeast": r.at_least} for r in rows
    ]
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1))
