"""The People API: upsert by e-mail with company associations, one at once or fifty in the background."""

from __future__ import annotations

import uuid
from typing import Any

from reconciler.sandbox.cs import envelope, query, records, values
from reconciler.sandbox.cs.fields import ObjectDef
from reconciler.sandbox.http import Response
from reconciler.sandbox.router import Call

MOST_RECORDS = 50
MOST_COMPANIES = 50
# The legacy path takes them in, as its clients send them; what the caller cannot set is left out, not refused.
IGNORED = frozenset({"companies", "lookups"})
RELATIONSHIPS = "relationships"


class Rejected(Exception):
    """One person was refused; `field` and `value` go into the details of a background job."""

    def __init__(self, code: str, text: str, field: str = "", value: Any = None) -> None:
        super().__init__(text)
        self.code, self.text, self.field, self.value = code, text, field, value


def upsert(call: Call) -> Response:
    try:
        saved = _save(call, call.request.json())
    except Rejected as rejected:
        raise envelope.refuse(rejected.code, rejected.text) from rejected
    return envelope.ok(saved)


def get(call: Call) -> Response:
    """By `email`; the legacy path without it is a ping and must succeed."""
    email = call.request.first("email")
    if not email.strip():
        if call.request.segments[0] == "v1.0":
            return envelope.ok([])
        raise envelope.refuse("GSOBJ_VQP1001", "Query params are null or empty")
    found = records.persons_by_email(call.world, email)
    if not found:
        raise _missing()
    return envelope.ok(_view(call, found[0]))


def get_one(call: Call) -> Response:
    return envelope.ok(_view(call, call.params[0]))


def upsert_async(call: Call) -> Response:
    body = call.request.json()
    given = body.get("records") if isinstance(body, dict) else body
    if not isinstance(given, list) or not 0 < len(given) <= MOST_RECORDS:
        raise envelope.refuse("GSOBJ_VCRUDR1001", f"Row Info must hold 1 to {MOST_RECORDS} records")
    people: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for number, person in enumerate(given, start=1):
        try:
            people.append(_save(call, person))
        except Rejected as bad:
            detail = {"rowNumber": number, "fieldName": bad.field, "value": bad.value}
            errors.append(detail | {"errorCode": bad.code, "errorMessage": bad.text})
    return _job(call, {"count": len(people), "errorDetails": errors, "people": people})


def delete(call: Call) -> Response:
    person = call.world.catalog.objects["person"]
    found = [call.params[0]] if call.params else records.persons_by_email(call.world, call.request.first("email"))
    removed = [gsid for gsid in found if records.delete(call.world, person, gsid)]
    if not removed:
        raise _missing()
    for gsid in removed:
        remove_company_persons(call, gsid)
    return _job(call, {"count": len(removed), "errorDetails": [], "people": [{"Gsid": gsid} for gsid in removed]})


def remove_company_persons(call: Call, gsid: str) -> None:
    """What hangs on a person goes with it: company persons and relationship persons."""
    for name in ("company_person", "relationship_person"):
        item = call.world.catalog.objects[name]
        for row in call.world.store.tuples(f'SELECT "Gsid" FROM {item.table} WHERE "Person_ID" = ?', (gsid,)):
            records.delete(call.world, item, row[0])


def status(call: Call) -> Response:
    """INPROGRESS for the configured number of polls, then COMPLETED with the result."""
    job = call.world.jobs.get(call.params[0])
    if job is None:
        raise envelope.refuse("GSOBJ_1011", "No entity matches the given criteria")
    polls = int(str(job["polls"])) + 1
    job["polls"] = polls
    head = {"statusId": call.params[0]}
    if polls < call.world.switches.async_polls:
        return envelope.ok(head | {"status": "INPROGRESS"})
    return envelope.ok({**head, "status": "COMPLETED", **dict(job["result"])})  # type: ignore[call-overload]


def _job(call: Call, result: dict[str, Any]) -> Response:
    status_id = str(uuid.uuid4())
    call.world.jobs[status_id] = {"polls": 0, "result": result}
    if len(call.world.jobs) > 1_000:
        call.world.jobs.pop(next(iter(call.world.jobs)))
    return envelope.ok({"statusId": status_id, "status": "INIT"})


def _save(call: Call, given: Any) -> dict[str, Any]:
    """Check everything first, then write person and company persons together."""
    if not isinstance(given, dict) or not given:
        raise Rejected("GSOBJ_VCRUDR1001", "Row Info cannot be null")
    world = call.world
    person = world.catalog.objects["person"]
    fields = _checked(person, {name: value for name, value in given.items() if name not in IGNORED})
    email = fields.get("Email")
    if not email:
        raise Rejected("GSOBJ_VDTEMAIL1001", "Invalid email value", "Email", email)
    companies = _companies(call, given.get("companies") or [])
    with world.store.transaction():
        known = records.persons_by_email(world, email)
        if known:
            # The e-mail found the person; writing it back would only change its spelling.
            records.update(world, person, known[0], {k: v for k, v in fields.items() if k != "Email"})
        gsid = known[0] if known else records.insert(world, person, _named(fields))
        linked = [_link(call, gsid, company) for company in companies]
    return {"Gsid": gsid, **given, "companies": linked}


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    whole = " ".join(str(fields[name]) for name in ("FirstName", "LastName") if fields.get(name))
    return {"Name": whole or None, "DynamicResolutionKey": str(fields["Email"]).strip().lower()} | fields


def _checked(item: ObjectDef, given: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in given.items():
        found = item.find(name)
        if found is None or found.read_only:
            raise Rejected("GSOBJ_VCRUDR1002", f"Fields do not exist in object ({name[:80]})", name, value)
        try:
            checked[found.name] = values.coerce(found, value)
        except values.Invalid as invalid:
            raise Rejected(invalid.people_code, invalid.text, name, value) from invalid
    return checked


def _companies(call: Call, given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_COMPANIES or not all(isinstance(c, dict) for c in given):
        raise Rejected("GSOBJ_VCRUDR1003", "companies must be a list of objects", "companies")
    item = call.world.catalog.objects["company_person"]
    checked = []
    for each in given:
        company = _checked(item, {name: value for name, value in each.items() if name != RELATIONSHIPS})
        gsid = company.get("Company_ID")
        if not gsid or call.world.store.value('SELECT 1 FROM cs_company WHERE "Gsid" = ?', (gsid,)) is None:
            raise Rejected("GSOBJ_PEOPLE1001", "People entities do not exist", "Company_ID", gsid)
        checked.append(company | {RELATIONSHIPS: _relationships(call, gsid, each.get(RELATIONSHIPS) or [])})
    return checked


def _relationships(call: Call, company: str, given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_COMPANIES or not all(isinstance(r, dict) for r in given):
        raise Rejected("GSOBJ_VCRUDR1003", "relationships must be a list of objects", RELATIONSHIPS)
    item = call.world.catalog.objects["relationship_person"]
    checked = [_checked(item, relationship) for relationship in given]
    sql = 'SELECT 1 FROM cs_relationship WHERE "Gsid" = ? AND "CompanyId" = ?'
    for relationship in checked:
        gsid = relationship.get("Relationship_ID")
        if not gsid or call.world.store.value(sql, (gsid, company)) is None:
            raise Rejected("GSOBJ_PEOPLE1001", "People entities do not exist", "Relationship_ID", gsid)
    return checked


def _link(call: Call, person: str, company: dict[str, Any]) -> dict[str, Any]:
    """One company person per person and company; a new primary company takes the flag from the old one."""
    world, item = call.world, call.world.catalog.objects["company_person"]
    relationships = company.pop(RELATIONSHIPS)
    if company.get("IsPrimaryCompany"):
        world.store.run('UPDATE cs_company_person SET "IsPrimaryCompany" = 0 WHERE "Person_ID" = ?', (person,))
    sql = 'SELECT "Gsid" FROM cs_company_person WHERE "Person_ID" = ? AND "Company_ID" = ?'
    known = world.store.value(sql, (person, company["Company_ID"]))
    if known is None:
        first = {"IsPrimaryCompany": 1} if _is_first(call, person) else {"IsPrimaryCompany": 0}
        known = records.insert(world, item, {"Active": 1} | first | company | {"Person_ID": person})
    else:
        records.update(world, item, known, company)
    for relationship in relationships:
        _join(call, person, company["Company_ID"], relationship)
    return {"Gsid": known, "Person_ID": person, "Company_ID": company["Company_ID"]}


def _join(call: Call, person: str, company: str, relationship: dict[str, Any]) -> None:
    """One relationship person per person, company and relationship."""
    world, item = call.world, call.world.catalog.objects["relationship_person"]
    sql = 'SELECT "Gsid" FROM cs_relationship_person WHERE "Person_ID" = ? AND "Relationship_ID" = ?'
    known = world.store.value(sql, (person, relationship["Relationship_ID"]))
    if known is None:
        records.insert(world, item, relationship | {"Person_ID": person, "Company_ID": company})
    else:
        records.update(world, item, known, relationship)


def _is_first(call: Call, person: str) -> bool:
    sql = 'SELECT 1 FROM cs_company_person WHERE "Person_ID" = ? LIMIT 1'
    return call.world.store.value(sql, (person,)) is None


def _view(call: Call, gsid: str) -> dict[str, Any]:
    person = query.whole_record(call, call.world.catalog.objects["person"], gsid)
    if person is None:
        raise _missing()
    sql = 'SELECT "Gsid", "Person_ID", "Company_ID" FROM cs_company_person WHERE "Person_ID" = ? ORDER BY "Gsid"'
    return person | {"companies": call.world.store.rows(sql, (gsid,))}


def _missing() -> Exception:
    return envelope.refuse("GSOBJ_PEOPLE1001", "People entities do not exist")
