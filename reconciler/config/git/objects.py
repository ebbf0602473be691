"""Commits, trees and files of a repository, read from its object store and from nothing else: no checkout, hooks or filters."""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from dulwich import errors as dulwich
from dulwich.file import FileLocked
from dulwich.objects import parse_tree
from dulwich.pack import UnresolvedDeltas
from dulwich.refs import SymrefLoop
from dulwich.repo import UnsupportedExtension, UnsupportedVersion

from reconciler import errors

FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, TypeError, ValueError),
    *(struct.error, zlib.error, NotImplementedError, RecursionError, FileLocked, UnresolvedDeltas, SymrefLoop),
    *(UnsupportedExtension, UnsupportedVersion, dulwich.ApplyDeltaError, dulwich.ChecksumMismatch),
    *(dulwich.FileFormatException, dulwich.GitProtocolError, dulwich.NoIndexPresent, dulwich.NotGitRepository),
    *(dulwich.ObjectMissing, dulwich.RefFormatError, dulwich.WrongObjectException),
)
"""What the git library raises for data that it cannot take: it has no class of its own for that."""

_COMMIT, _TREE, _BLOB = 1, 2, 3


class Relation(StrEnum):
    """What the head of a branch is to the commit that was good."""

    FIRST = "first"
    SAME = "same"
    FORWARD = "forward"
    REWOUND = "rewound"
    REWRITTEN = "rewritten"


class Commit(NamedTuple):
    tree: str
    parents: tuple[str, ...]


class TreeEntry(NamedTuple):
    name: bytes
    mode: int
    sha: str


class Absent(Exception):
    """The object is not in the store."""


class Damaged(errors.ConfigIncomplete):
    """An object is missing where one must be, or cannot be read."""


class Objects:
    """The objects of a store. One that is not what it should be raises `errors.ConfigIncomplete`, one that is lost `Damaged`."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def commit(self, sha: str) -> Commit:
        """Raises `Absent` for one that lies beyond the history that is here."""
        lines = self._read(sha, _COMMIT).partition(b"\n\n")[0].split(b"\n")
        words = [line.partition(b" ") for line in lines]
        if not words or words[0][0] != b"tree":
            raise _damaged(sha)
        parents = []
        for key, _, value in words[1:]:
            if key != b"parent":
                break
            parents.append(_name(value, sha))
        return Commit(_name(words[0][2], sha), tuple(parents))

    def tree(self, sha: str) -> list[TreeEntry]:
        try:
            return [
                TreeEntry(name, mode, target.decode()) for name, mode, target in parse_tree(self._there(sha, _TREE), 20)
            ]
        except FAULTS:
            raise _damaged(sha) from None

    def blob(self, sha: str) -> bytes:
        return self._there(sha, _BLOB)

    def has(self, sha: str) -> bool:
        """Whether a commit and its tree are here."""
        try:
            self._read(self.commit(sha).tree, _TREE)
        except Absent:
            return False
        return True

    def _there(self, sha: str, kind: int) -> bytes:
        try:
            return self._read(sha, kind)
        except Absent:
            raise _lost(sha) from None

    def _read(self, sha: str, kind: int) -> bytes:
        try:
            found, data = self._store.get_raw(sha.encode())
        except KeyError:
            raise Absent(sha) from None
        except FAULTS:
            raise _lost(sha) from None
        if found != kind:
            raise _damaged(sha)
        return bytes(data)


def _name(value: bytes, sha: str) -> str:
    text = value.decode("ascii", "replace")
    if len(text) != 40 or not all(letter in "0123456789abcdef" for letter in text):
        raise _damaged(sha)
    return text


def _lost(sha: str) -> Damaged:
    message = f"the object {sha[:12]} of the git repository is missing or cannot be read"
    return Damaged(message, hint="try `git fsck` on the repository")


def _damaged(sha: str) -> errors.ConfigIncomplete:
    message = f"the object {sha[:12]} of the git repository is not what it should be"
    return errors.ConfigIncomplete(message, hint="try `git fsck` on the repository")


def relation(
    objects: Objects, head: str, good: str | None, applied: Iterable[str], check: Callable[[], object]
) -> Relation | None:
    """What `head` is to `good`. None when the answer lies beyond the history that is here."""
    if good is None:
        return Relation.FIRST
    if head == good:
        return Relation.SAME
    hidden: list[str] = []
    if any(commit == good for commit in _history(objects, head, hidden, check)):
        return Relation.FORWARD
    if head in applied or any(commit == head for commit in _history(objects, good, [], check)):
        return Relation.REWOUND
    return None if hidden else Relation.REWRITTEN


def _history(objects: Objects, start: str, hidden: list[str], check: Callable[[], object]) -> Iterator[str]:
    """A commit and what it builds upon, nearest first; what is not here is added to `hidden`."""
    seen, pending = {start}, deque([start])
    while pending:
        check()
        commit = pending.popleft()
        yield commit
        try:
            parents = objects.commit(commit).parents
        except Absent:
            hidden.append(commit)
            continue
        new = [parent for parent in parents if parent not in seen]
        seen.update(new)
        pending.extend(new)
