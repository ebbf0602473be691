"""The state file's content: connections and documents with their statuses, read from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler import errors, failpoints
from reconciler.config.convert import to_resource
from reconciler.failpoints import Step
from reconciler.model.document import CONNECTION, HAVING_CYCLES, MODEL, DocumentId
from reconciler.model.json import Json
from reconciler.model.resources import CommunityImport, ProfileFieldMapping, Sync
from reconciler.model.run import Run, Tally
from reconciler.model.status import WAITS, Status, StatusEntry, combined
from reconciler.state import documents, meta, runs, schedules, statefile, statuses
from reconciler.state.database import Database
from reconciler.state.session import Session

VANISHED = "restore the database; to begin anew without its history, delete the state file"
UNUSED = "no applied document writes to it"
UNREAD = "no applied document reads it"


def write_state_file(database: Database, path: Path, *, rebuild: bool = False) -> int:
    """Project the database into the state file. Returns the serial.

    Raises `errors.StateProblem` where the file belongs to another project, is newer, or cannot be written; `rebuild` makes
    a damaged file anew. Raises `errors.NotFound` before the first apply.
    """

    def produce() -> dict[str, Json]:
        with database.read() as session:
            return state(session)

    written = statefile.write(path, produce, rebuild=rebuild, clock=database.clock)
    failpoints.reached(Step.STATE_FILE_REPLACED)
    return int(written["serial"])


def refuse_unusable(database: Database, path: Path) -> None:
    """Before work that ends with writing the state file: raises `errors.StateProblem` where that would be refused."""
    if not path.exists() and not path.is_symlink():
        return
    # The file first: it is written after the database, so of the two it is never the newer one.
    found = statefile.head(statefile.read(path, recorded=lambda: _recorded_state(database)))
    _refuse_older(_Recorded.read(database), path, found)


def _recorded_state(database: Database) -> Mapping[str, Json] | None:
    """What the file has if nothing has happened since it was written; None before the first apply."""
    with database.read() as session:
        return state(session) if meta.read(session) is not None else None


def refuse_older(database: Database, path: Path) -> None:
    """As `refuse_unusable`, for a loop: a file that cannot be read says nothing against the database."""
    try:
        found = statefile.peek(path)
    except errors.StateProblem:
        return
    if found is not None:
        _refuse_older(_Recorded.read(database), path, found)


def doubts(database: Database, path: Path) -> list[str]:
    """For those who only look: why `apply` and `sync` would refuse this database beside this state file, with what to do."""
    try:
        found = statefile.peek(path)
    except errors.StateProblem as problem:
        return [_sentence(problem)]
    if found is None:
        return []
    recorded = _Recorded.read(database)
    try:
        _refuse_older(recorded, path, found)
    except errors.StateProblem as problem:
        return [_sentence(problem)]
    return []


def _sentence(problem: errors.StateProblem) -> str:
    return f"{problem.message.rstrip('.')}; {problem.hint}" if problem.hint else problem.message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What the database says of itself."""

    label: str
    meta: meta.Meta | None
    newest_run: int

    @classmethod
    def read(cls, database: Database) -> _Recorded:
        with database.read() as session:
            return cls(label=database.label, meta=meta.read(session), newest_run=runs.newest_id(session))


def _refuse_older(recorded: _Recorded, path: Path, found: statefile.Head) -> None:
    """Raises `errors.StateProblem` when the database is not the one that the state file was written from, or an older copy."""
    current = recorded.meta
    if current is None:
        if found.serial or found.newest_run:
            what = f"the state file {path} has serial {found.serial}, {recorded.label} is empty or missing"
            raise errors.StateProblem(what, hint=VANISHED)
        return
    statefile.refuse_foreign(path, found, current.lineage)
    if found.serial > current.serial:
        what = f"has serial {found.serial}, {recorded.label} has {current.serial}"
    elif found.serial == current.serial and found.newest_run > recorded.newest_run:
        what = f"knows of run {found.newest_run}, {recorded.label} of {recorded.newest_run or 'none'}"
    else:
        return
    hint = "restore the newer database; if this one is right, run `reconcile state rebuild`"
    raise errors.StateProblem(f"the state file {path} {what}: the database went back", hint=hint)


def state(session: Session) -> dict[str, Json]:
    """The state as the file has it, without its envelope. Raises `errors.NotFound` before the first apply."""
    current = meta.read(session)
    if current is None:
        raise errors.NotFound("nothing has been applied yet, so there is no state", hint="run `reconcile apply`")
    entries = statuses.read(session)
    view = _View(
        recorded=documents.load(session),
        entries=_by_document(entries),
        runs=runs.by_id(session, {entry.run_id for entry in entries if entry.run_id is not None}),
        due=schedules.read(session),
    )
    ids = sorted(view.recorded)
    return {
        "project": current.project,
        "lineage": current.lineage,
        "serial": current.serial,
        "commit": current.commit,
        "digest": current.desired_digest,
        "connections": [view.connection(id) for id in ids if id.kind == CONNECTION],
        "documents": [view.document(id) for id in ids if id.kind != CONNECTION],
    }


def _by_document(entries: Iterable[StatusEntry]) -> dict[DocumentId, dict[str, StatusEntry]]:
    found: dict[DocumentId, dict[str, StatusEntry]] = {}
    for entry in entries:
        found.setdefault(DocumentId(entry.kind, entry.name), {})[entry.item] = entry
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the file is made of."""

    recorded: Mapping[DocumentId, documents.RecordedDocument]
    entries: Mapping[DocumentId, Mapping[str, StatusEntry]]
    """Statuses by document, then by item; the item of the document itself is empty."""
    runs: Mapping[int, Run]
    due: Mapping[DocumentId, schedules.Entry]

    def connection(self, id: DocumentId) -> dict[str, Json]:
        """A connection stands as the documents that flow over it do, taken together; of two ends, as the one written to."""
        recorded = self.recorded[id]
        spec = recorded.document.spec
        head: dict[str, Json] = {"name": id.name, "type": spec.get("type"), "active": spec.get("active", True)}
        users = [items[""] for user, items in self.entries.items() if id in self._shown_by(user)]
        return {**head, **self._together(recorded, users)}

    def _together(self, recorded: documents.RecordedDocument, users: Sequence[StatusEntry]) -> dict[str, Json]:
        """What has no cycles of its own stands as what uses it."""
        if not users:
            read = recorded.document.id.kind == MODEL or recorded.document.spec.get("type") == "sql"
            return self._status(Status.PENDING, UNREAD if read else UNUSED, recorded.applied_at, Tally(), None)
        (status, reason), tally = combined(users)
        newest = max((entry.run_id for entry in users if entry.run_id is not None), default=None)
        since = max(entry.since for entry in users)
        return self._status(status, reason, since, tally, newest)

    def _shown_by(self, user: DocumentId) -> set[DocumentId]:
        """The connections and models whose status a document has a part in."""
        resource = to_resource(self.recorded[user].document)
        if isinstance(resource, ProfileFieldMapping):
            return {DocumentId(CONNECTION, resource.target)}
        if isinstance(resource, CommunityImport):
            # One that waits says nothing of a connection that others use.
            whole = self.entries[user][""]
            return set() if whole.reason.startswith(WAITS) else {DocumentId(CONNECTION, resource.target)}
        assert isinstance(resource, Sync)
        model = DocumentId(MODEL, resource.model)
        found = {DocumentId(CONNECTION, resource.connection), model}
        if model in self.recorded:
            found.add(DocumentId(CONNECTION, str(self.recorded[model].document.spec.get("connection"))))
        return found

    def document(self, id: DocumentId) -> dict[str, Json]:
        recorded, due = self.recorded[id], self.due.get(id)
        if id.kind in HAVING_CYCLES:
            items = self.entries[id]
            whole = self._entry(items[""])
        else:
            items = {}
            users = [found[""] for user, found in self.entries.items() if id in self._shown_by(user)]
            whole = self._together(recorded, users)
        return {
            "kind": id.kind,
            "name": id.name,
            "digest": recorded.document.digest,
            "generation": recorded.generation,
            "appliedAt": _time(recorded.applied_at),
            "commit": recorded.commit,
            "nextDue": _time(due.due_at) if due is not None else None,
            "suspended": recorded.document.spec.get("suspend") is True or bool(due and due.suspended_at),
            **whole,
            "mappings": [{"item": item, **self._entry(items[item])} for item in sorted(items) if item],
        }

    def _entry(self, entry: StatusEntry) -> dict[str, Json]:
        return self._status(entry.status, entry.reason, entry.since, entry.tally, entry.run_id)

    def _status(
        self, status: Status, reason: str, since: datetime, tally: Tally, run_id: int | None
    ) -> dict[str, Json]:
        run = self.runs.get(run_id) if run_id is not None else None
        return {
            "status": status.value,
            "reason": reason,
            "since": _time(since),
            "counts": tally.to_json(),
            "lastRun": _run(run) if run else None,
        }


def _run(run: Run) -> dict[str, Json]:
    return {
        "id": run.id,
        "result": run.result.value,
        "startedAt": _time(run.started_at),
        "endedAt": _time(run.ended_at),
    }


def _time(when: datetime | None) -> str | None:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
