"""What one rule finds for a member, once the keys of a page were looked up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from reconciler.records.resolution.keys import KeyKind, names_somebody
from reconciler.records.resolution.lookup import NOBODY, Lookup
from reconciler.records.resolution.rows import MemberKeys
from reconciler.records.resolution.settings import PERSONAL, Rule, Term

BY_NAME_OF_DOMAIN = 0.9
"""Confidence where a domain is called like a company: somebody else may have registered it."""

KINDS = {Term.EMAIL: KeyKind.EMAIL, Term.PHONE: KeyKind.PHONE, Term.NAME: KeyKind.NAME}
_ASKED = {**KINDS, Term.COMPANY: KeyKind.COMPANY_WHOLE, Term.DOMAIN: KeyKind.DOMAIN}


@dataclass(frozen=True, slots=True)
class Companies:
    """Companies that the terms of a rule agree on, and how sure that is."""

    ids: Collection[str]
    confidence: float = 1.0


def applying(rule: Rule) -> Callable[[MemberKeys], object]:
    """What is true of members who have everything that the rule compares. A name of one word is nobody's name without another
    term. Most members are asked by most rules, so the rule is looked at once for all of them."""
    first, *others = [_ASKED[term] for term in rule.terms]
    if others:
        return lambda keys: keys[first] and all(keys[kind] for kind in others)
    if first is KeyKind.NAME:
        return lambda keys: names_somebody(keys[first])
    return itemgetter(first)


def load(lookup: Lookup, terms: Iterable[Term], members: Collection[MemberKeys]) -> None:
    """Look up the keys of these members, a kind at a time."""
    for term in terms:
        if term in PERSONAL:
            lookup.load_people(KINDS[term], (keys[KINDS[term]] for keys in members))
        elif term is Term.COMPANY:
            load_companies(lookup, members)
        else:
            lookup.load_companies(KeyKind.DOMAIN, (keys[KeyKind.DOMAIN] for keys in members))
            without = [keys for keys in members if not lookup.companies(KeyKind.DOMAIN, keys[KeyKind.DOMAIN])]
            lookup.load_companies(KeyKind.LABEL, (keys[KeyKind.LABEL] for keys in without))


def load_companies(lookup: Lookup, members: Collection[MemberKeys]) -> None:
    for kind in (KeyKind.COMPANY_WHOLE, KeyKind.COMPANY):
        lookup.load_companies(kind, (keys[kind] for keys in members))


def persons(lookup: Lookup, rule: Rule, members: Sequence[MemberKeys]) -> list[Collection[str]]:
    """Ids of the persons that all personal terms of the rule agree on, for each of these members."""
    first, *others = [
        lookup.all_people(kind, (keys[kind] for keys in members))
        for kind in (KINDS[term] for term in rule.terms if term in PERSONAL)
    ]
    return [set(ids).intersection(*more) for ids, *more in zip(first, *others, strict=True)] if others else first


def persons_with(lookup: Lookup, rule: Rule, keys: MemberKeys, similar: Collection[str]) -> Collection[str]:
    """The same, with persons of a similar name in place of those of the same name."""
    others = [term for term in rule.terms if term in PERSONAL and term is not Term.NAME]
    return set(similar).intersection(*(lookup.people(KINDS[term], keys[KINDS[term]]) for term in others))


def companies(lookup: Lookup, rule: Rule, keys: MemberKeys) -> Companies | None:
    """The companies that the other terms agree on; None where the rule has no such terms."""
    agreed: Companies | None = None
    for term in rule.terms:
        if term not in PERSONAL:
            found = by_text(lookup, keys) if term is Term.COMPANY else by_domain(lookup, keys)
            agreed = (
                found
                if agreed is None
                else Companies(set(agreed.ids).intersection(found.ids), min(agreed.confidence, found.confidence))
            )
    return agreed


def by_text(lookup: Lookup, keys: MemberKeys) -> Companies:
    """Companies by what the member wrote. Whoever writes a legal form means it, if there is such a company."""
    whole, short = keys[KeyKind.COMPANY_WHOLE], keys[KeyKind.COMPANY]
    exact = lookup.companies(KeyKind.COMPANY_WHOLE, whole) if whole != short else NOBODY
    return Companies(exact or lookup.companies(KeyKind.COMPANY, short))


def by_domain(lookup: Lookup, keys: MemberKeys) -> Companies:
    """Companies with this domain; without any, those that are called like it."""
    if declared := lookup.companies(KeyKind.DOMAIN, keys[KeyKind.DOMAIN]):
        return Companies(declared)
    return Companies(lookup.companies(KeyKind.LABEL, keys[KeyKind.LABEL]), BY_NAME_OF_DOMAIN)


def at_companies(lookup: Lookup, ids: Collection[str], where: Companies | None) -> Collection[str]:
    """Those of the persons, which were loaded, who are at one of the companies; all of them where it does not matter."""
    if where is None:
        return ids
    return [id for id in ids if _works_at(lookup, id, where.ids)]


def _works_at(lookup: Lookup, id: str, companies: Collection[str]) -> bool:
    person = lookup.person(id)
    if person.ties:
        return any(tie.company_id in companies for tie in person.ties)
    return person.company_id in companies
