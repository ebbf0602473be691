"""Where a value stands in the text of a JSON document that was parsed already. For files about which something has to be said."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from reconciler.config.places import Path
from reconciler.model.diagnostic import Position

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


class _Open:
    """An object or list under way: the key or number of the entry that comes next."""

    __slots__ = ("key", "named")

    def __init__(self, bracket: str) -> None:
        self.key: str | int | None = 0 if bracket == "[" else None
        self.named = bracket == "["

    def next(self) -> None:
        self.key = self.key + 1 if isinstance(self.key, int) else None
        self.named = isinstance(self.key, int)


class _Span(NamedTuple):
    start: int
    end: int


def position(text: str, path: Path, file: str) -> Position:
    """The value at `path`, or the nearest thing around it. Of a key that stands twice the last counts, as for the parser."""
    spans = _spans(text, path)
    span = next((spans[path[:length]] for length in range(len(path), -1, -1) if path[:length] in spans), _Span(0, 1))
    return at(text, span, file)


def at(text: str, span: tuple[int, int], file: str) -> Position:
    """The place of a part of the text, from its first to behind its last character."""
    start, end = span
    return Position(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), end - start)


def _spans(text: str, path: Path) -> dict[Path, _Span]:
    """The first token of the value at `path` and of everything around it."""
    wanted = {path[:length] for length in range(len(path) + 1)}
    found: dict[Path, _Span] = {}
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in "}]":
            stack.pop()
        elif word == ",":
            stack[-1].next()
        elif word == ":":
            stack[-1].named = True
        elif stack and not stack[-1].named:
            stack[-1].key = json.loads(word)
        else:
            here = tuple(opened.key for opened in stack if opened.key is not None) if len(stack) <= len(path) else None
            if here in wanted:
                found[here] = _Span(*token.span())
            if word in "{[":
                stack.append(_Open(word))
    return found
