"""The Gainsight CS client against servers that answer as the API does, and as it does not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.base import Row
from reconciler.connectors.gainsight_cs import query
from reconciler.connectors.gainsight_cs.client import CsClient, base_url
from reconciler.model.resources import CS_RATE_LIMIT, CsConnection, SecretRef
from tests.connectors.servers import (
    Answer,
    CountingBudget,
    FakeClock,
    Handler,
    Request,
    client,
    in_turn,
    reply,
    serving,
)

KEY = "canary-key-51ab"


def connection(**changes: Any) -> CsConnection:
    settings: dict[str, Any] = {
        "name": "acme-cs",
        "domain": "acme.gainsightcloud.com",
        "base_url": None,
        "access_key": SecretRef(source="env", name="KEY"),
        "sso": True,
        "active": True,
        "rate_limit": CS_RATE_LIMIT,
        "concurrency": 4,
    }
    return CsConnection(**{**settings, **changes})


def cs(url: str, **options: Any) -> CsClient:
    clock = options.setdefault("clock", FakeClock())
    return CsClient(connection(), KEY, http=client(url, **options), clock=clock)


def good(data: object, **more: object) -> bytes:
    return reply(body={"result": True, "errorCode": None, "errorDesc": None, "requestId": "r", "data": data, **more})


def bad(code: str | None, status: int = 400, desc: str = "secret value 42", **more: object) -> bytes:
    body = {"result": False, "errorCode": code, "errorDesc": desc, "requestId": "r", "data": None, **more}
    return reply(status, body)


def read_all(
    handler: Handler, fields: Sequence[str] = ("Gsid",), name: str = "Person"
) -> tuple[list[Row], list[Request]]:
    with serving(handler) as server, closing(cs(server.url)) as source:
        rows = [row for page in source.read(name, fields) for row in page]
    return rows, server.requests


def test_where_a_tenant_is() -> None:
    assert base_url(connection()) == "https://acme.gainsightcloud.com"
    assert base_url(connection(base_url="http://127.0.0.1:9")) == "http://127.0.0.1:9"


# ---- reading records


@pytest.mark.parametrize("data", [5, {"records": 5}, [5], {"records": [None]}, [[]]])
def test_a_malformed_answer_ends_the_reading_and_says_what_to_do(data: Any) -> None:
    with pytest.raises(errors.RemoteMalformed) as caught:
        read_all(lambda _: good(data))
    assert "person" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "answer", [good(5), good([5]), reply(400, {"result": False, "title": "OBJECT_NOT_FOUND", "errorDesc": "x"})]
)
def test_so_does_a_tenant_that_does_not_list_its_objects(answer: Answer) -> None:
    with (
        serving(lambda _: answer) as server,
        closing(cs(server.url)) as source,
        pytest.raises(errors.RemoteError) as caught,
    ):
        source.describe(["Community Topic"])
    assert caught.value.hint


def records(count: int) -> list[dict[str, Any]]:
    return [{"Gsid": f"1P01{number:08}", "Email": f"p{number}@x.example", "Title": None} for number in range(count)]


def tenant(people: list[dict[str, Any]], shape: str = "records", empty: str = "list") -> Handler:
    """A server that pages by key, exactly as it is asked."""

    def handler(request: Request) -> Answer:
        asked = request.json()
        after = asked["where"]["conditions"][0]["value"][0] if "where" in asked else ""
        found = [one for one in people if one["Gsid"] > after][: asked["limit"]]
        if not found and empty == "result_false":
            return reply(
                200, {"result": False, "errorCode": "GSOBJ_1XXX", "errorDesc": "No data found for given criteria"}
            )
        if not found and empty == "400":
            return bad("GSOBJ_1011")
        rows = [{name: one[name] for name in asked["select"]} for one in found]
        return good({"records": rows} if shape == "records" else rows)

    return handler


@pytest.mark.parametrize("shape", ["records", "list"])
@pytest.mark.parametrize("empty", ["list", "result_false", "400"])
@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (4999, 1), (5000, 2), (5001, 2), (12_345, 3)])
def test_every_record_comes_once(shape: str, empty: str, count: int, calls: int) -> None:
    people = records(count)
    rows, requests = read_all(tenant(people, shape, empty), ("Email", "Title"))
    assert rows == [(one["Email"], None) for one in people]
    assert len(requests) == calls


def test_what_is_asked_for() -> None:
    with serving(lambda _: good({"records": []})) as server, closing(cs(server.url)) as source:
        assert list(source.read("Company Person", ["Person_ID__gr.Email", "Title"])) == []
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/v1/data/objects/query/company_person")
    assert request.headers["accesskey"] == KEY
    assert request.json() == {
        "select": ["Person_ID__gr.Email", "Title", "Gsid"],
        "orderBy": {"Gsid": "asc"},
        "limit": 5000,
        "offset": 0,
    }


def test_the_next_page_starts_after_the_last_key() -> None:
    _, requests = read_all(tenant(records(5001)))
    condition = {"name": "Gsid", "alias": "A", "value": ["1P0100004999"], "operator": "GT"}
    assert requests[1].json()["where"] == {"conditions": [condition], "expression": "A"}


def test_answers_spell_names_as_they_like() -> None:
    found = [{"GSID": "1", "person_id__gr.email": "a@x"}, {"person_id__gr.EMAIL": "b@x", "Gsid": "2"}]
    rows, _ = read_all(in_turn([good({"records": found})]), ("Person_ID__gr.Email", "gsid"), "company_person")
    assert rows == [("a@x", "1"), ("b@x", "2")]


@pytest.mark.parametrize(
    "second",
    [{"Gsid": "2"}, {"Gsid": "2", "Titles": "x"}, {"Email": "x", "Title": "y"}],
    ids=["gone", "renamed", "no key"],
)
def test_a_field_that_does_not_come_is_not_a_null(second: dict[str, Any]) -> None:
    with pytest.raises(errors.RemoteMalformed, match=r"person came without the field (Title|Gsid)"):
        read_all(in_turn([good({"records": [{"Gsid": "1", "Title": "x"}, second]})]), ("Title",))


@pytest.mark.parametrize(
    "data",
    [
        {"records": None}, {"records": {}}, {"rows": []}, {"records": "none"}, "text", 5, True, [[1, 2]], [None],
        {"records": [[["Gsid", "1"]]]}, {"records": ["1"]}, [{"Gsid": 5}], [{"Gsid": None}], [{"Gsid": ""}],
    ],
)  # fmt: skip
def test_records_of_another_shape_are_refused(data: object) -> None:
    with pytest.raises(errors.RemoteMalformed):
        read_all(in_turn([good(data)]))


def looping(pages: Callable[[int], list[str]]) -> Handler:
    return lambda request: good({"records": [{"Gsid": key} for key in pages(request.number)]})


def keys(start: int, count: int = query.PAGE) -> list[str]:
    return [f"K{number:09}" for number in range(start, start + count)]


@pytest.mark.parametrize(
    "pages",
    [
        lambda _: keys(0),
        lambda number: keys((number % 2) * query.PAGE),
        lambda number: keys(number * (query.PAGE - 1)),
        lambda _: list(reversed(keys(0))),
        lambda _: ["K1", "K1"],
        lambda number: keys(0) if number == 1 else ["K000004999"],
    ],
    ids=["same page", "two pages in turn", "overlap", "descending", "twice", "last key again"],
)
def test_pages_that_do_not_move_on_are_refused(pages: Callable[[int], list[str]]) -> None:
    with pytest.raises(errors.RemoteMalformed, match="order of their Gsid"):
        read_all(looping(pages))


@settings(max_examples=60)
@given(st.lists(st.text("AB01", min_size=1, max_size=4), min_size=1, max_size=30))
def test_ascending_keys_are_read_and_no_others(found: list[str]) -> None:
    pages = query.pages(lambda _: [{"Gsid": key} for key in found], "thing", ["Gsid"])
    if all(before < after for before, after in itertools.pairwise(found)):
        assert [row for page in pages for row in page] == [(key,) for key in found]
    else:
        with pytest.raises(errors.RemoteMalformed):
            list(pages)


# ---- the envelope


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (bad("GS_APIG_2401", 401), "access key"),
        (bad("GS_APIG_2401", 200), "access key"),
        (bad("GSOBJ_1024"), "access key"),
        (reply(401, b"<html>", kind="text/html"), "access key"),
        (bad("GS_APIG_2402", 403), "allow-list"),
        (bad("GS_APIG_2402", 400), "allow-list"),
        (reply(403, b""), "allow-list"),
    ],
)
def test_refused_credentials_say_what_to_look_at(answer: bytes, hint: str) -> None:
    with pytest.raises(errors.AuthenticationFailed) as caught:
        read_all(in_turn([answer]))
    assert hint in str(caught.value.hint)
    assert KEY not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (bad("GSOBJ_VCRUDR1002"), "GSOBJ_VCRUDR1002", 400),
        (bad("GSOBJ_1002", 200), "GSOBJ_1002", 200),
        (bad("GS_APIG_1000", 404), "GS_APIG_1000", 404),
        (bad("rm -rf / " * 9), None, 400),
        (bad(None, 400), None, 400),
        (reply(404, b"<html>nothing</html>", kind="text/html"), None, 404),
        (reply(400, {"result": False, "title": "OBJECT_NOT_FOUND", "errorDesc": "x"}), "OBJECT_NOT_FOUND", 0),
    ],
)
def test_a_refusal_keeps_its_code_and_nothing_of_the_text(answer: bytes, code: str | None, status: int) -> None:
    with pytest.raises(errors.RemoteRefused) as caught:
        read_all(in_turn([answer]))
    assert (caught.value.code, caught.value.status) == (code, status)
    assert "42" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("status", [429, 400, 200])
def test_too_many_calls_are_waited_out_under_any_status(status: int) -> None:
    budget = CountingBudget()
    answers = [bad("GU_2400", status), good({"records": [{"Gsid": "1"}]})]
    with serving(in_turn(answers)) as server, closing(cs(server.url, budget=budget)) as source:
        assert list(source.read("Person", ["Gsid"])) == [[("1",)]]
    assert (budget.throttles, budget.acquired, source.calls) == ([None], 2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, []), reply(200, "x"), reply(200, {"data": []}), reply(200, {"result": "yes", "data": []}), reply(200, b""),
        reply(200, b"<html>", kind="text/html"), reply(200, b'{"result": true, "data": {"records": ['),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_envelope_is_refused(answer: bytes) -> None:
    with pytest.raises(errors.RemoteMalformed):
        read_all(in_turn([answer]))


def test_an_internal_error_is_tried_again() -> None:
    rows, requests = read_all(in_turn([bad("GU_1101", 500), good({"records": [{"Gsid": "1"}]})]))
    assert (rows, len(requests)) == ([("1",)], 2)


# ---- metadata


def described(name: str, label: str, *fields: str) -> dict[str, Any]:
    return {
        "objectName": name,
        "label": label,
        "fields": [{"fieldName": one, "label": one.upper(), "dataType": "STRING", "meta": {}} for one in fields],
    }


OBJECTS = {
    one["objectName"]: one
    for one in (
        described("person", "Person", "Gsid", "Email"),
        described("company_person", "Company Person", "Gsid", "Title"),
        described("visit__gc", "Site Visit", "Gsid"),
    )
}


def metadata(request: Request) -> Answer:
    """List, describe many and describe one."""
    if request.target == "/v1/meta/services/objects/list":
        return good([{"objectName": name, "label": one["label"]} for name, one in OBJECTS.items()])
    if request.method == "POST":
        asked = request.json()["objectNames"]
        missing = [name for name in asked if name not in OBJECTS]
        return not_found() if missing else good([OBJECTS[name] for name in asked])
    found = re.fullmatch(r"/v1/meta/services/objects/(\w+)/describe\?.*", request.target)
    assert found
    return good(OBJECTS[found[1]]) if found[1] in OBJECTS else not_found()


def not_found() -> bytes:
    return reply(400, {"result": False, "title": "OBJECT_NOT_FOUND", "detail": "…", "errorDesc": "…"})


def test_the_catalog_is_one_call() -> None:
    with serving(metadata) as server, closing(cs(server.url)) as source:
        catalog = source.catalog()
    assert catalog.connection == "acme-cs"
    assert {label: (one.name, list(one.fields)) for label, one in catalog.objects.items()} == {
        "Person": ("person", ["Gsid", "Email"]),
        "Company Person": ("company_person", ["Gsid", "Title"]),
    }
    assert len(server.requests) == 1
    assert server.requests[0].json()["populatePickListOptions"] == "true"


def test_other_objects_are_found_by_label_or_name() -> None:
    with serving(metadata) as server, closing(cs(server.url)) as source:
        found = source.describe(["Person", "site visit", "visit__gc", "Nonsense"])
    assert {label: one.name for label, one in found.items()} == {
        "Person": "person",
        "site visit": "visit__gc",
        "visit__gc": "visit__gc",
    }
    assert [request.method for request in server.requests] == ["GET", "POST"]


def test_one_unknown_object_does_not_hide_the_others() -> None:
    with serving(metadata) as server, closing(cs(server.url)) as source:
        found = source.describe(["Person", "Company Person", "Relationship"])
    assert sorted(found) == ["Company Person", "Person"]


@pytest.mark.parametrize(
    "data", [None, "x", [1], [{"objectName": "person", "fields": None}], [{"objectName": "person", "fields": [3]}]]
)
def test_metadata_of_another_shape_is_refused(data: object) -> None:
    with (
        serving(in_turn([good(data)])) as server,
        closing(cs(server.url)) as source,
        pytest.raises(errors.RemoteMalformed),
    ):
        source.catalog()


# ---- connections test


def healthy(request: Request) -> Answer:
    return good({"records": []}) if "/query/" in request.target else metadata(request)


def dated(date: str) -> Handler:
    def handler(request: Request) -> Answer:
        answer = healthy(request)
        assert isinstance(answer, bytes)
        return answer.replace(b"\r\n", f"\r\nDate: {date}\r\n".encode(), 1)

    return handler


def checks(handler: Handler) -> dict[str, tuple[bool, str, str]]:
    with serving(handler) as server, closing(cs(server.url, attempts=1)) as source:
        found = {check.name: (check.ok, check.detail, check.hint) for check in source.check()}
    assert not {request.method for request in server.requests} - {"GET", "POST"}
    assert all("query" in r.target or "describe" in r.target for r in server.requests if r.method == "POST")
    return found


def test_a_connection_that_works() -> None:
    found = checks(dated("Sun, 22 Nov 2026 12:00:03 GMT"))
    assert all(ok for ok, _, _ in found.values()), found
    assert list(found) == ["reachable", "credentials", "rate limit", "clock", "allow-list", "metadata", "records"]
    assert found["clock"][1].startswith("-3 s")
    assert found["rate limit"][1].startswith("100 calls a minute, 50,000 calls a day")


@pytest.mark.parametrize(
    ("handler", "failing", "hint"),
    [
        (in_turn([bad("GS_APIG_2401", 401)]), "credentials", "access key"),
        (in_turn([bad("GS_APIG_2402", 403)]), "credentials", "allow-list"),
        (in_turn([reply(503)]), "reachable", "try again"),
        (in_turn([None]), "reachable", "network"),
        (in_turn([reply(301)]), "reachable", "domain"),
        (in_turn([reply(200, b"<html>", kind="text/html")]), "reachable", "domain"),
        (lambda r: good([]) if "/list" in r.target else bad("GSOBJ_1002"), "metadata", "catalog diff"),
        (lambda r: bad("GSOBJ_1002") if "/query/" in r.target else metadata(r), "records", "catalog diff"),
        (dated("Sun, 22 Nov 2026 11:00:00 GMT"), "clock", "clock"),
    ],
)
def test_a_problem_is_a_check_with_a_hint(handler: Handler, failing: str, hint: str) -> None:
    ok, detail, said = checks(handler)[failing]
    assert not ok
    assert detail
    assert hint in said


def test_an_access_key_that_cannot_be_one() -> None:
    http = client("http://127.0.0.1:9")
    with pytest.raises(errors.AuthenticationFailed, match="acme-cs"):
        CsClient(connection(), f"{KEY}\n", http=http, clock=FakeClock())
    http.close()
