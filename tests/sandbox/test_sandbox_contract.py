"""The user API against the vendor's own OpenAPI document, where RECONCILE_SPECS names a folder that holds it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.sandbox.cc import side
from tests.house import environment
from tests.sandbox.sandbox_client import Remote

NAME = "gainsight-cc-user.openapi.json"
# Objects whose values the document types as lists, against its own examples.
MISTYPED = ("sso", "user_statistics")
# Answers of the sandbox that no operation declares: refused keys, limits, and requests that cannot be read.
UNDECLARED = {400, 401, 413, 429, 501}
LIST_ONLY = {("GET", "/user", 422)}


def _folder() -> str:
    # The house rules hide RECONCILE_* from tests; this one names a folder, not a setting.
    kept: dict[str, str] = getattr(environment, "_original", {})
    return os.environ.get("RECONCILE_SPECS") or kept.get("RECONCILE_SPECS", "")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    path = Path(_folder() or "-") / NAME
    if not path.is_file():
        pytest.skip(f"RECONCILE_SPECS names no folder with {NAME}")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return _draft(found)


def _draft(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: nullable becomes a type, known typing slips of the document are opened."""
    if isinstance(node, list):
        return [_draft(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _draft(value) for key, value in node.items()}
    if copy.get("nullable") and isinstance(copy.get("type"), str):
        copy["type"] = [copy["type"], "null"]
    for name in MISTYPED:
        if isinstance(copy.get(name), dict):
            copy[name].pop("additionalProperties", None)
    return copy


def _check(spec: dict[str, Any], schema: str, value: Any) -> None:
    root = {"$ref": f"#/components/schemas/{schema}", "components": spec["components"]}
    errors = [f"{list(error.path)}: {error.message}" for error in Draft202012Validator(root).iter_errors(value)]
    assert errors == []


def test_shapes(spec: dict[str, Any], remote: Remote) -> None:
    listed = remote.cc("GET", "/user?_returnIterable=1&pageSize=100").json
    _check(spec, "IterableUserResponse", listed)
    _check(spec, "UserResponse", remote.cc("GET", "/user?pageSize=100").json)
    for member in listed["users"][:10]:
        _check(spec, "User", remote.cc("GET", f"/user/{member['userid']}").json)
        _check(spec, "FindByUserResponse", remote.cc("GET", f"/user/userid/{member['userid']}").json["result"])
    written = remote.cc("PUT", "/user/12/profile_field/City/Leeds").json["result"]
    _check(spec, "FindByUserResponse", written)
    data = {"email": "c@x.example", "username": "contract", "password": "asd123"}
    _check(spec, "UserRegisteredResponse", remote.cc("POST", "/user/register", {"data": data}).json["user"])
    _check(spec, "BadgesListResponse", remote.cc("GET", "/gamification/badges").json)


def test_users_have_every_declared_attribute(spec: dict[str, Any], remote: Remote) -> None:
    schemas = spec["components"]["schemas"]
    assert set(remote.cc("GET", "/user/12").json) == set(schemas["User"]["properties"])
    found = remote.cc("GET", "/user/userid/12").json["result"]
    assert set(found) == set(schemas["FindByUserResponse"]["properties"])


def _exercise(remote: Remote) -> Iterator[tuple[str, str, Any]]:
    roles, badges = {"userIds": [12], "roleIds": [13]}, {"userIds": [12], "badgeIds": [5]}
    for user in ("12", "0"):
        yield "PUT", f"/user/{user}/profile_field/City/x", None
        yield "DELETE", f"/user/{user}/profile_field/City", None
        yield "PUT", f"/user/{user}/avatar/x", None
        yield "GET", f"/user/{user}", None
        yield "GET", f"/user/userid/{user}", None
        yield "DELETE", f"/remotelogout/userid/{user}", None
        yield "POST", f"/user/{user}/role", {"data": {"user_role": ["Customer"]}}
        yield "DELETE", f"/user/{user}/role/Customer", None
        yield "DELETE", f"/user/{user}/role/Customer", None
        for method in ("PUT", "PUT", "DELETE", "DELETE"):
            yield method, f"/user/{user}/badge/5", None
    for method in ("POST", "DELETE"):
        yield method, "/user/bulk/role", {"data": roles}
        yield method, "/user/bulk/badge", {"data": badges}
        yield method, "/user/bulk/role", {"data": roles | {"userIds": [0]}}
    yield "DELETE", "/gamification/badge/5", None
    yield "DELETE", "/gamification/badge/5", None
    yield "POST", "/user/register", {"data": {}}
    yield "GET", "/user", None
    yield "DELETE", "/user/12/erase", None
    yield "DELETE", "/user/12/erase", None


def test_every_status_is_declared(spec: dict[str, Any], remote: Remote) -> None:
    remote.cc("GET", "/user")
    remote.control("DELETE", "requests")
    for method, path, body in _exercise(remote):
        remote.cc(method, path, body)
    declared = {(m.upper(), p, int(s)) for p, ops in spec["paths"].items() for m, op in ops.items()
                if isinstance(op, dict) for s in op.get("responses", {})}  # fmt: skip
    declared |= LIST_ONLY
    seen = {(c["method"], c["route"], c["status"]) for c in remote.control("GET", "state")["counters"]}
    assert len(seen) > 30
    assert {entry for entry in seen if entry not in declared and entry[2] not in UNDECLARED} == set()


def test_every_declared_operation_is_served(spec: dict[str, Any]) -> None:
    router = side.routes()
    operations = [
        (m.upper(), p) for p, ops in spec["paths"].items() for m in ops if m in ("get", "put", "post", "delete")
    ]
    missing = [(m, p) for m, p in operations if router.find(m, p.strip("/").split("/")) is None]
    assert missing == []
