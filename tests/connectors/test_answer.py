"""What must be true of an answer before it is taken for data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import errors
from reconciler.connectors.answer import Response, json_list, json_object


def answer(body: bytes, kind: str = "application/json", status: int = 200) -> Response:
    return Response(status=status, headers={"content-type": kind} if kind else {}, body=body)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/problem+json", ""]
)
def test_json_is_read(kind: str) -> None:
    assert answer(b' {"a": [1, 2.5, null, "\xc3\xa4"]} ', kind).json() == {"a": [1, 2.5, None, "ä"]}


@pytest.mark.parametrize(
    ("body", "kind", "wrong"),
    [
        (b"", "application/json", "is empty"),
        (b" \r\n ", "application/json", "is empty"),
        (b"<!DOCTYPE html><p>maintenance", "text/html", "is a web page"),
        (b"  <html>", "application/json", "is a web page"),
        (b"{}", "text/html; charset=utf-8", "is a web page"),
        (b"{}", "text/plain", "content type"),
        (b"{}", "application/octet-stream", "content type"),
        (b'{"a": 1', "application/json", "not valid JSON"),
        (b'{"a": "\xff"}', "application/json", "not valid JSON"),
        (b'{"a": "\\ud800"}', "application/json", "not valid JSON"),
        (b"{'a': 1}", "application/json", "not valid JSON"),
        (b'{"a": NaN}', "application/json", "not valid JSON"),
        (b"[1] [2]", "application/json", "not valid JSON"),
        (b"[" * 100_000, "application/json", "not valid JSON"),
        ("\ufeff{}".encode(), "application/json", "not valid JSON"),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(body: bytes, kind: str, wrong: str) -> None:
    with pytest.raises(errors.RemoteMalformed, match=wrong) as caught:
        answer(body, kind, status=207).json()
    assert "HTTP 207" in str(caught.value)
    assert "maintenance" not in str(caught.value)
    assert caught.value.__context__ is None
    assert "maintenance" not in repr(answer(body, kind))


@given(st.binary(max_size=200))
def test_any_body_is_data_or_malformed(body: bytes) -> None:
    try:
        value = answer(body).json()
    except errors.RemoteMalformed:
        return
    assert json.loads(body) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_shapes_are_checked_with_the_place_in_the_message(value: object) -> None:
    found = answer(json.dumps(value).encode()).json()
    for check, kind in ((json_object, dict), (json_list, list)):
        if isinstance(value, kind):
            assert check(found, "the thing") == value
        else:
            with pytest.raises(errors.RemoteMalformed, match="the thing should be"):
                check(found, "the thing")
