"""Texts made of columns: `{first|trim} {last|upper}`. A handful of filters and nothing else: no code, no loops, no look-ups.

A row in which a column is null gives no text, unless the filter `or` says what stands in its place. Braces are doubled to be
written as themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from reconciler.records.render import Unrenderable

FILTERS: Mapping[str, str] = {
    "upper": "in upper case",
    "lower": "in lower case",
    "trim": "without white space around it",
    "date": "the day of a date or time, as 2026-01-31",
    "first": "the first characters, as many as `first:40` says",
    "or": "what stands in place of a null: `or:unknown`",
}
"""Every filter, and what it makes of a value."""

MAX_FIRST = 32_000


class TemplateError(ValueError):
    """A text that is no template. `at` is where, counted from 0, and `length` how much of it is wrong."""

    def __init__(self, why: str, at: int, length: int = 1) -> None:
        super().__init__(why)
        self.at = at
        self.length = length


Filter = Callable[[str | None], str | None]


@dataclass(frozen=True, slots=True)
class _Placeholder:
    column: str
    filters: tuple[Filter, ...]

    def value(self, row: Mapping[str, str | None]) -> str | None:
        value = row[self.column]
        for apply in self.filters:
            value = apply(value)
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: plain text and placeholders in turn."""

    _parts: tuple[str | _Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Raises `TemplateError`, also for a template that names no column at all: that is a constant."""
        parts: list[str | _Placeholder] = []
        at = 0
        while at < len(text):
            char = text[at]
            if char in "{}" and text[at : at + 2] == char * 2:
                parts.append(char)
                at += 2
            elif char == "{":
                end = _end(text, at)
                parts.append(_placeholder(text, at + 1, end))
                at = end + 1
            elif char == "}":
                raise TemplateError("this brace closes nothing; a brace that stands for itself is written }}", at)
            else:
                stop = min((found for mark in "{}" if (found := text.find(mark, at)) >= 0), default=len(text))
                parts.append(text[at:stop])
                at = stop
        if not any(isinstance(part, _Placeholder) for part in parts):
            raise TemplateError("no column stands in this template, so it is a `constant`", 0, len(text) or 1)
        return cls(tuple(parts))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, each once, in their order."""
        return tuple(dict.fromkeys(part.column for part in self._parts if isinstance(part, _Placeholder)))

    def render(self, row: Mapping[str, str | None]) -> str | None:
        """The text for a row, None where a column is null or nothing but white space comes out.

        Raises `Unrenderable` where a filter does not fit the value.
        """
        made: list[str] = []
        for part in self._parts:
            value = part if isinstance(part, str) else part.value(row)
            if value is None:
                return None
            made.append(value)
        text = "".join(made)
        return text if text.strip() else None


def _end(text: str, start: int) -> int:
    """Where the placeholder that opens at `start` closes."""
    end = text.find("}", start)
    again = text.find("{", start + 1)
    if end < 0 or 0 <= again < end:
        raise TemplateError("this brace is not closed; a brace that stands for itself is written {{", start)
    return end


def _placeholder(text: str, start: int, end: int) -> _Placeholder:
    column, *filters = text[start:end].split("|")
    if not column.strip():
        raise TemplateError("the name of a column is missing here", start - 1, end + 2 - start)
    at = start + len(column) + 1
    made = []
    for written in filters:
        made.append(_filter(written, at))
        at += len(written) + 1
    return _Placeholder(column.strip(), tuple(made))


def _filter(written: str, at: int) -> Filter:
    name, colon, argument = written.partition(":")
    name = name.strip()
    length = max(1, len(written))
    if name not in FILTERS:
        raise TemplateError(f"there is no filter '{name}'; there are {', '.join(FILTERS)}", at, length)
    if name == "or":
        if not colon:
            raise TemplateError("the filter `or` says what stands in place of a null, such as or:unknown", at, length)
        return lambda value: argument if value is None else value
    if name == "first":
        size = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < 6 else 0
        if not 0 < size <= MAX_FIRST:
            raise TemplateError("the filter `first` has a number, such as first:40", at, length)
        return lambda value: None if value is None else value[:size]
    if colon:
        raise TemplateError(f"the filter {name} takes nothing after a colon", at, length)
    return _PLAIN[name]


def _day(text: str) -> str:
    day = text.strip()[:10]
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise Unrenderable("a text that is no date, where the filter `date` stands") from None


def _each(make: Callable[[str], str]) -> Filter:
    return lambda value: None if value is None else make(value)


_PLAIN: Mapping[str, Filter] = {
    "upper": _each(str.upper),
    "lower": _each(str.lower),
    "trim": _each(str.strip),
    "date": _each(_day),
}
