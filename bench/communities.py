"""What the import of communities costs: calls, records written, memory and CPU time, of whole processes.

    python -m bench.communities [--people 10000] [--topics 10000] [--full]

A sandbox in a process of its own has three communities; one topic has four replies on average. The communities are imported
into a SQLite file: for the first time, then with nothing changed, then with one member and one topic in a hundred changed.
`--full` is 100,000 members, 100,000 topics and 400,000 replies. A smaller world is imported into Gainsight CS.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import lists
from bench.lists import Sizes
from bench.measure import Row, run, save, table
from bench.project import PROJECT, RECONCILE, SECRETS

COMMUNITIES = 3
WITH_PROFILES = 1
"""The community whose members are read one by one, for a profile field."""

FULL = 100_000
USUAL = 10_000
CHANGED = 100
"""One in so many."""

SMALL = 2_000
"""Members and topics that are imported into Gainsight CS, where the sandbox takes most of the time."""

OBJECTS = 8
TYPES = ("Article", "Discussion", "Idea", "Product Update", "Question")
BATCH = 50
"""Records that CS takes in a call."""
LOOK = 500
"""Records that are looked up in one."""

FIRST_SECONDS, AGAIN_SECONDS = 1.5, 0.3
"""Seconds of CPU for 1,000 members and posts."""

CONNECTIONS = tuple(f"cc-{number}" for number in range(1, COMMUNITIES + 1))
ACTIVE = "substr(json_extract(content, '$.last_activity_at'), 1, 10)"
TENANTS = ("acme-en", "acme-partners-en", "acme-3-en")
ENVIRONMENT = {
    **SECRETS,
    "TABLES_URL": "sqlite:///tables.db",
    **{f"ACME_CC_{n}": "sandbox-client" + (f"-{n}" if n > 1 else "") for n in range(1, COMMUNITIES + 1)},
}
ENDS = """apiVersion: reconciler/v1
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
metadata: {name: tables}
spec: {type: sql, dialect: sqlite, url: {env: TABLES_URL}}
"""
COMMUNITY = """---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: cc-%(n)d}
spec:
  type: gainsight-cc
  tenant: %(tenant)s
  region: eu-west-1
  baseUrl: %(cc)s
  clientId: {env: ACME_CC_%(n)d}
  clientSecret: {env: ACME_CC_SECRET}
  sso: true
  connectedTo: cs
  rateLimit: {perMinute: null, perDay: null}
  %(profile)s
---
apiVersion: reconciler/v1
kind: CommunityImport
metadata: {name: cc-%(n)d}
spec: {to: %(to)s}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What the imports of all communities did together, and what their processes cost, of which one ran at a time."""

    calls: Counter[str]
    """By whom they went to: `cc`, `cs`. Token requests are not counted."""
    written: int
    cpu: float
    peak: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=USUAL)
    parser.add_argument("--topics", type=int, default=USUAL)
    parser.add_argument("--full", action="store_true", help="100,000 members, 500,000 topics and replies")
    parser.add_argument("--small", type=int, default=SMALL, help="members and topics for Gainsight CS")
    parser.add_argument("--results", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    people, topics = (FULL, FULL) if options.full else (options.people, options.topics)
    with world(people, topics, "tables") as (folder, urls):
        rows = into_tables(folder, urls)
    with world(options.small, options.small, "cs") as (folder, urls):
        rows += into_cs(folder, urls)
    print(table(rows))
    save(options.results, "communities", rows)
    return 0


def into_tables(folder: Path, urls: Mapping[str, str]) -> list[Row]:
    first = imports(folder, urls)
    held = stored(folder, urls)
    unchanged = imports(folder, urls)
    changed = change(folder, urls, held)
    second = imports(folder, urls)
    all_lists, recent_lists = lists.calls(held.all.values()), lists.calls(held.recent.values())
    moved_lists = lists.calls(_with(sizes, changed.moved[name]) for name, sizes in held.recent.items())
    return [
        _ratio("Import, first: calls / lists, profiles and replies", first.calls.total(), all_lists + held.asked),
        _ratio("Import, first: records written / records there are", first.written, held.records),
        _ratio("Import, nothing changed: calls / lists", unchanged.calls.total(), recent_lists),
        Row(goal="Import, nothing changed: records written", measured="records", value=unchanged.written, bar=0),
        _ratio(
            "Import, 1 % changed: calls / lists and what changed",
            second.calls.total(),
            moved_lists + changed.asked,
        ),
        _ratio("Import, 1 % changed: records written / changed records", second.written, changed.records),
        *_costs(held, {"first": first, "nothing changed": unchanged, "1 % changed": second}),
    ]


def into_cs(folder: Path, urls: Mapping[str, str]) -> list[Row]:
    first = imports(folder, urls)
    held = stored(folder, urls)
    unchanged = imports(folder, urls)
    # Each object has a last batch that is not full, and a last look.
    calls = held.records // BATCH + held.records // LOOK + 2 * COMMUNITIES * OBJECTS
    return [
        _ratio("Import into CS, first: records written / records there are", first.written, held.records),
        _ratio(
            "Import into CS, first: calls to CS / looking up and writing",
            first.calls["cs"] - unchanged.calls["cs"],
            calls,
        ),
        Row(
            goal="Import into CS, nothing changed: records written", measured="records", value=unchanged.written, bar=0
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the communities have, as the first import found it."""

    all: Mapping[str, Sizes]
    """By connection."""
    recent: Mapping[str, Sizes]
    """The same with topics whose activity was since the day before the newest one: filters know days only."""
    replies: int
    others: int
    """Categories and idea statuses."""
    days: int
    """On which something happened, for each community."""
    asked: int
    """Members whose profiles were read, and topics with replies."""

    @property
    def members(self) -> int:
        return sum(one.members for one in self.all.values())

    @property
    def topics(self) -> int:
        return sum(one.topics.total() for one in self.all.values())

    @property
    def posts(self) -> int:
        return self.topics + self.replies

    @property
    def records(self) -> int:
        """Posts are records of a raw object and of a core one."""
        return self.members + 2 * self.posts + self.others + self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What was changed. `asked`: members of the community with profiles, and topics; `moved`: these topics, by connection and
    type."""

    records: int
    asked: int
    moved: Mapping[str, Counter[str]]


def imports(folder: Path, urls: Mapping[str, str]) -> Import:
    """Import each community in a process of its own, one after the other."""
    request = urllib.request.Request(urls["cc"] + "/_sandbox/requests", method="DELETE")
    with urllib.request.urlopen(request, timeout=60):
        pass
    costs = [
        run([*RECONCILE, "sync", f"CommunityImport/cc-{n}"], cwd=folder, env=ENVIRONMENT)
        for n in range(1, COMMUNITIES + 1)
    ]
    calls: Counter[str] = Counter()
    for counter in _asked(urls["cc"] + "/_sandbox/state")["counters"]:
        if "token" not in counter["route"]:
            calls[counter["side"]] += counter["count"]
    shown = subprocess.run([*RECONCILE, "activity", "--output", "json"], cwd=folder, check=True, stdout=subprocess.PIPE)
    tallies = [one["counts"] for one in json.loads(shown.stdout)["runs"][:COMMUNITIES]]
    written = sum(tally.get(outcome, 0) for tally in tallies for outcome in ("created", "updated"))
    return Import(
        calls=calls,
        written=written,
        cpu=sum(cost.cpu for cost in costs),
        peak=max(cost.peak for cost in costs),
    )


def stored(folder: Path, urls: Mapping[str, str]) -> Held:
    state = _asked(urls["cs"] + "/_sandbox/state")
    records = (state["people"], state["company_persons"], state["companies"])
    with _database(folder) as database:
        days = (
            "SELECT connection, substr(coalesce(json_extract(content, '$.joined_at'), json_extract(content, '$.created_at')), "
            "1, 10) AS day FROM community_records WHERE kind IN ('User', 'Topic', 'TopicReply')"
        )
        today = "SELECT connection, day FROM community_days"
        return Held(
            all={name: _sizes(database, name, records) for name in CONNECTIONS},
            recent={name: _sizes(database, name, records, since=_recent(database, name)) for name in CONNECTIONS},
            replies=_counted(database, "kind = 'TopicReply'"),
            others=_counted(database, "kind IN ('Category', 'IdeaStatus')"),
            days=database.execute(f"SELECT count(*) FROM ({days} UNION {today})").fetchone()[0],
            asked=_counted(database, "kind = 'Topic' AND json_extract(content, '$.reply_count') > 0")
            + _counted(database, "kind = 'User' AND connection = ?", CONNECTIONS[WITH_PROFILES - 1]),
        )


def _counted(database: sqlite3.Connection, condition: str, *values: str) -> int:
    return int(database.execute(f"SELECT count(*) FROM community_records WHERE {condition}", values).fetchone()[0])


def _recent(database: sqlite3.Connection, connection: str) -> str:
    newest = f"SELECT max({ACTIVE}) FROM community_records WHERE kind = 'Topic' AND connection = ?"
    (last,) = database.execute(newest, [connection]).fetchone()
    return (date.fromisoformat(last) - timedelta(days=1)).isoformat()


def _sizes(database: sqlite3.Connection, connection: str, records: tuple[int, ...], since: str = "") -> Sizes:
    topics = f"FROM community_records WHERE kind = 'Topic' AND connection = ? AND {ACTIVE} >= ?"
    return Sizes(
        members=_counted(database, "kind = 'User' AND connection = ?", connection),
        topics=_by_type(database, topics, connection, since),
        days=database.execute(f"SELECT count(DISTINCT {ACTIVE}) {topics}", [connection, since]).fetchone()[0],
        records=records,
    )


def _by_type(database: sqlite3.Connection, topics: str, *values: str) -> Counter[str]:
    found = database.execute(
        f"SELECT json_extract(content, '$.subtype') AS type, count(*) {topics} GROUP BY type", values
    )
    return Counter(dict.fromkeys(TYPES, 0) | dict(found))


def _with(sizes: Sizes, moved: Counter[str]) -> Sizes:
    """When as many other topics show some activity, too, all on one day."""
    topics = Counter({name: sizes.topics[name] + moved[name] for name in TYPES})
    return replace(sizes, topics=topics, days=sizes.days + 1)


def change(folder: Path, urls: Mapping[str, str], held: Held) -> Changed:
    """One member in a hundred was here, and one topic in a hundred, those that were quiet for longest, has a reply."""
    started = time.time() - 1
    members = asked = 0
    moved: dict[str, Counter[str]] = {}
    for community, name in enumerate(CONNECTIONS, 1):
        body = {"topics": held.topics // CHANGED // COMMUNITIES, "members": held.members // CHANGED // COMMUNITIES}
        touched = _asked(f"{urls['cc']}/_sandbox/cc/{community}/activity", body)["topics"]
        those = (
            "FROM community_records WHERE kind = 'Topic' AND id IN (SELECT value FROM json_each(?)) AND connection = ?"
        )
        with _database(folder) as database:
            moved[name] = _by_type(database, those, json.dumps([str(number) for number in touched]), name)
        seen = _seen_since(urls, community, started)
        members += seen
        asked += seen if community == WITH_PROFILES else 0
    topics = sum(one.total() for one in moved.values())
    # A topic and its reply are two records each. And there is the trend of today.
    return Changed(records=members + 4 * topics + COMMUNITIES, asked=asked + topics, moved=moved)


def _seen_since(urls: Mapping[str, str], community: int, moment: float) -> int:
    """Members who were active: those who were to be, and who replied."""
    found, last = 0, 0
    while True:
        page = _asked(f"{urls['cc']}/_sandbox/cc/{community}/members?after={last}&limit=1000")["members"]
        if not page:
            return found
        found += sum(member["lastactivity"] >= moment for member in page)
        last = page[-1]["userid"]


def _costs(held: Held, found: Mapping[str, Import]) -> list[Row]:
    what = f"{held.members:,} members, {held.posts:,} topics and replies, {COMMUNITIES} communities"
    thousands = (held.members + held.posts) / 1000
    peaks = [
        Row(goal=f"Import, {name}: peak of a process, MiB", measured=what, value=one.peak, bar=400)
        for name, one in found.items()
    ]
    return [
        *peaks,
        *(
            Row(
                goal=f"Import, {name}: seconds of CPU for 1,000 members and posts",
                measured=f"{one.cpu:.0f} s; {what}",
                value=one.cpu / thousands,
                bar=FIRST_SECONDS if name == "first" else AGAIN_SECONDS,
            )
            for name, one in found.items()
        ),
    ]


def _ratio(goal: str, found: int, expected: int) -> Row:
    return Row(goal=goal, measured=f"{found:,} / {expected:,}", value=found / expected, bar=1.0)


def _asked(url: str, body: Mapping[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


@contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    """The store of the communities, to be looked at."""
    with closing(sqlite3.connect(f"file:{folder / 'var/reconciler.db'}?mode=ro", uri=True)) as database:
        yield database


@contextmanager
def world(people: int, topics: int, to: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A tidy sandbox with three communities in a process of its own, and a project whose imports go to a connection."""
    command = [*RECONCILE, "sandbox", "--tidy", "--communities", str(COMMUNITIES)]
    command += ["--people", str(people), "--topics", str(topics)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        urls = dict(re.findall(r"(cs|cc)=(\S+)", process.stdout.readline()))
        _asked(urls["cs"] + "/_sandbox/switches", {"rate_limit": False})
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_project(folder, urls, to)
            for arguments in ("catalog pull", "apply"):
                run([*RECONCILE, *arguments.split()], cwd=folder, env=ENVIRONMENT)
            yield folder, urls
    finally:
        process.terminate()
        process.wait(timeout=30)


def _write_project(folder: Path, urls: Mapping[str, str], to: str) -> None:
    (folder / "reconcile.yaml").write_text(PROJECT)
    communities = [
        COMMUNITY
        % {
            "n": n,
            "tenant": tenant,
            "cc": urls["cc"],
            "to": to,
            "profile": "profileFields: [{name: Job Title, visibility: private}]" if n == WITH_PROFILES else "",
        }
        for n, tenant in enumerate(TENANTS, 1)
    ]
    (folder / "config.yaml").write_text(ENDS % urls + "".join(communities))


if __name__ == "__main__":
    sys.exit(main())
