"""Generated projects for the config plane: N mappings in M files, and the same as terraform resources with a state."""

from __future__ import annotations

import json
from pathlib import Path

HEAD = """apiVersion: reconciler/v1
kind: Project
metadata: {name: bench}
spec:
  configs: [connections, mappings]
"""
CS = """apiVersion: reconciler/v1
kind: Connection
metadata: {name: bench-cs}
spec: {type: gainsight-cs, domain: bench.gainsightcloud.com, accessKey: {env: BENCH_KEY}, sso: true}
"""


def attribute(number: int, changed: bool) -> str:
    return f"Attribute_{number % 400}__gc" if not changed else f"Changed_{number % 400}__gc"


def write_project(root: Path, *, mappings: int, files: int, changed_percent: int) -> None:
    """A project of `files` documents with `mappings` mappings over as many communities as their fields need."""
    per_file = mappings // files
    per_community = 400
    (root / "connections").mkdir(parents=True, exist_ok=True)
    (root / "mappings").mkdir(exist_ok=True)
    (root / "catalog").mkdir(exist_ok=True)
    (root / "reconcile.yaml").write_text(HEAD)
    (root / "connections" / "cs.yaml").write_text(CS)
    communities = -(-mappings // per_community)
    for number in range(communities):
        (root / "connections" / f"cc-{number:03}.yaml").write_text(_community(number, per_community))
    every = 100 // changed_percent if changed_percent else 0
    for file in range(files):
        lines = []
        for place in range(per_file):
            number = file * per_file + place
            name = attribute(number, bool(every) and file % every == 0)
            lines.append(
                f"    - {{object: Company Person, attribute: {name}, profileField: Field {number % per_community}}}"
            )
        community = file * per_file // per_community
        (root / "mappings" / f"m-{file:04}.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: ProfileFieldMapping\n"
            f"metadata: {{name: m-{file:04}}}\nspec:\n  from: bench-cs\n  to: cc-{community:03}\n"
            "  schedule: {every: 4h}\n  mappings:\n" + "\n".join(lines) + "\n"
        )
    (root / "catalog" / "bench-cs.json").write_text(_catalog())


def _community(number: int, fields: int) -> str:
    declared = "\n".join(f"    - {{name: Field {n}, visibility: hidden}}" for n in range(fields))
    return (
        "apiVersion: reconciler/v1\nkind: Connection\n"
        f"metadata: {{name: cc-{number:03}}}\nspec:\n  type: gainsight-cc\n  tenant: bench-{number}\n  region: eu-west-1\n"
        "  clientId: {env: BENCH_ID}\n  clientSecret: {env: BENCH_SECRET}\n  sso: true\n  connectedTo: bench-cs\n"
        f"  profileFields:\n{declared}\n"
    )


def _catalog() -> str:
    names = [f"{kind}_{n}__gc" for kind in ("Attribute", "Changed") for n in range(400)]
    fields = {name: {"dataType": "STRING", "label": name} for name in names}
    content = {
        "formatVersion": 1,
        "connection": "bench-cs",
        "objects": {"Company Person": {"name": "company_person", "fields": fields}},
        "profileFields": {},
        "usersRead": 0,
    }
    return json.dumps(content, sort_keys=True, indent=1) + "\n"


def write_terraform(root: Path, *, mappings: int, changed_percent: int) -> None:
    """One `terraform_data` block for each mapping, with a state in which `changed_percent` of them differ."""
    root.mkdir(parents=True, exist_ok=True)
    every = 100 // changed_percent if changed_percent else 0
    kinds = ["object", dict.fromkeys(("name", "from", "to", "every", "object", "attribute", "profileField"), "string")]
    resources = []
    with (root / "main.tf").open("w") as file:
        for number in range(mappings):
            now = _twin(number, bool(every) and number % every == 0)
            pairs = ", ".join(f'{key} = "{value}"' for key, value in now.items())
            file.write(f'resource "terraform_data" "m{number}" {{\n  input = {{ {pairs} }}\n}}\n')
            resources.append(_instance(number, {"value": _twin(number, False), "type": kinds}))
    state = {"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "00000000-0000-0000-0000-000000000001"}
    (root / "terraform.tfstate").write_text(json.dumps({**state, "outputs": {}, "resources": resources}))


def _twin(number: int, changed: bool) -> dict[str, str]:
    return {
        "name": f"m-{number}",
        "from": "bench-cs",
        "to": f"cc-{number // 400:03}",
        "every": "4h",
        "object": "Company Person",
        "attribute": attribute(number, changed),
        "profileField": f"Field {number % 400}",
    }


def _instance(number: int, value: dict[str, object]) -> dict[str, object]:
    attributes = {
        "id": f"{number:08d}-0000-0000-0000-000000000000",
        "input": value,
        "output": value,
        "triggers_replace": None,
    }
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"m{number}",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
    }
