"""Tables and columns by the names of objects and fields: `Community albatross-us User` is `community_albatross_us_user`.

A name depends on nothing but what it is made of, so it stays when fields come and go. A name of plain words becomes the
words with underscores; in all others something is lost, which some letters of a digest stand for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from reconciler import errors
from reconciler.model.community import ObjectDefinition
from reconciler.model.json import digest

LONGEST = 63
"""Characters: PostgreSQL cuts what is longer, and the same names everywhere are worth more than long ones."""

_PLAIN_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*( [A-Za-z0-9]+)*")
_PLAIN_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9]*([ -][A-Za-z0-9]+)*")
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_RESERVED = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
"""Columns that every table of PostgreSQL has. Words of SQL are no trouble: names are always quoted."""

_RESERVED_BEGINNINGS = ("sqlite_", "pg_")


def table_name(object_name: str) -> str:
    """The table of an object. Words written together are told apart: `TopicReply` is `topic_reply`."""
    return _name(_NEW_WORD.sub(" ", object_name), object_name, plain=bool(_PLAIN_OBJECT.fullmatch(object_name)))


def column_name(field_name: str) -> str:
    return _name(field_name, field_name, plain=bool(_PLAIN_FIELD.fullmatch(field_name)))


def column_names(definition: ObjectDefinition) -> Mapping[str, str]:
    """The column of each field, in the order of the fields. Raises `errors.RemoteRefused` where two have the same."""
    found: dict[str, str] = {}
    for field in definition.fields:
        column = column_name(field.name)
        if column in found:
            message = (
                f"the fields {found[column]!r} and {field.name!r} of {definition.name} have the same column {column}"
            )
            raise errors.RemoteRefused(message, hint="rename one of them")
        found[column] = field.name
    return {field: column for column, field in found.items()}


def _name(words: str, whole: str, *, plain: bool) -> str:
    letters = unicodedata.normalize("NFKD", words.casefold()).encode("ascii", "ignore").decode()
    name = "_".join(re.findall("[a-z0-9]+", letters))
    if plain and len(name) <= LONGEST and name not in _RESERVED and not name.startswith(_RESERVED_BEGINNINGS):
        return name
    marked = digest(whole.encode(errors="surrogatepass").hex())[:8]
    beginning = name if name[:1].isalpha() and not name.startswith(_RESERVED_BEGINNINGS) else f"x_{name}".rstrip("_")
    return f"{beginning[: LONGEST - len(marked) - 1].rstrip('_')}_{marked}"
