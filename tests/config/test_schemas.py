"""The JSON Schemas are those of the models, and a plain validator with them refuses what we refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.config import loader, schemas
from reconciler.config.rules import RULES, examples

FOLDER = Path(__file__).parents[2] / "schemas"
SCHEMAS = schemas.document_schemas()
TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
MAPPING = examples.mapping(TITLE)


def data(text: str) -> Any:
    return loader.load(text.encode(), "f.yaml").documents[0].data


def errors_of(text: str, schema: str = schemas.ALL) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[schema]).iter_errors(data(text))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_files_are_what_the_models_say(name: str) -> None:
    assert json.loads((FOLDER / name).read_text()) == SCHEMAS[name], "run `reconcile schema --out schemas`"


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas_and_describe_themselves(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"] and schema["description"]
    for example in schema.get("examples", []):
        assert list(Draft202012Validator(schema).iter_errors(example)) == []


def test_no_schema_fetches_anything() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["$ref"]] if "$ref" in node else []
            return found + [inner for value in node.values() for inner in references(value)]
        return [inner for value in node for inner in references(value)] if isinstance(node, list) else []

    assert all(reference.startswith("#/$defs/") for schema in SCHEMAS.values() for reference in references(schema))


GOOD = {
    "project": examples.PROJECT,
    "project with a secret": examples.PROJECT + "  database: {env: RECONCILER_DATABASE_URL}\n",
    "cs": examples.CS,
    "cs with a file": examples.CS.replace("{env: ACME_CS_KEY}", "{file: secrets/key}"),
    "cs without limit": examples.CS + "  rateLimit: {perDay: null}\n",
    "cc": examples.CC,
    "mapping": MAPPING,
    "every": MAPPING.replace("  mappings:", "  schedule: {every: 30m}\n  mappings:"),
    "cron": MAPPING.replace("  mappings:", '  schedule: {cron: "0 */4 * * *", timezone: Europe/Berlin}\n  mappings:'),
}

BAD = {
    "object": MAPPING.replace("Company Person", "Company"),
    "object in small letters": MAPPING.replace("Company Person", "person"),
    "path": MAPPING.replace("attribute: Title", "attribute: Company_ID__gr.Name"),
    "unknown key in an item": MAPPING.replace("attribute: Title", "attribute: Title, extra: 1"),
    "unknown key in the spec": MAPPING.replace("  from:", "  form: x\n  from:"),
    "unknown key at the top": MAPPING.replace("metadata:", "status: ok\nmetadata:"),
    "no mappings": MAPPING.replace(f"    - {{{TITLE}}}\n", "").replace("mappings:", "mappings: []"),
    "no from": MAPPING.replace("  from: acme-cs\n", ""),
    "secret": examples.CS.replace("{env: ACME_CS_KEY}", "hunter2"),
    "two places": examples.CS.replace("{env: ACME_CS_KEY}", "{env: A, file: b}"),
    "no place": examples.CS.replace("{env: ACME_CS_KEY}", "{}"),
    "secret in cc": examples.CC.replace("{file: /run/secrets/acme_cc}", "hunter2"),
    "cc key on cs": examples.CS + "  tenant: acme\n",
    "type": examples.CS.replace("gainsight-cs", "sql"),
    "kind": examples.CS.replace("kind: Connection", "kind: Sinc"),
    "version": examples.CS.replace("reconciler/v1", "v1"),
    "name": examples.CS.replace("acme-cs", "Acme CS"),
    "domain": examples.CS.replace("acme.gainsightcloud.com", "https://acme.gainsightcloud.com"),
    "visibility": examples.CC.replace("visibility: private", "visibility: secret"),
    "concurrency": examples.CS + "  concurrency: 33\n",
    "limit": examples.CS + "  rateLimit: {perMinute: 0}\n",
    "schedule": MAPPING.replace("  mappings:", "  schedule: {every: 4 hours}\n  mappings:"),
    "both": MAPPING.replace("  mappings:", '  schedule: {every: 4h, cron: "0 * * * *"}\n  mappings:'),
    "nickname": MAPPING.replace("  mappings:", '  schedule: {cron: "@daily"}\n  mappings:'),
    "seconds": MAPPING.replace("  mappings:", '  schedule: {cron: "0 0 * * * *"}\n  mappings:'),
    "zone of a period": MAPPING.replace("  mappings:", "  schedule: {every: 4h, timezone: UTC}\n  mappings:"),
    "password": examples.PROJECT + "  database: postgresql://me:hunter2@db/x\n",
    "no configs": examples.PROJECT.replace("[config]", "[]"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_documents_pass(name: str) -> None:
    assert errors_of(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_documents_are_refused(name: str) -> None:
    assert errors_of(BAD[name]) != []


@pytest.mark.parametrize("name", BAD)
def test_the_schema_of_one_kind_refuses_them_too(name: str) -> None:
    kind = data(BAD[name])["kind"]
    file = schemas.file_name(kind)
    assert errors_of(BAD[name], file if file in SCHEMAS else schemas.file_name("Connection")) != []


def test_a_mistake_is_shown_as_itself() -> None:
    """An editor shows the first error: it must not be 'not valid under any of the given schemas'."""
    assert errors_of(BAD["concurrency"]) == ["33 is greater than the maximum of 32"]
    assert errors_of(BAD["object"]) == ["'Company' is not one of ['Person', 'Company Person']"]


@pytest.mark.parametrize(
    "code", ["E-KIND", "E-KEY", "E-REQUIRED", "E-TYPE", "E-VALUE", "E-NAME", "E-SECRET", "E-SECRET-FORM", "E-OBJECT"]
)
def test_schemas_agree_with_the_rules(code: str) -> None:
    assert errors_of(RULES[code].bad.text) != []
    assert errors_of(RULES[code].good.text) == []


def test_check_jsonschema_agrees(tmp_path: Path) -> None:
    def run(texts: dict[str, str]) -> set[str]:
        """The names of the documents that are refused."""
        files = []
        for number, text in enumerate(texts.values()):
            files.append(tmp_path / f"{number}.yaml")
            files[-1].write_text(text)
        command = [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--output-format",
            "json",
            "--schemafile",
            str(FOLDER / schemas.ALL),
        ]
        done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
        refused = {error["filename"] for error in json.loads(done.stdout)["errors"]}
        return {name for name, file in zip(texts, files, strict=True) if str(file) in refused}

    assert run(GOOD) == set()
    assert run(BAD) == set(BAD)
