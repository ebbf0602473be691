"""`reconcile status`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli.options import common, output


@click.command("status")
@click.argument("name", required=False)
@output("table", "json")
@common
def command(project: Path | None, name: str | None, output: str) -> None:
    """Status of every applied document and mapping: Successful, Partially Successful, Pending or Failed, and why.

    \b
    reconcile status
    reconcile status acme-profile --output json
    """
    from reconciler.cli.load import warn_of_doubts
    from reconciler.cli.terminal import output_style
    from reconciler.cli.wiring import workplace
    from reconciler.engine.looking import config_conditions, document_statuses
    from reconciler.report import status as report

    work = workplace(project)
    warnings = warn_of_doubts(work)
    found = document_statuses(work.database, name, work.project.loop, work.clock.now())
    waiting = [
        report.Waiting(condition=held.condition.value, reason=held.reason, hint=held.hint, since=held.since)
        for held in config_conditions(work.database)
    ]
    if output == "json":
        content = report.to_json(found, warnings=warnings, waiting=waiting)
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        click.echo(report.to_text(found, named=name is not None, waiting=waiting, style=output_style()))
