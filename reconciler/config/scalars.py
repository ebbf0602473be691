"""What a plain (unquoted) scalar means: the core schema of YAML 1.2, and nothing that YAML 1.1 would read differently.

Sources: YAML 1.2.2 §10.3 (core schema); the YAML 1.1 type repository (bool, int, float, timestamp, merge, value). One departure:
`1e3` is a float here although 1.1 reads it as text, because every JSON document must mean the same to us.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

Scalar = None | bool | int | float | str

MAX_DIGITS = 64
"""Longer numbers are refused: no setting needs them, and converting thousands of digits is a way to burn time."""


class Ambiguous(NamedTuple):
    """A plain scalar that YAML 1.1 and 1.2 read differently."""

    old: str
    new: str
    also: str | None = None


class TooLong(NamedTuple):
    """A number with more than `MAX_DIGITS` digits."""

    digits: int


_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}

_NUMBER_START = frozenset("0123456789+-.")

_INT = re.compile(r"[-+]?[0-9]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_BINARY = re.compile(r"[-+]?0b[01_]+")
_UNDERSCORED = re.compile(r"[-+]?(?:0x[0-9a-fA-F_]*_[0-9a-fA-F_]*|[0-9.][0-9_.]*_[0-9_.]*(?:[eE][-+]?[0-9]+)?)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?")


@lru_cache(maxsize=4096)
def resolve(text: str) -> Scalar | Ambiguous | TooLong:
    """The value of a plain scalar, or why it has none."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_START:
        return _number(text)
    if len(text) <= 3 and (old := _OLD_BOOLEANS.get(text.lower())):
        return Ambiguous(old, f'the text "{text}"', old)
    if text == "=":
        return Ambiguous("the default value of a mapping", 'the text "="')
    if text == "<<":
        return Ambiguous("a merge key", 'the text "<<"')
    return text


def _number(text: str) -> Scalar | Ambiguous | TooLong:
    if _FLOAT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            return TooLong(len(text))
        if _LEADING_ZERO.fullmatch(text):
            return _leading_zero(text)
        return int(text) if _INT.fullmatch(text) else float(text)
    if _HEX.fullmatch(text):
        return int(text, 16) if len(text) <= MAX_DIGITS else TooLong(len(text))
    if len(text) > MAX_DIGITS:
        return text
    return _old_only(text) or text


def _leading_zero(text: str) -> Ambiguous:
    octal = all(digit in "01234567" for digit in text.lstrip("+-"))
    old = f"the number {int(text, 8)}" if octal else f'the text "{text}"'
    return Ambiguous(old, f"the number {int(text)}", str(int(text)))


def _old_only(text: str) -> Ambiguous | None:
    """Spellings that only one of the two versions takes for something else than text."""
    if _OCTAL.fullmatch(text):
        return Ambiguous(f'the text "{text}"', f"the number {int(text[2:], 8)}", str(int(text[2:], 8)))
    if _SEXAGESIMAL.fullmatch(text):
        return Ambiguous(f"the number {_base_60(text)}", f'the text "{text}"')
    if _BINARY.fullmatch(text) or _UNDERSCORED.fullmatch(text):
        return Ambiguous("a number", f'the text "{text}"')
    if _DATE.fullmatch(text):
        return Ambiguous("a date", f'the text "{text}"')
    return None


def _base_60(text: str) -> str:
    digits = text.replace("_", "").lstrip("+-")
    whole, _, fraction = digits.partition(".")
    total = 0
    for part in whole.split(":"):
        total = total * 60 + int(part)
    sign = "-" if text.startswith("-") else ""
    return f"{sign}{total}" + (f".{fraction}" if fraction else "")
