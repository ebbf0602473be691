"""The writing calls of the API, and what each of their answers means.

A write is not sent again by itself. Whoever sent it gets one of four answers and decides: `Accepted`, `Refused`, `NotDone`
(surely not carried out), or `Lost` (nobody knows).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.connectors.answer import Response
from reconciler.connectors.gainsight_cs import envelope
from reconciler.model.json import Json

OBJECTS = "v1/data/objects"
PEOPLE = "v1/peoplemgmt/v1.0/people"
MOST_RECORDS = 50
"""Most records, or people, that one call takes."""

FINISHED = 500
"""The service's own failure: it has stopped working on the request. A gateway's failure does not say so."""

Send = Callable[[str, str, Json, Sequence[tuple[str, str]]], Response]
"""Sends one write: method, path, body, query. Only what was surely not carried out is sent again."""

Record = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a record was refused, as far as it was told."""

    code: str = ""
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Carried out. `count` is the number of records that it concerned, where it was told."""

    data: Json
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was carried out. `problems` are those of single records, by their place in the call; empty when not told."""

    problem: Problem
    status: int
    problems: Mapping[int, Problem] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """Surely not carried out, and nothing was said about the records."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """It may have been carried out. `finished`: if it was not by now, it never will be."""

    detail: str
    finished: bool


Answer = Accepted | Refused | NotDone | Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A background job. `count` rows were saved and `refused` were not; `errors` are those of them that were named, counted
    from 1."""

    done: bool
    status: str
    count: int | None = None
    refused: int = 0
    errors: Mapping[int, Problem] = field(default_factory=dict)


class WriteApi:
    """One method for each call. Raises `errors.AuthenticationFailed`, `Interrupted`, and `RemoteRefused` where the call
    itself is refused, whatever its records."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def insert(self, object_name: str, records: Sequence[Record]) -> Answer:
        return self._write("POST", f"{OBJECTS}/{object_name}", {"records": list(records)}, (), len(records))

    def update(self, object_name: str, records: Sequence[Record], keys: Sequence[str]) -> Answer:
        """Each record holds a value for each of `keys`, by which it is found, and the fields to be changed."""
        query = (("keys", ",".join(keys)),)
        return self._write("PUT", f"{OBJECTS}/{object_name}", {"records": list(records)}, query, len(records))

    def person(self, person: Record) -> Answer:
        """Create or update one person, found by its e-mail address, with what hangs on it."""
        return self._write("PUT", PEOPLE, person, (), 1)

    def people(self, people: Sequence[Record]) -> Answer:
        """The same for many, in the background. The answer's data name the job."""
        return self._write("PUT", f"{PEOPLE}/async", {"records": list(people)}, (), len(people))

    def job(self, status_id: str) -> Job | Lost:
        """How far a job is. `Lost` when it could not be learnt this time."""
        answer = self._write("GET", f"{PEOPLE}/async/{status_id}", None, (), 0)
        if isinstance(answer, Accepted):
            return _job(answer.data)
        if isinstance(answer, Refused):
            return Lost(detail=shown(answer.problem, answer.status), finished=True)
        return Lost(detail=answer.detail, finished=False)

    def _write(self, method: str, path: str, body: Json, query: Sequence[tuple[str, str]], sent: int) -> Answer:
        what = f"{method} {path}"
        try:
            answer = self._send(method, path, body, query)
            whole = envelope.opened(answer, what)
        except errors.RemoteUnavailable as error:
            if error.outcome_unknown:
                return Lost(detail=error.message, finished=error.status == FINISHED)
            return NotDone(detail=error.message)
        except errors.RemoteMalformed as error:
            return Lost(detail=error.message, finished=False)
        if answer.ok and whole.get("result") is True:
            return _accepted(whole.get("data"))
        return _refused(whole, answer.status, sent, what)


def status_id(data: Json) -> str | None:
    """The id of the job that a call began."""
    found = data.get("statusId") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) and found else None


def shown(problem: Problem, status: int = 0) -> str:
    """A problem in a few words, none of them from the answer's texts, which repeat values."""
    return problem.code or (f"HTTP {status}" if status else "no code")


def _accepted(data: Json) -> Accepted:
    return Accepted(data=data, count=_whole(data.get("count")) if isinstance(data, Mapping) else None)


def _refused(whole: Mapping[str, Json], status: int, sent: int, what: str) -> Refused:
    code = envelope.error_code(whole)
    if code == envelope.OBJECT_NOT_FOUND or code.startswith("GS_APIG_") or status in (404, 405):
        raise errors.RemoteRefused(
            f"Gainsight CS refused {what} ({code or f'HTTP {status}'})",
            hint="the object does not exist or cannot be written: only low volume objects can; compare with "
            "`reconcile catalog diff`",
            status=status,
            code=code or None,
        )
    return Refused(problem=Problem(code=code), status=status, problems=_by_place(whole.get("data"), sent))


def _by_place(data: Json, sent: int) -> dict[int, Problem]:
    """The first problem of each bad record. Only a list with an entry for each record says which one an entry is about."""
    listed = data.get("errors") if isinstance(data, Mapping) else None
    if not isinstance(listed, list) or len(listed) != sent:
        return {}
    found = {at: _first(entries) for at, entries in enumerate(listed) if entries}
    return {at: problem for at, problem in found.items() if problem is not None}


def _first(entries: Json) -> Problem | None:
    """A record's entries are a list of values, each with its own list of errors."""
    at = entries
    while isinstance(at, list) and at:
        at = at[0]
        inner = at.get("errors") if isinstance(at, Mapping) else None
        at = inner if isinstance(inner, list) and inner else at
    return _problem(at) if isinstance(at, Mapping) else None


def _problem(entry: Mapping[str, Json]) -> Problem:
    name = entry.get("fieldName")
    return Problem(code=envelope.error_code(entry), field=name if isinstance(name, str) and name else None)


def _job(data: Json) -> Job:
    if not isinstance(data, Mapping):
        return Job(done=False, status="")
    status = data.get("status")
    listed = data.get("errorDetails")
    entries = listed if isinstance(listed, list) else []
    rows = [entry for entry in entries if isinstance(entry, Mapping)]
    numbered = ((_whole(row.get("rowNumber")), _problem(row)) for row in rows)
    return Job(
        done=status in ("COMPLETED", "FAILED", "ABORTED"),
        status=status if isinstance(status, str) else "",
        count=_whole(data.get("count")),
        refused=len(entries),
        errors={number: problem for number, problem in numbered if number is not None},
    )


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
