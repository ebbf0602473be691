"""`reconcile resume`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("resume")
@click.argument("name")
@common
def command(project: Path | None, name: str) -> None:
    """Let the cycles of a suspended document start again. However many slots went by, it runs once.

    \b
    reconcile resume acme-profile
    """
    from reconciler.cli.wiring import workplace
    from reconciler.engine.asking import resume

    work = workplace(project)
    new = resume(work.database, name, work.project.loop, work.clock)
    click.echo(f"{name} is resumed." if new else f"{name} was not suspended.")
