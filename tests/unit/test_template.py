"""Templates: text, columns and a handful of filters, and never an exception but the two that are documented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.records.render import Unrenderable
from reconciler.records.template import FILTERS, Template, TemplateError

ROW = {
    "first": " Ada ",
    "last": "Lovelace",
    "born": "1815-12-10T05:00:00Z",
    "none": None,
    "blank": " ",
    "a b": "x",
    "word": "no",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{last}", "Lovelace"),
        ("{first|trim} {last|upper}", "Ada LOVELACE"),
        ("{ last | lower }!", "lovelace!"),
        ("{first|trim|first:1}. {last}", "A. Lovelace"),
        ("{born|date}", "1815-12-10"),
        ("{{{last}}}", "{Lovelace}"),
        ("{{}} {last}", "{} Lovelace"),
        ("{a b}", "x"),
        ("{none}", None),
        ("{last} {none}", None),
        ("{none|upper|trim|date|first:3}", None),
        ("{none|or:n/a} {last|or:unused}", "n/a Lovelace"),
        ("{none|or:a|upper}", "A"),
        ("{none|or:}{last}", "Lovelace"),
        ("{blank}", None),
        ("{blank}{none|or: }", None),
    ],
)
def test_what_comes_out(template: str, text: str | None) -> None:
    assert Template.parse(template).render(ROW) == text


def test_columns_are_named_once_in_their_order() -> None:
    assert Template.parse("{b|upper}-{a}-{ b }").columns == ("b", "a")


@pytest.mark.parametrize(
    ("template", "at", "length", "words"),
    [
        ("", 0, 1, "constant"),
        ("plain", 0, 5, "constant"),
        ("{{a}}", 0, 5, "constant"),
        ("x {a", 2, 1, "not closed"),
        ("{a {b}", 0, 1, "not closed"),
        ("{a} }", 4, 1, "closes nothing"),
        ("ab{}", 2, 2, "name of a column"),
        ("{ |upper}", 0, 9, "name of a column"),
        ("{a|uper}", 3, 4, "no filter 'uper'"),
        ("{a|trim|}", 8, 1, "no filter ''"),
        ("{a|trim:1}", 3, 6, "takes nothing"),
        ("{a|or}", 3, 2, "in place of a null"),
        ("{a|first}", 3, 5, "has a number"),
        ("{a|first:0}", 3, 7, "has a number"),
        ("{a|first:99999}", 3, 11, "has a number"),
        ("{a|first:x}", 3, 7, "has a number"),
        ("{a|first:²}", 3, 7, "has a number"),
    ],
)
def test_what_is_no_template(template: str, at: int, length: int, words: str) -> None:
    with pytest.raises(TemplateError, match=words) as caught:
        Template.parse(template)
    assert (caught.value.at, caught.value.length) == (at, length)


def test_a_text_that_is_no_date() -> None:
    with pytest.raises(Unrenderable):
        Template.parse("{word|date}").render(ROW)


@given(st.text(alphabet="{}|:ab or1"), st.dictionaries(st.sampled_from("ab"), st.none() | st.text()))
def test_a_template_renders_every_row_that_has_its_columns(text: str, row: dict[str, str | None]) -> None:
    try:
        template = Template.parse(text)
    except TemplateError as error:
        assert 0 <= error.at <= len(text) and error.length > 0
        return
    assert template.columns
    found = template.render({**dict.fromkeys(template.columns, "x"), **row})
    assert found is None or found.strip()


def test_every_filter_is_explained() -> None:
    assert all(FILTERS.values())
