"""`reconcile run`"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from reconciler.cli.main import INTERRUPTED
from reconciler.cli.options import common


@click.command("run")
@click.option("--config", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the project; as --project.")
@common
def command(project: Path | None, config: Path | None) -> int:
    """Work until stopped: follow the configuration, apply what is safe, run every cycle that is due.

    \b
    reconcile run
    reconcile run --config /config

    SIGTERM and SIGINT end it within ten seconds; a second signal at once.
    """
    from reconciler import errors
    from reconciler.cli.looping import assemble
    from reconciler.cli.wiring import workplace

    if project is not None and config is not None:
        raise errors.UsageError("--config and --project say the same", hint="leave one of them away")
    work = workplace(project or config)
    work.attempts = 3
    with work.signals(), assemble(work) as loop:
        try:
            loop.run()
        except KeyboardInterrupt:
            _leave(INTERRUPTED)
        if loop.abandoned:
            _leave(0)
    return 0


def _leave(code: int) -> NoReturn:
    """End now. A thread that hangs in a call would keep Python waiting; what it sent is in the journal."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
