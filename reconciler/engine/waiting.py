"""Which of the recorded imports wait, because their target has nothing that they could write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config import catalogs as catalog_files
from reconciler.config.convert import to_resource
from reconciler.engine import kinds
from reconciler.model.catalog import Catalog
from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, DocumentId
from reconciler.model.resources import CcConnection, CommunityImport, CsConnection
from reconciler.model.status import WAITS
from reconciler.state import catalogs, documents
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session


class Waiting:
    """Why recorded imports wait. Each catalog is read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._catalogs: dict[str, Catalog | None] = {}

    def why(self, flow: CommunityImport, around: Mapping[DocumentId, RecordedDocument]) -> str:
        """Why an import has nothing to write to, with what to do; empty where it can run."""
        # Only imports need it.
        from reconciler.engine.imports import definitions
        from reconciler.planning.objects import compare

        source, target = _resource(around, flow.name), _resource(around, flow.target)
        tenant = str(source.connected_to) if isinstance(source, CcConnection) else flow.target
        catalog = self._catalog(tenant)
        if catalog is None:
            return f"{WAITS}nobody has looked which objects {tenant} has; `reconcile catalog pull`, then apply"
        if not isinstance(target, CsConnection):
            return ""
        wanted = definitions(source) if isinstance(source, CcConnection) else ()
        if any(one.found is not None for one in compare(wanted, catalog)):
            return ""
        return f"{WAITS}{flow.target} has none of its objects; `reconcile explain {COMMUNITY_IMPORT}/{flow.name}` lists them"

    def of(self, flow: CommunityImport) -> str:
        """The same for one import, whatever else is recorded."""
        return self.why(flow, kinds.surroundings(self._session, flow))

    def _catalog(self, connection: str) -> Catalog | None:
        if connection not in self._catalogs:
            found = catalogs.read(self._session, connection)
            self._catalogs[connection] = catalog_files.from_json(found.content, connection) if found else None
        return self._catalogs[connection]


def _resource(around: Mapping[DocumentId, RecordedDocument], name: str) -> object:
    recorded = around.get(DocumentId(CONNECTION, name))
    return None if recorded is None else to_resource(recorded.document)


def affected(session: Session, id: DocumentId) -> Iterator[tuple[DocumentId, CommunityImport]]:
    """The recorded imports whose waiting may have come or gone with a change of this document or catalog."""
    from reconciler.engine.imports import CATALOG, of

    if id.kind not in (COMMUNITY_IMPORT, CONNECTION, CATALOG):
        return
    for found, recorded in documents.of_kind(session, COMMUNITY_IMPORT).items():
        flow = to_resource(recorded.document)
        if isinstance(flow, CommunityImport) and id in (found, of(found), DocumentId(CATALOG, flow.target)):
            yield found, flow
