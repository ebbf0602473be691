"""The people and companies of Gainsight CS in temporary tables of a workspace: `records.resolution`'s `Directory`.

However many there are, memory holds a page of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from reconciler.records.resolution.directory import BLOCK_LIMIT, Person, Tie
from reconciler.records.resolution.keys import KeyKind, email_key, name_key
from reconciler.records.resolution.rows import (
    CompanyPersonRow,
    CompanyRow,
    PersonRow,
    company_keys,
    company_person_keys,
    person_keys,
)
from reconciler.state.staging import Workspace

_PEOPLE, _PERSON_KEYS, _TIES = "people", "person_keys", "ties"
_COMPANIES, _COMPANY_KEYS = "companies", "company_keys"


class TableDirectory:
    """Load it, then `ready` it, then look things up."""

    def __init__(self, workspace: Workspace, region: str | None) -> None:
        self._workspace = workspace
        self._region = region
        workspace.create(_PEOPLE, ("id", "name", "company_id"))
        workspace.create(_PERSON_KEYS, ("kind", "text", "id"))
        workspace.create(_TIES, ("person_id", "id", "company_id", "main", "email"))
        workspace.create(_COMPANIES, ("id", "name"))
        workspace.create(_COMPANY_KEYS, ("kind", "text", "id"))

    def load_people(self, rows: Iterable[PersonRow]) -> None:
        page = list(rows)
        self._workspace.load(_PEOPLE, [(row.id, row.name, row.company_id) for row in page])
        keys = ((kind, text, row.id) for row in page for kind, text in person_keys(row, self._region))
        self._workspace.load(_PERSON_KEYS, keys)

    def load_ties(self, rows: Iterable[CompanyPersonRow]) -> None:
        page = list(rows)
        ties = [
            (row.person_id, row.id, row.company_id, "1" if row.primary else "", email_key(row.email)) for row in page
        ]
        self._workspace.load(_TIES, ties)
        keys = ((kind, text, row.person_id) for row in page for kind, text in company_person_keys(row))
        self._workspace.load(_PERSON_KEYS, keys)

    def load_companies(self, rows: Iterable[CompanyRow]) -> None:
        page = list(rows)
        self._workspace.load(_COMPANIES, [(row.id, row.name) for row in page])
        keys = ((kind, text, row.id) for row in page for kind, text in company_keys(row))
        self._workspace.load(_COMPANY_KEYS, keys)

    def ready(self) -> None:
        """Everything is loaded. Who came to be between the reading of people and that of their ties is known the next time."""
        self._workspace.index(_PEOPLE, ["id"])
        self._workspace.prune(_PERSON_KEYS, "id", _PEOPLE)
        self._workspace.index(_PERSON_KEYS, ["kind", "text"])
        self._workspace.index(_TIES, ["person_id"])
        self._workspace.index(_COMPANIES, ["id"])
        self._workspace.index(_COMPANY_KEYS, ["kind", "text"])

    def people(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        return self._ids(_PERSON_KEYS, kind, keys)

    def companies(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        return self._ids(_COMPANY_KEYS, kind, keys)

    def namesakes(self, blocks: Collection[str]) -> Mapping[str, Collection[tuple[str, str]]]:
        found = {block: ids for block, ids in self.people(KeyKind.BLOCK, blocks).items() if len(ids) <= BLOCK_LIMIT}
        everybody = {id for ids in found.values() for id in ids}
        names = {id or "": name or "" for id, name in self._workspace.among(_PEOPLE, ("id", "name"), "id", everybody)}
        keys = {id: name_key(name) for id, name in names.items()}
        return {block: [(id, keys[id]) for id in ids] for block, ids in found.items()}

    def persons(self, ids: Collection[str]) -> Mapping[str, Person]:
        ties = defaultdict(list)
        columns = ("person_id", "id", "company_id", "main", "email")
        for person, id, company, main, email in self._workspace.among(_TIES, columns, "person_id", ids):
            ties[person].append(Tie(id or "", company or "", main == "1", email or ""))
        return {
            id or "": Person(id=id or "", name=name or "", company_id=company, ties=tuple(sorted(ties[id])))
            for id, name, company in self._workspace.among(_PEOPLE, ("id", "name", "company_id"), "id", ids)
        }

    def company_names(self, ids: Collection[str]) -> Mapping[str, str]:
        return {id or "": name or "" for id, name in self._workspace.among(_COMPANIES, ("id", "name"), "id", ids)}

    def _ids(self, table: str, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for text, id in self._workspace.among(table, ("text", "id"), "text", keys, kind=kind.value):
            found[text or ""].add(id or "")
        return found
