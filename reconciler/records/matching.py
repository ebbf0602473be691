"""Who is who: records and community users that share an e-mail address, and what to do when it is not clear.

All inputs come sorted by their normalised e-mail address, so one pass over them needs no memory but one address. The rule
never guesses: where two records could be meant, the result says so and names the candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from reconciler.model.outcome import Reason
from reconciler.model.value import Rendered

CANDIDATES = 5
"""How many candidates an ambiguity names."""


def normalise(email: str | None) -> str:
    """Trimmed and case-folded, and nothing else: dots, plus signs and look-alike letters are different addresses."""
    return (email or "").strip().casefold()


class SourceRecord(NamedTuple):
    """One record of a source object. `values` stand in the order of the mappings of that object.

    `primary` is meaningful for objects that tie a person to a company; `note` names the record for people. `problems` is
    what was wrong with values that could not be rendered, for the caller, empty as a rule.
    """

    email: str
    id: str
    note: str
    primary: bool
    problems: str
    values: tuple[Rendered, ...]


class MemberRecord(NamedTuple):
    """One community user under its normalised e-mail address."""

    email: str
    id: str
    name: str


R = TypeVar("R", SourceRecord, MemberRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one object has to say about one address.

    `record` is the one to use. Without it, `reason` says why. `spare` records are accounted for by `spare_reason`.
    """

    record: SourceRecord | None
    reason: Reason | None
    detail: str
    spare: int
    spare_reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Everything that shares one e-mail address: the community user, if exactly one, and a choice for each object.

    `problem` is set when the community itself is ambiguous.
    """

    email: str
    member: MemberRecord | None
    problem: str
    choices: tuple[Choice | None, ...]


def identities(
    members: Iterable[MemberRecord], objects: Sequence[Iterable[SourceRecord]], several_allowed: Sequence[bool]
) -> Iterator[Identity]:
    """Join users and records by address, in the order of addresses.

    `objects` are one sorted stream for each source object; `several_allowed` says of each whether one person may have
    several records (Company Person) or not (Person). Addresses that only members have are left out, and so is everything
    without an address: that two of them are blank makes nobody the same person.
    """
    streams = [_Groups(stream) for stream in objects]
    users = _Groups(members)
    while (email := min((s.key for s in streams if s.key is not None), default=None)) is not None:
        users.skip_to(email)
        found = users.take(email)
        groups = [stream.take(email) for stream in streams]
        yield Identity(
            email=email,
            member=found.first[0] if found.count == 1 else None,
            problem=_members_problem(found),
            choices=tuple(
                _choose(group, several) if group.count else None
                for group, several in zip(groups, several_allowed, strict=True)
            ),
        )


def _members_problem(found: _Group[MemberRecord]) -> str:
    if found.count < 2:
        return ""
    return f"{found.count} community users: " + _names([f"{m.name} ({m.id})" for m in found.first], found.count)


def _choose(group: _Group[SourceRecord], several: bool) -> Choice:
    primary = group.primary
    if group.count == 1:
        return Choice(record=group.first[0], reason=None, detail="", spare=0, spare_reason=Reason.DUPLICATE)
    if several and primary.count == 1:
        return Choice(
            record=primary.first[0], reason=None, detail="", spare=group.count - 1, spare_reason=Reason.OTHER_COMPANY
        )
    reason = Reason.AMBIGUOUS_COMPANY if several else Reason.AMBIGUOUS_PERSON
    kind = f"{primary.count} of them primary" if several else "the same e-mail address"
    detail = f"{group.count} records, {kind}: " + _names([r.note or r.id for r in group.first], group.count)
    return Choice(record=None, reason=reason, detail=detail, spare=group.count - 1, spare_reason=Reason.DUPLICATE)


def _names(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


class _Group(Generic[R]):
    """The records under one address: the first few, how many there are, and the same for the primary ones."""

    __slots__ = ("count", "first", "primary")

    def __init__(self, *, nested: bool = True) -> None:
        self.count = 0
        self.first: list[R] = []
        self.primary: _Group[R] = _Group(nested=False) if nested else self

    def add(self, record: R) -> None:
        self.count += 1
        if len(self.first) < CANDIDATES:
            self.first.append(record)
        if self.primary is not self and isinstance(record, SourceRecord) and record.primary:
            self.primary.add(record)


class _Groups(Generic[R]):
    """A sorted stream, taken one address at a time."""

    def __init__(self, stream: Iterable[R]) -> None:
        self._stream: Iterator[R] = iter(stream)
        self._head: R | None = next((record for record in self._stream if record.email), None)

    @property
    def key(self) -> str | None:
        """The address that comes next, None at the end."""
        return None if self._head is None else self._head.email

    def skip_to(self, email: str) -> None:
        while self._head is not None and self._head.email < email:
            self._head = next(self._stream, None)

    def take(self, email: str) -> _Group[R]:
        group: _Group[R] = _Group()
        while self._head is not None and self._head.email == email:
            group.add(self._head)
            self._head = next(self._stream, None)
        return group
