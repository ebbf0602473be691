"""The state file's content: connections and documents with their statuses, read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from reconciler import errors
from reconciler.model.document import CONNECTION, DocumentId
from reconciler.model.json import Json
from reconciler.model.status import Status, StatusEntry
from reconciler.state import documents, meta, statefile, statuses
from reconciler.state.database import Database
from reconciler.state.session import Session


def write_state_file(database: Database, path: Path, *, rebuild: bool = False) -> int:
    """Project the database into the state file. Returns the serial.

    Raises `errors.StateProblem` where the file belongs to another project, is newer, or cannot be written; `rebuild` makes
    a damaged file anew.
    """
    with database.read() as session:
        content = state(session)
    statefile.write(path, content, rebuild=rebuild)
    serial = content["serial"]
    assert isinstance(serial, int)
    return serial


def state(session: Session) -> dict[str, Json]:
    """The state as the file has it, without the checksum. Raises `errors.NotFound` before the first apply."""
    current = meta.read(session)
    if current is None:
        raise errors.NotFound("nothing has been applied yet, so there is no state", hint="run `reconcile apply`")
    recorded = documents.load(session)
    entries = {(entry.kind, entry.name, entry.item): entry for entry in statuses.read(session)}
    return {
        "formatVersion": statefile.FORMAT_VERSION,
        "lineage": current.lineage,
        "serial": current.serial,
        "project": current.project,
        "commit": current.commit,
        "digest": current.desired_digest,
        "connections": [_connection(id, recorded, entries) for id in sorted(recorded) if id.kind == CONNECTION],
        "documents": [_document(id, recorded[id], entries) for id in sorted(recorded) if id.kind != CONNECTION],
    }


_Entries = Mapping[tuple[str, str, str], StatusEntry]
_Recorded = Mapping[DocumentId, documents.RecordedDocument]


def _connection(id: DocumentId, recorded: _Recorded, entries: _Entries) -> dict[str, Json]:
    """A connection is as well as the worst of the documents that write to it."""
    users = [
        entry
        for (kind, name, item), entry in entries.items()
        if not item and recorded[DocumentId(kind, name)].document.spec.get("to") == id.name
    ]
    order = [Status.FAILED, Status.PARTIAL, Status.PENDING, Status.SUCCESSFUL]
    worst = min(users, key=lambda entry: (order.index(entry.status), entry.name), default=None)
    spec = recorded[id].document.spec
    return {
        "name": id.name,
        "type": spec.get("type"),
        "active": spec.get("active", True),
        "status": worst.status.value if worst else None,
        "reason": worst.reason if worst else "",
        "documents": sorted(entry.name for entry in users),
    }


def _document(id: DocumentId, recorded: documents.RecordedDocument, entries: _Entries) -> dict[str, Json]:
    whole = entries.get((id.kind, id.name, ""))
    parts = [entry for (kind, name, item), entry in sorted(entries.items()) if (kind, name) == id and item]
    return {
        "kind": id.kind,
        "name": id.name,
        "digest": recorded.document.digest,
        "generation": recorded.generation,
        "appliedAt": _time(recorded.applied_at),
        **(_status(whole) if whole else {}),
        "mappings": [{"profileField": entry.item, **_status(entry)} for entry in parts],
    }


def _status(entry: StatusEntry) -> dict[str, Json]:
    return {
        "status": entry.status.value,
        "reason": entry.reason,
        "since": _time(entry.since),
        "lastRun": entry.run_id,
        "lastRunAt": _time(entry.last_run_at),
        "counts": entry.tally.to_json(),
    }


def _time(when: datetime | None) -> str | None:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
