"""Plain text of what members write in HTML. What a reader would not see is dropped: tags, comments, scripts, styles."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from reconciler.model.community import TEXT_LENGTH

MOST_MARKUP = 4 * TEXT_LENGTH
"""Characters of HTML that are looked at. A body with more markup than that is cut, however short its text is."""

_HIDDEN = frozenset({"script", "style", "template", "noscript", "iframe", "object", "svg", "head", "title"})
_BLOCK_NAMES = (
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li main nav ol p "
    "pre section table tbody td tfoot th thead tr ul"
)
_INLINE_NAMES = (
    "a abbr audio b bdi bdo big button center cite code data del dfn em embed font form i img input ins kbd label link mark "
    "meta o-embed oembed param picture q s samp small source span strike strong sub sup time tt u var video wbr"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_MARKUP = _HIDDEN | _BLOCKS | frozenset(_INLINE_NAMES.split())

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000)])
_PLAIN_TAG = re.compile(r"""</?([a-z][a-z0-9]*)(?: [a-z-]+="[^"<>]*")* ?/?>""")
_NOT_PLAIN = _HIDDEN | {"textarea", "plaintext", "xmp"}
_NO_TAG = re.compile(r"<(?=[^<>]*(?:<|\Z))")
_LONG_TAG = re.compile(r"<[^<>]{4000,}>")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_LINES = re.compile(r" ?\n[ \n]*")


def clean(text: str) -> str:
    """A text as every database and target can hold it: without control characters, but for ends of lines and tabs."""
    return text if text.isprintable() else text.translate(_CONTROLS).replace("\r\n", "\n").replace("\r", "\n")


def plain_text(html: str) -> tuple[str, bool]:
    """(the text, whether it was cut at `TEXT_LENGTH`). Paragraphs and the like begin a new line."""
    cut = len(html) > MOST_MARKUP
    kept = html[:MOST_MARKUP]
    if cut and kept.rfind("<") > kept.rfind(">"):
        kept = kept[: kept.rfind("<")]
    text = _text(kept, every_tag=True)
    return text[:TEXT_LENGTH], cut or len(text) > TEXT_LENGTH


def plain_title(title: str) -> str:
    """A title in one line. What only looks like a tag, as in `List<String>`, is part of what somebody wrote, and stays."""
    return " ".join(_text(title[:MOST_MARKUP], every_tag=False).split())


def _text(html: str, *, every_tag: bool) -> str:
    text = clean(html if "<" not in html and "&" not in html else "".join(_parts(html, every_tag=every_tag)))
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def _parts(html: str, *, every_tag: bool) -> list[str]:
    parts = _quick(html, every_tag=every_tag)
    if parts is None:
        parser = _Parser(every_tag=every_tag)
        parser.feed(_well_behaved(html))
        parser.close()
        parts = parser.parts
    return parts


def _quick(html: str, *, every_tag: bool) -> list[str] | None:
    """What the parser makes of tags that leave no doubt, in a quarter of the time; None when there is anything else."""
    pieces = _PLAIN_TAG.split(html)
    texts, names = pieces[::2], pieces[1::2]
    if any("<" in text for text in texts) or any(
        name in _NOT_PLAIN or not (every_tag or name in _MARKUP) for name in names
    ):
        return None
    if "&" in html:
        texts = [unescape(text) for text in texts]
    breaks = ["\n" if name in _BLOCKS else "" for name in names]
    return [part for pair in zip(texts, [*breaks, ""], strict=True) for part in pair]


def _well_behaved(html: str) -> str:
    """What the parser takes in a time that grows with its length. It goes through the whole rest for every tag that does not
    end, and back and forth in one that does not want to."""
    return _NO_TAG.sub("&lt;", _LONG_TAG.sub("", _without_comments(html)))


def _without_comments(html: str) -> str:
    """Comments taken out in one walk: the parser looks for the end of each one that has none from where it began."""
    if "<!--" not in html:
        return html
    kept, place = [], 0
    while (start := html.find("<!--", place)) >= 0:
        kept.append(html[place:start])
        end = html.find("-->", start + 4)
        if end < 0:
            return "".join(kept)
        place = end + 3
    return "".join([*kept, html[place:]])


class _Parser(HTMLParser):
    def __init__(self, *, every_tag: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._every_tag = every_tag
        self._hidden: str | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden is not None:
            self._depth += tag == self._hidden
        elif tag in _HIDDEN:
            self._hidden, self._depth = tag, 1
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif not self._every_tag and tag not in _MARKUP:
            self.parts.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden is None:
            if tag in _BLOCKS:
                self.parts.append("\n")
        elif tag == self._hidden:
            self._depth -= 1
            if not self._depth:
                self._hidden = None

    def handle_data(self, data: str) -> None:
        if self._hidden is None:
            self.parts.append(data)

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![…`, which the standard parser raises on when it does not know the word that follows."""
        end = self.rawdata.find(">", i + 3)
        return end + 1 if end >= 0 else -1
