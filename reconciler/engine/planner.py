"""Makes a plan: the declared project against what the database has recorded, or against another tree. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.config import catalogs as catalog_files
from reconciler.config.load import LoadedProject
from reconciler.engine import imports
from reconciler.model.document import Document, DocumentId
from reconciler.model.json import digest
from reconciler.model.plan import Plan
from reconciler.planning.diff import Desired, Recorded, declared_elsewhere, diff, differing, unknown_names
from reconciler.state import standing
from reconciler.state.standing import Standing

if TYPE_CHECKING:
    from reconciler.state.database import Database
    from reconciler.state.session import Session

CATALOG = imports.CATALOG


def make_plan(loaded: LoadedProject, database: Database, *, only: tuple[str, ...] = ()) -> Plan:
    """The plan for a project. Raises `errors.ConfigInvalid` when it has errors, and never writes anything."""
    from reconciler.state import meta

    loaded.require_valid()
    declared = desired(loaded)
    with database.read() as session:
        found = standing.read(session.execute_raw)
        recorded = _digests(found)
        _refuse_unknown(only, {**declared.digests, **recorded})
        meta.expect(session, loaded.project.name)
        contents = _contents(session, differing(declared.digests, recorded))
        return diff(declared, _recorded(found, contents), only=only)


def unchanged(loaded: LoadedProject, found: Standing | None, *, only: tuple[str, ...] = ()) -> Plan | None:
    """What `make_plan` would give, if the digests that were `found` say that nothing differs; None if they do not."""
    loaded.require_valid()
    if found is None or found.project != loaded.project.name:
        return None
    declared = desired(loaded)
    if differing(declared.digests, _digests(found)):
        return None
    _refuse_unknown(only, declared.digests)
    return diff(declared, _recorded(found, {}), only=only)


def compare(loaded: LoadedProject, base: LoadedProject | None, *, only: tuple[str, ...] = ()) -> Plan:
    """The plan that leads from the tree of `base` to the one of `loaded`; no database is asked. None declares nothing.

    Raises `errors.ConfigInvalid` when either has errors, and `errors.UsageError` for two that are not the same project.
    """
    loaded.require_valid()
    declared = desired(loaded)
    there = _declared_by(base, loaded)
    _refuse_unknown(only, {**declared.digests, **there.digests})
    return diff(declared, declared_elsewhere(there), only=only)


def _declared_by(base: LoadedProject | None, loaded: LoadedProject) -> Desired:
    if base is None:
        return Desired(project=loaded.project.name, digest=digest([]), digests={}, documents={})
    if base.root == loaded.root:
        raise errors.UsageError(
            f"--base names this project itself: {base.root}", hint="name another checkout of it, of another commit"
        )
    if not base.valid:
        raise errors.ConfigInvalid(
            base.diagnostics, f"the base has errors: {base.root}", root=str(base.root), files=base.files
        )
    if base.project.name != loaded.project.name:
        raise errors.UsageError(
            f"the base is the project '{base.project.name}', and this one is '{loaded.project.name}'",
            hint="--base names another checkout of the same project",
        )
    return desired(base)


def _refuse_unknown(only: tuple[str, ...], known: Mapping[DocumentId, str]) -> None:
    missing = unknown_names(only, known)
    if missing:
        hint = "use a name, or Kind/name, of a declared or recorded document"
        raise errors.NotFound(f"--only names no document: {', '.join(missing)}", hint=hint)


def desired(loaded: LoadedProject) -> Desired:
    """What the project declares: its documents, and the pinned catalogs of what is read."""
    pinned = [
        Document(id=DocumentId(CATALOG, name), spec=catalog_files.to_json(catalog))
        for name, catalog in loaded.catalogs.items()
        if catalog.objects
    ]
    documents = {**loaded.documents, **{document.id: document for document in pinned}}
    digests = {id: document.digest for id, document in documents.items()}
    return Desired(
        project=loaded.project.name,
        digest=digest([[*id, digests[id]] for id in sorted(digests)]),
        digests=digests,
        documents=documents,
    )


def _digests(found: Standing) -> dict[DocumentId, str]:
    pinned = {DocumentId(CATALOG, name): digest for name, digest in found.catalogs.items()}
    return {**found.documents, **pinned}


def _recorded(found: Standing, contents: Mapping[DocumentId, Document]) -> Recorded:
    return Recorded(
        lineage=found.lineage,
        serial=found.serial,
        digests=_digests(found),
        documents=contents,
        mappings=found.mappings,
    )


def _contents(session: Session, ids: list[DocumentId]) -> dict[DocumentId, Document]:
    if not ids:
        return {}
    from reconciler.state import catalogs, documents

    found = {id: entry.document for id, entry in documents.load(session, [i for i in ids if i.kind != CATALOG]).items()}
    for id in ids:
        if id.kind == CATALOG and (content := catalogs.read(session, id.name)) is not None:
            found[id] = Document(id=id, spec=content.content)
    return found
