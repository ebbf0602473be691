"""`reconcile suspend`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("suspend")
@click.argument("name")
@common
def command(project: Path | None, name: str) -> None:
    """Let no cycle of a document start until it is resumed. One that is under way goes on.

    \b
    reconcile suspend acme-profile

    For good, write `suspend: true` into the document.
    """
    from reconciler.cli.wiring import workplace
    from reconciler.engine.asking import suspend

    work = workplace(project)
    new = suspend(work.database, name, work.person, work.project.loop, work.clock)
    click.echo(f"{name} is suspended; `reconcile resume {name}` ends it." if new else f"{name} was suspended already.")
