"""Gainsight CS: keys, metadata, queries, object data, people, limits."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sandbox.sandbox_client import Remote

DATA = "/v1/data/objects"


def _where(name: str, operator: str, *value: Any) -> dict[str, Any]:
    return {"name": name, "alias": "A", "operator": operator, "value": list(value)}


@pytest.mark.parametrize("header", ["Accesskey", "accesskey", "AccessKey"])
def test_the_access_key_header_has_no_case(remote: Remote, header: str) -> None:
    answer = remote.send("cs", "GET", "/v1/meta/services/objects/list", headers={header: "sandbox-access-key"})
    assert answer.status == 200
    assert answer.headers["x-gs-request-id"] == answer.headers["x-request-id"] == answer.json["requestId"]


def test_a_wrong_key_is_told_before_a_wrong_path(remote: Remote) -> None:
    refused = remote.send("cs", "GET", "/nope", headers={"Accesskey": "x"})
    assert (refused.status, refused.json["errorCode"], refused.json["message"]) == (401, "GS_APIG_2401", "Unauthorized")
    missing = remote.cs("GET", "/nope")
    assert (missing.status, missing.json["errorCode"]) == (404, "GS_APIG_1000")


def test_machine_tokens_work_and_expire(remote: Remote) -> None:
    path = "/v1/users/m2m/oauth/token"
    basic = base64.b64encode(b"sandbox-m2m-key:sandbox-m2m-secret").decode()
    assert remote.send("cs", "POST", path, b"grant_type=client_credentials").status == 401
    answer = remote.send("cs", "POST", path, b"grant_type=client_credentials", {"Authorization": f"Basic {basic}"}).json
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 86_400)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert remote.send("cs", "GET", "/v1/meta/services/objects/list", headers=headers).status == 200
    remote.control("POST", "clock", {"advance": 86_401})
    assert remote.send("cs", "GET", "/v1/meta/services/objects/list", headers=headers).status == 401


def test_describe_types_every_attribute_and_shows_every_kind_of_lookup(remote: Remote) -> None:
    body = {"objectNames": ["PERSON", "company_person", "Company", "Onboarding__gc"], "includeChilds": "true"}
    described = remote.cs("POST", "/v1/meta/services/objects/describe", body).json["data"]
    fields = {(item["objectName"], f["fieldName"]): f for item in described for f in item["fields"]}
    types = {field["dataType"] for field in fields.values()}
    assert types >= {"STRING", "NUMBER", "CURRENCY", "PERCENTAGE", "BOOLEAN", "DATE", "DATETIME", "PICKLIST", "EMAIL"}
    assert types >= {"MULTISELECTDROPDOWNLIST", "URL", "RICHTEXTAREA", "LOOKUP", "GSID", "SFDCID", "IMAGE"}
    parent = fields["company", "ParentCompany"]
    assert parent["dataType"] == "GSID"
    assert (parent["meta"]["hasLookup"], parent["meta"]["selfLookup"]) == (False, True)
    created = fields["company", "CreatedBy"]["meta"]
    assert created["lookupDetail"]["lookupName"] == "CreatedBy__gr"
    assert created["lookupDetail"]["lookupObjects"][0]["objectName"] == "gsuser"
    stage = fields["company_person", "Lifecycle_Stage__gc"]
    category = stage["meta"]["properties"]["PICKLIST_CATEGORY_ID"]
    items = remote.cs("GET", f"/v1/meta/services/dropdowns/{category}").json["data"]["childItems"]
    assert [item["gsid"] for item in items] == [option["value"] for option in stage["options"]]
    assert not all(option["active"] for option in stage["options"])


def test_describe_one_has_no_case_and_unknown_objects_have_their_own_error(remote: Remote) -> None:
    path = "/v1/meta/services/objects/{}/describe?ic=false&cl=0"
    found = remote.cs("GET", path.format("COMPANY_PERSON")).json
    assert set(found) == {"requestId", "result", "data"}
    assert found["data"][0]["objectName"] == "company_person"
    assert found["data"][0]["keyPrefix"] == remote.query("company_person", ["Gsid"], limit=1)[0]["Gsid"][:18]
    missing = remote.cs("GET", path.format("nothing")).json
    assert (missing["result"], missing["title"]) == (False, "OBJECT_NOT_FOUND")


def test_lookup_paths_have_no_case_and_answers_echo_them(remote: Remote) -> None:
    asked = ["Gsid", "person_ID__GR.email", "Company_ID__gr.csm__gr.name", "company_id__gr.ParentCompany__gr.Name"]
    rows = remote.query("Company_Person", asked, limit=50)
    assert list(rows[0]) == asked
    assert all("@" in row["person_ID__GR.email"] and row["Company_ID__gr.csm__gr.name"] for row in rows)


def test_values_leave_in_stored_form(remote: Remote) -> None:
    names = [
        "Renewal_Date__gc",
        "Last_Login__gc",
        "Products__gc",
        "Lifecycle_Stage__gc",
        "Is_Champion__gc",
        "Seats__gc",
    ]
    rows = remote.query("company_person", names)
    first = {name: next(row[name] for row in rows if row[name] is not None) for name in names}
    assert first["Renewal_Date__gc"] % 86_400_000 == 0
    assert first["Last_Login__gc"] > 10**12
    assert len(first["Lifecycle_Stage__gc"]) == 36
    assert all(len(item) == 36 for item in first["Products__gc"].split(";"))
    assert isinstance(first["Is_Champion__gc"], bool)
    assert any(row["Seats__gc"] is None for row in rows)


@pytest.mark.parametrize(
    ("name", "operator", "value", "holds"),
    [
        ("Seats__gc", "GTE", [250], lambda v: v is not None and v >= 250),
        ("Seats__gc", "BTW", [10, 20], lambda v: v is not None and 10 <= v <= 20),
        ("Title", "IS_NULL", [], lambda v: v is None),
        ("Title", "STARTS_WITH", ["Head"], lambda v: v is not None and v.startswith("Head")),
        ("Title", "ENDS_WITH", ["Lead"], lambda v: v is not None and v.endswith("Lead")),
        ("Title", "DOES_NOT_CONTAINS", ["Manager"], lambda v: v is not None and "Manager" not in v),
        ("Role", "IN", ["Champion", "End User"], lambda v: v in ("Champion", "End User")),
        ("Role", "NOT_IN", ["Champion"], lambda v: v not in (None, "Champion")),
        ("Is_Champion__gc", "EQ", [True], lambda v: v is True),
        ("Renewal_Date__gc", "LT", ["2026-12-01"], lambda v: v is not None and v < 1_796_083_200_000),
        ("Renewal_Date__gc", "GTE", ["2026-12-01T00:00:00+00:00"], lambda v: v is not None and v >= 1_796_083_200_000),
    ],
)  # fmt: skip
def test_operators_select_what_python_selects(
    remote: Remote, name: str, operator: str, value: list[Any], holds: Any
) -> None:
    everything = remote.query("company_person", ["Gsid", name])
    chosen = remote.query("company_person", ["Gsid", name], _where(name, operator, *value))
    assert chosen == [row for row in everything if holds(row[name])]
    assert 0 < len(chosen) < len(everything)


def test_multi_selects_and_picklists_are_found_by_label(remote: Remote) -> None:
    remote.control("POST", "switches", {"multiselect_read": "label"})
    rows = remote.query("company_person", ["Products__gc"], _where("Products__gc", "INCLUDES", "Connect"))
    assert rows
    assert all("Connect" in row["Products__gc"].split(";") for row in rows)
    renewal = remote.query("company_person", ["Gsid"], _where("Lifecycle_Stage__gc", "EQ", "Renewal"))
    assert 0 < len(renewal) < 460


def test_expressions_join_conditions(remote: Remote) -> None:
    conditions = [
        {"name": "Role", "alias": "A", "operator": "EQ", "value": ["Champion"]},
        {"name": "Role", "alias": "B", "operator": "EQ", "value": ["End User"]},
        {"name": "Seats__gc", "alias": "C", "operator": "GT", "value": [250]},
    ]
    query = {"select": ["Role", "Seats__gc"], "where": {"conditions": conditions, "expression": "(A OR B) AND C"}}
    rows = remote.cs("POST", f"{DATA}/query/company_person", query).json["data"]["records"]
    assert rows
    assert all(row["Role"] in ("Champion", "End User") and row["Seats__gc"] > 250 for row in rows)


@pytest.mark.parametrize("expression", ["A B", "A AND", "(A", "A)", "A; DROP TABLE x", "A OR Z", "AND", "NOT A", 5])
def test_broken_expressions_are_refused(remote: Remote, expression: object) -> None:
    where = {"conditions": [_where("Name", "EQ", "x")], "expression": expression}
    answer = remote.cs("POST", f"{DATA}/query/company", {"select": ["Name"], "where": where})
    assert (answer.status, answer.json["result"]) == (400, False)


def test_keyset_pages_see_every_row_once(remote: Remote) -> None:
    seen: list[str] = []
    while rows := remote.query(
        "company_person", ["Gsid"], _where("Gsid", "GT", seen[-1] if seen else ""), orderBy={"Gsid": "asc"}, limit=100
    ):
        seen += [row["Gsid"] for row in rows]
    assert len(seen) == len(set(seen)) == remote.control("GET", "state")["company_persons"]


def test_empty_answers_and_shapes_are_switches(remote: Remote) -> None:
    query = {"select": ["Name"], "where": {"conditions": [_where("Name", "EQ", "nobody")]}}
    path = f"{DATA}/query/company"
    assert remote.cs("POST", path, query).json["data"] == {"records": []}
    remote.control("POST", "switches", {"empty": "result_false"})
    answer = remote.cs("POST", path, query)
    assert (answer.status, answer.json["result"]) == (200, False)
    remote.control("POST", "switches", {"empty": "400", "read_shape": "list"})
    assert remote.cs("POST", path, query).json["errorCode"] == "GSOBJ_1011"
    assert isinstance(remote.cs("POST", path, {"select": ["Name"]}).json["data"], list)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b'"x"', b"[" * 5_000, {}, {"select": []}, {"select": "Name"}, {"select": [7]},
        {"select": ["Nothing"]}, {"select": ["Name__gr.Email"]}, {"select": ["x\" FROM y"]},
        {"select": ["Name"], "limit": 5_001}, {"select": ["Name"], "limit": -1}, {"select": ["Name"], "offset": "x"},
        {"select": ["Name"], "orderBy": {"Summary": "asc"}}, {"select": ["Name"], "orderBy": {"Name": "up"}},
        {"select": ["Name"], "where": []}, {"select": ["Name"], "where": {"conditions": []}},
        {"select": ["Name"], "where": {"conditions": [_where("Name", "LIKE", "x")]}},
        {"select": ["Name"], "where": {"conditions": [_where("Name", "EQ")]}},
        {"select": ["Name"], "where": {"conditions": [_where("Arr", "EQ", "much")]}},
        {"select": ["Name"], "where": {"conditions": [_where("Arr", "EQ", {"a": 1})]}},
        {"select": ["Name"], "where": {"conditions": [_where("RenewalDate", "GT", "soon")]}},
    ],
)  # fmt: skip
def test_bad_queries_get_an_error_answer(remote: Remote, body: Any) -> None:
    answer = remote.cs("POST", f"{DATA}/query/company", body)
    assert (answer.status, answer.json["result"]) == (400, False)
    assert "Traceback" not in answer.body.decode()


def test_high_volume_objects_are_described_but_not_served(remote: Remote) -> None:
    listed = {o["objectName"]: o for o in remote.cs("GET", "/v1/meta/services/objects/list").json["data"]}
    assert listed["Feature_Usage__gc"]["transactional"] is False
    assert listed["Onboarding__gc"]["transactional"] is True
    answer = remote.cs("POST", f"{DATA}/query/Feature_Usage__gc", {"select": ["Name"]})
    assert answer.json["title"] == "OBJECT_NOT_FOUND"


def test_inserts_are_all_or_nothing(remote: Remote) -> None:
    good, bad = {"Name": "Good"}, {"Name": "Bad", "RenewalDate": 210318}
    refused = remote.cs("POST", f"{DATA}/Company", {"records": [good, bad]})
    assert (refused.status, refused.json["errorCode"]) == (400, "GSOBJ_1006")
    errors = refused.json["data"]["errors"]
    assert errors[0] == []
    assert errors[1][0]["errors"][0]["fieldName"] == "RenewalDate"
    assert remote.query("company", ["Gsid"], _where("Name", "EQ", "Good")) == []
    made = remote.cs("POST", f"{DATA}/company", {"records": [good, good]}).json["data"]
    assert (made["count"], made["errors"]) == (2, None)
    assert [set(record) for record in made["records"]] == [{"Gsid"}, {"Gsid"}]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"Name": None}, "GSOBJ_1007"), ({}, "GSOBJ_1007"), ({"Name": "x" * 221}, "GSOBJ_1001"),
        ({"Name": "x", "Budget__gc": "1,5"}, "GSOBJ_1008"), ({"Name": "x", "Progress__gc": "half"}, "GSOBJ_1008"),
        ({"Name": "x", "Blocked__gc": "maybe"}, "GSOBJ_1008"), ({"Name": "x", "Started_At__gc": "x"}, "GSOBJ_1005"),
        ({"Name": "x", "Contact_Email__gc": "x"}, "GSOBJ_1002"), ({"Name": "x", "Phase__gc": "Never"}, "GSOBJ_1002"),
        ({"Name": "x", "Nothing": 1}, "GSOBJ_1002"), ({"Name": "x", "CreatedDate": "2026-01-01"}, "GSOBJ_1002"),
        ({"Name": "x", "Company__gc": "short"}, "GSOBJ_1002"), ({"Name": ["x"]}, "GSOBJ_1002"),
        ({"Name": "x", "Hours__gc": 1e300}, "GSOBJ_1008"),
    ],
)  # fmt: skip
def test_each_type_refuses_with_its_code(remote: Remote, record: dict[str, Any], code: str) -> None:
    answer = remote.cs("POST", f"{DATA}/Onboarding__gc", {"records": [record]})
    assert (answer.status, answer.json["errorCode"]) == (400, code)


def test_a_call_takes_fifty_records_and_no_more(remote: Remote) -> None:
    fifty = [{"Name": f"T{n}", "Modules__gc": ["Connect", "Mobile"], "Phase__gc": "Done"} for n in range(50)]
    assert remote.cs("POST", f"{DATA}/Onboarding__gc", {"records": fifty}).json["data"]["count"] == 50
    assert remote.cs("POST", f"{DATA}/Onboarding__gc", {"records": [*fifty, fifty[0]]}).status == 400
    assert remote.cs("POST", f"{DATA}/Onboarding__gc", {"records": []}).status == 400


def test_updates_go_by_key(remote: Remote) -> None:
    path = f"{DATA}/Onboarding__gc?keys=External_Id__gc"
    record = {"External_Id__gc": "OB-0001", "Hours__gc": 7.5}
    data = remote.cs("PUT", path, {"records": [record]}).json["data"]
    assert data["records"] == [{**record, "Gsid": data["records"][0]["Gsid"]}]
    both = {"records": [{"External_Id__gc": "OB-0002", "Hours__gc": 1}, {"External_Id__gc": "none", "Hours__gc": 1}]}
    before = remote.query("Onboarding__gc", ["Hours__gc"], _where("External_Id__gc", "EQ", "OB-0002"))
    assert remote.cs("PUT", path, both).json["errorCode"] == "GSOBJ_1011"
    assert remote.query("Onboarding__gc", ["Hours__gc"], _where("External_Id__gc", "EQ", "OB-0002")) == before
    assert remote.cs("PUT", f"{DATA}/Onboarding__gc", {"records": [record]}).json["errorCode"] == "GSOBJ_1004"
    four = "keys=Gsid,Name,External_Id__gc,Hours__gc"
    assert remote.cs("PUT", f"{DATA}/Onboarding__gc?{four}", {"records": [record]}).status == 400


def test_several_matches_are_a_switch(remote: Remote) -> None:
    remote.cs("POST", f"{DATA}/company", {"records": [{"Name": "Twin"}, {"Name": "Twin"}]})
    change = {"records": [{"Name": "Twin", "Employees": 5}]}
    assert remote.cs("PUT", f"{DATA}/company?keys=Name", change).json["data"]["count"] == 2
    remote.control("POST", "switches", {"multi_match": "error"})
    assert remote.cs("PUT", f"{DATA}/company?keys=Name", change).status == 400


def test_lookups_resolve_helper_columns(remote: Remote) -> None:
    user = remote.query("gsuser", ["Gsid", "FirstName", "LastName"], limit=1)[0]
    lookup = {"fields": {"First": "FirstName", "Last": "LastName"}, "lookupField": "Gsid", "objectName": "gsuser",
              "multiMatchOption": "FIRSTMATCH", "onNoMatch": "ERROR"}  # fmt: skip
    record = {"Name": "Looked up", "First": user["FirstName"], "Last": user["LastName"]}
    body = {"records": [record], "lookups": {"Csm": lookup}}
    gsid = remote.cs("POST", f"{DATA}/company", body).json["data"]["records"][0]["Gsid"]
    assert remote.cs("GET", f"{DATA}/company/{gsid}").json["data"]["Csm"] == user["Gsid"]
    body["records"] = [record | {"First": "Nobody"}]
    assert remote.cs("POST", f"{DATA}/company", body).status == 400
    lookup["onNoMatch"] = "NULLABLE"
    assert remote.cs("POST", f"{DATA}/company", body).status == 200


def test_deletes_leave_a_trace(remote: Remote) -> None:
    gsid = remote.query("Onboarding__gc", ["Gsid"], limit=1)[0]["Gsid"]
    assert gsid in remote.cs("DELETE", f"{DATA}/Onboarding__gc/{gsid}").json["data"]
    assert remote.cs("DELETE", f"{DATA}/Onboarding__gc/{gsid}").json["errorCode"] == "GSOBJ_1004"
    log = remote.query("record_delete_log", ["ObjectName", "RecordId", "DeletedOn"])
    assert [(entry["ObjectName"], entry["RecordId"]) for entry in log] == [("Onboarding__gc", gsid)]


@pytest.mark.parametrize("path", ["/v1/peoplemgmt/v1.0/people", "/v1.0/api/people"])
def test_people_are_upserted_by_email(remote: Remote, path: str) -> None:
    companies = [row["Gsid"] for row in remote.query("company", ["Gsid"], limit=2)]
    body: dict[str, Any] = {"Email": "New.Person@example.org", "FirstName": "New", "LastName": "Person"}
    body["companies"] = [{"Company_ID": companies[0], "Title": "CIO", "IsPrimaryCompany": True}]
    first = remote.cs("PUT", path, body).json["data"]
    body |= {"Email": " new.person@EXAMPLE.org", "companies": [{"Company_ID": companies[0], "Title": "CEO"}]}
    again = remote.cs("PUT", path, body).json["data"]
    assert (again["Gsid"], again["companies"]) == (first["Gsid"], first["companies"])
    rows = remote.query("company_person", ["Title", "IsPrimaryCompany"], _where("Person_ID", "EQ", first["Gsid"]))
    assert rows == [{"Title": "CEO", "IsPrimaryCompany": True}]
    assert remote.cs("GET", f"{path}?email=new.person@example.org").json["data"]["Gsid"] == first["Gsid"]


def test_people_refusals(remote: Remote) -> None:
    path = "/v1/peoplemgmt/v1.0/people"
    assert remote.cs("PUT", path, {}).json["errorCode"] == "GSOBJ_VCRUDR1001"
    assert remote.cs("PUT", path, {"FirstName": "x"}).json["errorCode"] == "GSOBJ_VDTEMAIL1001"
    assert remote.cs("PUT", path, {"Email": "a@b.example", "No": 1}).json["errorCode"] == "GSOBJ_VCRUDR1002"
    unknown = {"Email": "a@b.example", "companies": [{"Company_ID": "1P02" + "A" * 32}]}
    assert remote.cs("PUT", path, unknown).json["errorCode"] == "GSOBJ_PEOPLE1001"
    assert remote.query("person", ["Gsid"], _where("Email", "EQ", "a@b.example")) == []
    assert remote.cs("GET", f"{path}?email=").json["errorCode"] == "GSOBJ_VQP1001"
    assert remote.cs("GET", "/v1.0/api/people").json["result"] is True
    assert remote.cs("POST", f"{DATA}/person", {"records": [{"Email": "a@b.example"}]}).status == 400


def test_relationship_persons_hang_on_people(remote: Remote) -> None:
    path = "/v1/peoplemgmt/v1.0/people"
    first, other = remote.query("relationship", ["Gsid", "CompanyId"], limit=2)
    entry = {"Relationship_ID": first["Gsid"], "Role": "Sponsor"}
    company: dict[str, Any] = {"Company_ID": first["CompanyId"], "Title": "CIO", "relationships": [entry]}
    person = remote.cs("PUT", path, {"Email": "r@x.example", "companies": [company]}).json["data"]["Gsid"]
    company["relationships"] = [entry | {"Role": "Champion"}]
    assert remote.cs("PUT", path, {"Email": "r@x.example", "companies": [company]}).status == 200
    where = _where("Person_ID", "EQ", person)
    rows = remote.query("relationship_person", ["Role", "Relationship_ID", "Company_ID"], where)
    assert rows == [{"Role": "Champion", "Relationship_ID": first["Gsid"], "Company_ID": first["CompanyId"]}]

    company["relationships"] = [{"Relationship_ID": other["Gsid"]}]
    refused = remote.cs("PUT", path, {"Email": "r@x.example", "companies": [company]})
    assert refused.json["errorCode"] == "GSOBJ_PEOPLE1001"
    company["relationships"] = "x"
    refused = remote.cs("PUT", path, {"Email": "r@x.example", "companies": [company]})
    assert refused.json["errorCode"] == "GSOBJ_VCRUDR1003"
    remote.cs("DELETE", f"{path}/{person}")
    assert remote.query("relationship_person", ["Gsid"], where) == []


@pytest.mark.parametrize(("told", "expected"), [("all", [1, 0, 1]), ("first", [1, 0, 0]), ("none", None)])
def test_how_much_is_told_of_several_bad_records(remote: Remote, told: str, expected: object) -> None:
    remote.control("POST", "switches", {"batch_errors": told})
    records = [{"Name": "a", "Score__gc": "x"}, {"Name": "b"}, {"Name": "c", "Score__gc": "y"}]
    refused = remote.cs("POST", f"{DATA}/Training__gc", {"records": records})
    data = refused.json["data"]
    assert refused.json["errorCode"] == "GSOBJ_1008"
    assert (None if data is None else [len(errors) for errors in data["errors"]]) == expected


def test_updates_without_a_match_can_be_left_out(remote: Remote) -> None:
    remote.cs("POST", f"{DATA}/Training__gc", {"records": [{"Name": "a"}]})
    records = [{"Name": "a", "Score__gc": 1}, {"Name": "b", "Score__gc": 2}]
    assert remote.cs("PUT", f"{DATA}/Training__gc?keys=Name", {"records": records}).json["errorCode"] == "GSOBJ_1011"
    remote.control("POST", "switches", {"update_no_match": "skip"})
    done = remote.cs("PUT", f"{DATA}/Training__gc?keys=Name", {"records": records}).json["data"]
    assert done["count"] == 1
    assert remote.query("Training__gc", ["Name", "Score__gc"]) == [{"Name": "a", "Score__gc": 1}]


def test_background_people_jobs_report_rows(remote: Remote) -> None:
    path = "/v1/peoplemgmt/v1.0/people/async"
    started = remote.cs("PUT", path, {"records": [{"Email": "ok@x.example"}, {"Email": "broken"}]}).json["data"]
    assert started["status"] == "INIT"
    status = f"{path}/{started['statusId']}"
    assert remote.cs("GET", status).json["data"]["status"] == "INPROGRESS"
    done = remote.cs("GET", status).json["data"]
    assert (done["status"], done["count"]) == ("COMPLETED", 1)
    assert done["errorDetails"][0]["rowNumber"] == 2
    assert remote.cs("PUT", path, {"records": [{"Email": f"a{n}@x.example"} for n in range(51)]}).status == 400


def test_windows_are_fixed_and_aligned_to_the_clock(remote: Remote) -> None:
    remote.control("POST", "switches", {"per_minute": 3})
    remote.control("POST", "clock", {"freeze": True, "set": "2026-11-02T10:00:58+00:00"})
    path = "/v1/meta/services/objects/list"
    assert [remote.cs("GET", path).status for _ in range(4)] == [200, 200, 200, 429]
    refused = remote.cs("GET", path)
    assert (refused.json["errorCode"], refused.json["errorDesc"]) == ("GU_2400", "Too many request")
    assert "retry-after" not in refused.headers
    remote.control("POST", "clock", {"advance": 2})
    assert remote.cs("GET", path).status == 200
    remote.control("POST", "switches", {"retry_after": True, "per_minute": 1})
    assert remote.cs("GET", path).headers["retry-after"] == "60"
    remote.control("POST", "switches", {"per_minute": 100, "per_day": 1})
    assert int(remote.cs("GET", path).headers["retry-after"]) == 50_340
    remote.control("POST", "switches", {"rate_limit": False})
    assert remote.cs("GET", path).status == 200
