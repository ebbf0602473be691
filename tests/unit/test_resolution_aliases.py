"""The alias table as people write it."""

from __future__ import annotations

import pytest

from reconciler.records.resolution.aliases import alias_of, clashes
from reconciler.records.resolution.settings import Alias, Settings


@pytest.mark.parametrize(
    ("of", "leads_to", "alias"),
    [
        ("old@acme.com", "new@acme.com", Alias(email="old@acme.com", person="new@acme.com")),
        ("old@acme.com", "Acme", Alias(email="old@acme.com", company="Acme")),
        ("acme.io", "Acme", Alias(domain="acme.io", company="Acme")),
        ("eu.acme.io", "Acme", Alias(domain="eu.acme.io", company="Acme")),
        ("1234", "anna@acme.com", Alias(member="1234", person="anna@acme.com")),
    ],
)
def test_what_is_meant_is_seen_in_how_it_is_written(of: str, leads_to: str, alias: Alias) -> None:
    assert alias_of(of, leads_to) == alias


@pytest.mark.parametrize(("of", "leads_to"), [("acme.io", "!!!"), ("a@b.com", "-"), ("7", "")])
def test_what_leads_nowhere_is_refused(of: str, leads_to: str) -> None:
    with pytest.raises(ValueError, match=r"is no |leads to"):
        alias_of(of, leads_to)


TABLES = [
    ({"A@b.com": "Acme", "a@b.com": "Beta"}, [("a@b.com", "A@b.com")]),
    ({"A@b.com": "Acme", "a@b.com": "ACME"}, []),
    ({"acme.com": "Acme", "www.acme.com": "Beta", "eu.acme.com": "Gamma"}, [("www.acme.com", "acme.com")]),
    ({"a@b.com": "x@y.com", "A@B.com": "Acme", "a@B.com": "X@Y.com"}, [("A@B.com", "a@b.com")]),
    ({"1": "Acme", "2": "Beta"}, []),
]


@pytest.mark.parametrize(("table", "found"), TABLES)
def test_entries_that_contradict_each_other(table: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert list(clashes(table)) == found
    aliases = tuple(alias_of(of, leads_to) for of, leads_to in table.items())
    if not found:
        assert Settings(rules=(), threshold=0.9, aliases=aliases).aliases == aliases
        return
    with pytest.raises(ValueError, match="lead to different places"):
        Settings(rules=(), threshold=0.9, aliases=aliases)
