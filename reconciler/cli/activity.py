"""`reconcile activity`"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Number, RunNumber, common, output

if TYPE_CHECKING:
    from reconciler.model.run import Run, Tally

RESULTS = ("Running", "Success", "Partial Success", "Failed", "Interrupted")


@click.command("activity")
@click.argument("run", required=False, type=RunNumber())
@click.option("--document", help="Only runs of this document.")
@click.option("--result", type=click.Choice(RESULTS, case_sensitive=False), help="Only runs with this result.")
@click.option("--search", metavar="TEXT", help="Only runs whose job, document, connection or reason has this text.")
@click.option("--limit", type=Number(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@click.option("--before", type=RunNumber(), metavar="RUN", help="Only runs older than this one, to page on.")
@output("table", "json", "csv")
@common
def command(
    project: Path | None,
    run: int | None,
    document: str | None,
    result: str | None,
    search: str | None,
    limit: int,
    before: int | None,
    output: str,
) -> None:
    """The log of cycles: when, what, how it ended, how many values or records were valid and invalid.

    \b
    reconcile activity
    reconcile activity --result failed --search timeout
    reconcile activity 12                    one run in full
    reconcile activity --output csv > activity.csv
    """
    from reconciler.cli.load import warn_of_doubts
    from reconciler.cli.wiring import workplace
    from reconciler.engine.looking import document_of_runs
    from reconciler.model.run import RunResult
    from reconciler.state import runs

    work = workplace(project)
    warn_of_doubts(work)
    with work.database.read() as session:
        if run is not None:
            found = runs.get(session, run)
            _print_one(found, runs.items(session, run), output)
            return
        _print(
            runs.search(
                session,
                document=document_of_runs(session, document) if document else None,
                result=RunResult(result) if result else None,
                text=search,
                limit=limit,
                before=before,
            ),
            output,
        )


def _print_one(run: Run, items: Mapping[str, Tally], output: str) -> None:
    from reconciler.cli.terminal import output_style
    from reconciler.report import activity

    if output == "json":
        data = {"formatVersion": activity.FORMAT_VERSION, **activity.run_json(run, items)}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output == "csv":
        _csv([run])
    else:
        click.echo(activity.run_to_text(run, items, style=output_style()))


def _print(found: Sequence[Run], output: str) -> None:
    from reconciler.cli.terminal import output_style
    from reconciler.report import activity

    if output == "json":
        click.echo(json.dumps(activity.to_json(found), indent=2, ensure_ascii=False))
    elif output == "csv":
        _csv(found)
    else:
        click.echo(activity.to_text(found, style=output_style()))


def _csv(found: Sequence[Run]) -> None:
    from reconciler.report import activity, csv

    for line in csv.lines(activity.CSV_HEAD, activity.csv_rows(found)):
        click.echo(line, nl=False)
