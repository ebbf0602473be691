"""Loops that run Syncs: two of them at once, and one that is seen from outside while a Sync fails."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.warehouses import ElsewhereWarehouse, Warehouse, records
from tests.acceptance.world import World
from tests.connectors.servers import reply, serving
from tests.integration.kills import execute
from tests.loop.processes import QUICK, loop, make_due, runs, until
from tests.postgres import Postgres
from tests.web.helpers import ask

NAMES = ("one", "two", "three", "four")


def rows(changed: int, score: int) -> list[dict[str, object]]:
    return [{"name": f"N{n:03}", "score": n * score, "changed": changed} for n in range(120)]


@pytest.mark.parametrize("dialect", ["postgresql", "duckdb"])
def test_two_replicas_share_syncs_with_cursors(tmp_path: Path, world: World, postgres: Postgres, dialect: str) -> None:
    project = ElsewhereWarehouse(tmp_path / "acme", world, postgres, dialect=dialect, state="postgresql", limits=QUICK)
    targets = {
        "one": ("Company", "Employees"),
        "two": ("Company", "Users"),
        "three": ("Training", "Score__gc"),
        "four": ("Onboarding", "Hours__gc"),
    }
    project.rows("facts", rows(1, 1))
    for name, (object, field) in targets.items():
        key = "External_Id__gc: name" if object == "Onboarding" else "Name: name"
        more = ("field: Name, column: name",) if object == "Onboarding" else ()
        project.model("facts", "name", name=name, more="cursor: changed, fullEvery: 3")
        project.flow(name, object, key, f"field: {field}, column: score", *more, rest="  schedule: {every: 1d}\n")
    project.run("catalog", "pull", "acme-cs").expect(0)

    def completed() -> int:
        done = execute(project, "SELECT count(*) FROM slots WHERE completed_at IS NOT NULL")
        return int(done[0][0]) if done else 0

    def written(score: int) -> bool:
        found = records(world, "Training__gc", "Name", "Score__gc")
        companies = records(world, "company", "Name", "Employees", "Users")
        expected = {f"N{n:03}": n * score for n in range(120)}
        return all(
            found.get(name) == (value,) and companies.get(name) == (value, value) for name, value in expected.items()
        )

    with ExitStack() as stack:
        loops = [stack.enter_context(loop(project)) for _ in range(2)]
        until(lambda: completed() == 4)
        assert written(1)
        project.execute("UPDATE facts SET score = score * 2, changed = 2")
        make_due(project)
        loops[0].send(signal.SIGKILL)
        until(lambda: completed() == 4, 60)
        assert written(2)
        make_due(project)
        until(lambda: completed() == 4)
        assert loops[1].end() == 0
    ended = execute(project, "SELECT document, extent, result FROM runs WHERE ended_at IS NOT NULL ORDER BY id")
    for name in NAMES:
        mine = [(extent, result) for document, extent, result in ended if document == name and extent]
        assert mine == [("full", "Success"), ("cursor", "Success"), ("cursor", "Success")]


def test_a_failing_sync_is_told_and_counted(tmp_path: Path, world: World) -> None:
    told = "  notifications: [{name: ops, type: slack, url: {env: OPS_WEBHOOK}}]\n"
    project = Warehouse(tmp_path / "acme", world, limits=QUICK + told)
    project.model("companies", "name", [{"name": f"C{n}", "seats": n} for n in range(3)])
    project.flow("companies", "Company", "Name: name", "field: Employees, column: seats")
    project.run("catalog", "pull", "acme-cs").expect(0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        here = f"127.0.0.1:{free.getsockname()[1]}"
    with serving(lambda request: reply(body={})) as server:
        env = {"OPS_WEBHOOK": f"{server.url}/hook"}
        project.env.update(env)
        project.apply()
        with loop(project, "--listen", here) as running:
            # Before it has told the database, a sync does not know of it and runs by itself.
            until(lambda: execute(project, "SELECT holder FROM replicas"))
            project.sync("companies")
            project.execute("ALTER TABLE companies RENAME TO gone")
            project.run("sync", "companies", "--no-wait").expect(0)
            until(lambda: server.requests)
            text = server.requests[0].json()["text"]
            assert "Sync/companies" in text
            assert "no such table" in text
            metrics = ask(here, "/metrics").body.decode()
            assert 'reconciler_condition{condition="failing",subject="Sync/companies"} 1.0' in metrics
            assert 'reconciler_sync_runs_total{status="success",sync="Sync/companies"} 1.0' in metrics
            assert 'reconciler_sync_rows_total{outcome="created",sync="Sync/companies"} 3.0' in metrics
            failed = re.search(
                r'^reconciler_sync_runs_total{status="failed",sync="Sync/companies"} (.*)$', metrics, re.M
            )
            assert failed
            assert float(failed[1]) >= 1
            project.execute("ALTER TABLE gone RENAME TO companies")
            until(lambda: len(server.requests) == 2)
            assert "Sync/companies" in server.requests[1].json()["text"]
            until(lambda: 'condition="failing"' not in ask(here, "/metrics").body.decode())
            assert running.end() == 0
    assert [result for _, _, result in runs(project)][-1] == "Success"
