"""What the benchmarks measure with: a sink that counts what arrives, a launcher that adds nothing, a clock for threads."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import sink, warehouse_budget, warehouse_growth, warehouse_project
from bench.measure import run

KEYS = [f"person-{number}@example.org" for number in range(3)]


@pytest.fixture(scope="module")
def receiving() -> Iterator[sink.Sink]:
    with sink.running() as found:
        yield found


def request(method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


def answers(connection: socket.socket, count: int) -> list[Any]:
    file = connection.makefile("rb")
    found = []
    for _ in range(count):
        assert file.readline().startswith(b"HTTP/1.1 200")
        length = 0
        while (line := file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found.append(json.loads(file.read(length)))
    return found


def test_the_sink_finds_what_was_inserted_and_counts_calls_and_records(receiving: sink.Sink) -> None:
    receiving.clear()
    place = f"{sink.OBJECTS}bench_record__gc"
    condition = {"name": sink.KEY, "operator": "IN", "value": [*KEYS, "nobody@example.org"], "alias": "A"}
    query = {"select": [sink.KEY], "where": {"conditions": [condition]}, "limit": 2}
    sent = [
        request("POST", place, {"records": [{sink.KEY: key} for key in KEYS]}),
        request("PUT", f"{place}?keys=Gsid", {"records": [{"Gsid": "1I"}]}),
        request("POST", place, {sink.KEY: "alone@example.org"}),
        request("POST", f"{sink.QUERY}bench_record__gc", query),
    ]
    with socket.create_connection(("127.0.0.1", int(receiving.url.rpartition(":")[2]))) as connection:
        # All at once, and the last one in pieces: connections are kept, and bodies may come late.
        connection.sendall(b"".join(sent)[:-10])
        first = answers(connection, 3)
        connection.sendall(sent[-1][-10:])
        (last,) = answers(connection, 1)
    assert [one["data"]["count"] for one in first] == [3, 1, 1]
    assert [one[sink.KEY] for one in last["data"]["records"]] == KEYS[:2]
    assert receiving.counts() == sink.Counts(reads=1, inserts=2, updates=1, records=5)


def test_a_peak_is_that_of_the_command_alone() -> None:
    ballast = bytearray(b"x") * (150 * 2**20)
    found = run(["python3", "-c", "x = b'x' * (40 * 2**20)"])
    del ballast
    assert 40 < found.peak < 100
    assert found.wall > 0 and found.cpu > 0


def test_a_command_that_fails_fails_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="ended with 3: so it is"):
        run(["python3", "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(3)"])
    with pytest.raises(SystemExit, match="no-such-command"):
        run(["no-such-command"])


def test_time_goes_on_when_everybody_waits() -> None:
    clock, never = warehouse_budget.SharedTime(threads=2), threading.Event()
    seen: list[tuple[str, float]] = []

    def wait(name: str, *seconds: float) -> None:
        for pause in seconds:
            clock.wait(pause, never)
            seen.append((name, clock.time))
        clock.done()

    threads = [threading.Thread(target=wait, args=arguments) for arguments in (("a", 3.0, 3.0), ("b", 2.0, 2.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen, key=lambda one: one[1]) == [("b", 2.0), ("a", 3.0), ("b", 4.0), ("a", 6.0)]


def test_two_syncs_use_a_rate_limit_up(tmp_path: Path) -> None:
    found = warehouse_budget.simulate(tmp_path, 4)
    assert found.refused == 0
    assert [found.windows[minute] for minute in (1, 2)] == [warehouse_budget.PER_MINUTE] * 2


def test_a_filled_ledger_is_that_of_a_cycle(receiving: sink.Sink, tmp_path: Path) -> None:
    """What was put there in one statement needs no call; what was left out does."""
    receiving.clear()
    warehouse = tmp_path / "warehouse.db"
    warehouse_project.write_sqlite(warehouse, 300, 3)
    project = warehouse_project.Project.applied(
        tmp_path / "project", sink=receiving, warehouse=f"sqlite:///{warehouse}", width=3
    )
    warehouse_growth.remember(project, warehouse, without_every=100)
    project.sync()
    assert receiving.counts() == sink.Counts(reads=1, inserts=1, updates=0, records=3)
    assert project.predicted() == (1, 6)
    warehouse_project.change_rows(warehouse, 60, 51, 3)
    project.sync()
    # Of those that changed the sink has only seen the three.
    assert receiving.counts().records == 3 + 60 + 51
    with sqlite3.connect(warehouse) as database:
        assert database.execute("SELECT count(*), count(DISTINCT email) FROM records").fetchone() == (351, 351)
