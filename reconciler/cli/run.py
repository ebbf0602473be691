"""`reconcile run`"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, NoReturn

import click

from reconciler.cli.main import INTERRUPTED
from reconciler.cli.options import common


@click.command("run")
@click.option("--config", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the project; as --project.")
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where /healthz, /readyz, /metrics and /version are answered; port 0 picks one, `none` answers nowhere.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default=None,
    help="Default: text on a terminal, else json: one object on each line of standard output.",
)
@common
def command(project: Path | None, config: Path | None, listen: str, log_format: Literal["json", "text"] | None) -> int:
    """Work until stopped: follow the configuration, apply what is safe, run every cycle that is due.

    \b
    reconcile run
    reconcile run --config /config --listen 0.0.0.0:8080

    SIGTERM and SIGINT end it within ten seconds; a second signal at once.
    """
    from reconciler import errors
    from reconciler.cli.looping import assemble
    from reconciler.cli.wiring import workplace

    if project is not None and config is not None:
        raise errors.UsageError("--config and --project say the same", hint="leave one of them away")
    work = workplace(project or config)
    work.attempts = 3
    where = None if listen == "none" else listen
    with work.signals(), assemble(work, form=log_format, listen=where) as loop:
        try:
            loop.run()
        except KeyboardInterrupt:
            _leave(INTERRUPTED)
        if loop.hung:
            _leave(0)
    return 0


def _leave(code: int) -> NoReturn:
    """End now. A thread that hangs in a call would keep Python waiting; what it sent is in the journal."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
