"""How content is ordered: categories and their tree, idea statuses, tags and product areas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reconciler.sandbox.cc import errors, members, posts, topicshapes
from reconciler.sandbox.cc.content import GROUPS, MODULES, Category, Content, IdeaStatus, Label
from reconciler.sandbox.cc.reading import body_of, moderator
from reconciler.sandbox.cc.topicfilters import listed, page_of
from reconciler.sandbox.cc.users import community_of
from reconciler.sandbox.http import Response, empty_response, json_response
from reconciler.sandbox.router import Call, Router

STATUS_TYPES = ("closed", "delivered", "open")


def add_routes(router: Router) -> None:
    router.add("GET", "/v2/categories", list_categories)
    router.add("GET", "/v2/categories/getVisibleTopicsCount", visible_topics)
    router.add("GET", "/v2/categories/{id}", get_category)
    router.add("GET", "/v2/category/getTree", tree)
    router.add("GET", "/v2/ideas/ideaStatuses", list_statuses)
    router.add("POST", "/v2/ideas/createIdeaStatus", create_status)
    router.add("POST", "/v2/ideas/{id}/editIdeaStatus", edit_status)
    router.add("GET", "/v2/tags", list_tags)
    router.add("GET", "/v2/moderatorTags", list_moderator_tags)
    router.add("GET", "/v2/productAreas", list_areas)
    router.add("POST", "/v2/tags/create", create_tag)


def list_categories(call: Call) -> Response:
    """What topics can be in; sections are told by the tree alone."""
    without_groups = call.request.first("excludeGroups").lower() in ("1", "true")
    found = [item for item in _content(call).categories.values() if not item.section]
    found = [item for item in found if not (without_groups and item.module == GROUPS)]
    return _page(call, [_category(item) for item in sorted(found, key=lambda item: (item.order, item.id))])


def get_category(call: Call) -> Response:
    """Bare, and without a 404: none is documented."""
    found = _content(call).categories.get(members.parse_id(call.params[0]) or 0)
    if found is None:
        raise errors.unprocessable("Category does not exist")
    return json_response(_category(found))


def visible_topics(call: Call) -> Response:
    sql = f"SELECT category, count(*) FROM topic WHERE community = ? AND {posts.VISIBLE} GROUP BY category"
    counts = dict(call.world.store.tuples(sql, (call.community,)))
    found = {str(number): str(counts.get(number, 0)) for number in _content(call).categories}
    return json_response({"result": found})


def tree(call: Call) -> Response:
    """By module. The schema wants `authorId`, a public client gets on without it."""
    modules = listed(call.request, "module")
    if not modules or any(module not in MODULES for module in modules):
        raise errors.unprocessable(f"module must be among {', '.join(MODULES)}")
    held = _content(call).categories
    tops = {members.parse_id(text) for text in listed(call.request, "topLevelSectionIds")}
    roots = [item for item in held.values() if item.parent is None and (not tops or item.id in tops)]
    found = {module: [_node(item, held.values()) for item in roots if item.module == module] for module in modules}
    return json_response({"result": found})


def _node(item: Category, others: Iterable[Category]) -> dict[str, Any]:
    children = sorted((other for other in others if other.parent == item.id), key=lambda other: other.order)
    return {
        "id": item.id,
        "type": item.module,
        "displayOrder": item.order,
        "title": item.name,
        "description": item.description,
        "parentId": item.parent,
        "isSection": item.section,
        "heroImage": None,
        "thumbnailImage": None,
        "supportedContentTypes": list(item.types),
        "children": [_node(child, others) for child in children],
    }


def list_statuses(call: Call) -> Response:
    newest_first = sorted(_content(call).statuses.values(), key=lambda status: -status.id)
    return _page(call, [topicshapes.idea_status(status) for status in newest_first])


def create_status(call: Call) -> Response:
    moderator(call, "authorId")
    body, content = body_of(call), _content(call)
    number = max(content.statuses, default=0) + 1
    start = IdeaStatus(id=number, name="", type="open", background="ffffff", text="000000", order=len(content.statuses))
    _keep(content, _described(start, body))
    return empty_response(201)


def edit_status(call: Call) -> Response:
    moderator(call, "authorId")
    content = _content(call)
    found = content.statuses.get(members.parse_id(call.params[0]) or 0)
    if found is None:
        raise errors.unprocessable("Idea status does not exist")
    _keep(content, _described(found, {"name": found.name} | body_of(call)))
    return empty_response(201)


def _described(status: IdeaStatus, body: dict[str, Any]) -> IdeaStatus:
    name, kind = body.get("name"), body.get("type", status.type)
    colours = [str(body.get(key, now)) for key, now in
               (("backgroundColor", status.background), ("textColor", status.text))]  # fmt: skip
    if not isinstance(name, str) or not name:
        raise errors.unprocessable("Name is required")
    if kind not in STATUS_TYPES or any(len(colour) != 6 for colour in colours):
        raise errors.unprocessable(f"type must be among {', '.join(STATUS_TYPES)}, and colours have 6 digits")
    default, visible = bool(body.get("default", status.default)), bool(body.get("visible", status.visible))
    made = replace(status, name=name, type=kind, default=default, visible=visible)
    return replace(made, background=colours[0], text=colours[1])


def _keep(content: Content, status: IdeaStatus) -> None:
    """One status is the default."""
    if status.default:
        content.statuses = {number: replace(other, default=False) for number, other in content.statuses.items()}
    content.statuses[status.id] = status


def list_tags(call: Call) -> Response:
    return _named(call, _content(call).tags)


def list_moderator_tags(call: Call) -> Response:
    return _named(call, _content(call).moderator_tags)


def list_areas(call: Call) -> Response:
    return _named(call, _content(call).areas)


def create_tag(call: Call) -> Response:
    moderator(call, "authorId")
    name, held = body_of(call).get("name"), _content(call).tags
    if not isinstance(name, str) or not name or any(tag.name == name for tag in held.values()):
        raise errors.unprocessable("Name is required, and must be new")
    number = max(held, default=0) + 1
    held[number] = Label(id=number, name=name)
    return empty_response(201)


def _named(call: Call, held: dict[int, Label]) -> Response:
    text = call.request.first("q").casefold()
    return _page(
        call, [{"id": str(item.id), "name": item.name} for item in held.values() if text in item.name.casefold()]
    )


def _category(item: Category) -> dict[str, Any]:
    return {"id": str(item.id), "name": item.name, "order": item.order}


def _page(call: Call, found: list[dict[str, Any]]) -> Response:
    page = page_of(call)
    return json_response({"result": found[page.offset : page.offset + page.size]})


def _content(call: Call) -> Content:
    return community_of(call).content
