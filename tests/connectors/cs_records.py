"""Writing records into the sandbox, and what the sandbox has to say about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from reconciler.connectors.base import Workload
from reconciler.connectors.gainsight_cs.client import CsClient
from reconciler.connectors.gainsight_cs.records import predict_calls
from reconciler.connectors.gainsight_cs.target import RecordTarget
from reconciler.connectors.http import HttpClient
from reconciler.model.catalog import CatalogObject
from reconciler.model.json import Json
from reconciler.model.outcome import Outcome, Reason, RecordResult, RecordWrite
from reconciler.model.resources import Behavior
from reconciler.model.run import Predicted
from reconciler.sandbox import Sandbox
from tests.connectors import test_cs_client
from tests.connectors.servers import CountingBudget, FakeClock
from tests.connectors.test_with_sandbox import control


def client(sandbox: Sandbox, clock: FakeClock | None = None, **options: Any) -> closing[CsClient]:
    """A client for which no wait takes time."""
    import threading

    passing = clock or FakeClock()
    http = HttpClient(
        sandbox.cs_url,
        budget=CountingBudget(),
        clock=passing,
        stop=threading.Event(),
        connections=4,
        allow_loopback=True,
        random=lambda: 0.0,
        **options,
    )
    return closing(CsClient(test_cs_client.connection(), "sandbox-access-key", http=http, clock=passing))


def described(sandbox: Sandbox, label: str) -> CatalogObject:
    with client(sandbox) as source:
        return source.describe([label])[label]


def target(sandbox: Sandbox, label: str, *key: str, update_only: bool = False, **more: Any) -> RecordTarget:
    behavior = Behavior.UPDATE_ONLY if update_only else Behavior.UPDATE_OR_CREATE
    return RecordTarget(object=described(sandbox, label), key=key, behavior=behavior, **more)


def record(*key: str, **values: Json) -> RecordWrite:
    return RecordWrite(key=key, values=values, label=" ".join(key))


def written(
    sandbox: Sandbox,
    to: RecordTarget,
    writes: Sequence[RecordWrite],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> list[RecordResult]:
    """One cycle. Afterwards the sandbox remembers only the requests of it."""
    control(sandbox, "DELETE", "requests")
    load = Workload(records=len(writes), names=names or {})
    with client(sandbox, **options) as remote:
        writer = remote.writer(to)
        results = [one for batch in writer.batches(writes, load) for one in writer.write(batch)]
    assert sorted(one.write.key for one in results) == sorted(one.key for one in writes)
    return results


def by_key(results: Sequence[RecordResult]) -> dict[str, Outcome | Reason | None]:
    return {" ".join(one.write.key): one.outcome or one.reason for one in results}


def calls(sandbox: Sandbox) -> Predicted:
    """What the last cycle cost."""
    kinds: Counter[str] = Counter()
    for seen in control(sandbox, "GET", "requests?limit=10000")["requests"]:
        kinds["read" if "/query/" in seen["raw_path"] else "poll" if seen["method"] == "GET" else "write"] += 1
    return Predicted(reads=kinds["read"], writes=kinds["write"], polls=kinds["poll"])


def predicted(to: RecordTarget, **counts: Any) -> Predicted:
    return predict_calls(to, **{"names": {}, **counts})


def shown(sandbox: Sandbox, object_name: str, *fields: str) -> dict[Any, tuple[Any, ...]]:
    """All records by their first field."""
    return {row[0]: tuple(row[1:]) for row in rows(sandbox, object_name, *fields)}


def rows(sandbox: Sandbox, object_name: str, *fields: str) -> Iterator[tuple[Any, ...]]:
    with client(sandbox) as source:
        yield from [row for page in source.read(object_name, fields) for row in page]


def fault(sandbox: Sandbox, action: Mapping[str, Any], *, method: str = "", path: str = "", **more: Any) -> None:
    matcher = {"side": "cs", "times": 1, "action": dict(action), **more}
    matcher |= {"method": method} if method else {}
    matcher |= {"path": path} if path else {}
    control(sandbox, "POST", "faults", matcher)


CREATED, UPDATED = Outcome.CREATED, Outcome.UPDATED
EMAILS = "Attendee_Email__gc"


def trainings(*numbers: int, score: int = 1) -> list[RecordWrite]:
    return [record(f"T{number}", Score__gc=score * 100 + number) for number in numbers]


def scores(sandbox: Sandbox) -> dict[str, Any]:
    found = list(rows(sandbox, "Training__gc", "Name", "Score__gc"))
    assert len(found) == len(dict(found)), "a record came to be twice"
    return dict(found)


def people(count: int) -> list[RecordWrite]:
    return [record(f"new{n}@a.example", City__gc="x") for n in range(count)]
