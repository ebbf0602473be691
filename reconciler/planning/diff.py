"""Declared against recorded: which documents and mappings are added, changed and forgotten. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.model.document import (
    COMMUNITY_IMPORT,
    CONNECTION,
    HAVING_CYCLES,
    MODEL,
    PROFILE_FIELD_MAPPING,
    SYNC,
    Document,
    DocumentId,
)
from reconciler.model.json import Json
from reconciler.model.plan import Action, Base, Change, Counts, Detail, Plan
from reconciler.model.value import ABSENT, Absent

_ITEM_LISTS = {
    PROFILE_FIELD_MAPPING: ("mappings", "profileField"),
    SYNC: ("fields", "field"),
    CONNECTION: ("profileFields", "name"),
}
"""Lists inside documents that are compared entry by entry, with the key that names an entry."""

_CATALOG = "Catalog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the configuration says: digests of everything, contents of at least what differs from the record."""

    project: str
    digest: str
    digests: Mapping[DocumentId, str]
    documents: Mapping[DocumentId, Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was applied: the same, from the database. `mappings` is the number of recorded mappings over all documents.

    `tree` is the digest of what another tree declares, where that stands in for the database.
    """

    lineage: str | None
    serial: int
    digests: Mapping[DocumentId, str]
    documents: Mapping[DocumentId, Document]
    mappings: int
    tree: str | None = None


def declared_elsewhere(there: Desired) -> Recorded:
    """What another tree declares, as if it had been applied: the other side of a comparison of two trees."""
    mappings = sum(len(items(document)) for id, document in there.documents.items() if id.kind in HAVING_CYCLES)
    return Recorded(
        lineage=None, serial=0, digests=there.digests, documents=there.documents, mappings=mappings, tree=there.digest
    )


def differing(desired: Mapping[DocumentId, str], recorded: Mapping[DocumentId, str]) -> list[DocumentId]:
    """Documents that a plan must look into, in plan order. Everything else is equal without being read."""
    return _in_order(id for id in desired.keys() | recorded.keys() if desired.get(id) != recorded.get(id))


def _in_order(ids: Iterable[DocumentId]) -> list[DocumentId]:
    """What runs in cycles comes after what it names."""
    return sorted(ids, key=lambda id: (id.kind in HAVING_CYCLES, id))


def diff(desired: Desired, recorded: Recorded, *, only: tuple[str, ...] = ()) -> Plan:
    """The plan that takes `recorded` to `desired`.

    `only` limits it to documents by name or `Kind/name`, and to what those need.
    """
    ids = differing(desired.digests, recorded.digests)
    chosen = ids if not only else _closure(ids, only, desired, recorded)
    changes = tuple(
        change for id in chosen for change in document_changes(id, _content(recorded, id), _content(desired, id))
    )
    written = _written(desired, recorded)
    whole = [change for change in changes if not change.item and not change.is_header]
    return Plan(
        project=desired.project,
        base=Base(lineage=recorded.lineage, serial=recorded.serial, desired=desired.digest, tree=recorded.tree),
        changes=changes,
        documents=_count(whole, len(recorded.digests)),
        declared=_count(
            (change for change in whole if change.id in written), len(written.intersection(recorded.digests))
        ),
        mappings=_count((c for c in changes if c.item), recorded.mappings),
        only=only,
    )


def _content(side: Desired | Recorded, id: DocumentId) -> Document | None:
    """A document that is there must be at hand: taking it for absent would forget it."""
    return side.documents[id] if id in side.digests else None


def document_changes(id: DocumentId, before: Document | None, after: Document | None) -> Iterator[Change]:
    """The lines for one document: itself first, then its mappings by profile field, or the fields that it writes."""
    action = Action.CHANGE
    details: tuple[Detail, ...] = ()
    if before is None or after is None:
        action = Action.ADD if before is None else Action.FORGET
    else:
        details = tuple(_details(_outline(before), _outline(after), ""))
    yield Change(action=action, id=id, before=_whole(before), after=_whole(after), details=details)
    if id.kind in HAVING_CYCLES:
        yield from _item_changes(id, before, after)


def _item_changes(id: DocumentId, before: Document | None, after: Document | None) -> Iterator[Change]:
    old, new = items(before), items(after)
    for item in sorted(old.keys() | new.keys()):
        if item not in old:
            yield Change(action=Action.ADD, id=id, item=item, after=new[item])
        elif item not in new:
            yield Change(action=Action.FORGET, id=id, item=item, before=old[item])
        elif old[item] != new[item]:
            details = tuple(_details(old[item], new[item], ""))
            yield Change(action=Action.CHANGE, id=id, item=item, before=old[item], after=new[item], details=details)


def items(document: Document | None) -> dict[str, Json]:
    """The named entries of a document: what it writes by the name of the field, or its profile fields by name."""
    if document is None or document.id.kind not in _ITEM_LISTS:
        return {}
    key, name = _ITEM_LISTS[document.id.kind]
    return _by_name(document.spec.get(key), name)


def _by_name(entries: Json, name: str) -> dict[str, Json]:
    if not isinstance(entries, (list, tuple)):
        return {}
    return {str(entry[name]): entry for entry in entries if isinstance(entry, Mapping)}


def _outline(document: Document) -> dict[str, Json]:
    """A document for comparison key by key: entries with lines of their own left out, other named lists keyed by name."""
    spec = dict(document.spec)
    if document.id.kind in _ITEM_LISTS:
        key, _ = _ITEM_LISTS[document.id.kind]
        entries: dict[str, Json] = {} if document.id.kind in HAVING_CYCLES else items(document)
        spec.pop(key, None)
        spec.update({key: entries} if entries else {})
    return {**spec, **({"labels": dict(document.labels)} if document.labels else {})}


def _whole(document: Document | None) -> Json:
    return None if document is None else {"spec": document.spec, "labels": dict(document.labels)}


def _details(before: Json | Absent, after: Json | Absent, path: str) -> Iterator[Detail]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _details(before.get(key, ABSENT), after.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif before != after:
        yield Detail(path=path, before=_readable(before), after=_readable(after))


def _readable(value: Json | Absent) -> Json:
    if value is ABSENT:
        return None
    return "null" if value is None else value


def _written(desired: Desired, recorded: Recorded) -> set[DocumentId]:
    """The documents that somebody wrote on at least one side. What an import says of which nobody says anything is known."""
    ids = desired.digests.keys() | recorded.digests.keys()
    unsaid = {Document(id=id, spec={"to": id.name}).digest for id in ids if id.kind == CONNECTION}
    return {
        id
        for id in ids
        if id.kind != _CATALOG
        and not (
            id.kind == COMMUNITY_IMPORT
            and all(side.get(id) in {None, *unsaid} for side in (desired.digests, recorded.digests))
        )
    }


def _count(changes: Iterable[Change], recorded: int) -> Counts:
    counts = dict.fromkeys(Action, 0)
    for change in changes:
        counts[change.action] += 1
    return Counts(add=counts[Action.ADD], change=counts[Action.CHANGE], forget=counts[Action.FORGET], recorded=recorded)


def unknown_names(only: tuple[str, ...], ids: Mapping[DocumentId, str]) -> list[str]:
    """The entries of `only` that name no document at all."""
    return [name for name in only if not any(_named(id, name) for id in ids)]


def _named(id: DocumentId, name: str) -> bool:
    return name in (id.name, str(id))


def _closure(ids: list[DocumentId], only: tuple[str, ...], desired: Desired, recorded: Recorded) -> list[DocumentId]:
    """The named documents, what they refer to, and what would be left dangling without them."""
    chosen = {id for id in ids if any(_named(id, name) for name in only)}
    while True:
        needed = {found for id in chosen for found in references(desired.documents.get(id))}
        forgotten = {id for id in chosen if id.kind in (CONNECTION, MODEL) and id not in desired.digests}
        more = {id for id in ids if id in needed or references(recorded.documents.get(id)) & forgotten}
        if more <= chosen:
            return _in_order(chosen)
        chosen |= more


def references(document: Document | None) -> set[DocumentId]:
    """The documents that one cannot do without: the connections and the model that it names, what it waits for, catalogs."""
    if document is None:
        return set()
    spec = document.spec
    match document.id.kind:
        case kind if kind == MODEL:
            return _connections(spec.get("connection"))
        case kind if kind == SYNC:
            model = _below(spec.get("from"), "model")
            waited = {DocumentId(kind, name) for name in _names(spec.get("after")) for kind in HAVING_CYCLES}
            models = {DocumentId(MODEL, model)} if isinstance(model, str) else set()
            return models | _connections(_below(spec.get("to"), "connection")) | waited
        case kind if kind == COMMUNITY_IMPORT:
            return _connections(document.id.name, spec.get("to"))
    return _connections(*(spec.get(key) for key in ("from", "to", "connectedTo")))


def _connections(*names: Json) -> set[DocumentId]:
    return {DocumentId(kind, name) for name in names if isinstance(name, str) for kind in (CONNECTION, _CATALOG)}


def _below(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, Mapping) else None


def _names(value: Json) -> Iterator[str]:
    """The names in a list, without the kind that some are written with."""
    for name in value if isinstance(value, (list, tuple)) else ():
        yield str(name).rpartition("/")[2]
