"""Rules about connections: what stands at both ends of a flow, and whether it may be talked to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from reconciler.config import shapes
from reconciler.config.facts import Entry, Facts, Finding, Place
from reconciler.config.rules import examples
from reconciler.config.rules.base import Example, Rule
from reconciler.model import resources
from reconciler.model.document import CONNECTION, DocumentId

_GAINSIGHT = (".gainsightcloud.com", ".insided.com")


def _duplicates(facts: Facts) -> Iterator[Finding]:
    first: dict[DocumentId, Entry] = {}
    for entry in facts.entries:
        seen = first.setdefault(entry.document.id, entry)
        if seen is not entry:
            kind, name = entry.document.id
            yield Finding(
                entry.place("metadata", "name"),
                f"there are two documents of kind {kind} with the name '{name}'",
                "rename one of them, or join them",
                (("the other one", seen.place("metadata", "name")),),
            )


def _field_twice(facts: Facts) -> Iterator[Finding]:
    for community, entry in facts.communities():
        first: dict[str, int] = {}
        for at, field in enumerate(community.profile_fields):
            seen = first.setdefault(field.name, at)
            if seen != at:
                places = sorted(
                    (entry.place("spec", "profileFields", number, "name") for number in (seen, at)),
                    key=lambda p: p.path[2:3],
                )
                message = f"the profile field '{field.name}' is declared twice"
                yield Finding(places[1], message, "keep one of the two", (("the other one", places[0]),))


def check_end(facts: Facts, name: str, wanted: type[resources.Connection], place: Place) -> Iterator[Finding]:
    """Whether `name` is a connection of the wanted type. Nothing is said about connections that could not be read."""
    found = facts.connections.get(name)
    if found is None:
        if facts.complete and DocumentId(CONNECTION, name) not in facts.doubtful:
            names = [known for known, typed in facts.connections.items() if isinstance(typed.resource, wanted)]
            yield Finding(place, f"there is no connection '{name}'", facts.suggest(name, names))
    elif not isinstance(found.resource, wanted):
        word = "gainsight-cs" if wanted is resources.CsConnection else "gainsight-cc"
        names = [known for known, typed in facts.connections.items() if isinstance(typed.resource, wanted)]
        hint = f"connections of this type: {', '.join(sorted(names))}" if names else None
        yield Finding(place, f"the connection '{name}' is not of type {word}, which is needed here", hint)


def _sso(facts: Facts) -> Iterator[Finding]:
    for community, entry in facts.communities():
        tenant = facts.connections.get(community.connected_to or "")
        if tenant is None or not isinstance(tenant.resource, resources.CsConnection):
            continue
        without = [
            (resource.name, place)
            for resource, place in ((community, entry), (tenant.resource, tenant.entry))
            if not resource.sso and place.document.id not in facts.doubtful
        ]
        if without:
            names = " and ".join(name for name, _ in without)
            have = "have" if len(without) > 1 else "has"
            related = tuple((f"{name} has no `sso: true`", place.place("spec", "type")) for name, place in without)
            yield Finding(
                entry.place("spec", "connectedTo"),
                f"a community is connected to CS only with single sign-on on both ends; {names} {have} none",
                "set it up there, then write `sso: true`",
                related,
            )


def _base_urls(facts: Facts) -> Iterator[Finding]:
    for typed in facts.connections.values():
        connection = typed.resource
        if isinstance(connection, resources.SqlConnection) or connection.base_url is None:
            continue
        domain = connection.domain if isinstance(connection, resources.CsConnection) else None
        reason = _refused(connection.base_url, domain)
        if reason:
            yield Finding(typed.entry.place("spec", "baseUrl"), *reason)


def _refused(url: str, domain: str | None) -> tuple[str, str] | None:
    """Why a connection may not talk to this address, with a hint."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "this is no address", "write https://HOST"
    host = parts.hostname
    if shapes.is_loopback(host):
        return None
    if parts.scheme != "https":
        return "plain http is spoken only to this machine (localhost)", "write https://"
    if shapes.is_address(host):
        return "an IP address is no host of Gainsight", "write the host name"
    if host == domain or host.endswith(_GAINSIGHT):
        return None
    hint = "put a custom domain into `domain`" if domain else "communities are found below insided.com"
    return "this host belongs neither to Gainsight nor to the tenant's domain", hint


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port out of range is only noticed when it is asked for
    except ValueError:
        return None
    return parts


RULES = (
    Rule(
        code="E-DUPLICATE",
        title="two documents of one kind have the same name",
        why="A name is how status, plan and history know a document; with two of them nobody could tell which one is meant.",
        fix="Rename one of the documents, or join the two into one. The same goes for a profile field that is declared twice.",
        bad=Example(text=examples.CS + "---\n" + examples.CS),
        good=Example(text=examples.CS + "---\n" + examples.CS.replace("acme-cs", "acme-cs-test")),
        check=lambda facts: (finding for check in (_duplicates, _field_twice) for finding in check(facts)),
    ),
    Rule(
        code="E-SSO",
        title="a community is connected without single sign-on on both ends",
        why="The one-click connection between a community and Gainsight CS matches people by single sign-on; "
        "without it on both ends there is no connection that values could flow over.",
        fix="Set up single sign-on in both products, then declare it with `sso: true` on both connections.",
        bad=Example(text=examples.CS.replace("sso: true", "sso: false")),
        good=Example(text=examples.CS),
        check=_sso,
    ),
    Rule(
        code="E-BASE-URL",
        title="a connection points to an address that it may not talk to",
        why="A base URL decides who receives the credentials. Only hosts of Gainsight, the declared domain of the tenant "
        "and, for the sandbox, this machine may receive them; plain http only this machine.",
        fix="Leave `baseUrl` out: it is known from `domain` or `region`. Put the custom domain of a CS tenant into `domain`.",
        bad=Example(text=examples.CS.replace("  sso: true", "  sso: true\n  baseUrl: http://acme.gainsightcloud.com")),
        good=Example(text=examples.CS.replace("  sso: true", "  sso: true\n  baseUrl: http://127.0.0.1:8101")),
        check=_base_urls,
    ),
)
