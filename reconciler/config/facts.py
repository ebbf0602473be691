"""What the rules see of a project, and what they say about it.

Plain values: the rules themselves are not imported for an unchanged project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from reconciler.config import closest
from reconciler.model import resources
from reconciler.model.document import Document, DocumentId, Origin

if TYPE_CHECKING:
    from reconciler.config.sqlproof import Wrong
    from reconciler.config.sqltypes import Kind
    from reconciler.model.catalog import Catalog, CatalogObject
    from reconciler.model.diagnostic import Diagnostic

MAX_SUGGESTIONS = 100
"""Names looked up for 'did you mean' in one run: whoever has more wrong names has one wrong thing."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A document, where it stands, and for each of its sorted lists where the items stood in the file.

    `included` is the path of the file whose content became a part of it: its SQL, its aliases.
    """

    document: Document
    origin: Origin
    orders: Mapping[str, Sequence[int]] = field(default_factory=dict)
    included: str | None = None

    def sql_place(self, line: int, column: int, length: int) -> Place:
        """A place in the SQL of a model, which stands in a file of its own or as text in the document."""
        if "table" in self.document.spec:
            return self.place("spec", "table")
        return Place(self.origin, ("spec", "sql"), span=Span(self.included, line, column, length))

    def place(self, *path: str | int, key: bool = False) -> Place:
        """The place of a part of the document, as the file has it. `path` starts below the document: "spec", …"""
        if len(path) > 2 and path[0] == "spec" and isinstance(path[2], int):
            order = self.orders.get(str(path[1]))
            if order is not None:
                path = (*path[:2], order[path[2]], *path[3:])
        return Place(self.origin, path, key)


@dataclass(kw_only=True)
class ConfigFile:
    """One configuration file on its way."""

    sha: str
    data: bytes
    entries: Sequence[Entry] = ()
    problems: Sequence[Diagnostic] = ()
    doubtful: Sequence[DocumentId] = ()
    complete: bool = True
    cached: Mapping[str, Any] | None = field(default=None)


class Span(NamedTuple):
    """A place in a text, from 1; `file` is the one that holds nothing but the text, if there is one."""

    file: str | None
    line: int
    column: int
    length: int


class Place(NamedTuple):
    """A part of a document in a file: its value, its key, or a place in the text that is its value."""

    origin: Origin
    path: tuple[str | int, ...]
    key: bool = False
    span: Span | None = None


class Finding(NamedTuple):
    """What a rule's check found."""

    place: Place | None
    message: str
    hint: str | None = None
    related: tuple[tuple[str, Place], ...] = ()


Resource = TypeVar("Resource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed(Generic[Resource]):
    """A typed resource beside the entry it was made from."""

    resource: Resource
    entry: Entry


class Line(NamedTuple):
    """One mapping of one document."""

    mapping: resources.FieldMapping
    document: resources.ProfileFieldMapping
    entry: Entry
    at: int

    def place(self, key: str) -> Place:
        return self.entry.place("spec", "mappings", self.at, key)


class Written(NamedTuple):
    """One field of one Sync."""

    rule: resources.FieldRule
    sync: resources.Sync
    entry: Entry
    at: int

    def place(self, key: str) -> Place:
        return self.entry.place("spec", "fields", self.at, key)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The whole project as rules see it.

    `doubtful` are documents with errors in them: nothing is concluded from what they lack. `complete` is False when some file
    could not be read as YAML, or some document has no usable name: then nothing is concluded from what is not there at all.
    `damaged` are connections whose catalog is there and cannot be read. `models` know their output columns, where their SQL
    tells them; `sql` says what is wrong with it, `kinds` what is certain about the values of columns.
    """

    connections: Mapping[str, Typed[resources.Connection]]
    mappings: Sequence[Typed[resources.ProfileFieldMapping]]
    entries: Sequence[Entry]
    doubtful: frozenset[DocumentId] = frozenset()
    complete: bool = True
    models: Mapping[str, Typed[resources.Model]] = field(default_factory=dict)
    syncs: Sequence[Typed[resources.Sync]] = ()
    imports: Sequence[Typed[resources.CommunityImport]] = ()
    sql: Mapping[str, Sequence[Wrong]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, Kind]] = field(default_factory=dict)
    catalogs: Mapping[str, Catalog] = field(default_factory=dict)
    damaged: frozenset[str] = frozenset()
    suggestions: list[int] = field(default_factory=lambda: [MAX_SUGGESTIONS])

    @cached_property
    def lines(self) -> Sequence[Line]:
        """Every mapping of every document: what most rules go through."""
        return [
            Line(mapping, typed.resource, typed.entry, at)
            for typed in self.mappings
            for at, mapping in enumerate(typed.resource.mappings)
        ]

    @cached_property
    def writes(self) -> Sequence[Written]:
        """Every field that a Sync writes."""
        return [
            Written(rule, typed.resource, typed.entry, at)
            for typed in self.syncs
            for at, rule in enumerate(typed.resource.fields)
        ]

    def target(self, sync: resources.Sync) -> CatalogObject | None:
        """What a catalog knows of the object that a Sync writes."""
        catalog = self.catalogs.get(sync.connection)
        return catalog.objects.get(sync.object) if catalog else None

    def communities(self) -> Iterator[tuple[resources.CcConnection, Entry]]:
        """Every declared community, with its entry."""
        for typed in self.connections.values():
            if isinstance(typed.resource, resources.CcConnection):
                yield typed.resource, typed.entry

    def described(self, line: Line) -> CatalogObject | None:
        """What a catalog knows of the object that a mapping reads."""
        catalog = self.catalogs.get(line.document.source)
        return catalog.objects.get(line.mapping.object) if catalog else None

    def suggest(
        self, wrong: str, known: Sequence[str] | Mapping[str, object], otherwise: str | None = None
    ) -> str | None:
        """A 'did you mean' hint, as long as there are not too many of them."""
        if self.suggestions[0] <= 0:
            return otherwise
        self.suggestions[0] -= 1
        return closest.hint(wrong, known, otherwise)
