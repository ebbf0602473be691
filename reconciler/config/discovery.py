"""Finds the project file and every configuration file below it, and proves that nothing was missed.

What is not there may later be taken for removed, so everything that could hide a file is an error: `errors.ConfigIncomplete`
for what cannot be read, `E-PATH` for what must not be read.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler import errors

PROJECT_FILE = "reconcile.yaml"
MAX_FILES = 20_000
MAX_TOTAL_BYTES = 256 * 1024 * 1024

SUFFIXES = (".yaml", ".yml")
"""What configuration files end with, in any case."""

SYMLINK, SUBMODULE, LFS = (f"/dev/null/{what}" for what in ("symbolic-link", "git-submodule", "git-lfs-pointer"))
"""What links lead to that stand for what a commit has in place of a file. Nothing is ever found there, so nothing that is a part
of the configuration can be taken for absent.
"""

_STANDS_FOR = {SUBMODULE: "is a git submodule", LFS: "is a pointer of git LFS, not the file itself"}
_CHUNK = 64 * 1024
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WINDOWS = re.compile(r"[A-Za-z]:|.*\\", re.DOTALL)


class Refused(NamedTuple):
    """A path that may not be read. `entry` is the number of the `spec.configs` entry that led to it."""

    entry: int
    message: str
    hint: str


class Found(NamedTuple):
    """The files below the root, as sorted paths relative to it with `/`, and the paths that were refused."""

    files: tuple[str, ...]
    refused: tuple[Refused, ...]


def find_project(path: Path | None, cwd: Path) -> Path:
    """The project file: `path` itself (or in the folder `path`), else the nearest one upwards from `cwd`.

    Its folder is resolved, the config root. Raises `errors.NotFound`.
    """
    if path is not None:
        return _explicit(cwd / path)
    start = cwd.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    raise errors.NotFound(
        f"there is no {PROJECT_FILE} in {start} or any folder above",
        hint="run `reconcile init` to make one, or say where it is with --project PATH",
    )


def _explicit(path: Path) -> Path:
    file = path / PROJECT_FILE if path.is_dir() else path
    if not file.is_file():
        hint = f"name a {PROJECT_FILE} or its folder"
        raise errors.NotFound(f"there is no project file {file}", hint=hint)
    return file.parent.resolve() / file.name


def discover(root: Path, configs: Sequence[str]) -> Found:
    """Every YAML file named by `configs`. Hidden files and folders, and other kinds of files, are none of ours.

    Raises `errors.ConfigIncomplete` if something is missing, unreadable or too much.
    """
    walk = _Walk(root)
    for number, entry in enumerate(configs):
        reason = outside(entry)
        if reason is None:
            walk.add(number, entry)
        else:
            walk.refused.append(Refused(number, f"this path {reason}", "name a folder or file below reconcile.yaml"))
    if not walk.files and not walk.refused:
        raise errors.ConfigIncomplete(
            f"no configuration file was found in {', '.join(configs)}",
            hint="a project has at least one .yaml file; is this the right folder?",
        )
    return Found(tuple(sorted(walk.files)), tuple(walk.refused))


def outside(entry: str) -> str | None:
    """Why a path cannot be below the root, judged by its spelling. None if it can."""
    if not entry.isprintable():
        return "contains control characters"
    if _WINDOWS.match(entry):
        return "is a Windows path"
    if entry.startswith(("/", "~")) or "://" in entry:
        return "does not lead below the folder of reconcile.yaml"
    parts = [part for part in entry.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        return "does not lead below the folder of reconcile.yaml"
    return None


class _Walk:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: set[str] = set()
        self.refused: list[Refused] = []

    def add(self, number: int, entry: str, *, folders: bool = True) -> None:
        """One entry of `spec.configs`: a file, or with `folders` a folder with everything below it."""
        path = ""
        mode = 0
        for part in (part for part in entry.split("/") if part not in ("", ".")):
            path = f"{path}/{part}" if path else part
            mode = self._mode(path)
            if stat.S_ISLNK(mode):
                self._refuse(number, path, self._link(path))
                return
        if stat.S_ISDIR(mode) and folders:
            self._folder(number, path)
        elif stat.S_ISDIR(mode):
            self._refuse(number, path, "is a folder")
        elif stat.S_ISREG(mode):
            self._file(number, path)
        else:
            self._refuse(number, path, "is neither a file nor a folder")

    def _link(self, path: str) -> str:
        try:
            return _STANDS_FOR.get(os.readlink(self.root / path), "is a symbolic link")  # noqa: PTH115 (text, not a path)
        except OSError as error:
            raise _incomplete(path, error) from None

    def _mode(self, path: str) -> int:
        try:
            return (self.root / path).lstat().st_mode
        except OSError as error:
            raise _incomplete(path, error, self._closest(path)) from None

    def _closest(self, path: str) -> str:
        """What stands beside a path that is not there and looks like it."""
        from reconciler.config import closest

        above, _, name = path.rpartition("/")
        try:
            beside = [entry for entry in os.listdir(self.root / above) if not entry.startswith(".")]  # noqa: PTH208
        except OSError:
            return ""
        found = closest.closest(name, tuple(sorted(beside)))
        names = [f"'{above}/{one}'" if above else f"'{one}'" for one in found]
        return f"did you mean {' or '.join(names)}? Then " if names else ""

    def _folder(self, number: int, top: str) -> None:
        pending = [top]
        seen = 0
        while pending:
            folder = pending.pop()
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}"
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    seen += 1
                    self._refuse(number, path, self._link(path))
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.name.lower().endswith(SUFFIXES):
                    seen += 1
                    self._regular(number, path, entry)
        if not seen:
            raise errors.ConfigIncomplete(
                f"there is no YAML file in {top}, so nothing may be concluded from what is missing",
                hint=f"restore the files; if everything in {top} is meant to go, take it out of spec.configs",
            )

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as entries:
                yield from list(entries)
        except OSError as error:
            raise _incomplete(folder, error) from None

    def _regular(self, number: int, path: str, entry: os.DirEntry[str]) -> None:
        if entry.is_file(follow_symlinks=False):
            self._file(number, path)
        else:
            self._refuse(number, path, "is neither a file nor a folder")

    def _file(self, number: int, path: str) -> None:
        if path != path.encode(errors="replace").decode():
            self._refuse(number, path.encode(errors="backslashreplace").decode(), "has a name that is not UTF-8")
            return
        self.files.add(path)
        if len(self.files) > MAX_FILES:
            raise errors.ConfigIncomplete(
                f"more than {MAX_FILES:,} configuration files", hint="is this the right folder?"
            )

    def _refuse(self, number: int, path: str, why: str) -> None:
        refused = Refused(
            number, f"{path} {why}", "put the file itself there, or move it out of the configuration folders"
        )
        if refused not in self.refused:
            self.refused.append(refused)


def unusual(root: Path, path: str) -> str | None:
    """Why a file that a document names may not be read. None if it is a plain file in plain folders.

    Raises `errors.ConfigIncomplete` if it is not there.
    """
    walk = _Walk(root)
    walk.add(0, path, folders=False)
    return walk.refused[0].message if walk.refused else None


def read(root: Path, path: str, limit: int) -> bytes:
    """The content of a file that was discovered, at most `limit` + 1 bytes. Raises `errors.ConfigIncomplete`."""
    try:
        descriptor = os.open(f"{root}/{path}", _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise errors.ConfigIncomplete(f"{path} changed into something else while it was read")
            return _content(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _incomplete(path, error) from None


def _content(descriptor: int, limit: int) -> bytes:
    """Straight from the system: a project may have thousands of small files, and a file object costs four times as much."""
    parts = []
    while limit > 0 and (part := os.read(descriptor, min(limit, _CHUNK))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _incomplete(path: str, error: OSError, closest: str = "") -> errors.ConfigIncomplete:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        hint = f"{closest}correct spec.configs in reconcile.yaml, or restore the file"
        return errors.ConfigIncomplete(f"{path} does not exist", hint=hint)
    if error.errno == errno.ELOOP:
        return errors.ConfigIncomplete(
            f"{path} cannot be read: it is a symbolic link", hint="put the file itself there"
        )
    reason = (error.strerror or type(error).__name__).lower()
    return errors.ConfigIncomplete(f"{path} cannot be read: {reason}", hint="every configuration file must be readable")
