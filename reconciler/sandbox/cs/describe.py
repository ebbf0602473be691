"""Metadata: the list of objects, their fields, and the items of a drop-down."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from reconciler.sandbox.cs import envelope
from reconciler.sandbox.cs.fields import DATED, NUMERIC, UNSORTABLE, FieldDef, ObjectDef, Option
from reconciler.sandbox.http import Refusal, Response
from reconciler.sandbox.router import Call

COLOURS = ("#2E86DE", "#10AC84", "#FF9F43", "#EE5253", "#8395A7", "#5F27CD")


def list_objects(call: Call) -> Response:
    objects = call.world.catalog.objects
    return envelope.metadata([_listed(item) for _, item in sorted(objects.items())])


def describe_one(call: Call) -> Response:
    return envelope.metadata([described(call, _object(call, call.params[0]), options=True)])


def describe_many(call: Call) -> Response:
    body = call.request.json()
    names = body.get("objectNames") if isinstance(body, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise envelope.refuse("GSOBJ_1002", "objectNames must be a list of object names.")
    # Booleans arrive as strings here, as the published sample sends them.
    options = str(body.get("populatePickListOptions", "true")).lower() == "true"
    return envelope.metadata([described(call, _object(call, name), options) for name in names])


def dropdown(call: Call) -> Response:
    wanted = call.params[0]
    for item in call.world.catalog.objects.values():
        for field in item.fields.values():
            if field.category == wanted:
                children = [{"gsid": o.gsid, "name": o.label, "active": o.active} for o in field.options]
                return envelope.metadata({"gsid": wanted, "name": field.label, "childItems": children})
    raise envelope.refuse("GSOBJ_1011", "No entity matches the given criteria")


def _object(call: Call, name: str) -> ObjectDef:
    found = call.world.catalog.find(name)
    if found is None:
        raise not_found(call)
    return found


def not_found(call: Call) -> Refusal:
    instant = datetime.fromtimestamp(int(call.world.clock.now()), UTC)
    return envelope.object_not_found(f"{instant:%Y-%m-%d %H:%M:%S} UTC")


def _listed(item: ObjectDef) -> dict[str, Any]:
    return {
        "objectName": item.name,
        "label": item.label,
        "objectType": item.kind,
        "keyPrefix": item.prefix,
        "transactional": item.transactional,
        "multiCurrencySupported": False,
        "readable": True,
        "createable": item.writable,
        "schemaUpdateable": item.kind != "SYSTEM",
    }


def described(call: Call, item: ObjectDef, options: bool) -> dict[str, Any]:
    head = {"objectName": item.name, "label": item.label, "objectType": item.kind, "labelPlural": item.plural}
    fields = [_field(call, item, field, options) for field in item.fields.values()]
    return head | {"keyPrefix": item.prefix, "fields": fields}


def _field(call: Call, item: ObjectDef, field: FieldDef, options: bool) -> dict[str, Any]:
    return {
        "fieldName": field.name,
        "label": field.label,
        "dataType": field.type,
        "objectName": item.name,
        "options": [_option(field, n, option) for n, option in enumerate(field.options)] if options else [],
        "meta": {
            "properties": _properties(field),
            **_abilities(field),
            "hasLookup": field.target is not None and not field.self_lookup,
            "selfLookup": field.self_lookup,
            "required": field.required,
            "nillable": not field.required,
            "richText": field.type == "RICHTEXTAREA",
            "formulaField": False,
            "dependentPicklist": False,
            "fieldGroupType": field.group,
            "indexed": field.name == "Gsid",
            "decimalPlaces": field.decimals,
            "length": field.length,
            "hidden": field.hidden,
            "nameField": field.name == item.name_field,
            **({"lookupDetail": _lookup(call, field)} if field.target else {}),
            "onDeleteOperation": "None",
        },
    }


def _abilities(field: FieldDef) -> dict[str, bool]:
    plain = field.type not in UNSORTABLE
    return {
        "filterable": field.type != "IMAGE",
        "sortable": plain,
        "groupable": plain and field.type not in NUMERIC,
        "aggregatable": field.type in NUMERIC or field.type in DATED,
        "createable": not field.read_only,
        "updateable": not field.read_only,
        "readOnly": field.read_only,
    }


def _properties(field: FieldDef) -> dict[str, Any]:
    if field.category:
        return {"PICKLIST_CATEGORY": field.label, "PICKLIST_CATEGORY_ID": field.category}
    if field.target:
        return {"sourceType": "GSID", "SEARCH_CONTROLLER": "AUTO_SUGGEST"}
    return {"sourceType": field.type}


def _lookup(call: Call, field: FieldDef) -> dict[str, Any]:
    target = call.world.catalog.target(field)
    named = target.fields[target.name_field]
    named_details = {"fieldName": named.name, "fieldLabel": named.label, "dataType": named.type}
    return {
        "lookupName": field.lookup_name,
        "fieldName": "Gsid",
        "fieldDBName": "gsid",
        "fieldLabel": "GSID",
        "lookupId": _stable_id(f"lookup:{field.name}:{target.name}"),
        "lookupObjects": [
            {
                "id": _stable_id(f"object:{target.name}"),
                "objectName": target.name,
                "dbName": f"{target.name.lower()}_sandbox",
                "label": target.label,
                "namedFieldDetails": named_details,
            }
        ],
    }


def _option(field: FieldDef, order: int, option: Option) -> dict[str, Any]:
    return {
        "active": option.active,
        "defaultValue": False,
        "label": option.label,
        "value": option.gsid,
        "validFor": None,
        "displayOrder": order,
        "group": field.label,
        "groupId": field.category,
        "color": COLOURS[order % len(COLOURS)],
        "controllerValues": [],
        "description": None,
        "systemName": option.label.upper().replace(" ", "_"),
    }


def _stable_id(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:{text}"))
