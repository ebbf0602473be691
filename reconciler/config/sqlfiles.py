"""Files of SQL that models name: read once, their content put into the documents: a changed file is a changed document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reconciler import errors
from reconciler.config import discovery, sqltext
from reconciler.config.facts import Entry
from reconciler.config.sqltext import NotText
from reconciler.model.diagnostic import Diagnostic, Position
from reconciler.model.document import MODEL, Document
from reconciler.model.json import Json

KEY = "sqlFile"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFile:
    """One file. `missing` says why it could not be read and what to do, `wrong` why its content is no SQL."""

    path: str
    sha: str
    text: str = ""
    missing: tuple[str, str | None] | None = None
    wrong: NotText | None = None
    size: int = 0

    @property
    def usable(self) -> bool:
        return self.missing is None and self.wrong is None


def named(entry: Entry) -> str | None:
    """The path, from the config root, of the file that a model names."""
    name = entry.document.spec.get(KEY) if entry.document.id.kind == MODEL else None
    return str(PurePosixPath(entry.origin.file).parent / name) if isinstance(name, str) else None


def read(root: Path, path: str) -> SqlFile:
    """The content of a file, or why there is none: what cannot be read is an error, never an empty query."""
    try:
        why = discovery.unusual(root, path)
        data = b"" if why else discovery.read(root, path, sqltext.MAX_SQL_BYTES)
    except errors.ConfigIncomplete as error:
        hint = "`sqlFile` is read from the folder of this document: correct it, or put the file there"
        return _missing(path, error.message, hint)
    if why:
        return _missing(path, why, "put the file itself there")
    text = sqltext.decode(data)
    if isinstance(text, NotText):
        return SqlFile(path=path, sha=hashlib.sha256(data).hexdigest(), wrong=text, size=len(data))
    normal = sqltext.normalise(text)
    if not normal.strip():
        empty = NotText("this file is empty", "write one SELECT into it")
        return SqlFile(path=path, sha=hashlib.sha256(data).hexdigest(), wrong=empty)
    return SqlFile(path=path, sha=hashlib.sha256(data).hexdigest(), text=normal, size=len(data))


def _missing(path: str, why: str, hint: str | None) -> SqlFile:
    return SqlFile(path=path, sha=f"missing: {why}", missing=(why, hint))


def included(entry: Entry, file: SqlFile) -> Entry:
    """The document with the content of its file in place of the name."""
    document = entry.document
    spec: Mapping[str, Json] = {key: value for key, value in document.spec.items() if key != KEY} | {"sql": file.text}
    return replace(entry, document=Document(id=document.id, spec=spec, labels=document.labels), included=file.path)


def problem(file: SqlFile, where: Position) -> Diagnostic | None:
    """What is wrong with a file that a model names at `where`."""
    if file.missing is not None:
        message, hint = file.missing
        return Diagnostic(code="E-PATH", message=message, hint=hint, position=where)
    if file.wrong is not None:
        at = Position(file.path, file.wrong.line, file.wrong.column)
        return Diagnostic(code="E-SQL", message=file.wrong.message, hint=file.wrong.hint, position=at)
    return None
