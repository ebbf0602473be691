"""Putting the loop together."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from reconciler.clock import new_token

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.loop.follow import Source
    from reconciler.loop.runner import Loop
    from reconciler.web.logs import Format
    from reconciler.web.server import Server


@contextmanager
def assemble(work: Workplace, *, form: Format | None = None, listen: str | None = None) -> Iterator[Loop]:
    """The loop of a project, ready to run. `form` is that of the log; with `listen` it answers there while the context lasts."""
    from reconciler.cli.watching import watch
    from reconciler.loop.board import Board
    from reconciler.loop.crew import Crew
    from reconciler.loop.follow import Follower
    from reconciler.loop.guard import Guard, Memory, Pulse
    from reconciler.loop.replica import Replica, machine
    from reconciler.loop.runner import Loop

    settings = work.project.loop
    holder = f"loop {new_token()[:8]} on {platform.node()}"
    board, changed = Board(settings.workers), threading.Event()
    now = work.clock.monotonic()
    pulse = Pulse(clock=work.clock, ticked=now, looked=now)
    outlook = watch(work, pulse, holder=holder, form=form, listen=listen)
    with closing(_source(work)) as source, _served(outlook.server):
        yield Loop(
            database=work.database,
            settings=settings,
            state_file=work.state_file,
            clock=work.clock,
            stop=work.stop,
            emit=outlook.emit,
            board=board,
            crew=Crew(
                board=board,
                database=work.database,
                remotes=work.remotes(),
                holder=holder,
                clock=work.clock,
                stop=work.stop,
                emit=outlook.emit,
                announce=outlook.announce,
                finished=changed,
            ),
            follower=Follower(
                source=source,
                project=work.project,
                database=work.database,
                clock=work.clock,
                holder=holder,
                emit=outlook.emit,
                announce=outlook.announce,
            ),
            replica=Replica(database=work.database, holder=holder, machine=machine()),
            courier=outlook.courier,
            pulse=pulse,
            guard=Guard(pulse=pulse, emit=outlook.emit, stop=work.stop),
            memory=Memory(database=work.database, state_file=work.state_file),
            changed=changed,
        )


@contextmanager
def _served(server: Server | None) -> Iterator[None]:
    if server is None:
        yield
        return
    server.start()
    try:
        yield
    finally:
        server.stop()


def _source(work: Workplace) -> Source:
    """Where the configuration comes from: a branch where the project file names one, else its own folder."""
    from reconciler.loop.follow import Branch, Folder

    source = work.project.source
    if source is None:
        return Folder(root=work.root, commit=lambda: work.commit)
    from reconciler.cli.redaction import resolve
    from reconciler.cli.wiring import LOOPBACK
    from reconciler.config.git.checkout import GitCheckout
    from reconciler.state import applies

    def applied() -> list[str]:
        with work.database.read() as session:
            return applies.commits(session)

    checkout = GitCheckout(
        source,
        work.root,
        resolve=lambda reference: resolve(reference, work.root),
        clock=work.clock,
        folder=work.state_file.parent / "source",  # where the program may write
        allow_loopback=os.environ.get(LOOPBACK) == "1",
    )
    return Branch(checkout=checkout, source=source, stop=work.stop, applied=applied)
