"""People with their company persons and community memberships, loaded in chunks so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.sandbox.seed import companies, identities, members, words
from reconciler.sandbox.seed.load import CHUNK, Loader

# Irregular cases sit at fixed distances, so their share is the same at every size and a test can name one.
DUPLICATE_EVERY, DUPLICATE_AT = 331, 7
AMBIGUOUS_EVERY, AMBIGUOUS_AT = 211, 5
SEVERAL_EVERY, SEVERAL_AT = 25, 3
UNFLAGGED_EVERY, UNFLAGGED_AT = 9, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Human:
    """What the person, the company persons and the members of one human share."""

    index: int
    first: str
    last: str
    email: str
    title: str
    place: tuple[str, str, str]
    duplicate: bool


@dataclass(slots=True, kw_only=True)
class _Chunk:
    persons: list[dict[str, Any]] = field(default_factory=list)
    company_persons: list[dict[str, Any]] = field(default_factory=list)
    members: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Makers:
    person: Callable[[int], str]
    company: Callable[[int], str]
    company_person: Callable[[int], str]
    staff: list[str]
    company_persons: int = 0
    used: set[str] = field(default_factory=set)
    previous: str = ""


def load(loader: Loader, staff: list[str]) -> None:
    person, company_person = loader.object("person"), loader.object("company_person")
    makers = _Makers(
        person=loader.ids.maker(person),
        company=loader.ids.maker(loader.object("company")),
        company_person=loader.ids.maker(company_person),
        staff=staff,
    )
    for start in range(0, loader.config.people, CHUNK):
        chunk = _Chunk()
        for index in range(start, min(start + CHUNK, loader.config.people)):
            _one(loader, makers, chunk, index)
        loader.insert(person, chunk.persons)
        loader.insert(company_person, chunk.company_persons)
        members.insert(loader, chunk.members)
    loader.ids.used(person, loader.config.people)
    loader.ids.used(company_person, makers.company_persons)


def _one(loader: Loader, makers: _Makers, chunk: _Chunk, index: int) -> None:
    human = _human(loader, makers, index)
    makers.previous = human.email
    chunk.persons.append(_person(loader, makers, human))
    for company, primary in _employers(loader, index):
        gsid = makers.company_person(makers.company_persons)
        makers.company_persons += 1
        chunk.company_persons.append(_company_person(loader, makers, human, gsid, (company, primary)))
    chunk.members.extend(members.of(loader, human))


def _human(loader: Loader, makers: _Makers, index: int) -> Human:
    first, last = loader.pick(words.FIRST), loader.pick(words.LAST)
    duplicate = loader.config.quirks and index % DUPLICATE_EVERY == DUPLICATE_AT
    return Human(
        index=index,
        first=first[0],
        last=last[0],
        email=_variant(makers.previous, index) if duplicate else _email(makers, first[1], last[1], index),
        title=loader.pick(words.TITLES),
        place=loader.pick(words.PLACES),
        duplicate=duplicate,
    )


def _email(makers: _Makers, first: str, last: str, index: int) -> str:
    """Unique by construction: a number is added when a colleague has the same name."""
    if index % companies.PEOPLE_PER_COMPANY == 0:
        makers.used.clear()
    local = f"{first}.{last}"
    if local in makers.used:
        local = f"{local}{index % companies.PEOPLE_PER_COMPANY + 1}"
    makers.used.add(local)
    return f"{local}@{companies.domain(index // companies.PEOPLE_PER_COMPANY)}"


def _variant(email: str, index: int) -> str:
    """The same address as a hurried colleague types it."""
    local, _, host = email.strip().partition("@")
    return f"{local.title()}@{host} " if index % 2 else f" {local.upper()}@{host}"


def _employers(loader: Loader, index: int) -> list[tuple[int, bool]]:
    """(company, is primary) of a person: mostly one, sometimes several, rarely several without a primary one."""
    home = index // companies.PEOPLE_PER_COMPANY
    total = companies.count(loader.config.people)
    if not loader.config.quirks:
        return [(home, True)]
    if index % AMBIGUOUS_EVERY == AMBIGUOUS_AT and total > 1:
        return [(home, False), ((home + 1) % total, False)]
    if index % SEVERAL_EVERY == SEVERAL_AT and total > 2:
        more = 1 + index // SEVERAL_EVERY % 2
        return [((home + n) % total, n == index % (more + 1)) for n in range(more + 1)]
    return [(home, index % UNFLAGGED_EVERY != UNFLAGGED_AT)]


def _person(loader: Loader, makers: _Makers, human: Human) -> dict[str, Any]:
    maybe, fields = loader.maybe, loader.object("person").fields
    country, city, zone = human.place
    # Written by no chance, or everything after it would be another.
    phones = {"Phone__gc": identities.phone(human.index)} if loader.config.quirks else {}
    return (
        companies.system(loader, makers.person(human.index), makers.staff[0])
        | phones
        | {
            "Name": f"{human.first} {human.last}",
            "FirstName": human.first,
            "LastName": human.last,
            "Email": human.email,
            "LinkedinUrl": maybe(f"https://social.example/in/{human.index}"),
            "Location": maybe(f"{city}, {country}"),
            "Timezone": maybe(zone),
            "EmailOptOut": int(loader.random() < 0.1),
            "DynamicResolutionKey": human.email.strip().lower(),
            "GsIngestionSource": "SANDBOX",
            "ExternalRecordID__gc": f"P-{human.index:07d}",
            "Country__gc": maybe(country),
            "City__gc": maybe(city),
            "Preferred_Language__gc": maybe(loader.item(fields["Preferred_Language__gc"])),
            "Interests__gc": maybe(loader.items(fields["Interests__gc"])),
            "Years_Experience__gc": maybe(int(loader.random() * 35)),
            "Engagement_Score__gc": maybe(round(loader.random() * 100, 1)),
            "Event_Budget__gc": maybe(round(loader.random() * 5_000, 2)),
            "Newsletter__gc": maybe(int(loader.random() < 0.6)),
            "Certified_On__gc": maybe(loader.day_ms(-700, 0)),
            "Last_Seen__gc": maybe(loader.moment_ms(-90, 0)),
            "Website__gc": maybe(f"https://{companies.domain(human.index // companies.PEOPLE_PER_COMPANY)}"),
            "Biography__gc": maybe(f"<p>{loader.pick(words.SENTENCES)}</p>"),
            "Advocate_Manager__gc": maybe(loader.pick(makers.staff)),
        }
    )


def _company_person(
    loader: Loader, makers: _Makers, human: Human, gsid: str, employer: tuple[int, bool]
) -> dict[str, Any]:
    maybe, fields = loader.maybe, loader.object("company_person").fields
    return companies.system(loader, gsid, makers.staff[0]) | {
        "Person_ID": makers.person(human.index),
        "Company_ID": makers.company(employer[0]),
        "Title": maybe(human.title),
        "Role": maybe(loader.pick(words.ROLES)),
        "Active": int(loader.random() < 0.97),
        "IsPrimaryCompany": int(employer[1]),
        "EmailCompany": human.email,
        "LastNpsScore": maybe(int(loader.random() * 11)),
        "Department__gc": maybe(loader.pick(words.DEPARTMENTS)),
        "Region__gc": maybe(loader.pick(words.REGIONS)),
        "Lifecycle_Stage__gc": maybe(loader.item(fields["Lifecycle_Stage__gc"])),
        "Products__gc": maybe(loader.items(fields["Products__gc"])),
        "Renewal_Date__gc": maybe(loader.day_ms(-30, 365)),
        "Last_Login__gc": maybe(loader.moment_ms(-90, 0)),
        "Seats__gc": maybe(1 + int(loader.random() * 500)),
        "Contract_Value__gc": maybe(round(loader.random() * 250_000, 2)),
        "Health_Score__gc": maybe(round(loader.random() * 100, 1)),
        "Is_Champion__gc": maybe(int(loader.random() < 0.15)),
        "Work_Email__gc": maybe(human.email.strip()),
        "Profile_Url__gc": maybe(f"https://app.example/people/{human.index}"),
        "Notes__gc": maybe("<p>Met at the last review.</p>"),
        "Salesforce_Contact__gc": maybe(f"003SB{human.index:010d}"),
        "Account_Owner__gc": maybe(loader.pick(makers.staff)),
    }
