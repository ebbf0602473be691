"""Faults: which requests they strike, and what they do to them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

MOST_FAULTS = 200
LONGEST_DELAY = 3_600
LARGEST_BODY = 1_073_741_824


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a fault does, in the order of the fields; anything left out is as if nothing were wrong.

    `erase_user`, `rename_field`, `touch_topics` and `delete_topics` change the world just before the request is served:
    pages shift by so many topics, down or up. `drop="before"` closes the
    connection unserved, `drop="after"` serves and commits, then closes without an answer. `status`, `body`, `json`,
    `html` and `giant` replace the answer; the request is served first only with `commit`.
    """

    delay: float = 0.0
    erase_user: bool = False
    rename_field: tuple[str, str] | None = None
    touch_topics: int = 0
    delete_topics: int = 0
    drop: str = ""
    commit: bool = False
    status: int | None = None
    body: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes | None = None
    giant: int = 0
    truncate: int | None = None
    drip: float = 0.0

    @property
    def disturbs(self) -> bool:
        """It changes the world of a community."""
        return bool(self.erase_user or self.rename_field or self.touch_topics or self.delete_topics)

    @property
    def replaces(self) -> bool:
        return self.status is not None or self.body is not None or self.giant > 0


@dataclass(slots=True, kw_only=True)
class Fault:
    """A rule; `left` counts down to zero, None means for ever."""

    number: int
    action: Action
    described: dict[str, Any]
    side: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    probability: float = 1.0
    skip: int = 0
    left: int | None = None
    hits: int = 0

    def strikes(self, side: str, method: str, raw_path: str, draw: random.Random) -> bool:
        if self.left == 0 or (self.side and self.side != side) or (self.method and self.method != method):
            return False
        if self.path is not None and not self.path.search(raw_path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        return self.probability >= 1 or draw.random() < self.probability


@dataclass(slots=True)
class Faults:
    """The rules in force, tried in order; the first that strikes is the only one that acts."""

    draw: random.Random
    rules: list[Fault] = field(default_factory=list)
    numbered: int = 0

    def strike(self, side: str, method: str, raw_path: str) -> Fault | None:
        for rule in self.rules:
            if rule.strikes(side, method, raw_path, self.draw):
                rule.hits += 1
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None

    def add(self, described: dict[str, Any]) -> Fault:
        """Parse and arm one rule. ValueError says what is wrong with it."""
        if len(self.rules) >= MOST_FAULTS:
            raise ValueError(f"at most {MOST_FAULTS} faults; DELETE /_sandbox/faults clears them")
        fault = parse(described, self.numbered + 1)
        self.numbered += 1
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [{"id": rule.number, "hits": rule.hits, "left": rule.left, **rule.described} for rule in self.rules]


MATCHERS = {"side", "method", "path", "times", "probability", "skip"}
ACTIONS = {"delay", "erase_user", "rename_field", "drop", "commit", "status", "body", "json", "headers", "html"}
ACTIONS |= {"content_type", "giant", "truncate", "drip", "touch_topics", "delete_topics"}
MOST_TOPICS = 10_000
HTML_PAGE = b"<!doctype html><html><head><title>Service unavailable</title></head><body><h1>Sorry</h1></body></html>"


def parse(described: dict[str, Any], number: int) -> Fault:
    unknown = set(described) - MATCHERS - {"action"}
    action = described.get("action")
    if unknown or not isinstance(action, dict):
        raise ValueError(f"a fault has {', '.join(sorted(MATCHERS))} and an action object; not {sorted(unknown)}")
    times = described.get("times")
    return Fault(
        number=number,
        described=described,
        action=parse_action(action),
        side=_one_of("side", described.get("side"), ("cs", "cc")),
        method=str(described["method"]).upper() if described.get("method") else None,
        path=_pattern(described.get("path")),
        probability=_number("probability", described.get("probability", 1), 0, 1),
        skip=int(_number("skip", described.get("skip", 0), 0, 10**9)),
        left=None if times is None else int(_number("times", times, 1, 10**9)),
    )


def parse_action(given: dict[str, Any]) -> Action:
    unknown = set(given) - ACTIONS
    if unknown or not given:
        raise ValueError(f"an action has one or more of {', '.join(sorted(ACTIONS))}; not {sorted(unknown)}")
    html = bool(given.get("html"))
    status = given.get("status", 200 if html else None)
    truncate = given.get("truncate")
    content_type = given.get("content_type", "text/html; charset=utf-8" if html else None)
    return Action(
        delay=_number("delay", given.get("delay", 0), 0, LONGEST_DELAY),
        erase_user=bool(given.get("erase_user")),
        rename_field=_rename(given.get("rename_field")),
        touch_topics=int(_number("touch_topics", given.get("touch_topics", 0), 0, MOST_TOPICS)),
        delete_topics=int(_number("delete_topics", given.get("delete_topics", 0), 0, MOST_TOPICS)),
        drop=_one_of("drop", given.get("drop"), ("before", "after")) or "",
        commit=bool(given.get("commit")),
        status=None if status is None else int(_number("status", status, 200, 599)),
        body=HTML_PAGE if html else _body(given),
        headers=_headers(given.get("headers", {})),
        content_type=None if content_type is None else str(content_type).encode("latin-1", "replace"),
        giant=int(_number("giant", given.get("giant", 0), 0, LARGEST_BODY)),
        truncate=None if truncate is None else int(_number("truncate", truncate, 0, LARGEST_BODY)),
        drip=_number("drip", given.get("drip", 0), 0, 10**9),
    )


def _body(given: dict[str, Any]) -> bytes | None:
    if "json" in given:
        import orjson

        return orjson.dumps(given["json"])
    body = given.get("body")
    return None if body is None else str(body).encode("utf-8", "surrogatepass")


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low} to {high}, not {value!r}")
    return value


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(allowed)}, not {value!r}")
    return str(value)


def _pattern(value: object) -> re.Pattern[str] | None:
    try:
        return None if value is None else re.compile(str(value))
    except re.error as error:
        raise ValueError(f"path is not a regular expression: {error}") from error


def _rename(value: object) -> tuple[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"from", "to"}:
        raise ValueError('rename_field must be {"from": name, "to": name}')
    return str(value["from"]), str(value["to"])


def _headers(value: object) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(value, dict):
        raise ValueError("headers must be an object of names and values")
    return tuple((str(k).encode("latin-1", "replace"), str(v).encode("latin-1", "replace")) for k, v in value.items())
