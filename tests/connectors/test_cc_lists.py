"""How many calls the lists of a community take: no more than the API makes necessary, where it shows few topics at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from bench import lists
from reconciler.connectors.gainsight_cc.community import CommunityReader
from reconciler.connectors.gainsight_cc.content import CONTENT_TYPES
from reconciler.connectors.gainsight_cc.walking import page_after
from reconciler.model.community import CommunityRecord
from reconciler.sandbox import Sandbox, SandboxConfig
from tests.connectors.test_with_sandbox import cc, control

SHOWN = 1_000
TOPICS = 3_600
TYPES = [one.subtype for one in CONTENT_TYPES]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(people=120, topics=TOPICS, communities=1, rate_limit=False, quirks=False)) as running:
        control(running, "POST", "switches", {"topic_limit": SHOWN})
        yield running


@pytest.fixture(autouse=True)
def few_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.connectors.gainsight_cc.topics.MOST", SHOWN)
    monkeypatch.setattr(lists, "SHOWN", SHOWN)


def read(
    sandbox: Sandbox, work: Callable[[CommunityReader], Iterator[list[CommunityRecord]]]
) -> tuple[list[Any], Counter[str]]:
    """What a reading gives, and its calls by route."""
    control(sandbox, "DELETE", "requests")
    with cc(sandbox) as client:
        found = [one for page in work(client.community()) for one in page]
    counters = control(sandbox, "GET", "state")["counters"]
    calls: Counter[str] = Counter()
    for counter in counters:
        calls[counter["route"]] += counter["count"]
    return found, calls


def sizes(topics: list[CommunityRecord], since: str = "") -> lists.Sizes:
    recent = [one for one in topics if active(one) >= since]
    return lists.Sizes(
        members=120,
        topics=Counter(dict.fromkeys(TYPES, 0) | Counter(str(one.values["subtype"]) for one in recent)),
        days=len({active(one) for one in recent}),
        records=(),
    )


def active(topic: CommunityRecord) -> str:
    return str(topic.values["last_activity_at"])[:10]


def published(sandbox: Sandbox) -> set[str]:
    found: dict[str, bool] = {}
    while page := control(sandbox, "GET", f"cc/1/topics?after={max(map(int, found), default=0)}")["topics"]:
        found |= {str(one["number"]): one["status"] == "published" for one in page}
    return {number for number, shown in found.items() if shown}


def everything(since: date | None) -> Callable[[CommunityReader], Iterator[list[CommunityRecord]]]:
    """What an import lists, with its topics at the end: what is told of them by type comes before."""

    def work(reader: CommunityReader) -> Iterator[list[CommunityRecord]]:
        for _ in reader.members():
            pass
        reader.categories()
        reader.idea_statuses()
        for _ in reader.topic_details(since):
            pass
        yield from reader.topics(since)

    return work


def test_all_lists_take_no_more_calls_than_they_have_to(sandbox: Sandbox) -> None:
    topics, calls = read(sandbox, everything(None))
    assert {one.id for one in topics} == published(sandbox)
    assert len(topics) == len(published(sandbox)) > 3 * SHOWN
    assert any(count > SHOWN for count in sizes(topics).topics.values()), "one type has more than its list shows"
    del calls["/oauth2/token"]
    most = lists.calls([sizes(topics)])
    # With filters as short as these the calls that are rounded up are many.
    assert 0.85 * most <= calls.total() <= most


def test_what_was_active_lately_takes_no_more_calls_than_it_has_to(sandbox: Sandbox) -> None:
    topics, _ = read(sandbox, everything(None))
    newest = date.fromisoformat(max(map(active, topics)))
    before = newest - timedelta(days=1)
    recent, calls = read(sandbox, everything(newest))
    assert {one.id for one in recent} == {one.id for one in topics if active(one) >= before.isoformat()}
    del calls["/oauth2/token"]
    most = lists.calls([sizes(topics, before.isoformat())])
    assert most - 3 <= calls.total() <= most


def test_pages_that_overlap_take_no_more_calls_than_the_formula_says() -> None:
    """For a list of any length; and the formula is no more than two calls above."""
    read_so_far, pages = 0, 0
    while read_so_far < 30_000:
        page = page_after(read_so_far)
        assert page is not None
        pages += 1
        for items in range(read_so_far + 1, page.end + 1):
            assert pages <= lists.overlapping(items) <= pages + 2
        read_so_far = page.end
