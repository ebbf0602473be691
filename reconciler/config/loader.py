"""The strict YAML loader: bytes → plain Python data and problems, never an exception.

It walks libyaml's event stream with an explicit stack, so depth, size and aliases are checked while building and nothing
recurses. The ordinary pass builds data without positions; only when something has to be said about a file is it walked again
by the same builder with a `Places` recorder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from reconciler.config import source
from reconciler.config.builder import Builder, RawDocument
from reconciler.config.places import Places
from reconciler.model.diagnostic import Diagnostic, Position

__all__ = ["Loaded", "RawDocument", "load", "places"]

_COMPLETE = frozenset(("E-YAML-ENCODING", "E-YAML-LIMIT", "E-YAML-SYNTAX"))
"""Problems about which a second walk, with positions of everything, would have nothing to add."""


class Loaded(NamedTuple):
    """What a file holds. With `readable` False the rest of the file is unknown, so nothing may be concluded from it."""

    documents: tuple[RawDocument, ...]
    problems: tuple[Diagnostic, ...]
    readable: bool = True


Parser = Callable[[str], Any]


def parser() -> Parser:
    """libyaml's parser; the slow one of pure Python only where PyYAML was built without it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(data: bytes, file: str, make_parser: Parser | None = None) -> Loaded:
    """All documents of a file, and everything that is wrong with it as YAML."""
    loaded = _build(data, file, None, make_parser)
    if all(problem.code in _COMPLETE for problem in loaded.problems):
        return loaded
    return _build(data, file, Places(file), make_parser)


def places(data: bytes, file: str) -> Places:
    """Where everything in a file stands."""
    recorder = Places(file)
    _build(data, file, recorder, None)
    return recorder


def _build(data: bytes, file: str, recorder: Places | None, make_parser: Parser | None) -> Loaded:
    text = source.decode(data)
    if isinstance(text, source.Unreadable):
        where = Position(file, text.line, text.column)
        problem = Diagnostic(code=text.code, message=text.message, position=where, hint=text.hint)
        return Loaded((), (problem,), readable=False)
    builder = Builder(file, recorder)
    readable = builder.run((make_parser or parser())(text))
    return Loaded(tuple(builder.documents), tuple(builder.problems), readable)
