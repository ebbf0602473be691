"""Members of a community by who they are in Gainsight CS: for people, for programs, and for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.model.json import Json
from reconciler.report.text import PLAIN, Style, moment, plural, table, visible

FORMAT_VERSION = 1

CSV_HEAD = (
    "Member",
    "Name",
    "Email",
    "Outcome",
    "Rule",
    "Confidence",
    "Person",
    "Company",
    "Company Person",
    "Detail",
    "Since",
)

ADVICE = {
    "ambiguous": "several people or companies could be meant, and none was chosen: correct them in Gainsight CS, or say with "
    "an alias who it is",
    "unmatched": "the rules find nobody in Gainsight CS; members need not be customers. For one who is, write an alias; for "
    "many, another rule",
}


class MatchedMember(Protocol):
    """Who a member is."""

    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def person_id(self) -> str | None: ...
    @property
    def company_id(self) -> str | None: ...
    @property
    def company_person_id(self) -> str | None: ...
    @property
    def rule(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def detail(self) -> str: ...
    @property
    def since(self) -> datetime: ...


def to_text(members: Sequence[MatchedMember], counts: Mapping[str, int], total: int, *, style: Style = PLAIN) -> str:
    """One line a member, then what can be done, then how many members there are of each outcome."""
    if not members:
        return f"No members match.\n{summary(counts)}"
    head = ("Member", "Name", "E-mail", "Outcome", "Rule", "Person", "Company", "Detail")
    rows = [
        [
            visible(one.id),
            visible(one.label),
            visible(one.email),
            str(one.outcome) if one.outcome == "matched" else style.yellow(str(one.outcome)),
            one.rule,
            visible(one.person_id or ""),
            visible(one.company_id or ""),
            visible(one.detail),
        ]
        for one in members
    ]
    lines = [table(head, rows, style=style), ""]
    lines += [
        f"{outcome}: {ADVICE[outcome]}" for outcome in sorted({str(one.outcome) for one in members} & ADVICE.keys())
    ]
    if total > len(members):
        lines.append(
            f"{plural(total - len(members), 'more member')} not shown: --limit, or --output csv for all of them"
        )
    return "\n".join([*lines, summary(counts)])


def summary(counts: Mapping[str, int]) -> str:
    """How many members there are, and of how many it is known who they are."""
    parts = (f"{counts.get(outcome, 0):,} {outcome}" for outcome in ("matched", "ambiguous", "unmatched"))
    return f"{plural(sum(counts.values()), 'member')}: {', '.join(parts)}"


def notes(name: str, counts: Mapping[str, int]) -> list[str]:
    """What a run adds about the members of its community, and which command lists those of whom it is not known."""
    return [
        summary(counts),
        *(f"reconcile records {name} --outcome {outcome}" for outcome in ADVICE if counts.get(outcome)),
    ]


def csv_rows(members: Iterable[MatchedMember]) -> Iterator[list[str]]:
    """In the order of `CSV_HEAD`."""
    for one in members:
        yield [
            one.id,
            one.label,
            one.email,
            str(one.outcome),
            one.rule,
            f"{one.confidence:g}",
            one.person_id or "",
            one.company_id or "",
            one.company_person_id or "",
            one.detail,
            moment(one.since),
        ]


def to_json(member: MatchedMember) -> dict[str, Json]:
    return {
        "id": member.id,
        "name": member.label,
        "email": member.email,
        "outcome": str(member.outcome),
        "rule": member.rule or None,
        "confidence": member.confidence,
        "personId": member.person_id,
        "companyId": member.company_id,
        "companyPersonId": member.company_person_id,
        "detail": member.detail,
        "since": moment(member.since),
    }
