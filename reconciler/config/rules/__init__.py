"""The rules of validation: one value each, from which the check, the explanation, the page and the test come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.facts import Facts, Finding
from reconciler.config.rules import connections, destinations, imports, mappings, models, names, shape, syncs, syntax
from reconciler.config.rules.base import Rule

RULES: Mapping[str, Rule] = {
    rule.code: rule
    for family in (syntax, shape, connections, names, mappings, models, destinations, syncs, imports)
    for rule in family.RULES
}
"""Every rule by its code."""


def check(facts: Facts) -> Iterator[tuple[Rule, Finding]]:
    """Everything that the rules find in a project."""
    for rule in RULES.values():
        if rule.check is not None:
            for finding in rule.check(facts):
                yield rule, finding
