"""What the imports of a project write, beside what the pinned catalogs say of their targets. Nothing recorded is asked."""

from __future__ import annotations

from reconciler import errors
from reconciler.config import closest
from reconciler.config.load import LoadedProject
from reconciler.connectors.sql.names import column_names, table_name
from reconciler.model import community
from reconciler.model.community import ObjectDefinition
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, DocumentId
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.resources import CcConnection, CommunityImport, SqlConnection
from reconciler.planning.objects import TargetState, compare
from reconciler.report import objects as report

CATALOG = "Catalog"


def definitions(connection: CcConnection) -> tuple[ObjectDefinition, ...]:
    """The objects that the import of a community writes."""
    return community.objects(connection.tenant, connection.profile_fields)


def of(id: DocumentId) -> DocumentId:
    """The connection of the community that an import reads."""
    return DocumentId(CONNECTION, id.name)


def objects(loaded: LoadedProject, target: str) -> list[str]:
    """The objects that imports write to a connection, by name."""
    found = {
        definition.name
        for flow in loaded.resources.values()
        if isinstance(flow, CommunityImport) and flow.target == target
        for definition in _definitions(loaded, flow)
    }
    return sorted(found)


def state(loaded: LoadedProject, flow: CommunityImport) -> TargetState:
    """What an import writes, beside what the pinned catalog says of its target."""
    id = DocumentId(COMMUNITY_IMPORT, flow.name)
    wanted = _definitions(loaded, flow)
    if isinstance(loaded.resources.get(DocumentId(CONNECTION, flow.target)), SqlConnection):
        tables = {definition.name: table_name(definition.name) for definition in wanted}
        return TargetState(document=id, target=flow.target, objects=compare(wanted, None), tables=tables)
    catalog = loaded.catalogs.get(flow.target)
    return TargetState(
        document=id, target=flow.target, objects=compare(wanted, catalog), catalogued=catalog is not None
    )


def _matters(change: Change) -> bool:
    """Of a connection that is changed, only what its objects and their fields are made of."""
    if change.id.kind != CONNECTION or change.action is Action.ADD:
        return True
    return any(detail.path.partition(".")[0] in ("tenant", "profileFields") for detail in change.details)


def explain(loaded: LoadedProject, topic: str) -> str:
    """Which objects and fields an import writes, and what its target lacks. `topic` is `CommunityImport/NAME`.

    Raises `errors.NotFound`.
    """
    id = DocumentId(COMMUNITY_IMPORT, topic.partition("/")[2])
    flow = loaded.resources.get(id)
    if not isinstance(flow, CommunityImport):
        known = [one.name for one in loaded.resources.values() if isinstance(one, CommunityImport)]
        hint = closest.hint(id.name, known, "active communities that are connected to Gainsight CS have an import")
        raise errors.NotFound(f"there is no import of a community '{id.name}'", hint=hint)
    origin = loaded.origins.get(id)
    found = state(loaded, flow)
    columns = {one.definition.name: column_names(one.definition) for one in found.objects} if found.tables else {}
    return report.explained(flow, found, tuned=origin.file if origin else None, columns=columns)


def _definitions(loaded: LoadedProject, flow: CommunityImport) -> tuple[ObjectDefinition, ...]:
    connection = loaded.resources.get(DocumentId(CONNECTION, flow.name))
    return definitions(connection) if isinstance(connection, CcConnection) else ()


def concerned(plan: Plan, loaded: LoadedProject) -> tuple[TargetState, ...]:
    """The state of each import that a plan is about: of its document, of its community, or of the catalog of its target."""
    changed = {change.id for change in plan.changes if change.action is not Action.FORGET and _matters(change)}
    return tuple(
        state(loaded, flow)
        for id, flow in loaded.resources.items()
        if isinstance(flow, CommunityImport) and changed & {id, of(id), DocumentId(CATALOG, flow.target)}
    )
