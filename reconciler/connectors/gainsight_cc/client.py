"""The client of one Gainsight community: `MemberDirectory`, `Destination` and `Remote`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from reconciler.clock import Clock
from reconciler.connectors.base import Check, Member
from reconciler.connectors.checks import Probe
from reconciler.connectors.gainsight_cc import listing
from reconciler.connectors.gainsight_cc.api import CommunityApi
from reconciler.connectors.gainsight_cc.community import CommunityReader
from reconciler.connectors.gainsight_cc.sendable import MOST_BYTES
from reconciler.connectors.gainsight_cc.shapes import member
from reconciler.connectors.gainsight_cc.sieve import Sieve
from reconciler.connectors.gainsight_cc.token import TokenSource
from reconciler.connectors.gainsight_cc.writer import ProfileWriter
from reconciler.connectors.http import HttpClient
from reconciler.model.catalog import Catalog, SeenProfileField
from reconciler.model.community import Unusable
from reconciler.model.outcome import Write, WriteResult
from reconciler.model.resources import CcConnection

CATALOG_USERS = 50
"""Users read one by one, at most, to see which profile fields there are: the API cannot list them."""

SCOPED_ROUTE = "v2/categories"

BATCH = 50
"""Values journalled together: what a crash may send twice."""


def base_url(connection: CcConnection) -> str:
    """Where the community's API is."""
    return connection.base_url or f"https://api2-{connection.region}.insided.com"


class CcClient:
    """Lists and writes one community. `http` must lead to `base_url(connection)`; it is closed with the client.

    Made anew for each run, because it remembers what was missing. `max_value_bytes` counts a value as it is encoded.
    """

    batch_size = BATCH

    def __init__(
        self,
        connection: CcConnection,
        client_id: str,
        client_secret: str,
        *,
        http: HttpClient,
        clock: Clock,
        max_value_bytes: int = MOST_BYTES,
    ) -> None:
        self._connection = connection
        self._http = http
        self._clock = clock
        self._tokens = TokenSource(http, client_id, client_secret, clock)
        self._api = CommunityApi(http, self._tokens, connection.path_prefix)
        self._writer = ProfileWriter(self._api, max_value_bytes)

    @property
    def concurrency(self) -> int:
        return self._connection.concurrency

    @property
    def calls(self) -> int:
        return self._http.calls

    def close(self) -> None:
        self._http.close()

    def members(self) -> Iterator[list[Member]]:
        """Every user once, up to 100 a page. Raises `errors.RemoteError`."""
        for page in listing.pages(self._api.page, Sieve().users(member)):
            yield [_without_id(one) if isinstance(one, Unusable) else one for one in page]

    def community(self) -> CommunityReader:
        """The reading side of a community import. Made anew for each run, because it remembers the categories."""
        return CommunityReader(self._api, self._clock, self.concurrency, lambda: self.calls)

    def write(self, batch: Sequence[Write]) -> Iterator[WriteResult]:
        """Write values, one call each, and yield each result when it is known; not necessarily in the order given.

        Thread-safe. Raises `errors.AuthenticationFailed`, `Interrupted`, and `RemoteUnavailable` when the community has
        stopped answering: values without a result were then not acknowledged.
        """
        return self._writer.write(batch)

    def catalog(self) -> Catalog:
        """The profile fields that show on the first users, until every declared one was seen."""
        declared = {field.name for field in self._connection.profile_fields}
        seen: dict[str, SeenProfileField] = {}
        read = 0
        for one in islice((one for page in self.members() for one in page if one.id), CATALOG_USERS):
            user = self._api.user(one.id)
            read += 1
            profile = {} if user is None else user.profile
            seen.update({name: SeenProfileField(name=name, id=value.field_id) for name, value in profile.items()})
            if declared and declared <= seen.keys():
                break
        return Catalog(connection=self._connection.name, profile_fields=dict(sorted(seen.items())), users_read=read)

    def check(self) -> Sequence[Check]:
        """Reachable, credentials, limits, clock, scopes, users: as far as they can be tried."""
        probe = Probe(self._http, self._clock, self._connection.rate_limit)
        if probe.reach(self._api.token_answer, "credentials"):
            probe.step("scopes", self._check_scopes)
            probe.step("users", self._check_users)
        return probe.checks

    def _check_scopes(self) -> str:
        """A token without scopes is issued and even lists users, but is refused by the newer part of the API."""
        status = self._api.send("GET", SCOPED_ROUTE, [("pageSize", "1")]).status
        return "read and write" if status == 200 else f"asked for read and write; cannot be told (HTTP {status})"

    def _check_users(self) -> str:
        page = listing.page_of(self._api.page(1, 1), member)
        return f"the user list can be read ({page.told:,} users)" if page.told else "the user list can be read"


def _without_id(user: Unusable) -> Member:
    """What can be said of a user whose id is not usable: enough to reject what would be written to it."""
    email, username = user.values.get("email"), user.values.get("username")
    return Member("", email if isinstance(email, str) else "", username if isinstance(username, str) else "")
