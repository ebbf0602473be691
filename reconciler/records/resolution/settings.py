"""The rules by which members are resolved, as a document declares them or as they are without one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.records.resolution.domains import host_key
from reconciler.records.resolution.keys import email_key, is_region, whole_company_key

ALIAS = "alias"
"""The rule that a result of the alias table names."""


class Term(StrEnum):
    """What one part of a rule compares."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    COMPANY = "company"
    """The member's own word for the company; only beside another term, because anybody may write anything there."""
    DOMAIN = "domain"


PERSONAL = frozenset({Term.EMAIL, Term.PHONE, Term.NAME})
"""Terms that find persons. The others find companies, and beside a personal term they choose among persons."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Terms that must all hold. Raises ValueError for a rule that says nothing."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("a rule needs at least one term")
        if len(set(self.terms)) < len(self.terms):
            raise ValueError("a rule has each term once")
        if self.terms == (Term.COMPANY,):
            raise ValueError("company is what members write themselves: it needs another term beside it")

    @property
    def name(self) -> str:
        return "+".join(self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """What somebody decided: a member, an address or a whole domain is this person, or belongs to this company.

    One of `member`, `email` and `domain`, and one of `person` (an e-mail address) and `company` (a name). A domain holds for
    what stands below it, unless that has an alias of its own. Raises ValueError for anything else.
    """

    member: str = ""
    email: str = ""
    domain: str = ""
    person: str = ""
    company: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.member, self.email, self.domain))) != 1:
            raise ValueError("an alias is for one of member, email and domain")
        if bool(self.person) == bool(self.company):
            raise ValueError("an alias leads to either a person or a company")
        for what, text, key in (
            ("e-mail address", self.email, email_key(self.email)),
            ("e-mail address", self.person, email_key(self.person)),
            ("domain", self.domain, host_key(self.domain)),
            ("name", self.company, whole_company_key(self.company)),
        ):
            if text and not key:
                raise ValueError(f"{text[:100]!r} is no {what}")

    @property
    def key(self) -> tuple[str, str]:
        """What is looked up for a member."""
        if self.member:
            return "member", self.member
        return (Term.EMAIL, email_key(self.email)) if self.email else (Term.DOMAIN, host_key(self.domain))

    @property
    def target(self) -> tuple[str, str]:
        """The keys of the person and of the company that it leads to; one of them is empty."""
        return email_key(self.person), whole_company_key(self.company)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the members of one community are resolved. Raises ValueError for what contradicts itself.

    `threshold` is the similarity of two names, above 0 and up to 1, from which one is suggested for the other. `region` reads
    phone numbers without a country code; `free_mail` are domains that say nothing about a company, beside those that are
    known. Aliases for one key may be repeated, but not differ.
    """

    rules: tuple[Rule, ...]
    threshold: float
    accept_similar: bool = False
    region: str | None = None
    free_mail: frozenset[str] = frozenset()
    aliases: tuple[Alias, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError("the threshold is a number above 0 and up to 1")
        if self.region is not None and not is_region(self.region):
            raise ValueError(f"{self.region[:100]!r} is no region of phone numbers; two capital letters, as in DE")
        targets: dict[tuple[str, str], tuple[str, str]] = {}
        for alias in self.aliases:
            if targets.setdefault(alias.key, alias.target) != alias.target:
                raise ValueError(f"two aliases for {alias.key[1][:100]!r} lead to different places")
