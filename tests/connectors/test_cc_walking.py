"""Lists that change while they are read: nothing is lost that stayed, and no list is read for ever."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from reconciler import errors
from reconciler.connectors.gainsight_cc.walking import Limit, PageNumber, page_after, walk
from reconciler.model.community import CommunityRecord, Kind


def record(number: int, stamp: int = 0) -> CommunityRecord:
    return CommunityRecord(kind=Kind.TOPIC, id=str(number), values={"at": stamp})


class Moving:
    """A list that `change` may change before each page is cut out of it."""

    def __init__(
        self, count: int, change: Callable[[list[CommunityRecord], int], None] = lambda items, page: None
    ) -> None:
        self.items = [record(number) for number in range(count)]
        self.change = change
        self.pages: list[PageNumber] = []

    def fetch(self, page: PageNumber) -> list[CommunityRecord]:
        self.change(self.items, len(self.pages))
        self.pages.append(page)
        assert len(self.pages) < 2_000
        return self.items[page.start : page.end]

    def read(self, most: int | None = None) -> set[str]:
        pages = walk("the list", self.fetch, lambda one: one.values["at"], most=most)
        return {one.id for page in pages for one in page}


@pytest.mark.parametrize("count", [0, 1, 24, 26, 99, 100, 101, 198, 1_000, 9_999])
def test_a_list_that_stands_still_costs_little_more_than_its_pages(count: int) -> None:
    moving = Moving(count)
    assert moving.read() == {str(number) for number in range(count)}
    assert len(moving.pages) <= 1 + 1.15 * (count // 100 + 1)


def test_each_page_begins_within_the_one_before() -> None:
    read = 0
    while read < 20_000:
        page = page_after(read)
        assert page is not None
        assert page.start < max(read, 1) < page.end
        assert page.size <= 100
        read = page.end


def test_no_other_choice_of_pages_takes_fewer_calls() -> None:
    """Against all ways to read a list in pages of 1 to 100, each of which begins within the one before."""
    most = 3_000
    fewest = [0] + [most] * (most + 100)
    fewest[1:101] = [1] * 100
    for read in range(1, most):
        for size in range(1, 101):
            end = ((read - 1) // size + 1) * size
            fewest[end] = min(fewest[end], fewest[read] + 1)
    read, pages = 0, 0
    while read < most:
        page = page_after(read)
        assert page is not None
        pages += 1
        assert pages <= min(fewest[items] for items in range(read + 1, most + 101))
        read = page.end


@pytest.mark.parametrize("seed", range(40))
def test_what_stays_is_read_whatever_happens_around_it(seed: int) -> None:
    chance = random.Random(seed)
    stays = {str(number) for number in range(0, 1_500, 3)}

    def change(items: list[CommunityRecord], page: int) -> None:
        if page > 60:
            return
        for _ in range(chance.choice([0, 0, 1, 5, 80, 150])):
            place = chance.randrange(len(items))
            if items[place].id not in stays:
                gone = items.pop(place)
                if chance.random() < 0.5:
                    items.insert(0, record(int(gone.id), page + 1))
        if chance.random() < 0.3:
            items[:0] = [record(10_000 + 100 * page + number, page + 1) for number in range(chance.randrange(100))]

    assert stays <= Moving(1_500, change).read()


def test_a_list_that_never_stands_still_is_given_up() -> None:
    def change(items: list[CommunityRecord], page: int) -> None:
        items[:] = [record(1_000 * page + number, page) for number in range(500)]

    with pytest.raises(errors.RemoteUnavailable, match="changes faster"):
        Moving(500, change).read()


def test_a_list_that_repeats_itself_is_refused() -> None:
    same = [record(number) for number in range(100)]
    with pytest.raises(errors.RemoteMalformed, match="repeats itself") as caught:
        list(walk("the list", lambda page: same[: page.size], lambda one: 0))
    assert caught.value.hint


def test_a_list_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.connectors.gainsight_cc.walking.MOST_PAGES", 50)
    with pytest.raises(errors.RemoteMalformed, match="no end after 50 pages"):
        list(walk("the list", lambda page: [record(n) for n in range(page.start, page.end)], lambda one: 0))


def test_a_server_with_its_own_size_of_pages_is_refused() -> None:
    items = [record(number) for number in range(60)]
    with pytest.raises(errors.RemoteMalformed, match="pages of 25"):
        list(walk("the list", lambda page: items[(page.number - 1) * 25 : page.number * 25], lambda one: 0))


@pytest.mark.parametrize("count", [9_990, 10_000, 10_500])
def test_nothing_beyond_the_limit_is_asked_for(count: int) -> None:
    moving = Moving(count)
    if count > 9_999:
        with pytest.raises(Limit):
            moving.read(most=10_000)
    else:
        assert len(moving.read(most=10_000)) == count
    assert max(page.end for page in moving.pages) <= 10_000
