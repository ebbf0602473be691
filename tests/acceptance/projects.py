"""Config folders for the tests, and the commands that are run in them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance import commands
from tests.acceptance.commands import Done
from tests.acceptance.world import World

SECRETS = {
    "RECONCILE_ALLOW_LOOPBACK": "1",
    "ACME_CS_KEY": "sandbox-access-key",
    "ACME_CC_ID": "sandbox-client",
    "ACME_PARTNERS_ID": "sandbox-client-2",
    "ACME_CC_SECRET": "sandbox-secret",
}

PROJECT = """\
apiVersion: reconciler/v1
kind: Project
metadata: {{name: {name}}}
spec:
  configs: [connections, mappings]
  database: {database}
  stateFile: var/state.json
  catalog: catalog
{limits}"""

CONNECTIONS = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: acme-cs}}
spec:
  type: gainsight-cs
  domain: acme.gainsightcloud.com
  baseUrl: {cs_url}
  accessKey: {{env: ACME_CS_KEY}}
  sso: true
  rateLimit: {{perMinute: null, perDay: null}}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: acme-community}}
spec:
  type: gainsight-cc
  tenant: acme-en
  region: eu-west-1
  baseUrl: {cc_url}
  clientId: {{env: ACME_CC_ID}}
  clientSecret: {{env: ACME_CC_SECRET}}
  sso: true
  connectedTo: acme-cs
  rateLimit: {{perMinute: null, perDay: null}}
  profileFields: [{fields}]
---
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: acme-partners}}
spec:
  type: gainsight-cc
  tenant: acme-partners-en
  region: eu-west-1
  baseUrl: {cc_url}
  clientId: {{env: ACME_PARTNERS_ID}}
  clientSecret: {{env: ACME_CC_SECRET}}
  sso: true
  connectedTo: acme-cs
  rateLimit: {{perMinute: null, perDay: null}}
  profileFields: [{fields}]
"""

MAPPING = """\
apiVersion: reconciler/v1
kind: ProfileFieldMapping
metadata: {{name: {name}}}
spec:
  from: acme-cs
  to: {to}
  schedule: {{every: 4h}}
  mappings:
{lines}
"""

TITLE = ("Company Person", "Title", "Job Title")
COUNTRY = ("Person", "Country__gc", "Country")
ROLE = ("Company Person", "Role", "Department")
RENEWAL = ("Company Person", "Renewal_Date__gc", "Renewal Date")
SEATS = ("Company Person", "Seats__gc", "Seats")
TIER = ("Company Person", "Region__gc", "Support Tier")
"""A field that no community of the sandbox has."""

Line = tuple[str, str, str]
"""Object, attribute, profile field."""

FIELDS = ("Job Title", "Country", "Department", "Region", "Products", "Lifecycle Stage", "Support Tier", "City")


def _fields() -> str:
    texts = [f"{{name: {name}, visibility: private}}" for name in FIELDS]
    texts += [
        "{name: Renewal Date, type: date, visibility: private}",
        "{name: Seats, type: number, visibility: private}",
    ]
    return ", ".join(texts)


@dataclass
class ProjectFolder:
    """A project that works against a world. `database` is its URL where that is not the default SQLite file."""

    root: Path
    world: World
    database: str | None = None
    name: str = "acme"
    limits: str = ""
    env: dict[str, str] = field(default_factory=lambda: dict(SECRETS))

    def __post_init__(self) -> None:
        if self.database is not None:
            self.env["RECONCILER_DATABASE_URL"] = self.database
        self.write_project()
        self.write_connections()
        self.mapping("acme-profile", [TITLE, COUNTRY, RENEWAL])

    # ---- documents

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def write_project(self) -> None:
        database = "{env: RECONCILER_DATABASE_URL}" if self.database else "sqlite:///var/reconciler.db"
        self.write("reconcile.yaml", PROJECT.format(name=self.name, database=database, limits=self.limits))

    def write_connections(self, cs_url: str = "", cc_url: str = "") -> None:
        urls = {"cs_url": cs_url or self.world.cs_url, "cc_url": cc_url or self.world.cc_url}
        self.write("connections/gainsight.yaml", CONNECTIONS.format(**urls, fields=_fields()))

    def edit_connection(self, before: str, after: str) -> None:
        """Replace the first occurrence of a text in the connections."""
        self.replace("connections/gainsight.yaml", before, after)

    def replace(self, path: str, before: str, after: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert before in text, before
        file.write_text(text.replace(before, after, 1))

    def mapping(self, name: str, lines: Sequence[Line], to: str = "acme-community") -> None:
        listed = "\n".join(f"    - {{object: {o}, attribute: {a}, profileField: {p}}}" for o, a, p in lines)
        self.write(f"mappings/{name}.yaml", MAPPING.format(name=name, to=to, lines=listed))

    def forget(self, name: str) -> None:
        (self.root / f"mappings/{name}.yaml").unlink()

    def replace_database(self, content: bytes) -> None:
        """Put an older copy of the SQLite file in its place."""
        path = self.root / "var/reconciler.db"
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        path.write_bytes(content)

    # ---- commands

    def run(self, *arguments: str | Path) -> Done:
        """In this process."""
        return commands.in_process(*arguments, "--project", self.root, env=self.env)

    def command(self, *arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float = 60) -> Done:
        """In a process of its own, from the project's folder."""
        return commands.reconcile(*arguments, cwd=self.root, env={**self.env, **(env or {})}, timeout=timeout)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return commands.start(*arguments, cwd=self.root, env=self.env)

    def apply(self) -> Done:
        return self.run("apply").expect(0)

    def ready(self) -> ProjectFolder:
        """Catalogs pulled and everything applied."""
        self.run("catalog", "pull", "acme-cs").expect(0)
        self.apply()
        self.world.forget_calls()
        return self

    def sync(self, name: str = "acme-profile", code: int = 0) -> Done:
        done = self.run("sync", name).expect(code)
        assert_balanced(done.out)
        return done

    def status(self, name: str = "acme-profile") -> dict[str, tuple[str, str]]:
        """Profile field → (status, reason); the document itself is under the empty text."""
        document = self.run("status", name, "--output", "json").expect(0).json["documents"][0]
        found = {entry["profileField"]: (entry["status"], entry["reason"]) for entry in document["mappings"]}
        return {"": (document["status"], document["reason"]), **found}

    def counts(self, run: int) -> dict[str, Any]:
        """The counts of one run, as the activity log has them."""
        return dict(self.run("activity", str(run), "--output", "json").expect(0).json["counts"])

    def every_byte(self) -> bytes:
        """All that is below the folder of the project, except what was written into it by hand."""
        skipped = ("connections", "mappings", "secrets")
        return b"".join(
            path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.relative_to(self.root).parts[0] not in skipped
        )


BALANCE = re.compile(r"^([\d,]+) values read = (.+)$", re.MULTILINE)


def assert_balanced(text: str) -> None:
    """The line that proves that nothing was lost is there, and adds up."""
    found = BALANCE.search(text)
    assert found, text
    parts = [int(part.split()[0].replace(",", "")) for part in found.group(2).split(" + ")]
    assert int(found.group(1).replace(",", "")) == sum(parts), found.group()


def as_root() -> bool:
    return os.geteuid() == 0
