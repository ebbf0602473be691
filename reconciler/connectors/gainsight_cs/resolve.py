"""Finding records in bulk: those that are about to be written, and those that they name.

Never one call a row: keys are asked for by the chunk, and what was found of other objects is kept for the cycle.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from reconciler.connectors.base import Row
from reconciler.connectors.gainsight_cs import query
from reconciler.connectors.gainsight_cs.target import Identity, Place, by_number, where
from reconciler.model.json import Json

CHUNK = 500
"""Keys in one query. The API names no limit; a page of 5,000 then holds ten records of each."""

CHUNK_OF_NUMBERS = 50
"""The same for keys that are numbers, each of which is a condition of its own."""

Read = Callable[[str, Sequence[str], query.Where], Iterator[list[Row]]]
"""Reads some fields of the records of an object for which a condition holds, page by page."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A record at the destination, with the fields that were asked for."""

    gsid: str
    values: Mapping[str, Json]


Index = Mapping[Identity, Sequence[Found]]


def chunk_of(place: Place) -> int:
    return CHUNK_OF_NUMBERS if by_number(place) else CHUNK


def chunks(items: int, size: int) -> int:
    return -(-items // size)


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def find(read: Read, place: Place, fields: Sequence[str], narrowed: query.Where) -> dict[Identity, list[Found]]:
    """The records for which a condition holds, by identity."""
    extra = [name for name in fields if name not in place.paths]
    asked = [*place.paths, *extra]
    asked += [] if query.KEY in asked else [query.KEY]
    at_key = asked.index(query.KEY)
    index: defaultdict[Identity, list[Found]] = defaultdict(list)
    for page in read(place.object_name, asked, narrowed):
        for row in page:
            identity = place.identity(row[: len(place.paths)])
            index[identity].append(Found(str(row[at_key]), dict(zip(asked, row, strict=True)) if fields else {}))
    return dict(index)


def find_keys(read: Read, place: Place, fields: Sequence[str], keys: Sequence[tuple[Json, ...]]) -> Index:
    """The records of up to a chunk of keys. A read without keys is none."""
    return find(read, place, fields, where(place, list(keys))) if keys else {}


class Directory:
    """Records of another object by one of their fields, remembered for a cycle. Thread-safe."""

    def __init__(self, read: Read, place: Place) -> None:
        self._read = read
        self._place = place
        self._known: dict[Identity, list[Found]] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()

    def load(self, texts: Iterable[str]) -> None:
        """Make sure that these texts were asked for: one call for each chunk of those that were not."""
        with self._lock:
            unknown = sorted({text for text in texts if _sendable(text)} - self._asked)
            for chunk in chunked(unknown, CHUNK):
                narrowed = where(self._first(), [(text,) for text in chunk])
                self._known.update(find(self._read, self._place, (), narrowed))
                self._asked.update(chunk)

    def _first(self) -> Place:
        return Place(object_name=self._place.object_name, paths=self._place.paths[:1], types=self._place.types[:1])

    def matches(self, *values: str) -> Sequence[Found]:
        """The records of loaded values."""
        return self._known.get(self._place.identity(values), ())


def _sendable(text: str) -> bool:
    """Whether a request can hold it. Anything else is the name of nothing."""
    return bool(text) and "\0" not in text and text.encode(errors="ignore").decode() == text
