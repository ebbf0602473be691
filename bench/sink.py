"""The least of Gainsight CS that a destination of records needs: find by key, insert, update; all in memory, and fast.

    python -m bench.sink

Every program of a comparison sends to the same process. It reads each body, counts calls and records, and remembers keys; it
checks no types. A sandbox does all of that too, and takes ten times as long, which would hide what is measured. GET tells
the counts, DELETE begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

OBJECTS = "/v1/data/objects/"
QUERY = OBJECTS + "query/"
KEY, ID = "Email__gc", "Gsid"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(slots=True)
class Counts:
    reads: int = 0
    inserts: int = 0
    updates: int = 0
    records: int = 0


@dataclass(slots=True)
class Store:
    """The keys of what was inserted, and what was asked."""

    ids: dict[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def answer(self, method: str, path: str, body: bytes) -> Any:
        if method == "GET":
            return asdict(self.counts)
        if method == "DELETE":
            self.ids.clear()
            self.counts = Counts()
            return {}
        asked = orjson.loads(body)
        if path.startswith(QUERY):
            self.counts.reads += 1
            return _accepted({"records": self._found(asked)})
        # Whoever sends one record in a call sends it bare.
        records = asked["records"] if isinstance(asked, dict) and "records" in asked else [asked]
        self.counts.records += len(records)
        if method == "POST":
            self.counts.inserts += 1
            ids = self.ids
            for record in records:
                ids.setdefault(record[KEY], f"1I{len(ids):034}")
        else:
            self.counts.updates += 1
        return _accepted({"count": len(records)})

    def _found(self, asked: dict[str, Any]) -> list[dict[str, str]]:
        """The records with one of the keys that a query names, in the order of their ids."""
        conditions = asked["where"]["conditions"]
        wanted = {value for condition in conditions if condition["name"] == KEY for value in condition["value"]}
        after = max((one["value"][0] for one in conditions if one["name"] == ID), default="")
        found = sorted((self.ids[key], key) for key in wanted if key in self.ids)
        return [{ID: gsid, KEY: key} for gsid, key in found if gsid > after][: asked["limit"]]


def _accepted(data: Any) -> dict[str, Any]:
    return {"result": True, "errorCode": None, "errorDesc": None, "data": data}


Answer = Callable[[str, str, bytes], tuple[int, Any]]
"""Takes method, path and body; gives status and content."""


class Connection(asyncio.Protocol):
    """One kept connection. Bodies come with their length."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            method, path, _ = self._buffer[: self._buffer.index(b"\r\n")].decode("latin-1").split(" ")
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            status, content = self._answer(method, path, body)
            answer = orjson.dumps(content)
            self._transport.write(HEAD % (status, len(answer)) + answer)


async def serve(answer: Answer, ready: Callable[[int], None]) -> None:
    """Listens on a free port of this machine, tells it, and never ends."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answer), "127.0.0.1", 0, backlog=128)
    ready(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main() -> None:
    store = Store()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(lambda *asked: (200, store.answer(*asked)), lambda port: print(port, flush=True)))


class Sink:
    """A running sink, from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def counts(self) -> Counts:
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            return Counts(**orjson.loads(answer.read()))

    def clear(self) -> None:
        with urllib.request.urlopen(urllib.request.Request(self.url, method="DELETE"), timeout=60):
            return


@contextmanager
def running() -> Iterator[Sink]:
    """A sink in a process of its own."""
    command = [sys.executable, "-m", "bench.sink"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Sink(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
