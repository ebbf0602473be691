"""Small projects as hypothesis draws them: whole sets of documents in which every reference leads somewhere."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from reconciler.model.document import (
    CONNECTION,
    HAVING_CYCLES,
    MODEL,
    PROFILE_FIELD_MAPPING,
    SYNC,
    Document,
    DocumentId,
)
from reconciler.model.json import Json, digest
from reconciler.model.plan import Action, Plan
from reconciler.planning.diff import Desired, Recorded, diff, items

CATALOG = "Catalog"
WAREHOUSE = "warehouse"
QUERIES = ("q-1", "q-2")

Documents = dict[DocumentId, Document]

SOURCES = ("cs-1", "cs-2")
COMMUNITIES = ("cc-1", "cc-2", "cc-3")
FIELDS = ("Job Title", "City", "Größe", "Tier\n2", "a.b", "```")


def document(kind: str, name: str, spec: Mapping[str, Json], labels: Mapping[str, str] | None = None) -> Document:
    return Document(id=DocumentId(kind, name), spec=spec, labels=labels or {})


def mapping(name: str, entries: Mapping[str, str], *, source: str = "cs", target: str = "cc", **spec: Json) -> Document:
    """A ProfileFieldMapping with `entries` from profile field to an attribute of Company Person."""
    written: Json = [
        {"object": "Company Person", "attribute": attribute, "profileField": field}
        for field, attribute in sorted(entries.items())
    ]
    return document(PROFILE_FIELD_MAPPING, name, {"from": source, "to": target, "mappings": written, **spec})


def sync(name: str, fields: Mapping[str, str], *, model: str = "m", to: Json = None, **spec: Json) -> Document:
    """A Sync with `fields` from destination field to column."""
    written: Json = [{"field": field, "column": column} for field, column in sorted(fields.items())]
    end: Json = to or {"connection": "cs", "object": "Company"}
    whole = {"from": {"model": model}, "to": end, "key": {"Name": "a"}, "fields": written, **spec}
    return document(SYNC, name, whole)


def by_id(documents: Iterable[Document]) -> Documents:
    return {document.id: document for document in documents}


def digests(documents: Documents) -> dict[DocumentId, str]:
    return {id: document.digest for id, document in documents.items()}


def desired(documents: Documents) -> Desired:
    found = digests(documents)
    whole = digest({str(id): found[id] for id in sorted(found)})
    return Desired(project="acme", digest=whole, digests=found, documents=documents)


def recorded(documents: Documents, *, serial: int = 7, mappings: int | None = None) -> Recorded:
    counted = sum(len(items(document)) for document in documents.values() if document.id.kind in HAVING_CYCLES)
    return Recorded(
        lineage="0" * 32,
        serial=serial,
        digests=digests(documents),
        documents=documents,
        mappings=counted if mappings is None else mappings,
    )


def plan_between(before: Iterable[Document], after: Iterable[Document], *only: str) -> Plan:
    return diff(desired(by_id(after)), recorded(by_id(before)), only=only)


def carried_out(plan: Plan, before: Documents) -> Documents:
    """What a record holds after a plan, made from nothing but the record and the lines of the plan."""
    after = dict(before)
    for change in plan.changes:
        if change.item:
            continue
        if change.action is Action.FORGET:
            del after[change.id]
        else:
            assert isinstance(change.after, Mapping)
            content: Any = change.after
            after[change.id] = Document(id=change.id, spec=content["spec"], labels=content["labels"])
    return after


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same value with the keys of every object in another order. Lists keep theirs."""
    if isinstance(value, Mapping):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(entry, chance) for entry in value] if isinstance(value, list) else value


def reordered(documents: Documents, chance: random.Random) -> Documents:
    """The same documents, declared in another order with their keys in another order."""
    ids = list(documents)
    chance.shuffle(ids)
    return {
        id: Document(
            id=id, spec=shuffled(documents[id].spec, chance), labels=shuffled(dict(documents[id].labels), chance)
        )
        for id in ids
    }


labels = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["", "a", "b"]), max_size=2)
limit = st.none() | st.integers(1, 3)
rate_limits = st.fixed_dictionaries({}, optional={"perMinute": limit, "perDay": limit})


@st.composite
def sources(draw: st.DrawFn) -> Document:
    optional: dict[str, st.SearchStrategy[Any]] = {
        "active": st.just(False),
        "concurrency": st.integers(1, 2),
        "rateLimit": rate_limits,
    }
    spec = draw(st.fixed_dictionaries({"type": st.just("gainsight-cs")}, optional=optional))
    return document(CONNECTION, draw(st.sampled_from(SOURCES)), spec, draw(labels))


@st.composite
def communities(draw: st.DrawFn, known: list[str]) -> Document:
    names = sorted(draw(st.sets(st.sampled_from(FIELDS), max_size=3)))
    optional: dict[str, st.SearchStrategy[Any]] = {"rateLimit": rate_limits}
    if known:
        optional["connectedTo"] = st.sampled_from(known)
    spec = draw(st.fixed_dictionaries({"type": st.just("gainsight-cc")}, optional=optional))
    if names:
        types = st.sampled_from(["text", "number"])
        spec = {**spec, "profileFields": [{"name": name, "type": draw(types)} for name in names]}
    return document(CONNECTION, draw(st.sampled_from(COMMUNITIES)), spec, draw(labels))


@st.composite
def mappings(draw: st.DrawFn, known_sources: list[str], known_targets: list[str]) -> Document:
    entries = draw(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["Title", "Role"]), min_size=1, max_size=4))
    schedule = draw(st.sampled_from([{}, {"schedule": {"every": "1h"}}]))
    return mapping(
        draw(st.sampled_from(["m-1", "m-2", "m-3"])),
        entries,
        source=draw(st.sampled_from(known_sources)),
        target=draw(st.sampled_from(known_targets)),
        **schedule,
    )


@st.composite
def models(draw: st.DrawFn) -> Document:
    query = draw(st.sampled_from(["SELECT a FROM t", "SELECT a,\n b\nFROM t"]))
    return document(MODEL, draw(st.sampled_from(QUERIES)), {"connection": WAREHOUSE, "sql": query, "key": ["a"]})


@st.composite
def syncs(draw: st.DrawFn, known_models: list[str], known_targets: list[str]) -> Document:
    fields = draw(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["a", "b"]), min_size=1, max_size=4))
    name = draw(st.sampled_from(["s-1", "s-2", "m-1"]))
    waits = draw(st.sampled_from([{}, {"after": ["m-1"]}, {"after": ["Sync/s-1"]}]))
    end = {"connection": draw(st.sampled_from(known_targets)), "object": "Company"}
    return sync(name, fields, model=draw(st.sampled_from(known_models)), to=end, **(waits if name == "s-2" else {}))


@st.composite
def projects(draw: st.DrawFn) -> Documents:
    """Connections, mappings that refer to them, and catalogs of some. Two draws often have documents in common."""
    found = by_id(draw(st.lists(sources(), max_size=2)))
    known_sources = [id.name for id in found]
    found |= by_id(draw(st.lists(communities(known_sources), max_size=3)))
    known_targets = [id.name for id in found if id.name in COMMUNITIES]
    if known_sources and known_targets:
        found |= by_id(draw(st.lists(mappings(known_sources, known_targets), max_size=3)))
    read = by_id(draw(st.lists(models(), max_size=2)))
    if read:
        found |= by_id([document(CONNECTION, WAREHOUSE, {"type": "sql"})]) | read
    if read and known_sources:
        found |= by_id(draw(st.lists(syncs([id.name for id in read], known_sources), max_size=3)))
    for name in known_sources:
        if draw(st.booleans()):
            content = {"objects": {"Person": {"fields": draw(st.sampled_from([{}, {"Title": {"label": "T"}}]))}}}
            found |= by_id([document(CATALOG, name, content)])
    return found
