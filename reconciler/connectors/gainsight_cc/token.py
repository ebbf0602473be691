"""The access token of a community: asked for once, shared by all threads, renewed before it expires."""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler import errors
from reconciler.clock import Clock
from reconciler.connectors.answer import API_HINT, Response, json_object
from reconciler.connectors.flight import SingleFlight
from reconciler.connectors.http import HttpClient
from reconciler.connectors.secret import Secret, for_header
from reconciler.model.json import Json

PATH = "oauth2/token"
SCOPES = ("read", "write")

MARGIN = 60.0
"""Seconds before its end at which a token is renewed, but at most a tenth of its life."""

UNKNOWN_LIFE = 300.0
"""Seconds for which a token is used that does not say how long it lives."""

CREDENTIALS_HINT = (
    "check the client id and secret (Control > Integrations > API), where their secret references lead, and the region: "
    "sandbox and production share a host but not their credentials"
)
SCOPE_HINT = "give the API credentials the scopes read and write (Control > Integrations > API)"

_CODE = re.compile(r"[a-z_]{1,40}")


class Token(NamedTuple):
    """`authorization` is the whole header value; `renew_at` is in monotonic seconds; `scopes` is None where not told."""

    authorization: Secret
    renew_at: float
    scopes: frozenset[str] | None


class TokenSource:
    """Thread-safe. Once the credentials were refused they are not sent again: every later call fails at once."""

    def __init__(self, http: HttpClient, client_id: str, client_secret: str, clock: Clock) -> None:
        self._http = http
        self._client_id = Secret(client_id)
        self._client_secret = Secret(client_secret)
        self._clock = clock
        self._flight: SingleFlight[str, Token] = SingleFlight()
        self._token: Token | None = None
        self._refused: tuple[str, str] | None = None

    def current(self) -> Token:
        """A token that is good for now. Raises `errors.AuthenticationFailed` and what the HTTP client raises."""
        token = self._token
        if token is not None and self._refused is None and self._clock.monotonic() < token.renew_at:
            return token
        return self.renewed(token)

    def renewed(self, stale: Token | None) -> Token:
        """Another token than `stale`, which was refused or is about to expire."""
        return self._flight.do(PATH, lambda: self._renew(stale))

    def refuse(self) -> errors.AuthenticationFailed:
        """The error for a token that was issued but is not accepted; from now on every call fails with it."""
        return self._give_up("the community issues a token but does not accept it", SCOPE_HINT)

    def _renew(self, stale: Token | None) -> Token:
        if self._refused is not None:
            message, hint = self._refused
            raise errors.AuthenticationFailed(message, hint=hint)
        token = self._token
        if token is None or token is stale:
            token = self._token = self._token_of(self._fetch())
        return token

    def _give_up(self, message: str, hint: str) -> errors.AuthenticationFailed:
        self._refused = (message, hint)
        return errors.AuthenticationFailed(message, hint=hint)

    def obtain(self) -> Response:
        """Fetch a token now and keep it. Returns the answer of the token service, for its headers."""
        answer = self._fetch()
        self._token = self._token_of(answer)
        return answer

    def _fetch(self) -> Response:
        form: list[tuple[str, str | Secret]] = [
            ("grant_type", "client_credentials"),
            ("client_id", self._client_id),
            ("client_secret", self._client_secret),
            ("scope", " ".join(SCOPES)),
        ]
        answer = self._http.request("POST", PATH, form=form, idempotent=True)
        if answer.status in (400, 401, 403):
            raise self._refusal(answer)
        if not answer.ok:
            raise errors.RemoteRefused(
                f"the community has no token service (HTTP {answer.status})", hint=API_HINT, status=answer.status
            )
        return answer

    def _refusal(self, answer: Response) -> errors.AuthenticationFailed:
        code = _error_code(answer)
        hint = SCOPE_HINT if code == "invalid_scope" else CREDENTIALS_HINT
        return self._give_up(f"the community refuses the client credentials ({code or f'HTTP {answer.status}'})", hint)

    def _token_of(self, answer: Response) -> Token:
        data = json_object(answer.json(), "the token answer")
        text = data.get("access_token")
        if not isinstance(text, str):
            raise errors.RemoteMalformed("the token answer has no access_token", hint=API_HINT)
        told = data.get("scope")
        scopes = frozenset(told.split()) if isinstance(told, str) else None
        if scopes is not None and not scopes.issuperset(SCOPES):
            missing = ", ".join(sorted(set(SCOPES) - scopes))
            raise self._give_up(f"the community's token lacks the scope {missing}", SCOPE_HINT)
        life = _life(data.get("expires_in"))
        renew_at = self._clock.monotonic() + life - min(MARGIN, life / 10)
        token = for_header(text, what="the community's access token")
        return Token(Secret(f"Bearer {token.reveal()}"), renew_at, scopes)


def _life(expires_in: Json) -> float:
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not 0 < expires_in < 1e9:
        return UNKNOWN_LIFE
    return float(expires_in)


def _error_code(answer: Response) -> str:
    """The OAuth error code; empty when the refusal does not name one."""
    try:
        code = json_object(answer.json(), "the token answer").get("error")
    except errors.RemoteMalformed:
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
