"""All the files of a project against the rules: facts in, findings with places out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.config import aliasfiles, convert, loader, pinned, rules, sqlfiles, sqlplaces
from reconciler.config.aliasfiles import AliasFile
from reconciler.config.discovery import Found
from reconciler.config.facts import ConfigFile, Facts, Finding, Place, Typed
from reconciler.config.places import Places
from reconciler.config.rules.base import Rule
from reconciler.config.sqlfiles import SqlFile
from reconciler.model import resources
from reconciler.model.catalog import Catalog
from reconciler.model.diagnostic import Diagnostic, Position

if TYPE_CHECKING:
    from reconciler.config.sqlproof import Wrong
    from reconciler.config.sqltypes import Kind


class Checking:
    """One check of a whole project. `catalogs` stand in for the pinned ones."""

    def __init__(
        self,
        root: Path,
        project: resources.Project,
        found: Found,
        files: Mapping[str, ConfigFile],
        catalogs: Mapping[str, Catalog] | None,
        sql: Mapping[str, SqlFile],
        aliases: Mapping[str, AliasFile],
    ) -> None:
        self.root = root
        self.project = project
        self.found = found
        self.files = files
        self.catalogs = catalogs
        self.sql = sql
        self.aliases = aliases

    def run(self, project_file: str, project_data: bytes) -> Iterator[Diagnostic]:
        """Every finding, in no order."""
        for file in self.files.values():
            yield from file.problems
        yield from self._refused(project_file, project_data)
        yield from self._included()
        facts, damaged = self._facts()
        yield from damaged.values()
        if not facts.entries and facts.complete and not facts.doubtful:
            count = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
            yield Diagnostic(
                code="E-EMPTY",
                message=f"there is no document in {count} of {', '.join(self.project.configs)}",
                hint="to stop everything, deactivate the connections; an empty project is refused",
            )
        yield from self._located(rules.check(facts))
        yield from self._channels(facts, project_file, project_data)

    def _refused(self, project_file: str, data: bytes) -> Iterator[Diagnostic]:
        """Paths that may not be read, at the line of the project file that leads to them."""
        catalog_outside = pinned.outside(self.root, self.project.catalog)
        if not self.found.refused and not catalog_outside:
            return
        places = loader.places(data, project_file)
        for refused in self.found.refused:
            where = places.value(0, ("spec", "configs", refused.entry))
            yield Diagnostic(code="E-PATH", message=refused.message, hint=refused.hint, position=where)
        if catalog_outside:
            where = places.value(0, ("spec", "catalog"))
            hint = "name a folder below reconcile.yaml"
            yield Diagnostic(code="E-PATH", message=f"this path {catalog_outside}", hint=hint, position=where)

    def _included(self) -> Iterator[Diagnostic]:
        """Files of SQL and of aliases that are not there or not what they should be, once for each file."""
        seen: set[str] = set()
        for file in self.files.values():
            for entry in file.entries:
                path = entry.included
                if path is None or path in seen:
                    continue
                seen.add(path)
                if path in self.sql and not self.sql[path].usable:
                    at = loader.places(file.data, entry.origin.file).value(entry.origin.number, ("spec", sqlfiles.KEY))
                    if found := sqlfiles.problem(self.sql[path], at):
                        yield found
                elif path in self.aliases and not self.aliases[path].usable:
                    key = ("spec", "identity", aliasfiles.KEY)
                    at = loader.places(file.data, entry.origin.file).value(entry.origin.number, key)
                    yield from aliasfiles.problems(self.aliases[path], at)

    def _channels(self, facts: Facts, project_file: str, data: bytes) -> Iterator[Diagnostic]:
        """Notifications that cannot be told apart, or that nobody would ever get, at their line of the project file."""
        found = [*_same_name(self.project.notifications), *_unheard(self.project.notifications, facts)]
        if found:
            places = loader.places(data, project_file)
            for code, path, message, hint in found:
                where = places.value(0, ("spec", "notifications", *path))
                yield Diagnostic(code=code, message=message, hint=hint, position=where)

    def _facts(self) -> tuple[Facts, Mapping[str, Diagnostic]]:
        connections: dict[str, Typed[resources.Connection]] = {}
        mappings: dict[str, Typed[resources.ProfileFieldMapping]] = {}
        models: dict[str, Typed[resources.Model]] = {}
        syncs: dict[str, Typed[resources.Sync]] = {}
        imports: dict[str, Typed[resources.CommunityImport]] = {}
        entries = [entry for file in self.files.values() for entry in file.entries]
        for entry in entries:
            match convert.to_resource(entry.document):
                case resources.CsConnection() | resources.CcConnection() | resources.SqlConnection() as connection:
                    connections.setdefault(connection.name, Typed(resource=connection, entry=entry))
                case resources.ProfileFieldMapping() as mapping:
                    mappings.setdefault(mapping.name, Typed(resource=mapping, entry=entry))
                case resources.Model() as model:
                    models.setdefault(model.name, Typed(resource=model, entry=entry))
                case resources.Sync() as sync:
                    syncs.setdefault(sync.name, Typed(resource=sync, entry=entry))
                case resources.CommunityImport() as tuned:
                    imports.setdefault(tuned.name, Typed(resource=tuned, entry=entry))
        models, sql, kinds = _proven(models, connections)
        catalogs, damaged = pinned.read(self.root, self.project.catalog, connections)
        if self.catalogs is not None:
            catalogs, damaged = dict(self.catalogs), {}
        facts = Facts(
            connections=connections,
            mappings=list(mappings.values()),
            models=models,
            syncs=list(syncs.values()),
            imports=list(imports.values()),
            sql=sql,
            kinds=kinds,
            entries=entries,
            doubtful=frozenset(id_ for file in self.files.values() for id_ in file.doubtful),
            complete=not self.found.refused and all(file.complete for file in self.files.values()),
            catalogs=catalogs,
            damaged=frozenset(damaged),
        )
        return facts, damaged

    def _located(self, found: Iterable[tuple[Rule, Finding]]) -> Iterator[Diagnostic]:
        """Findings with positions; a file is walked for them once, and only if something is to be said about it.

        Nothing is said about a value that its file was complained about already: what it stands for is not known.
        """
        walked: dict[str, Places] = {}
        said = {problem.position[:3] for file in self.files.values() for problem in file.problems if problem.position}

        def position(place: Place) -> Position:
            file, number = place.origin
            if file not in walked:
                walked[file] = loader.places(self.files[file].data, file)
            if place.span is not None and place.span.file is not None:
                return Position(place.span.file, *place.span[1:])
            if place.span is not None:
                start = walked[file].value(number, place.path)
                return sqlplaces.inside(self.files[file].data, start, place.span)
            return (walked[file].key if place.key else walked[file].value)(number, place.path)

        for rule, finding in found:
            where = position(finding.place) if finding.place else None
            if where is not None and where[:3] in said:
                continue
            yield Diagnostic(
                code=rule.code,
                severity=rule.severity,
                message=finding.message,
                hint=finding.hint,
                position=where,
                related=tuple((text, position(place)) for text, place in finding.related),
            )


def _proven(
    models: Mapping[str, Typed[resources.Model]], connections: Mapping[str, Typed[resources.Connection]]
) -> tuple[dict[str, Typed[resources.Model]], dict[str, Sequence[Wrong]], dict[str, Mapping[str, Kind]]]:
    """The models with their output columns, what is wrong with their SQL, and what is certain about the values of columns.

    Without a connection nobody knows how to read it.
    """
    made = dict(models)
    sql: dict[str, Sequence[Wrong]] = {}
    certain: dict[str, Mapping[str, Kind]] = {}
    for name, typed in models.items():
        connection = connections.get(typed.resource.connection)
        if typed.resource.query and connection and isinstance(connection.resource, resources.SqlConnection):
            from reconciler.config.sqlproof import prove
            from reconciler.config.sqltypes import kinds

            proof = prove(typed.resource.query, connection.resource.dialect)
            made[name] = Typed(resource=replace(typed.resource, columns=proof.columns), entry=typed.entry)
            sql[name] = proof.problems
            if not proof.problems:
                certain[name] = kinds(typed.resource.query, connection.resource.dialect)
    return made, sql, certain


_Found = tuple[str, tuple[str | int, ...], str, str | None]
"""Code, path below the list of channels, message and hint."""


def _same_name(channels: Sequence[resources.Channel]) -> Iterator[_Found]:
    first: dict[str, int] = {}
    for at, channel in enumerate(channels):
        if first.setdefault(channel.name, at) != at:
            yield (
                "E-DUPLICATE",
                (at, "name"),
                f"there are two channels with the name '{channel.name}'",
                "rename one of them",
            )


def _unheard(channels: Sequence[resources.Channel], facts: Facts) -> Iterator[_Found]:
    """Documents that do not exist. Nothing is said while some documents could not be read: it may be one of them."""
    if not facts.complete:
        return
    known = {entry.document.id.name for entry in facts.entries} | {id_.name for id_ in facts.doubtful}
    for at, channel in enumerate(channels):
        for number, name in enumerate(channel.documents):
            if name not in known:
                path = (at, "documents", number)
                yield "E-DOCUMENT", path, f"there is no document '{name}'", facts.suggest(name, sorted(known))
