"""What was looked up for a page of members: each key once, however many members and rules ask for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

from reconciler.records.resolution.directory import Directory, Person
from reconciler.records.resolution.keys import KeyKind

V = TypeVar("V")
NOBODY: frozenset[str] = frozenset()


class Memo(Generic[V]):
    """Answers by key. What was asked for and not found is remembered, too."""

    __slots__ = ("_ask", "_known")

    def __init__(self, ask: Callable[[Collection[str]], Mapping[str, V]]) -> None:
        self._ask = ask
        self._known: dict[str, V | None] = {}

    def load(self, keys: Iterable[str]) -> None:
        missing = {key for key in keys if key and key not in self._known}
        if missing:
            self._known.update(dict.fromkeys(missing))
            self._known.update(self._ask(missing))

    def get(self, key: str) -> V | None:
        """An answer that was loaded before."""
        return self._known.get(key)

    def each(self, keys: Iterable[str], default: V) -> list[V]:
        """The answers for several keys, in their order."""
        known = self._known
        return [known.get(key) or default for key in keys]


class Lookup:
    """All memos of one page."""

    def __init__(self, directory: Directory) -> None:
        self._people = {kind: Memo(_of_kind(directory.people, kind)) for kind in KeyKind}
        self._companies = {kind: Memo(_of_kind(directory.companies, kind)) for kind in KeyKind}
        self._persons: Memo[Person] = Memo(directory.persons)
        self._company_names: Memo[str] = Memo(directory.company_names)
        self._namesakes: Memo[Collection[tuple[str, str]]] = Memo(directory.namesakes)

    def load_people(self, kind: KeyKind, keys: Iterable[str]) -> None:
        self._people[kind].load(keys)

    def load_companies(self, kind: KeyKind, keys: Iterable[str]) -> None:
        self._companies[kind].load(keys)

    def load_persons(self, ids: Iterable[str]) -> None:
        self._persons.load(ids)

    def load_company_names(self, ids: Iterable[str]) -> None:
        self._company_names.load(ids)

    def load_namesakes(self, blocks: Iterable[str]) -> None:
        self._namesakes.load(blocks)

    def people(self, kind: KeyKind, key: str) -> Collection[str]:
        return self._people[kind].get(key) or NOBODY

    def all_people(self, kind: KeyKind, keys: Iterable[str]) -> list[Collection[str]]:
        """The same for each of several keys."""
        return self._people[kind].each(keys, NOBODY)

    def companies(self, kind: KeyKind, key: str) -> Collection[str]:
        return self._companies[kind].get(key) or NOBODY

    def person(self, id: str) -> Person:
        return self._persons.get(id) or Person(id=id, name="")

    def company_name(self, id: str) -> str:
        return self._company_names.get(id) or ""

    def namesakes(self, block: str) -> Collection[tuple[str, str]]:
        return self._namesakes.get(block) or ()


def _of_kind(
    ask: Callable[[KeyKind, Collection[str]], Mapping[str, Collection[str]]], kind: KeyKind
) -> Callable[[Collection[str]], Mapping[str, Collection[str]]]:
    return lambda keys: ask(kind, keys)
