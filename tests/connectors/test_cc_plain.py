"""HTML of members as plain text: nothing that a browser would hide, nothing lost that it would show, and always in time."""

from __future__ import annotations

import re
import time
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.gainsight_cc import plain
from reconciler.connectors.gainsight_cc.plain import MOST_MARKUP, plain_text, plain_title
from reconciler.model.community import TEXT_LENGTH


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("just words", "just words"),
        ("<p>One &amp; two</p><p>three</p>", "One & two\nthree"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("<script>alert('x')</script>shown", "shown"),
        ("<SCRIPT SRC=//evil></SCRIPT>shown<style>p{}</style>", "shown"),
        ("<svg><script>alert(1)</script><svg>x</svg></svg>after", "after"),
        ("<img src=x onerror=alert(1)>shown", "shown"),
        ('<a href="javascript:alert(1)">link</a>', "link"),
        ("before<!-- <b>hidden</b> -->after", "beforeafter"),
        ("before<!-- never ends", "before"),
        ("&lt;b&gt; stays a text", "<b> stays a text"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<![CDATA[x]]>y", "y"),
        ("<![nonsense y", "<![nonsense y"),
        ("a\x00b\x1bc\r\nd", "abc\nd"),
        ("spaces   and\t\ttabs \n\n\n end", "spaces and tabs\nend"),
        ("👩‍💻 <b>émoji</b> &#128512; &nbsp;x", "👩‍💻 émoji 😀 x"),
        ("<p>never closed <b>bold", "never closed bold"),
        ("<script>never closed", ""),
    ],
)
def test_what_a_reader_would_see(html: str, text: str) -> None:
    assert plain_text(html) == (text, False)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("How do I use List<String>?", "How do I use List<String>?"),
        ("a <b>bold</b> title", "a bold title"),
        ("two\nlines &amp; one", "two lines & one"),
        ("<script>alert(1)</script>Hi <img src=x>", "Hi"),
    ],
)
def test_a_title_keeps_what_only_looks_like_a_tag(title: str, text: str) -> None:
    assert plain_title(title) == text


def test_long_texts_are_cut() -> None:
    assert plain_text("x" * TEXT_LENGTH) == ("x" * TEXT_LENGTH, False)
    assert plain_text("x" * (TEXT_LENGTH + 1)) == ("x" * TEXT_LENGTH, True)
    assert plain_text("<b></b>" * MOST_MARKUP + "lost") == ("", True)


PIECES = st.sampled_from(
    ["<p>", "</p>", "<br/>", "<b>", "</b>", '<a href="/x">', "</a>", "<script>", "</script>", "<svg>", "</svg>", "&amp;", "&lt",
     "<!--", "-->", "<", ">", "&", "text", " ", "\n", "<X>", "<List>", "</", "<![", "'", '"', "=", "é", "\x00", "<p class='x'>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_short_way_says_what_the_parser_says(html: str) -> None:
    quick = plain._quick(html, every_tag=True)
    if quick is not None:
        parser = plain._Parser(every_tag=True)
        parser.feed(html)
        parser.close()
        assert "".join(quick) == "".join(parser.parts)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_anything_at_all_becomes_a_text(html: str) -> None:
    text, _ = plain_text(html)
    assert text == text.strip()
    assert not re.search(r"[\x00\x1b]", text)


@given(st.text())
def test_an_escaped_text_comes_back(text: str) -> None:
    words = " ".join(plain.clean(text).split())
    assert " ".join(plain_text(f"<p>{escape(words)}</p>")[0].split()) == words


@pytest.mark.parametrize(
    "bad",
    [
        "<!--",
        "<![",
        "<a ",
        "<a a=",
        "</",
        "&#",
        "<",
        "<!",
        "<a b='",
        "<script>",
        "<a/",
        "<svg>",
        '<a "',
        "<textarea>",
        "<a b=c d>",
    ],
)
def test_no_text_takes_long(bad: str) -> None:
    html = bad * (MOST_MARKUP // len(bad))
    start = time.process_time()
    plain_text(html)
    plain_title(html)
    assert time.process_time() - start < 5
