"""The composition root: makes the parts from the project file and hands them to the engine."""

from __future__ import annotations

import getpass
import os
import platform
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from reconciler.clock import Clock, SystemClock
from reconciler.model.resources import (
    CcConnection,
    Connection,
    CsConnection,
    Project,
    RateLimit,
    SecretRef,
    SqlConnection,
)

if TYPE_CHECKING:
    from reconciler.cli.progress import Waits
    from reconciler.connectors.base import Budget
    from reconciler.connectors.gainsight_cc.client import CcClient
    from reconciler.connectors.gainsight_cs.client import CsClient
    from reconciler.connectors.http import HttpClient
    from reconciler.connectors.notify.base import Sender
    from reconciler.connectors.sql.source import SqlSource
    from reconciler.connectors.sql.target import SqlTarget
    from reconciler.engine.sync import Remotes
    from reconciler.model.event import Transition
    from reconciler.state.database import Database
    from reconciler.state.session import Session
    from reconciler.state.standing import Standing
    from reconciler.web.metrics import Metrics

LOOPBACK = "RECONCILE_ALLOW_LOOPBACK"
"""The operator's word that connections may use plain http to this machine; never part of the repository."""


@dataclass(kw_only=True)
class Workplace:
    """A project with what a command needs to work on it."""

    root: Path
    project: Project
    clock: Clock = field(default_factory=SystemClock)
    stop: threading.Event = field(default_factory=threading.Event)
    holder: str = field(default_factory=lambda: f"process {os.getpid()} on {platform.node()}")
    attempts: int = 5
    """How often a call is tried. A check tries less: somebody waits for its answer."""
    waits: Waits | None = None
    """Who is told when a connection makes us wait; None: a line on standard error."""
    metrics: Metrics | None = None
    """Counts the calls of connections that are made from now on."""

    @cached_property
    def database(self) -> Database:
        """The project's database. Its connections are given back when the command that is running ends."""
        from click import get_current_context

        from reconciler.state.database import open_database

        opened = open_database(self._database_url, clock=self.clock, root=self.root)
        command = get_current_context(silent=True)
        if command is not None:
            command.call_on_close(opened.close)
        return opened

    def standing(self) -> Standing | None:
        """What is recorded, if a glance tells and the state file raises no doubt of it; None: ask the database."""
        from reconciler.state import statefile
        from reconciler.state.standing import glance

        found = glance(self._database_url, self.root)
        if found is None:
            return None
        fits = statefile.fits(self.state_file, lineage=found.lineage, serial=found.serial, newest_run=found.newest_run)
        return found if fits else None

    @cached_property
    def _database_url(self) -> str:
        from reconciler.cli.redaction import resolve

        url = self.project.database
        return resolve(url, self.root) if isinstance(url, SecretRef) else url

    @property
    def person(self) -> str:
        """Who types the commands, for what is recorded with a name."""
        try:
            return f"{getpass.getuser()} on {platform.node()}"
        except (OSError, KeyError):  # a container's user may have no name
            return f"user {os.getuid()} on {platform.node()}"

    @property
    def allow_loopback(self) -> bool:
        return os.environ.get(LOOPBACK) == "1"

    @property
    def own_places(self) -> list[Path]:
        """Files and folders of the project, which no output may replace."""
        project = self.project
        places = [Path("reconcile.yaml"), Path(project.state_file), Path(project.catalog), *map(Path, project.configs)]
        if isinstance(project.database, str) and project.database.startswith("sqlite:///"):
            places.append(Path(project.database.removeprefix("sqlite:///")))
        return places

    @property
    def state_file(self) -> Path:
        return self.root / self.project.state_file

    @property
    def catalog_folder(self) -> Path:
        return self.root / self.project.catalog

    def remotes(self) -> Remotes:
        from reconciler.engine.sync import Remotes

        return Remotes(cs=self.cs, cc=self.cc, sql=self.sql, tables=self.tables)

    def cs(self, connection: CsConnection, stop: threading.Event | None = None) -> CsClient:
        from reconciler.cli.redaction import resolve
        from reconciler.connectors.gainsight_cs.client import CsClient, base_url

        key = resolve(connection.access_key, self.root)
        http = self._http(connection.name, base_url(connection), connection.rate_limit, connection.concurrency, stop)
        return CsClient(connection, key, http=http, clock=self.clock)

    def cc(self, connection: CcConnection, stop: threading.Event | None = None) -> CcClient:
        from reconciler.cli.redaction import resolve
        from reconciler.connectors.gainsight_cc.client import CcClient, base_url

        id, secret = resolve(connection.client_id, self.root), resolve(connection.client_secret, self.root)
        http = self._http(connection.name, base_url(connection), connection.rate_limit, connection.concurrency, stop)
        return CcClient(connection, id, secret, http=http, clock=self.clock)

    def sql(self, connection: SqlConnection, stop: threading.Event | None = None) -> SqlSource:
        from reconciler.cli.redaction import KNOWN, resolve
        from reconciler.connectors.sql.source import SqlSource

        url = resolve(connection.url, self.root)
        source = SqlSource(connection, url, root=self.root, clock=self.clock, stop=stop or self.stop)
        for secret in source.address.secrets:
            KNOWN.add(secret)
        return source

    def tables(self, connection: SqlConnection, stop: threading.Event | None = None) -> SqlTarget:
        from reconciler.cli.redaction import KNOWN, resolve
        from reconciler.connectors.sql.target import SqlTarget

        url = resolve(connection.url, self.root)
        target = SqlTarget(connection, url, root=self.root, clock=self.clock, stop=stop or self.stop)
        for secret in target.address.secrets:
            KNOWN.add(secret)
        return target

    def remote(self, connection: Connection) -> CsClient | CcClient | SqlSource:
        """What talks to a connection. Raises `errors.SecretUnavailable`, and `errors.RemoteError` where it cannot be made."""
        match connection:
            case CsConnection():
                return self.cs(connection)
            case CcConnection():
                return self.cc(connection)
            case SqlConnection():
                return self.sql(connection)

    def _http(
        self, name: str, base_url: str, limit: RateLimit, connections: int, stop: threading.Event | None
    ) -> HttpClient:
        from reconciler.cli.progress import notices
        from reconciler.connectors.http import HttpClient
        from reconciler.connectors.throttle import MeasuredBudget
        from reconciler.state.budgets import SharedBudget

        self.database.migrate()
        self.waits = self.waits or notices(self.clock)
        waiting = partial(self.waits.waiting, name)
        budget: Budget = SharedBudget(self.database, name, limit, self.clock, waiting=waiting)
        if self.metrics:
            budget = MeasuredBudget(budget, self.clock, self.metrics.throttle_observer(name))
        return HttpClient(
            base_url,
            budget=budget,
            clock=self.clock,
            stop=stop or self.stop,
            connections=connections,
            allow_loopback=self.allow_loopback,
            attempts=self.attempts,
            waiting=waiting,
            observer=self.metrics.http_observer(name) if self.metrics else None,
        )

    def announce(self, session: Session, transitions: Sequence[Transition], now: datetime) -> None:
        """Put what began or ended into the outbox of the notifications."""
        from reconciler.cli.redaction import KNOWN
        from reconciler.engine.announcing import announce

        announce(session, self.project, transitions, now=now, mask=KNOWN)

    def senders(self) -> dict[str, Sender]:
        """What sends to each notification channel of the project, by the channel's name."""
        from reconciler.cli.redaction import resolve
        from reconciler.connectors.notify.senders import senders

        return senders(
            self.project.notifications,
            lambda ref: resolve(ref, self.root),
            clock=self.clock,
            stop=self.stop,
            allow_loopback=os.environ.get(LOOPBACK) == "1",
        )

    @property
    def commit(self) -> str | None:
        """The commit that is checked out, with `+changes` when the project's files differ from it; None outside git."""
        head = _git(self.root, "rev-parse", "HEAD")
        if head is None:
            return None
        dirty = _git(
            self.root, "status", "--porcelain", "--", ".", ":(exclude)" + Path(self.project.state_file).parts[0]
        )
        return f"{head}+changes" if dirty else head

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and a terminal that closes ask to stop; a second one stops at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            if self.stop.is_set():
                raise KeyboardInterrupt
            self.stop.set()
            # Not through Python's buffers, which this may have interrupted.
            os.write(2, b"stopping: what is under way is finished and recorded; once more stops at once\n")

        names = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
            names.append(signal.SIGHUP)
        before = {name: signal.signal(name, ask) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and the folder is ours
            ["git", "-C", str(root), *arguments],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def workplace(project: Path | None) -> Workplace:
    """The workplace of a project file alone: what is recorded counts, not the documents in the folder."""
    from reconciler.config.load import load_project_file

    root, found = load_project_file(project, Path.cwd())
    return Workplace(root=root, project=found)
