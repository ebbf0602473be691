"""What was parsed and checked before: one JSON file below the config root that may be deleted at any time.

    first line   SHA-256 of the rest
    rest         {"program", "project": [sha, name, spec], "files": {path: {"sha", …}}, "tree": {"key", "diagnostics"}}

It is only believed when its checksum, the program and the content of every file agree; anything else is as if it were not there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

import reconciler
from reconciler.config.facts import Entry
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.document import Document, DocumentId, Origin
from reconciler.model.json import Json

FOLDER = "var/cache"
FILE = "config.json"
_MAX_BYTES = 1024 * 1024 * 1024


def program() -> str:
    """What parsed: the version, and the code of this package itself, so that a changed rule is never answered from the cache."""
    here = Path(__file__).parent
    code = [reconciler.__version__]
    for folder in (here, here / "rules", here / "git"):
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    code.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


class Cache:
    """The cache of one project. `content` is empty when there is none, it is damaged, or `enabled` is False."""

    def __init__(self, root: Path, *, enabled: bool) -> None:
        self._path = root / FOLDER / FILE
        self.enabled = enabled
        self._program = program() if enabled else ""
        self.content: Mapping[str, Any] = self._read() if enabled else {}

    def _read(self) -> Mapping[str, Any]:
        try:
            with self._path.open("rb") as file:
                checksum, data = file.readline(), file.read(_MAX_BYTES)
        except OSError:
            return {}  # No cache, or none that may be read: everything is read afresh.
        if checksum.strip() != hashlib.sha256(data).hexdigest().encode():
            return {}
        content: Mapping[str, Any] = orjson.loads(data)
        return content if content["program"] == self._program else {}

    def store(self, content: Mapping[str, Json]) -> None:
        """Replace the content. A folder that cannot be written to is no error: the next run is slower, that is all."""
        data = orjson.dumps({**content, "program": self._program})
        temporary = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            ignore = temporary.with_name(".gitignore")
            if not ignore.exists():
                ignore.write_text("*\n")
            temporary.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            temporary.replace(self._path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()


# -- values ------------------------------------------------------------------------------------------------------------


def entry_json(entry: Entry) -> list[Json]:
    """An entry without its file, which is the key it is kept under."""
    document = entry.document
    orders: dict[str, Json] = {key: list(order) for key, order in entry.orders.items()}
    return [*document.id, document.spec, dict(document.labels), document.digest, entry.origin.number, orders]


def entry_from(content: Sequence[Any], file: str) -> Entry:
    kind, name, spec, labels, digest, number, orders = content
    document = Document(id=DocumentId(kind, name), spec=spec, labels=labels)
    # The digest was made from this very content, which the checksum vouches for: there is no need to make it again.
    document.__dict__["digest"] = digest
    return Entry(document=document, origin=Origin(file, number), orders=orders)


def diagnostic_json(diagnostic: Diagnostic) -> list[Json]:
    related: list[Json] = [[text, list(position)] for text, position in diagnostic.related]
    place: Json = list(diagnostic.position) if diagnostic.position else None
    return [diagnostic.code, diagnostic.severity.value, diagnostic.message, diagnostic.hint, place, related]


def diagnostic_from(content: Sequence[Any]) -> Diagnostic:
    code, severity, message, hint, place, related = content
    return Diagnostic(
        code=code,
        severity=Severity(severity),
        message=message,
        hint=hint,
        position=Position(*place) if place else None,
        related=tuple((text, Position(*position)) for text, position in related),
    )
