"""Who is who, against a plain model of the rules that holds everything in memory."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.outcome import Reason
from reconciler.records.matching import CANDIDATES, Choice, Identity, MemberRecord, SourceRecord, identities, normalise

PERSON, COMPANY_PERSON = False, True
"""Whether one person may have several records."""


def record(email: str, id: str = "p1", *, primary: bool = False, note: str = "") -> SourceRecord:
    return SourceRecord(email, id, note, primary, "", (f"value of {id}",))


def member(email: str, id: str = "u1", name: str = "Ada") -> MemberRecord:
    return MemberRecord(email, id, name)


addresses = st.sampled_from(["", "a@x", "b@x", "c@x", "ü@x"])


@st.composite
def records(draw: st.DrawFn, prefix: str) -> list[SourceRecord]:
    drawn = draw(st.lists(st.tuples(addresses, st.booleans()), max_size=20))
    return [record(email, f"{prefix}{n:02}", primary=primary) for n, (email, primary) in enumerate(drawn)]


@st.composite
def members(draw: st.DrawFn) -> list[MemberRecord]:
    drawn = draw(st.lists(addresses, max_size=12))
    return [member(email, f"u{n:02}") for n, email in enumerate(drawn)]


def join(users: Sequence[MemberRecord], *objects: Sequence[SourceRecord]) -> list[Identity]:
    """Sorted as the engine sorts: by address, then by id. The first object is Person, the second Company Person."""
    kinds = [PERSON, COMPANY_PERSON][: len(objects)]
    return list(identities(sorted(users), [sorted(found) for found in objects], kinds))


Verdict = tuple[SourceRecord | None, Reason | None, int, Reason]


def expected(found: list[SourceRecord], several: bool) -> Verdict | None:
    """The rule for the records of one address, in words: the only one, else the only primary one, else nobody."""
    primary = [r for r in found if r.primary]
    if not found:
        return None
    if len(found) == 1:
        return (found[0], None, 0, Reason.DUPLICATE)
    if several and len(primary) == 1:
        return (primary[0], None, len(found) - 1, Reason.OTHER_COMPANY)
    return (None, Reason.AMBIGUOUS_COMPANY if several else Reason.AMBIGUOUS_PERSON, len(found) - 1, Reason.DUPLICATE)


def verdict(choice: Choice | None) -> Verdict | None:
    return (choice.record, choice.reason, choice.spare, choice.spare_reason) if choice else None


@given(members(), records("p"), records("c"))
def test_every_address_ends_as_the_rules_say(
    users: list[MemberRecord], people: list[SourceRecord], ties: list[SourceRecord]
) -> None:
    by_address = defaultdict(list)
    for user in users:
        by_address[user.email].append(user)
    found = join(users, people, ties)
    assert [i.email for i in found] == sorted({r.email for r in (*people, *ties) if r.email})
    for identity in found:
        here = by_address[identity.email]
        assert identity.member == (here[0] if len(here) == 1 else None)
        assert bool(identity.problem) == (len(here) > 1)
        for several, choice, rows in zip([False, True], identity.choices, (people, ties), strict=True):
            assert verdict(choice) == expected([r for r in rows if r.email == identity.email], several)


@given(members(), records("p"), records("c"), st.randoms())
def test_the_order_of_rows_does_not_change_the_outcome(
    users: list[MemberRecord], people: list[SourceRecord], ties: list[SourceRecord], chance: random.Random
) -> None:
    before = join(users, people, ties)
    for rows in (users, people, ties):
        chance.shuffle(rows)
    assert join(users, people, ties) == before

    loose = identities(
        sorted(users, key=lambda r: r.email),
        [sorted(rows, key=lambda r: r.email) for rows in (people, ties)],
        [PERSON, COMPANY_PERSON],
    )
    assert [(i.email, i.member, [verdict(c) for c in i.choices]) for i in loose] == [
        (i.email, i.member, [verdict(c) for c in i.choices]) for i in before
    ]


@given(members(), records("p"), records("c"))
def test_each_record_ends_in_exactly_one_place(
    users: list[MemberRecord], people: list[SourceRecord], ties: list[SourceRecord]
) -> None:
    found = join(users, people, ties)
    for column, rows in enumerate((people, ties)):
        choices = [c for i in found if (c := i.choices[column]) is not None]
        assert all((c.record is None) == (c.reason is not None) for c in choices)
        assert sum(1 + c.spare for c in choices) == sum(bool(r.email) for r in rows)


@given(members(), records("p"))
def test_people_with_one_address_are_never_guessed(users: list[MemberRecord], people: list[SourceRecord]) -> None:
    for identity in join(users, people):
        (choice,) = identity.choices
        assert choice is not None
        same = [r for r in people if r.email == identity.email]
        if len(same) > 1:
            assert choice.record is None
            assert choice.reason is Reason.AMBIGUOUS_PERSON


def test_blank_addresses_match_nobody() -> None:
    assert join([member("")], [record("")], [record("")]) == []
    (only,) = join([member(""), member("a@x")], [record(""), record("a@x", "p2")])
    assert only.member == member("a@x")


def test_the_only_record_counts_even_if_it_is_not_primary() -> None:
    (identity,) = join([], [], [record("a@x", primary=False)])
    assert identity.choices == (
        None,
        Choice(record=record("a@x"), reason=None, detail="", spare=0, spare_reason=Reason.DUPLICATE),
    )


def test_the_primary_company_is_preferred_wherever_it_stands() -> None:
    for place in range(3):
        rows = [record("a@x", f"c{n}", primary=n == place) for n in range(3)]
        (identity,) = join([member("a@x")], [], rows)
        choice = identity.choices[1]
        assert choice is not None
        assert (choice.record, choice.spare) == (rows[place], 2)
        assert choice.spare_reason is Reason.OTHER_COMPANY


def test_primary_means_nothing_among_people() -> None:
    (identity,) = join([member("a@x")], [record("a@x", "p1", primary=True), record("a@x", "p2")])
    assert identity.choices[0] is not None
    assert identity.choices[0].record is None


@pytest.mark.parametrize(("primary", "said"), [(0, "0 of them primary"), (2, "2 of them primary")])
def test_an_ambiguous_company_names_the_candidates(primary: int, said: str) -> None:
    rows = [record("a@x", f"c{n}", primary=n < primary, note=f"Company {n}") for n in range(3)]
    (identity,) = join([member("a@x")], [], rows)
    choice = identity.choices[1]
    assert choice is not None
    assert choice.reason is Reason.AMBIGUOUS_COMPANY
    assert choice.detail == f"3 records, {said}: Company 0, Company 1, Company 2"


def test_an_ambiguous_person_without_a_name_is_named_by_its_id() -> None:
    (identity,) = join([], [record("a@x", "p1"), record("a@x", "p2", note="Ada")])
    assert identity.choices[0] is not None
    assert identity.choices[0].detail == "2 records, the same e-mail address: p1, Ada"


def test_an_ambiguous_member_is_a_problem_of_the_address() -> None:
    (identity,) = join([member("a@x", "u1", "Ada"), member("a@x", "u2", "Bob")], [record("a@x")])
    assert identity.member is None
    assert identity.problem == "2 community users: Ada (u1), Bob (u2)"


def test_an_ambiguity_names_only_the_first_candidates() -> None:
    exactly = [record("a@x", f"p{n:04}") for n in range(CANDIDATES)]
    many = [record("b@x", f"p{n:04}") for n in range(1000)]
    few, all_of_them = (i.choices[0] for i in join([], [*exactly, *many]))
    assert few is not None
    assert all_of_them is not None
    assert "more" not in few.detail
    assert all_of_them.detail.endswith(f"p0004 and {1000 - CANDIDATES} more")
    assert all_of_them.detail.count("p0") == CANDIDATES
    assert all_of_them.spare == 999


def test_addresses_that_only_members_have_are_left_out() -> None:
    found = join([member("a@x"), member("b@x"), member("c@x")], [record("b@x")])
    assert [(i.email, i.member) for i in found] == [("b@x", member("b@x"))]


def test_an_object_without_a_record_says_nothing() -> None:
    found = join([], [record("a@x")], [record("b@x")])
    assert [[c is not None for c in i.choices] for i in found] == [[True, False], [False, True]]


def test_nothing_is_read_ahead_of_the_address_at_hand() -> None:
    read: list[str] = []

    def stream() -> object:
        for letter in "abc":
            read.append(letter)
            yield record(f"{letter}@x")

    found = identities([], [stream()], [PERSON])  # type: ignore[list-item]
    assert next(found).email == "a@x"
    assert read == ["a", "b"]


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (None, ""),
        ("", ""),
        (" \t\n\u00a0", ""),
        (" Ada@Example.COM ", "ada@example.com"),
        ("STRASSE@x", "strasse@x"),
        ("straße@x", "strasse@x"),
        ("a.b+c@x", "a.b+c@x"),
        ("аda@x", "аda@x"),  # a Cyrillic letter stays one
    ],
)
def test_normalising_trims_and_folds_case_and_nothing_else(raw: str | None, address: str) -> None:
    assert normalise(raw) == address


@given(st.text())
def test_normalising_twice_changes_nothing(raw: str) -> None:
    assert normalise(normalise(raw)) == normalise(raw)


@given(st.text(alphabet="abcxyz@.+-_", min_size=1), st.sampled_from(["", " ", "\t", "\n "]))
def test_case_and_blanks_around_do_not_matter(address: str, blank: str) -> None:
    assert normalise(blank + address.upper() + blank) == address
