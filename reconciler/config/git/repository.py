"""Where commits come from: a repository of this machine, read where it stands, or a remote one, of which a part is kept here."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from dulwich import errors as dulwich
from dulwich.object_store import DiskObjectStore
from dulwich.repo import Repo

from reconciler import atomic, errors
from reconciler.config.git import packs
from reconciler.config.git.address import Address
from reconciler.config.git.metering import Meter
from reconciler.config.git.objects import FAULTS, Objects
from reconciler.config.git.over_http import HttpClient
from reconciler.config.git.over_ssh import SshClient

WHOLE_HISTORY = 0x7FFFFFFF
"""The depth that git's own client asks for when it wants everything."""

_KNOWN = "known.json"


class Repository(Protocol):
    """A branch of a repository."""

    @property
    def objects(self) -> Objects: ...

    def head(self, branch: str, meter: Meter) -> str:
        """The newest commit of the branch, which is then here, with its files."""
        ...

    def deepen(self, branch: str, depth: int, meter: Meter) -> str:
        """Get so much of the history behind the newest commit, which is returned."""
        ...

    def close(self) -> None: ...


class LocalRepository:
    """A repository of this machine. Nothing is copied."""

    def __init__(self, address: Address) -> None:
        try:
            self._repo = Repo(address.path)
        except FAULTS:
            raise errors.NotFound(
                f"there is no git repository in {address.path}, or it cannot be read", hint="correct spec.source.git"
            ) from None
        self._objects = Objects(self._repo.object_store)

    @property
    def objects(self) -> Objects:
        return self._objects

    def head(self, branch: str, meter: Meter) -> str:
        try:
            refs: Mapping[bytes, bytes | None] = dict(self._repo.get_refs().items())
        except FAULTS:
            raise errors.ConfigIncomplete(f"the branches of {meter.shown} cannot be read") from None
        return choose(refs, branch, meter.shown)

    def deepen(self, branch: str, depth: int, meter: Meter) -> str:
        return self.head(branch, meter)

    def close(self) -> None:
        self._repo.close()


def choose(refs: Mapping[bytes, bytes | None], branch: str, shown: str) -> str:
    """The commit of a branch. Raises `errors.NotFound` when it is not there."""
    found = refs.get(b"refs/heads/" + branch.encode())
    if found is None and not any(refs.values()):
        raise errors.NotFound(
            f"the git repository at {shown} has no commit yet, and so no branch '{branch}'",
            hint="push the configuration to it; until then nothing changes",
        )
    if found is None:
        raise errors.NotFound(
            f"the git repository at {shown} has no branch '{branch}'",
            hint="if it was renamed, correct spec.source.branch; until then nothing changes",
        )
    name = found.decode("ascii", "replace")
    if len(name) == 64:
        raise errors.RemoteRefused(
            f"the git repository at {shown} names its objects by SHA-256, which is not supported",
            hint="follow one that uses SHA-1, as `git init` makes it by default",
        )
    if len(name) != 40 or not set(name) <= set("0123456789abcdef"):
        raise packs.malformed(shown)
    return name


class _Walker:
    """Tells the server what is here."""

    def __init__(self, haves: Iterable[str], shallow: Iterable[str]) -> None:
        self._haves: Iterator[bytes] = iter([name.encode() for name in haves])
        self.shallow = {name.encode() for name in shallow}

    def next(self) -> bytes | None:
        return next(self._haves, None)

    __next__ = next

    def forget(self) -> None:
        self._haves, self.shallow = iter(()), set()

    def ack(self, sha: bytes) -> None:
        """All that is here is named anyway."""

    def nak(self) -> None:
        """Nothing in common: the server sends everything that was asked for."""


class RemoteRepository:
    """A remote repository, and the shallow part of it that is kept in `folder`."""

    def __init__(self, address: Address, folder: Path, connect: Callable[[Meter], HttpClient | SshClient]) -> None:
        self._address = address
        self._folder = folder
        self._connect = connect
        self._open()

    def _open(self) -> None:
        for part in ("info", "pack"):
            (self._folder / "objects" / part).mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob("objects/**/tmp*"):
            left.unlink(missing_ok=True)
        self._store = DiskObjectStore(self._folder / "objects")
        self._objects = Objects(self._store)
        self._shallow: set[str] = set()
        self._tips: list[str] = []
        try:
            known = json.loads((self._folder / _KNOWN).read_bytes())
            self._shallow, self._tips = set(known["shallow"]), list(known["tips"])
        except (OSError, ValueError, LookupError, TypeError):
            return  # Nothing is claimed to be here, so the server sends it again.

    @property
    def objects(self) -> Objects:
        return self._objects

    def close(self) -> None:
        self._store.close()

    def forget(self) -> None:
        """Begin anew, with nothing."""
        self.close()
        shutil.rmtree(self._folder)
        self._open()

    def head(self, branch: str, meter: Meter) -> str:
        return self._receive(branch, 1, meter, lambda head: not self._objects.has(head))

    def deepen(self, branch: str, depth: int, meter: Meter) -> str:
        return self._receive(branch, depth, meter, lambda head: True)

    def _receive(self, branch: str, depth: int, meter: Meter, needed: Callable[[str], bool]) -> str:
        chosen: list[str] = []
        walker = _Walker(self._tips, self._shallow)

        def wants(refs: Mapping[bytes, bytes | None], depth: int | None = None) -> list[bytes]:
            chosen.append(choose(refs, branch, meter.shown))
            if not needed(chosen[0]):
                return []
            if depth == 1 and self._crowded(meter):
                self.forget()
                walker.forget()
            return [chosen[0].encode()]

        with tempfile.TemporaryFile(dir=self._folder) as file:
            result = self._converse(wants, walker, _sink(file), branch, depth, meter)
            if file.tell():
                self._add(file, meter)
        head = chosen[0]
        if not self._objects.has(head):
            raise packs.malformed(meter.shown)
        self._remember(head, result.new_shallow or (), result.new_unshallow or ())
        return head

    def _converse(
        self, wants: Any, walker: Any, write: Callable[[bytes], int], branch: str, depth: int, meter: Meter
    ) -> Any:
        client = self._connect(meter)
        prefixes = [b"refs/heads/" + branch.encode(), b"HEAD"]
        try:
            return client.fetch_pack(
                self._address.path, wants, walker, write, progress=_silent, depth=depth, ref_prefix=prefixes
            )
        except FAULTS as fault:
            raise _explained(client, fault, meter) from None
        finally:
            client.hang_up()

    def _add(self, file: IO[bytes], meter: Meter) -> None:
        file.flush()
        packs.check(file, meter)
        file.seek(0)
        try:
            self._store.add_thin_pack(file.read, None)
        except FAULTS:
            raise packs.malformed(meter.shown) from None

    def _crowded(self, meter: Meter) -> bool:
        """Whether so much has piled up that beginning anew is better. Nothing sorts packs here."""
        sizes = [pack.stat().st_size for pack in self._folder.glob("objects/pack/*.pack")]
        return len(sizes) >= meter.bounds.packs or sum(sizes) > 2 * meter.bounds.received

    def _remember(self, head: str, shallow: Iterable[bytes], unshallow: Iterable[bytes]) -> None:
        before = (set(self._shallow), list(self._tips))
        self._shallow |= {name.decode("ascii") for name in shallow}
        self._shallow -= {name.decode("ascii") for name in unshallow}
        if head not in self._tips:
            self._tips.append(head)
        if before != (self._shallow, self._tips):
            known = {"shallow": sorted(self._shallow), "tips": self._tips}
            atomic.replace(self._folder / _KNOWN, [json.dumps(known).encode()])


def _sink(file: IO[bytes]) -> Callable[[bytes], int]:
    """A disk that is full is not a fault of the server."""

    def write(data: bytes) -> int:
        try:
            return file.write(data)
        except OSError as error:
            raise unwritable(error) from None

    return write


def unwritable(error: OSError) -> errors.ConfigIncomplete:
    reason = (error.strerror or type(error).__name__).lower()
    return errors.ConfigIncomplete(
        f"the folder for what is fetched from git cannot be written: {reason}", hint="make room, or correct its rights"
    )


def _silent(words: bytes) -> None:
    """What a server says beside the data is for people who wait."""


def _explained(client: HttpClient | SshClient, fault: BaseException, meter: Meter) -> errors.ReconcileError:
    """What a failed conversation means. No text of the library or the server is repeated: it may hold anything."""
    told = client.explain() if isinstance(client, SshClient) else None
    if told is not None:
        return told
    if isinstance(fault, dulwich.HangupException | OSError | EOFError):
        return errors.RemoteUnavailable(
            f"the git server at {meter.shown} ended the conversation early", hint="it is asked again"
        )
    if type(fault) is dulwich.GitProtocolError:
        return errors.RemoteRefused(
            f"the git server at {meter.shown} refuses to send the repository, or talks in a way that is not understood",
            hint="correct spec.source.git; is it a repository that these credentials may read?",
        )
    return packs.malformed(meter.shown)
