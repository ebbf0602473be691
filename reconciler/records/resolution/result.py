"""What resolution says of a member."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.records.matching import CANDIDATES

LONGEST_LABEL = 100
"""Characters of a name that a result repeats."""


class Outcome(StrEnum):
    """How it ended. Nobody being found is no failure: members need not be customers."""

    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who or what could be meant."""

    person_id: str | None = None
    company_id: str | None = None
    company_person_id: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A person with a similar name, for people to look at; nothing was decided by it."""

    person_id: str
    label: str
    similarity: float


class Resolution(NamedTuple):
    """Who a member is. An ambiguous one has the ids that are certain all the same.

    `rule` names the rule that found somebody, also where it found several; empty when none did. `confidence` is 1 when all
    that was compared was equal, less where a name was similar or a domain was only called like the company, 0 when nothing
    was matched. `candidates` are the first few of `found`, by id.
    """

    outcome: Outcome
    person_id: str | None = None
    company_id: str | None = None
    company_person_id: str | None = None
    rule: str = ""
    confidence: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    found: int = 0
    suggestions: tuple[Suggestion, ...] = ()


SHOWN = CANDIDATES
"""How many candidates and suggestions a result has at most."""


def label(text: str) -> str:
    """A name as results repeat it."""
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
