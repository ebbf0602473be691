"""What the kinds of documents that run in cycles have in common, each in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler import errors
from reconciler.config.convert import to_resource
from reconciler.engine.flows import warehouse
from reconciler.model.document import CONNECTION, HAVING_CYCLES, MODEL, Document, DocumentId
from reconciler.model.resources import CommunityImport, Cyclic, ProfileFieldMapping, Sync
from reconciler.state import documents
from reconciler.state.documents import RecordedDocument
from reconciler.state.session import Session

PROFILE_JOB = "CC User Profile Update"
"""The name that admins know from the Connectors Activity page."""

IMPORT_JOB = "Community import"


def possible(name: str) -> list[DocumentId]:
    """The documents with cycles that a name may mean, also written `Kind/name`."""
    kind, _, bare = name.rpartition("/")
    return [DocumentId(known, bare) for known in sorted(HAVING_CYCLES) if kind in ("", known)]


def named(applied: Iterable[DocumentId], name: str) -> DocumentId:
    """The applied document with this name, also written `Kind/name`. Raises `errors.NotFound`, `errors.UsageError`."""
    ids = sorted(applied)
    meant = [id for id in ids if name in (id.name, str(id))]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise errors.UsageError(f"'{name}' could be {' or '.join(map(str, meant))}", hint="write its kind, too")
    known = ", ".join(sorted(id.name for id in ids)) or "none"
    shown = name.rpartition("/")[2]
    raise errors.NotFound(
        f"no document '{shown}' has been applied (applied: {known})",
        hint="commands work with what is applied; `reconcile plan` shows what is written and not applied yet",
    )


def applied_document(session: Session, name: str) -> DocumentId:
    """The id of the applied document with this name. Raises `errors.NotFound`, `errors.UsageError`."""
    # Each cycle asks: only an answer that names the others needs to look at all of them.
    return named(documents.load(session, possible(name)) or flows(session), name)


def cyclic(document: Document) -> Cyclic:
    """A document of a kind that has cycles."""
    resource = to_resource(document)
    assert isinstance(resource, Cyclic)
    return resource


def flows(session: Session, known: Mapping[DocumentId, RecordedDocument] | None = None) -> dict[DocumentId, Cyclic]:
    """The documents that run in cycles."""
    found: dict[DocumentId, Cyclic] = {}
    for id, recorded in (documents.load(session) if known is None else known).items():
        resource = to_resource(recorded.document)
        if isinstance(resource, Cyclic):
            found[id] = resource
    return found


def job(flow: Cyclic) -> str:
    """The name of its cycles in the activity log."""
    match flow:
        case ProfileFieldMapping():
            return PROFILE_JOB
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


def tenant(flow: Cyclic, recorded: Mapping[DocumentId, RecordedDocument]) -> DocumentId:
    """The Gainsight CS connection whose catalog it goes by. Members of a community are looked up in the tenant that it is
    connected to, wherever an import writes."""
    match flow:
        case ProfileFieldMapping():
            return DocumentId(CONNECTION, flow.source)
        case Sync():
            return DocumentId(CONNECTION, flow.connection)
        case CommunityImport():
            community = recorded.get(DocumentId(CONNECTION, flow.name))
            return DocumentId(CONNECTION, str(community.document.spec.get("connectedTo")) if community else "")


def surroundings(session: Session, flow: Cyclic) -> dict[DocumentId, RecordedDocument]:
    """What is recorded of everything that it names: its connections, and its model if it has one."""
    model = documents.load(session, [DocumentId(MODEL, flow.model)]) if isinstance(flow, Sync) else {}
    around = {**model, **documents.load(session, ends(flow, model))}
    people = tenant(flow, around)
    return around if people in around else {**around, **documents.load(session, [people])}
