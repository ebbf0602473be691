"""P13, P16: what a cycle costs in calls, and how fast it makes them.

    python -m bench.calls [--people 100000]

A sandbox in a process of its own counts what arrives; the formulas are computed here. Token requests are counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.measure import Cost, Row, run, save, table
from bench.project import PROJECT, RECONCILE, SECRETS
from reconciler.clock import SystemClock
from reconciler.connectors.base import Unlimited
from reconciler.connectors.http import HttpClient

CONFIG = """apiVersion: reconciler/v1
kind: Connection
metadata: {name: cs}
spec:
  type: gainsight-cs
  domain: bench.gainsightcloud.com
  baseUrl: %(cs)s
  accessKey: {env: ACME_CS_KEY}
  sso: true
  rateLimit: {perMinute: null, perDay: null}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: cc}
spec:
  type: gainsight-cc
  tenant: bench-en
  region: eu-west-1
  baseUrl: %(cc)s
  clientId: {env: ACME_CC_ID}
  clientSecret: {env: ACME_CC_SECRET}
  sso: true
  connectedTo: cs
  rateLimit: {perMinute: 100000}
  profileFields: [{name: Job Title, visibility: private}]
---
apiVersion: reconciler/v1
kind: ProfileFieldMapping
metadata: {name: titles}
spec:
  from: cs
  to: cc
  mappings: [{object: Person, attribute: LastName, profileField: Job Title}]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=137)
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sandbox(options.people) as urls:
        rows = measure(Path(folder), urls, options.people, options.changed)
    print(table(rows))
    save(options.results, "calls", rows)
    return 0


def measure(folder: Path, urls: Mapping[str, str], people: int, changed: int) -> list[Row]:
    (folder / "reconcile.yaml").write_text(PROJECT)
    (folder / "config.yaml").write_text(CONFIG % urls)
    for command in ("catalog pull", "apply"):
        run([*RECONCILE, *command.split()], cwd=folder, env=SECRETS)
    listing = people // 5000 + 1 + -(-people // 100)
    first, cost = cycle(folder, urls)
    again, again_cost = cycle(folder, urls)
    change_somebody(urls, changed)
    third, _ = cycle(folder, urls)
    rows = [
        _exact("P13 first cycle: writes / changed values", first["writes"], people),
        _exact("P13 unchanged cycle: listing calls / formula", again["listing"], listing),
        Row(goal="P13 unchanged cycle: writes", measured="calls", value=again["writes"], bar=0),
        _exact(f"P13 {changed} values changed: writes / changed values", third["writes"], changed),
        Row(goal="P9 peak of a whole cycle, MiB", measured=f"{people:,} people, first cycle", value=cost.peak, bar=80),
        Row(goal="P9 peak of an unchanged cycle, MiB", measured=f"{people:,} people", value=again_cost.peak, bar=80),
        Row(
            goal="P15 CPU of a whole cycle, ms a call",
            measured=f"{cost.cpu:.1f} s of CPU, {people:,} writes, reading and recording included",
            value=1000 * cost.cpu / people,
            bar=1,
        ),
    ]
    return [*rows, *with_latency(folder, urls)]


def with_latency(folder: Path, urls: Mapping[str, str], values: int = 4800) -> list[Row]:
    """A cycle whose every call takes 50 ms, over 8 connections, beside the HTTP client alone against the same sandbox."""
    change_somebody(urls, values)
    _post(urls["cc"] + "/_sandbox/switches", {"latency": 0.05})
    alone = client_alone(urls)
    clear(urls)
    run([*RECONCILE, "sync", "titles"], cwd=folder, env=SECRETS)
    _post(urls["cc"] + "/_sandbox/switches", {"latency": 0.0})
    times = [r["at"] for r in _get(urls["cc"] + "/_sandbox/requests")["requests"] if r["method"] == "PUT"]
    rate = (len(times) - 1) / (max(times) - min(times))
    return [
        Row(
            goal="P16 write phase of a cycle against the client alone, 50 ms latency, 8 connections",
            measured=f"{rate:.1f} / {alone:.1f} calls a second, both from the sandbox on the same machine",
            value=rate / alone,
            bar=0.95,
            at_least=True,
        )
    ]


def client_alone(urls: Mapping[str, str], calls: int = 1600) -> float:
    """Calls a second that 8 threads get with nothing but the HTTP client."""
    form = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    body = urlencode({**form, "scope": "read write"}).encode()
    with urllib.request.urlopen(urls["cc"] + "/oauth2/token", body, timeout=60) as answer:
        headers = {"Authorization": f"Bearer {json.load(answer)['access_token']}"}
    client = HttpClient(
        urls["cc"], budget=Unlimited(), clock=SystemClock(), stop=threading.Event(), connections=8, allow_loopback=True
    )

    def call(number: int) -> None:
        parts = ("api1", "user", str(11 + number % 1000), "profile_field", "City", f"v{number}")
        assert client.request("PUT", parts, headers=headers, idempotent=True).ok

    start = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(calls)))
    seconds = time.perf_counter() - start
    client.close()
    return calls / seconds


def cycle(folder: Path, urls: Mapping[str, str]) -> tuple[dict[str, int], Cost]:
    """Run a cycle; gives the calls that arrived, by kind, and what the process cost."""
    clear(urls)
    cost = run([*RECONCILE, "sync", "titles"], cwd=folder, env=SECRETS)
    found = {"listing": 0, "writes": 0, "other": 0}
    for counter in _get(urls["cc"] + "/_sandbox/state")["counters"]:
        kind = "writes" if counter["method"] == "PUT" else "other" if "token" in counter["route"] else "listing"
        found[kind] += counter["count"]
    return found, cost


def clear(urls: Mapping[str, str]) -> None:
    request = urllib.request.Request(urls["cc"] + "/_sandbox/requests", method="DELETE")
    with urllib.request.urlopen(request, timeout=60):
        return


def change_somebody(urls: Mapping[str, str], count: int) -> None:
    """Give `count` persons another last name."""
    marker = str(time.time_ns())
    query = {"select": ["Gsid"], "limit": count, "orderBy": {"Gsid": "asc"}}
    rows = _post(urls["cs"] + "/v1/data/objects/query/person", query, {"Accesskey": "sandbox-access-key"})
    for record in rows["data"]["records"]:
        _post(urls["cs"] + f"/_sandbox/cs/person/{record['Gsid']}", {"LastName": f"Changed {marker}"}, method="PATCH")


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None, method: str = "POST") -> Any:
    head = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), head, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def _exact(goal: str, found: int, expected: int) -> Row:
    return Row(goal=goal, measured=f"{found:,} / {expected:,} calls", value=found / expected, bar=1.0)


@contextmanager
def sandbox(people: int) -> Iterator[dict[str, str]]:
    """A tidy sandbox with one community, in a process of its own, without the rate limit of CS."""
    command = [*RECONCILE, "sandbox", "--tidy", "--communities", "1", "--people", str(people)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stdout is not None
        urls = dict(re.findall(r"(cs|cc)=(\S+)", process.stdout.readline()))
        _post(urls["cs"] + "/_sandbox/switches", {"rate_limit": False})
        yield urls
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
