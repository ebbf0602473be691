"""Reading a whole community for an import: `CommunitySource`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.crowd import crowd
from reconciler.connectors.gainsight_cc import content, listing
from reconciler.connectors.gainsight_cc.api import CommunityApi
from reconciler.connectors.gainsight_cc.content import Categories
from reconciler.connectors.gainsight_cc.people import listed_member, member_details
from reconciler.connectors.gainsight_cc.sieve import Sieve
from reconciler.connectors.gainsight_cc.topics import FROM_MARGIN, TopicReader, activity, last_activity
from reconciler.connectors.gainsight_cc.walking import Limit, PageNumber, walk
from reconciler.model.community import CommunityRecord, Kind, Listed, Unusable
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
        self._unusable_categories: dict[str, Unusable] = {}
        self._sieve = Sieve()
        self.concurrency = concurrency

    @property
    def calls(self) -> int:
        return self._calls()

    def members(self) -> Iterator[list[Listed]]:
        """See `base.CommunitySource`."""
        return listing.pages(self._api.page, self._sieve.users(listed_member))

    def details(self, ids: Iterable[str]) -> Iterator[tuple[str, Listed | None]]:
        """See `base.CommunitySource`."""
        for id, found in crowd(self._detail, ids, self.concurrency):
            if found is not None:
                yield id, found[0]

    def topics(self, since: date | None) -> Iterator[Sequence[Listed]]:
        """See `base.CommunitySource`."""
        categories, what = self._known_categories(), "the list of topics"

        def fetch(query: list[tuple[str, str]], page: PageNumber) -> Sequence[Listed]:
            found = self._api.content(["topics"], [*query, ("sort", "lastActivityAt"), *_numbered(page)], what)
            return self._read(Kind.TOPIC, found, lambda item: content.topic(item, categories), what, page)

        reader = TopicReader(fetch, today=self._clock.now().date(), categories=list(categories.found))
        return reader.read(since)

    def topic_details(self, since: date | None) -> Iterator[Sequence[Listed]]:
        """See `base.CommunitySource`."""
        oldest = "" if since is None else (since - FROM_MARGIN).isoformat()
        for one in content.CONTENT_TYPES:
            try:
                yield from self._of_type(one.route, oldest)
            except errors.RemoteRefused as error:
                if error.status not in MISSING:
                    raise

    def _of_type(self, route: str, oldest: str) -> Iterator[Sequence[Listed]]:
        what = f"the list of {route}"

        def fetch(page: PageNumber) -> Sequence[Listed]:
            try:
                answer = self._api.content([route], _numbered(page), what)
            except errors.RemoteRefused as error:
                if error.status == BEYOND and page.number > 1:
                    raise Limit from None
                raise
            return self._read(Kind.TOPIC, answer, content.topic_details, what, page)

        try:
            for page in walk(what, fetch, activity):
                yield page
                last = last_activity(page)
                if last and last < oldest:
                    return
        except Limit:
            # These lists take no filter. What was active longest ago stays without what only they tell.
            return

    def replies(self, topic: CommunityRecord) -> Iterator[Sequence[Listed]]:
        """See `base.CommunitySource`."""
        path, what = content.route(topic), f"the list of replies to topic {topic.id}"
        if path is None:
            return
        try:
            yield from self._replies(path, topic.id, what)
        except errors.RemoteMalformed as error:
            yield [self._sieve.unusable(Kind.REPLY, f"replies to topic {topic.id}", f"{what}: {error.message}")]

    def _replies(self, path: tuple[str, str], topic: str, what: str) -> Iterator[Sequence[Listed]]:
        def fetch(page: PageNumber) -> Sequence[Listed]:
            found = self._api.content([*path, "replies"], [("sort", "oldestFirst"), *_numbered(page)], what)
            return self._read(Kind.REPLY, found, lambda item: content.reply(item, topic), what, page)

        known: set[str] = set()
        for page in walk(what, fetch, lambda reply: None):
            new = list({one.id: one for one in page if one.id not in known}.values())
            known.update(one.id for one in new)
            if new:
                yield new

    def categories(self) -> list[Listed]:
        """See `base.CommunitySource`."""
        return [*self._known_categories().records(), *self._unusable_categories.values()]

    def idea_statuses(self) -> list[Listed]:
        """See `base.CommunitySource`."""
        found: dict[str, Listed] = {}
        what = "the list of idea statuses"

        def fetch(page: PageNumber) -> Sequence[Listed]:
            answer = self._api.content(["ideas", "ideaStatuses"], _numbered(page), what)
            return self._read(Kind.IDEA_STATUS, answer, content.idea_status, what, page)

        for page in walk(what, fetch, lambda status: None):
            found.update((one.id, one) for one in page)
        return list(found.values())

    def _detail(self, user_id: str) -> Iterator[tuple[Listed | None]]:
        try:
            answer = self._api.single(user_id)
            yield (None if answer is None else member_details(answer, user_id),)
        except errors.RemoteMalformed as error:
            detail = f"the profile of user {user_id}: {error.message}"
            yield (self._sieve.unusable(Kind.MEMBER, f"profile of {user_id}", detail),)

    def _read(
        self, kind: Kind, answer: Json, make: Callable[[Json], CommunityRecord], what: str, page: PageNumber
    ) -> Sequence[Listed]:
        return self._sieve.each(kind, content.items(answer, what), make, what, page.start + 1)

    # ---- categories

    def _known_categories(self) -> Categories:
        if self._categories is None:
            self._categories = self._read_categories()
        return self._categories

    def _read_categories(self) -> Categories:
        known = Categories()
        what = "the list of categories"

        def fetch(page: PageNumber) -> Sequence[Listed]:
            answer = self._api.content(["categories"], _numbered(page), what)
            return self._read(Kind.CATEGORY, answer, known.listed, what, page)

        for found in walk(what, fetch, lambda category: None):
            self._note_categories(found)
        tree = self._if_available(["category", "getTree"], MODULES, "the tree of categories")
        if tree is not None:
            for module, nodes in content.nodes(tree).items():
                where = "the tree of categories"
                self._note_categories(
                    self._sieve.each(Kind.CATEGORY, nodes, partial(known.noded, module=module), where, 1)
                )
        counts = self._if_available(["categories", "getVisibleTopicsCount"], [], "the numbers of topics")
        if counts is not None:
            known.counted(counts)
        return known

    def _note_categories(self, found: Sequence[Listed]) -> None:
        self._unusable_categories.update((one.id, one) for one in found if isinstance(one, Unusable))

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
