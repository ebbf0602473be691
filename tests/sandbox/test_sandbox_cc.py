"""Customer Communities: tokens, both prefixes, raw paths, user shapes, writes, roles and badges."""

from __future__ import annotations

import base64
import contextlib
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.sandbox_client import FORM, Remote

TOKEN = "/oauth2/token"
GRANT = "grant_type=client_credentials"


def _profile(remote: Remote, userid: int) -> dict[str, str]:
    found = remote.cc("GET", f"/user/{userid}").json["_related"]["userprofilefields"]
    return {item["profilefield_name"]: item["value"] for item in found}


@pytest.fixture
def userid(remote: Remote) -> int:
    return int(remote.cc("GET", "/user?_returnIterable=1&pageSize=1&page=5").json["users"][0]["userid"])


def test_tokens_by_form_or_basic(remote: Remote) -> None:
    form = f"{GRANT}&client_id=sandbox-client&client_secret=sandbox-secret&scope=write+read"
    answer = remote.send("cc", "POST", TOKEN, form.encode(), {"Content-Type": FORM}).json
    assert set(answer) == {"token_type", "access_token", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 7200)
    basic = {"Authorization": "Basic " + base64.b64encode(b"sandbox-client:sandbox-secret").decode()}
    assert remote.send("cc", "POST", TOKEN, GRANT.encode(), basic).status == 200


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        (f"{GRANT}&client_id=sandbox-client&client_secret=no", 401, "invalid_client"),
        (f"{GRANT}&client_id=sandbox-client-9&client_secret=sandbox-secret", 401, "invalid_client"),
        ("grant_type=password&client_id=sandbox-client&client_secret=sandbox-secret", 400, "unsupported_grant_type"),
        (f"{GRANT}&client_id=sandbox-client&client_secret=sandbox-secret&scope=all", 400, "invalid_scope"),
        ("", 401, "invalid_client"),
        ("%FF=%FF", 400, None),
    ],
)
def test_refused_tokens(remote: Remote, form: str, status: int, code: str | None) -> None:
    answer = remote.send("cc", "POST", TOKEN, form.encode(), {"Content-Type": FORM})
    assert (answer.status, answer.json.get("error")) == (status, code)


def test_scopeless_tokens_read_users_but_no_content(remote: Remote) -> None:
    for scope, expected in (("", 401), ("write", 401), ("read", 200)):
        headers = {"Authorization": f"Bearer {remote.token(scope=scope)}"}
        assert remote.send("cc", "GET", "/user?pageSize=1", headers=headers).status == 200
        assert remote.send("cc", "GET", "/v2/topics", headers=headers).status == expected


def test_content_that_is_not_served_says_so(remote: Remote) -> None:
    for method, path in (("GET", "/v2/events"), ("POST", "/v2/questions/1/like"), ("GET", "/v2/webhooks")):
        answer = remote.cc(method, path)
        assert (answer.status, answer.json["message"]) == (501, "Not Implemented")
        assert path in answer.json["description"]
    assert remote.send("cc", "GET", "/v2/events").status == 401


def test_tokens_expire_and_are_needed(remote: Remote) -> None:
    assert remote.cc("GET", "/user?pageSize=1").status == 200
    remote.control("POST", "clock", {"advance": 7_201})
    expired = remote.cc("GET", "/user?pageSize=1")
    assert (expired.status, expired.json) == (401, {"message": "Unauthorized"})
    assert remote.send("cc", "GET", "/user").status == 401


def test_the_client_decides_the_community(remote: Remote) -> None:
    state = remote.control("GET", "state")["members"]
    for number in (1, 2):
        assert len(remote.members(number)) == state[str(number)]
    first, second = ({m["email"] for m in remote.members(number)} for number in (1, 2))
    assert first != second


def test_lists_in_both_shapes_and_under_both_prefixes(remote: Remote) -> None:
    path = "/user?pageSize=3&page=2&page_size=9&limit=1"
    iterable = remote.cc("GET", f"/api1{path}&_returnIterable=true").json
    keyed = remote.cc("GET", path).json
    assert [keyed[key] for key in ("0", "1", "2")] == iterable["users"]
    assert keyed["statistics"] == iterable["statistics"] == {"count": len(remote.members())}
    assert "userprofilefields" not in iterable["users"][0]["_related"]
    assert len(remote.cc("GET", "/user?_returnIterable=1").json["users"]) == 25
    assert remote.cc("GET", "/user?_returnIterable=1&page=900").json["users"] == []
    assert remote.cc("GET", "/user?pageSize=101").status == 422
    assert remote.cc("GET", "/user?page=0").status == 422


def test_pages_cover_every_member_once_and_the_order_can_shift(remote: Remote) -> None:
    ids = [member["userid"] for member in remote.members()]
    assert ids == sorted(set(ids))
    remote.control("POST", "switches", {"list_order": "shift"})
    assert [m["userid"] for m in remote.members()] != ids


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("filter[userid][]=12&filter[userid][]=14", lambda u: u["userid"] in (12, 14)),
        ("filter%5Buserid%5D%5B%5D=12", lambda u: u["userid"] == 12),
        ("filter[roles.rolename][]=Customer", lambda u: "Customer" in [r["itemname"] for r in u["_related"]["roles"]]),
        ("filter[badges.badgeid][]=1", lambda u: u["_related"]["badgesCount"] == 1),
        ("filter[joindate][from]=2025-06-01", lambda u: u["joindate"] >= 1_748_736_000),
        ("filter[joindate][to]=2025-05-31", lambda u: u["joindate"] < 1_748_736_000),
        ("filter[lastactivity][from]=2026-09-01", lambda u: u["lastactivity"] >= 1_788_220_800),
    ],
)
def test_filters(remote: Remote, query: str, holds: Any) -> None:
    expected = [member["userid"] for member in remote.members() if holds(member)]
    found = remote.cc("GET", f"/user?_returnIterable=1&pageSize=100&{query}").json
    assert [user["userid"] for user in found["users"]] == expected[:100]
    assert found["statistics"]["count"] == len(expected) > 0


def test_bad_filters_get_an_answer(remote: Remote) -> None:
    assert remote.cc("GET", "/user?filter[joindate][from]=soon").status == 400
    assert remote.cc("GET", "/user?_returnIterable=1&filter[userid][]=x").json["users"] == []


def test_one_member_three_shapes(remote: Remote, userid: int) -> None:
    user = remote.cc("GET", f"/api1/user/{userid}").json
    assert user["userid"] == userid
    assert isinstance(user["joindate"], int)
    for field, value in (("email", user["email"].upper()), ("username", user["username"]), ("userid", str(userid))):
        found = remote.cc("GET", f"/api1/user/{field}/{quote(value, safe='')}").json
        assert (found["result"]["userid"], found["userid"]) == (userid, userid)
        assert found["result"]["joindate"].endswith("+00:00")
    for shape, keys in (("result", {"result"}), ("bare", set(found["result"]))):
        remote.control("POST", "switches", {"find_shape": shape})
        assert set(remote.cc("GET", f"/user/userid/{userid}").json) == keys


@pytest.mark.parametrize(
    "path", ["/user/0", "/user/x", "/user/-1", "/user/" + "9" * 40, "/user/phone/1", "/nothing", "/user/٣"]
)
def test_what_is_not_there_is_404(remote: Remote, path: str) -> None:
    answer = remote.cc("GET", quote(path))
    assert (answer.status, answer.json) == (404, {"message": "Not Found"})


VALUES = [
    "a/b",
    "50%",
    "ü é 日本",
    "a?b#c",
    "a+b",
    "a;b",
    " leading",
    "a%2Fb",
    "x" * 3_000,
    "'; DROP TABLE member; --",
    "\t\x00",
]


@pytest.mark.parametrize("value", VALUES)
def test_values_arrive_as_sent(remote: Remote, userid: int, value: str) -> None:
    path = f"/api1/user/{userid}/profile_field/Job%20Title/{quote(value, safe='')}"
    echoed = {item["name"]: item["NormalizedValue"] for item in remote.cc("PUT", path).json["result"]["profileFields"]}
    assert echoed["Job Title"] == _profile(remote, userid)["Job Title"] == value
    assert remote.control("GET", f"cc/1/members/{userid}")["profile"]["Job Title"] == value


def test_paths_that_address_nothing_change_nothing(remote: Remote, userid: int) -> None:
    before = remote.control("GET", "state")["last_write"]
    base = f"/user/{userid}/profile_field"
    for path in (f"{base}/Job%20Title/", f"{base}/", f"{base}", f"{base}/Job%20Title", f"{base}/Job%20Title/a/b"):
        assert remote.cc("PUT", path).status == 404
    assert remote.cc("PUT", f"{base}/Job%20Title/%FF%FE").status == 400
    assert remote.control("GET", "state")["last_write"] == before


def test_encoded_slashes_can_be_refused(remote: Remote, userid: int) -> None:
    remote.control("POST", "switches", {"encoded_slash": "404"})
    assert remote.cc("PUT", f"/user/{userid}/profile_field/City/a%2Fb").status == 404
    assert remote.cc("PUT", f"/user/{userid}/profile_field/City/ab").status == 200


def test_a_missing_field_and_a_missing_member_look_alike(remote: Remote, userid: int) -> None:
    field = remote.cc("PUT", f"/user/{userid}/profile_field/Support%20Tier/Gold")
    user = remote.cc("PUT", "/user/999999/profile_field/City/Leeds")
    assert (field.status, field.body) == (user.status, user.body) == (404, b'{"message":"Not Found"}')
    assert remote.cc("PUT", f"/user/{userid}/profile_field/city/Leeds").status == 404
    remote.control("POST", "switches", {"field_name_case": "ignore"})
    assert remote.cc("PUT", f"/user/{userid}/profile_field/city/Leeds").status == 200


def test_clearing_keeps_the_definition(remote: Remote, userid: int) -> None:
    path = f"/user/{userid}/profile_field/City"
    remote.cc("PUT", f"{path}/Leeds")
    assert remote.cc("DELETE", path).status == 200
    assert "City" not in _profile(remote, userid)
    assert remote.cc("PUT", f"{path}/York").status == 200
    assert remote.cc("DELETE", f"/user/{userid}/profile_field/Nothing").status == 404


def test_validation_is_a_switch(remote: Remote, userid: int) -> None:
    path = f"/user/{userid}/profile_field/Region/Moon"
    remote.cc("PUT", f"/user/{userid}/profile_field/Region/EMEA")
    remote.control("POST", "switches", {"profile_validation": "drop", "max_value_length": 5})
    assert remote.cc("PUT", path).status == 200
    assert _profile(remote, userid)["Region"] == "EMEA"
    remote.control("POST", "switches", {"profile_validation": "reject"})
    assert remote.cc("PUT", path).status == 400
    assert remote.cc("PUT", f"/user/{userid}/profile_field/City/Nottingham").status == 400
    remote.control("POST", "switches", {"profile_validation": "off"})
    assert remote.cc("PUT", path).status == 200


def test_user_fields(remote: Remote, userid: int) -> None:
    assert remote.cc("PUT", f"/user/{userid}/oauth2_sso_id/sso-7").status == 200
    assert remote.cc("GET", "/user/oauth2_sso_id/sso-7").json["userid"] == userid
    assert remote.cc("PUT", f"/user/{userid}/email/fresh@x.example").json["result"]["email"] == "fresh@x.example"
    assert remote.cc("GET", "/user/email/FRESH@x.example").json["userid"] == userid
    other = next(member for member in remote.members() if member["userid"] != userid)
    assert remote.cc("PUT", f"/user/{userid}/email/{other['email']}").status == 400
    assert remote.cc("PUT", f"/user/{userid}/userid/9").status == 404


def test_register_and_erase(remote: Remote) -> None:
    data: dict[str, Any] = {"email": "reg@x.example", "username": "reg ister", "password": "asd123"}
    data["profile_field"] = {"3": "Leeds"}
    user = remote.cc("POST", "/api1/user/register", {"data": data}).json["user"]
    assert set(user) == {"userid", "email", "username", "rank", "joindate", "sso"}
    assert _profile(remote, user["userid"]) == {"City": "Leeds"}
    again = remote.cc("POST", "/user/register", {"data": data | {"password": "aaaaaa"}})
    assert (again.status, set(again.json["errors"])) == (400, {"email", "username", "password"})
    assert again.json["errors"]["email"] == ["E-mail address already exists"]
    assert remote.cc("DELETE", f"/user/{user['userid']}/erase").status == 202
    assert remote.cc("GET", f"/user/{user['userid']}").status == 404
    assert user["userid"] not in [member["userid"] for member in remote.members()]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", {"data": []}, {"data": {"email": 1, "profile_field": []}}])
def test_bad_registrations(remote: Remote, body: Any) -> None:
    assert remote.cc("POST", "/user/register", body).status == 400


def test_roles(remote: Remote, userid: int) -> None:
    def roles() -> set[str]:
        return set(remote.control("GET", f"cc/1/members/{userid}")["roles"])

    done = remote.cc("POST", f"/user/{userid}/role", {"data": {"user_role": ["Partner", "roles.moderator"]}})
    assert (done.status, done.body) == (200, b"Done")
    assert roles() >= {"Partner", "roles.moderator"}
    assert "roles.registered" not in roles()
    assert remote.cc("GET", f"/user/{userid}").json["is_moderator"] == 1
    assert remote.cc("DELETE", f"/user/{userid}/role/Partner").status == 204
    assert remote.cc("DELETE", f"/user/{userid}/role/Partner").status == 422
    assert remote.cc("DELETE", f"/user/{userid}/role/Nobody").status == 404
    bulk = {"data": {"userIds": [userid, 12], "roleIds": [13]}}
    assert remote.cc("POST", "/user/bulk/role", bulk).status == 204
    assert "Beta Tester" in roles()
    assert remote.cc("DELETE", "/user/bulk/role", bulk).status == 204
    assert "Beta Tester" not in roles()
    assert remote.cc("POST", "/user/bulk/role", {"data": {"userIds": [userid, 0], "roleIds": [13]}}).status == 404
    assert "Beta Tester" not in roles()


def test_badges(remote: Remote, userid: int) -> None:
    path = f"/user/{userid}/badge/3"
    assert [remote.cc("PUT", path).status for _ in range(2)] == [201, 204]
    assert [remote.cc("DELETE", path).status for _ in range(2)] == [204, 400]
    assert remote.cc("PUT", f"/user/{userid}/badge/99").status == 404
    bulk = {"data": {"userIds": [userid], "badgeIds": [5]}}
    assert remote.cc("POST", "/user/bulk/badge", bulk).status == 204
    assert remote.cc("DELETE", "/user/bulk/badge", bulk).status == 204
    assert remote.cc("GET", "/gamification/badges?pageSize=2").json["totalItems"] == 4


def test_community_limits_are_off_until_switched_on(remote: Remote) -> None:
    remote.control("POST", "clock", {"freeze": True})
    remote.control("POST", "switches", {"cc_per_minute": 1})
    assert remote.cc("GET", "/user?pageSize=1").status == 200
    refused = remote.cc("GET", "/user?pageSize=1")
    assert refused.status == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_bodies_are_bounded(remote: Remote) -> None:
    headers = {"Authorization": f"Bearer {remote.token()}", "Connection": "close"}
    # The server may close before it has read what it refused.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert remote.send("cc", "POST", "/user/register", b" " * 2_000_000, headers).status == 413
