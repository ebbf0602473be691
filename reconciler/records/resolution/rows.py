"""Members and records of CS as far as resolution knows them, and the keys under which they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.records.resolution.domains import domain_key, host_key, is_free_mail, label_key, registered_domain
from reconciler.records.resolution.keys import (
    KeyKind,
    company_key,
    company_label,
    dialled_key,
    email_key,
    name_blocks,
    name_key,
    phone_key,
    whole_company_key,
)
from reconciler.records.resolution.settings import Settings


class Member(NamedTuple):
    """A member as the community has them; empty texts are missing. `company` is what they wrote themselves."""

    id: str
    email: str = ""
    phone: str = ""
    name: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A Person. `company_id` is for catalogs in which persons refer to a company themselves."""

    id: str
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    company_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRow:
    """A Company. `domains` are texts of any attributes that hold domains or web addresses."""

    id: str
    name: str = ""
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPersonRow:
    """A Company Person, which ties a person to a company; `email` is their address there."""

    id: str
    person_id: str
    company_id: str
    email: str = ""
    primary: bool = False


class Key(NamedTuple):
    """One row of a table of keys, beside the id of the record."""

    kind: KeyKind
    text: str


def person_keys(row: PersonRow, region: str | None) -> list[Key]:
    """Under which keys a person is kept, without repetition, in order."""
    found = [(KeyKind.EMAIL, email_key(text)) for text in row.emails]
    found += [(KeyKind.PHONE, phone_key(text, region)) for text in row.phones]
    name = name_key(row.name)
    found.append((KeyKind.NAME, name))
    found += [(KeyKind.BLOCK, block) for block in name_blocks(name)]
    return _keys(found)


def company_person_keys(row: CompanyPersonRow) -> list[Key]:
    """Under which keys the person of a Company Person is kept as well."""
    return _keys([(KeyKind.EMAIL, email_key(row.email))])


def company_keys(row: CompanyRow) -> list[Key]:
    """Under which keys a company is kept, without repetition, in order.

    A company with a domain is found by its domain and not by a domain that looks like its name: acme.io is not the company
    Acme at acme.com. A name that is a domain (Example.com) counts as one.
    """
    whole = whole_company_key(row.name)
    company = company_key(whole)
    domains = [domain for text in (*row.domains, row.name) if (domain := domain_key(text))]
    label = "" if domains else company_label(company)
    found = [(KeyKind.COMPANY_WHOLE, whole), (KeyKind.COMPANY, company), (KeyKind.LABEL, label)]
    return _keys([*found, *((KeyKind.DOMAIN, domain) for domain in domains)])


def member_keys(member: Member, settings: Settings) -> list[Key]:
    """What is looked up for a member, by all rules together."""
    keys = MemberKeys(member, settings)
    found = [(kind, keys[kind]) for kind in _MAKERS]
    return _keys([*found, *((KeyKind.BLOCK, block) for block in name_blocks(keys[KeyKind.NAME]))])


class MemberKeys(dict[KeyKind, str]):
    """The keys of one member, each made when it is first asked for: most members are known by their address.

    A key is empty where the member has none. Neither is there one for a domain at which anybody may have an address.
    """

    __slots__ = ("member", "settings")

    def __init__(self, member: Member, settings: Settings) -> None:
        self.member = member
        self.settings = settings

    def __missing__(self, kind: KeyKind) -> str:
        key = self[kind] = _MAKERS[kind](self)
        return key

    @property
    def host(self) -> str:
        """What stands behind the @ of the address, also where anybody may have one."""
        return host_key(self[KeyKind.EMAIL].rpartition("@")[2])


def _domain(keys: MemberKeys) -> str:
    domain = registered_domain(keys[KeyKind.EMAIL].rpartition("@")[2])
    return "" if is_free_mail(domain, keys.settings.free_mail) else domain


_MAKERS: dict[KeyKind, Callable[[MemberKeys], str]] = {
    KeyKind.EMAIL: lambda keys: email_key(keys.member.email),
    KeyKind.PHONE: lambda keys: dialled_key(keys.member.phone, keys.settings.region),
    KeyKind.NAME: lambda keys: name_key(keys.member.name),
    KeyKind.COMPANY_WHOLE: lambda keys: whole_company_key(keys.member.company),
    KeyKind.COMPANY: lambda keys: company_key(keys[KeyKind.COMPANY_WHOLE]),
    KeyKind.DOMAIN: _domain,
    KeyKind.LABEL: lambda keys: label_key(keys[KeyKind.DOMAIN]),
}


def _keys(found: list[tuple[KeyKind, str]]) -> list[Key]:
    return list(dict.fromkeys(Key(kind, text) for kind, text in found if text))
