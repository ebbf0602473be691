"""The loop under fire: replicas killed and paused at random moments on one database, and what is left of the data afterwards.

    python -m bench.soak [--kills 200] [--pauses 50] [--seed 1] [--quick]

Three processes of `reconcile run` share a database, SQLite first, then PostgreSQL; a sandbox in a process of its own
is both systems. Leases of killed processes are ended by SQL, so that nobody waits for them, except where the take-over
itself is measured. Bounded: about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from bench.calls import RECONCILE
from bench.measure import Row, save, table
from tests.acceptance.expectation import wanted
from tests.acceptance.projects import ProjectFolder
from tests.acceptance.world import World

T = TypeVar("T")

LINES = {
    "title": ("Company Person", "Title", "Job Title"),
    "role": ("Company Person", "Role", "Department"),
    "country": ("Person", "Country__gc", "Country"),
}
COMMUNITIES = {1: "acme-community", 2: "acme-partners"}
PEOPLE = 60
REPLICAS = 3
PATIENCE = 60.0
LOOP = "  loop: {poll: 1m, workers: 2, jitter: 0s, retry: {first: 1s, longest: 2s}}\n"


# ---- processes


@dataclass
class Replica:
    """A loop in a forked process. `log` is what it prints."""

    pid: int
    log: Path
    _holder: str = ""

    @property
    def holder(self) -> str:
        """The name under which it holds leases."""
        if not self._holder:
            line = until(lambda: next((row for row in self.log.read_text().splitlines() if "loop.started" in row), ""))
            self._holder = str(json.loads(line)["holder"])
        return self._holder

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a word, and wait until it is gone."""
        self.send(signal.SIGKILL)
        os.waitpid(self.pid, 0)


@dataclass
class Fleet:
    """The loops of one project. This process has loaded the program, so another loop is there at once."""

    project: ProjectFolder
    running: list[Replica] = field(default_factory=list)
    started: int = 0

    def start(self) -> Replica:
        self.started += 1
        log = self.project.root / f"log-{self.started}"
        log.touch()
        pid = os.fork()
        if pid == 0:
            _become(self.project, log)
        replica = Replica(pid, log)
        self.running.append(replica)
        return replica

    def kill(self, replica: Replica) -> None:
        holder = replica.holder
        replica.kill()
        self.running.remove(replica)
        end_leases(self.project, holder)

    def close(self) -> None:
        for replica in self.running:
            replica.kill()
        self.running.clear()


def _become(project: ProjectFolder, log: Path) -> None:
    """The child: run the loop, and never return."""
    code = 70
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        os.environ.update(project.env)
        from reconciler.cli.main import run

        code = run(["run", "--listen", "none", "--project", str(project.root)])
    finally:
        os._exit(code)


def _load_program() -> None:
    """Before the first fork, so that a kill strikes work and not imports."""
    import reconciler.cli.group
    import reconciler.cli.looping
    import reconciler.cli.main
    import reconciler.cli.run
    import reconciler.cli.watching
    import reconciler.cli.wiring
    import reconciler.connectors.gainsight_cc.client
    import reconciler.connectors.gainsight_cs.client
    import reconciler.engine.applier
    import reconciler.engine.sync
    import reconciler.loop.runner
    import reconciler.state.schema  # noqa: F401


# ---- the database, past the program


def sql(project: ProjectFolder, statement: str, patience: float = 5.0) -> list[tuple[Any, ...]]:
    """Rows of a statement. Raises `Blocked` when somebody is in the way for too long."""
    import sqlite3

    import psycopg

    if project.database is not None:
        with psycopg.connect(project.database, autocommit=True) as server:
            server.execute(f"SET lock_timeout = '{int(patience * 1000)}ms'")
            try:
                cursor = server.execute(statement)
            except psycopg.errors.LockNotAvailable:
                raise Blocked from None
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(project.root / "var/reconciler.db", timeout=patience)) as file:
        try:
            rows = file.execute(statement).fetchall()
            file.commit()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise Blocked from None
            raise
        return rows


class Blocked(Exception):
    """Somebody holds a lock."""


def end_leases(project: ProjectFolder, holder: str, patience: float = 30.0) -> None:
    """The fifteen seconds of a holder are over."""
    sql(project, f"UPDATE leases SET expires_at = 0 WHERE holder = '{holder}'", patience)


def until(look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` gives as soon as it is something."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"soak: it did not happen within {seconds:.0f} s")
        time.sleep(0.05)


# ---- rounds of work


def prepare(root: Path, world: World, url: str | None) -> ProjectFolder:
    """Six documents, three for each of two communities."""
    world.reset()
    project = ProjectFolder(root, world, url, limits=LOOP)
    project.forget("acme-profile")
    for number, target in COMMUNITIES.items():
        for name, line in LINES.items():
            project.mapping(f"{name}-{number}", [line], to=target)
    project.command("catalog", "pull", "acme-cs").expect(0)
    project.command("apply").expect(0)
    return project


def shake(world: World, draw: random.Random) -> None:
    """Half of the people get new values, no two the same."""
    for row in world.query("person", ["Email"]):
        if draw.random() < 0.5:
            world.edit("company_person", row["Email"], Title=f"Job {draw.random()}", Role=f"Role {draw.random()}")


def make_due(project: ProjectFolder) -> int:
    """As if the last slots had been long ago. Gives the newest run before it."""
    past = "2026-01-01T00:00:00.000000Z"
    sql(project, "DELETE FROM slots")
    sql(project, f"UPDATE schedules SET last_slot = '{past}', due_at = '{past}'")
    return int(sql(project, "SELECT coalesce(max(id), 0) FROM runs")[0][0])


def settled(project: ProjectFolder) -> bool:
    """Whether every document has completed the slot that was due."""
    rows = sql(project, "SELECT count(*) FROM slots WHERE completed_at IS NOT NULL")
    return bool(rows[0][0] == len(LINES) * len(COMMUNITIES))


def under_way(project: ProjectFolder, after: int) -> list[tuple[Any, ...]]:
    return sql(project, f"SELECT id FROM runs WHERE id > {after} AND ended_at IS NULL")


def twice(project: ProjectFolder, after: int) -> int:
    """Slots that more than one run completed since `after`."""
    query = (
        "SELECT count(*) FROM (SELECT document, slot FROM runs WHERE slot IS NOT NULL AND result <> 'Interrupted' "
        f"AND ended_at IS NOT NULL AND id > {after} GROUP BY document, slot HAVING count(*) > 1) AS found"
    )
    return int(sql(project, query)[0][0])


@dataclass
class Damage:
    """What was found after the rounds."""

    lost: int = 0
    duplicates: int = 0
    twice: int = 0
    again: int = 0
    sent: int = 0

    def look(self, project: ProjectFolder, after: int) -> None:
        """Compare what is at the communities with what CS has, and with what the ledger says."""
        world = project.world
        self.twice += twice(project, after)
        for community in COMMUNITIES:
            there = world.profiles(community)
            expected = wanted(world, LINES.values(), community)
            self.lost += sum(there.get(place) != value for place, value in expected.items())
            self.duplicates += sum(count - 1 for count in Counter(_entries(world, community)).values())
            written = Counter(world.new_writes(community)) if community == max(COMMUNITIES) else Counter()
            self.again += sum(count - 1 for count in written.values())
            self.sent += sum(written.values())


def _entries(world: World, community: int) -> Iterator[tuple[str, str]]:
    """(user, profile field) of every value, read from the community's own API, where a record could be there twice."""
    for member in world.members(community):
        status, user = world._cc("GET", f"/api1/user/{member['userid']}", community)
        assert status == 200
        for entry in user["_related"]["userprofilefields"]:
            yield str(member["userid"]), entry["profilefield_name"]


def kills(project: ProjectFolder, count: int, draw: random.Random) -> Damage:
    """Up to three kills in each round of work; a round ends when everything that was due has run."""
    damage, done = Damage(), 0
    with closing(Fleet(project)) as fleet:
        while done < count:
            shake(project.world, draw)
            after = make_due(project)
            for _ in range(min(draw.randrange(1, 4), count - done)):
                while len(fleet.running) < REPLICAS:
                    fleet.start()
                until(lambda after=after: under_way(project, after) or settled(project))  # type: ignore[misc]
                time.sleep(draw.uniform(0, 0.3))
                fleet.kill(draw.choice(fleet.running))
                done += 1
            fleet.start()
            until(lambda: settled(project))
            until(lambda after=after: not under_way(project, after))  # type: ignore[misc]
            damage.look(project, after)
            _tell(f"{done} of {count} kills: {damage}")
    return damage


def take_over(project: ProjectFolder, rounds: int, draw: random.Random) -> float:
    """The longest time from a kill until another replica works on the document of the one that was killed."""
    longest = 0.0
    with closing(Fleet(project)) as fleet:
        for _ in range(rounds):
            while len(fleet.running) < REPLICAS:
                fleet.start().holder  # noqa: B018 - waits until it is there
            until(lambda: settled(project) and not under_way(project, 0))
            shake(project.world, draw)
            project.world.switch(latency=0.3)
            after = make_due(project)
            victim = until(lambda after=after: _at_work(project, fleet, after))  # type: ignore[misc]
            names = [
                row[0]
                for row in sql(project, f"SELECT name FROM leases WHERE holder = '{victim.holder}' AND expires_at > 0")
            ]
            mine = ", ".join(f"'{name.partition('/')[2]}'" for name in names)
            victim.kill()
            killed = time.monotonic()
            fleet.running.remove(victim)
            newest = sql(project, "SELECT max(id) FROM runs")[0][0]
            query = f"SELECT count(DISTINCT document) FROM runs WHERE id > {newest} AND document IN ({mine})"
            until(lambda query=query, names=names: sql(project, query)[0][0] == len(names))  # type: ignore[misc]
            longest = max(longest, time.monotonic() - killed)
            _tell(f"taken over after {time.monotonic() - killed:.1f} s")
            project.world.switch(latency=0)
            until(lambda: settled(project))
    return longest


def _at_work(project: ProjectFolder, fleet: Fleet, after: int) -> Replica | None:
    """A replica that is in the middle of a cycle."""
    query = (
        "SELECT leases.holder FROM leases JOIN runs ON leases.name = runs.kind || '/' || runs.document "
        f"WHERE runs.id > {after} AND runs.ended_at IS NULL AND leases.expires_at > 0"
    )
    holders = {row[0] for row in sql(project, query)}
    return next((replica for replica in fleet.running if replica.holder in holders), None)


def pauses(project: ProjectFolder, rounds: int, draw: random.Random) -> tuple[int, Damage]:
    """Rounds in which a replica stands still while others take over its work; then it goes on, sure of its lease.

    Gives how many rows it changed then: none may be. One that stands still while it holds a lock of the database keeps everybody
    waiting; it is woken, and the round begins anew.
    """
    changed, done, damage = 0, 0, Damage()
    with closing(Fleet(project)) as fleet:
        while done < rounds:
            while len(fleet.running) < REPLICAS:
                fleet.start().holder  # noqa: B018 - waits until it is there
            until(lambda: settled(project) and not under_way(project, 0))
            shake(project.world, draw)
            after = make_due(project)
            paused = until(
                lambda after=after: _at_work(project, fleet, after) or (settled(project) and fleet.running[0])
            )  # type: ignore[misc]
            time.sleep(draw.uniform(0, 0.1))
            paused.send(signal.SIGSTOP)
            try:
                end_leases(project, paused.holder, patience=0.5)
                counts = bool(sql(project, f"SELECT 1 FROM leases WHERE holder = '{paused.holder}' AND expires_at = 0"))
                until(lambda: settled(project) and not under_way(project, 0), 30)
                before = contents(project)
            except Blocked:
                counts = False
            finally:
                paused.send(signal.SIGCONT)
            if counts:
                time.sleep(1.0)
                different = contents(project) ^ before
                for row in different:
                    _tell(f"changed: {row}")
                changed += len(different)
                done += 1
            until(lambda: settled(project))
            damage.look(project, after)
            _tell(f"{done} of {rounds} pauses: {changed} rows changed, {damage}")
    return changed, damage


def contents(project: ProjectFolder) -> set[tuple[Any, ...]]:
    """Every row that is written under a lease. Leases themselves may be taken anew, under a new fence."""
    names = ["runs", "run_items", "statuses", "outcomes", "batches", "slots", "schedules", "ledger_fields"]
    names += [f"ledger_{row[0]}" for row in sql(project, "SELECT id FROM ledgers")]
    return {(name, *row) for name in names for row in sql(project, f"SELECT * FROM {name}")}


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# ---- the rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pauses", type=int, default=50)
    parser.add_argument("--takeovers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", nargs="*", choices=["kills", "takeover", "pauses"], help="some of the three")
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    if options.quick:
        options.kills, options.pauses, options.takeovers = 20, 6, 1
    _load_program()
    for part in options.only or PARTS:
        with tempfile.TemporaryDirectory(prefix="reconcile-soak-") as folder, ExitStack() as stack:
            world = stack.enter_context(sandbox())
            urls = {"SQLite": None, "PostgreSQL": postgresql(stack)}
            rows: list[Row] = []
            for name, url in urls.items():
                _tell(f"# {part}, {name}")
                project = prepare(Path(folder) / name, world, url)
                rows += PARTS[part](name, project, options, random.Random(options.seed))
        print(table(rows))
        save(options.results, f"soak_{part}", rows)
    return 0


def kill_rows(name: str, project: ProjectFolder, options: argparse.Namespace, draw: random.Random) -> list[Row]:
    count = options.kills // 2
    damage = kills(project, count, draw)
    text = f"{count} random kill -9 over {REPLICAS} replicas, {name}"
    sent = f"{damage.sent:,} values written, {damage.again} of them twice"
    return [
        Row(goal=f"P18 values lost, {text}", measured=sent, value=damage.lost, bar=0),
        Row(goal=f"P18 duplicate records, {text}", measured="at the communities", value=damage.duplicates, bar=0),
        Row(goal=f"P18 slots run twice, {text}", measured="completed runs", value=damage.twice, bar=0),
    ]


def take_over_rows(name: str, project: ProjectFolder, options: argparse.Namespace, draw: random.Random) -> list[Row]:
    longest = take_over(project, options.takeovers, draw)
    text = f"longest of {options.takeovers} kills amid cycles, real leases"
    return [Row(goal=f"P18 take-over after a kill, s, {name}", measured=text, value=longest, bar=20)]


def pause_rows(name: str, project: ProjectFolder, options: argparse.Namespace, draw: random.Random) -> list[Row]:
    rounds = options.pauses // 2
    changed, damage = pauses(project, rounds, draw)
    text = f"{rounds} rounds of SIGSTOP and SIGCONT, {damage.lost} values lost, {damage.twice} slots twice"
    return [Row(goal=f"P18 rows written under an old fence, {name}", measured=text, value=changed, bar=0)]


PARTS = {"kills": kill_rows, "takeover": take_over_rows, "pauses": pause_rows}


@contextmanager
def sandbox() -> Iterator[World]:
    """Two communities, as slow as near ones are."""
    command = [*RECONCILE, "sandbox", "--tidy", "--communities", "2", "--people", str(PEOPLE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        urls = dict(part.split("=", 1) for part in process.stdout.readline().split() if "=" in part)
        world = World(SimpleNamespace(cs_url=urls["cs"], cc_url=urls["cc"]))  # type: ignore[arg-type]
        world.reset()
        yield world
    finally:
        process.terminate()
        process.wait(timeout=30)


def postgresql(stack: ExitStack) -> str:
    """The URL of a new database of a throw-away server."""
    from tests.postgres import binaries, start

    found = binaries()
    if found is None:
        raise SystemExit("no PostgreSQL found")
    return str(stack.enter_context(start(found)).create_database())


if __name__ == "__main__":
    sys.exit(main())
