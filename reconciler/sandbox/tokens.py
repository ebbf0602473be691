"""Bearer tokens: issued, looked up and expired on the sandbox's clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

MOST_TOKENS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    caller: str
    community: int
    scopes: frozenset[str]
    expires: float


class Tokens:
    def __init__(self) -> None:
        self._live: dict[str, Token] = {}

    def issue(self, token: Token) -> str:
        """Opaque and unguessable; the oldest goes when a careless client asks for one per call."""
        if len(self._live) >= MOST_TOKENS:
            self._live.pop(next(iter(self._live)))
        text = secrets.token_urlsafe(30)
        self._live[text] = token
        return text

    def find(self, text: str, now: float) -> Token | None:
        token = self._live.get(text)
        return token if token is not None and token.expires > now else None

    def revoke_all(self) -> int:
        count = len(self._live)
        self._live.clear()
        return count


def bearer(header: str) -> str:
    """The token of an Authorization header; clients echo `bearer` in lower case, so the scheme has no case."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
