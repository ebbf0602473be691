"""Reading a whole community for an import: `CommunitySource`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.crowd import crowd
from reconciler.connectors.gainsight_cc import content, listing
from reconciler.connectors.gainsight_cc.api import CommunityApi
from reconciler.connectors.gainsight_cc.content import Categories
from reconciler.connectors.gainsight_cc.people import listed_member, member_details
from reconciler.connectors.gainsight_cc.topics import FROM_MARGIN, TopicReader, activity
from reconciler.connectors.gainsight_cc.walking import Limit, PageNumber, walk
from reconciler.model.community import CommunityRecord
from reconciler.model.json import Json

MODULES = [("module[]", name) for name in content.MODULES]

MISSING = frozenset({404, 405, 501})
"""How a route answers that the community does not have."""

BEYOND = 422
"""How a list answers that it shows no more items than so many."""

UNAVAILABLE = MISSING | {400, 422}
"""The same for one that wants to know on whose behalf it is asked."""


class CommunityReader:
    """One reading of a community. `calls` are those of its client."""

    def __init__(self, api: CommunityApi, clock: Clock, concurrency: int, calls: Callable[[], int]) -> None:
        self._api = api
        self._clock = clock
        self._calls = calls
        self._categories: Categories | None = None
        self.concurrency = concurrency

    @property
    def calls(self) -> int:
        return self._calls()

    def members(self) -> Iterator[list[CommunityRecord]]:
        """See `base.CommunitySource`."""
        return listing.pages(self._api.page, listed_member)

    def details(self, ids: Iterable[str]) -> Iterator[tuple[str, CommunityRecord | None]]:
        """See `base.CommunitySource`."""
        for id, found in crowd(self._detail, ids, self.concurrency):
            if found is not None:
                yield id, found[0]

    def topics(self, since: date | None) -> Iterator[list[CommunityRecord]]:
        """See `base.CommunitySource`."""
        categories = self._known_categories()

        def fetch(query: list[tuple[str, str]], page: PageNumber) -> list[CommunityRecord]:
            asked = [*query, ("sort", "lastActivityAt"), *_numbered(page)]
            found = self._api.content(["topics"], asked, "the list of topics")
            return [content.topic(item, categories) for item in content.items(found, "the list of topics")]

        reader = TopicReader(fetch, today=self._clock.now().date(), categories=list(categories.found))
        return reader.read(since)

    def topic_details(self, since: date | None) -> Iterator[list[CommunityRecord]]:
        """See `base.CommunitySource`."""
        oldest = "" if since is None else (since - FROM_MARGIN).isoformat()
        for one in content.CONTENT_TYPES:
            try:
                yield from self._of_type(one.route, oldest)
            except errors.RemoteRefused as error:
                if error.status not in MISSING:
                    raise

    def _of_type(self, route: str, oldest: str) -> Iterator[list[CommunityRecord]]:
        what = f"the list of {route}"

        def fetch(page: PageNumber) -> list[CommunityRecord]:
            try:
                answer = self._api.content([route], _numbered(page), what)
            except errors.RemoteRefused as error:
                if error.status == BEYOND and page.number > 1:
                    raise Limit from None
                raise
            return [content.topic_details(item) for item in content.items(answer, what)]

        try:
            for page in walk(what, fetch, activity):
                yield page
                if page and activity(page[-1]) < oldest:
                    return
        except Limit:
            # These lists take no filter. What was active longest ago stays without what only they tell.
            return

    def replies(self, topic: CommunityRecord) -> Iterator[list[CommunityRecord]]:
        """See `base.CommunitySource`."""
        path = content.route(topic)
        if path is None:
            return
        what = f"the list of replies to topic {topic.id}"

        def fetch(page: PageNumber) -> list[CommunityRecord]:
            found = self._api.content([*path, "replies"], [("sort", "oldestFirst"), *_numbered(page)], what)
            return [content.reply(item, topic.id) for item in content.items(found, what)]

        known: set[str] = set()
        for page in walk(what, fetch, lambda reply: None):
            new = list({one.id: one for one in page if one.id not in known}.values())
            known.update(one.id for one in new)
            if new:
                yield new

    def categories(self) -> list[CommunityRecord]:
        """See `base.CommunitySource`."""
        return self._known_categories().records()

    def idea_statuses(self) -> list[CommunityRecord]:
        """See `base.CommunitySource`."""
        found: dict[str, CommunityRecord] = {}
        what = "the list of idea statuses"

        def fetch(page: PageNumber) -> list[CommunityRecord]:
            answer = self._api.content(["ideas", "ideaStatuses"], _numbered(page), what)
            return [content.idea_status(item) for item in content.items(answer, what)]

        for page in walk(what, fetch, lambda status: None):
            found.update((one.id, one) for one in page)
        return list(found.values())

    def _detail(self, user_id: str) -> Iterator[tuple[CommunityRecord | None]]:
        answer = self._api.single(user_id)
        yield (None if answer is None else member_details(answer, user_id),)

    # ---- categories

    def _known_categories(self) -> Categories:
        if self._categories is None:
            self._categories = self._read_categories()
        return self._categories

    def _read_categories(self) -> Categories:
        known = Categories()
        what = "the list of categories"

        def fetch(page: PageNumber) -> list[CommunityRecord]:
            found = content.items(self._api.content(["categories"], _numbered(page), what), what)
            return known.listed(found)

        for _ in walk(what, fetch, lambda category: None):
            pass
        tree = self._if_available(["category", "getTree"], MODULES, "the tree of categories")
        if tree is not None:
            known.tree(tree)
        counts = self._if_available(["categories", "getVisibleTopicsCount"], [], "the numbers of topics")
        if counts is not None:
            known.counted(counts)
        return known

    def _if_available(self, segments: Sequence[str], query: Sequence[tuple[str, str]], what: str) -> Json | None:
        """An answer that says more about categories, where there is one: the tree wants to know on whose behalf, and an import
        acts for nobody; some communities give it all the same."""
        try:
            return self._api.content(segments, query, what)
        except errors.AuthenticationFailed:
            # The list could be read with the same credentials a moment ago.
            return None
        except errors.RemoteRefused as error:
            if error.status in UNAVAILABLE:
                return None
            raise


def _numbered(page: PageNumber) -> list[tuple[str, str]]:
    return [("page", str(page.number)), ("pageSize", str(page.size))]
