"""An answer of a remote system, and what must be true of it before it is taken for data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import orjson

from reconciler import errors
from reconciler.model.json import Json

SHAPE_HINT = "nothing was concluded from it; try again later, and ask the support of that system if it stays so"
"""For an answer in JSON that is not what the API documents."""

API_HINT = "check the domain, region or base URL of the connection: something else than the API answers there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer. Header names are in lower case; the body is bounded and not encoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Json:
        """The body as JSON. Raises `errors.RemoteMalformed`, which says what is wrong and never quotes the body."""
        wrong = self._not_json()
        if wrong is None:
            try:
                return cast(Json, orjson.loads(self.body))
            except orjson.JSONDecodeError:
                wrong = "is not valid JSON (cut off, not UTF-8, or nested too deeply)"
        # Raised here and not above: the parser's own error holds the whole body.
        raise errors.RemoteMalformed(f"the answer (HTTP {self.status}) {wrong}", hint=API_HINT)

    def _not_json(self) -> str | None:
        if not self.body.strip():
            return "is empty"
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if "html" in kind or self.body.lstrip()[:1] == b"<":
            return "is a web page, not JSON"
        if kind and "json" not in kind:
            return "has a content type that is not JSON"
        return None


def json_object(value: Json, what: str) -> Mapping[str, Json]:
    """`value` as an object. Raises `errors.RemoteMalformed`, in which `what` names the place."""
    if isinstance(value, Mapping):
        return value
    raise errors.RemoteMalformed(f"{what} should be an object, but is {_name(value)}", hint=SHAPE_HINT)


def json_list(value: Json, what: str) -> list[Json]:
    """`value` as a list. Raises `errors.RemoteMalformed`, in which `what` names the place."""
    if isinstance(value, list):
        return value
    raise errors.RemoteMalformed(f"{what} should be a list, but is {_name(value)}", hint=SHAPE_HINT)


def _name(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
