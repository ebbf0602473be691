"""Secrets on their way into a request: they travel wrapped, so that no repr, log or traceback can show them."""

from __future__ import annotations

from reconciler import errors


class Secret:
    """A text that is shown only to the wire. Two secrets are equal when their texts are."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def for_header(text: str, *, what: str) -> Secret:
    """`text` as a secret that may stand in a header. Raises `errors.AuthenticationFailed` when it cannot be one."""
    if not text or not text.isascii() or not text.isprintable() or text != text.strip():
        raise errors.AuthenticationFailed(
            f"{what} is empty, or has characters that no such key has (a space, a line break, a letter outside ASCII)",
            hint="look at where the secret comes from: a file must hold the key and nothing else",
        )
    return Secret(text)
