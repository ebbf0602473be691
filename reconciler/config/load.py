"""From a folder to a project: found, read, checked. The one door to the configuration.

What was checked before is taken from the cache, so an unchanged tree imports neither the YAML library nor pydantic.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from reconciler import errors
from reconciler.config import aliasfiles, convert, discovery, mandatory, pinned, sqlfiles
from reconciler.config.aliasfiles import AliasFile
from reconciler.config.cache import Cache, diagnostic_from, diagnostic_json, entry_from, entry_json
from reconciler.config.discovery import Found, find_project
from reconciler.config.facts import ConfigFile, Entry
from reconciler.config.sqlfiles import SqlFile
from reconciler.model import resources
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.document import Document, DocumentId, Origin
from reconciler.model.json import Json, digest

if TYPE_CHECKING:
    from reconciler.config.reading import FileContent
    from reconciler.model.catalog import Catalog

MAX_FILE_BYTES = 1024 * 1024
_TOO_MUCH = "the configuration files are larger than 256 MiB together"

__all__ = ["LoadedProject", "find_project", "load_project", "shown_source"]


@dataclass(frozen=True, kw_only=True)
class LoadedProject:
    """A project as it stands on disk. With errors among the diagnostics it must not be planned or applied.

    `digest` is that of the desired state: it depends on documents, not on files or the order of anything. `files` are the
    configuration files, relative to `root`. `resources` and `catalogs` are made when first asked for; a catalog that cannot be
    read is among the diagnostics and missing here. `documents` has the imports that come with connected communities;
    `origins` only what stands in files.
    """

    root: Path
    project_file: str
    project: resources.Project
    documents: Mapping[DocumentId, Document]
    origins: Mapping[DocumentId, Origin]
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        return digest([[*id_, self.documents[id_].digest] for id_ in sorted(self.documents)])

    @cached_property
    def resources(self) -> Mapping[DocumentId, convert.Resource]:
        return {id_: convert.to_resource(document) for id_, document in self.documents.items()}

    @cached_property
    def catalogs(self) -> Mapping[str, Catalog]:
        """Pinned metadata by connection."""
        return pinned.read(
            self.root, self.project.catalog, (id_.name for id_ in self.documents if id_.kind == "Connection")
        )[0]

    @property
    def valid(self) -> bool:
        """Whether there is no error; warnings may be there."""
        return all(diagnostic.severity is not Severity.ERROR for diagnostic in self.diagnostics)

    def require_valid(self) -> None:
        """Raises `errors.ConfigInvalid` unless `valid`."""
        if not self.valid:
            raise errors.ConfigInvalid(self.diagnostics, root=str(self.root), files=self.files)

    def source(self, file: str) -> str | None:
        """The text of a file as it may be shown; see `shown_source`."""
        return shown_source(self.root, file)


def shown_source(root: Path, file: str) -> str | None:
    """The text of a configuration file for a code frame, with all possible secrets starred out. None if unreadable."""
    from reconciler.config import secrets

    try:
        data = discovery.read(root, file, MAX_FILE_BYTES)
    except errors.ConfigIncomplete:
        return None
    if len(data) > MAX_FILE_BYTES or b"\0" in data:
        return None
    return secrets.mask_source(data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))


def load_project_file(path: Path | None, cwd: Path) -> tuple[Path, resources.Project]:
    """The config root and the project of the project file, without the documents.

    Raises `errors.NotFound`, `errors.ConfigInvalid` and `errors.ConfigIncomplete`.
    """
    file = find_project(path, cwd)
    project, _, _ = _Loading(file.parent, file.name, Cache(file.parent, enabled=True)).read_project()
    return file.parent, project


def load_project(
    path: Path | None, cwd: Path, *, use_cache: bool = True, catalogs: Mapping[str, Catalog] | None = None
) -> LoadedProject:
    """Load and check a whole project; every finding is in `diagnostics`. `catalogs` stand in for the pinned ones.

    Raises `errors.NotFound` (no project file), `errors.ConfigInvalid` (the project file itself has errors) and
    `errors.ConfigIncomplete` (not everything could be read).
    """
    file = find_project(path, cwd)
    with _no_collection():
        cache = Cache(file.parent, enabled=use_cache and catalogs is None)
        return _Loading(file.parent, file.name, cache, catalogs).run()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing that loading builds is garbage, so looking for garbage meanwhile is half of its time and finds none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _Loading:
    def __init__(
        self, root: Path, project_file: str, cache: Cache, catalogs: Mapping[str, Catalog] | None = None
    ) -> None:
        self.root = root
        self.project_file = project_file
        self.cache = cache
        self.catalogs = catalogs
        self.files: dict[str, ConfigFile] = {}
        self.sql: dict[str, SqlFile] = {}
        self.aliases: dict[str, AliasFile] = {}

    def run(self) -> LoadedProject:
        project, data, record = self.read_project()
        if not project.configs:
            raise errors.ConfigIncomplete(
                f"{self.project_file} names a git source and no configs, so there is nothing to load here",
                hint="this is done where the project file of the repository is; or write spec.configs",
            )
        found = discovery.discover(self.root, project.configs)
        self._read_files(found.files)
        for path, file in self.files.items():
            self._content(path, file)
        self._include()
        key = self._key(_sha(data), project, found)
        tree = self.cache.content.get("tree")
        if tree and tree["key"] == key:
            diagnostics = tuple(map(diagnostic_from, tree["diagnostics"]))
        else:
            diagnostics = self._check(project, found, data)
            self._store(record, key, diagnostics)
        return self._loaded(project, diagnostics)

    def _loaded(self, project: resources.Project, diagnostics: tuple[Diagnostic, ...]) -> LoadedProject:
        documents: dict[DocumentId, Document] = {}
        origins: dict[DocumentId, Origin] = {}
        for entry in self._entries():
            if documents.setdefault(entry.document.id, entry.document) is entry.document:
                origins[entry.document.id] = entry.origin
        documents = mandatory.with_imports(documents)
        return LoadedProject(
            root=self.root,
            project_file=self.project_file,
            project=project,
            documents={id_: documents[id_] for id_ in sorted(documents)},
            origins=origins,
            diagnostics=diagnostics,
            files=(*self.files, *self.sql, *self.aliases),
        )

    def _entries(self) -> Iterator[Entry]:
        for file in self.files.values():
            yield from file.entries

    # -- reading -------------------------------------------------------------------------------------------------------

    def read_project(self) -> tuple[resources.Project, bytes, list[Json]]:
        """The project, the content of its file, and what the cache keeps of it."""
        data = discovery.read(self.root, self.project_file, MAX_FILE_BYTES)
        sha = _sha(data)
        known = self.cache.content.get("project")
        name, spec = known[1:] if known and known[0] == sha else self._read_project(data)
        return convert.to_project(name, spec), data, [sha, name, spec]

    def _read_project(self, data: bytes) -> tuple[str, Mapping[str, Any]]:
        content = _reading().read_project(data, self.project_file)
        if content.problems:
            problems = sorted(content.problems, key=lambda problem: problem.sort_key)
            raise errors.ConfigInvalid(
                problems, "the project file has errors", root=str(self.root), files=[self.project_file]
            )
        (entry,) = content.entries
        return entry.document.id.name, entry.document.spec

    def _read_files(self, paths: Sequence[str]) -> None:
        total = 0
        for path in paths:
            data = discovery.read(self.root, path, MAX_FILE_BYTES)
            total += len(data)
            if total > discovery.MAX_TOTAL_BYTES:
                raise errors.ConfigIncomplete(_TOO_MUCH)
            self.files[path] = ConfigFile(sha=_sha(data), data=data)

    def _include(self) -> None:
        """Put the content of SQL files and alias files into the documents that name them. What the cache keeps has the names."""
        total = sum(len(file.data) for file in self.files.values())
        for config in list(self.files.values()):
            if not any(sqlfiles.named(entry) or aliasfiles.named(entry) for entry in config.entries):
                continue
            config.cached = config.cached or _file_json(config)
            config.entries = [self._included(entry, config) for entry in config.entries]
            sizes = [file.size for file in self.sql.values()] + [file.size for file in self.aliases.values()]
            if total + sum(sizes) > discovery.MAX_TOTAL_BYTES:
                raise errors.ConfigIncomplete(_TOO_MUCH)
        for path in self.aliases:
            # It may stand in a folder of documents, and is none. What is one cannot be read as aliases, which is an error.
            self.files.pop(path, None)

    def _included(self, entry: Entry, config: ConfigFile) -> Entry:
        if path := sqlfiles.named(entry):
            if path not in self.sql:
                self.sql[path] = sqlfiles.read(self.root, path)
            made, usable = sqlfiles.included(entry, self.sql[path]), self.sql[path].usable
        elif path := aliasfiles.named(entry):
            if path not in self.aliases:
                self.aliases[path] = aliasfiles.read(self.root, path)
            made, usable = aliasfiles.included(entry, self.aliases[path]), self.aliases[path].usable
        else:
            return entry
        if not usable:
            config.doubtful = [*config.doubtful, entry.document.id]
        return made

    def _key(self, sha: str, project: resources.Project, found: Found) -> str:
        """What the checks of the whole tree depend on."""
        parts = [sha, repr(found.refused), *pinned.shas(self.root, project.catalog)]
        parts += [f"{path}\0{file.sha}" for path, file in self.files.items()]
        parts += [f"{path}\0{file.sha}" for path, file in self.sql.items()]
        parts += [f"{path}\0{file.sha}" for path, file in self.aliases.items()]
        return _sha("\n".join(parts).encode())

    def _content(self, path: str, file: ConfigFile) -> None:
        """Parse and validate one file, or take what was made of it before."""
        known: Mapping[str, Any] | None = self.cache.content.get("files", {}).get(path)
        if known is not None and known["sha"] == file.sha:
            file.cached = known
            file.entries = [entry_from(entry, path) for entry in known["entries"]]
            file.problems = [diagnostic_from(problem) for problem in known["problems"]]
            file.doubtful = [DocumentId(*id_) for id_ in known["doubtful"]]
            file.complete = known["complete"]
            return
        content: FileContent = _reading().read_file(file.data, path)
        file.entries, file.problems, file.doubtful, file.complete = content

    def _check(self, project: resources.Project, found: Found, data: bytes) -> tuple[Diagnostic, ...]:
        """Everything that is wrong, in order. Without the cache that needs the rules, which are imported only here."""
        from reconciler.config.checking import Checking

        checking = Checking(self.root, project, found, self.files, self.catalogs, self.sql, self.aliases)
        return tuple(sorted(checking.run(self.project_file, data), key=lambda diagnostic: diagnostic.sort_key))

    def _store(self, project: list[Json], key: str, diagnostics: Iterable[Diagnostic]) -> None:
        if not self.cache.enabled:
            return  # making what it would keep is a sixth of the work
        files: dict[str, Json] = {path: file.cached or _file_json(file) for path, file in self.files.items()}
        tree: dict[str, Json] = {"key": key, "diagnostics": [diagnostic_json(diagnostic) for diagnostic in diagnostics]}
        self.cache.store({"project": project, "files": files, "tree": tree})


@cache
def _reading() -> ModuleType:
    """The module that parses and validates. Plug-ins of pydantic are foreign code, and only looking for them costs as much time
    as parsing a few files; so there are none while our models are built.
    """
    name = "PYDANTIC_DISABLE_PLUGINS"
    before = os.environ.get(name)
    os.environ[name] = "__all__"
    try:
        from reconciler.config import reading
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    return reading


def _file_json(file: ConfigFile) -> dict[str, Json]:
    return {
        "sha": file.sha,
        "entries": [entry_json(entry) for entry in file.entries],
        "problems": [diagnostic_json(problem) for problem in file.problems],
        "doubtful": [list(id_) for id_ in file.doubtful],
        "complete": file.complete,
    }


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
