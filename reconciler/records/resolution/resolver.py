"""Resolving members, a page at a time.

The first rule that finds exactly one person, or one company, decides. Where a rule finds several persons, later rules may
tell these apart, but bring in nobody else. Every member is looked at alone, so neither the order of rows nor the size of
pages changes a result; several members may be one person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from reconciler.records.resolution import evidence
from reconciler.records.resolution.directory import Directory
from reconciler.records.resolution.domains import parents
from reconciler.records.resolution.evidence import Companies
from reconciler.records.resolution.keys import KeyKind, email_key, whole_company_key
from reconciler.records.resolution.lookup import Lookup
from reconciler.records.resolution.result import Resolution
from reconciler.records.resolution.rows import Member, MemberKeys
from reconciler.records.resolution.settings import ALIAS, PERSONAL, Alias, Rule, Settings, Term
from reconciler.records.resolution.similar import Similar
from reconciler.records.resolution.verdict import Verdict, conclude


class Resolver:
    """Resolves members against a directory. Holds nothing between pages."""

    def __init__(self, settings: Settings, directory: Directory) -> None:
        self._settings = settings
        self._directory = directory
        self._aliases = {alias.key: alias for alias in settings.aliases}

    def resolve(self, members: Sequence[Member]) -> list[Resolution]:
        """The results for a page of members, in their order."""
        lookup = Lookup(self._directory)
        verdicts = [Verdict(keys=MemberKeys(member, self._settings)) for member in members]
        if self._aliases:
            self._apply_aliases(lookup, members, verdicts)
        for rule in self._settings.rules:
            self._apply(lookup, rule, [verdict for verdict in verdicts if not verdict.settled])
        Similar(self._settings, lookup).look(verdicts)
        return conclude(lookup, verdicts)

    def _apply_aliases(self, lookup: Lookup, members: Sequence[Member], verdicts: Sequence[Verdict]) -> None:
        """What the table says is final, also when it leads to nobody: rules must not find whom somebody has ruled out."""
        meant = [
            (verdict, alias)
            for member, verdict in zip(members, verdicts, strict=True)
            if (alias := self._alias(member, verdict.keys))
        ]
        lookup.load_people(KeyKind.EMAIL, (email_key(alias.person) for _, alias in meant))
        targets = {id(alias): MemberKeys(Member("", company=alias.company), self._settings) for _, alias in meant}
        evidence.load_companies(lookup, list(targets.values()))
        for verdict, alias in meant:
            verdict.settled = True
            verdict.rule = ALIAS
            if alias.person:
                verdict.people = lookup.people(KeyKind.EMAIL, email_key(alias.person))
            else:
                whole = lookup.companies(KeyKind.COMPANY_WHOLE, whole_company_key(alias.company))
                verdict.companies = Companies(whole or evidence.by_text(lookup, targets[id(alias)]).ids)

    def _alias(self, member: Member, keys: MemberKeys) -> Alias | None:
        """The alias of the member, else that of the address, else that of the domain or what it stands below."""
        domains = ((Term.DOMAIN, host) for host in parents(keys.host))
        for key in (("member", member.id), (Term.EMAIL, keys[KeyKind.EMAIL]), *domains):
            if alias := self._aliases.get(key):
                return alias
        return None

    def _apply(self, lookup: Lookup, rule: Rule, open_ones: Sequence[Verdict]) -> None:
        """One rule for all members that no rule has settled."""
        applies = evidence.applying(rule)
        able = [verdict for verdict in open_ones if applies(verdict.keys)]
        members = [verdict.keys for verdict in able]
        evidence.load(lookup, rule.terms, members)
        if PERSONAL.isdisjoint(rule.terms):
            for verdict in able:
                if not verdict.people:
                    _settle_company(verdict, rule, evidence.companies(lookup, rule, verdict.keys))
            return
        found = [
            _within(ids, verdict.people) if verdict.people else ids
            for ids, verdict in zip(evidence.persons(lookup, rule, members), able, strict=True)
        ]
        where: Sequence[Companies | None] = [None] * len(able)
        if not PERSONAL.issuperset(rule.terms):
            lookup.load_persons(_all(found))
            where = [evidence.companies(lookup, rule, keys) for keys in members]
        for verdict, ids, place in zip(able, found, where, strict=True):
            if ids and (ids := evidence.at_companies(lookup, ids, place)):
                verdict.people, verdict.companies, verdict.rule = ids, place or verdict.companies, rule.name
                verdict.settled = len(ids) == 1


def _settle_company(verdict: Verdict, rule: Rule, found: Companies | None) -> None:
    if found and found.ids:
        verdict.companies, verdict.rule, verdict.settled = found, rule.name, True


def _within(found: Collection[str], earlier: Collection[str]) -> Collection[str]:
    """Those who were found, and among those who were found before."""
    return [id for id in found if id in earlier]


def _all(groups: Iterable[Collection[str]]) -> set[str]:
    return {id for group in groups for id in group}
