"""Normalised keys: which texts are the same, and which identify nobody."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.records.resolution.domains import (
    domain_key,
    host_key,
    is_free_mail,
    label_key,
    parents,
    registered_domain,
)
from reconciler.records.resolution.keys import (
    company_key,
    company_label,
    dialled_key,
    email_key,
    is_region,
    name_blocks,
    name_key,
    names_somebody,
    phone_key,
    whole_company_key,
)
from reconciler.records.resolution.known import FREE_BRANDS, FREE_MAIL

MEGABYTE = "a" * 1_000_000


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace+News@EXAMPLE.com\n", "ada.lovelace+news@example.com"),
        ("", ""),
        ("n/a", ""),
        ("@example.com", ""),
        ("ada@", ""),
        ("ada@home@example.com", ""),
        ("ada lovelace@example.com", ""),
        ("ada\u200b@example.com", ""),
        ("ada\0@example.com", ""),
        ("ada\ud800@example.com", ""),
        (f"{MEGABYTE}@example.com", ""),
    ],
)
def test_addresses(text: str, key: str) -> None:
    assert email_key(text) == key


def test_a_plus_sign_makes_another_address() -> None:
    assert email_key("ada+news@example.com") != email_key("ada@example.com")


@pytest.mark.parametrize(
    ("text", "region", "key"),
    [
        ("+1 (212) 555-0123", None, "+12125550123"),
        ("212.555.0123", "US", "+12125550123"),
        ("tel:+1-212-555-0123", None, "+12125550123"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("+49 (0)30 123456", None, "+4930123456"),
        ("030/123456", "DE", "+4930123456"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("٢١٢٥٥٥٠١٢٣", "US", "+12125550123"),
        ("212 555 0123 ext. 12", "US", "+12125550123;ext=12"),
        ("212 555 0123 x12", "US", "+12125550123;ext=12"),
        ("212.555.0123", None, ""),
        ("212.555.0123", "XX", ""),
        ("", "US", ""),
        ("call me", "US", ""),
        ("0000000000", "US", ""),
        ("+1 212", "US", ""),
        ("📞", "US", ""),
        ("1" * 101, "US", ""),
        (MEGABYTE, "US", ""),
    ],
)
def test_phone_numbers(text: str, region: str | None, key: str) -> None:
    assert phone_key(text, region) == key
    assert not key or dialled_key(text, region) == key


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.sampled_from(list(range(1, 4))))
def test_one_number_has_one_key_in_every_spelling(region: str, form: int) -> None:
    number = phonenumbers.example_number(region)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    text = phonenumbers.format_number(number, form)
    assert phone_key(text, region) == dialled_key(text, region) == expected


def test_regions() -> None:
    assert is_region("DE")
    assert not is_region("de")
    assert not is_region("Germany")


@pytest.mark.parametrize(
    "same",
    [
        ["Ada Lovelace", "LOVELACE, Ada", " ada\tlovelace ", "Ádà Löveláce", "A\u0301da Lovelace", "Ada 🚀 Lovelace"],
        ["Ada Lovelace", "\u202eAda Lovelace\u202c", "A\u200bda Lovelace", "𝐀𝐝𝐚 𝐋𝐨𝐯𝐞𝐥𝐚𝐜𝐞", "Ada Lovelace ❤️"],
        ["İbrahim Işık", "ibrahim isik", "IBRAHIM IŞIK", "ıbrahım ışık"],
        ["Sean O'Brien", "Seán O’Brien", "sean obrien"],
        ["Jean-Luc Müller", "Jean Luc Muller"],
        ["Łukasz Øster-Ærø", "lukasz oster aero"],
        ["Weiß Straße", "WEISS STRASSE"],
        ["Ёлкин Пётр", "Петр Елкин"],
        ["أحمد علي", "احمد علي"],
        ["ガガ 子", "ガガ 子"],
    ],
)  # fmt: skip
def test_names_that_are_one(same: list[str]) -> None:
    assert len({name_key(text) for text in same}) == 1
    assert name_key(same[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "Ada Lovelance"),
        ("が 子", "か 子"),
        ("राम लाल", "रम लाल"),
        ("Ada L", "Ada M"),
        ("Li Na", "Lina"),
    ],
)
def test_names_that_are_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("text", ["", "🦄🦄", "❤️", "\u200b\u200b", "...", "\ud800", "\u0301", MEGABYTE, "a b " * 60])
def test_names_of_nobody(text: str) -> None:
    assert name_key(text) == ""


@given(st.text(max_size=60))
def test_a_key_is_its_own_key_and_can_be_stored(text: str) -> None:
    for make in (email_key, name_key, whole_company_key, lambda one: company_key(whole_company_key(one)), domain_key):
        key = make(text)
        key.encode()
        assert "\0" not in key
        assert make(key) == key


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=8), min_size=1, max_size=4), st.randoms())
def test_the_order_of_words_and_case_do_not_matter(parts: list[str], chance: object) -> None:
    turned = list(reversed(parts))
    assert name_key(" ".join(parts)) == name_key(" ".join(turned))
    assert (
        name_key(" ".join(parts)) == name_key("  ".join(parts).title().swapcase().lower())
        or not " ".join(parts).isascii()
    )


def test_one_word_is_nobody_but_a_whole_name_may_have_no_space() -> None:
    assert not names_somebody(name_key("Ada"))
    assert not names_somebody("")
    assert names_somebody(name_key("Ada Lovelace"))
    assert names_somebody(name_key("王小明"))
    assert names_somebody(name_key("김철수"))


def test_blocks_are_shared_where_one_word_differs() -> None:
    assert name_blocks(name_key("Ada Lovelace")) == ["ada l", "lovelace a"]
    assert set(name_blocks(name_key("Ada Lovelace"))) & set(name_blocks(name_key("Ada Lovelance")))
    assert name_blocks(name_key("Ada")) == []
    assert len(name_blocks(name_key("a b c d e f g"))) == 12


@pytest.mark.parametrize(
    ("text", "whole", "short"),
    [
        ("Acme", "acme", "acme"),
        ("Acme, Inc.", "acme inc", "acme"),
        ("ACME GmbH & Co. KG", "acme gmbh and co kg", "acme"),
        ("Acme S.A.R.L.", "acme sarl", "acme"),
        ("Acme A/S", "acme a s", "acme"),
        ("Acme Sp. z o.o.", "acme sp z oo", "acme"),
        ("Acme Pty Ltd", "acme pty ltd", "acme"),
        ("Smith & Sons", "smith and sons", "smith and sons"),
        ("Company", "company", "company"),
        ("Limited Company", "limited company", "limited"),
        ("The Coffee Co Works", "the coffee co works", "the coffee co works"),
        ("トヨタ自動車 株式会社", "トヨタ自動車 株式会社", "トヨタ自動車"),
        ("Österreich AG", "osterreich ag", "osterreich"),
        ("🦄", "", ""),
        (MEGABYTE, "", ""),
    ],
)
def test_companies(text: str, whole: str, short: str) -> None:
    assert whole_company_key(text) == whole
    assert company_key(whole) == short


def test_a_company_in_one_word() -> None:
    assert company_label(company_key(whole_company_key("Acme Rockets, Inc."))) == "acmerockets"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.com", "acme.com"),
        ("https://www.Acme.co.uk:443/about?x=1#y", "acme.co.uk"),
        ("//acme.com/", "acme.com"),
        ("mailto:ada@eu.acme.com", "acme.com"),
        ("ada@mail.acme.com.br", "acme.com.br"),
        ("http://user:word@acme.com/", "acme.com"),
        ("acme.com.", "acme.com"),
        ("acme.onmicrosoft.com", "acme.onmicrosoft.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("www.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("a.b.c.d.io", "d.io"),
        ("co.uk", ""),
        ("onmicrosoft.com", ""),
        ("com", ""),
        ("", ""),
        ("localhost", ""),
        ("192.168.1.1", ""),
        ("[::1]", ""),
        ("acme..com", ""),
        ("-acme.com", ""),
        ("ac me.com", ""),
        ("http://", ""),
        ("🦄.com", "xn--3s9h.com"),
        ("\u200b.com", ""),
        ("ü" * 64 + ".de", ""),
        (".".join(["a" * 60] * 5) + ".com", ""),
        (MEGABYTE, ""),
    ],
)
def test_domains(text: str, domain: str) -> None:
    assert domain_key(text) == domain


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://WWW.x.eu.acme.co.uk/about", ["x.eu.acme.co.uk", "eu.acme.co.uk", "acme.co.uk"]),
        ("acme.com.", ["acme.com"]),
        ("münchen.de", ["xn--mnchen-3ya.de"]),
        ("co.uk", []),
        ("", []),
    ],
)
def test_hosts_and_what_they_stand_below(text: str, hosts: list[str]) -> None:
    assert parents(host_key(text)) == hosts
    assert hosts[:1] == ([host_key(text)] if host_key(text) else [])


def test_the_name_of_a_domain() -> None:
    assert label_key("acme-rockets.co.uk") == "acmerockets"
    assert label_key("") == ""


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.uk", "hotmail.fr", "qq.com", "gmx.net", "free.example"])
def test_free_mail(domain: str) -> None:
    assert is_free_mail(domain, {"free.example"})


def test_a_company_is_no_free_mail() -> None:
    assert not is_free_mail("acme.com")


def test_the_known_domains_are_ones_that_are_found() -> None:
    """A domain that is no registered one would never be compared with."""
    assert [domain for domain in sorted(FREE_MAIL) if registered_domain(domain) != domain] == []
    assert [domain for domain in sorted(FREE_MAIL) if domain.partition(".")[0] in FREE_BRANDS] == []
