"""Rules about community imports: whose they are, where they write to, and what members are told apart by."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.facts import Entry, Facts, Finding, Place
from reconciler.config.rules import examples
from reconciler.config.rules.base import Example, Rule
from reconciler.model import community, resources
from reconciler.model.diagnostic import Severity
from reconciler.model.document import CONNECTION, DocumentId
from reconciler.model.resources import CcConnection, CommunityImport, CsConnection, MatchTerm, SqlConnection

_DASHES = re.compile("[-_]+")
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# -- ends --------------------------------------------------------------------------------------------------------------


def _community(facts: Facts, tuned: CommunityImport) -> CcConnection | None:
    """The community of an import, if it could be read without an error."""
    typed = facts.connections.get(tuned.name)
    if typed is None or DocumentId(CONNECTION, tuned.name) in facts.doubtful:
        return None
    return typed.resource if isinstance(typed.resource, CcConnection) else None


def _ours(facts: Facts) -> Iterator[Finding]:
    """Documents that are named like no connected community."""
    names = [found.name for found, _ in facts.communities()]
    for typed in facts.imports:
        name, place = typed.resource.name, typed.entry.place("metadata", "name")
        connection = facts.connections.get(name)
        doubtful = DocumentId(CONNECTION, name) in facts.doubtful
        if connection is None:
            if facts.complete and not doubtful:
                hint = facts.suggest(name, names, f"communities: {', '.join(sorted(names))}" if names else None)
                message = f"an import has the name of its community's connection, and there is no connection '{name}'"
                yield Finding(place, message, hint)
        elif not isinstance(connection.resource, CcConnection):
            hint = f"communities: {', '.join(sorted(names))}" if names else "declare a connection of type gainsight-cc"
            yield Finding(place, f"the connection '{name}' is no community, and only communities are imported", hint)
        elif connection.resource.connected_to is None and not doubtful:
            hint = "set up the one-click connection, then write `connectedTo: NAME` in the document of the connection"
            related = (("the connection", connection.entry.place("metadata", "name")),)
            yield Finding(
                place, f"the community '{name}' is not connected to Gainsight CS, so it has no import", hint, related
            )


def _targets(facts: Facts) -> Iterator[Finding]:
    for typed in facts.imports:
        name, place = typed.resource.target, typed.entry.place("spec", "to")
        community = _community(facts, typed.resource)
        if not name or community is None or community.connected_to is None or name == community.connected_to:
            continue
        found = facts.connections.get(name)
        usable = [
            community.connected_to,
            *(n for n, c in facts.connections.items() if isinstance(c.resource, SqlConnection)),
        ]
        known = f"possible here: {', '.join(sorted(usable))}"
        if found is None:
            if facts.complete and DocumentId(CONNECTION, name) not in facts.doubtful:
                yield Finding(place, f"there is no connection '{name}'", facts.suggest(name, usable, known))
        elif isinstance(found.resource, CcConnection):
            yield Finding(place, f"'{name}' is a community, and an import writes to Gainsight CS or a database", known)
        elif isinstance(found.resource, CsConnection):
            related: tuple[tuple[str, Place], ...] = ()
            connected = facts.connections.get(community.name)
            if connected is not None:
                related = (("connected here", connected.entry.place("spec", "connectedTo")),)
            message = f"the community '{community.name}' is connected to '{community.connected_to}', not to '{name}'"
            yield Finding(place, message, f"write `to: {community.connected_to}`, or remove the key", related)


def target(facts: Facts, name: str) -> str | None:
    """Where the import of a community writes to."""
    for typed in facts.imports:
        if typed.resource.name == name and typed.resource.target:
            return typed.resource.target
    connection = facts.connections.get(name)
    return connection.resource.connected_to if connection and isinstance(connection.resource, CcConnection) else None


def running(facts: Facts) -> Iterator[tuple[CcConnection, Entry]]:
    """The communities that are imported."""
    for found, entry in facts.communities():
        tenant = facts.connections.get(found.connected_to or "")
        if tenant is not None and found.active and tenant.resource.active:
            yield found, entry


def _tenants(facts: Facts) -> Iterator[Finding]:
    """Communities whose raw objects would be the same ones."""
    first: dict[tuple[str | None, str], tuple[CcConnection, Entry]] = {}
    for found, entry in running(facts):
        names = [(target(facts, found.name), spelling) for spelling in _spellings(found.tenant)]
        seen = next((first[name] for name in names if name in first), None)
        first |= {name: (found, entry) for name in names if name not in first}
        if seen is not None:
            related = (("the other one", seen[1].place("spec", "tenant")),)
            message = f"'{found.name}' and '{seen[0].name}' have one tenant name, so their imports would write the same objects"
            yield Finding(
                entry.place("spec", "tenant"),
                message,
                "correct one of the two; names differ in more than case, hyphens and underscores",
                related,
            )


def _spellings(tenant: str) -> set[str]:
    """What objects and tables may make of the name of a tenant: `acmeEn`, `acme-en` and `acme_EN` can become one."""
    return {_DASHES.sub("_", text).casefold() for text in (tenant, _NEW_WORD.sub("_", tenant))}


def _idle(facts: Facts) -> Iterator[Finding]:
    for typed in facts.imports:
        community = _community(facts, typed.resource)
        tenant = facts.connections.get(community.connected_to or "") if community else None
        if community is None or tenant is None:
            continue
        asleep = next((one for one in (community, tenant.resource) if not one.active), None)
        if asleep is not None:
            related = (("deactivated here", facts.connections[asleep.name].entry.place("spec", "active")),)
            message = f"this tunes an import that does not happen: '{asleep.name}' is deactivated"
            hint = "activate the connection, or remove this document; what was imported is kept either way"
            yield Finding(typed.entry.place("metadata", "name"), message, hint, related)


# -- identity ----------------------------------------------------------------------------------------------------------


def named_fields(facts: Facts) -> Iterator[tuple[CcConnection, str, Place]]:
    """The profile fields that imports name: the community, the field, and where."""
    for typed in facts.imports:
        found = _community(facts, typed.resource)
        identity = typed.resource.identity
        if found is None:
            continue
        for key, name in (("phone", identity.phone), ("company", identity.company)):
            if name is not None:
                yield found, name, typed.entry.place("spec", "identity", key)
        for at, name in enumerate(identity.name):
            yield found, name, typed.entry.place("spec", "identity", "name", at)


_NEEDS = {MatchTerm.PHONE: "phone", MatchTerm.COMPANY: "company"}


def _terms(facts: Facts) -> Iterator[Finding]:
    """Rules that can never find anybody, because nothing says where their values are."""
    for typed in facts.imports:
        identity = typed.resource.identity
        if identity.rules == resources.IDENTITY_RULES:
            continue  # the usual ones are there for whoever has such fields
        for at, rule in enumerate(identity.rules):
            for number, term in enumerate(rule):
                key = _NEEDS.get(term)
                if key is not None and getattr(identity, key) is None:
                    place = typed.entry.place("spec", "identity", "rules", at, "match", number)
                    message = f"this rule finds nobody: members have no {term} of their own, only profile fields"
                    yield Finding(place, message, f"write `{key}: PROFILE FIELD` in `identity`, or take the rule out")


def _columns(facts: Facts) -> Iterator[Finding]:
    """Profile fields whose columns of the User object nobody could tell apart for good."""
    for found, entry in running(facts):
        first: dict[str, int] = {}
        usual = {field.name.casefold() for field in community.MEMBER_FIELDS}
        for at, field in enumerate(found.profile_fields):
            column = field.name.casefold()
            column = f"{column} {community.CLASH.casefold()}" if column in usual else column
            seen = first.setdefault(column, at)
            if seen != at and found.profile_fields[seen].name != field.name:
                other = found.profile_fields[seen].name
                message = f"'{field.name}' and '{other}' become one column of the import"
                related = (("the other one", entry.place("spec", "profileFields", seen, "name")),)
                hint = "rename one of them in the community, then here"
                yield Finding(entry.place("spec", "profileFields", at, "name"), message, hint, related)


def _example(rest: str, **more: str) -> Example:
    return Example(text=examples.community_import(rest), files=more)


_FILE = "config/aliases.yaml"
_WITH_FILE = examples.community_import("  identity: {aliasesFile: aliases.yaml}\n")
_OTHER_CC = examples.CC.replace("acme-community", "acme-partners")

RULES = (
    Rule(
        code="E-IMPORT-OFF",
        title="an import is switched off",
        why="An active community that is connected to Gainsight CS is imported, always: whoever connects it may rely on it. "
        "A document only says where to, when, and how members are told apart.",
        fix="Remove the key. To stop an import, deactivate the connection with `active: false`; all data is kept.",
        bad=_example("  suspend: true\n"),
        good=_example("  schedule: {every: 7d}\n"),
    ),
    Rule(
        code="E-IMPORT-COMMUNITY",
        title="an import is that of no connected community",
        why="A CommunityImport tunes the import of the community whose connection has the same name. A community that is not "
        "connected to Gainsight CS has none: there would be nobody to tie its members to.",
        fix="Give the document the name of the community's connection, and connect the community.",
        bad=Example(text=examples.community_import("  fullEvery: 14\n", name="acme-comunity")),
        good=_example("  fullEvery: 14\n"),
        check=_ours,
    ),
    Rule(
        code="E-IMPORT-TARGET",
        title="an import writes to what it cannot write to",
        why="An import writes to the Gainsight CS tenant that its community is connected to, where the people are whom members "
        "are tied to, or to a database.",
        fix="Name that tenant or a connection of type sql, or leave `to` out.",
        bad=_example("  to: acme-community\n"),
        good=Example(
            text=examples.community_import("  to: warehouse\n"), files={"config/warehouse.yaml": examples.WAREHOUSE}
        ),
        check=_targets,
    ),
    Rule(
        code="E-TENANT",
        title="two communities have one tenant name",
        why="The objects of an import have the name of the tenant. With one name for two communities, the members of one would "
        "overwrite those of the other.",
        fix="Correct the tenant of one of them. Names that differ only in case, in hyphens or in underscores become "
        "one name of a table, or of an object.",
        bad=Example(text=examples.CC, files={"config/partners.yaml": _OTHER_CC}),
        good=Example(
            text=examples.CC, files={"config/partners.yaml": _OTHER_CC.replace("tenant: acme", "tenant: partners")}
        ),
        check=_tenants,
    ),
    Rule(
        code="E-IMPORT-COLUMN",
        title="two profile fields become one column",
        why="Each profile field becomes a field of the User object, and one that has the name of another field there gets "
        "`Custom` behind it. Fields that only differ in case, or one that is called like another with `Custom`, could change "
        "places when a third one is declared.",
        fix="Rename one of them in the community, then here.",
        bad=Example(text=examples.CC.replace("name: Region", "name: job title")),
        good=Example(text=examples.CC),
        check=_columns,
    ),
    Rule(
        code="E-ALIASES",
        title="an alias that is none",
        why="An alias says whom an e-mail address, a member id or a domain stands for, and wins over all rules. So a slip in it "
        "would tie members to the wrong people.",
        fix="Write one line for each: an e-mail address or member id, and the e-mail address of a person or the name of a "
        "company; or a domain and the name of a company. Ids are quoted.",
        bad=Example(text=_WITH_FILE, files={_FILE: "acme.io: anna@acme.com\n"}),
        good=Example(
            text=_WITH_FILE, files={_FILE: 'acme.io: Acme\nold@acme.com: anna@acme.com\n"1234": anna@acme.com\n'}
        ),
    ),
    Rule(
        code="W-IMPORT-RULE",
        severity=Severity.WARNING,
        title="a rule that finds nobody",
        why="A community knows no telephone number and no company of its members but what they put into profile fields. A rule "
        "by these needs to know which fields they are.",
        fix="Name the profile field with `phone` or `company`, or take the rule out.",
        bad=_example("  identity: {rules: [{match: [email]}, {match: [name, company]}]}\n"),
        good=_example("  identity: {company: Region, rules: [{match: [email]}, {match: [name, company]}]}\n"),
        check=_terms,
    ),
    Rule(
        code="W-IMPORT-IDLE",
        severity=Severity.WARNING,
        title="a document tunes an import that does not happen",
        why="The import of a deactivated community, or of one whose Gainsight CS is deactivated, stops. All data is kept, and "
        "it goes on when the connection is active again; until then the document has no effect.",
        fix="Activate the connection, or remove the document.",
        bad=Example(
            text=examples.CC.replace("  sso: true", "  sso: true\n  active: false"),
            files={"config/import.yaml": examples.community_import("  fullEvery: 14\n")},
        ),
        good=_example("  fullEvery: 14\n"),
        check=_idle,
    ),
)
