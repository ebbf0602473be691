"""Reading an object page by page with keyset paging, and the proofs that no page is lost, repeated or misread.

Pages are cut by key and not by offset: an offset skips rows when records are deleted while we read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from reconciler import errors
from reconciler.connectors.answer import json_list, json_object
from reconciler.connectors.base import Row
from reconciler.model.json import Json

PAGE = 5000
"""Most records that one call returns."""

KEY = "Gsid"

Fetch = Callable[[Mapping[str, Json]], Json]
"""Sends one query and returns the envelope's data; None when nothing was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which records are read: those for which `every` condition holds, and, if there are any, one of `either`."""

    every: tuple[Mapping[str, Json], ...] = ()
    either: tuple[Mapping[str, Json], ...] = ()


EVERYTHING = Where()


def condition(path: str, operator: str, values: Sequence[Json]) -> Mapping[str, Json]:
    """One condition, without the alias that it gets within a query."""
    return {"name": path, "value": list(values), "operator": operator}


def pages(fetch: Fetch, object_name: str, fields: Sequence[str], where: Where = EVERYTHING) -> Iterator[list[Row]]:
    """Every record once, in the order of its Gsid. A page that is not full is the last one, and costs no further call."""
    last: str | None = None
    while True:
        records = _records(fetch(_query(fields, last, where)), object_name)
        if records:
            last = _ascending(records, last, object_name)
            yield _rows(records, fields, object_name)
        if len(records) < PAGE:
            return


def _query(fields: Sequence[str], last: str | None, where: Where) -> dict[str, Json]:
    wanted = list(fields)
    if KEY.casefold() not in {field.casefold() for field in fields}:
        wanted.append(KEY)
    query: dict[str, Json] = {"select": wanted, "orderBy": {KEY: "asc"}, "limit": PAGE, "offset": 0}
    every = where.every if last is None else (*where.every, condition(KEY, "GT", [last]))
    if every or where.either:
        query["where"] = _where(every, where.either)
    return query


def _where(every: Sequence[Mapping[str, Json]], either: Sequence[Mapping[str, Json]]) -> Json:
    """Without parentheses, which are not documented: AND binds before OR, so what must always hold is said in each branch."""
    conditions: list[Json] = [{"alias": _alias(at), **each} for at, each in enumerate((*every, *either))]
    always = [_alias(at) for at in range(len(every))]
    branches = [[*always, _alias(len(every) + at)] for at in range(len(either))] or [always]
    return {"conditions": conditions, "expression": " OR ".join(" AND ".join(branch) for branch in branches)}


def _alias(number: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    head, letter = divmod(number, 26)
    return (_alias(head - 1) if head else "") + chr(ord("A") + letter)


def _records(data: Json, object_name: str) -> list[Json]:
    """Live tenants answer `{"records": [...]}`; the documentation shows a bare list; nothing found may be null."""
    what = f"the records of {object_name}"
    if data is None:
        return []
    if isinstance(data, Mapping):
        return json_list(data.get("records"), what)
    return json_list(data, what)


def _ascending(records: Sequence[Json], last: str | None, object_name: str) -> str:
    """The last key of a page. A key that does not come after the one before means that we would loop or lose records."""
    key_of = _reader([KEY], records[0], object_name)
    before = last or ""
    for record in records:
        key = key_of(record)[0]
        if not isinstance(key, str) or key <= before:
            raise errors.RemoteMalformed(
                f"the records of {object_name} do not come in the order of their Gsid",
                hint="the read was stopped, because it could loop or miss records; nothing was concluded from it",
            )
        before = key
    return before


def _rows(records: Sequence[Json], fields: Sequence[str], object_name: str) -> list[Row]:
    read = _reader(fields, records[0], object_name)
    return [read(record) for record in records]


def _reader(fields: Sequence[str], sample: Json, object_name: str) -> Callable[[Json], Row]:
    """Takes a record apart. Names are compared without case, once for all records that are spelled as `sample` is."""
    names = _spelled(fields, sample, object_name)
    take = _taker(names)

    def read(record: Json) -> Row:
        if isinstance(record, dict):
            try:
                return take(record)
            except KeyError:
                pass
        return _taker(_spelled(fields, record, object_name))(json_object(record, f"a record of {object_name}"))

    return read


def _taker(names: Sequence[str]) -> Callable[[Mapping[str, Json]], Row]:
    if len(names) == 1:
        only = names[0]
        return lambda record: (record[only],)
    return itemgetter(*names) if names else lambda _: ()


def _spelled(fields: Sequence[str], record: Json, object_name: str) -> list[str]:
    """The fields as this record spells them. Raises `errors.RemoteMalformed` for a field that it does not have."""
    present = {name.casefold(): name for name in json_object(record, f"a record of {object_name}")}
    missing = [field for field in fields if field.casefold() not in present]
    if missing:
        raise errors.RemoteMalformed(
            f"a record of {object_name} came without the field {missing[0]} that was asked for",
            hint="a missing field is not a null; nothing was concluded from it",
        )
    return [present[field.casefold()] for field in fields]
