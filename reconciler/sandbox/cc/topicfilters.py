"""Which topics a list asks for: query parameters to conditions, order and page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from reconciler.sandbox.cc import errors, posts
from reconciler.sandbox.cc.content import BY_WORD, Content
from reconciler.sandbox.cc.members import parse_id
from reconciler.sandbox.cc.users import DAY_SECONDS, positive
from reconciler.sandbox.http import Request
from reconciler.sandbox.router import Call

SORTS = {
    "lastActivityAt": "activity",
    "createdAt": "created",
    "likes": "likes",
    "voteCount": "votes",
    "replyCount": "replies",
}
DATES = {"createdAt": "created", "lastActivityAt": "activity"}
Clause = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def page_of(call: Call) -> Page:
    most = call.world.switches.max_page_size
    page = Page(number=positive(call.request, "page", 1), size=positive(call.request, "pageSize", 25))
    if page.size > most:
        raise errors.unprocessable(f"pageSize may be at most {most}")
    return page


def search(call: Call, clauses: Iterable[Clause], order: str = "activity") -> list[posts.Topic]:
    """A page of topics, the newest first. Beyond the first 10,000 matches the service refuses to look."""
    page, most = page_of(call), call.world.switches.topic_limit
    if page.offset + page.size > most:
        raise errors.unprocessable(f"Only the first {most:,} topics matching the filter can be queried")
    asked = list(clauses)
    where = " AND ".join(["community = ?", *(sql for sql, _ in asked)])
    params = [call.community, *(value for _, values in asked for value in values)]
    sql = f"SELECT * FROM topic WHERE {where} ORDER BY {order} DESC, number DESC LIMIT ? OFFSET ?"
    return call.world.store.rows(sql, [*params, page.size, page.offset])


def visible(call: Call) -> Clause:
    """Lists leave out what was trashed, unless the switch says otherwise, and always what is a draft."""
    return (f"status = '{posts.PUBLISHED}'", []) if call.world.switches.list_trashed else (posts.VISIBLE, [])


def order_of(request: Request) -> str:
    asked = request.first("sort") or "lastActivityAt"
    if asked not in SORTS:
        raise errors.unprocessable(f"sort must be one of {', '.join(SORTS)}")
    return SORTS[asked]


def conditions(call: Call, content: Content, category: int | None = None, word: str = "") -> list[Clause]:
    """What the parameters of `GET /topics` ask for, within a category or a kind that the path names."""
    request = call.request
    found = [visible(call), *_words(request, word), *_places(request, content, category)]
    numbers = [parse_id(text) or 0 for text in listed(request, "publicIds")]
    if numbers:
        found.append(any_of("number", numbers))
    text = request.first("q").strip()
    if text:
        found.append(("(instr(lower(title), lower(?)) OR instr(lower(content), lower(?)))", [text, text]))
    for name, column in (("tags", "tags"), ("moderatorTags", "moderator_tags")):
        asked = commas(request, name)
        if asked:
            found.append(any_in(column, asked))
    labels = commas(request, "moderationLabels")
    if labels:
        found.append(any_of("label", labels))
    return found + [clause for name, column in DATES.items() for clause in _dated(call, name, column)]


def any_of(column: str, values: list[Any]) -> Clause:
    """One value is told as an equality, for which an index keeps the order."""
    if len(values) == 1:
        return f"{column} = ?", values
    return f"{column} IN ({','.join('?' * len(values))})", values


def any_in(column: str, values: list[str]) -> Clause:
    """Topics whose JSON list in a column holds any of the values."""
    marks = ",".join("?" * len(values))
    return f"EXISTS (SELECT 1 FROM json_each(topic.{column}) WHERE value IN ({marks}))", list(values)


def listed(request: Request, name: str) -> list[str]:
    """`name[]=1&name[]=2`, also with numbers between the brackets."""
    found: list[str] = []
    for key, values in request.query.items():
        if key == f"{name}[]" or (key.startswith(f"{name}[") and key[len(name) + 1 : -1].isdigit()):
            found += values
    return found


def commas(request: Request, name: str) -> list[str]:
    return [part.strip() for part in request.first(name).split(",") if part.strip()]


def _words(request: Request, word: str) -> list[Clause]:
    if word:
        return [("type = ?", [word])]
    asked = listed(request, "contentTypes") + [text for text in request.query.get("contentType", []) if text]
    unknown = [text for text in asked if text not in BY_WORD]
    if unknown:
        raise errors.unprocessable(f"contentTypes must be among {', '.join(BY_WORD)}")
    return [any_of("type", sorted(set(asked)))] if asked else []


def _places(request: Request, content: Content, category: int | None) -> list[Clause]:
    """The old and the new parameter for categories add up; a category or a product area is enough."""
    if category is not None:
        return [("category = ?", [category])]
    asked = listed(request, "categoryIds") + [text for text in request.query.get("categoryId", []) if text]
    names = [content.areas[number].name for text in listed(request, "productAreaIds")
             if (number := parse_id(text) or 0) in content.areas]  # fmt: skip
    clauses = []
    if asked:
        clauses.append(any_of("category", sorted({parse_id(text) or 0 for text in asked})))
    if names or listed(request, "productAreaIds"):
        clauses.append(any_in("areas", names or [""]))
    if len(clauses) < 2:
        return clauses
    (one, some), (other, more) = clauses
    return [(f"({one} OR {other})", [*some, *more])]


def _dated(call: Call, name: str, column: str) -> list[Clause]:
    """Whole days of the community's own zone, both ends inclusive."""
    found = []
    for end in ("from", "to"):
        text = call.request.first(f"{name}[{end}]")
        if text:
            start = _midnight(text, f"{name}[{end}]") - call.world.switches.utc_offset * 60
            found.append((f"{column} >= ?", [start]) if end == "from" else (f"{column} < ?", [start + DAY_SECONDS]))
    return found


def _midnight(text: str, name: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise errors.unprocessable(f"{name} must be yyyy-mm-dd") from error
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
