"""Names that are nearly the same: suggested for people to look at, and accepted only where the settings say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz, process

from reconciler.records.resolution import evidence
from reconciler.records.resolution.keys import KeyKind, name_blocks
from reconciler.records.resolution.lookup import Lookup
from reconciler.records.resolution.result import SHOWN, Suggestion, label
from reconciler.records.resolution.settings import ALIAS, Rule, Settings, Term
from reconciler.records.resolution.verdict import Verdict

ALMOST = 0.99
"""Confidence of a similar name is at most this."""


class Similar:
    """Similar names for members of whom no person is known. Rules that compare no names ask for none."""

    def __init__(self, settings: Settings, lookup: Lookup) -> None:
        self._settings = settings
        self._lookup = lookup
        self._rules = [rule for rule in settings.rules if Term.NAME in rule.terms]

    def look(self, verdicts: Sequence[Verdict]) -> None:
        """Add suggestions, and persons where similar names are accepted."""
        if not self._rules:
            return
        nameless = [v for v in verdicts if not v.people and v.rule != ALIAS and v.keys[KeyKind.NAME]]
        names = [verdict.keys[KeyKind.NAME] for verdict in nameless]
        blocks = [name_blocks(name) for name in names]
        self._lookup.load_people(KeyKind.NAME, names)
        self._lookup.load_namesakes(block for several in blocks for block in several)
        scores = [self._scores(name, several) for name, several in zip(names, blocks, strict=True)]
        if self._settings.accept_similar:
            self._accept(nameless, scores)
        nearest = [sorted(found.items(), key=lambda one: (-one[1], one[0]))[:SHOWN] for found in scores]
        self._lookup.load_persons({person for several in nearest for person, _ in several})
        for verdict, several in zip(nameless, nearest, strict=True):
            if not verdict.people:
                verdict.suggestions = tuple(
                    Suggestion(person_id=person, label=label(self._lookup.person(person).name), similarity=similarity)
                    for person, similarity in several
                )

    def _scores(self, key: str, blocks: Sequence[str]) -> dict[str, float]:
        """Similarity, from the threshold up, by the id of the person."""
        names = {person: name for block in blocks for person, name in self._lookup.namesakes(block)}
        cutoff = self._settings.threshold * 100
        near = process.extract(key, names, scorer=fuzz.ratio, score_cutoff=cutoff, limit=None)
        found = {person: round(score / 100, 4) for _, score, person in near}
        return found | dict.fromkeys(self._lookup.people(KeyKind.NAME, key), 1.0)

    def _accept(self, verdicts: Sequence[Verdict], scores: Sequence[Mapping[str, float]]) -> None:
        """Take the rules once more, in their order, with similar names in place of equal ones."""
        self._lookup.load_persons({person for found in scores for person in found})
        for rule in self._rules:
            applies = evidence.applying(rule)
            able = [
                (verdict, found)
                for verdict, found in zip(verdicts, scores, strict=True)
                if found and not verdict.people and applies(verdict.keys)
            ]
            evidence.load(self._lookup, rule.terms, [verdict.keys for verdict, _ in able])
            for verdict, found in able:
                self._accept_one(rule, verdict, found)

    def _accept_one(self, rule: Rule, verdict: Verdict, found: Mapping[str, float]) -> None:
        """What an exact rule has found stays: a similar name may say who it is at that company, and nothing else."""
        where = evidence.companies(self._lookup, rule, verdict.keys)
        ids = evidence.persons_with(self._lookup, rule, verdict.keys, found)
        ids = evidence.at_companies(self._lookup, ids, where)
        ids = evidence.at_companies(self._lookup, ids, verdict.companies)
        if len(ids) == 1 or (ids and not verdict.companies):
            verdict.people, verdict.rule = ids, rule.name
            verdict.companies = where or verdict.companies
            verdict.similarity = min(ALMOST, *(found[person] for person in ids))
