"""P17: what the loop itself costs: scheduling of 1,000 documents that are due at once, idling, and memory over a year.

    python -m bench.loop [--documents 1000] [--quick]

Every measurement runs in a process of its own. The ends of the cycles are stubs in memory that have one record and one
member who do not belong together, so a cycle is nothing but its own bookkeeping, and what the loop adds can be seen.
Databases are in memory (`/dev/shm`) where there is such a place: waiting for a disk that others use, too, varies by
more than what is measured. The loop makes no durable transaction for a document beyond those of its cycle.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import Row, save, table

MEMORY = Path("/dev/shm")

FIELDS = 100
"""Profile fields of one community, and so documents that write to it."""

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: bench}
spec:
  configs: [connections.yaml, mappings]
  database: %s
  loop: {workers: 1}
"""
SOURCE = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: cs}
spec: {type: gainsight-cs, domain: bench.gainsightcloud.com, accessKey: {env: NO_KEY}, sso: true}
"""
TARGET = """\
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: cc-%d}
spec:
  type: gainsight-cc
  tenant: bench-%d-en
  region: eu-west-1
  clientId: {env: NO_ID}
  clientSecret: {env: NO_SECRET}
  sso: true
  connectedTo: cs
  profileFields: [%s]
"""
MAPPING = """\
---
apiVersion: reconciler/v1
kind: ProfileFieldMapping
metadata: {name: mapping-%04d}
spec:
  from: cs
  to: cc-%d
  schedule: {every: 24h}
  mappings: [{object: Person, attribute: LastName, profileField: Field %d}]
"""


# ---- a project of many documents, and ends that cost nothing


def write_project(folder: Path, url: str, documents: int) -> None:
    """Ten documents in each file."""
    from reconciler.config import catalogs
    from reconciler.model.catalog import Catalog, CatalogField, CatalogObject, DataType

    names = ("Gsid", "Email", "Name", "LastName")
    known = {name: CatalogField(name=name, label=name, data_type=DataType.STRING) for name in names}
    person = CatalogObject(name="person", label="Person", fields=known)
    catalogs.write(folder / "catalog/cs.json", Catalog(connection="cs", objects={"Person": person}))
    (folder / "reconcile.yaml").write_text(PROJECT % url)
    fields = ", ".join(f"{{name: Field {number}, visibility: private}}" for number in range(FIELDS))
    targets = [TARGET % (number, number, fields) for number in range(-(-documents // FIELDS))]
    (folder / "connections.yaml").write_text(SOURCE + "".join(targets))
    (folder / "mappings").mkdir()
    for start in range(0, documents, 10):
        texts = [MAPPING % (n, n // FIELDS, n % FIELDS) for n in range(start, min(start + 10, documents))]
        (folder / f"mappings/{start:04}.yaml").write_text("".join(texts))


class Source:
    """One person."""

    calls = 0

    def read(self, object_name: str, fields: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        yield [tuple("p1" if name == "Gsid" else "ann@example.com" for name in fields)]

    def close(self) -> None:
        return


class Target:
    """One member, another one."""

    calls = 0
    batch_size = 50
    concurrency = 1

    def members(self) -> Iterator[list[Any]]:
        from reconciler.connectors.base import Member

        yield [Member(id="11", email="bob@example.com", name="Bob")]

    def close(self) -> None:
        return


@contextmanager
def assembled(folder: Path, clock: Any) -> Iterator[Any]:
    """The loop as `reconcile run` puts it together, with these ends."""
    from reconciler.cli.looping import assemble
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import load_project_file
    from reconciler.engine.sync import Remotes

    work = Workplace(root=folder, project=load_project_file(folder, folder)[1], clock=clock)
    with ExitStack() as stack:
        loop = stack.enter_context(assemble(work, form="json"))
        stack.callback(work.database.close)
        loop.crew.remotes = Remotes(cs=lambda _, stop: Source(), cc=lambda _, stop: Target())  # type: ignore[arg-type,return-value]
        yield loop


def make_due(database: Any) -> None:
    """As if everything had last run long ago."""
    past = "2026-01-01T00:00:00.000000Z"
    with database.begin() as session:
        session.execute_raw(f"UPDATE schedules SET last_slot = '{past}', due_at = '{past}'")
        session.execute_raw("DELETE FROM slots")


# ---- scheduling


class OwnTime:
    """The wall clock, and a monotonic time that is only the CPU time which the loop itself has taken."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._since: float | None = None

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.passed + (time.process_time() - self._since if self._since is not None else 0.0)

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(seconds)

    @contextmanager
    def running(self) -> Iterator[None]:
        """What happens meanwhile is the loop's."""
        self._since = time.process_time()
        yield
        self._since = None


def scheduling(folder: Path, url: str, documents: int) -> dict[str, Any]:
    """A cycle by the loop, then the same by hand, and so on, the other way round each second time; and a tick for each second
    of CPU that the loop has taken. So a slow moment of the machine strikes both alike. The CPU time is the server's, too."""
    write_project(folder, url, documents)
    clock = OwnTime()
    with assembled(folder, clock) as loop:
        loop.follow()
        loop.tick()
        for number in range(documents):
            by_hand(loop, number)  # every ledger is there, every page is warm
        make_due(loop.database)
        server = _server(loop.database)
        times: dict[str, list[float]] = {"bare": [], "loop": [], "tick": []}

        def timed(what: str, work: Callable[[], object]) -> None:
            with nullcontext() if what == "bare" else clock.running():
                before = _spent(server)
                work()
                times[what].append(_between(before, _spent(server)))
            if what != "bare":
                clock.passed += times[what][-1]

        def one() -> None:
            assert loop.crew.work_one()

        for number in range(documents):
            loop.changed.set()
            if loop.board.hungry.is_set() or clock.passed >= len(times["tick"]):
                timed("tick", loop.tick)
            pair = [("loop", one), ("bare", partial(by_hand, loop, number))]
            for what, work in pair if number % 2 else reversed(pair):
                timed(what, work)
        loop.tick()
        assert not loop.crew.work_one(), "each document once"
        with loop.database.read() as session:
            query = "SELECT count(*) FROM runs WHERE trigger = 'schedule' AND result = 'Success'"
            assert session.execute_raw(query).scalar_one() >= documents, "the loop has really run them"
    more = median(one - other for one, other in zip(times["loop"], times["bare"], strict=True))
    ticks = sum(times["tick"]) / documents
    return {
        "bare ms": median(times["bare"]) * 1000,
        "cycle ms": more * 1000,
        "tick ms": ticks * 1000,
        "ms": (more + ticks) * 1000,
        "ticks": len(times["tick"]),
    }


def _server(database: Any) -> Path | None:
    """Where the system lists the processes of the database server; None for an embedded database."""
    if database.embedded:
        return None
    with database.read() as session:
        backend = session.execute_raw("SELECT pg_backend_pid()").scalar_one()
    parent = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1]
    return Path(f"/proc/{parent}/task/{parent}/children")


def _spent(server: Path | None) -> dict[str, float]:
    """Seconds of CPU that each of the processes has taken. One that ends meanwhile, as each cycle has one, is not counted."""
    found = {"ours": time.process_time()}
    for pid in server.read_text().split() if server else ():
        with suppress(FileNotFoundError):
            found[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return found


def _between(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    return sum(spent - before.get(process, 0.0) for process, spent in after.items())


def by_hand(loop: Any, number: int) -> None:
    """One cycle of a document, as somebody's hand would start it."""
    from reconciler.engine.occasion import Occasion
    from reconciler.engine.sync import sync
    from reconciler.loop.crew import Unwatched
    from reconciler.model.run import Trigger

    class Bare(Occasion):
        """Leaves the schedule alone; a run that somebody starts would serve the slot that the loop is to run."""

        def decide(self, session: Any, document: Any, now: datetime) -> tuple[Trigger, datetime | None]:
            return Trigger.REQUEST, None

    sync(
        loop.database,
        f"mapping-{number:04}",
        loop.crew.remotes,
        holder="bench",
        clock=loop.clock,
        stop=loop.stop,
        progress=Unwatched(),
        occasion=Bare(),
    )


# ---- idling


def idle(folder: Path, url: str, documents: int, seconds: float) -> dict[str, Any]:
    """`reconcile run` with nothing to do, after everything has run: CPU time as the operating system accounts for it,
    `git` included. The timetable is made anew each ten minutes; its cost is measured apart and spread over them."""
    from reconciler.clock import SystemClock
    from reconciler.engine.timetable import refresh

    write_project(folder, url, documents)
    with assembled(folder, SystemClock()) as loop:
        loop.follow()
        loop.tick()
        with loop.database.begin() as session:
            session.execute_raw(f"UPDATE schedules SET last_slot = '{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000000Z'")
        times = []
        for _ in range(3):
            start = time.process_time()
            loop.database.run(lambda session: refresh(session, loop.settings, loop.clock.now()))
            times.append(time.process_time() - start)
    command = [sys.executable, "-m", "reconciler", "run", "--listen", "none", "--project", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(10)
        start, before = time.monotonic(), _cpu(process.pid)
        time.sleep(seconds)
        spent, passed = _cpu(process.pid) - before, time.monotonic() - start
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    anew = median(times)
    return {"percent": 100 * (spent / passed + anew / 600), "seconds": passed, "anew ms": anew * 1000}


def _cpu(process: int) -> float:
    """Seconds of CPU that a process and its ended children have taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


# ---- a year


class HandClock:
    """Time that passes when somebody says so."""

    def __init__(self) -> None:
        self.wall, self.passed = datetime(2026, 1, 1, 0, 30, tzinfo=UTC), 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(seconds)

    def advance(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.passed += seconds


def year(folder: Path, url: str, documents: int, days: int) -> dict[str, Any]:
    """One look a day at everything there is, and one cycle a day of ten documents; the others are paused."""
    write_project(folder, url, documents)
    clock = HandClock()
    resident: dict[int, float] = {}
    with assembled(folder, clock) as loop:
        loop.follow()
        loop.tick()
        with loop.database.begin() as session:
            session.execute_raw(
                "UPDATE schedules SET suspended_at = since, suspended_by = 'x' WHERE name > 'mapping-0009'"
            )
        for day in range(1, days + 1):
            clock.advance(86400)
            loop.follow()
            loop.changed.set()
            loop.tick()
            while loop.crew.work_one():
                pass
            if day in (days // 12, days):
                gc.collect()
                resident[day] = _resident()
        with loop.database.read() as session:
            cycles = session.execute_raw("SELECT count(*) FROM runs WHERE result = 'Success'").scalar_one()
    first, last = resident.values()
    return {"first MiB": first, "last MiB": last, "growth": last / first, "cycles": cycles, "days": days}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# ---- the rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60, help="how long idling is watched")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", choices=["scheduling", "idle", "year"], help="one of the three")
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    if options.measure:
        measure(json.loads(options.measure))
        return 0
    if options.quick:
        options.documents, options.seconds, options.days = 100, 30, 36
    rows = list(measured(options))
    print(table(rows))
    save(options.results, "loop", rows)
    return 0


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """The rows in turn."""
    many = options.documents
    with ExitStack() as stack:
        if options.only in (None, "scheduling"):
            for name, url in {"SQLite": "", "PostgreSQL": postgresql(stack)}.items():
                found = apart({"what": "scheduling", "url": url, "documents": many})
                parts = f"{found['cycle ms']:.2f} in the cycle, {found['tick ms']:.2f} for {found['ticks']} ticks"
                yield Row(
                    goal=f"P17 scheduling, ms of CPU a document, {many:,} due at once, {name}",
                    measured=f"{parts}, beside {found['bare ms']:.1f} of the bare cycle",
                    value=found["ms"],
                    bar=2,
                )
        if options.only in (None, "idle"):
            found = apart({"what": "idle", "url": "", "documents": many, "seconds": options.seconds})
            yield Row(
                goal=f"P17 idle loop with {many:,} documents, % of one core",
                measured=f"{found['seconds']:.0f} s, timetable anew ({found['anew ms']:.0f} ms each 10 min) included",
                value=found["percent"],
                bar=1,
            )
        if options.only in (None, "year"):
            found = apart({"what": "year", "url": "", "documents": many, "days": options.days})
            yield Row(
                goal=f"P17 memory after {found['days']} simulated days against a twelfth of them",
                measured=f"{found['last MiB']:.1f} / {found['first MiB']:.1f} MiB, {found['cycles']:,} cycles",
                value=found["growth"],
                bar=1.05,
            )


def postgresql(stack: ExitStack) -> str:
    """The URL of a new database of a server that is durable, as in production."""
    from tests.postgres import binaries, start

    found = binaries()
    if found is None:
        raise SystemExit("no PostgreSQL found")
    return str(stack.enter_context(start(found, durable=True)).create_database())


def apart(order: Mapping[str, Any]) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.loop", "--measure", json.dumps(order)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(order: dict[str, Any]) -> None:
    """Do what is ordered and print the result; the log of the loop, which goes to standard output, goes nowhere."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    work = {"scheduling": scheduling, "idle": idle, "year": year}[order.pop("what")]
    url = order.pop("url") or "sqlite:///var/reconciler.db"
    with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder:
        result = work(Path(folder), url, **order)  # type: ignore[operator]
    os.write(out, json.dumps(result).encode())


if __name__ == "__main__":
    sys.exit(main())
