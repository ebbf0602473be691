"""`reconcile run`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

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
        loop.run()
    sys.stdout.flush()
    return 0
