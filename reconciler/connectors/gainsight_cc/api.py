"""The calls that we make of the community API, with the token dealt with."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler import errors
from reconciler.connectors.answer import API_HINT, SHAPE_HINT, Response
from reconciler.connectors.flight import SingleFlight
from reconciler.connectors.gainsight_cc.listing import PAGE
from reconciler.connectors.gainsight_cc.shapes import CommunityUser, community_user
from reconciler.connectors.gainsight_cc.token import Token, TokenSource
from reconciler.connectors.http import HttpClient
from reconciler.model.json import Json

CONTENT = "v2"
"""Begins the routes of everything but users."""

FORBIDDEN_HINT = "check what the API credentials may do (Control > Integrations > API)"


class CommunityApi:
    """Thread-safe. Every method raises what the HTTP client raises, and `errors.AuthenticationFailed`."""

    def __init__(self, http: HttpClient, tokens: TokenSource, path_prefix: str) -> None:
        self._http = http
        self._tokens = tokens
        self._users = (*(part for part in path_prefix.split("/") if part), "user")
        self._reads: SingleFlight[str, CommunityUser | None] = SingleFlight()

    def token_answer(self) -> Response:
        """The answer to a request for a token, with its headers; the token is kept for what follows."""
        return self._tokens.obtain()

    def send(
        self,
        method: str,
        segments: Sequence[str] | str,
        query: Sequence[tuple[str, str]] = (),
        attempts: int | None = None,
    ) -> Response:
        """One request; after a 401 once more with a new token."""
        token = self._tokens.current()
        answer = self._request(method, segments, query, attempts, token)
        if answer.status == 401:
            answer = self._request(method, segments, query, attempts, self._tokens.renewed(token))
        if answer.status == 401:
            raise self._tokens.refuse()
        return answer

    def _request(
        self,
        method: str,
        segments: Sequence[str] | str,
        query: Sequence[tuple[str, str]],
        attempts: int | None,
        token: Token,
    ) -> Response:
        return self._http.request(
            method,
            segments,
            query=query,
            headers={"Authorization": token.authorization},
            idempotent=True,  # reads, and writes of one value: to repeat any of them changes nothing
            attempts=attempts,
        )

    def page(self, number: int, size: int = PAGE) -> Json:
        """A page of the user list."""
        query = [("page", str(number)), ("pageSize", str(size)), ("_returnIterable", "1")]
        return _accepted(self.send("GET", self._users, query), "the user list").json()

    def single(self, user_id: str) -> Json | None:
        """One user as it came; None when the community has no such user."""
        answer = self.send("GET", (*self._users, user_id))
        return None if answer.status == 404 else _accepted(answer, "a user").json()

    def content(self, segments: Sequence[str], query: Sequence[tuple[str, str]], what: str) -> Json:
        """An answer of the newer part of the API. Raises `errors.RemoteRefused` with its status, also for a 404."""
        return _accepted(self.send("GET", (CONTENT, *segments), query), what).json()

    def user(self, user_id: str) -> CommunityUser | None:
        """One user with its profile fields; None when the community has no such user. Threads that ask at once share a call."""
        return self._reads.do(user_id, lambda: self._read(user_id, None))

    def read_back(self, user_id: str) -> CommunityUser | None:
        """The same in a call of its own and with one attempt: what another thread read before our write proves nothing."""
        return self._read(user_id, attempts=1)

    def put(self, user_id: str, field: str, value: str) -> Response:
        """Write one profile field of one user; the answer may have any status."""
        return self.send("PUT", (*self._users, user_id, "profile_field", field, value))

    def _read(self, user_id: str, attempts: int | None) -> CommunityUser | None:
        answer = self.send("GET", (*self._users, user_id), attempts=attempts)
        if answer.status == 404:
            return None
        user = community_user(_accepted(answer, "a user").json())
        if user.member.id != user_id:
            raise errors.RemoteMalformed("the community answered with another user than was asked for", hint=SHAPE_HINT)
        return user


def _accepted(answer: Response, what: str) -> Response:
    if answer.ok:
        return answer
    if answer.status == 403:
        raise errors.AuthenticationFailed(f"the community forbids reading {what} (HTTP 403)", hint=FORBIDDEN_HINT)
    raise errors.RemoteRefused(
        f"the community refused {what} (HTTP {answer.status})", hint=API_HINT, status=answer.status
    )
