"""Reading a list whose items move while it is read, so that none is lost.

The API counts pages from the start of the list as it is at that moment. What comes in at the front moves the rest to later
pages, where it is read twice, which does no harm. What goes away moves the rest forward, across the border between a page
that was read and one that was not: it would be lost. So each page begins with an item of the page before (the sizes of pages
are chosen for that, which costs one call in ten more). As long as that item is where it was, everything that comes after it in
the order of the list is still to come. When it is not, the walk steps back until it finds one that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from reconciler import errors
from reconciler.model.community import Listed

PAGE = 100
"""The most items that a page may have."""

SMALLEST = 60
"""Pages get no smaller than this, or there would be many of them."""

OWN_SIZE = 25
"""What a server gives that does not look at the size asked for."""

MOST_PAGES = 20_000
MOST_STEPS_BACK = 200
MOST_IDLE = 20
"""Full pages in a row without anything new, after which a list is taken for one without an end."""

STOPPED = "the read was stopped, because it could loop or miss something; nothing was concluded from it"
UNSTEADY = "it changes faster than it can be read; the next run tries again"

_NEVER = object()


class PageNumber(NamedTuple):
    number: int
    size: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    @property
    def end(self) -> int:
        return self.number * self.size


class Limit(Exception):
    """The server gives no items beyond those that were read."""


Fetch = Callable[[PageNumber], Sequence[Listed]]
"""Reads a page. Raises `Limit`, besides what the API raises."""


def walk(
    what: str, fetch: Fetch, stamp: Callable[[Listed], object], *, most: int | None = None
) -> Iterator[Sequence[Listed]]:
    """Pages of a list to its end, items among them twice. An item with another `stamp` than before has moved.

    `most` items are to be had at all: when there may be more, or the server says so itself, the walk ends with `Limit`.
    Raises `errors.RemoteMalformed` for a list without an end, `RemoteUnavailable` for one that never stands still.
    """
    known: dict[str, object] = {}
    read, step, idle, back = 0, PAGE // 2, 0, 0
    for _ in range(MOST_PAGES):
        page = page_after(read, most)
        if page is None:
            raise Limit
        found = fetch(page)
        if page.start and not (found and known.get(found[0].id, _NEVER) == stamp(found[0])):
            read, step = max(0, page.start - step), 2 * step
            back += 1
            if back > MOST_STEPS_BACK:
                raise errors.RemoteUnavailable(f"{what} cannot be read: {UNSTEADY}")
            continue
        new = any(one.id not in known for one in found)
        known.update((one.id, stamp(one)) for one in found)
        yield found
        if len(found) < page.size:
            _refuse_own_size(what, fetch, page, found)
            return
        read, step, idle = page.end, PAGE // 2, 0 if new else idle + 1
        if idle > MOST_IDLE:
            raise errors.RemoteMalformed(f"{what} repeats itself", hint=STOPPED)
    raise errors.RemoteMalformed(f"{what} has no end after {MOST_PAGES:,} pages", hint=STOPPED)


def page_after(read: int, most: int | None = None) -> PageNumber | None:
    """The page that goes furthest beyond the first `read` items and has the last of them, too. None: there is none up to
    `most`."""
    if not read:
        return PageNumber(1, PAGE)
    best: PageNumber | None = None
    for size in range(PAGE, SMALLEST - 1, -1):
        page = PageNumber((read - 1) // size + 1, size)
        if page.end > read and (most is None or page.end <= most) and (best is None or page.end > best.end):
            best = page
    return best


def _refuse_own_size(what: str, fetch: Fetch, page: PageNumber, found: Sequence[Listed]) -> None:
    """A page that is not full is the last one, or that of a server that has its own idea of a page."""
    if page.number == 1 and len(found) == OWN_SIZE and fetch(PageNumber(2, page.size)):
        raise errors.RemoteMalformed(
            f"{what} comes in pages of {OWN_SIZE} although {page.size} were asked for", hint=STOPPED
        )
