"""The compose file: as its specification wants it, and as safe as the text says."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.delivery.tools import DEPLOY, prepared

FOLDER = DEPLOY / "compose"
FILE = FOLDER / "compose.yaml"

NEWER = ("name",)
"""Keys of the specification that are younger than the schema. `start_period` of a health check is known to it."""


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return loaded


def check(compose: dict[str, Any]) -> None:
    schema = json.loads(prepared("compose.json").read_text("utf-8"))
    known = {key: value for key, value in compose.items() if key not in NEWER}
    jsonschema.Draft7Validator(schema).validate(known)


def test_the_file_keeps_to_the_specification(compose: dict[str, Any]) -> None:
    check(compose)


def test_a_mistake_is_found(compose: dict[str, Any]) -> None:
    compose["services"]["loop"]["readonly"] = True
    with pytest.raises(jsonschema.ValidationError):
        check(compose)


def test_what_is_named_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"].values()
    for kind in ("secrets", "networks"):
        assert {name for service in services for name in service[kind]} == set(compose[kind])
    mounts = [volume.split(":")[0] for service in services for volume in service["volumes"]]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])
    assert all((FOLDER / mount).is_file() for mount in mounts if mount.startswith("."))
    assert (FOLDER / compose["services"]["loop"]["build"]["context"] / "Dockerfile").is_file()


def test_nothing_can_be_gained(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    assert "cap_add" not in compose["services"]["loop"]


def test_the_loop_waits_for_a_database_that_answers(compose: dict[str, Any]) -> None:
    assert compose["services"]["loop"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in compose["services"]["database"]["healthcheck"]["test"]


def test_nothing_is_open_to_the_outside(compose: dict[str, Any]) -> None:
    assert "ports" not in compose["services"]["database"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["loop"]["ports"])


def test_secrets_are_files_that_git_does_not_see(compose: dict[str, Any]) -> None:
    ignored = (FOLDER / "secrets" / ".gitignore").read_text("utf-8").splitlines()
    assert ignored[1:] == ["*", "!.gitignore"]
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    for service in compose["services"].values():
        values = service.get("environment", {})
        assert not [key for key in values if "PASSWORD" in key and not key.endswith("_FILE")]


def test_the_loop_finds_the_secrets_of_its_project(compose: dict[str, Any]) -> None:
    project = yaml.safe_load((FOLDER / "config" / "reconcile.yaml").read_text("utf-8"))["spec"]
    mounted = {f"/run/secrets/{name}" for name in compose["services"]["loop"]["secrets"]}
    assert {project["database"]["file"], project["source"]["token"]["file"]} <= mounted
