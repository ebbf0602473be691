"""Requests and responses as the handlers see them: already read, bounded, and split on the raw path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
MAX_QUERY_FIELDS = 2_000


class BadRequest(Exception):
    """The request cannot be read at all; each side words the answer in its own shape."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer that is complete in memory; delivery adds the length and plays faults on it."""

    status: int = 200
    body: bytes = b""
    content_type: bytes | None = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(Exception):
    """A handler's way to answer early with an error body."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`segments` are decoded one by one after the raw path was split, so an encoded slash stays inside its value."""

    method: str
    raw_path: str
    segments: tuple[str, ...]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    _query: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def query(self) -> dict[str, list[str]]:
        if self.raw_query and not self._query:
            self._query.update(parse_query(self.raw_query))
        return self._query

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def json(self) -> Any:
        """The parsed body; BadRequest 400 when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadRequest(400, "Invalid JSON") from error

    def form(self) -> dict[str, str]:
        """URL-encoded form fields, last value wins."""
        text = self.body.decode("latin-1")
        return {name: values[-1] for name, values in parse_query(text).items()}


def parse_query(text: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise BadRequest(400, "Malformed query") from error
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def split_path(raw_path: str) -> tuple[str, ...]:
    """Split first, decode after: `a%2Fb` is one segment. BadRequest 400 when a segment is not UTF-8."""
    parts = raw_path.lstrip("/").split("/") if raw_path != "/" else []
    if "%" not in raw_path:
        return tuple(parts)
    try:
        return tuple(unquote_to_bytes(part).decode("utf-8") if "%" in part else part for part in parts)
    except UnicodeDecodeError as error:
        raise BadRequest(400, "The path is not UTF-8") from error


def json_response(value: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    return Response(status=status, body=orjson.dumps(value), headers=headers)


def empty_response(status: int) -> Response:
    return Response(status=status, content_type=None)
