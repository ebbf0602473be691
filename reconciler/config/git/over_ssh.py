"""Git over ssh: the `ssh` of this machine, without prompts, with the hosts and keys that its own configuration knows."""

from __future__ import annotations

import io
import os
import select
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from dulwich.client import SSHGitClient, SSHVendor

from reconciler import errors
from reconciler.config.git.address import Address
from reconciler.config.git.metering import Meter, Metered

_MAX_COMPLAINT = 64 * 1024
_SSH_ITSELF = 255


class SshClient(SSHGitClient):
    """Talks to one repository. `explain` says why a conversation ended early, as far as ssh told."""

    def __init__(self, address: Address, meter: Meter, key: Path | None) -> None:
        self._caller = _Caller(meter, key)
        super().__init__(address.host, port=address.port, username=address.user, vendor=self._caller, quiet=True)

    def explain(self) -> errors.ReconcileError | None:
        return self._caller.explain()

    def hang_up(self) -> None:
        self._caller.hang_up()


class _Caller(SSHVendor):
    def __init__(self, meter: Meter, key: Path | None) -> None:
        self._meter = meter
        self._key = key
        self._pipes: _Pipes | None = None

    def run_command(
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,
        key_filename: str | None = None,
        ssh_command: str | None = None,
        protocol_version: int | None = None,
    ) -> Any:
        options = ["-x", "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(self._meter.bounds.connect))}"]
        options += ["-o", "SetEnv=GIT_PROTOCOL=version=2"] if protocol_version in (None, 2) else []
        options += ["-p", str(port)] if port is not None else []
        if self._key is not None:
            options += ["-i", str(self._key), "-o", "IdentitiesOnly=yes"]
        target = f"{username}@{host}" if username else host
        self._pipes = _Pipes(["ssh", *options, "--", target, os.fsdecode(command)], self._meter)
        return self._pipes

    def explain(self) -> errors.ReconcileError | None:
        return None if self._pipes is None else self._pipes.explain()

    def hang_up(self) -> None:
        if self._pipes is not None:
            self._pipes.hang_up()


class _Pipes:
    """A running ssh as dulwich wants it: read, write and can_read. It is not asked to close what it may forget to close."""

    close = None

    def __init__(self, command: list[str], meter: Meter) -> None:
        self._meter = meter
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        # Nothing of git's own variables may reach ssh or choose another one, and nobody is there to be asked.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SSH_ASKPASS"))}
        try:
            self._process = subprocess.Popen(  # noqa: S603 (an argument list; the URL was checked)
                command,
                env=kept,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
            )
        except OSError:
            self._complaints.close()
            raise errors.RemoteUnavailable(
                "the program ssh cannot be started", hint="install an ssh client, or follow the repository over https"
            ) from None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._words = ""
        self.read = io.BufferedReader(Metered(self, meter)).read

    def receive(self, buffer: memoryview, seconds: float) -> int:
        if not select.select([self._out], [], [], seconds)[0]:
            raise TimeoutError
        data = os.read(self._out, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: memoryview, seconds: float) -> int:
        if not select.select([], [self._in], [], seconds)[1]:
            raise TimeoutError
        try:
            return os.write(self._in, data)
        except BlockingIOError:
            raise TimeoutError from None
        except OSError:
            raise self._ended() from None

    def write(self, data: bytes) -> None:
        self._meter.send(self, data)

    def can_read(self) -> bool:
        """Never, as far as the library is to know: while it tells what is here, it would take news of history for an answer."""
        return False

    def hang_up(self) -> None:
        """End the conversation, and ssh; once is enough."""
        if self._complaints.closed:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.seek(0)
        self._words = self._complaints.read(_MAX_COMPLAINT).decode(errors="replace").lower()
        self._complaints.close()

    def explain(self) -> errors.ReconcileError | None:
        """Why ssh ended, None if it ended well. ssh says it only in words."""
        self.hang_up()
        return None if self._process.returncode == 0 else self._ended()

    def _ended(self) -> errors.ReconcileError:
        self.hang_up()
        words = self._words
        shown = self._meter.shown
        if "host key verification failed" in words or "identification has changed" in words:
            return errors.AddressRefused(
                f"the host key of {shown} is not known to ssh, or not the one it knows",
                hint="put the right key into known_hosts of the user who runs this; it is never accepted unseen",
            )
        if "permission denied" in words or "too many authentication failures" in words:
            return errors.AuthenticationFailed(
                f"{shown} refuses the ssh key",
                hint="name a key that may read the repository with spec.source.sshKey; only its owner may read the file",
            )
        if self._process.returncode == _SSH_ITSELF:
            return errors.RemoteUnavailable(f"{shown} cannot be reached over ssh", hint="it is asked again")
        return errors.RemoteRefused(
            f"{shown} takes the ssh connection and refuses to send the repository",
            hint="correct spec.source.git; the key may be one that cannot read this repository",
        )
