"""What a community has besides members: kinds of topics, categories, idea statuses, tags and the numbers it gives out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """One kind of topic: the word in data, the word in paths, and what its own shape calls the day it began."""

    word: str
    path: str
    verb: str
    dated: str
    written: bool = False
    """An editor writes it as a draft and publishes it."""
    needs_category: bool = True


CONTENT_TYPES = (
    ContentType(word="question", path="questions", verb="ask", dated="askedAt"),
    ContentType(word="conversation", path="conversations", verb="start", dated="startedAt"),
    ContentType(word="article", path="articles", verb="create", dated="createdAt", written=True),
    ContentType(word="idea", path="ideas", verb="submit", dated="submittedAt", needs_category=False),
    ContentType(
        word="productUpdate",
        path="productUpdates",
        verb="create",
        dated="createdAt",
        written=True,
        needs_category=False,
    ),
)
BY_WORD = {kind.word: kind for kind in CONTENT_TYPES}
BY_PATH = {kind.path: kind for kind in CONTENT_TYPES}

COMMUNITY, KNOWLEDGE_BASE, GROUPS = "community", "knowledge-base", "groups"
MODULES = (COMMUNITY, KNOWLEDGE_BASE, GROUPS)
FIRST_TOPIC = 10_001
"""Public numbers begin there; private ids count from 1 for each kind, so that nobody takes one for the other unpunished."""
REPLY_OFFSET = 4_000
"""The private id of a reply is its public number and this, for the same reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    id: int
    name: str
    module: str
    order: int
    description: str
    types: tuple[str, ...]
    parent: int | None = None
    section: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeaStatus:
    id: int
    name: str
    type: str
    background: str
    text: str
    order: int
    default: bool = False
    visible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A tag, a moderator tag or a product area."""

    id: int
    name: str


TALK = ("question", "conversation", "idea")
CATEGORIES = (
    Category(
        id=1, name="Product", module=COMMUNITY, order=0, description="All about the product.", types=(), section=True
    ),
    Category(id=2, name="Getting started", module=COMMUNITY, order=0, description="First steps.", types=TALK, parent=1),
    Category(
        id=3, name="Integrations", module=COMMUNITY, order=1, description="APIs & connectors.", types=TALK, parent=1
    ),
    Category(id=4, name="Reporting", module=COMMUNITY, order=2, description="", types=TALK, parent=1),
    Category(
        id=5, name="Community", module=COMMUNITY, order=1, description="People and places.", types=(), section=True
    ),
    Category(id=6, name="Introductions", module=COMMUNITY, order=0, description="", types=("conversation",), parent=5),
    Category(id=7, name="Ideas", module=COMMUNITY, order=1, description="What we miss.", types=("idea",), parent=5),
    Category(
        id=8, name="Knowledge Base", module=KNOWLEDGE_BASE, order=0, description="", types=("article",), section=True
    ),
    Category(
        id=9, name="How-to", module=KNOWLEDGE_BASE, order=0, description="Step by step.", types=("article",), parent=8
    ),
    Category(id=10, name="Release notes", module=KNOWLEDGE_BASE, order=1, description="", types=("article",), parent=8),
    Category(id=11, name="Administrators", module=GROUPS, order=0, description="A closed circle.", types=TALK),
)
IDEA_STATUSES = (
    IdeaStatus(id=1, name="New", type="open", background="ffffff", text="000000", order=0, default=True),
    IdeaStatus(id=2, name="Discussion ongoing", type="open", background="feca57", text="000000", order=1),
    IdeaStatus(id=3, name="Implemented", type="delivered", background="10ac84", text="ffffff", order=2),
    IdeaStatus(id=4, name="Not Implemented", type="closed", background="8395a7", text="ffffff", order=3),
)
TAGS = ("how-to", "api", "dashboards", "single sign-on", "import", "best practice", "métriques", "quick win")
MODERATOR_TAGS = ("escalate", "follow up", "showcase")
AREAS = ("Analytics", "Automation", "Connect", "Mobile")


def _labels(names: tuple[str, ...]) -> dict[int, Label]:
    return {number: Label(id=number, name=name) for number, name in enumerate(names, start=1)}


@dataclass(slots=True, kw_only=True)
class Content:
    """What can be looked up without the store. Topics and replies themselves are rows of it."""

    categories: dict[int, Category] = field(default_factory=lambda: {item.id: item for item in CATEGORIES})
    statuses: dict[int, IdeaStatus] = field(default_factory=lambda: {item.id: item for item in IDEA_STATUSES})
    tags: dict[int, Label] = field(default_factory=lambda: _labels(TAGS))
    moderator_tags: dict[int, Label] = field(default_factory=lambda: _labels(MODERATOR_TAGS))
    areas: dict[int, Label] = field(default_factory=lambda: _labels(AREAS))
    last_topic: int = FIRST_TOPIC - 1
    last_reply: int = 0
    last_ids: dict[str, int] = field(default_factory=dict)

    def next_topic(self, word: str) -> tuple[int, int]:
        """The public number of a new topic, and the private id among those of its kind."""
        self.last_topic += 1
        self.last_ids[word] = self.last_ids.get(word, 0) + 1
        return self.last_topic, self.last_ids[word]

    def next_reply(self) -> int:
        self.last_reply += 1
        return self.last_reply

    def default_status(self) -> int | None:
        return next((status.id for status in self.statuses.values() if status.default), None)
