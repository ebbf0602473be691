"""The imports that every connected community has, whether a document tunes them or not."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.document import COMMUNITY_IMPORT, CONNECTION, Document, DocumentId


def with_imports(documents: Mapping[DocumentId, Document]) -> dict[DocumentId, Document]:
    """The documents with one import for each connected community, which says where it writes to.

    That of a community that is deactivated, or whose Gainsight CS is, is not there, although a document may tune it: nothing is
    imported, and what was imported is kept. An import of what is no connected community stays, and the rules speak of it.
    """
    found = dict(documents)
    for id, document in documents.items():
        if id.kind != CONNECTION or document.spec.get("type") != "gainsight-cc":
            continue
        own = DocumentId(COMMUNITY_IMPORT, id.name)
        tenant = _tenant(document, documents)
        if tenant is None:
            continue
        if not _active(document) or not _active(tenant):
            found.pop(own, None)
            continue
        declared = documents.get(own, Document(id=own, spec={}))
        spec = {"to": tenant.id.name, **declared.spec}
        if own not in documents and not (_sso(document) and _sso(tenant)):
            continue  # E-SSO says so.
        found[own] = Document(id=own, spec=spec, labels=declared.labels)
    return found


def _tenant(community: Document, documents: Mapping[DocumentId, Document]) -> Document | None:
    """The Gainsight CS that a community is connected to, as far as it is declared."""
    found = documents.get(DocumentId(CONNECTION, str(community.spec.get("connectedTo"))))
    return found if found is not None and found.spec.get("type") == "gainsight-cs" else None


def _active(connection: Document) -> bool:
    return connection.spec.get("active", True) is not False


def _sso(connection: Document) -> bool:
    return connection.spec.get("sso") is True
