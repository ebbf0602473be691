"""Putting the loop together."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.clock import new_token

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.loop.follow import Source
    from reconciler.loop.runner import Loop


@contextmanager
def assemble(work: Workplace) -> Iterator[Loop]:
    """The loop of a project, ready to run."""
    from reconciler.loop.board import Board
    from reconciler.loop.crew import Crew
    from reconciler.loop.follow import Follower
    from reconciler.loop.replica import Replica, machine
    from reconciler.loop.runner import Loop, Pulse
    from reconciler.model.event import Event

    settings = work.project.loop
    holder = f"loop {new_token()[:8]} on {platform.node()}"
    database = work.database

    def emit(event: Event) -> None:
        print(event, flush=True)

    board = Board(settings.workers)
    changed = threading.Event()
    source = _source(work)
    loop = Loop(
        database=database,
        settings=settings,
        state_file=work.state_file,
        clock=work.clock,
        stop=work.stop,
        emit=emit,
        board=board,
        crew=Crew(
            board=board,
            database=database,
            remotes=work.remotes(),
            holder=holder,
            clock=work.clock,
            stop=work.stop,
            emit=emit,
            announce=None,
            finished=changed,
        ),
        follower=Follower(
            source=source,
            project=work.project,
            database=database,
            clock=work.clock,
            holder=holder,
            emit=emit,
            announce=None,
        ),
        replica=Replica(database=database, holder=holder, machine=machine()),
        courier=lambda: None,
        pulse=Pulse(clock=work.clock, ticked=work.clock.monotonic()),
        changed=changed,
    )
    try:
        yield loop
    finally:
        source.close()


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
        allow_loopback=os.environ.get(LOOPBACK) == "1",
    )
    return Branch(checkout=checkout, source=source, stop=work.stop, applied=applied)
