"""The alias table as people write it: from text to text. What an entry means is seen in how it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.records.resolution.domains import host_key
from reconciler.records.resolution.keys import email_key
from reconciler.records.resolution.settings import Alias


def alias_of(of: str, leads_to: str) -> Alias:
    """One entry. An address leads to its person, everything else is the name of a company. Raises ValueError."""
    person, company = (leads_to, "") if email_key(leads_to) else ("", leads_to)
    if email_key(of):
        return Alias(email=of, person=person, company=company)
    if host_key(of):
        return Alias(domain=of, person=person, company=company)
    return Alias(member=of, person=person, company=company)


def clashes(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(entry, earlier entry) of those that mean the same and lead to different places. Every entry must be an alias."""
    first: dict[tuple[str, str], tuple[str, Alias]] = {}
    for of, leads_to in table.items():
        alias = alias_of(of, leads_to)
        earlier, known = first.setdefault(alias.key, (of, alias))
        if known.target != alias.target:
            yield of, earlier
