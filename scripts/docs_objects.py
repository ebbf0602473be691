"""Section of the reference that lists what a community import writes: objects, fields, types, and where each comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from docs_words import code, table

from reconciler.model.community import CORE, FieldDefinition, FieldType, ObjectDefinition, raw_objects
from reconciler.planning.objects import choose

TENANT = "{tenant}"

ONE = "one call for each user"

MEMBER = {
    "id": "`userid`",
    "username": "`username`",
    "email": "`email`",
    "user_title": "`usertitle`",
    "avatar": "`avatar`",
    "rank_id": "`rank_id`",
    "rank_name": "`rank_display_name`, or `rank_name`",
    "sso_customer_id": "`insided_sso_customeruid`",
    "roles": f"`_related.roles`, {ONE}",
    "badges": f"`_related.badges`, {ONE}",
    "badge_count": f"`_related.badgesCount`, {ONE}",
    "joined_at": "`joindate`",
    "last_activity_at": "`lastactivity`",
    "last_visit_at": "`lastvisit`",
    "match_outcome": "[resolution](../explanation/resolution.md): `matched`, `ambiguous` or `unmatched`",
    "match_rule": "the rule that found somebody, such as `email` or `name+company`",
    "match_confidence": "of matched members: 1, or less",
    "deleted": "no longer in the list, and not found by its id either",
}
OF_AUTHOR = {
    "author_id": "`author.id`",
    "author_name": "`author.username`",
}
POST = {
    "content": "`content` as plain text, at most 65,000 characters",
    "cut": "whether the text was longer",
    "deleted": "no longer among the replies to its topic, or that is gone",
    **OF_AUTHOR,
}
TOPIC = {
    **POST,
    "id": "`publicId`",
    "internal_id": "`id`",
    "title": "`title`, in one line",
    "subtype": "`contentType`",
    "category_id": "`categoryId`",
    "category_name": "`categoryName`, or that of the category",
    "idea_status": "`ideaStatus`",
    "answer_id": "`answer`, or `bestAnswer` where it is an id",
    "url": "`seoCommunityUrl`, `permalink` or `url`",
    "tags": "`tags`",
    "moderator_tags": "`moderatorTags`",
    "product_areas": "`productAreas`",
    "reply_count": "`replyCount`",
    "likes": "`likes`, or how many are in `likedBy`",
    "votes": "`votes`",
    "views": "`views`",
    "created_at": "`createdAt`, `askedAt`, `startedAt` or `submittedAt`",
    "published_at": "`publishedAt`",
    "last_activity_at": "`lastActivityAt`",
    "deleted": "no longer in the whole list",
}
REPLY = {
    **POST,
    "id": "`publicReplyId`",
    "internal_id": "`id`",
    "topic_id": "`publicId` of the topic",
    "url": "`permalink`",
    "likes": "`likes`, or how many are in `likedBy`",
    "created_at": "`repliedAt`",
}
CATEGORY = {
    "id": "`id`",
    "name": "`name`, or `title` of the tree",
    "parent_id": "`parentId` of the tree",
    "module": "the module of the tree: Community, Knowledge Base or Groups",
    "description": "`description` of the tree",
    "content_types": "`supportedContentTypes` of the tree",
    "order": "`displayOrder` of the tree, or `order`",
    "topic_count": "the answer of `getVisibleTopicsCount`",
    "deleted": "no longer in the list",
}
IDEA_STATUS = {
    "background_color": "`backgroundColor`",
    "text_color": "`textColor`",
    "order": "`displayOrder`",
    "deleted": "no longer in the list",
}
CONTENT = {
    **TOPIC,
    "identifier": "connection, `topic` or `reply`, and public id: `acme-community/topic/10001`",
    "tenant": "the name of the tenant",
    "id": "`publicId` or `publicReplyId`",
    "type": "`Topic` or `Topic Reply`",
    "module": "the module of the category",
    "topic_identifier": "of replies: the identifier of their topic",
    "url": "as in Topic and TopicReply",
    "created_at": "as in Topic, or `repliedAt`",
    "deleted": "as in Topic and TopicReply",
}
ACTIVITY = {
    "identifier": "identifier of the topic, `View`, and day",
    "tenant": "the name of the tenant",
    "type": "`View`",
    "content_identifier": "`Content Data Identifier` of the topic",
    "subtype": "`contentType`",
    "category_name": "`categoryName`, or that of the category",
    "date": "the day in the middle between two countings, UTC",
    "count": "by how much `views` of the topic grew since it was last counted",
}
CREATED = "topics by their creation, of this type"
TREND = {
    "identifier": "connection and day: `acme-community/2026-11-22`",
    "tenant": "the name of the tenant",
    "date": "a day, UTC",
    "members": "how many there were at the last import of the day",
    "members_joined": "members by `joindate`",
    "members_active": "members whose `lastactivity` was that day, as far as an import saw it",
    "topics_created": "topics by their creation",
    **dict.fromkeys(("questions", "discussions", "ideas", "articles", "product_updates"), CREATED),
    "replies_created": "replies by `repliedAt`",
    "views": "the sum of Community Activity",
}
SAME = frozenset(
    {"posts", "topics", "solved", "likes", "likes_given", "reputation", "followers", "following", "is_moderator"}
    | {"sticky", "closed", "trashed", "highlighted", "reported", "id", "name", "type", "default", "visible"}
)
"""Values that the API calls as we do."""

DELETED_AT = "when that was found"
SOURCES: Mapping[str, Mapping[str, str]] = {
    "User": MEMBER,
    "Topic": TOPIC,
    "TopicReply": REPLY,
    "Category": CATEGORY,
    "IdeaStatus": IDEA_STATUS,
    "Content": CONTENT,
    "Activity": ACTIVITY,
    "Trend": TREND,
}


def community_fields() -> str:
    return table(("object", "field", "type", "where it comes from"), rows())


def rows() -> Iterator[tuple[str, str, str, str]]:
    for definition in (*raw_objects(TENANT), *CORE):
        for field in definition.fields:
            key = " (key)" if field.name == definition.key else ""
            yield definition.name, f"{field.name}{key}", _type(field), _source(definition, field)
        if definition.kind == "User":
            yield definition.name, "each declared profile field", "String", f"the profile field, {ONE}"


def _type(field: FieldDefinition) -> str:
    length = f" ({field.length:,})" if field.length else ""
    return f"{'String, with semicolons' if field.type is FieldType.LIST else choose(field)}{length}"


def _source(definition: ObjectDefinition, field: FieldDefinition) -> str:
    """Raises KeyError for a field that nobody has described."""
    if field.type is FieldType.LOOKUP:
        return (
            "who the member is, by [resolution](../explanation/resolution.md)"
            if definition.kind == "User"
            else ("who the author is")
        )
    if field.source == "deleted_at":
        return DELETED_AT
    known = SOURCES[definition.kind]
    return code(field.source) if field.source in SAME and field.source not in known else known[field.source]


SECTIONS: Mapping[str, Callable[[], str]] = {"community-fields": community_fields}
