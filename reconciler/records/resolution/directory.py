"""Where persons and companies of CS are looked up: by whole pages of keys, so that it can be tables of a database.

Answers leave out what was not found. Their order means nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from reconciler.records.resolution.keys import KeyKind, email_key, name_key
from reconciler.records.resolution.rows import (
    CompanyPersonRow,
    CompanyRow,
    PersonRow,
    company_keys,
    company_person_keys,
    person_keys,
)

BLOCK_LIMIT = 200
"""A block that more persons share than this says nothing, and is left out as a whole."""


class Tie(NamedTuple):
    """A Company Person as seen from its person. `email` is the key of the address."""

    id: str
    company_id: str
    primary: bool = False
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is to be known of a person who was found."""

    id: str
    name: str
    company_id: str | None = None
    ties: tuple[Tie, ...] = ()


class Directory(Protocol):
    """Bulk lookups. It does not change within a page, and knows every person of whom it gives the id."""

    def people(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        """Ids of persons by key. All of them: rules with several terms intersect."""
        ...

    def companies(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        """Ids of companies by key."""
        ...

    def namesakes(self, blocks: Collection[str]) -> Mapping[str, Collection[tuple[str, str]]]:
        """Ids of persons and keys of their names by block, without blocks of more than `BLOCK_LIMIT` persons."""
        ...

    def persons(self, ids: Collection[str]) -> Mapping[str, Person]:
        """Persons by id."""
        ...

    def company_names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names of companies by id."""
        ...


class InMemoryDirectory:
    """A directory of everything at once."""

    def __init__(
        self,
        people: Iterable[PersonRow],
        companies: Iterable[CompanyRow] = (),
        ties: Iterable[CompanyPersonRow] = (),
        *,
        region: str | None = None,
    ) -> None:
        self._people: dict[KeyKind, dict[str, set[str]]] = {kind: {} for kind in KeyKind}
        self._companies: dict[KeyKind, dict[str, set[str]]] = {kind: {} for kind in KeyKind}
        self._name_keys: dict[str, str] = {}
        self._persons: dict[str, Person] = {}
        self._company_names: dict[str, str] = {}
        by_person: dict[str, list[CompanyPersonRow]] = {}
        for tie in ties:
            by_person.setdefault(tie.person_id, []).append(tie)
        for person in people:
            own = by_person.get(person.id, [])
            self._name_keys[person.id] = name_key(person.name)
            self._persons[person.id] = Person(
                id=person.id,
                name=person.name,
                company_id=person.company_id,
                ties=tuple(Tie(tie.id, tie.company_id, tie.primary, email_key(tie.email)) for tie in own),
            )
            for kind, text in (*person_keys(person, region), *(key for tie in own for key in company_person_keys(tie))):
                self._people[kind].setdefault(text, set()).add(person.id)
        for company in companies:
            self._company_names[company.id] = company.name
            for kind, text in company_keys(company):
                self._companies[kind].setdefault(text, set()).add(company.id)

    def people(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        found = self._people[kind]
        return {key: found[key] for key in keys if key in found}

    def companies(self, kind: KeyKind, keys: Collection[str]) -> Mapping[str, Collection[str]]:
        found = self._companies[kind]
        return {key: found[key] for key in keys if key in found}

    def namesakes(self, blocks: Collection[str]) -> Mapping[str, Collection[tuple[str, str]]]:
        return {
            block: [(id, self._name_keys[id]) for id in ids]
            for block, ids in self.people(KeyKind.BLOCK, blocks).items()
            if len(ids) <= BLOCK_LIMIT
        }

    def persons(self, ids: Collection[str]) -> Mapping[str, Person]:
        return {id: self._persons[id] for id in ids if id in self._persons}

    def company_names(self, ids: Collection[str]) -> Mapping[str, str]:
        return {id: self._company_names[id] for id in ids if id in self._company_names}
