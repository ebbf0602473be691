"""What several commands ask the live systems: catalogs, and which profile fields were never seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.engine import imports
from reconciler.model.catalog import Catalog
from reconciler.model.destination import GSID
from reconciler.model.document import CONNECTION, DocumentId
from reconciler.model.resources import CcConnection, Connection, CsConnection, SqlConnection, Sync
from reconciler.planning.objects import api_name

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import LoadedProject

Remotely = CcConnection | CsConnection
"""What has metadata that is pinned."""


def chosen(loaded: LoadedProject, names: tuple[str, ...]) -> dict[str, Connection]:
    """The declared connections with these names, or all. Raises `errors.NotFound`, `errors.ConfigInvalid`."""
    found: dict[str, Connection] = {}
    for id, resource in loaded.resources.items():
        if isinstance(resource, Connection):
            found[id.name] = resource
    if not found:
        raise errors.ConfigInvalid(
            loaded.diagnostics, "no connection could be read", root=str(loaded.root), files=loaded.files
        )
    missing = [name for name in names if DocumentId(CONNECTION, name) not in loaded.resources]
    if missing and not loaded.valid:
        raise errors.ConfigInvalid(
            loaded.diagnostics,
            f"no valid connection is called {', '.join(missing)}",
            root=str(loaded.root),
            files=loaded.files,
        )
    if missing:
        raise errors.NotFound(
            f"no connection is called {', '.join(missing)}", hint=f"declared: {', '.join(sorted(found))}"
        )
    return {name: found[name] for name in sorted(names or found)}


def catalogued(loaded: LoadedProject, names: tuple[str, ...]) -> dict[str, Remotely]:
    """The chosen connections that have a catalog. Raises `errors.UsageError` where somebody asks for that of a warehouse."""
    found = chosen(loaded, names)
    for name in names:
        if isinstance(found[name], SqlConnection):
            hint = "models are proven against the warehouse itself: `reconcile connections test`"
            raise errors.UsageError(f"the connection '{name}' is a warehouse, which has no catalog", hint=hint)
    return {name: one for name, one in found.items() if not isinstance(one, SqlConnection)}


def catalogs(
    work: Workplace, loaded: LoadedProject, connections: Mapping[str, Remotely]
) -> Iterator[tuple[str, Catalog]]:
    """Live metadata of each connection in turn. Raises `errors.RemoteError`, `errors.SecretUnavailable`."""
    syncs = [resource for resource in loaded.resources.values() if isinstance(resource, Sync)]
    for name, connection in connections.items():
        if isinstance(connection, CsConnection):
            imported = imports.objects(loaded, name)
            wanted = {**dict.fromkeys((*imported, *map(api_name, imported)), ()), **_written(syncs, name)}
            with closing(work.cs(connection)) as tenant:
                yield name, _once(tenant.catalog(wanted))
        else:
            with closing(work.cc(connection)) as community:
                yield name, community.catalog()


def _written(syncs: Sequence[Sync], connection: str) -> Mapping[str, Collection[str]]:
    """The objects that Syncs write, each with the fields whose records are found by a field of the other object."""
    found: dict[str, set[str]] = {}
    for sync in sorted(syncs, key=lambda sync: sync.object):
        if sync.connection == connection:
            looked_up = {rule.field for rule in sync.fields if rule.lookup not in (None, GSID)}
            found.setdefault(sync.object, set()).update(looked_up)
    return found


def _once(found: Catalog) -> Catalog:
    """The catalog with each object once: those of imports are asked for by label and by API name, and may have both."""
    named = {one.name.casefold() for label, one in found.objects.items() if label.casefold() != one.name.casefold()}
    kept = {
        label: one
        for label, one in found.objects.items()
        if label.casefold() != one.name.casefold() or one.name.casefold() not in named
    }
    return replace(found, objects=kept)


def live_catalogs(work: Workplace, loaded: LoadedProject) -> dict[str, Catalog]:
    """Catalogs for validation against the live systems: the CS tenants that documents read from and write to."""
    tenants: dict[str, Remotely] = {n: c for n, c in chosen(loaded, ()).items() if isinstance(c, CsConnection)}
    return dict(catalogs(work, loaded, tenants))


def unseen_fields(connection: Connection, found: Catalog) -> list[str]:
    """Declared profile fields that no user who was read has a value for."""
    if not isinstance(connection, CcConnection):
        return []
    return sorted(field.name for field in connection.profile_fields if field.name not in found.profile_fields)


def refuse_outside(loaded: LoadedProject) -> None:
    """Raises `errors.ConfigIncomplete` where the catalog folder leads out of the project, by a link for example."""
    from reconciler.config.pinned import outside

    why = outside(loaded.root, loaded.project.catalog)
    if why is not None:
        hint = "make it a folder of this project; nothing was written"
        raise errors.ConfigIncomplete(f"the catalog folder {loaded.project.catalog} {why}", hint=hint)


def refuse_damaged(loaded: LoadedProject) -> None:
    """Raises `errors.ConfigInvalid` where a pinned catalog cannot be read: everything would look new."""
    damaged = [found for found in loaded.diagnostics if found.code == "E-CATALOG"]
    if damaged:
        raise errors.ConfigInvalid(damaged, "a pinned catalog cannot be read", root=str(loaded.root))
