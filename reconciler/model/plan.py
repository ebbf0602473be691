"""The difference between what is declared and what is recorded, as data. Apply and every report read this same value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from reconciler.model.document import DocumentId
from reconciler.model.json import Json, digest
from reconciler.model.run import Predicted

FORMAT_VERSION = 1


class Action(StrEnum):
    """What is done to a document or a mapping. Forget stops writing and keeps all data: nothing is ever deleted."""

    ADD = "add"
    CHANGE = "change"
    FORGET = "forget"

    @property
    def symbol(self) -> str:
        return {"add": "+", "change": "~", "forget": "-"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One changed key of a document, as a dotted path, for people to read.

    None stands for a key that is not there, the text `null` for one that is null: they do not mean the same.
    """

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a plan.

    `item` is empty for the document itself, else the profile field of a mapping. `before` and `after` are the recorded
    and the declared content in normalised form; None where there is none.
    """

    action: Action
    id: DocumentId
    item: str = ""
    before: Json = None
    after: Json = None
    details: tuple[Detail, ...] = ()

    @property
    def is_header(self) -> bool:
        """A document of which only mappings change: it is printed, but it is not counted."""
        return self.action is Action.CHANGE and not self.item and not self.details

    def to_json(self) -> dict[str, Json]:
        return {
            "action": self.action.value,
            "kind": self.id.kind,
            "name": self.id.name,
            "item": self.item,
            "before": self.before,
            "after": self.after,
            "details": [{"path": d.path, "before": d.before, "after": d.after} for d in self.details],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a plan was made from. Applying it to anything else is refused."""

    lineage: str | None
    serial: int
    desired: str
    """Digest over all declared documents and catalogs."""
    tree: str | None = None
    """Digest over what another tree declares, where that was compared with and not the record. Such a plan only shows."""

    def to_json(self) -> dict[str, Json]:
        tree: dict[str, Json] = {"tree": self.tree} if self.tree is not None else {}
        return {"lineage": self.lineage, "serial": self.serial, "desired": self.desired, **tree}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of something a plan adds, changes and forgets, and how many are recorded."""

    add: int = 0
    change: int = 0
    forget: int = 0
    recorded: int = 0

    @property
    def affected(self) -> int:
        """How many recorded ones are touched."""
        return self.change + self.forget

    def to_json(self) -> dict[str, Json]:
        return {"add": self.add, "change": self.change, "forget": self.forget, "recorded": self.recorded}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The calls of a cycle that writes all `records` of a document. `example`: nobody knows yet how many there are. `names`: it
    also looks up what they name, at the most so often. `per_minute` are the calls that the connection may make."""

    document: DocumentId
    records: int
    example: bool
    names: bool
    predicted: Predicted
    per_minute: int | None

    @property
    def minutes(self) -> float | None:
        """None where there is no limit to wait for."""
        return None if self.per_minute is None else self.predicted.calls / self.per_minute

    def to_json(self) -> dict[str, Json]:
        calls = self.predicted
        return {
            "kind": self.document.kind,
            "name": self.document.name,
            "records": self.records,
            "example": self.example,
            "atMost": self.names,
            "reads": calls.reads,
            "writes": calls.writes,
            "polls": calls.polls,
            "minutes": None if self.minutes is None else round(self.minutes, 1),
        }


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An ordered list of changes with its base. Equal inputs give an equal plan, to the byte."""

    project: str
    base: Base
    changes: tuple[Change, ...]
    documents: Counts
    declared: Counts
    """Of the documents those that somebody wrote: neither pinned catalogs nor imports of which nobody says anything."""
    mappings: Counts
    only: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes

    @cached_property
    def digest(self) -> str:
        return digest(self._content())

    def _content(self) -> dict[str, Json]:
        return {
            "formatVersion": FORMAT_VERSION,
            "project": self.project,
            "base": self.base.to_json(),
            "only": list(self.only),
            "summary": {"documents": self.documents.to_json(), "mappings": self.mappings.to_json()},
            "changes": [change.to_json() for change in self.changes],
        }

    def to_json(self) -> dict[str, Json]:
        """The content of a plan file; see `schemas/plan.json`."""
        return {**self._content(), "digest": self.digest}


def digest_of_content(data: Mapping[str, Json]) -> str:
    """The digest that a plan file with this content must carry. Warnings, costs and what imports lack are about the moment of
    looking, not of the plan."""
    return digest({key: value for key, value in data.items() if key not in ("digest", "warnings", "costs", "imports")})
