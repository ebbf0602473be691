"""One file → its documents and everything that is wrong with it alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from reconciler.config import complaints, documents, loader
from reconciler.config.builder import MAX_PROBLEMS
from reconciler.config.facts import Entry
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.document import DocumentId, Origin


class FileContent(NamedTuple):
    """What a file contributes. `doubtful` names documents that had errors; `complete` is False when something has no name."""

    entries: tuple[Entry, ...]
    problems: tuple[Diagnostic, ...]
    doubtful: tuple[DocumentId, ...]
    complete: bool


def read_file(data: bytes, file: str) -> FileContent:
    """The documents of a configuration file. One without a single character is what a broken copy looks like: an error."""
    content = _Reader(data, file, documents.DOCUMENTS, project=False).read()
    if data.strip():
        return content
    problem = Diagnostic(
        code="E-EMPTY",
        message="this file is empty",
        position=Position(file, 1, 1),
        hint="restore it; if its documents are meant to go, delete the file",
    )
    return content._replace(problems=(*content.problems, problem), complete=False)


def read_project(data: bytes, file: str) -> FileContent:
    """The project file, which holds exactly one document. Without a problem there is exactly one entry."""
    from reconciler.config import projects

    content = _Reader(data, file, projects.PROJECTS, project=True).read()
    if content.problems or len(content.entries) == 1:
        return content
    message = "the project file holds exactly one document"
    problem = Diagnostic(
        code="E-EMPTY",
        message=message,
        position=loader.places(data, file).value(0, ()),
        hint="write one document of kind Project",
    )
    return content._replace(problems=(problem,))


class _Reader:
    def __init__(self, data: bytes, file: str, adapter: TypeAdapter[Any], *, project: bool) -> None:
        self.data = data
        self.file = file
        self.adapter = adapter
        self.project = project
        self.entries: list[Entry] = []
        self.doubtful: list[DocumentId] = []
        self.problems: list[Diagnostic] = []
        self.complete = True

    def read(self) -> FileContent:
        loaded = loader.load(self.data, self.file)
        self.problems.extend(loaded.problems)
        self.complete = loaded.readable
        failed: list[tuple[loader.RawDocument, list[ErrorDetails]]] = []
        for raw in loaded.documents:
            errors = self._document(raw, bool(loaded.problems))
            if errors:
                failed.append((raw, errors))
        if failed:
            self._explain(failed)
        return FileContent(tuple(self.entries), tuple(self.problems), tuple(self.doubtful), self.complete)

    def _document(self, raw: loader.RawDocument, problems: bool) -> list[ErrorDetails]:
        """Take one document. Returns what is wrong with its shape."""
        if not raw.whole:
            self._doubt(raw.data)
            return []
        try:
            parsed = self.adapter.validate_python(raw.data)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
            self._doubt(raw.data)
            self._repaired(raw, errors)
            return errors
        if problems:
            self._doubt(raw.data)
        self._take(parsed, raw, {})
        return []

    def _repaired(self, raw: loader.RawDocument, errors: Sequence[ErrorDetails]) -> None:
        if self.project:
            return
        mended, kept = complaints.repair(errors, raw.data)
        try:
            parsed = self.adapter.validate_python(mended)
        except ValidationError:
            return  # Its errors are reported already; there is just nothing more to say about this document.
        self._take(parsed, raw, kept)

    def _take(self, parsed: Any, raw: loader.RawDocument, kept: Mapping[str, Sequence[int]]) -> None:
        document, orders = documents.to_document(parsed)
        standing = {key: [kept[key][at] for at in order] if key in kept else order for key, order in orders.items()}
        self.entries.append(Entry(document=document, origin=Origin(self.file, raw.number), orders=standing))

    def _doubt(self, data: object) -> None:
        found = identity(data)
        if found is None:
            self.complete = False
        else:
            self.doubtful.append(found)

    def _explain(self, failed: Sequence[tuple[loader.RawDocument, list[ErrorDetails]]]) -> None:
        """What is wrong with shapes, less what stands where the loader has complained already."""
        places = loader.places(self.data, self.file)
        known = {problem.position and problem.position[:3] for problem in self.problems}
        for at, (raw, errors) in enumerate(failed):
            found = complaints.diagnose(errors, raw, places, self.project)
            self.problems.extend(d for d in found if d.position is None or d.position[:3] not in known)
            left = len(failed) - at - 1
            if len(self.problems) >= MAX_PROBLEMS and left:
                more = f" (and {left:,} more documents of this file have errors)"
                self.problems[-1] = replace(self.problems[-1], message=self.problems[-1].message + more)
                return


def identity(data: object) -> DocumentId | None:
    """Kind and name of a document, if it has usable ones."""
    if not isinstance(data, dict) or not isinstance(data.get("metadata"), dict):
        return None
    kind, name = data.get("kind"), data["metadata"].get("name")
    if (
        isinstance(kind, str)
        and kind in documents.KINDS
        and isinstance(name, str)
        and re.fullmatch("[a-z0-9-]{1,63}", name)
    ):
        return DocumentId(kind, name)
    return None
