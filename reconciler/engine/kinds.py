"""What the kinds of documents that run in cycles have in common, each in its own words."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.convert import to_resource
from reconciler.engine.flows import profile, warehouse
from reconciler.model.document import CONNECTION, HAVING_CYCLES, MODEL, Document, DocumentId
from reconciler.model.resources import CommunityImport, Cyclic, ProfileFieldMapping, Sync
from reconciler.state import documents
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session

IMPORT_JOB = "Community import"


def possible(name: str) -> list[DocumentId]:
    """The documents with cycles that a name may mean, also written `Kind/name`."""
    kind, _, bare = name.rpartition("/")
    return [DocumentId(known, bare) for known in sorted(HAVING_CYCLES) if kind in ("", known)]


def cyclic(document: Document) -> Cyclic:
    """A document of a kind that has cycles."""
    resource = to_resource(document)
    assert isinstance(resource, Cyclic)
    return resource


def job(flow: Cyclic) -> str:
    """The name of its cycles in the activity log."""
    match flow:
        case ProfileFieldMapping():
            return profile.JOB
        case Sync():
            return warehouse.job(flow)
        case CommunityImport():
            return IMPORT_JOB


def written(flow: Cyclic) -> str:
    """The connection that it writes to."""
    return flow.connection if isinstance(flow, Sync) else flow.target


def ends(flow: Cyclic, recorded: Mapping[DocumentId, RecordedDocument]) -> tuple[DocumentId, DocumentId]:
    """The connections that it reads from and writes to."""
    match flow:
        case ProfileFieldMapping():
            source = flow.source
        case CommunityImport():
            source = flow.name
        case Sync():
            model = recorded.get(DocumentId(MODEL, flow.model))
            source = str(model.document.spec.get("connection")) if model else ""
    return DocumentId(CONNECTION, source), DocumentId(CONNECTION, written(flow))


def surroundings(session: Session, flow: Cyclic) -> dict[DocumentId, RecordedDocument]:
    """What is recorded of everything that it names: its connections, and its model if it has one."""
    model = documents.load(session, [DocumentId(MODEL, flow.model)]) if isinstance(flow, Sync) else {}
    return {**model, **documents.load(session, ends(flow, model))}
