"""A document as everything after the loader sees it: its name and its normalised content as plain JSON.

Normalised means: defaults left out, so an explicit default in the YAML is no change, and a new optional key in a later
version of the program makes no phantom change either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from reconciler.model.json import Json, digest


class DocumentId(NamedTuple):
    """Unique within a project. Sorts by kind, then by name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


CONNECTION = "Connection"
PROFILE_FIELD_MAPPING = "ProfileFieldMapping"
MODEL = "Model"
SYNC = "Sync"
COMMUNITY_IMPORT = "CommunityImport"
HAVING_CYCLES = frozenset((PROFILE_FIELD_MAPPING, SYNC, COMMUNITY_IMPORT))
"""The kinds whose documents run in cycles, and whose entries have a status each."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One declared or recorded document."""

    id: DocumentId
    spec: Mapping[str, Json]
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """What changes when anything that matters in the document changes."""
        return digest({"spec": self.spec, "labels": self.labels})


class Origin(NamedTuple):
    """Where a document stands: the file (relative to the config root) and its number within the file, from 0."""

    file: str
    number: int
