"""P7, P8, P9, P13: a Sync from a warehouse beside the programs that do the same, against one sink, in turns.

    python -m bench.warehouse [--quick] [--rounds N] [--only first unchanged million postgresql large]

Whole processes: `reconcile sync records` beside `python dlt_pipeline.py`, a tap that is piped into a target, and `drt run`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench import warehouse_budget
from bench import warehouse_growth as growth
from bench import warehouse_peers as peers
from bench.environments import Unavailable, python_of, versions
from bench.measure import Cost, Row, interleaved, save, table
from bench.sink import Sink, running
from bench.warehouse_project import Project, change_rows, write_sqlite

BATCH, CHUNK = 50, 500
WIDTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Rows of each part, and rounds of what takes turns."""

    small: int = 100_000
    drt: int = 20_000
    large: int = 1_000_000
    huge: int = 10_000_000
    changed: int = 5_137
    new: int = 1_061
    first_rounds: int = 3
    rounds: int = 5
    minutes: int = 240


QUICK = Sizes(
    small=5_000, drt=1_000, large=20_000, huge=50_000, changed=137, new=61, first_rounds=1, rounds=1, minutes=10
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument(
        "--rounds", type=int, help="turns of what takes turns; the usual are 3 of long ones and 5 of others"
    )
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), help="some parts")
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = replace(sizes, first_rounds=options.rounds, rounds=options.rounds)
    rows: list[Row] = []
    for name in options.only or PARTS:
        print(f"# warehouse: {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder, running() as sink:
            found = PARTS[name](Path(folder), sink, sizes)
        print(table(found), file=sys.stderr, flush=True)
        rows += found
        # After each part: the whole takes minutes.
        save(options.results, "warehouse", rows)
    print(table(rows))
    return 0


# ---- first sync


def first(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """P8: everything is new. And P13: the calls of it, and of a cycle in which some rows change and some come."""
    warehouse = folder / "warehouse.db"
    write_sqlite(warehouse, sizes.small, WIDTH)
    origin = Project.applied(folder / "origin", sink=sink, warehouse=f"sqlite:///{warehouse}", width=WIDTH)
    work = _Fresh(folder, origin, sink, sizes.small)
    commands: dict[str, Callable[[], Cost]] = {"ours": work.ours}
    rows = [
        *_available("dlt", commands, {"dlt": work.dlt}, _first(sizes.small, "dlt"), 0.4),
        *_available("singer", commands, {"singer": work.singer}, _first(sizes.small, "singer"), 0.15),
    ]
    cost = interleaved(commands, sizes.first_rounds)
    for peer, words, bar in (("dlt", "pyarrow + parquet", 0.4), ("singer", "tap and target", 0.15)):
        if peer in cost:
            with_words = f"{versions(peer)} {words}"
            rows.append(_ratio(_first(sizes.small, peer), cost["ours"], cost[peer], with_words, bar))
    words = f"{sizes.small:,} rows, first cycle"
    rows.append(Row(goal="P9 peak of a first sync, MiB", measured=words, value=cost["ours"].peak, bar=80))
    return [*rows, *_calls(work, warehouse, sizes), *_drt(folder, sink, sizes)]


def _first(rows: int, peer: str) -> str:
    return f"P8 first sync of {rows:,} rows: wall, {peer}"


class _Fresh:
    """First syncs, each with a state of its own; the sink forgets everything before, and must have everything after."""

    def __init__(self, folder: Path, origin: Project, sink: Sink, rows: int) -> None:
        self._folder = folder
        self._origin = origin
        self.sink = sink
        self._rows = rows
        self._count = 0
        self.last = origin

    def ours(self) -> Cost:
        self.last = self._origin.copy(self._next())
        return self._complete(self.last.sync)

    def dlt(self) -> Cost:
        return self._complete(peers.Dlt(self._next(), self.sink, self._origin.warehouse, "pyarrow").run)

    def singer(self) -> Cost:
        return self._complete(peers.Singer(self._next(), self.sink, self._origin.warehouse).run)

    def drt(self) -> Cost:
        return self._complete(peers.Drt(self._next(), self.sink, self._origin.warehouse).run)

    def _next(self) -> Path:
        self._count += 1
        return self._folder / f"fresh-{self._count}"

    def _complete(self, command: Callable[[], Cost]) -> Cost:
        self.sink.clear()
        cost = command()
        arrived = self.sink.counts().records
        if arrived != self._rows:
            raise SystemExit(f"{arrived:,} of {self._rows:,} records arrived")
        return cost


def _drt(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """Beside them and without a bar: it sends everything in each run."""
    warehouse = folder / "drt.db"
    write_sqlite(warehouse, sizes.drt, WIDTH)
    origin = Project.applied(folder / "drt-origin", sink=sink, warehouse=f"sqlite:///{warehouse}", width=WIDTH)
    work = _Fresh(folder / "drt", origin, sink, sizes.drt)
    commands: dict[str, Callable[[], Cost]] = {"ours": work.ours}
    goal = f"first sync of {sizes.drt:,} rows: wall, drt"
    missing = _available("drt", commands, {"drt": work.drt}, goal, 1.0)
    if missing:
        return missing
    cost = interleaved(commands, sizes.first_rounds)
    return [_ratio(goal, cost["ours"], cost["drt"], versions("drt"), 1.0)]


def _calls(work: _Fresh, warehouse: Path, sizes: Sizes) -> list[Row]:
    """P13. What the plan says of a cycle that writes all rows is compared with what arrived in the last one that did."""
    work.ours()
    project, sink = work.last, work.sink
    found = sink.counts()
    reads, writes = project.predicted()
    rows = [
        _exact("P13 first cycle of a Sync: reads / the plan's", found.reads, reads),
        _exact("P13 first cycle of a Sync: writes / the plan's", found.inserts + found.updates, writes),
    ]
    change_rows(warehouse, sizes.changed, sizes.new, WIDTH)
    before = sink.counts()
    project.sync()
    after = sink.counts()
    updates, inserts, asked = (
        -(-sizes.changed // BATCH),
        -(-sizes.new // BATCH),
        -(-(sizes.changed + sizes.new) // CHUNK),
    )
    words = f"{sizes.changed:,} rows changed, {sizes.new:,} new"
    rows += [
        _exact(f"P13 cycle of a Sync, {words}: updates / formula", after.updates - before.updates, updates, 1.02),
        _exact(f"P13 cycle of a Sync, {words}: inserts / formula", after.inserts - before.inserts, inserts, 1.02),
        _exact(f"P13 cycle of a Sync, {words}: reads / formula", after.reads - before.reads, asked),
    ]
    project.sync()
    last = sink.counts()
    calls = last.reads + last.updates + last.inserts - after.reads - after.updates - after.inserts
    return [*rows, Row(goal="P13 unchanged cycle of a Sync: calls", measured="reads and writes", value=calls, bar=0)]


# ---- nothing changed


def unchanged(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    warehouse = folder / "warehouse.db"
    write_sqlite(warehouse, sizes.small, WIDTH)
    project = Project.applied(folder / "project", sink=sink, warehouse=f"sqlite:///{warehouse}", width=WIDTH)
    growth.remember(project, warehouse)
    return _unchanged(folder, sink, project, sizes.small, sizes.rounds, 0.25)


def million(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """A real first sync, then unchanged ones."""
    warehouse = folder / "warehouse.db"
    write_sqlite(warehouse, sizes.large, WIDTH)
    project = Project.applied(folder / "project", sink=sink, warehouse=f"sqlite:///{warehouse}", width=WIDTH)
    cost = project.sync()
    counts = sink.counts()
    words = f"{sizes.large:,} rows in {counts.inserts:,} calls, {cost.wall:.0f} s"
    rows = [Row(goal=f"P9 peak of a first sync of {sizes.large:,} rows, MiB", measured=words, value=cost.peak, bar=80)]
    rows += _unchanged(folder, sink, project, sizes.large, sizes.rounds, 1.0)
    return [*rows, *_cursor(folder, sink, project, sizes)]


def _unchanged(folder: Path, sink: Sink, project: Project, rows: int, rounds: int, bar: float) -> list[Row]:
    """P7 and the peak: every value compared, beside the better of two settings of dlt, which looks at the watermark alone."""
    what = f"{rows:,} rows x {WIDTH} from {'PostgreSQL' if project.postgresql else 'SQLite'}"
    goal = f"P7 unchanged cycle, every value compared, {what}: wall"
    found, cost = _beside_dlt(folder / "dlt", sink, project, rounds, goal, bar)
    return [*found, Row(goal=f"P9 peak of an unchanged cycle, {what}, MiB", measured="", value=cost.peak, bar=80)]


def _beside_dlt(home: Path, sink: Sink, project: Project, rounds: int, goal: str, bar: float) -> tuple[list[Row], Cost]:
    """An unchanged cycle in turns with both settings of dlt: the row, and what ours took."""
    commands: dict[str, Callable[[], Cost]] = {"ours": project.sync}
    settings = {name: peers.Dlt(home / name, sink, project.warehouse, name) for name in peers.BACKENDS}
    missing = _available("dlt", commands, {name: setting.run for name, setting in settings.items()}, goal, bar)
    if not missing:
        home.mkdir()
        growth.prime(list(settings.values()), project.warehouse, home / "newest.db")
    before = sink.counts()
    cost = interleaved(commands, rounds)
    if sink.counts() != before:
        raise SystemExit("something was sent although nothing had changed")
    if missing:
        return missing, cost["ours"]
    best = min(peers.BACKENDS, key=lambda name: cost[name].wall)
    words = f"{versions('dlt')}, {best}, watermark only"
    return [_ratio(goal, cost["ours"], cost[best], words, bar)], cost["ours"]


def _cursor(folder: Path, sink: Sink, project: Project, sizes: Sizes) -> list[Row]:
    project.use_cursor(WIDTH)
    project.sync()
    goal = f"P7 unchanged cycle with a cursor, {sizes.large:,} rows: wall"
    found, _ = _beside_dlt(folder / "dlt-cursor", sink, project, sizes.rounds, goal, 0.3)
    return found


def postgresql(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """Rows and state in PostgreSQL, which copies from one to the other."""
    with growth.server() as server:
        if server is None:
            return [_unmeasured("P7 unchanged cycle from PostgreSQL", "no PostgreSQL was found", 3)]
        url = server.create_database()
        growth.write_postgresql(url, sizes.large, WIDTH)
        state = growth.schema(url, "state")
        project = Project.applied(folder / "project", sink=sink, warehouse=url, width=WIDTH, state=state)
        growth.remember_postgresql(project)
        return _unchanged(folder, sink, project, sizes.large, sizes.rounds, 3.0)


# ---- more rows


def large(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """P9: one row in a hundred is new, in two sizes. The ledger is filled without cycles, which would take an hour."""
    peaks = {}
    for rows, width in ((sizes.large, WIDTH), (sizes.huge, 3)):
        place = folder / str(rows)
        place.mkdir()
        warehouse = place / "warehouse.db"
        write_sqlite(warehouse, rows, width)
        project = Project.applied(place / "project", sink=sink, warehouse=f"sqlite:///{warehouse}", width=width)
        growth.remember(project, warehouse, without_every=100)
        sink.clear()
        cost = project.sync()
        if sink.counts().records != rows // 100:
            raise SystemExit(f"{sink.counts().records:,} of {rows // 100:,} records arrived")
        peaks[rows] = cost.peak
    small, huge = peaks[sizes.large], peaks[sizes.huge]
    what = f"{sizes.huge:,} x 3 against {sizes.large:,} x {WIDTH}, 1 % of the rows new"
    return [
        Row(goal=f"P9 peak of a cycle, {sizes.large:,} rows, 1 % new, MiB", measured="", value=small, bar=80),
        Row(goal=f"P9 peak of a cycle, {what}", measured=f"{huge:.0f} / {small:.0f} MiB", value=huge / small, bar=1.2),
    ]


def budget(folder: Path, sink: Sink, sizes: Sizes) -> list[Row]:
    """P14. It has a sink of its own, which knows about windows."""
    return warehouse_budget.rows(folder, sizes.minutes)


# ---- rows of the table


def _available(
    peer: str, commands: dict[str, Callable[[], Cost]], wanted: Mapping[str, Callable[[], Cost]], goal: str, bar: float
) -> list[Row]:
    """Add the commands of a peer that can be installed; a row for one that cannot."""
    try:
        python_of(peer)
    except Unavailable as problem:
        return [_unmeasured(goal, str(problem), bar)]
    commands.update(wanted)
    return []


def _unmeasured(goal: str, why: str, bar: float) -> Row:
    return Row(goal=goal, measured=f"not measured: {why}", value=float("nan"), bar=bar)


def _ratio(goal: str, ours: Cost, theirs: Cost, words: str, bar: float) -> Row:
    times = f"{ours.wall:.2f} / {theirs.wall:.2f} s, of CPU {ours.cpu:.2f} / {theirs.cpu:.2f} s"
    measured = f"{times}, {ours.peak:.0f} / {theirs.peak:.0f} MiB, {words}"
    return Row(goal=goal, measured=measured, value=ours.wall / theirs.wall, bar=bar)


def _exact(goal: str, found: int, expected: int, bar: float = 1.0) -> Row:
    """More than the bar is too much; fewer calls than there must be mean that something was left out."""
    if found < expected:
        raise SystemExit(f"{goal}: {found:,} calls, at least {expected:,} were expected")
    return Row(goal=goal, measured=f"{found:,} / {expected:,} calls", value=found / expected, bar=bar)


PARTS: dict[str, Callable[[Path, Sink, Sizes], list[Row]]] = {
    "first": first,
    "unchanged": unchanged,
    "million": million,
    "postgresql": postgresql,
    "large": large,
    "budget": budget,
}


if __name__ == "__main__":
    sys.exit(main())
