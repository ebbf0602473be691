"""Rules about profile field mappings: what may flow from Gainsight CS into a community."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.facts import Facts, Finding, Line, Place
from reconciler.config.rules import examples, imports, lookups
from reconciler.config.rules.base import Example, Rule
from reconciler.config.rules.connections import check_end
from reconciler.config.rules.names import unusable
from reconciler.model import destination, resources
from reconciler.model.catalog import CatalogField, CatalogObject, DataType
from reconciler.model.diagnostic import Severity
from reconciler.model.document import CONNECTION, DocumentId
from reconciler.model.resources import SOURCE_OBJECTS, ProfileField, ProfileFieldType, Visibility

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")


def _community(facts: Facts, name: str) -> resources.CcConnection | None:
    typed = facts.connections.get(name)
    return typed.resource if typed and isinstance(typed.resource, resources.CcConnection) else None


def _declared(facts: Facts) -> dict[str, dict[str, ProfileField]]:
    """Profile fields by community and name, of the communities that could be read without an error."""
    return {
        name: {field.name: field for field in typed.resource.profile_fields}
        for name, typed in facts.connections.items()
        if isinstance(typed.resource, resources.CcConnection) and DocumentId(CONNECTION, name) not in facts.doubtful
    }


# -- ends --------------------------------------------------------------------------------------------------------------


def _connections(facts: Facts) -> Iterator[Finding]:
    for typed in facts.mappings:
        yield from check_end(facts, typed.resource.source, resources.CsConnection, typed.entry.place("spec", "from"))
        yield from check_end(facts, typed.resource.target, resources.CcConnection, typed.entry.place("spec", "to"))
    for model in facts.models.values():
        yield from check_end(
            facts, model.resource.connection, resources.SqlConnection, model.entry.place("spec", "connection")
        )
    for sync in facts.syncs:
        where = sync.entry.place("spec", "to", "connection")
        yield from check_end(facts, sync.resource.connection, resources.CsConnection, where)
    for typed_connection in facts.connections.values():
        connection, entry = typed_connection.resource, typed_connection.entry
        if isinstance(connection, resources.CcConnection) and connection.connected_to is not None:
            yield from check_end(
                facts, connection.connected_to, resources.CsConnection, entry.place("spec", "connectedTo")
            )


def _connected(facts: Facts) -> Iterator[Finding]:
    for typed in facts.mappings:
        target = facts.connections.get(typed.resource.target)
        community = _community(facts, typed.resource.target)
        if target is None or community is None or target.entry.document.id in facts.doubtful:
            continue
        if typed.resource.source not in facts.connections:
            continue  # E-CONNECTION says so.
        if community.connected_to is None:
            yield Finding(
                typed.entry.place("spec", "to"),
                f"the community '{community.name}' is not connected to Gainsight CS",
                f"set up the one-click connection, then write `connectedTo: {typed.resource.source}` in its document",
                (("the connection", target.entry.place("metadata", "name")),),
            )
        elif community.connected_to != typed.resource.source:
            yield Finding(
                typed.entry.place("spec", "from"),
                f"the community '{community.name}' is connected to '{community.connected_to}', not to '{typed.resource.source}'",
                f"write `from: {community.connected_to}`",
                (("connected here", target.entry.place("spec", "connectedTo")),),
            )


def _inactive(facts: Facts) -> Iterator[Finding]:
    for name, place in _used(facts):
        found = facts.connections.get(name)
        if found is not None and not found.resource.active:
            yield Finding(
                place,
                f"the connection '{name}' is deactivated, so nothing can flow over it",
                "activate the connection, or remove this document (values already written are kept)",
                (("deactivated here", found.entry.place("spec", "active")),),
            )


def _used(facts: Facts) -> Iterator[tuple[str, Place]]:
    """The connections that values flow over, and where that is said."""
    for typed in facts.mappings:
        yield typed.resource.source, typed.entry.place("spec", "from")
        yield typed.resource.target, typed.entry.place("spec", "to")
    for sync in facts.syncs:
        yield sync.resource.connection, sync.entry.place("spec", "to", "connection")
        model = facts.models.get(sync.resource.model)
        if model is not None:
            yield model.resource.connection, sync.entry.place("spec", "from", "model")
    for tuned in facts.imports:
        community = _community(facts, tuned.resource.name)
        if community is not None and tuned.resource.target not in ("", community.connected_to):
            yield (
                tuned.resource.target,
                tuned.entry.place("spec", "to"),
            )  # W-IMPORT-IDLE speaks of the other connections.


# -- source ------------------------------------------------------------------------------------------------------------


def _objects(facts: Facts) -> Iterator[Finding]:
    for line in facts.lines:
        if line.mapping.object not in SOURCE_OBJECTS:
            known = "supported: " + ", ".join(SOURCE_OBJECTS)
            hint = facts.suggest(line.mapping.object, SOURCE_OBJECTS, known)
            yield Finding(line.place("object"), f"'{line.mapping.object}' is no source of profile fields", hint)


def _attributes(facts: Facts) -> Iterator[Finding]:
    for line in facts.lines:
        name = line.mapping.attribute
        known = facts.described(line)
        if "__gr." in name or (known and name in known.fields):
            continue
        if known is not None and lookups.standard(name) is None:
            message = f"'{known.label}' has no attribute '{name}'"
            yield Finding(line.place("attribute"), message, _attribute_hint(facts, name, known))
        elif known is None and line.mapping.object in SOURCE_OBJECTS and not _API_NAME.fullmatch(name):
            hint = "write its API name, such as Title or Region__gc; `reconcile catalog pull` shows them all"
            yield Finding(line.place("attribute"), f"'{name}' is no API name of an attribute", hint)


def _attribute_hint(facts: Facts, name: str, known: CatalogObject) -> str | None:
    labelled = sorted(
        (field for field in known.fields.values() if field.label.casefold() == name.strip().casefold()),
        key=lambda field: field.name,
    )
    usable = [field.name for field in labelled if not lookups.is_lookup(field)]
    if usable:
        return f"that is its label; its API name is {' or '.join(usable)}"
    if labelled:
        return f"that is the label of {labelled[0].name}, a lookup, and lookups cannot be mapped"
    plain = [field.name for field in known.fields.values() if not lookups.is_lookup(field)]
    return facts.suggest(name, plain, "if it is new in CS, run `reconcile catalog pull`")


def _catalogued(facts: Facts) -> Iterator[tuple[Line, CatalogObject]]:
    """The mappings whose object is in a catalog, with it."""
    for line in facts.lines:
        known = facts.described(line)
        if known is not None:
            yield line, known


def _no_catalog(facts: Facts) -> Iterator[Finding]:
    used: dict[str, set[str]] = {}
    for line in facts.lines:
        if line.mapping.object in SOURCE_OBJECTS:
            used.setdefault(line.document.source, set()).add(line.mapping.object)
    for sync in facts.syncs:
        written = used.setdefault(sync.resource.connection, set())
        if sync.resource.object in destination.KEYS or sync.resource.connection not in facts.catalogs:
            written.add(sync.resource.object)
    yield from _old_catalogs(facts)
    for name, objects in sorted(used.items()):
        typed = facts.connections.get(name)
        if typed is None or not isinstance(typed.resource, resources.CsConnection) or name in facts.damaged:
            continue  # E-CONNECTION or E-CATALOG says so.
        catalog = facts.catalogs.get(name)
        missing = sorted(objects - catalog.objects.keys()) if catalog else []
        if catalog is None or missing:
            what = f"{', '.join(missing)} of '{name}'" if missing else f"'{name}'"
            message = f"there is no catalog of {what}, so attributes were not checked"
            yield Finding(
                typed.entry.place("metadata", "name"), message, "run `reconcile catalog pull` and commit what it writes"
            )


def _old_catalogs(facts: Facts) -> Iterator[Finding]:
    """Catalogs from a time when nobody wrote to Gainsight CS: they do not say what is required, or read only."""
    old = {
        sync.resource.connection
        for sync in facts.syncs
        if (known := facts.target(sync.resource)) and known.custom is None
    }
    for name in sorted(old):
        message = f"the catalog of '{name}' does not say which fields can be written, so that was not checked"
        place = facts.connections[name].entry.place("metadata", "name")
        yield Finding(place, message, "run `reconcile catalog pull` and commit what it writes")


# -- destination -------------------------------------------------------------------------------------------------------


def _profile_fields(facts: Facts) -> Iterator[Finding]:
    declared = _declared(facts)
    for line in facts.lines:
        fields = declared.get(line.document.target)
        name = line.mapping.profile_field
        if fields is not None and name not in fields and unusable(name) is None:
            otherwise = f"add it to profileFields of '{line.document.target}', and to the community if it is not there"
            message = f"the profile field '{name}' is not declared by the connection '{line.document.target}'"
            yield Finding(line.place("profileField"), message, facts.suggest(name, fields, otherwise))
    for community, name, place in imports.named_fields(facts):
        if name not in declared[community.name]:
            message = f"the profile field '{name}' is not declared by the connection '{community.name}'"
            otherwise = f"add it to profileFields of '{community.name}', and to the community if it is not there"
            yield Finding(place, message, facts.suggest(name, declared[community.name], otherwise))


def _writers(facts: Facts) -> Iterator[Finding]:
    writers: dict[tuple[str, str], list[Line]] = {}
    for line in facts.lines:
        writers.setdefault((line.document.target, line.mapping.profile_field), []).append(line)
    for (target, field), lines in writers.items():
        if len(lines) < 2:
            continue
        places = sorted(
            (line.place("profileField") for line in lines), key=lambda place: (place.origin, place.path[2:3])
        )
        for place in places[1:]:
            message = f"the profile field '{field}' of '{target}' is written twice"
            yield Finding(
                place,
                message,
                "a profile field has one writer: remove one of the two",
                (("also written here", places[0]),),
            )


_NUMBERS = frozenset((DataType.NUMBER, DataType.CURRENCY, DataType.PERCENTAGE))

FITS: dict[ProfileFieldType, frozenset[DataType]] = {
    ProfileFieldType.TEXT: frozenset(DataType) - {DataType.IMAGE},
    ProfileFieldType.NUMBER: _NUMBERS,
    ProfileFieldType.DATE: frozenset((DataType.DATE, DataType.DATETIME)),
    ProfileFieldType.BOOLEAN: frozenset((DataType.BOOLEAN,)),
    ProfileFieldType.DROPDOWN: frozenset((DataType.PICKLIST, DataType.STRING, DataType.BOOLEAN)),
    ProfileFieldType.MULTISELECT: frozenset((DataType.MULTISELECT, DataType.PICKLIST, DataType.STRING)),
}
"""Data types that a profile field takes. Text takes all that has a text; rich text arrives with its markup."""


def _types(facts: Facts) -> Iterator[Finding]:
    declared = _declared(facts)
    for line, known in _catalogued(facts):
        attribute = known.fields.get(line.mapping.attribute)
        field = declared.get(line.document.target, {}).get(line.mapping.profile_field)
        if attribute and field and not lookups.is_lookup(attribute) and attribute.data_type not in FITS[field.type]:
            yield Finding(line.place("attribute"), *_misfit(attribute, field))


def _misfit(attribute: CatalogField, field: ProfileField) -> tuple[str, str]:
    message = f"'{attribute.name}' is {attribute.data_type.value}, which does not fit the {field.type.value} field '{field.name}'"
    takers = sorted(kind.value for kind, types in FITS.items() if attribute.data_type in types)
    hint = (
        f"it fits a profile field of type {' or '.join(takers)}"
        if takers
        else "an image has no text that could be written"
    )
    return message, hint


def _public(facts: Facts) -> Iterator[Finding]:
    """At the declaration, because that is where it is mended, and once however often the field is mapped."""
    mapped = {(line.document.target, line.mapping.profile_field) for line in facts.lines}
    for name, typed in facts.connections.items():
        if not isinstance(typed.resource, resources.CcConnection):
            continue
        for at, field in enumerate(typed.resource.profile_fields):
            if field.visibility is Visibility.PUBLIC and (name, field.name) in mapped:
                message = f"everybody in the community can see the mapped profile field '{field.name}'"
                hint = "set it to private or hidden in the community and here, if that is not meant"
                yield Finding(typed.entry.place("spec", "profileFields", at, "name"), message, hint)


_TITLE = "object: Company Person, attribute: Title, profileField: Job Title"
_REGION = "object: Company Person, attribute: Region__gc, profileField: Region"
_GOOD = Example(text=examples.mapping(_TITLE))


def _bad(*items: str) -> Example:
    return Example(text=examples.mapping(*items))


RULES = (
    Rule(
        code="E-CONNECTION",
        title="a document names a connection that is not there or is of the wrong type",
        why="A profile field mapping reads from a connection of type gainsight-cs and writes to one of type gainsight-cc. "
        "A model reads from one of type sql, and a sync writes to one of type gainsight-cs.",
        fix="Correct the name, or declare the connection.",
        bad=Example(text=examples.mapping(_TITLE, from_="acme-css")),
        good=_GOOD,
        check=_connections,
    ),
    Rule(
        code="E-CONNECTED",
        title="the community is not connected to the CS tenant that a mapping reads from",
        why="Values flow only over the one-click connection between a community and Gainsight CS. It is set up in Gainsight and "
        "declared by `connectedTo`.",
        fix="Set up the connection and declare it, or read from the tenant that the community is connected to.",
        bad=Example(text=examples.CC.replace("  connectedTo: acme-cs\n", "") + "---\n" + examples.mapping(_TITLE)),
        good=_GOOD,
        check=_connected,
    ),
    Rule(
        code="E-INACTIVE",
        title="a document uses a connection that is deactivated",
        why="Nothing syncs over a deactivated connection. A mapping or sync over it would look alive and never run.",
        fix="Activate the connection (`active: true`), or remove the document. Values already written are kept.",
        bad=Example(text=examples.CS + "  active: false\n---\n" + examples.mapping(_TITLE)),
        good=_GOOD,
        check=_inactive,
    ),
    Rule(
        code="E-OBJECT",
        title="the object cannot be a source of profile fields",
        why="Gainsight maps attributes of two objects to profile fields: Person and Company Person.",
        fix="Write one of the two, exactly as here.",
        bad=_bad("object: Company Persn, attribute: Title, profileField: Job Title"),
        good=_GOOD,
        check=_objects,
    ),
    Rule(
        code="E-ATTRIBUTE",
        title="the object has no such attribute",
        why="Attributes are named by their API name, and checked against the catalog that `reconcile catalog pull` pinned. "
        "Without one, only what cannot be an API name is refused.",
        fix="Correct the name; a label is not a name. If the attribute is new in CS, pull the catalog again.",
        bad=_bad("object: Company Person, attribute: Titel, profileField: Job Title"),
        good=_GOOD,
        check=_attributes,
    ),
    Rule(
        code="E-LOOKUP",
        title="a lookup attribute cannot be mapped",
        why="A lookup holds the id of another record, not a value that means something to people. Gainsight does not support it "
        "in mappings. A path with `__gr.` leads through a lookup. The lookups that every tenant has, such as `Company_ID` or "
        "`ParentCompany`, are known without a catalog.",
        fix="Map an attribute that holds the value itself; let CS copy it there by a rule if need be.",
        bad=_bad("object: Company Person, attribute: Company_ID, profileField: Job Title"),
        good=_GOOD,
        check=lookups.check,
    ),
    Rule(
        code="E-PROFILE-FIELD",
        title="the profile field is not declared",
        why="The community's API cannot list its profile fields, so a connection declares them. A misspelled name would be "
        "noticed only when every single write fails.",
        fix="Correct the name, or declare the field in `profileFields` of the connection.",
        bad=_bad("object: Company Person, attribute: Title, profileField: Job Titel"),
        good=_GOOD,
        check=_profile_fields,
    ),
    Rule(
        code="E-WRITER",
        title="a profile field is written twice",
        why="Two mappings to one profile field would overwrite each other in every cycle, in whatever files they stand.",
        fix="Remove one of the two mappings.",
        bad=_bad(_TITLE, "object: Person, attribute: Name, profileField: Job Title"),
        good=_bad(_TITLE, _REGION),
        check=_writers,
    ),
    Rule(
        code="E-FIELD-TYPE",
        title="the attribute does not fit the profile field",
        why="The community refuses or garbles values of another type: a name is no number, an image is no text.",
        fix="Map it to a profile field of a fitting type. A text field takes everything but images.",
        bad=_bad("object: Company Person, attribute: Title, profileField: Seats"),
        good=_bad("object: Company Person, attribute: Seats__gc, profileField: Seats"),
        check=_types,
    ),
    Rule(
        code="W-PUBLIC",
        severity=Severity.WARNING,
        title="a mapped profile field is public",
        why="Profile fields are public unless an admin changes that, so everybody in the community sees what arrives.",
        fix="Set the field to private or hidden in the community and declare it so; or live with the warning.",
        bad=Example(
            text=examples.CC.replace("{name: Job Title, visibility: private}", "{name: Job Title}")
            + "---\n"
            + examples.mapping(_TITLE)
        ),
        good=_GOOD,
        check=_public,
    ),
    Rule(
        code="W-CATALOG",
        severity=Severity.WARNING,
        title="attributes were not checked",
        why="Without a pinned catalog nobody knows the attributes of the tenant. `apply` refuses to work without one.",
        fix="Run `reconcile catalog pull` once, and commit what it writes.",
        bad=Example(text=examples.mapping(_TITLE), catalog=False),
        good=_GOOD,
        check=_no_catalog,
    ),
)
