"""Object data: insert, update, get and delete for Company, Relationship and low volume custom objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.sandbox.cs import describe, envelope, lookups, query, records, values
from reconciler.sandbox.cs.fields import FieldDef, ObjectDef
from reconciler.sandbox.http import Refusal, Response
from reconciler.sandbox.router import Call

MOST_RECORDS = 50
MOST_KEYS = 3
KEY_TYPES = frozenset({"STRING", "GSID", "NUMBER", "EMAIL"})


@dataclass(slots=True, kw_only=True)
class _Batch:
    """Checked records, and per record the errors that stop all of them."""

    item: ObjectDef
    checked: list[dict[str, Any]] = field(default_factory=list)
    errors: list[list[dict[str, Any]]] = field(default_factory=list)

    def refuse_if_wrong(self, told: str) -> None:
        """One bad value refuses the whole call; the first error names the answer. `told` is the switch `batch_errors`."""
        at = next((number for number, entries in enumerate(self.errors) if entries), None)
        if at is None:
            return
        head = self.errors[at][0]
        errors = self.errors if told == "all" else [e if n == at else [] for n, e in enumerate(self.errors)]
        data = None if told == "none" else _without_text({"count": 0, "errors": errors, "records": None})
        raise envelope.refuse(head["errors"][0]["errorCode"], head["text"], data=data)


def insert(call: Call) -> Response:
    item = _writable(call)
    batch = _read_batch(call, item, updating=False)
    batch.refuse_if_wrong(call.world.switches.batch_errors)
    with call.world.store.transaction():
        made = [{"Gsid": records.insert(call.world, item, values_)} for values_ in batch.checked]
    return envelope.ok({"count": len(made), "errors": None, "records": made})


def update(call: Call) -> Response:
    item = _writable(call)
    keys = _keys(call, item)
    batch = _read_batch(call, item, updating=True)
    batch.refuse_if_wrong(call.world.switches.batch_errors)
    echoed: list[dict[str, Any]] = []
    sent = call.request.json()["records"]
    with call.world.store.transaction():
        for values_, original in zip(batch.checked, sent, strict=True):
            for gsid in _matches(call, item, keys, values_):
                changes = {name: value for name, value in values_.items() if name != "Gsid"}
                records.update(call.world, item, gsid, changes)
                echoed.append({**original, "Gsid": gsid})
    return envelope.ok({"count": len(echoed), "errors": None, "records": echoed})


def get(call: Call) -> Response:
    item = query.readable(call, call.params[0])
    found = query.whole_record(call, item, call.params[1])
    if found is None:
        raise _no_match()
    return envelope.ok(found)


def delete(call: Call) -> Response:
    item, gsid = _writable(call), call.params[1]
    if not records.delete(call.world, item, gsid):
        raise envelope.refuse(
            "GSOBJ_1004", "Either the Gainsight ID is invalid or missing, please re-check your request."
        )
    return envelope.ok(f"Record with GSID: {gsid} successfully deleted.")


def delete_many(call: Call) -> Response:
    """`DELETE …/{object}?keys=Gsid`, which the vendor's own page uses."""
    item = _writable(call)
    gsids = [str(record.get("Gsid")) for record in _records(call)]
    with call.world.store.transaction():
        for gsid in gsids:
            if not records.delete(call.world, item, gsid):
                raise _no_match()
    return envelope.ok({"count": len(gsids), "errors": None, "records": [{"Gsid": gsid} for gsid in gsids]})


def _writable(call: Call) -> ObjectDef:
    """Standard objects other than these answer as unknown here: people have their own API, the rest has none."""
    found = call.world.catalog.find(call.params[0])
    if found is None or not found.writable:
        raise describe.not_found(call)
    return found


def _records(call: Call) -> list[dict[str, Any]]:
    body = call.request.json()
    given = body.get("records") if isinstance(body, dict) else None
    if not isinstance(given, list) or not given or not all(isinstance(record, dict) for record in given):
        raise envelope.refuse("GSOBJ_1002", "records must be a list of objects")
    if len(given) > MOST_RECORDS:
        raise envelope.refuse("GSOBJ_1002", f"A maximum of {MOST_RECORDS} records is allowed per call")
    return given


def _read_batch(call: Call, item: ObjectDef, updating: bool) -> _Batch:
    given = _records(call)
    resolvers = lookups.parse(call, item, call.request.json().get("lookups"))
    batch = _Batch(item=item)
    for record in given:
        copy, errors = dict(record), []
        for lookup in resolvers:
            problem = lookup.apply(copy)
            if problem:
                errors.append(_error(lookup.field.name, None, "GSOBJ_1002", problem))
        batch.checked.append(_check(item, copy, updating, errors))
        batch.errors.append(errors)
    return batch


def _check(item: ObjectDef, record: dict[str, Any], updating: bool, errors: list[dict[str, Any]]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in record.items():
        found = item.find(name)
        if found is None or (found.read_only and not (updating and found.name == "Gsid")):
            errors.append(_error(name, value, "GSOBJ_1002", "Invalid field, please re-check data mapping"))
            continue
        try:
            checked[found.name] = values.coerce(found, value)
        except values.Invalid as invalid:
            errors.append(_error(name, value, invalid.code, invalid.text))
    if not updating:
        missing = [f.name for f in item.fields.values() if f.required and f.name not in checked]
        named = {error["errors"][0]["fieldName"] for error in errors}
        for name in (name for name in missing if name not in named):
            errors.append(_error(name, None, "GSOBJ_1007", f"Invalid field value ({name} = null)"))
    return checked


def _error(name: str, value: Any, code: str, text: str) -> dict[str, Any]:
    detail = {"errorMessage": text, "errorCode": code, "fieldName": name, "invalidValue": value}
    return {"success": False, "parsedValue": value, "errors": [detail], "text": text}


def _without_text(data: dict[str, Any]) -> dict[str, Any]:
    """The helper key that carries the head line does not belong into the answer."""
    nested = [[{k: v for k, v in entry.items() if k != "text"} for entry in entries] for entries in data["errors"]]
    return data | {"errors": nested}


def _keys(call: Call, item: ObjectDef) -> list[FieldDef]:
    names = [name.strip() for name in call.request.first("keys").split(",") if name.strip()]
    if not 0 < len(names) <= MOST_KEYS:
        raise envelope.refuse("GSOBJ_1004", f"keys must name 1 to {MOST_KEYS} fields")
    found = [item.find(name) for name in names]
    if any(key is None or key.type not in KEY_TYPES for key in found):
        raise envelope.refuse("GSOBJ_1002", "Invalid field, please re-check data mapping (keys)")
    return [key for key in found if key is not None]


def _matches(call: Call, item: ObjectDef, keys: list[FieldDef], values_: dict[str, Any]) -> list[str]:
    missing: Callable[[FieldDef], bool] = lambda key: values_.get(key.name) is None  # noqa: E731
    if any(missing(key) for key in keys):
        raise envelope.refuse("GSOBJ_1004", "Every record needs a value for each key")
    tests = " AND ".join(f'"{key.name}" = ?' for key in keys)
    params = [values_[key.name] for key in keys]
    found = call.world.store.tuples(f'SELECT "Gsid" FROM {item.table} WHERE {tests} ORDER BY "Gsid"', params)
    if not found and call.world.switches.update_no_match == "400":
        raise _no_match()
    if len(found) > 1 and call.world.switches.multi_match == "error":
        raise envelope.refuse("GSOBJ_1002", "Multiple records match the given keys")
    return [row[0] for row in found]


def _no_match() -> Refusal:
    return envelope.refuse("GSOBJ_1011", "No entity matches the given criteria")
