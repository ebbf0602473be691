"""A small client of somebody else's, made from the API references alone, works against the sandbox.

It knows nothing of the product: `http.client`, the documented routes, headers and shapes. What it finds here, a public
client of these APIs would find too.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from reconciler.sandbox import Sandbox, SandboxConfig

Answer = tuple[int, dict[str, str], Any]


class Plain:
    """One request, one connection."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(text) if text.strip() else None


class Community(Plain):
    """Client credentials, then `/api1/user…` or `/user…`."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url)
        self.prefix = prefix
        self.headers: dict[str, str] = {}

    def login(self, *, basic: bool = False, scope: str = "read write", secret: str = "sandbox-secret") -> Answer:
        form = {"grant_type": "client_credentials", "scope": scope}
        headers = {"Content_Type": "application/x-www-form-urlencoded"}
        if basic:
            headers["Authorization"] = "Basic " + base64.b64encode(f"sandbox-client:{secret}".encode()).decode()
        else:
            form |= {"client_id": "sandbox-client", "client_secret": secret}
        answer = self.call("POST", "/oauth2/token", urlencode(form).encode(), **headers)
        if answer[0] == 200:
            token = answer[2]
            self.headers = {"Authorization": f"{token['token_type']} {token['access_token']}"}
        return answer

    def user(self, method: str, path: str) -> Answer:
        return self.call(method, f"{self.prefix}/user{path}", None, **self.headers)


class Tenant(Plain):
    """Gainsight CS with an access key."""

    def post(self, path: str, body: object, key: str = "sandbox-access-key") -> Answer:
        return self.call("POST", path, json.dumps(body).encode(), Accesskey=key, Content_Type="application/json")

    def everything(self, name: str, fields: list[str], page: int) -> list[dict[str, Any]]:
        """All records, by keyset paging over the GSID."""
        found: list[dict[str, Any]] = []
        while True:
            body: dict[str, Any] = {"select": ["Gsid", *fields], "orderBy": {"Gsid": "asc"}, "limit": page}
            if found:
                after = {"name": "Gsid", "alias": "A", "value": [found[-1]["Gsid"]], "operator": "GT"}
                body["where"] = {"conditions": [after], "expression": "A"}
            status, _, data = self.post(f"/v1/data/objects/query/{name}", body)
            assert (status, data["result"]) == (200, True), data
            rows = data["data"]["records"]
            found += rows
            if len(rows) < page:
                return found


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(people=60, communities=1, quirks=False, rate_limit=True, per_minute=10_000)) as running:
        yield running


@pytest.fixture(params=["/api1", ""])
def community(sandbox: Sandbox, request: pytest.FixtureRequest) -> Community:
    client = Community(sandbox.cc_url, request.param)
    assert client.login()[0] == 200
    return client


@pytest.fixture
def tenant(sandbox: Sandbox) -> Tenant:
    return Tenant(sandbox.cs_url)


def _users(community: Community, size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, 100):
        status, _, data = community.user("GET", f"?_returnIterable=1&pageSize={size}&page={page}")
        assert status == 200
        found += data["users"]
        if len(data["users"]) < size:
            return found
    raise AssertionError("the list has no end")


def test_a_token_by_form_and_by_basic(sandbox: Sandbox) -> None:
    for basic in (False, True):
        status, _, token = Community(sandbox.cc_url, "").login(basic=basic)
        assert status == 200
        assert set(token) >= {"token_type", "access_token", "expires_in"}
        assert token["token_type"].lower() == "bearer"
    status, _, refused = Community(sandbox.cc_url, "").login(secret="wrong")
    assert (status, refused["error"]) == (401, "invalid_client")


def test_listing_reading_and_writing_a_user(community: Community) -> None:
    users = _users(community, 25)
    assert len({user["userid"] for user in users}) == len(users) == 60
    assert all("userprofilefields" not in user.get("_related", {}) for user in users), "a list has no profile values"
    user = users[7]["userid"]
    value = "VP of Sales & Ops/EMEA 50% ü"
    status, _, written = community.user("PUT", f"/{user}/profile_field/{quote('Job Title')}/{quote(value, safe='')}")
    assert status == 200
    assert {field["name"]: field["NormalizedValue"] for field in written["result"]["profileFields"]}[
        "Job Title"
    ] == value
    status, _, read = community.user("GET", f"/{user}")
    fields = {field["profilefield_name"]: field["value"] for field in read["_related"]["userprofilefields"]}
    assert (status, fields["Job Title"]) == (200, value)
    assert community.user("DELETE", f"/{user}/profile_field/{quote('Job Title')}")[0] == 200
    _, _, read = community.user("GET", f"/{user}")
    assert "Job Title" not in {field["profilefield_name"] for field in read["_related"]["userprofilefields"]}


def test_the_list_without_the_iterable_switch_is_an_object_of_users(community: Community) -> None:
    status, _, data = community.user("GET", "?pageSize=3&page=1")
    assert status == 200
    assert data.pop("statistics")["count"] >= 3
    assert len(data) == 3
    assert all("userid" in user for user in data.values())


def test_finding_a_user_by_e_mail(community: Community) -> None:
    user = _users(community, 100)[3]
    status, _, found = community.user("GET", f"/email/{quote(user['email'], safe='')}")
    assert status == 200
    assert (found["result"]["userid"], found["result"]["email"]) == (user["userid"], user["email"])


def test_a_missing_user_and_a_missing_field_are_both_404(community: Community) -> None:
    user = _users(community, 100)[0]["userid"]
    assert community.user("PUT", "/99999999/profile_field/Country/x")[0] == 404
    assert community.user("PUT", f"/{user}/profile_field/{quote('No such field')}/x")[0] == 404
    assert community.user("GET", "/99999999")[0] == 404
    assert community.user("GET", f"/{user}")[0] == 200


def test_without_a_token_nothing_is_answered(community: Community) -> None:
    assert community.call("GET", f"{community.prefix}/user?_returnIterable=1")[0] == 401
    assert community.call("GET", f"{community.prefix}/user", Authorization="Bearer made-up")[0] == 401


def _content(community: Community, path: str) -> list[dict[str, Any]]:
    """All pages of a list under /v2, until one is short."""
    found: list[dict[str, Any]] = []
    join = "&" if "?" in path else "?"
    for page in range(1, 100):
        status, _, data = community.call("GET", f"/v2{path}{join}pageSize=25&page={page}", **community.headers)
        assert status == 200
        found += data["result"]
        if len(data["result"]) < 25:
            return found
    raise AssertionError("the list has no end")


def test_topics_of_all_kinds_and_their_replies(community: Community) -> None:
    topics = _content(community, "/topics")
    assert len({topic["publicId"] for topic in topics}) == len(topics) > 100
    questions = _content(community, "/topics?contentTypes[]=question")
    assert {topic["id"] for topic in questions} == {topic["id"] for topic in _content(community, "/questions")}
    assert {topic["contentType"] for topic in questions} == {"question"}
    for topic in questions[:10]:
        replies = _content(community, f"/questions/{topic['id']}/replies")
        assert len(replies) == topic["replyCount"]
        status, _, data = community.call("GET", f"/v2/questions/{topic['id']}", **community.headers)
        single = data.get("result", data)
        assert (status, single["publicId"], single["title"]) == (200, topic["publicId"], topic["title"])
        assert single["answer"] in {"", *(reply["id"] for reply in replies)}
    since = sorted(topic["lastActivityAt"] for topic in topics)[-20][:10]
    recent = _content(community, f"/topics?lastActivityAt[from]={since}")
    assert 20 <= len(recent) < len(topics)
    named = {category["id"] for category in _content(community, "/categories")}
    assert {topic["categoryId"] for topic in topics} - {""} <= named


def test_asking_a_question_and_answering_it(community: Community) -> None:
    body = json.dumps({"title": "How?", "content": "<p>Like this?</p>", "categoryId": 2, "tags": ["api"]}).encode()
    status, headers, made = community.call("POST", "/v2/questions/ask?authorId=11", body, **community.headers)
    assert (status, headers["location"].split("/")[3]) == (201, made["id"])
    reply = json.dumps({"content": "<p>Yes.</p>"}).encode()
    path = f"/v2/questions/{made['id']}"
    status, headers, _ = community.call("POST", f"{path}/reply?authorId=12", reply, **community.headers)
    assert status == 201
    answer = headers["location"].split("/")[5]
    assert community.call("POST", f"/v2/questions/replies/{answer}/answer?authorId=11", **community.headers)[0] == 204
    assert community.call("GET", path, **community.headers)[2]["result"]["answer"] == answer


def test_content_needs_a_scope(sandbox: Sandbox) -> None:
    client = Community(sandbox.cc_url, "")
    assert client.login(scope="")[0] == 200
    assert client.user("GET", "/12")[0] == 200
    assert client.call("GET", "/v2/topics", **client.headers)[0] == 401


def test_keyset_paging_reads_every_record_once(tenant: Tenant) -> None:
    for page in (7, 60, 5_000):
        rows = tenant.everything("company_person", ["Title", "Person_ID__gr.Email"], page)
        assert len({row["Gsid"] for row in rows}) == len(rows) == 60
    assert {row["Email"] for row in tenant.everything("person", ["Email"], 100)} == {
        row["Person_ID__gr.Email"] for row in rows
    }


def test_the_envelope_of_errors(tenant: Tenant) -> None:
    status, _, data = tenant.post("/v1/data/objects/query/person", {"select": ["Nonsense"]})
    assert status == 400
    assert data["result"] is False
    assert {"errorCode", "errorDesc"} <= set(data)
    status, _, data = tenant.post("/v1/data/objects/query/person", {"select": ["Gsid"]}, key="wrong")
    assert (status, data["result"]) == (401, False)
    status, _, data = tenant.post("/v1/data/objects/query/person", {"select": ["Gsid"], "limit": 5_001})
    assert status == 400


def test_describing_objects_and_their_lookups(tenant: Tenant) -> None:
    key = "sandbox-access-key"
    status, _, listed = tenant.call("GET", "/v1/meta/services/objects/list?po=company&em=false", Accesskey=key)
    assert status == 200
    assert {"person", "company_person", "company"} <= {item["objectName"] for item in listed["data"]}
    flags = "ic=false&cl=0&idd=false&ihc=false&piec=false"
    status, _, described = tenant.call("GET", f"/v1/meta/services/objects/company/describe?{flags}", Accesskey=key)
    assert status == 200
    item = described["data"][0] if isinstance(described["data"], list) else described["data"]
    fields = {field["fieldName"]: field for field in item["fields"]}
    assert fields["Csm"]["dataType"] == "LOOKUP"
    parent = fields["ParentCompany"]
    assert (parent["dataType"], parent["meta"]["hasLookup"], parent["meta"]["selfLookup"]) == ("GSID", False, True)
    assert {option["label"] for option in fields["Stage"]["options"]} >= {"Launched", "Churn"}


def test_inserts_are_all_or_nothing_and_at_most_fifty(tenant: Tenant) -> None:
    path = "/v1/data/objects/Training__gc"
    before = len(tenant.everything("Training__gc", ["Name"], 1_000))
    good = [{"Name": f"T{number}"} for number in range(50)]
    assert tenant.post(path, {"records": [*good[:10], {"Name": "bad", "Score": "many"}]})[0] == 400
    assert len(tenant.everything("Training__gc", ["Name"], 1_000)) == before
    assert tenant.post(path, {"records": [*good, good[0]]})[0] == 400
    assert tenant.post(path, {"records": good})[0] == 200
    assert len(tenant.everything("Training__gc", ["Name"], 1_000)) == before + 50
