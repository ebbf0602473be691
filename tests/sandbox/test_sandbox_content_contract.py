"""The content API against the vendor's own OpenAPI document, where RECONCILE_SPECS names a folder that holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.sandbox.cc import side
from reconciler.sandbox.cc.content import BY_PATH
from tests.sandbox.sandbox_client import Remote
from tests.sandbox.test_sandbox_contract import UNDECLARED, _folder

NAME = "gainsight-cc-community.openapi.json"
MODERATOR = 12
"""The member with that id is a moderator of every community."""
MORE = {
    "TopicItem": {"views", "publishedAt"},
    "Question": {"views", "publishedAt"},
    "Conversation": {"views", "publishedAt"},
    "Idea": {"views", "publishedAt", "categoryId", "ideaStatus"},
    "Article": {"views", "content"},
    "ProductUpdate": {"views", "publishedAt", "content", "categoryId", "lastActivityAt"},
}
"""What real answers carry and the document does not know."""
ABSENT = {
    "Article": {"body", "lastEdit", "scheduledBy", "scheduledAt", "poll"},
    "ProductUpdate": {"body", "lastEdit", "scheduledBy"},
}
"""What the document has and live data do not, or only after somebody did something."""
SCHEMAS = {
    "question": "Question",
    "conversation": "Conversation",
    "idea": "Idea",
    "article": "Article",
    "productUpdate": "ProductUpdate",
}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    path = Path(_folder() or "-") / NAME
    if not path.is_file():
        pytest.skip(f"RECONCILE_SPECS names no folder with {NAME}")
    found: dict[str, Any] = _draft(json.loads(path.read_bytes()))
    return found


def _draft(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: nullable becomes a type, and lists of kinds that lack two of them are opened."""
    if isinstance(node, list):
        return [_draft(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _draft(value) for key, value in node.items()}
    if copy.get("nullable") and isinstance(copy.get("type"), str):
        copy["type"] = [copy["type"], "null"]
    if isinstance(copy.get("contentType"), dict):
        copy["contentType"].pop("enum", None)
    return copy


def _schema(spec: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "TopicItem":
        listed = spec["components"]["responses"]["TopicList"]["content"]["application/json"]["schema"]
        return dict(listed["properties"]["result"]["items"])
    return dict(spec["components"]["schemas"][name])


def _check(spec: dict[str, Any], name: str, value: Any) -> None:
    root = _schema(spec, name) | {"components": spec["components"]}
    assert [f"{list(error.path)}: {error.message}" for error in Draft202012Validator(root).iter_errors(value)] == []


def _names(spec: dict[str, Any], name: str) -> set[str]:
    return set(_schema(spec, name)["properties"])


def test_lists_and_single_topics_have_the_declared_shapes(spec: dict[str, Any], remote: Remote) -> None:
    listed = remote.cc("GET", "/v2/topics?pageSize=100").json["result"]
    assert len(listed) > 50
    for item in listed:
        _check(spec, "TopicItem", item)
        assert set(item) == _names(spec, "TopicItem") | MORE["TopicItem"]
    for kind in BY_PATH.values():
        name = SCHEMAS[kind.word]
        found = remote.cc("GET", f"/v2/{kind.path}?pageSize=100").json["result"]
        assert found
        for topic in found:
            _check(spec, name, topic)
        alone = remote.cc("GET", f"/v2/{kind.path}/{found[0]['id']}").json["result"]
        assert alone == found[0]
        assert set(alone) - MORE[name] == _names(spec, name) - ABSENT.get(name, set())


def test_replies_have_the_declared_shape(spec: dict[str, Any], remote: Remote) -> None:
    replied = {item["contentType"]: item for item in remote.cc("GET", "/v2/topics?sort=replyCount").json["result"]}
    for kind in BY_PATH.values():
        if kind.word not in replied:
            continue
        base = f"/v2/{kind.path}/{replied[kind.word]['id']}/replies"
        listed = remote.cc("GET", base).json
        _check(spec, "ReplyList", listed)
        assert set(listed["result"][0]) == _names(spec, "Reply")
        alone = remote.cc("GET", f"{base}/{listed['result'][0]['id']}").json
        assert (alone["result"] if kind.word == "question" else alone) == listed["result"][0]
    assert {"question", "conversation"} <= set(replied)


def test_what_orders_content_has_the_declared_shape(spec: dict[str, Any], remote: Remote) -> None:
    for path, name in (
        ("categories", "CategoryList"),
        ("ideas/ideaStatuses", "IdeaStatusList"),
        ("tags", "PublicTagList"),
        ("moderatorTags", "ModeratorTagList"),
        ("productAreas", "ProductAreaList"),
    ):
        found = remote.cc("GET", f"/v2/{path}").json
        assert found["result"]
        _check(spec, name, found)
    _check(spec, "Category", remote.cc("GET", "/v2/categories/2").json)
    tree = spec["paths"]["/category/getTree"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    found = remote.cc("GET", "/v2/category/getTree?module[]=community&module[]=knowledge-base").json
    assert [error.message for error in Draft202012Validator(tree).iter_errors(found)] == []
    assert set(found["result"]) == {"community", "knowledge-base"}
    node = tree["properties"]["result"]["additionalProperties"]["items"]["properties"]
    assert set(found["result"]["community"][0]["children"][0]) == set(node)


def _exercise(remote: Remote) -> Iterator[tuple[str, str, Any]]:
    text = {"title": "T", "content": "<p>C</p>", "categoryId": 2}
    author, moderator = "authorId=11", f"moderatorId={MODERATOR}"
    for path in ("topics", "topics/search?q=a", "categories", "categories/2", "categories/99", "categories/2/topics"):
        yield "GET", f"/v2/{path}", None
    for path in ("topics?page=101&pageSize=100", "topics?sort=age", "topics?pageSize=101", "categories?pageSize=0"):
        yield "GET", f"/v2/{path}", None
    for path in ("categories/getVisibleTopicsCount", "category/getTree", "category/getTree?module[]=community"):
        yield "GET", f"/v2/{path}", None
    for kind in BY_PATH.values():
        base = f"/v2/{kind.path}"
        yield "POST", f"{base}/{kind.verb}?{author}", text
        yield "POST", f"{base}/{kind.verb}?{author}", {}
        for id in ("1", "99999"):
            if kind.written:
                yield "POST", f"{base}/{id}/publish?{moderator}", None
            yield "POST", f"{base}/{id}/reply?{author}", text
            yield "POST", f"{base}/{id}/editContent?{author}", text
            yield "POST", f"{base}/{id}/editTitle?{author}", text
            yield "POST", f"{base}/{id}/toggleTrashed?{moderator}", {"trashed": False}
            yield "GET", f"{base}/{id}", None
            yield "GET", f"{base}/{id}/replies?sort=mostLiked", None
            replies = remote.cc("GET", f"{base}/{id}/replies").json.get("result")
            reply = replies[0]["id"] if replies else "1"
            yield "GET", f"{base}/{id}/replies/{reply}", None
            yield "GET", f"{base}/{id}/replies/1", None
            yield "POST", f"{base}/replies/{reply}/toggleTrashed?{moderator}", {"trashed": True}
            if kind.word == "question":
                yield "POST", f"{base}/replies/{reply}/answer?{author}", None
                yield "DELETE", f"{base}/replies/{reply}/answer?{author}", None
            yield "DELETE", f"{base}/{id}?{moderator}", None
        for more in ("", "?page=0", "/trashed", f"/trashed?{moderator}", "/drafts", f"/drafts?{moderator}"):
            if "drafts" not in more or kind.written:
                yield "GET", base + more, None
    yield "POST", f"/v2/ideas/createIdeaStatus?authorId={MODERATOR}", {"name": "Later", "type": "open"}
    yield "POST", f"/v2/ideas/createIdeaStatus?authorId={MODERATOR}", {}
    yield "POST", f"/v2/ideas/5/editIdeaStatus?authorId={MODERATOR}", {"visible": False}
    yield "POST", f"/v2/ideas/99/editIdeaStatus?authorId={MODERATOR}", {}
    for id, status in (("2", "5"), ("2", "77"), ("99999", "1")):
        yield "POST", f"/v2/ideas/{id}/assignIdeaStatus?{moderator}", {"ideaStatusId": status}
    yield "POST", f"/v2/tags/create?authorId={MODERATOR}", {"name": "new"}
    yield "POST", f"/v2/tags/create?authorId={MODERATOR}", {"name": "new"}


def test_every_status_is_declared(spec: dict[str, Any], remote: Remote) -> None:
    remote.cc("GET", "/user")
    remote.control("DELETE", "requests")
    for method, path, body in _exercise(remote):
        remote.cc(method, path, body)
    declared = {(m.upper(), f"/v2{p}", int(s)) for p, ops in spec["paths"].items() for m, op in ops.items()
                if isinstance(op, dict) for s in op.get("responses", {})}  # fmt: skip
    counted = remote.control("GET", "state")["counters"]
    seen = {(c["method"], c["route"], c["status"]) for c in counted if c["route"].startswith("/v2")}
    assert len(seen) > 90
    assert {entry for entry in seen if entry not in declared and entry[2] not in UNDECLARED} == set()


def test_every_route_is_declared(spec: dict[str, Any]) -> None:
    """The document is the list of what exists: a route here that it does not know would be an invention."""
    router = side.routes()
    operations = {(method.upper(), f"/v2{path}") for path, ops in spec["paths"].items() for method in ops}
    found = {match.pattern for method, path in operations if (match := router.find(method, path.strip("/").split("/")))}
    served = {pattern for pattern in router.patterns() if pattern.startswith("/v2")}
    assert len(served) > 60
    assert served - found == set()
