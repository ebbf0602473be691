"""What a community import brings: the kinds of things a community has, and the objects that hold them at a target.

Raw objects exist once for each community, core objects once for all of them. The names of objects and fields are those of
Gainsight's object glossary where it has one, so that reports made for one work with the other. A field says which value of
the read record it takes (`source`); what the API of a community does not give is not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.json import Json
from reconciler.model.resources import ProfileField, ProfileFieldType


class Kind(StrEnum):
    """The kinds of things that a community has, by the word that names their raw object."""

    MEMBER = "User"
    TOPIC = "Topic"
    CATEGORY = "Category"
    IDEA_STATUS = "IdeaStatus"
    REPLY = "TopicReply"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityRecord:
    """One thing as a community gave it, with the names of `source` in the definitions below. Moments are ISO 8601 in UTC.

    `values` of a member has its profile fields under `profile`: a mapping by name. What the API did not say is left out.
    """

    kind: Kind
    id: str
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """What a community gave in place of a record, or of what belongs to one, and what cannot be made of it.

    `id` is not that of a record; the same thing has the same one again. `values` is what it says of itself all the same.
    """

    kind: Kind
    id: str
    label: str
    detail: str
    values: Mapping[str, Json]


Listed = CommunityRecord | Unusable


class FieldType(StrEnum):
    """What a field of a target holds."""

    STRING = "string"
    TEXT = "text"
    """Longer than what a string field takes."""
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    LIST = "list"
    """Several words, with a semicolon between them where a target has no type for lists."""
    LOOKUP = "lookup"
    """The id of a record of Gainsight CS; `refers_to` says of which object."""


STRING_LENGTH = 255
TEXT_LENGTH = 65_000
"""Characters. Longer bodies of posts are cut there, which a field of its own tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDefinition:
    """A field of a target object. `source` is the value of the record that it takes."""

    name: str
    type: FieldType
    source: str
    length: int | None = None
    refers_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDefinition:
    """An object of a target. `kind` is the word that tells the objects of a community apart; `key` names one of its fields."""

    kind: str
    name: str
    key: str
    fields: tuple[FieldDefinition, ...]
    raw: bool

    @property
    def key_field(self) -> FieldDefinition:
        return next(field for field in self.fields if field.name == self.key)


def _string(name: str, source: str, length: int = STRING_LENGTH) -> FieldDefinition:
    return FieldDefinition(name=name, type=FieldType.STRING, source=source, length=length)


def _text(name: str, source: str) -> FieldDefinition:
    return FieldDefinition(name=name, type=FieldType.TEXT, source=source, length=TEXT_LENGTH)


def _of(type: FieldType, **sources: str) -> tuple[FieldDefinition, ...]:
    """Fields of one type; the name of each is its source with words in capitals, or what stands beside it."""
    return tuple(FieldDefinition(name=name, type=type, source=source) for source, name in sources.items())


def _lookup(name: str, source: str) -> FieldDefinition:
    return FieldDefinition(name=name, type=FieldType.LOOKUP, source=source, refers_to=name)


LOOKUPS = (
    _lookup("Company", "company_id"),
    _lookup("Person", "person_id"),
    _lookup("Company Person", "company_person_id"),
)
"""Whom a member, or the author of a post, is in Gainsight CS."""

MARKS = (*_of(FieldType.BOOLEAN, deleted="Deleted"), *_of(FieldType.DATETIME, deleted_at="Deleted At"))
"""Nothing is taken away at a target: what the community no longer has is marked."""

MEMBER_FIELDS = (
    _string("Community User Id", "id"),
    _string("Username", "username"),
    _string("Email", "email"),
    _string("User Title", "user_title"),
    _string("Profile Picture", "avatar", 2_000),
    _string("Rank Id", "rank_id"),
    _string("Rank Name", "rank_name"),
    _string("SSO Customer User Id", "sso_customer_id"),
    *_of(FieldType.LIST, roles="Custom Roles Dropdown", badges="Badges Dropdown"),
    *_of(
        FieldType.INTEGER,
        badge_count="Badges",
        posts="Posts",
        topics="Topics",
        solved="Solved Topics",
        likes="Likes Received",
        likes_given="Likes Given",
        reputation="Reputation",
        followers="Followers",
        following="Following",
    ),
    *_of(FieldType.BOOLEAN, is_moderator="Is Moderator"),
    *_of(
        FieldType.DATETIME,
        joined_at="Registered At",
        last_activity_at="Last Activity At",
        last_visit_at="Last Visit At",
    ),
    *LOOKUPS,
    _string("Match Outcome", "match_outcome"),
    _string("Match Rule", "match_rule"),
    *_of(FieldType.NUMBER, match_confidence="Match Confidence"),
    *MARKS,
)

TOPIC_FIELDS = (
    _string("Content ID", "id"),
    _string("Internal Id", "internal_id"),
    _string("Title", "title", 1_000),
    _text("Content", "content"),
    _string("Content Subtype", "subtype"),
    _string("Category Id", "category_id"),
    _string("Category Name", "category_name"),
    _string("Author Id", "author_id"),
    _string("Author Name", "author_name"),
    _string("Idea Status", "idea_status"),
    _string("Best Answer Id", "answer_id"),
    _string("URL", "url", 2_000),
    *_of(FieldType.LIST, tags="Tags", moderator_tags="Moderator Tags", product_areas="Product Areas"),
    *_of(FieldType.INTEGER, reply_count="Reply Count", likes="Likes", votes="Votes", views="Views"),
    *_of(FieldType.BOOLEAN, sticky="Sticky", closed="Closed", trashed="Trashed", cut="Content Cut"),
    *_of(
        FieldType.DATETIME,
        created_at="Created At",
        published_at="Published At",
        last_activity_at="Last Activity At",
    ),
    *LOOKUPS,
    *MARKS,
)

REPLY_FIELDS = (
    _string("Content ID", "id"),
    _string("Internal Id", "internal_id"),
    _string("Topic Content ID", "topic_id"),
    _text("Content", "content"),
    _string("Author Id", "author_id"),
    _string("Author Name", "author_name"),
    _string("URL", "url", 2_000),
    *_of(FieldType.INTEGER, likes="Likes"),
    *_of(FieldType.BOOLEAN, highlighted="Highlighted", trashed="Trashed", reported="Reported", cut="Content Cut"),
    *_of(FieldType.DATETIME, created_at="Created At"),
    *LOOKUPS,
    *MARKS,
)

CATEGORY_FIELDS = (
    _string("Category Id", "id"),
    _string("Name", "name"),
    _string("Parent Category Id", "parent_id"),
    _string("Module", "module"),
    _text("Description", "description"),
    *_of(FieldType.LIST, content_types="Content Subtypes"),
    *_of(FieldType.INTEGER, order="Display Order", topic_count="Visible Topics"),
    *MARKS,
)

IDEA_STATUS_FIELDS = (
    _string("Idea Status Id", "id"),
    _string("Name", "name"),
    _string("Type", "type"),
    _string("Background Color", "background_color"),
    _string("Text Color", "text_color"),
    *_of(FieldType.BOOLEAN, default="Default", visible="Visible"),
    *_of(FieldType.INTEGER, order="Display Order"),
    *MARKS,
)

CONTENT = ObjectDefinition(
    kind="Content",
    name="Community Content",
    key="Content Data Identifier",
    raw=False,
    fields=(
        _string("Content Data Identifier", "identifier"),
        _string("Community", "tenant"),
        _string("Content ID", "id"),
        _string("Content Type", "type"),
        _string("Content Subtype", "subtype"),
        _string("Title", "title", 1_000),
        _string("Category Name", "category_name"),
        _string("Module", "module"),
        _string("Author Id", "author_id"),
        _string("Author Name", "author_name"),
        _string("Topic Identifier", "topic_identifier"),
        _string("URL", "url", 2_000),
        *_of(FieldType.INTEGER, reply_count="Reply Count", likes="Likes", votes="Votes", views="Views"),
        *_of(FieldType.BOOLEAN, closed="Closed"),
        *_of(
            FieldType.DATETIME,
            created_at="Content Created At",
            last_activity_at="Last Activity At",
        ),
        *LOOKUPS,
        *MARKS,
    ),
)
"""Topics and replies of all communities."""

ACTIVITY = ObjectDefinition(
    kind="Activity",
    name="Community Activity",
    key="Activity Identifier",
    raw=False,
    fields=(
        _string("Activity Identifier", "identifier"),
        _string("Community", "tenant"),
        _string("Activity Type", "type"),
        _string("Content Data Identifier", "content_identifier"),
        _string("Content Subtype", "subtype"),
        _string("Category Name", "category_name"),
        *_of(FieldType.DATE, date="Activity Date"),
        *_of(FieldType.INTEGER, count="Activity Count"),
    ),
)
"""Views of topics: how much the total of each grew in a day. The API tells nobody who viewed."""

TREND = ObjectDefinition(
    kind="Trend",
    name="Community Trend",
    key="Trend Identifier",
    raw=False,
    fields=(
        _string("Trend Identifier", "identifier"),
        _string("Community", "tenant"),
        *_of(FieldType.DATE, date="Trend Date"),
        *_of(
            FieldType.INTEGER,
            members="Members",
            members_joined="Members Joined",
            members_active="Members Active",
            topics_created="Topics Created",
            questions="Questions Asked",
            discussions="Discussions Started",
            ideas="Ideas Submitted",
            articles="Articles Published",
            product_updates="Product Updates Published",
            replies_created="Replies Created",
            views="Views",
        ),
    ),
)
"""What happened in a community on one day, UTC."""

CORE = (CONTENT, ACTIVITY, TREND)
CLASH = "Custom"
"""What a profile field is called in addition when its name is that of another field of the object, as Gainsight does."""

_RAW_FIELDS = {
    Kind.MEMBER: MEMBER_FIELDS,
    Kind.TOPIC: TOPIC_FIELDS,
    Kind.CATEGORY: CATEGORY_FIELDS,
    Kind.IDEA_STATUS: IDEA_STATUS_FIELDS,
    Kind.REPLY: REPLY_FIELDS,
}

_PROFILE_TYPES = {
    ProfileFieldType.TEXT: FieldType.STRING,
    ProfileFieldType.DROPDOWN: FieldType.STRING,
    # What members type is not checked by the community on every way in, so it is taken as text.
    ProfileFieldType.NUMBER: FieldType.STRING,
    ProfileFieldType.DATE: FieldType.STRING,
    ProfileFieldType.BOOLEAN: FieldType.STRING,
    ProfileFieldType.MULTISELECT: FieldType.STRING,
}

PROFILE = "profile:"
"""Begins the `source` of a profile field; its name in the community follows."""


def profile_columns(declared: Iterable[ProfileField]) -> tuple[FieldDefinition, ...]:
    """Profile fields as fields of the raw User object. One that has the name of another field gets a suffix."""
    taken = {field.name.casefold() for field in MEMBER_FIELDS}
    columns = []
    for field in declared:
        name = field.name
        while name.casefold() in taken:
            name = f"{name} {CLASH}"
        taken.add(name.casefold())
        columns.append(
            FieldDefinition(
                name=name, type=_PROFILE_TYPES[field.type], source=PROFILE + field.name, length=STRING_LENGTH
            )
        )
    return tuple(columns)


def raw_name(kind: Kind, tenant: str) -> str:
    """The name of a raw object: `Community albatross-us User`."""
    return f"Community {tenant} {kind.value}"


def raw_objects(tenant: str, declared: Iterable[ProfileField] = ()) -> tuple[ObjectDefinition, ...]:
    """The raw objects of one community."""
    extra = {Kind.MEMBER: profile_columns(declared)}
    return tuple(
        ObjectDefinition(
            kind=kind.value,
            name=raw_name(kind, tenant),
            key=fields[0].name,
            fields=fields + extra.get(kind, ()),
            raw=True,
        )
        for kind, fields in _RAW_FIELDS.items()
    )


def objects(tenant: str, declared: Iterable[ProfileField] = ()) -> tuple[ObjectDefinition, ...]:
    """Everything that an import of one community writes: its raw objects, then the core objects that all share."""
    return (*raw_objects(tenant, declared), *CORE)


def content_identifier(connection: str, kind: Kind, id: str) -> str:
    """What tells a post apart from those of all communities. It names the connection: a tenant may be renamed."""
    return f"{connection}/{'reply' if kind is Kind.REPLY else 'topic'}/{id}"
