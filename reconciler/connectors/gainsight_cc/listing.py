"""Reading the list of users to its end: no user lost, none twice, and no endless list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from reconciler import errors
from reconciler.connectors.answer import json_list, json_object
from reconciler.model.community import Unusable
from reconciler.model.json import Json

PAGE = 100
"""Users asked for in one call."""

DEFAULT_PAGE = 25
"""Users on a page of a server that ignores the size asked for."""

MOST_PAGES = 200_000

STOPPED = "the read was stopped, because it could loop or miss users; nothing was concluded from it"

Fetch = Callable[[int], Json]
"""Reads the page with this number, from 1."""


class HasId(Protocol):
    @property
    def id(self) -> str: ...


User = TypeVar("User", bound=HasId)
"""What is made of an item of the list. Ids are numbers, as texts, but for `Unusable`."""


class ListPage(NamedTuple, Generic[User]):
    """One page as it came. `told` is what `statistics` says, whatever it counts."""

    members: list[User]
    told: int | None


class SeenIds:
    """A set of user ids in one bit each: ids are dense, and a community may have millions."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytearray] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, number: int) -> bool:
        """Whether the id is new."""
        chunk = self._chunks.setdefault(number >> 12, bytearray(512))
        index, bit = (number & 4095) >> 3, 1 << (number & 7)
        if chunk[index] & bit:
            return False
        chunk[index] |= bit
        self._size += 1
        return True


class _Total:
    """`statistics.count`, whose meaning is not documented: believed to be a total only as long as it behaves like one."""

    def __init__(self) -> None:
        self._count: int | None = None
        self._believed = True

    def learn(self, page: ListPage[User]) -> None:
        if self._count is None:
            self._count = page.told
            self._believed = page.told is not None and page.told > len(page.members)
        self._believed = self._believed and page.told == self._count

    def reached(self, seen: int) -> bool:
        return self._believed and seen == self._count

    def short_of(self, seen: int) -> bool:
        return self._believed and self._count is not None and seen < self._count


def pages(fetch: Fetch, read: Callable[[Json], User]) -> Iterator[list[User]]:
    """Every user once, a page at a time, as `read` makes one of an item; what is unusable among them.

    The end is an empty page, or one that is not full, or, to save a last empty page, the total that every page has agreed on.
    Users that join or leave meanwhile move between pages, so a user may come twice: the second time is dropped.
    """
    # What is unusable does not count as seen: it may come twice and look different, and a total must not be reached too early.
    seen, unusable, total, size = SeenIds(), set[str](), _Total(), PAGE

    def is_new(one: User) -> bool:
        if not isinstance(one, Unusable):
            return seen.add(int(one.id))
        known = one.id in unusable
        unusable.add(one.id)
        return not known

    for number in range(1, MOST_PAGES + 1):
        page = page_of(fetch(number), read)
        if number == 1:
            size = _page_size(page)
        new = [one for one in page.members if is_new(one)]
        total.learn(page)
        if not new and len(page.members) >= size:
            raise errors.RemoteMalformed("the community's user list repeats itself", hint=STOPPED)
        if new:
            yield new
        if not new or _ended(page, size, len(seen), total):
            return
    raise errors.RemoteMalformed(f"the community's user list has no end after {MOST_PAGES:,} pages", hint=STOPPED)


def _ended(page: ListPage[User], size: int, seen: int, total: _Total) -> bool:
    return total.reached(seen) or (len(page.members) < size and not total.short_of(seen))


def _page_size(first: ListPage[User]) -> int:
    """The size of a full page: what we asked for, unless the first page shows that the server has its own idea."""
    received = len(first.members)
    own_idea = received == DEFAULT_PAGE or (first.told is not None and first.told > received)
    return received if 0 < received < PAGE and own_idea else PAGE


def page_of(data: Json, read: Callable[[Json], User]) -> ListPage[User]:
    """Either envelope of the user list. Raises `errors.RemoteMalformed`."""
    envelope = json_object(data, "the user list")
    users = envelope.get("users")
    if users is None:
        # Without `_returnIterable` the users stand under keys of their own, beside the statistics.
        listed = [value for key, value in envelope.items() if key != "statistics"]
    else:
        listed = json_list(users, "the users of the list")
    return ListPage([read(item) for item in listed], _count(envelope.get("statistics")))


def _count(statistics: Json) -> int | None:
    count = statistics.get("count") if isinstance(statistics, Mapping) else None
    if isinstance(count, str) and count.isascii() and count.isdecimal():
        return int(count[:18])
    return count if isinstance(count, int) and not isinstance(count, bool) else None
