"""One commit as a folder of plain files: only below the project's folder, and never anything that could mislead its readers.

What is not laid out must not look as if it had been removed: whatever stands where configuration may be and is no plain file
becomes a link to nowhere, which `discovery` refuses in configuration folders and nobody follows.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path

from reconciler import errors
from reconciler.config import discovery
from reconciler.config.git.metering import Bounds, amount
from reconciler.config.git.objects import Objects, TreeEntry

_KEPT_WHOLE = (*discovery.SUFFIXES, ".json", ".sql")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_MAX_NAME = 255
_MAX_DEPTH = 64
_OWN_FOLDER = "var"
_ONLY_OWN_FOLDER = "keep the configuration in a folder of its own and name it with spec.source.path"


def lay_out(
    objects: Objects, commit: str, folder: str, target: Path, bounds: Bounds, check: Callable[[], object]
) -> None:
    """Write what `folder` holds in `commit` into `target`, which does not exist yet.

    Raises `errors.ConfigIncomplete` when the commit cannot be taken as a whole.
    """
    layout = _Layout(objects, commit, bounds, check)
    tree = layout.find(objects.commit(commit).tree, folder)
    layout.require_project_file(tree, folder)
    layout.write(tree, target)


class _Layout:
    def __init__(self, objects: Objects, commit: str, bounds: Bounds, check: Callable[[], object]) -> None:
        self._objects = objects
        self._commit = commit
        self._bounds = bounds
        self._check = check
        self._entries = 0
        self._bytes = 0

    def find(self, tree: str, folder: str) -> str:
        for part in () if folder == "." else folder.split("/"):
            found = {entry.name: entry for entry in self._objects.tree(tree)}.get(part.encode())
            if found is None or not stat.S_ISDIR(found.mode):
                hint = "correct spec.source.path; a link or a submodule is no folder"
                raise self._refused(f"has no folder {folder}", hint)
            tree = found.sha
        return tree

    def require_project_file(self, tree: str, folder: str) -> None:
        modes = [entry.mode for entry in self._objects.tree(tree) if entry.name == discovery.PROJECT_FILE.encode()]
        if not modes or not stat.S_ISREG(modes[0]):
            where = (
                f"the folder {folder} of commit {self._commit[:12]}" if folder != "." else f"commit {self._commit[:12]}"
            )
            raise errors.ConfigIncomplete(
                f"there is no file {discovery.PROJECT_FILE} in {where}",
                hint="commit the project file, or correct spec.source.path",
            )

    def write(self, tree: str, target: Path) -> None:
        pending: list[tuple[str, Path, str]] = [(tree, target, "")]
        while pending:
            sha, folder, shown = pending.pop()
            folder.mkdir()
            for entry, name in self._checked(self._objects.tree(sha), shown):
                path = f"{shown}{name}"
                if stat.S_ISDIR(entry.mode) and path.casefold() == _OWN_FOLDER:
                    continue  # What this program keeps for itself is believed, so it never comes from a repository.
                if stat.S_ISDIR(entry.mode):
                    pending.append((entry.sha, folder / name, f"{path}/"))
                else:
                    self._put(entry, folder / name, path)

    def _checked(self, entries: list[TreeEntry], shown: str) -> list[tuple[TreeEntry, str]]:
        """The entries of one folder with their names, when all of these are safe on every file system."""
        self._check()
        self._entries += len(entries)
        if self._entries > self._bounds.files:
            raise self._refused(f"has more than {self._bounds.files:,} files and folders", _ONLY_OWN_FOLDER)
        if shown.count("/") > _MAX_DEPTH:
            raise self._refused(f"has folders more than {_MAX_DEPTH} deep", _ONLY_OWN_FOLDER)
        seen: dict[str, str] = {}
        named = []
        for entry in entries:
            name = self._safe_name(entry.name, shown)
            folded = unicodedata.normalize("NFC", name).casefold()
            if folded in seen:
                both = f"{shown}{seen[folded]} and {name}"
                raise self._refused(f"has both {both}, which are one on some disks", "rename one of them")
            seen[folded] = name
            named.append((entry, name))
        return named

    def _safe_name(self, raw: bytes, shown: str) -> str:
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = raw.decode(errors="backslashreplace")
            raise self._refused(f"has a name that is not UTF-8: {shown}{name}", "rename it") from None
        visible = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
        meant = visible.split(":")[0].rstrip(". ").casefold()
        unsafe = (
            not name
            or len(raw) > _MAX_NAME
            or meant in ("", ".git", "git~1")
            or any(letter in "/\\" or unicodedata.category(letter) == "Cc" for letter in name)
        )
        if unsafe:
            printed = name[:80].encode("unicode_escape").decode()
            raise self._refused(f"has a name that is not safe: {shown}{printed}", "rename it")
        return name

    def _put(self, entry: TreeEntry, target: Path, path: str) -> None:
        if stat.S_ISLNK(entry.mode):
            target.symlink_to(discovery.SYMLINK)
        elif stat.S_IFMT(entry.mode) == 0o160000:
            target.symlink_to(discovery.SUBMODULE)
        elif stat.S_ISREG(entry.mode):
            self._file(target, self._objects.blob(entry.sha))
        else:
            raise self._refused(f"has something that is neither a file nor a folder: {path}", "remove it")

    def _file(self, target: Path, data: bytes) -> None:
        name = target.name.lower()
        if name.endswith((*discovery.SUFFIXES, ".sql")) and data.startswith(_LFS_POINTER):
            target.symlink_to(discovery.LFS)
            return
        if len(data) > self._bounds.file_bytes and not name.endswith(_KEPT_WHOLE):
            return  # No configuration, and nothing asks for it.
        self._bytes += len(data)
        if self._bytes > self._bounds.laid_out:
            raise self._refused(f"has more than {amount(self._bounds.laid_out)} of files", _ONLY_OWN_FOLDER)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def _refused(self, why: str, hint: str) -> errors.ConfigIncomplete:
        return errors.ConfigIncomplete(f"commit {self._commit[:12]} {why}", hint=hint)
