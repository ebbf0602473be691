"""Normalised keys: two texts mean the same person or company when their keys are equal.

A key is a text without surprises, so that it can be kept in a table. It is empty where a text identifies nobody, and empty
keys match nothing. Every function takes any text: longer ones than people have are not looked at.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from itertools import permutations

import phonenumbers

from reconciler.records.matching import normalise
from reconciler.records.resolution.known import LEGAL_FORMS

LONGEST_EMAIL = 320
LONGEST_PHONE = 100
LONGEST_NAME = 200
"""Longer texts are no address, number or name. Cut texts would be alike where whole ones differ."""

WORDS_FOR_BLOCKS = 4
BLOCK_LETTERS = 1


class KeyKind(StrEnum):
    """What a key was made of. The first four belong to people, the others to companies."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    BLOCK = "block"
    """A rough part of a name: people with similar names share one, as a rule."""
    COMPANY = "company"
    """The name without its legal form."""
    COMPANY_WHOLE = "company-whole"
    DOMAIN = "domain"
    LABEL = "label"
    """The name in one word, which may be the first word of a domain."""


def email_key(text: str) -> str:
    """As the matching of profile fields has it; what is no address gives no key. Plus signs and dots are kept."""
    if len(text) > LONGEST_EMAIL:
        return ""
    key = normalise(text)
    local, _, domain = key.partition("@")
    plain = key.isprintable() and " " not in key and "@" not in domain
    return key if local and domain and plain else ""


def phone_key(text: str, region: str | None) -> str:
    """E.164, with `;ext=` where there is an extension: colleagues who share a switchboard are not one person.

    Without a region only numbers with a country code have a key. Numbers that cannot exist have none.
    """
    number = _parsed(text, region)
    return _e164(number) if number and phonenumbers.is_valid_number(number) else ""


def dialled_key(text: str, region: str | None) -> str:
    """What to look a number up by: the same, without asking whether it can exist, which takes as long as reading it.
    A number that cannot is the key of no record."""
    number = _parsed(text, region)
    return _e164(number) if number else ""


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    if not text or len(text) > LONGEST_PHONE:
        return None
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    key = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    return f"{key};ext={number.extension}" if number.extension else key


def is_region(text: str) -> bool:
    """Whether phone numbers can be read with this region: two capital letters, as in DE."""
    return text in phonenumbers.SUPPORTED_REGIONS


def name_key(text: str) -> str:
    """The words of a name in alphabetical order, without accents, case, punctuation and signs."""
    return " ".join(sorted(words(text))) if len(text) <= LONGEST_NAME else ""


def names_somebody(key: str) -> bool:
    """Whether the key of a name is enough by itself: not one word, except in scripts that write a whole name as one."""
    return " " in key or key[:1] >= _WITHOUT_SPACES


def name_blocks(key: str) -> list[str]:
    """Parts of the key of a name, of which at least one is shared by a name in which one word is written differently.

    Each word with the first letter of each other word. Names of one word have none, and of long ones the first words count.
    """
    several = key.split()[:WORDS_FOR_BLOCKS]
    return sorted({f"{one} {other[:BLOCK_LETTERS]}" for one, other in permutations(several, 2)})


def whole_company_key(text: str) -> str:
    """The words of the name of a company in their order; the legal form is kept."""
    if len(text) > LONGEST_NAME:
        return ""
    # Acme A/S, S.A.R.L., Smith & Sons
    return " ".join(words(text.replace("&", " and ").replace(".", "").replace("/", " ")))


def company_key(whole: str) -> str:
    """The whole key of a company without legal forms at its end. Something always stays."""
    found = _WITH_LEGAL_FORM.fullmatch(whole)
    return found[1] if found else whole


def company_label(company: str) -> str:
    """The key of a company in one word, as its domain might have it."""
    return company.replace(" ", "")


def words(text: str) -> list[str]:
    """The words of a text, folded: without accents, case, punctuation, signs and invisible characters."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower().translate(_DROPPED))
    text = unicodedata.normalize("NFKD", text.casefold()).casefold()
    # Folding may bring forth what decomposes again, as of the capital I with a dot.
    text = unicodedata.normalize("NFKD", text).translate(_FOLDED)
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text)
    return [unicodedata.normalize("NFC", word) for word in kept.split() if any(map(str.isalnum, word))]


_WITHOUT_SPACES = "\u2e80"
"""Chinese, Japanese and Korean begin here."""

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WITH_LEGAL_FORM = re.compile(rf"(.+?)(?: (?:{LEGAL_FORMS}))+")
_DROPPED = dict.fromkeys(map(ord, "'`"))


def _folding() -> dict[int, str | None]:
    """Letters that have no decomposition into a plain one; marks that are no letters, apostrophes, invisible characters.

    Marks of other scripts (vowels of Hindi, voiced kana) are part of the letter and stay.
    """
    marks = [(0x300, 0x36F), (0x591, 0x5C7), (0x610, 0x61A), (0x64B, 0x65F), (0x670, 0x670), (0x6D6, 0x6ED)]
    invisible = [(0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)]
    variants = [(0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0x20D0, 0x20FF), (0xE0100, 0xE01EF)]
    table: dict[int, str | None] = {
        code: None
        for first, last in (*marks, *invisible, *variants)
        for code in range(first, last + 1)
        if unicodedata.category(chr(code))[0] in "MC"
    }
    table |= dict.fromkeys(map(ord, "'`´‘’ʻʼʹ＇′"))
    plain = {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ŧ": "t"}
    return table | {ord(letter): other for letter, other in plain.items()}


_FOLDED = _folding()
