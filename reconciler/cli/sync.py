"""`reconcile sync`"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import common, output

if TYPE_CHECKING:
    from reconciler.engine.cycle import Report


@click.command("sync")
@click.argument("name")
@output("text", "json")
@common
def command(project: Path | None, name: str, output: str) -> int:
    """Run one cycle of an applied document now: read, match, compare with what was written before, write what changed.

    \b
    reconcile sync acme-profile

    Exit code 3 means that some values were rejected: `reconcile records NAME` says which and why.
    """
    from reconciler.cli.progress import watching
    from reconciler.cli.wiring import workplace
    from reconciler.engine.cycle import exit_code
    from reconciler.engine.projection import refuse_unusable, write_state_file
    from reconciler.engine.sync import sync

    work = workplace(project)
    refuse_unusable(work.database, work.state_file)
    with work.signals(), watching(work.clock) as progress:
        report = sync(
            work.database,
            name,
            work.remotes(),
            holder=work.holder,
            clock=work.clock,
            stop=work.stop,
            progress=progress,
        )
    # What the cycle did is told by the exit code, too, also when nobody reads the text.
    with suppress(BrokenPipeError):
        _print(report, output)
        sys.stdout.flush()
    write_state_file(work.database, work.state_file)
    return exit_code(report)


def _print(report: Report, output: str) -> None:
    from reconciler.cli.terminal import output_style
    from reconciler.report import activity

    if output == "json":
        data = {"formatVersion": activity.FORMAT_VERSION, **activity.run_json(report.run, report.tallies)}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    style = output_style()
    click.echo(activity.run_to_text(report.run, report.tallies, style=style))
    if report.error is not None and report.error.hint:
        click.echo(f"\nhint: {report.error.hint}")
