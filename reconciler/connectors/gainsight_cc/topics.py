"""Reading all topics, of which the API shows no more than the first 10,000 that match a filter.

They come newest activity first. So when a window holds too many, the rest is asked for by the day of the last one that came.
Only where that would ask for the same ones again, because a few days hold too many (as after a migration), it is divided: by
halves of the time of creation, by type, by category. Filters know days only, and not in whose time zone: windows overlap.

A topic that gets a reply while the list is read jumps to its front, perhaps from a page that was still to come. So at the end
the front is read again, down to where it was at the beginning, until nothing new shows. A topic comes only once all the same:
one that was read and then changed is read in its new state by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from reconciler import errors
from reconciler.connectors.gainsight_cc.content import CONTENT_TYPES
from reconciler.connectors.gainsight_cc.listing import SeenIds
from reconciler.connectors.gainsight_cc.walking import PAGE, UNSTEADY, Limit, PageNumber, walk
from reconciler.model.community import Listed

MOST = 10_000
"""Topics that can be had with one filter."""

ROUNDS = 20
"""How often the front of the list is read again while new topics show there."""

FROM_MARGIN = timedelta(days=1)
TO_MARGIN = timedelta(days=2)
"""A day anywhere on earth, and whether the end of a range belongs to it."""

BEGINNING = date(2005, 1, 1)
"""No community is older."""

WHAT = "the list of topics"

Query = list[tuple[str, str]]
Fetch = Callable[[Query, PageNumber], Sequence[Listed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A filter. Days belong to the ranges that they end."""

    active_from: date | None = None
    active_to: date | None = None
    created_from: date | None = None
    created_to: date | None = None
    content_type: str | None = None
    category: str | None = None

    @property
    def divided(self) -> bool:
        """Whether it is part of what one range of days held too much of."""
        return self.created_from is not None or self.created_to is not None

    def query(self) -> Query:
        days = {
            "lastActivityAt[from]": self.active_from,
            "lastActivityAt[to]": self.active_to,
            "createdAt[from]": self.created_from,
            "createdAt[to]": self.created_to,
        }
        words = {"contentTypes[]": self.content_type, "categoryIds[]": self.category}
        found = [(name, day.isoformat()) for name, day in days.items() if day is not None]
        return [*found, *((name, text) for name, text in words.items() if text is not None)]


class TopicReader:
    """One reading of the topics of a community. `today` and `categories` are for what has to be divided."""

    def __init__(self, fetch: Fetch, *, today: date, categories: list[str]) -> None:
        self._fetch = fetch
        self._today = today
        self._categories = categories
        self._once = Once()
        self._pages = 0
        self._horizon: str | None = None
        """Activity of the topic that was the newest when the reading began."""

    def read(self, since: date | None) -> Iterator[Sequence[Listed]]:
        """Every topic once; with `since` those with activity from that day on, and maybe some before."""
        first = Window(active_from=None if since is None else since - FROM_MARGIN)
        waiting = [first]
        while waiting:
            window = waiting.pop()
            try:
                self._probe(window)
                yield from self._window(window)
            except _Beyond as beyond:
                waiting += reversed(self._narrower(window, beyond))
        yield from self._front()

    def _window(self, window: Window) -> Iterator[Sequence[Listed]]:
        newest, last = "", None
        try:
            for page in walk(WHAT, self._reading(window), activity, most=MOST):
                newest, last = max([newest, *map(activity, page)]), _last(page)
                yield from self._new(page)
        except Limit:
            raise _Beyond(newest, last) from None

    def _probe(self, window: Window) -> None:
        """A part that has to be divided again is known by its last page, before a hundred others are read for nothing."""
        if not window.divided:
            return
        try:
            full = len(self._reading(window)(PageNumber(MOST // PAGE, PAGE))) == PAGE
        except Limit:
            full = True
        if full:
            raise _Beyond

    def _reading(self, window: Window) -> Callable[[PageNumber], Sequence[Listed]]:
        query = window.query()

        def fetch(page: PageNumber) -> Sequence[Listed]:
            try:
                found = self._fetch(query, page)
            except errors.RemoteRefused as error:
                # The first page shows that the filter is right. Further on this status means the limit.
                if error.status == 422 and page.number > 1:
                    raise Limit from None
                raise
            if not self._pages:
                self._horizon = max((activity(one) for one in found), default=None)
            self._pages += 1
            return found

        return fetch

    def _new(self, page: Sequence[Listed]) -> Iterator[Sequence[Listed]]:
        new = [one for one in page if self._once.add(one.id)]
        if new:
            yield new

    def _front(self) -> Iterator[Sequence[Listed]]:
        """What jumped over the pages that were being read."""
        if self._pages < 2 or not self._horizon:
            return
        window = Window(active_from=date.fromisoformat(self._horizon[:10]) - FROM_MARGIN)
        for _ in range(ROUNDS):
            before = len(self._once)
            last = ""
            try:
                for page in walk(WHAT, self._reading(window), activity, most=MOST):
                    new = list(self._new(page))
                    yield from new
                    last = last_activity(page) or last
                    # Many may be as old as the front was; what jumped is before them.
                    if last and (last < self._horizon or (last == self._horizon and not new)):
                        break
            except Limit:
                # Fine where all of these are as old as the front was: it is older topics that are out of reach.
                if last > self._horizon:
                    break
            if len(self._once) == before:
                return
        raise errors.RemoteUnavailable(f"{WHAT} cannot be read: {UNSTEADY}")

    # ---- more than the limit

    def _narrower(self, window: Window, beyond: _Beyond) -> list[Window]:
        """Windows that have the rest of one that has too much, the newest first."""
        if beyond.last is not None and not window.divided:
            to = date.fromisoformat(beyond.last[:10]) + TO_MARGIN
            if to.isoformat() < beyond.newest[:10] and (window.active_to is None or to < window.active_to):
                return [replace(window, active_to=to)]
        start, end = window.created_from or BEGINNING, window.created_to or self._today
        if end - start > 2 * TO_MARGIN:
            middle = start + (end - start) / 2
            later = replace(window, created_from=middle - FROM_MARGIN)
            return [later, replace(window, created_to=middle + FROM_MARGIN)]
        if window.content_type is None:
            return [replace(window, content_type=one.name) for one in CONTENT_TYPES]
        if window.category is None and self._categories:
            return [replace(window, category=one) for one in self._categories]
        raise errors.RemoteRefused(
            f"more than {MOST:,} topics of one type and category were made, and were last active, within the same days: "
            "the community's API shows no more of them",
            hint="nothing was concluded from what was read; move some of them to another category",
        )


class _Beyond(Exception):
    """A window has more than can be had. `newest` is the latest activity of any topic that came, `last` that of the last one,
    where that says something."""

    def __init__(self, newest: str = "", last: str | None = None) -> None:
        super().__init__()
        self.newest = newest
        self.last = last


class Once:
    """Ids that came by. Numbers take a bit each."""

    _DENSE = 1 << 31

    def __init__(self) -> None:
        self._numbers = SeenIds()
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._numbers) + len(self._others)

    def add(self, id: str) -> bool:
        """Whether the id is new."""
        if id.isascii() and id.isdecimal() and len(id) < 11 and id[0] != "0" and int(id) < self._DENSE:
            return self._numbers.add(int(id))
        before = len(self._others)
        self._others.add(id)
        return len(self._others) > before


def activity(topic: Listed) -> str:
    """When something last happened to a topic; empty when that is not known."""
    found = topic.values.get("last_activity_at")
    return found if isinstance(found, str) else ""


def last_activity(page: Sequence[Listed]) -> str:
    """That of the last topic of a page of which it is known; empty where it is of none."""
    return next((found for one in reversed(page) if (found := activity(one))), "")


def _last(page: Sequence[Listed]) -> str | None:
    """The oldest activity of a page, as far as the page keeps to the order of the list."""
    times = [activity(one) for one in page]
    ordered = bool(times) and all(times) and times == sorted(times, reverse=True)
    return times[-1] if ordered else None
