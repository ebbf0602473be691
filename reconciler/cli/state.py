"""`reconcile state`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Group, at_every_level, common, output

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace


@click.group("state", cls=Group)
@common
@click.pass_context
def command(ctx: click.Context, project: Path | None) -> None:
    """The state file: a projection of the database for people, scripts and dashboards."""
    at_every_level(ctx, project)


@command.command("show")
@output("text", "json")
@common
def show(project: Path | None, output: str) -> None:
    """Print the state file, after checking that it is whole and belongs to this project's database."""
    from reconciler.cli.load import warn_of_doubts
    from reconciler.cli.wiring import workplace
    from reconciler.state import statefile

    work = workplace(project)
    data = statefile.read(work.state_file, lineage=_lineage(work))
    warn_of_doubts(work)
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True))
        return
    from reconciler.cli.terminal import output_style
    from reconciler.report.state import to_text

    click.echo(to_text(data, style=output_style()))


@command.command("rebuild")
@common
def rebuild(project: Path | None) -> None:
    """Write the state file anew from the database, which is the authority."""
    from reconciler.cli.wiring import workplace
    from reconciler.engine.projection import write_state_file

    work = workplace(project)
    serial = write_state_file(work.database, work.state_file, rebuild=True)
    click.echo(f"{work.state_file.relative_to(work.root)} written from the database, serial {serial}")


def _lineage(work: Workplace) -> str | None:
    from reconciler.state import meta

    with work.database.read() as session:
        current = meta.read(session)
    return current.lineage if current else None
