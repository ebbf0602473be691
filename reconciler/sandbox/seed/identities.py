"""Members who are hard to tell apart: phones, names in profiles, shared and missing addresses, namesakes, colleagues.

All of it is worked out from the index of a person, without chance, so that the rest of the data stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.sandbox.seed import companies, fields

if TYPE_CHECKING:
    from reconciler.sandbox.seed.people import Human

PHONE = "Phone"
PHONE_EVERY, PHONE_AT = 13, 5
PHONE_NULL_EVERY, PHONE_NULL_AT = 6, 1
CASES_FROM = 40
EMAIL, EMAIL_KEY, USERNAME, USERNAME_KEY, PROFILE = 2, 3, 4, 5, 18
SUFFIXES = ("", " Inc.", " GmbH", ", LLC")

Row = tuple[Any, ...]
Profile = dict[str, str]


def phone(index: int) -> str | None:
    """The number of a person in CS, in international form; no subscriber of that exchange has such a number."""
    return None if index % PHONE_NULL_EVERY == PHONE_NULL_AT else f"+49 30 {index:07d}"


def typed(index: int) -> str:
    """The same number as members type it."""
    local = f"{index:07d}"
    forms = (
        f"030 {local}",
        f"(030) {local[:3]}-{local[3:]}",
        f"0049 30 {local}",
        f"+49 (0)30/{local}",
        f"+4930{local}",
    )
    return forms[index % len(forms)]


def usual(row: Row, human: Human, community: int) -> Row:
    """A member as always, now and then with the own phone number in the profile."""
    if human.index % PHONE_EVERY != PHONE_AT:
        return row
    return _changed(row, community, {PHONE: typed(human.index)})


def stranger(row: Row, human: Human, community: int) -> Row:
    """An additional member whom CS does not know by that address. Each is another case."""
    if human.index < CASES_FROM:
        return row
    return CASES[human.index // 20 % len(CASES)](row, human, community)


def _plain(row: Row, _human: Human, _community: int) -> Row:
    return row


def _no_address(row: Row, human: Human, community: int) -> Row:
    """No e-mail; name and company as the member wrote them."""
    company = companies.name(human.index // companies.PEOPLE_PER_COMPANY) + SUFFIXES[human.index // 140 % len(SUFFIXES)]
    profile = {"First Name": human.first.upper(), "Last Name": human.last, "Company": company}
    return _changed(row, community, profile, email="")


def _second_account(row: Row, human: Human, community: int) -> Row:
    """Two members with one e-mail address."""
    return _changed(row, community, {}, email=human.email.strip().lower())


def _by_phone(row: Row, human: Human, community: int) -> Row:
    return _changed(row, community, {PHONE: typed(human.index)})


def _namesake(row: Row, human: Human, community: int) -> Row:
    """The name of somebody in CS who works somewhere else."""
    return _changed(row, community, {"First Name": human.first, "Last Name": human.last, "Company": "Self-employed"})


def _colleague(row: Row, human: Human, community: int) -> Row:
    """CS knows the company by the domain, and not the person."""
    domain = companies.domain(human.index // companies.PEOPLE_PER_COMPANY)
    return _changed(row, community, {"Company": companies.name(human.index // 20)}, email=f"new{human.index}@{domain}")


def _emoji(row: Row, human: Human, community: int) -> Row:
    """A name that is no name, and a phone number that several wrote."""
    profile = {"First Name": "🚀", "Last Name": "", PHONE: "030 9999999"}
    return _changed(row, community, profile, email="", username=f"🚀 {human.first} {row[1]}")


CASES: tuple[Callable[[Row, Human, int], Row], ...] = (
    _plain,
    _no_address,
    _second_account,
    _by_phone,
    _namesake,
    _colleague,
    _emoji,
)


def _changed(row: Row, community: int, profile: Profile, email: str | None = None, username: str | None = None) -> Row:
    changed = list(row)
    if email is not None:
        changed[EMAIL], changed[EMAIL_KEY] = email, email.strip().lower()
    if username is not None:
        changed[USERNAME], changed[USERNAME_KEY] = username, username.lower()
    ids = {name: str(fields.id_of(name, community)) for name in profile}
    held = orjson.loads(changed[PROFILE]) | {ids[name]: value for name, value in profile.items()}
    changed[PROFILE] = orjson.dumps(held).decode()
    return tuple(changed)
