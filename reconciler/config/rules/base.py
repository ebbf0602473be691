"""What a rule is: a value with a code, words for people, examples, and a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.config.facts import Facts, Finding
from reconciler.model.diagnostic import Severity

Check = Callable[[Facts], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A configuration that shows a rule.

    `text` is one configuration file. It stands beside the two connections of `examples.BASE` (unless it declares its own, or
    `alone`), below `project` if that is given, and beside the catalog of `examples` if `catalog`; `catalog_text` is written
    in its place. `files` are others that it needs, by their path.
    """

    text: str
    alone: bool = False
    catalog: bool = True
    catalog_text: str | None = None
    project: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of validation: its stable code, what it says to people, and what shows that it works.

    `check` is None for rules that the loader or the models keep; these use the code directly.
    """

    code: str
    title: str
    why: str
    fix: str
    bad: Example
    good: Example
    severity: Severity = Severity.ERROR
    check: Check | None = None
