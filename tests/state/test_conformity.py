"""What a state file may be, held to a library that knows all of JSON Schema."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.state import statefile
from reconciler.state.conformity import Breach, breaches
from tests.state.test_statefile import state

ORACLE = jsonschema.Draft202012Validator(statefile.SCHEMA)
WHOLE = {**json.loads(json.dumps(state())), "formatVersion": 1, "checksum": "c"}
ODD = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.0, 1.5, "", "x", "2026-11-22T12:00:00Z", [], [1], {}, {"x": 1}, "Failed"]
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """The way to everything in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((step, *rest) for step, found in inner for rest in places(found))]


def with_other(value: Any, way: tuple[Any, ...], change: Any) -> Any:
    if not way:
        return change(value)
    found = copy.copy(value)
    found[way[0]] = with_other(value[way[0]], way[1:], change)
    return found


def follows(value: Any) -> bool:
    return next(breaches(value, statefile.SCHEMA, statefile.SCHEMA["$defs"]), None) is None


def test_a_whole_file_follows_its_schema() -> None:
    assert follows(WHOLE)
    assert ORACLE.is_valid(WHOLE)


@given(data=st.data())
def test_the_verdict_is_that_of_a_library(data: st.DataObject) -> None:
    value = WHOLE
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from(places(value)))
        odd = data.draw(ODD)
        changes = [lambda _, odd=odd: odd]
        at = value
        for step in way:
            at = at[step]
        if isinstance(at, dict):
            changes.append(lambda found, odd=odd: {**found, "more": odd})
            changes += [lambda found, name=name: {k: v for k, v in found.items() if k != name} for name in at]
        value = with_other(value, way, data.draw(st.sampled_from(changes)))
    assert follows(value) == ORACLE.is_valid(value)


def test_a_breach_has_its_place() -> None:
    wrong = with_other(WHOLE, ("documents", 0, "mappings", 0, "status"), lambda _: "Splendid")
    assert list(breaches(wrong, statefile.SCHEMA, statefile.SCHEMA["$defs"])) == [
        Breach(("documents", 0, "mappings", 0, "status"), "enum")
    ]


def test_a_keyword_that_is_not_known_is_no_silent_pass() -> None:
    with pytest.raises(KeyError, match="maxLength"):
        list(breaches("x", {"maxLength": 1}, {}))
