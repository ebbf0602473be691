"""The state file: a projection of the database that people and other programs may read.

It is replaced as a whole, never written in place, and its serial never falls. It has one spelling for each content and a
checksum over the content, so no byte of it can change unnoticed. What cannot be trusted is refused, never taken for empty.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from reconciler import atomic, errors
from reconciler.clock import Clock, SystemClock
from reconciler.state.statefile_schema import FORMAT_VERSION, SCHEMA, State

__all__ = ["FORMAT_VERSION", "SCHEMA", "Head", "head", "peek", "read", "refuse_foreign", "write"]

REBUILD = "run `reconcile state rebuild`, which writes it anew from the database"
MAX_BYTES = 256 * 1024 * 1024
LOCK_SECONDS = 5.0

Recorded = Callable[[], Mapping[str, Any] | None]

_proven: dict[Path, str] = {}
"""The checksum of what this process wrote or proved last of a file: nothing is proved twice."""

_SPELLING = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What tells an older database from a newer one. Documents that were forgotten do not count in `newest_run`."""

    lineage: str
    serial: int
    newest_run: int


def write(
    path: Path, produce: Callable[[], Mapping[str, Any]], *, rebuild: bool = False, clock: Clock | None = None
) -> Mapping[str, Any]:
    """Replace the state file with what `produce` gives: everything of `SCHEMA` but `formatVersion` and `checksum`.

    It is asked while the file is locked, so that of two writers the later one has the later state. Returns what it gave.
    After a failure, a kill or a power cut the file is the old one or the new one. An existing file must be sound, of the
    same lineage, and of no higher serial, else `errors.StateDamaged`, `errors.StateForeign` or `errors.StateProblem`;
    with `rebuild` it is replaced whatever it holds. Raises `errors.StateUnavailable` when the file cannot be written.
    """
    with _writing(path), _locked(path.parent, clock or SystemClock()):
        content = {**produce(), "formatVersion": FORMAT_VERSION}
        checksum = _checksum(content)
        data = _spell({**content, "checksum": checksum})
        if not rebuild and _is_file(path):
            old = _load(path)
            _prove(path, old)
            _refuse_regress(path, old, content)
        _is_file(path)
        _replace(path, data)
        _proven[path] = checksum
        return content


def read(path: Path, *, lineage: str | None = None, recorded: Recorded | None = None) -> dict[str, Any]:
    """The content of the state file, proved whole. Follows no link and fetches nothing.

    `recorded` gives what `write` would write now, if anything: a file with exactly that content needs no proof by its schema,
    which takes much longer. Raises `errors.NotFound` when there is none, `errors.StateDamaged`, `errors.StateNewer`,
    `errors.StateForeign` when it is not of `lineage`, and `errors.StateUnavailable` when it cannot be read.
    """
    if not _is_file(path):
        raise errors.NotFound(f"There is no state file {path}.", hint=REBUILD)
    state = _load(path)
    _prove(path, state, recorded)
    if lineage is not None:
        refuse_foreign(path, head(state), lineage)
    return state


def head(state: Mapping[str, Any]) -> Head:
    """The head of a state that was read."""
    runs = [entry.get("lastRun") for entry in state["documents"]]
    newest = max((run["id"] for run in runs if run), default=0)
    return Head(lineage=state["lineage"], serial=state["serial"], newest_run=newest)


def peek(path: Path) -> Head | None:
    """The head of the state file, None when there is none. Cheap: whether all of it is sound is not looked at.

    Raises what `read` raises where not even the head can be told.
    """
    if not _is_file(path):
        return None
    try:
        return head(orjson.loads(_bytes(path)))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return head(read(path))


def fits(path: Path, *, lineage: str | None, serial: int, newest_run: int) -> bool:
    """Whether nothing speaks against the file being that of a database that has come so far. No file speaks against nothing."""
    try:
        found = peek(path)
    except errors.StateProblem:
        return False
    return found is None or (found.lineage == lineage and (found.serial, found.newest_run) <= (serial, newest_run))


def refuse_foreign(path: Path, found: Head, lineage: str) -> None:
    """Raises `errors.StateForeign` when the file is not of this lineage, which is the database's."""
    if found.lineage != lineage:
        message = (
            f"The state file {path} has lineage {found.lineage}, the database {lineage}: they do not belong together."
        )
        raise errors.StateForeign(message, hint=f"correct spec.stateFile; or, if the database is right, {REBUILD}")


def _load(path: Path) -> State:
    """The content, with its envelope checked: spelling, format, checksum, lineage and serial."""
    data = _bytes(path)
    try:
        state = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(state, dict):
        raise _damaged(path, "it is not a JSON object")
    version = state.get("formatVersion")
    if isinstance(version, int) and version > FORMAT_VERSION:
        message = (
            f"The state file {path} has format {version}, newer than {FORMAT_VERSION}, the last that is known here."
        )
        raise errors.StateNewer(message, hint=f"update reconcile; or, if the database is right, {REBUILD}")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise _damaged(path, "it has no format version")
    content = {name: value for name, value in state.items() if name != "checksum"}
    if state.get("checksum") != _checksum(content) or _spell(state) != data:
        raise _damaged(path, "its checksum does not match")
    if not isinstance(state.get("serial"), int) or not isinstance(state.get("lineage"), str):
        raise _damaged(path, "it has no serial or lineage")
    return state


def _spell(state: State) -> bytes:
    try:
        return orjson.dumps(state, option=_SPELLING)
    except orjson.JSONEncodeError:
        message = "The state cannot be written as JSON: a text in it is not valid Unicode."
        raise errors.StateProblem(message, hint="correct the names in the configuration") from None


def _checksum(content: State) -> str:
    return hashlib.sha256(_spell(content)).hexdigest()


def _prove(path: Path, state: State, recorded: Recorded | None = None) -> None:
    checksum = state["checksum"]
    if checksum == _proven.get(path):
        return
    current = recorded() if recorded is not None else None
    if current is None or checksum != _checksum({**current, "formatVersion": FORMAT_VERSION}):
        _validate(path, state)
    _proven[path] = checksum


def _validate(path: Path, state: State) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry

    # An empty registry fetches nothing, whatever a reference says.
    validator = Draft202012Validator(SCHEMA, registry=Registry())
    error = best_match(validator.iter_errors(state))
    if error is not None:
        place = "/".join(str(step) for step in error.absolute_path) or "the top"
        raise _damaged(path, f"it breaks its schema at {place} ({error.validator})")


def _refuse_regress(path: Path, old: State, new: State) -> None:
    before, after = head(old), head(new)
    refuse_foreign(path, before, after.lineage)
    if (before.serial, before.newest_run) > (after.serial, after.newest_run):
        message = (
            f"The state file {path} has serial {before.serial} and run {before.newest_run}, "
            f"the database only {after.serial} and {after.newest_run}: the database went back, for example to a backup."
        )
        raise errors.StateProblem(message, hint=f"restore the newer database; or, if this one is right, {REBUILD}")


# -- files


def _is_file(path: Path) -> bool:
    """Whether there is a file. Anything else is refused, so that nothing hangs on a pipe or escapes through a link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    except OSError as cause:
        raise _unusable(path, cause) from cause
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        hint = "correct spec.stateFile in reconcile.yaml, or move away what is there"
        raise errors.StateUnavailable(f"The state file {path} is {kind}.", hint=hint)
    return True


def _bytes(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as cause:
        raise _unusable(path, cause) from cause
    if len(data) > MAX_BYTES:
        raise _damaged(path, f"it is larger than {MAX_BYTES} bytes")
    return data


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as cause:
        raise _unusable(path, cause) from cause


@contextmanager
def _locked(folder: Path, clock: Clock) -> Iterator[None]:
    """One writer at a time, without a lock file that stays behind: the folder itself is locked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    never, deadline = threading.Event(), clock.monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() >= deadline:
                    message = f"Another process is writing in {folder}."
                    raise errors.StateUnavailable(message, hint="try again when it has ended") from None
                clock.wait(0.05, never)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)
    atomic.replace(path, [data])


def _damaged(path: Path, why: str) -> errors.StateDamaged:
    return errors.StateDamaged(f"The state file {path} is damaged: {why}.", hint=REBUILD)


def _unusable(path: Path, cause: OSError) -> errors.StateUnavailable:
    message = f"The state file {path} cannot be used: {cause.strerror or type(cause).__name__}."
    return errors.StateUnavailable(message, hint="check that its folder may be written by this user and has space left")
