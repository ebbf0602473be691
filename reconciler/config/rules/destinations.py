"""Rules about where a Sync writes: which objects, by which keys, and which of their fields."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config import closest
from reconciler.config.facts import Facts, Finding, Typed, Written
from reconciler.config.rules import examples, lookups
from reconciler.config.rules.base import Example, Rule
from reconciler.model import destination, resources
from reconciler.model.catalog import CatalogField, CatalogObject
from reconciler.model.resources import Behavior

Synced = Typed[resources.Sync]

_SUPPORTED = f"write {', '.join(destination.KEYS)}, or a custom object of low volume"
_OTHERS = ("Relationship", "User")
"""Standard objects that look like destinations, known to be none without a catalog."""

_FOUND_BY = {"gsuser": "Email", "person": "Email", "company": "Name", "relationship": "Name"}
"""What records of these objects are usually found by."""

_PULL = "if it is there, run `reconcile catalog pull`"


def _objects(facts: Facts) -> Iterator[Finding]:
    for typed in facts.syncs:
        if wrong := _object(facts, typed.resource):
            yield Finding(typed.entry.place("spec", "to", "object"), *wrong)


def _object(facts: Facts, sync: resources.Sync) -> tuple[str, str | None] | None:
    """Why an object is none that records can be written to, with a hint."""
    name, known = sync.object, facts.target(sync)
    if name in destination.KEYS:
        return None
    if name in _OTHERS:
        return f"'{name}' cannot be synced to", _SUPPORTED
    if known is None:
        catalog = facts.catalogs.get(sync.connection)
        for label, one in catalog.objects.items() if catalog else ():
            if one.name.casefold() == name.casefold():
                return f"the object '{name}' is not known", f"that is an API name; the object is called '{label}'"
        near = closest.closest(name, tuple(destination.KEYS))
        if sync.connection not in facts.catalogs and not near:
            return None
        objects = [*destination.KEYS, *(facts.catalogs[sync.connection].objects if not near else ())]
        return f"the object '{name}' is not known", facts.suggest(name, objects, _PULL)
    return _unwritable(name, known)


def _unwritable(name: str, known: CatalogObject) -> tuple[str, str | None] | None:
    """Why the API takes no records for an object that is there."""
    if known.custom is False:
        return f"'{name}' cannot be synced to", _SUPPORTED
    if known.low_volume is False:
        hint = "make a low volume object for it in Gainsight; the volume of an object cannot be changed"
        return f"'{name}' is of high volume, and the API writes custom objects of low volume only", hint
    if known.editable is False:
        return (
            f"the records of '{name}' may not be edited",
            "make its data editable in Gainsight, then pull the catalog",
        )
    return None


def _behaviors(facts: Facts) -> Iterator[Finding]:
    for typed in facts.syncs:
        sync = typed.resource
        supported = destination.behaviors(sync.object)
        if sync.behavior not in supported:
            message = f"{sync.object} cannot be synced with {sync.behavior}: the API always creates who is not there"
            yield Finding(typed.entry.place("spec", "behavior"), message, f"write {' or '.join(supported)}")


# -- keys --------------------------------------------------------------------------------------------------------------


def _keys(facts: Facts) -> Iterator[Finding]:
    for typed in facts.syncs:
        wanted = destination.KEYS.get(typed.resource.object)
        yield from _custom_key(facts, typed) if wanted is None else _standard_key(typed, wanted)


def _standard_key(typed: Synced, wanted: tuple[str, ...]) -> Iterator[Finding]:
    sync = typed.resource
    hint = "write key: {" + ", ".join(f"{field}: COLUMN" for field in wanted) + "}"
    for field in sync.key:
        if field not in wanted:
            place = typed.entry.place("spec", "key", field, key=True)
            yield Finding(place, f"{sync.object} is not found by '{field}'", hint)
    missing = [field for field in wanted if field not in sync.key]
    if missing and not any(field not in wanted for field in sync.key):
        place = typed.entry.place("spec", "key", key=True)
        yield Finding(
            place, f"{sync.object} is found by {' and '.join(wanted)}; {' and '.join(missing)} is missing", hint
        )


def _custom_key(facts: Facts, typed: Synced) -> Iterator[Finding]:
    sync, known = typed.resource, facts.target(typed.resource)
    if len(sync.key) > destination.MAX_KEYS:
        place = typed.entry.place("spec", "key", key=True)
        hint = "choose the fields that tell the records apart, or make one text of several columns with SQL"
        yield Finding(
            place, f"a record is found by at most {destination.MAX_KEYS} fields, not by {len(sync.key)}", hint
        )
    for name in sync.key:
        field = known.fields.get(name) if known else None
        if known is None or field is None:
            continue  # E-FIELD says so.
        place = typed.entry.place("spec", "key", name, key=True)
        if lookups.is_lookup(field):
            yield Finding(place, f"'{name}' is a lookup, and records are not found by lookups", _plain_keys(known))
        elif field.data_type not in destination.KEY_TYPES:
            yield Finding(
                place, f"records are not found by '{name}', which is {field.data_type.value}", _plain_keys(known)
            )


def _plain_keys(known: CatalogObject) -> str | None:
    names = sorted(
        field.name
        for field in known.fields.values()
        if field.data_type in destination.KEY_TYPES and not lookups.is_lookup(field)
    )
    return f"possible here: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else None


# -- fields ------------------------------------------------------------------------------------------------------------


def described(facts: Facts) -> Iterator[tuple[Written, CatalogField]]:
    """The written fields that a catalog knows, with what it knows of them."""
    for line in facts.writes:
        known = facts.target(line.sync)
        field = known.fields.get(line.rule.field) if known else None
        if field is not None and line.rule.field not in line.sync.key and not _tied(field, line.sync):
            yield line, field


def _fields(facts: Facts) -> Iterator[Finding]:
    for line in facts.writes:
        known, name = facts.target(line.sync), line.rule.field
        if name in line.sync.key or name in destination.KEYS.get(line.sync.object, ()):
            yield Finding(
                line.place("field"), f"'{name}' is part of the key, which is written anyway", "remove this line"
            )
        elif known is not None and name in known.fields and _tied(known.fields[name], line.sync):
            message = f"'{name}' is what the key of {line.sync.object} names, which is written anyway"
            yield Finding(line.place("field"), message, "remove this line")
        elif known is not None and name not in known.fields:
            yield Finding(
                line.place("field"), f"'{known.label}' has no field '{name}'", _field_hint(facts, name, known)
            )
    for typed in facts.syncs:
        known = facts.target(typed.resource)
        if known is not None and typed.resource.object not in destination.KEYS:
            for name in typed.resource.key:
                if name not in known.fields:
                    place = typed.entry.place("spec", "key", name, key=True)
                    yield Finding(place, f"'{known.label}' has no field '{name}'", _field_hint(facts, name, known))


def _field_hint(facts: Facts, name: str, known: CatalogObject) -> str | None:
    folded = name.strip().casefold()
    labelled = sorted(field.name for field in known.fields.values() if field.label.casefold() == folded)
    if labelled:
        return f"that is its label; its API name is {' or '.join(labelled)}"
    return facts.suggest(name, list(known.fields), "if it is new in CS, run `reconcile catalog pull`")


def _read_only(facts: Facts) -> Iterator[Finding]:
    for line, field in described(facts):
        if field.read_only:
            message = f"'{field.name}' is read only: Gainsight sets it itself"
            yield Finding(line.place("field"), message, "remove this line, or write to a field of your own")
        elif field.createable is False and line.sync.behavior is Behavior.UPDATE_OR_CREATE:
            message = f"'{field.name}' cannot be set when a record is created"
            yield Finding(line.place("field"), message, "write it by a second Sync with `behavior: update-only`")


def _lookups(facts: Facts) -> Iterator[Finding]:
    for line, field in described(facts):
        named = line.rule.lookup
        if lookups.is_lookup(field) and named is None:
            message = f"'{field.name}' is a lookup, and it is not said what finds the other record"
            by = _FOUND_BY.get((field.lookup_object or "").lower(), "FIELD")
            hint = f"write `lookup: {by}` (the field of the other object that the value names), or `lookup: Gsid`"
            yield Finding(line.place("field"), message, hint)
        elif named is not None and not lookups.is_lookup(field):
            yield Finding(line.place("lookup"), f"'{field.name}' is no lookup", "remove `lookup`")
        elif named in (None, destination.GSID):
            continue
        elif line.sync.object in destination.PEOPLE:
            message = f"the API for people takes no lookups, so '{named}' cannot find the other record"
            yield Finding(line.place("lookup"), message, "give the id in a column, and write `lookup: Gsid`")
        elif wrong := _not_found_by(facts, line, field, named):
            yield Finding(line.place("lookup"), *wrong)


def _not_found_by(facts: Facts, line: Written, field: CatalogField, named: str) -> tuple[str, str | None] | None:
    """Why the records that a lookup points to are not found by a field of theirs, as far as the catalog knows them."""
    others = facts.catalogs[line.sync.connection].objects.values()
    pointed = (field.lookup_object or "").casefold()
    other = next((one for one in others if one.name.casefold() == pointed), None)
    if other is None:
        return None
    found = other.fields.get(named)
    if found is None:
        return f"'{field.name}' points to {other.label}, which has no field '{named}'", _field_hint(facts, named, other)
    if lookups.is_lookup(found) or found.data_type not in destination.KEY_TYPES:
        return f"records of {other.label} are not found by '{named}'", _plain_keys(other)
    return None


def _required(facts: Facts) -> Iterator[Finding]:
    for typed in facts.syncs:
        sync, known = typed.resource, facts.target(typed.resource)
        if known is None or sync.behavior is not Behavior.UPDATE_OR_CREATE:
            continue
        given = {*sync.key, *(rule.field for rule in sync.fields)}
        missing = [field for field in known.fields.values() if _needed(field, sync) and field.name not in given]
        for field in sorted(missing, key=lambda field: field.name):
            message = f"'{field.name}' of {known.label} is required, and nothing is written to it"
            hint = "write a line for it; or `behavior: update-only`, which creates no records"
            if sync.object in destination.PEOPLE:
                hint = "write a line for it"
            yield Finding(typed.entry.place("spec", "fields", key=True), message, hint)


def _needed(field: CatalogField, sync: resources.Sync) -> bool:
    return field.required is True and not field.read_only and field.createable is not False and not _tied(field, sync)


def _tied(field: CatalogField, sync: resources.Sync) -> bool:
    """Whether a field holds what the key of the object names: the person, the company, the relationship."""
    return sync.object in destination.TIES and field.required is True and lookups.is_lookup(field)


def _cleared(facts: Facts) -> Iterator[Finding]:
    for line, field in described(facts):
        if line.rule.when_null is resources.WhenNull.CLEAR and field.required:
            message = f"'{field.name}' is required, so it cannot be cleared"
            yield Finding(
                line.place("whenNull"), message, "write `whenNull: keep`, or `whenNull: default` with a default"
            )


def _sync(
    *fields: str, object: str = "Company", key: str = "{Name: name}", behavior: str = "update-or-create"
) -> Example:
    text = examples.sync(*fields, object=object, key=key, behavior=behavior)
    return Example(text=text, files=examples.MODELS)


_ONBOARDING = "constant: 5, field: Hours__gc"
_NAMED = "column: name, field: Name"

RULES = (
    Rule(
        code="E-SYNC-OBJECT",
        title="the object cannot be synced to",
        why="Records are written to Person, Company, Company Person, Relationship Person, and to custom objects that the API "
        "takes records for: of low volume, and with data that may be edited.",
        fix="Name one of these objects as it is called in Gainsight. A new custom object is known after another pull.",
        bad=_sync(_ONBOARDING, _NAMED, object="Feature Usage", key="{External_Id__gc: email}"),
        good=_sync(_ONBOARDING, _NAMED, object="Onboarding", key="{External_Id__gc: email}"),
        check=_objects,
    ),
    Rule(
        code="E-BEHAVIOR",
        title="the object cannot be synced with this behavior",
        why="The API for people creates whoever is not there, so Person, Company Person and Relationship Person are synced with "
        "update-or-create. Company and custom objects can be synced with both.",
        fix="Write `behavior: update-or-create`; a WHERE in the model says who is left out.",
        bad=_sync("column: name, field: Name", object="Person", key="{Email: email}", behavior="update-only"),
        good=_sync("column: name, field: Name", object="Person", key="{Email: email}"),
        check=_behaviors,
    ),
    Rule(
        code="E-SYNC-KEY",
        title="records of the object are not found by this key",
        why="Each standard object has its key: Email for Person, Name for Company, the names of what it ties together for "
        "Company Person and Relationship Person. Records of a custom object are found by one to three fields of type STRING, "
        "EMAIL, NUMBER or GSID that are no lookups.",
        fix="Write the key of the object.",
        bad=_sync(key="{Name: name, Employees: employees}"),
        good=_sync(key="{Name: name}"),
        check=_keys,
    ),
    Rule(
        code="E-FIELD",
        title="the object has no such field to write",
        why="Fields are named by their API name and checked against the catalog that `reconcile catalog pull` pinned. What is "
        "part of the key is written anyway.",
        fix="Correct the name; a label is not a name. If the field is new in CS, pull the catalog again.",
        bad=_sync("column: stage, field: Stag"),
        good=_sync("column: stage, field: Stage"),
        check=_fields,
    ),
    Rule(
        code="E-READ-ONLY",
        title="the field cannot be written",
        why="Gainsight sets some fields itself, and refuses a whole call of fifty records for one that tries to.",
        fix="Remove the line, or write to a field of your own.",
        bad=_sync("column: renewal, field: ModifiedDate"),
        good=_sync("column: renewal, field: RenewalDate"),
        check=_read_only,
    ),
    Rule(
        code="E-SYNC-LOOKUP",
        title="a lookup field without a way to find the other record, or a way without a lookup",
        why="A lookup field holds the id of another record. `lookup` names the field of the other object that the values of the "
        "column are found by, and `lookup: Gsid` says that they are ids already. The API for people takes ids only. The catalog "
        "knows the fields of the other object once it was pulled with the `lookup` in place.",
        fix="Write `lookup` for lookup fields, and for no others; name a field that the other object has.",
        bad=_sync("column: csm, field: Csm"),
        good=_sync("column: csm, field: Csm, lookup: Email"),
        check=_lookups,
    ),
    Rule(
        code="E-SYNC-REQUIRED",
        title="a required field is not written",
        why="With update-or-create, records are made that were not there, and Gainsight makes none without its required fields.",
        fix="Write a line for the field, or sync with `behavior: update-only`.",
        bad=_sync(_ONBOARDING, object="Onboarding", key="{External_Id__gc: email}"),
        good=_sync(_ONBOARDING, _NAMED, object="Onboarding", key="{External_Id__gc: email}"),
        check=_required,
    ),
    Rule(
        code="E-CLEAR",
        title="a required field would be cleared",
        why="A record without a required field is refused, and with it all that are sent together.",
        fix="Keep what is there (`whenNull: keep`), or write a value of its own (`whenNull: default`).",
        bad=_sync(f"{_NAMED}, whenNull: clear", _ONBOARDING, object="Onboarding", key="{External_Id__gc: email}"),
        good=_sync(f"{_NAMED}, whenNull: keep", _ONBOARDING, object="Onboarding", key="{External_Id__gc: email}"),
        check=_cleared,
    ),
)
