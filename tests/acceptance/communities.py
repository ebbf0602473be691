"""Projects whose communities are imported, into a tenant that has the objects for it or into a database."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg

from reconciler.planning.objects import api_name
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.acceptance.projects import ProjectFolder
from tests.acceptance.world import World, running
from tests.integration.kills import execute

PEOPLE, TOPICS = 30, 12
ONE, TWO = "acme-community", "acme-partners"
RAW = ("User", "Topic", "Category", "IdeaStatus", "TopicReply")
CORE = ("Content", "Activity", "Trend")

IMPORT = """\
apiVersion: reconciler/v1
kind: CommunityImport
metadata: {{name: {name}}}
spec: {spec}
"""
WAREHOUSE = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: warehouse}}
spec: {{type: sql, dialect: {dialect}, url: {{env: WAREHOUSE_URL}}}}
"""


def connected(**config: Any) -> Iterator[World]:
    """Two communities with content, and a tenant with objects for both."""
    yield from running(Sandbox(SandboxConfig(**{"people": PEOPLE, "topics": TOPICS, "quirks": False, **config})))


class Imports(ProjectFolder):
    """A project with the imports of its communities, and no mappings."""

    warehouse_url = ""

    def mapping(self, name: str, lines: Any, to: str = "") -> None:
        """Only imports, unless a test asks for more."""
        if name == "acme-profile":
            self.tune(TWO)  # says nothing, but a folder without documents is refused
        else:
            super().mapping(name, lines, to or ONE)

    def tune(self, name: str = ONE, **spec: Any) -> None:
        """What an import does otherwise than usual."""
        self.write(f"mappings/import-{name}.yaml", IMPORT.format(name=name, spec=json.dumps(spec)))

    def into_database(self, url: str = "", *names: str) -> None:
        """Let imports write into a database: a SQLite file beside the project, or one with this URL."""
        self.warehouse_url = url
        self.env["WAREHOUSE_URL"] = url or "sqlite:///warehouse.db"
        self.write("connections/warehouse.yaml", WAREHOUSE.format(dialect="postgresql" if url else "sqlite"))
        for name in names or (ONE, TWO):
            self.tune(name, to="warehouse")

    def cycle(self, name: str = ONE, code: int = 0) -> dict[str, Any]:
        """One run, as the activity log has it; each object's counts add up."""
        self.world.forget_calls()
        self.run("sync", f"CommunityImport/{name}").expect(code)
        return self.last()

    def last(self) -> dict[str, Any]:
        newest = self.run("activity", "--limit", "1", "--output", "json").expect(0).json["runs"][0]
        found = self.run("activity", str(newest["id"]), "--output", "json").expect(0).json
        for counts in (found["counts"], *found["mappings"].values()):
            assert counts["read"] == sum(counts[word] for word in OUTCOMES), counts
        return dict(found)

    def wrote(self, name: str = ONE, code: int = 0) -> dict[str, int]:
        """Object → how many records one run created or updated there, without those where it did nothing."""
        found = self.cycle(name, code)["mappings"]
        return {item: n for item, one in found.items() if (n := one["created"] + one["updated"])}

    def records(self, name: str, *fields: str) -> dict[str, tuple[Any, ...]]:
        """What the target has of an object: its first field → the others. No record came to be twice."""
        rows = self._rows(name, fields)
        found = {str(row[0]): tuple(row[1:]) for row in rows}
        assert len(found) == len(rows), f"{name} has a record twice"
        return found

    def _rows(self, name: str, fields: tuple[str, ...]) -> list[tuple[Any, ...]]:
        if "WAREHOUSE_URL" not in self.env:
            asked = [api_name(field) for field in fields]
            return [tuple(row[field] for field in asked) for row in self.world.query(api_name(name), asked)]
        table = "_".join(api_name(name).removesuffix("__gc").lower().split("_"))
        table = table.replace("topicreply", "topic_reply").replace("ideastatus", "idea_status")
        query = f"SELECT {', '.join(field.lower().replace(' ', '_') for field in fields)} FROM {table}"
        if self.warehouse_url:
            with psycopg.connect(self.warehouse_url, autocommit=True) as server:
                return list(server.execute(query).fetchall())  # type: ignore[arg-type]
        with closing(sqlite3.connect(self.root / "warehouse.db")) as file:
            return list(file.execute(query).fetchall())

    def import_status(self, name: str = ONE) -> dict[str, tuple[str, str]]:
        """Object → (status, reason); the import itself is under the empty text."""
        done = self.run("status", f"CommunityImport/{name}", "--output", "json").expect(0)
        document = done.json["documents"][0]
        found = {one["object"]: (one["status"], one["reason"]) for one in document["mappings"]}
        return {"": (document["status"], document["reason"]), **found}

    def matches(self, outcome: str, name: str = ONE, *more: str) -> dict[str, dict[str, Any]]:
        """Members by e-mail address, or by name where they have none."""
        done = self.run("records", f"CommunityImport/{name}", "--outcome", outcome, "--output", "json", *more)
        return {one["email"] or one["name"]: one for one in done.expect(0).json["members"]}

    def every_cell(self) -> str:
        """Everything that the state database holds, as one text."""
        if self.database is None:
            path = self.root / "var/reconciler.db"
            names = [path, path.with_name(path.name + "-wal")]
            return b"".join(one.read_bytes() for one in names if one.exists()).decode("utf-8", "replace")
        tables = execute(self, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return "\n".join(repr(row) for (table,) in tables for row in execute(self, f'SELECT t::text FROM "{table}" t'))


OUTCOMES = ("created", "updated", "unchanged", "skipped", "rejected", "not_attempted")


def calls(world: World) -> Counter[str]:
    """The requests of the last run: what was read of the community by route, what was read and written in CS."""
    kinds: Counter[str] = Counter()
    for seen in world.control("GET", "requests?limit=10000")["requests"]:
        path = seen["raw_path"].partition("?")[0]
        if seen["side"] == "cs":
            kinds["cs read" if "/query/" in path else "cs write"] += 1
        elif "token" not in path:
            words = ["ID" if any(map(str.isdigit, word)) and len(word) > 2 else word for word in path.split("/")]
            kinds["/".join(words)] += 1
    return kinds
