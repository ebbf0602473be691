"""A set of members, persons and companies of whom it is known who is who. The same size and seed give the same set.

What is in it, for each hundred members: 41 with the address that CS has (spelled in another way, some with two accounts),
14 who are known by their phone number only, 14 by name and company only (one of them with a middle name that CS does not
have), 10 new colleagues of whom only the domain is known, 13 strangers (three of them called like somebody in CS), 3 whose
name has a typing error, and 5 who stay ambiguous or are otherwise awkward: twins, a shared switchboard, two persons with one
address, several companies, odd texts.

New colleagues never have the name of a colleague: who has, cannot be told apart by anybody.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.records.resolution.rows import CompanyPersonRow, CompanyRow, Member, PersonRow

REGION = "US"
STAFF = 20
"""Persons of a company."""

_SYLLABLES = "ba be da de el fa ga ha il jo ka ki la le lu ma mi na no or pa ra re ri sa si ta te ul va vi wa yo za ze"
SYLLABLES = _SYLLABLES.split()
ACCENTS = str.maketrans({"a": "á", "e": "é", "i": "ï", "o": "ö", "u": "ü"})
_SECTORS = "Foods Labs Logistics Motors Optics Power Software Steel Systems Textiles Travel Works"
SECTORS = _SECTORS.split()
FORMS = ("Inc.", "LLC", "GmbH", "Ltd", "S.A.", "GmbH & Co. KG", "B.V.", "Pty Ltd", "")
TOP_LEVELS = ("com", "com", "de", "co.uk", "io", "com.br")
FREE = ("gmail.com", "yahoo.co.uk", "gmx.de", "hotmail.fr", "proton.me")
ODD = ("🦄🦄🦄", "\u202eadmin\u202c", "", "Ada", "İ", "name " * 50, "\u200b", "'; DROP TABLE members; --", "محمد", "\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Who a member is. What cannot be known is None; `typo` says that only a similar name leads there."""

    person_id: str | None = None
    company_id: str | None = None
    typo: bool = False


@dataclass(slots=True)
class Identities:
    """The set. `truths` stand in the order of `members`."""

    people: list[PersonRow] = field(default_factory=list)
    companies: list[CompanyRow] = field(default_factory=list)
    ties: list[CompanyPersonRow] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)


def identities(size: int, seed: int = 1) -> Identities:
    """About as many persons as members, `size` of each."""
    maker = _Maker(size, seed)
    maker.populate()
    kinds = [kind for kind, share in maker.shares().items() for _ in range(share)]
    while len(maker.made.members) < size:
        maker.chance.choice(kinds)()
    return maker.made


class _Maker:
    def __init__(self, size: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.size = size
        self.made = Identities()
        self.names: dict[str, set[str]] = {}
        self.domains: dict[str, str] = {}
        self.plain: list[PersonRow] = []
        """Persons who are nothing special, each used for one member at most."""
        self.home: dict[str, CompanyRow] = {}
        self.serial = 0
        self.twins: list[tuple[PersonRow, CompanyRow]] = []
        self.switchboards: list[tuple[str, CompanyRow]] = []
        self.doubles: list[tuple[str, CompanyRow]] = []
        self.travellers: list[tuple[PersonRow, str | None]] = []

    def shares(self) -> dict[Callable[[], None], int]:
        """How many of a hundred members are of each kind. Some kinds make two members."""
        return {
            self.by_address: 39,
            self.two_accounts: 1,
            self.by_phone: 14,
            self.by_name: 13,
            self.other_form: 1,
            self.new_colleague: 10,
            self.stranger: 10,
            self.homonym: 3,
            self.typing_error: 3,
            self.twin: 1,
            self.switchboard: 1,
            self.double: 1,
            self.traveller: 1,
            self.odd: 1,
        }

    # What CS has.

    def populate(self) -> None:
        for number in range(max(1, self.size // STAFF)):
            company = self.company(number)
            for _ in range(STAFF - 5):
                self.plain.append(self.person(company))
            self.special(company)
        self.chance.shuffle(self.plain)

    def company(self, number: int) -> CompanyRow:
        word = f"{self.word(3)}{_letters(number)}".title()
        sector = self.chance.choice(SECTORS)
        domain = f"{word}{self.chance.choice(('', '-'))}{sector}.{self.chance.choice(TOP_LEVELS)}".lower()
        declared = self.chance.random() < 0.7
        company = CompanyRow(
            id=f"c{number:06}",
            name=f"{word} {sector} {self.chance.choice(FORMS)}".strip(),
            domains=(f"https://www.{domain}/",) if declared else (),
        )
        self.made.companies.append(company)
        self.names[company.id], self.domains[company.id] = set(), domain
        return company

    def person(self, company: CompanyRow, name: str = "", email: str = "", phone: str = "") -> PersonRow:
        name = name or self.new_name(company)
        local = _ascii(name).lower().replace(" ", ".")
        person = PersonRow(
            id=f"p{len(self.made.people):07}",
            name=name,
            emails=(email or f"{local}.{len(self.made.people)}@{self.domains[company.id]}",),
            phones=(phone or self.phone(),),
        )
        self.made.people.append(person)
        self.tie(person, company)
        self.home[person.id] = company
        return person

    def tie(self, person: PersonRow, company: CompanyRow, *, primary: bool = False) -> None:
        self.made.ties.append(
            CompanyPersonRow(
                id=f"t{len(self.made.ties):07}", person_id=person.id, company_id=company.id, primary=primary
            )
        )

    def special(self, company: CompanyRow) -> None:
        """Five persons of whom something cannot be known."""
        first = self.person(company)
        self.twins.append((first, company))
        self.person(company, name=first.name)
        shared = self.phone()
        double = self.person(company, phone=shared)
        self.person(company, email=double.emails[0], phone=shared)
        self.switchboards.append((shared, company))
        self.doubles.append((double.emails[0], company))
        if len(self.made.companies) > 1:
            self.traveller_at(company, self.chance.choice(self.made.companies[:-1]))

    def traveller_at(self, company: CompanyRow, other: CompanyRow) -> None:
        primary = self.chance.random() < 0.5
        person = self.person(company)
        self.tie(person, other, primary=primary)
        self.travellers.append((person, other.id if primary else None))

    # What the community has.

    def member(self, truth: Truth, **texts: str) -> None:
        self.made.members.append(Member(f"m{len(self.made.members):07}", **texts))
        self.made.truths.append(truth)

    def whole(self, person: PersonRow) -> Truth:
        return Truth(person_id=person.id, company_id=self.home[person.id].id)

    def by_address(self) -> None:
        person = self.plain.pop()
        self.member(
            self.whole(person), email=self.respelled(person.emails[0]), name=self.nickname(), phone=self.phone()
        )

    def two_accounts(self) -> None:
        person = self.plain.pop()
        for _ in range(2):
            self.member(self.whole(person), email=self.respelled(person.emails[0]), name=self.nickname())

    def by_phone(self) -> None:
        person = self.plain.pop()
        digits = person.phones[0]
        spelled = self.chance.choice(
            (digits, f"({digits[2:5]}) {digits[5:8]}-{digits[8:]}", f"1-{digits[2:5]}.{digits[5:8]}.{digits[8:]}")
        )
        self.member(self.whole(person), email=self.private(), phone=spelled, name=self.nickname())

    def by_name(self) -> None:
        person = self.plain.pop()
        name, company = self.renamed(person.name), self.reformed(self.home[person.id])
        self.member(self.whole(person), email=self.private(), name=name, company=company)

    def other_form(self) -> None:
        """With a middle name that CS does not have: a person whom no exact rule finds."""
        person = self.plain.pop()
        name = self.renamed(person.name).replace(" ", f" {self.word(3).title()} ", 1)
        self.member(self.whole(person), email=self.private(), name=name, company=self.reformed(self.home[person.id]))

    def new_colleague(self) -> None:
        company = self.chance.choice(self.made.companies)
        name, place = self.new_name(company), self.chance.choice(("", "eu.", "mail."))
        email = f"{_ascii(name).lower().replace(' ', '_')}@{place}{self.domains[company.id]}"
        self.member(Truth(company_id=company.id), email=email, name=name, company=self.reformed(company))

    def stranger(self) -> None:
        name = f"{self.word(4).title()} {self.word(5).title()}"
        self.member(Truth(), email=self.private(), name=name, phone=self.phone(), company=self.word(4))

    def homonym(self) -> None:
        name = self.chance.choice(self.made.people).name
        self.member(Truth(), email=self.private(), name=name, company=self.chance.choice(("", "self-employed")))

    def typing_error(self) -> None:
        person = self.plain.pop()
        first, last = self.renamed(person.name).replace(",", "").split(" ")
        place = self.chance.randrange(1, len(last))
        truth = Truth(person_id=person.id, company_id=self.home[person.id].id, typo=True)
        name = f"{first} {last[:place]}{self.chance.choice('bdgkmprst')}{last[place:]}"
        self.member(truth, email=self.private(), name=name, company=self.home[person.id].name)

    def twin(self) -> None:
        person, company = self.chance.choice(self.twins)
        self.member(Truth(company_id=company.id), email=self.private(), name=person.name, company=company.name)

    def switchboard(self) -> None:
        phone, company = self.chance.choice(self.switchboards)
        self.member(Truth(company_id=company.id), email=self.private(), phone=phone, name=self.nickname())

    def double(self) -> None:
        email, company = self.chance.choice(self.doubles)
        self.member(Truth(company_id=company.id), email=self.respelled(email), name=self.nickname())

    def traveller(self) -> None:
        if self.travellers:
            person, company = self.chance.choice(self.travellers)
            self.member(Truth(person_id=person.id, company_id=company), email=person.emails[0])

    def odd(self) -> None:
        texts = [self.chance.choice(ODD) for _ in range(4)]
        self.member(Truth(), email=texts[0], phone=texts[1], name=texts[2], company=texts[3])

    # Texts.

    def word(self, syllables: int) -> str:
        return "".join(self.chance.choice(SYLLABLES) for _ in range(syllables))

    def new_name(self, company: CompanyRow) -> str:
        """A name that nobody of the company has, in either order."""
        known = self.names[company.id]
        while True:
            name = f"{self.word(2)} {self.word(self.chance.choice((2, 3)))}".title()
            if (folded := " ".join(sorted(name.split()))) not in known:
                break
        known.add(folded)
        return name if self.chance.random() < 0.7 else name.translate(ACCENTS)

    def nickname(self) -> str:
        return f"{self.word(3)}{self.chance.randrange(100)}"

    def renamed(self, name: str) -> str:
        """The same name as somebody else might write it."""
        first, last = name.split(" ")
        return self.chance.choice(
            (name, f"{last}, {first}", _ascii(name), name.upper(), unicodedata.normalize("NFD", name))
        )

    def reformed(self, company: CompanyRow) -> str:
        """The name of the company with another legal form, or none."""
        word, sector, *_ = company.name.split(" ")
        name = f"{word} {sector} {self.chance.choice(('', 'inc', 'GMBH', 'Limited'))}".strip()
        return self.chance.choice((name, name.upper()))

    def respelled(self, email: str) -> str:
        return self.chance.choice((email, email.upper(), f"  {email.title()} "))

    def private(self) -> str:
        self.serial += 1
        return f"{self.word(2)}{self.serial}@{self.chance.choice(FREE)}"

    def phone(self) -> str:
        """A number that nobody else has."""
        self.serial += 1
        area = (212, 312, 415, 617, 713)[self.serial % 5]
        return f"+1{area}{200 + self.serial // 10000 % 700}{self.serial % 10000:04}"


def _letters(number: int) -> str:
    """A number as a word, so that no two companies have one name."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
