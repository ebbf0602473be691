"""Reading the user list: no user lost, none twice, no call too many, no endless list."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.base import Member
from reconciler.connectors.gainsight_cc import listing
from reconciler.connectors.gainsight_cc.shapes import community_user, member
from reconciler.connectors.gainsight_cc.sieve import Sieve
from reconciler.model.community import Unusable
from tests.connectors.community import Community, cc, found_by, item, user_body
from tests.connectors.servers import serving


class Lister:
    """A user list over `ids`, with whatever it says of the count and whatever it makes of the page size."""

    def __init__(self, ids: list[int], count: Any, size: int = 100, iterable: bool = True) -> None:
        self.ids = ids
        self.count = count
        self.size = size
        self.iterable = iterable
        self.calls = 0

    def __call__(self, number: int) -> Any:
        self.calls += 1
        page = self.ids[(number - 1) * self.size : number * self.size]
        count = self.count(len(page), min(number * self.size, len(self.ids))) if callable(self.count) else self.count
        statistics = {"statistics": {"count": count}}
        users = [item(one) for one in page]
        return {"users": users, **statistics} if self.iterable else {**dict(enumerate(users)), **statistics}

    def read(self) -> list[int]:
        return [int(one.id) for page in listing.pages(self, member) for one in page]


def ids(count: int) -> list[int]:
    return list(range(1, count + 1))


COUNTS = st.integers(0, 1300) | st.sampled_from([100, 200, 300, 1000])


@given(COUNTS, st.booleans())
def test_a_total_saves_the_last_empty_page(count: int, iterable: bool) -> None:
    lister = Lister(ids(count), count, iterable=iterable)
    assert lister.read() == ids(count)
    # Of a list that fits its first page exactly nobody can tell whether the count is of the page or of all.
    assert lister.calls == max(1, math.ceil(count / 100)) + (count in (listing.DEFAULT_PAGE, listing.PAGE))


def test_a_total_may_be_written_as_a_text() -> None:
    lister = Lister(ids(200), "200")
    assert lister.read() == ids(200)
    assert lister.calls == 2


@given(COUNTS, st.booleans())
def test_a_count_of_the_page_loses_nobody(count: int, iterable: bool) -> None:
    assert Lister(ids(count), lambda page, _: page, iterable=iterable).read() == ids(count)


@given(COUNTS, st.sampled_from([None, "many", True, -1, 0, 10**9, 2.5]))
def test_a_count_of_nonsense_loses_nobody(count: int, told: object) -> None:
    assert Lister(ids(count), told).read() == ids(count)


@given(COUNTS)
def test_a_running_count_loses_nobody(count: int) -> None:
    assert Lister(ids(count), lambda _, seen: seen).read() == ids(count)


@given(COUNTS, st.integers(0, 2000))
def test_a_count_that_lies_loses_nobody_unless_it_lies_exactly_at_the_end_of_a_page(count: int, told: int) -> None:
    assume(told == count or told % 100 or told <= 100)
    assert Lister(ids(count), told).read() == ids(count)


@given(COUNTS, st.integers(1, 100))
def test_a_server_with_a_page_size_of_its_own_loses_nobody(count: int, size: int) -> None:
    assert Lister(ids(count), count, size=size).read() == ids(count)


@given(COUNTS)
def test_a_server_that_ignores_the_page_size_loses_nobody_even_if_it_counts_the_page(count: int) -> None:
    assert Lister(ids(count), lambda page, _: page, size=listing.DEFAULT_PAGE).read() == ids(count)


@given(st.lists(st.integers(1, 400), min_size=150, max_size=600))
def test_users_that_move_between_pages_come_once(found: list[int]) -> None:
    try:
        read = Lister(found, None).read()
    except errors.RemoteMalformed:
        return  # a whole page of users seen before is taken for a loop
    assert len(read) == len(set(read))
    assert read == [one for number, one in enumerate(found) if one not in found[:number]][: len(read)]


@pytest.mark.parametrize("size", [100, 60])
def test_a_page_that_repeats_itself_is_refused(size: int) -> None:
    with pytest.raises(errors.RemoteMalformed, match="repeats itself"):
        list(
            listing.pages(lambda _: {"users": [item(one) for one in ids(size)], "statistics": {"count": 1000}}, member)
        )


def test_pages_that_take_turns_are_refused() -> None:
    pages = [ids(100), list(range(101, 201))]
    with pytest.raises(errors.RemoteMalformed, match="repeats itself"):
        list(listing.pages(lambda number: {"users": [item(one) for one in pages[number % 2]]}, member))


def test_a_short_page_without_anybody_new_is_the_end() -> None:
    pages = {1: ids(100), 2: [7, 8]}
    read = list(
        listing.pages(lambda n: {"users": [item(one) for one in pages[n]], "statistics": {"count": 500}}, member)
    )
    assert [len(page) for page in read] == [100]


def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_PAGES", 30)
    with pytest.raises(errors.RemoteMalformed, match="no end after 30 pages"):
        Lister(ids(10_000), None).read()


@pytest.mark.parametrize(
    "data",
    [
        [], None, "x", {"users": 5}, {"users": {"0": 1}}, {"users": [5]}, {"users": [[1]]}, {"users": [{}]},
        {"users": [{"userid": None}]}, {"users": [{"userid": True}]}, {"users": [{"userid": -1}]}, {"users": [{"userid": "x"}]},
        {"users": [{"userid": 1.5}]}, {"0": "x", "statistics": {}}, {"message": "hello"},
    ],
)  # fmt: skip
def test_a_list_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(errors.RemoteMalformed):
        list(listing.pages(lambda _: data, member))


@pytest.mark.parametrize("told", [250, None])
def test_users_without_an_id_cost_no_other(told: int | None) -> None:
    """Neither do they fill a page's place, nor does a total seem to be reached with them."""
    users: list[Any] = [item(one) for one in ids(250)]
    for place, odd in [(0, {"userid": None}), (99, 5), (100, None), (249, {"username": "x", "userid": "x"})]:
        users[place] = odd

    def fetch(number: int) -> Any:
        return {"users": users[(number - 1) * 100 : number * 100], "statistics": {"count": told}}

    read = [one for page in listing.pages(fetch, Sieve().users(member)) for one in page]
    assert [one.id for one in read if isinstance(one, Member)] == [
        str(one) for one in ids(250) if one not in (1, 100, 101, 250)
    ]
    assert [one.detail for one in read if isinstance(one, Unusable)] == [
        "the list of users: a community user came without a userid",
        "the list of users: a community user should be an object, but is a number",
        "the list of users: a community user should be an object, but is null",
        "the list of users: a community user came without a userid",
    ]


@given(st.lists(st.integers(0, 10_000) | st.integers(0, 2**62), max_size=50))
def test_seen_ids_are_a_set(numbers: list[int]) -> None:
    seen, real = listing.SeenIds(), set[int]()
    for number in numbers:
        assert seen.add(number) == (number not in real)
        real.add(number)
        assert len(seen) == len(real)


def test_a_list_over_http() -> None:
    with serving(Community({number: {} for number in range(1, 251)})) as server, cc(server.url) as remote:
        pages = list(remote.members())
    assert [len(page) for page in pages] == [100, 100, 50]
    assert pages[0][0] == Member("1", "u1@x.example", "user 1")
    assert server.targets[1:] == [f"/api1/user?page={n}&pageSize=100&_returnIterable=1" for n in (1, 2, 3)]


# ---- one user in three shapes

VALUES = {"Job Title": "Engineer", "Company": ""}


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (user_body(7, VALUES), [5, 6]),
        (found_by(7, VALUES), [0, 0]),
        ({"result": found_by(7, VALUES)}, [0, 0]),
        ({"userid": 7, "result": found_by(7, VALUES)}, [0, 0]),
    ],
    ids=["user", "found", "wrapped", "both levels"],
)
def test_three_shapes_are_one_user(body: Any, ids: list[int]) -> None:
    user = community_user(body)
    assert user.member == Member("7", "u7@x.example", "user 7")
    assert {name: one.value for name, one in user.profile.items()} == VALUES
    assert [one.field_id for one in user.profile.values()] == ids


@pytest.mark.parametrize(
    "fields", [{"0": {"name": "City", "NormalizedValue": "Leeds"}}, {"name": "City", "NormalizedValue": "Leeds"}]
)
def test_a_list_that_is_written_as_an_object(fields: Any) -> None:
    assert community_user({"userid": 1, "profileFields": fields}).profile["City"].value == "Leeds"


def test_what_a_user_lacks_is_empty() -> None:
    assert member({"userid": "12", "email": None}) == Member("12", "", "")
    assert community_user({"userid": 1, "_related": [], "profileFields": None}).profile == {}


@pytest.mark.parametrize("body", [None, [], {"result": []}, {"userid": 1, "profileFields": [3]}, {"_related": {}}])
def test_a_user_of_another_shape_is_refused(body: Any) -> None:
    with pytest.raises(errors.RemoteMalformed):
        community_user(body)
