"""Working out who the members of a community are in Gainsight CS, for all of them in each run: a changed rule or a new person
holds for everybody, and nothing of the community is read again for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.clock import Clock
from reconciler.connectors.base import ObjectSource
from reconciler.model.catalog import Catalog, DataType
from reconciler.model.json import Json
from reconciler.model.resources import IdentitySettings
from reconciler.records.resolution.aliases import alias_of
from reconciler.records.resolution.domains import domain_key
from reconciler.records.resolution.resolver import Resolver
from reconciler.records.resolution.rows import CompanyPersonRow, CompanyRow, Member, PersonRow
from reconciler.records.resolution.settings import Rule, Settings, Term
from reconciler.records.text_of import without_unstorable
from reconciler.state import imports
from reconciler.state.database import Database
from reconciler.state.directory import TableDirectory
from reconciler.state.session import Session
from reconciler.state.staging import Workspace

PAGE = 1_000

PERSON, COMPANY, COMPANY_PERSON = "Person", "Company", "Company Person"

_PHONE = re.compile(r"phone|mobile", re.IGNORECASE)
_DOMAIN = re.compile(r"domain|web ?site|^url$", re.IGNORECASE)
_TEXTS = frozenset((DataType.STRING, DataType.URL))


def settings_of(identity: IdentitySettings) -> Settings:
    """The rules of a document as resolution takes them."""
    return Settings(
        rules=tuple(Rule(tuple(Term(term.value) for term in rule)) for rule in identity.rules),
        accept_similar=identity.accept_similar,
        threshold=identity.similarity,
        region=identity.phone_region,
        free_mail=frozenset(domain_key(text) or text for text in identity.free_mail),
        aliases=tuple(alias_of(of, leads_to) for of, leads_to in sorted(identity.aliases.items())),
    )


def resolve(
    database: Database,
    connection: str,
    identity: IdentitySettings,
    source: ObjectSource,
    catalog: Catalog,
    *,
    clock: Clock,
    assert_held: Callable[[Session], None],
    advance: Callable[[int], None],
) -> None:
    """Work out and record who every member is. Raises `errors.RemoteError`."""
    settings = settings_of(identity)
    with database.workspace() as workspace:
        directory = TableDirectory(workspace, settings.region)
        _load(directory, source, catalog, companies=_asks_for_companies(settings))
        directory.ready()
        _record_all(
            database, workspace, connection, identity, Resolver(settings, directory), clock, assert_held, advance
        )


def _record_all(
    database: Database,
    workspace: Workspace,
    connection: str,
    identity: IdentitySettings,
    resolver: Resolver,
    clock: Clock,
    assert_held: Callable[[Session], None],
    advance: Callable[[int], None],
) -> None:
    last = ""
    while True:
        with database.read() as session:
            page = imports.present_members(session, connection, last, PAGE)
        if not page:
            break
        last = page[-1][0]
        members = [_member(id, values, identity) for id, values in page]
        found = resolver.resolve(members)
        with workspace.begin() as session:
            assert_held(session)
            known = [(id, _text(values.get("username")), _text(values.get("email"))) for id, values in page]
            imports.record_matches(session, connection, known, found, now=clock.now())
        advance(len(page))


def _member(id: str, values: Mapping[str, Json], identity: IdentitySettings) -> Member:
    profile = values.get("profile")
    fields = profile if isinstance(profile, Mapping) else {}
    named = " ".join(text for name in identity.name if (text := _text(fields.get(name))))
    return Member(
        id=id,
        email=_text(values.get("email")),
        phone=_text(fields.get(identity.phone)) if identity.phone else "",
        name=named or _text(values.get("username")),
        company=_text(fields.get(identity.company)) if identity.company else "",
    )


def _asks_for_companies(settings: Settings) -> bool:
    return any({Term.COMPANY, Term.DOMAIN} & set(rule.terms) for rule in settings.rules) or bool(settings.aliases)


def _load(directory: TableDirectory, source: ObjectSource, catalog: Catalog, *, companies: bool) -> None:
    phones = _named(catalog, PERSON, _PHONE)
    for page in source.read(PERSON, ["Gsid", "Name", "Email", *phones]):
        directory.load_people(
            PersonRow(id=_text(gsid), name=_text(name), emails=(_text(email),), phones=tuple(map(_text, numbers)))
            for gsid, name, email, *numbers in page
        )
    for page in source.read(COMPANY_PERSON, ["Gsid", "Person_ID", "Company_ID", "EmailCompany", "IsPrimaryCompany"]):
        directory.load_ties(_ties(page))
    if companies:
        domains = _named(catalog, COMPANY, _DOMAIN)
        for page in source.read(COMPANY, ["Gsid", "Name", *domains]):
            directory.load_companies(
                CompanyRow(id=_text(gsid), name=_text(name), domains=tuple(map(_text, texts)))
                for gsid, name, *texts in page
            )


def _ties(page: Sequence[Sequence[Json]]) -> Iterator[CompanyPersonRow]:
    for gsid, person, company, email, primary in page:
        yield CompanyPersonRow(
            id=_text(gsid),
            person_id=_text(person),
            company_id=_text(company),
            email=_text(email),
            primary=primary is True,
        )


def _named(catalog: Catalog, object_name: str, words: re.Pattern[str]) -> list[str]:
    """Fields of an object that look as if they held what is asked for, as far as the catalog knows it."""
    known = catalog.objects.get(object_name)
    if known is None:
        return []
    return sorted(
        field.name
        for field in known.fields.values()
        if field.data_type in _TEXTS and not field.lookup and (words.search(field.name) or words.search(field.label))
    )


def _text(value: Json) -> str:
    """A value as a key or a name: one odd letter in the tenant must not keep everybody from being found."""
    return without_unstorable(value) if isinstance(value, str) else "" if value is None else str(value)
