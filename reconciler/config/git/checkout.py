"""Following a branch: which commit it points to, how that relates to the last good one, and what the commit holds.

    var/source/<key>/           the part of a remote repository that is kept, named by its URL
    var/source/commits/<sha>/   what the project's folder holds in a commit, as plain files

A commit is taken whole or not at all. Whatever goes wrong raises, and what was there before stays: the caller goes on with
the last good commit.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from reconciler import errors
from reconciler.clock import Clock, new_token
from reconciler.config.git import address
from reconciler.config.git.metering import Bounds, Meter, TooLarge
from reconciler.config.git.objects import Absent, Damaged, Relation, relation
from reconciler.config.git.repository import WHOLE_HISTORY, LocalRepository, RemoteRepository, Repository, unwritable
from reconciler.model.resources import GitSource, SecretRef

if TYPE_CHECKING:
    from reconciler.config.git.over_http import HttpClient
    from reconciler.config.git.over_ssh import SshClient

FOLDER = "var/source"
_COMMITS = "commits"
_LOCK = "lock"
_DEPTHS = (32, 1024, WHOLE_HISTORY)

Resolve = Callable[[SecretRef], str]
"""The value of a secret, asked for at each fetch, so that one that was changed is taken up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The newest commit of the branch, and what it is to the last good one. `rewritten` says why it is no step forward."""

    commit: str
    relation: Relation
    rewritten: str | None


class GitCheckout:
    """A branch that is followed. One process at a time uses a folder; `close` lets the next one in.

    `root` is the folder of the project file that has the source: a relative key file is found from it, and without `folder`,
    `var/source` is below it.
    """

    def __init__(
        self,
        source: GitSource,
        root: Path,
        *,
        resolve: Resolve,
        clock: Clock,
        folder: Path | None = None,
        allow_loopback: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        self._source = source
        self._root = root
        self._resolve = resolve
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._bounds = bounds or Bounds()
        self._folder = folder or root / FOLDER
        try:
            self._address = address.parse(source.url)
        except ValueError as error:
            raise errors.AddressRefused(f"spec.source.git: {error}") from None
        # The library's remarks repeat what servers say; whatever matters is raised.
        logging.getLogger("dulwich").setLevel(logging.CRITICAL)
        self._lock: IO[bytes] | None = None
        self._kept: RemoteRepository | None = None
        self._made: set[str] = set()
        self._answers: dict[tuple[str, str | None], Relation] = {}

    def fetch(self, stop: threading.Event, *, last_good: str | None = None, applied: Collection[str] = ()) -> Fetched:
        """Ask the repository. `applied` are commits that were good at some time.

        `last_good` may end with `+changes`: then it was no commit, so even its own commit is a step forward. One that is
        no name of a commit at all counts as none.

        Raises `errors.NotFound` (no repository, branch or commit), `errors.AuthenticationFailed` and
        `errors.SecretUnavailable`, `errors.RemoteUnavailable` (try again), the other `errors.RemoteError`,
        `errors.ConfigIncomplete` (what is here cannot be read or written), `errors.Locked`, `errors.Interrupted`.
        """
        meter = Meter(self._bounds, self._clock, stop, self._address.shown)
        good, changes = _commit_of(last_good)
        with self._repository() as repository:
            head = repository.head(self._source.branch, meter)
            known = self._answers.get((head, good))
            if known is None:
                head, known = self._relate(repository, head, good, applied, meter)
                self._answers = {(head, good): known}
        if known is Relation.SAME and changes:
            known = Relation.FORWARD
        return Fetched(commit=head, relation=known, rewritten=self._why_not_forward(known, head, good))

    def _why_not_forward(self, known: Relation, head: str, good: str | None) -> str | None:
        if known is Relation.REWOUND:
            return f"the branch '{self._source.branch}' was set back from commit {good:.12} to {head:.12}"
        if known is Relation.REWRITTEN:
            return f"the branch '{self._source.branch}' was rewritten: commit {good:.12} does not lead to {head:.12}"
        return None

    def _relate(
        self, repository: Repository, head: str, good: str | None, applied: Collection[str], meter: Meter
    ) -> tuple[str, Relation]:
        """Looks further and further back. History that is too long to be had shows nothing: that is as if it were rewritten."""
        for depth in _DEPTHS:
            found = relation(repository.objects, head, good, applied, meter.check)
            if found is not None:
                return head, found
            try:
                head = repository.deepen(self._source.branch, depth, meter)
            except TooLarge:
                return head, Relation.REWRITTEN
        return head, relation(repository.objects, head, good, applied, meter.check) or Relation.REWRITTEN

    def materialise(self, commit: str, stop: threading.Event, *, last_good: str | None = None) -> Path:
        """The folder with what the project's folder holds in `commit`. Of other commits only `last_good` keeps its folder.

        Raises `errors.NotFound` for a commit that is not here, `errors.ConfigIncomplete` for one that cannot be taken.
        """
        from reconciler.config.git.layout import lay_out

        commits = self._folder / _COMMITS
        target = commits / commit
        with self._repository() as repository:
            if commit not in self._made or not target.is_dir():
                meter = Meter(self._bounds, self._clock, stop, self._address.shown)
                draft = commits / f".{new_token()}"
                commits.mkdir(parents=True, exist_ok=True)
                try:
                    lay_out(repository.objects, commit, self._source.path, draft, self._bounds, meter.check)
                    # One that an earlier process left may be half written, so it is never believed.
                    _remove(target)
                    draft.rename(target)
                except Absent:
                    raise errors.NotFound(f"commit {commit[:12]} is not among what was fetched") from None
                finally:
                    _remove(draft)
                self._made.add(commit)
            self._prune({commit, last_good})
        return target

    def close(self) -> None:
        """Let go of the folder."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- parts -------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _repository(self) -> Iterator[Repository]:
        try:
            self._take_lock()
            if self._address.scheme == "file":
                repository: Repository = LocalRepository(self._address)
                try:
                    yield repository
                finally:
                    repository.close()
            else:
                self._kept = self._kept or self._remote()
                yield self._kept
        except Damaged:
            if self._kept is None:
                raise
            self._kept.forget()
            raise errors.RemoteUnavailable(
                "what is kept of the git repository was damaged", hint="it is fetched anew the next time"
            ) from None
        except OSError as error:
            raise unwritable(error) from None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / ".gitignore").write_text("*\n")
        lock = (self._folder / _LOCK).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise errors.Locked(
                f"another process uses {self._folder}", hint="stop it, or give each process a folder of its own"
            ) from None
        self._lock = lock
        self._prune(set(), self._key())

    def _key(self) -> str:
        return hashlib.sha256(self._source.url.encode()).hexdigest()[:16]

    def _remote(self) -> RemoteRepository:
        if self._address.scheme == "http" and not self._allow_loopback:
            raise errors.AddressRefused(
                "plain http is refused", hint="use https; for a test on this machine set RECONCILE_ALLOW_LOOPBACK=1"
            )
        return RemoteRepository(self._address, self._folder / self._key(), self._connect)

    def _connect(self, meter: Meter) -> HttpClient | SshClient:
        from reconciler.config.git.over_http import HttpClient
        from reconciler.config.git.over_ssh import SshClient

        if self._address.scheme != "ssh":
            token = None if self._source.token is None else self._resolve(self._source.token)
            return HttpClient(self._address, meter, self._source.username, token)
        key = None
        if self._source.ssh_key is not None:
            key = self._root / self._source.ssh_key.name
            if not key.is_file():
                raise errors.SecretUnavailable(f"there is no ssh key in {self._source.ssh_key.name}")
        return SshClient(self._address, meter, key)

    def _prune(self, commits: Collection[str | None], key: str | None = None) -> None:
        """Remove what is not needed: folders of other commits and drafts, and with `key`, what was kept of other URLs."""
        for left in self._folder.glob(f"{_COMMITS}/*"):
            if left.name not in commits:
                _remove(left)
        self._made &= set(filter(None, commits))
        for left in self._folder.iterdir():
            if key is not None and left.is_dir() and left.name not in (_COMMITS, key):
                _remove(left)


def _commit_of(good: str | None) -> tuple[str | None, bool]:
    """The commit that was good, and whether what was good differed from it."""
    name, plus, _ = (good or "").partition("+")
    return (name, bool(plus)) if re.fullmatch("[0-9a-f]{40}", name) else (None, False)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
