"""From what was found for a member to what is said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple

from reconciler.records.resolution.directory import Person, Tie
from reconciler.records.resolution.evidence import Companies
from reconciler.records.resolution.keys import KeyKind
from reconciler.records.resolution.lookup import NOBODY, Lookup
from reconciler.records.resolution.result import SHOWN, Candidate, Outcome, Resolution, Suggestion, label
from reconciler.records.resolution.rows import MemberKeys

EXAMINED = 100
"""Of how many persons who could be meant the company is looked at."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is known of one member so far. `settled` says that no further rule is asked.

    `people` are the persons who could be meant. `companies` are those of the rule: of the person, or in their place.
    """

    keys: MemberKeys
    people: Collection[str] = NOBODY
    companies: Companies | None = None
    rule: str = ""
    settled: bool = False
    similarity: float = 1.0
    suggestions: tuple[Suggestion, ...] = ()


class Place(NamedTuple):
    """Where a person works, as far as that is certain. `choices` are the Company Persons that could be meant."""

    company_id: str | None
    company_person_id: str | None
    choices: tuple[Tie, ...] = ()


NOWHERE: Mapping[str, Place] = {}


def conclude(lookup: Lookup, verdicts: Sequence[Verdict]) -> list[Resolution]:
    """The results, in the order of the verdicts."""
    looked_at = [_looked_at(verdict.people) if verdict.people else NOBODY for verdict in verdicts]
    lookup.load_persons(set().union(*looked_at))
    places = [
        {id: place_of(lookup.person(id), verdict) for id in ids} if ids else NOWHERE
        for verdict, ids in zip(verdicts, looked_at, strict=True)
    ]
    lookup.load_company_names(set(_companies_to_name(verdicts, places)))
    return [_conclusion(lookup, verdict, place) for verdict, place in zip(verdicts, places, strict=True)]


def place_of(person: Person, verdict: Verdict) -> Place:
    """The Company Person to use."""
    ties = person.ties
    if not ties:
        return Place(person.company_id, None)
    if len(ties) > 1:
        ties = _preferred(ties, person, verdict)
    if len(ties) == 1:
        return Place(ties[0].company_id, ties[0].id)
    only = {tie.company_id for tie in ties}
    return Place(only.pop() if len(only) == 1 else None, None, tuple(sorted(ties)))


def _looked_at(people: Collection[str]) -> Collection[str]:
    """All of them, unless half the world shares a number: then as many as a result names."""
    return people if len(people) <= EXAMINED else nsmallest(SHOWN, people)


def _preferred(ties: tuple[Tie, ...], person: Person, verdict: Verdict) -> tuple[Tie, ...]:
    """Those of the companies that the rule named, with the member's address, primary, or of the company which the person refers
    to. Each of these counts only if there is one."""
    named = verdict.companies.ids if verdict.companies else NOBODY
    email = verdict.keys[KeyKind.EMAIL]
    ties = tuple(tie for tie in ties if tie.company_id in named) or ties
    ties = tuple(tie for tie in ties if email and tie.email == email) or ties
    ties = tuple(tie for tie in ties if tie.primary) or ties
    return tuple(tie for tie in ties if tie.company_id == person.company_id) or ties


def _companies_to_name(verdicts: Sequence[Verdict], places: Sequence[Mapping[str, Place]]) -> Iterator[str]:
    """Companies that will be candidates."""
    for verdict, several in zip(verdicts, places, strict=True):
        if len(several) == 1:
            yield from (tie.company_id for place in several.values() for tie in place.choices)
        elif not several and verdict.companies and len(verdict.companies.ids) > 1:
            yield from verdict.companies.ids


def _conclusion(lookup: Lookup, verdict: Verdict, places: Mapping[str, Place]) -> Resolution:
    if len(places) == 1:
        ((id, place),) = places.items()
        return _one_person(lookup, verdict, id, place)
    if places:
        return _several_people(lookup, verdict, places)
    if verdict.companies and verdict.companies.ids:
        return _company_only(lookup, verdict, verdict.companies)
    return Resolution(outcome=Outcome.UNMATCHED, rule=verdict.rule, suggestions=verdict.suggestions)


def _confidence(verdict: Verdict) -> float:
    return min(verdict.similarity, verdict.companies.confidence) if verdict.companies else verdict.similarity


def _one_person(lookup: Lookup, verdict: Verdict, id: str, place: Place) -> Resolution:
    if not place.choices:
        return Resolution(
            Outcome.MATCHED, id, place.company_id, place.company_person_id, verdict.rule, _confidence(verdict)
        )
    candidates = [
        Candidate(
            person_id=id,
            company_id=tie.company_id,
            company_person_id=tie.id,
            label=label(lookup.company_name(tie.company_id)),
        )
        for tie in place.choices
    ]
    return Resolution(
        outcome=Outcome.AMBIGUOUS,
        person_id=id,
        company_id=place.company_id,
        rule=verdict.rule,
        confidence=_confidence(verdict),
        candidates=tuple(candidates[:SHOWN]),
        found=len(candidates),
    )


def _several_people(lookup: Lookup, verdict: Verdict, places: Mapping[str, Place]) -> Resolution:
    """Who it is stays open. The company does not, if all of them are in the same one."""
    companies = {place.company_id for place in places.values()} if len(places) == len(verdict.people) else set()
    return Resolution(
        outcome=Outcome.AMBIGUOUS,
        company_id=companies.pop() if len(companies) == 1 else None,
        rule=verdict.rule,
        candidates=tuple(
            Candidate(
                person_id=id,
                company_id=place.company_id,
                company_person_id=place.company_person_id,
                label=label(lookup.person(id).name),
            )
            for id, place in sorted(places.items())[:SHOWN]
        ),
        found=len(verdict.people),
    )


def _company_only(lookup: Lookup, verdict: Verdict, companies: Companies) -> Resolution:
    if len(companies.ids) == 1:
        (id,) = companies.ids
        return Resolution(
            outcome=Outcome.MATCHED,
            company_id=id,
            rule=verdict.rule,
            confidence=_confidence(verdict),
            suggestions=verdict.suggestions,
        )
    candidates = [Candidate(company_id=id, label=label(lookup.company_name(id))) for id in sorted(companies.ids)]
    return Resolution(
        outcome=Outcome.AMBIGUOUS,
        rule=verdict.rule,
        candidates=tuple(candidates[:SHOWN]),
        found=len(candidates),
        suggestions=verdict.suggestions,
    )
