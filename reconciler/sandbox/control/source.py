"""CS records as an administrator of the tenant would touch them: read, edit, add and delete, also by e-mail."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.control.body import mapping, refuse
from reconciler.sandbox.cs import people, query, records, values
from reconciler.sandbox.cs.fields import ObjectDef
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Router

ONE = "/_sandbox/cs/{object}/{gsid}"
SOME = "/_sandbox/cs/{object}"


def add_routes(router: Router) -> None:
    router.add("GET", SOME, read)
    router.add("PATCH", SOME, edit)
    router.add("PUT", SOME, edit)
    router.add("DELETE", SOME, remove)
    router.add("POST", SOME, add)
    router.add("GET", ONE, read)
    router.add("PATCH", ONE, edit)
    router.add("PUT", ONE, edit)
    router.add("DELETE", ONE, remove)


def read(call: Call) -> Response:
    item = _object(call)
    return json_response({"records": [_whole(call, item, gsid) for gsid in _chosen(call, item)]})


def edit(call: Call) -> Response:
    """Set attributes of the chosen records; `?touch=0` leaves ModifiedDate where it was."""
    item = _object(call)
    checked = _checked(item, mapping(call))
    touch = call.request.first("touch", "1") != "0"
    with call.world.store.transaction():
        for gsid in _chosen(call, item):
            records.update(call.world, item, gsid, checked, touch)
    return read(call)


def remove(call: Call) -> Response:
    """Delete the chosen records; a person takes the company persons along."""
    item = _object(call)
    chosen = _chosen(call, item)
    with call.world.store.transaction():
        for gsid in chosen:
            records.delete(call.world, item, gsid)
            if item.name == "person":
                people.remove_company_persons(call, gsid)
    return json_response({"deleted": chosen})


def add(call: Call) -> Response:
    """A new record. A person may bring `company_person`, one object or a list, which is linked to it."""
    item, body = _object(call), mapping(call)
    linked = body.pop("company_person", []) if item.name == "person" else []
    company_person = call.world.catalog.objects["company_person"]
    children = [_checked(company_person, child) for child in (linked if isinstance(linked, list) else [linked])]
    checked = _checked(item, body)
    missing = [field.name for field in item.fields.values() if field.required and checked.get(field.name) is None]
    if missing:
        raise refuse(f"{item.name} needs {', '.join(missing)}")
    with call.world.store.transaction():
        gsid = records.insert(call.world, item, checked)
        first = call.world.store.value('SELECT "Gsid" FROM cs_company ORDER BY "Gsid" LIMIT 1')
        for child in children:
            start = {"Company_ID": first, "Active": 1, "IsPrimaryCompany": int(len(children) == 1)}
            records.insert(call.world, company_person, start | child | {"Person_ID": gsid})
    return json_response({"records": [_whole(call, item, gsid)]}, 201)


def _object(call: Call) -> ObjectDef:
    found = call.world.catalog.find(call.params[0])
    if found is None:
        raise refuse(f"no object {call.params[0][:80]!r}", 404)
    return found


def _chosen(call: Call, item: ObjectDef) -> list[str]:
    """By GSID in the path, or by ?email= for persons and for all company persons of a person."""
    if len(call.params) > 1:
        found = [call.params[1]] if _exists(call, item, call.params[1]) else []
    else:
        email = call.request.first("email")
        if not email or item.name not in ("person", "company_person"):
            raise refuse("name a GSID in the path, or ?email= for person and company_person")
        found = records.persons_by_email(call.world, email)
        if item.name == "company_person":
            found = [gsid for person in found for gsid in _company_persons(call, person)]
    if not found:
        raise refuse("no such record", 404)
    return found


def _exists(call: Call, item: ObjectDef, gsid: str) -> bool:
    return call.world.store.value(f'SELECT 1 FROM {item.table} WHERE "Gsid" = ?', (gsid,)) is not None


def _company_persons(call: Call, person: str) -> list[str]:
    sql = 'SELECT "Gsid" FROM cs_company_person WHERE "Person_ID" = ? ORDER BY "Gsid"'
    return [row[0] for row in call.world.store.tuples(sql, (person,))]


def _whole(call: Call, item: ObjectDef, gsid: str) -> dict[str, Any]:
    found = query.whole_record(call, item, gsid)
    if found is None:
        raise refuse("no such record", 404)
    return found


def _checked(item: ObjectDef, given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise refuse("a record must be an object")
    checked: dict[str, Any] = {}
    for name, value in given.items():
        found = item.find(name)
        if found is None or found.name == "Gsid":
            raise refuse(f"{item.name} has no attribute {name[:80]!r} that can be set")
        try:
            checked[found.name] = values.coerce(found, value)
        except values.Invalid as invalid:
            raise refuse(invalid.text) from invalid
    return checked
