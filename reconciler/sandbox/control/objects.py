"""The objects of a community import, taken away and made again as an administrator of the CS tenant would."""

from __future__ import annotations

from reconciler.sandbox.control.body import refuse
from reconciler.sandbox.cs import imported
from reconciler.sandbox.cs.fields import ObjectDef
from reconciler.sandbox.http import Response, json_response
from reconciler.sandbox.router import Call, Router

ALL = "/_sandbox/objects"
ONE = f"{ALL}/{{label}}"
FIELD = f"{ONE}/fields/{{field}}"


def add_routes(router: Router) -> None:
    router.add("GET", ALL, list_objects)
    router.add("POST", ALL, make_all)
    router.add("DELETE", ALL, remove_all)
    router.add("POST", ONE, make)
    router.add("DELETE", ONE, remove)
    router.add("POST", FIELD, make_field)
    router.add("DELETE", FIELD, remove_field)


def list_objects(call: Call) -> Response:
    """By label: is it there, and which fields does it lack."""
    catalog = call.world.catalog
    found = []
    for label, whole in catalog.imported.items():
        here = catalog.find(whole.name)
        lacking = (
            [] if here is None else [field.label for field in whole.fields.values() if field.name not in here.fields]
        )
        found.append({"label": label, "name": whole.name, "there": here is not None, "missing": lacking})
    return json_response({"objects": found})


def make_all(call: Call) -> Response:
    """Whole again, with every field."""
    for item in call.world.catalog.imported.values():
        call.world.catalog.put(item)
    return list_objects(call)


def remove_all(call: Call) -> Response:
    for item in call.world.catalog.imported.values():
        _remove(call, item)
    return list_objects(call)


def make(call: Call) -> Response:
    call.world.catalog.put(_whole(call))
    return list_objects(call)


def remove(call: Call) -> Response:
    """The object goes with its records."""
    _remove(call, _whole(call))
    return list_objects(call)


def make_field(call: Call) -> Response:
    whole, here = _whole(call), _here(call)
    known = {field.label: name for name, field in whole.fields.items()}
    if call.params[1] not in known:
        raise refuse("the object has no such field", 404)
    lacking = {field.label for field in whole.fields.values() if field.name not in here.fields} - {call.params[1]}
    for label in lacking:
        whole = imported.without(whole, label)
    call.world.catalog.put(whole)
    return list_objects(call)


def remove_field(call: Call) -> Response:
    here = _here(call)
    try:
        call.world.catalog.put(imported.without(here, call.params[1]))
    except KeyError as error:
        raise refuse("no such field that could be taken away", 404) from error
    field = next(field for field in here.fields.values() if field.label == call.params[1])
    call.world.store.run(f'UPDATE {here.table} SET "{field.name}" = NULL')
    return list_objects(call)


def _remove(call: Call, item: ObjectDef) -> None:
    if call.world.catalog.objects.pop(item.name.lower(), None) is not None:
        call.world.store.run(f"DELETE FROM {item.table}")


def _whole(call: Call) -> ObjectDef:
    found = call.world.catalog.imported.get(call.params[0])
    if found is None:
        raise refuse(f"no object {call.params[0][:80]!r}; GET {ALL} lists them", 404)
    return found


def _here(call: Call) -> ObjectDef:
    found = call.world.catalog.find(_whole(call).name)
    if found is None:
        raise refuse("the object is not there", 404)
    return found
