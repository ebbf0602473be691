"""A small tree router: literals are tried before parameters, and a parameter never matches an empty segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.sandbox.http import Request, Response

if TYPE_CHECKING:
    from reconciler.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One routed request. `caller` is the credential used; `community` is 0 outside the community API."""

    world: World
    request: Request
    params: tuple[str, ...]
    caller: str
    community: int = 0


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    handler: Handler
    pattern: str
    params: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    handlers: dict[str, tuple[str, Handler]] = field(default_factory=dict)


class Router:
    """Patterns look like `/user/{id}/profile_field/{field}`; parameter values arrive in order."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        node = self._root
        for part in pattern.strip("/").split("/"):
            if part.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(part, _Node())
        node.handlers[method] = (pattern, handler)

    def patterns(self) -> set[str]:
        """Every pattern that was added."""
        found, nodes = set(), [self._root]
        while nodes:
            node = nodes.pop()
            found |= {pattern for pattern, _ in node.handlers.values()}
            nodes += [*node.literals.values(), *([node.parameter] if node.parameter else [])]
        return found

    def find(self, method: str, segments: Sequence[str]) -> Match | None:
        return _find(self._root, method, segments, 0, ())


def _find(node: _Node, method: str, segments: Sequence[str], at: int, params: tuple[str, ...]) -> Match | None:
    if at == len(segments):
        found = node.handlers.get(method)
        return Match(pattern=found[0], handler=found[1], params=params) if found else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        match = _find(literal, method, segments, at + 1, params)
        if match is not None:
            return match
    if node.parameter is None or not segment:
        return None
    return _find(node.parameter, method, segments, at + 1, (*params, segment))
