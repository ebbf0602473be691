"""The most calls that the lists of a community take, by how much it has: what the API makes necessary, and no more.

- Members: pages of 100. How many there are is told, but for just one full page: the number may be that of the page.
- Categories, their tree, their numbers of topics, and idea statuses: a call each.
- All topics: pages of up to 100, each of which begins with an item of the one before, so that none is lost while the list
  moves (`overlapping`). Of what a filter matches only the first 10,000 are shown. The next filter goes by the day of the last
  one; a day of another time zone is up to a day off, and whether the day that ends a range belongs to it is not said. So it
  shows up to three days again, and its last page is not full. At the end a page tells whether something jumped to the front.
- The topics of each type: such pages, too. These lists have no filter; one that goes beyond 10,000 is refused there, in a call.
- Persons, company persons and companies in Gainsight CS: pages of 5,000. Nothing says how many there are, so what comes after
  the last full page is a call.

That a list has ended, or that the rest is too old, shows on the page of the item that comes after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

PAGE = 100
SHOWN = 10_000
AGAIN = 3
"""Days."""

SINGLE = 4
RECORDS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much one community has that is listed, and the tenant in which its members are looked up."""

    members: int
    topics: Counter[str]
    """By type."""
    days: int
    """On which one of these topics was last active."""
    records: tuple[int, ...]
    """Persons, company persons, companies."""


def calls(communities: Iterable[Sizes]) -> int:
    return sum(
        up(one.members, PAGE)
        + (one.members == PAGE)
        + SINGLE
        + _all_topics(one.topics.total(), one.days)
        + sum(_of_a_type(count) for count in one.topics.values())
        + sum(count // RECORDS + 1 for count in one.records)
        for one in communities
    )


def overlapping(items: int) -> int:
    """A page begins at a multiple of its size. So not every page can begin with just the last item of the one before, and no
    choice of sizes needs less than about 8 pages for 700 items."""
    return up(8 * items, 7 * PAGE)


def up(items: int, size: int) -> int:
    return -(-items // size)


def _all_topics(topics: int, days: int) -> int:
    if topics < SHOWN:
        return overlapping(topics + 1) + (topics >= PAGE)
    again = AGAIN * up(topics, days)
    filters = up(topics - again, SHOWN - again)
    return overlapping(topics + (filters - 1) * again) + filters + 1


def _of_a_type(topics: int) -> int:
    return overlapping(topics + 1) if topics < SHOWN else overlapping(SHOWN) + 1
