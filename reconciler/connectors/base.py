"""What the engine needs of a remote system, and nothing more. A connector implements the protocols that fit it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from reconciler.model.catalog import Catalog, CatalogObject
from reconciler.model.json import Json
from reconciler.model.outcome import RecordResult, RecordWrite, Write, WriteResult
from reconciler.model.watermark import Highest, Mark, Since

if TYPE_CHECKING:
    from reconciler.model.community import CommunityRecord, Listed, ObjectDefinition


class Budget(Protocol):
    """Permission to make calls on one connection, shared by everything that uses the connection."""

    def acquire(self, stop: threading.Event) -> None:
        """Wait until one call may be made. Raises `errors.Interrupted` when `stop` is set while waiting."""
        ...

    def throttled(self, retry_after: float | None) -> None:
        """The remote answered 429: no further call before the window ends, nor before `retry_after` seconds have passed."""
        ...


class Unlimited:
    """A budget that always says yes."""

    def acquire(self, stop: threading.Event) -> None:
        return None

    def throttled(self, retry_after: float | None) -> None:
        return None


Row = tuple[Json, ...]
"""Raw values of one record, in the order in which the fields were asked for."""


class Member(NamedTuple):
    """A community user. `email` is as the community has it; empty when it has none. `id` is empty when it is not usable."""

    id: str
    email: str
    name: str


class ObjectSource(Protocol):
    """Reads records of objects, page by page."""

    def read(self, object_name: str, fields: Sequence[str]) -> Iterator[list[Row]]:
        """Every record once, a page at a time. Raises `errors.RemoteError`."""
        ...

    def describe(self, labels: Sequence[str]) -> Mapping[str, CatalogObject]:
        """Live metadata of objects, keyed by label; an object that does not exist is left out."""
        ...


class RowSource(Protocol):
    """Reads the rows of a query."""

    @property
    def label(self) -> str:
        """The database, as messages name it."""
        ...

    def pages(
        self, query: str, columns: Sequence[str], since: Since | None = None
    ) -> Iterator[list[tuple[str | None, ...]]]:
        """Some columns of the rows of one SELECT as texts, a page at a time; of all rows, or those since a mark.

        Raises `errors.RemoteError`.
        """
        ...

    def highest(self, query: str, column: str, past: Mark | None) -> Highest | None:
        """Where a cursor column stands, and whether that is past a mark. None where it has no value that can be kept, or the
        database none that we know how to compare. Raises `errors.RemoteError`."""
        ...

    @property
    def stages(self) -> bool:
        """Whether there is `stage_file`."""
        ...

    @property
    def copies(self) -> bool:
        """Whether there is `copy_out`."""
        ...

    def stage_file(self, query: str, columns: Sequence[str], path: Path, since: Since | None = None) -> int:
        """The same rows as a table `rows` of a new SQLite file, with columns c0, c1, …; what has no text is there as it is."""
        ...

    def copy_out(self, query: str, columns: Sequence[str], since: Since | None = None) -> Iterator[bytes]:
        """The same rows as PostgreSQL's COPY … TO STDOUT gives them, in its text format."""
        ...


class MemberDirectory(Protocol):
    """Lists the users of a community, page by page. Profile values are not part of a list."""

    def members(self) -> Iterator[list[Member]]: ...


class CommunitySource(Protocol):
    """Reads a community for an import: records with the values that `model.community` names. Every method raises
    `errors.RemoteError` and `errors.Interrupted`; what was read until then proves nothing about what was not. What is unusable
    comes among the records: a list that has such a thing does not prove that anything is gone."""

    @property
    def concurrency(self) -> int:
        """How many calls may be under way at once."""
        ...

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        ...

    def members(self) -> Iterator[Sequence[Listed]]:
        """Every member once, with what the list says of it: no profile."""
        ...

    def details(self, ids: Iterable[str]) -> Iterator[tuple[str, Listed | None]]:
        """Members with their profiles, one call each, several at once and in no certain order. None: there is no such
        member any more."""
        ...

    def topics(self, since: date | None) -> Iterator[Sequence[Listed]]:
        """Every topic once that was active since a day (UTC), and maybe some that were not; None: all of them.

        What changes while the list is read is given in its old state or in its new one.
        """
        ...

    def topic_details(self, since: date | None) -> Iterator[Sequence[Listed]]:
        """Those values of the same topics that `topics` does not give, as far as there are any; topics among them twice, and
        some that `topics` does not have."""
        ...

    def replies(self, topic: CommunityRecord) -> Iterator[Sequence[Listed]]:
        """Every visible reply to a topic once. May be called from several threads. Raises `errors.RemoteRefused` with status
        404 for a topic that is gone."""
        ...

    def categories(self) -> Sequence[Listed]: ...

    def idea_statuses(self) -> Sequence[Listed]: ...


class Destination(Protocol):
    """Takes writes. `batch_size` of them are journalled together; `concurrency` batches may be under way at once."""

    @property
    def batch_size(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    def write(self, batch: Sequence[Write]) -> Iterator[WriteResult]:
        """Send a batch and yield one result for each write as soon as it is known.

        A write without a result was not acknowledged and may be sent again. Raises `errors.AuthenticationFailed` and
        `errors.Interrupted`; anything else that concerns one write alone is a result with a reason.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a cycle is about to write: how many changed records, and the different values by which they name other records, by
    the key part or field that does."""

    records: int
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    spelled_alike: bool = True
    """Whether texts of two keys may be spellings of one. Without letters beyond ASCII none are, but for numbers."""


class RecordDestination(Protocol):
    """Takes whole records. `batch_size` of them are journalled together; `concurrency` batches may be under way at once."""

    @property
    def batch_size(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    def batches(self, writes: Iterable[RecordWrite], workload: Workload) -> Iterator[list[RecordWrite]]:
        """Divide all changed records of a cycle into batches that take the fewest calls, reading what that needs.

        One thread asks for batches while others write them.
        """
        ...

    def write(self, batch: Sequence[RecordWrite]) -> Iterator[RecordResult]:
        """Send one of these batches and yield one result for each record as soon as it is known.

        A record without a result was not acknowledged. Raises `errors.AuthenticationFailed`, `Interrupted`, and
        `RemoteError` when nothing more can be written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `connections test` and `doctor`. `exit_code` is what the command ends with when the check is not ok."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    exit_code: int = 1


class Remote(Protocol):
    """What every connector can do."""

    def check(self) -> Sequence[Check]:
        """Prove that the connection works, without writing. Problems are checks that are not ok, never exceptions."""
        ...

    def catalog(self) -> Catalog:
        """Read what is pinned in the config repository."""
        ...

    @property
    def calls(self) -> int:
        """Requests sent since the connector was made, retries included."""
        ...

    def close(self) -> None: ...


class Lacks(Protocol):
    """Told of an object, and of its fields of which the target has no value: all of them where there is no record at all."""

    def __call__(self, definition: ObjectDefinition, fields: Collection[str], /) -> None: ...


@runtime_checkable
class Tables(Protocol):
    """A database that takes records, in tables that it makes."""

    def prepare(self, definitions: Sequence[ObjectDefinition], lacks: Lacks) -> object:
        """Create what is missing. `lacks` hears of it first: whoever dies in between has to hear of it again."""
        ...

    def records(self, definition: ObjectDefinition) -> RecordDestination: ...
