"""`reconcile records`"""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Number, common, output

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace


MEMBERS = ("matched", "ambiguous", "unmatched")


@click.command("records")
@click.argument("name")
@click.option("--field", metavar="FIELD", help="Only values of this field; of an import, records of this object.")
@click.option("--reason", metavar="REASON", help="Only what was rejected for this reason.")
@click.option(
    "--outcome",
    type=click.Choice(("rejected", *MEMBERS)),
    default="rejected",
    help="Of an import: its members by how they were tied to people.",
)
@click.option("--search", metavar="TEXT", help="Only what has this text in its key, name, value or detail.")
@click.option("--limit", type=Number(1, 1_000_000), default=50, show_default=True, help="How many a table shows.")
@output("table", "json", "csv")
@common
def command(
    project: Path | None,
    name: str,
    field: str | None,
    reason: str | None,
    outcome: str,
    search: str | None,
    limit: int,
    output: str,
) -> None:
    """What could not be written: which values, or which records of an import; why, since when, how often tried, and what to do
    about it. Of an import also: which members are tied to nobody, or could be several.

    \b
    reconcile records acme-profile
    reconcile records acme-profile --reason user-missing
    reconcile records acme-profile --output csv > rejected.csv
    reconcile records acme-community --outcome unmatched --output csv > unmatched.csv
    """
    from reconciler import errors
    from reconciler.cli.load import warn_of_doubts
    from reconciler.cli.terminal import output_style
    from reconciler.cli.wiring import workplace
    from reconciler.engine.kinds import applied_document
    from reconciler.model.outcome import Reason
    from reconciler.report import csv
    from reconciler.report import records as report
    from reconciler.state import outcomes

    if reason is not None and reason not in {known.value for known in Reason}:
        raise errors.UsageError(f"there is no reason '{reason}'", hint=", ".join(known.value for known in Reason))
    wanted = Reason(reason) if reason else None
    work = workplace(project)
    warn_of_doubts(work)
    if outcome in MEMBERS:
        if field or reason:
            raise errors.UsageError("members have no field and no reason", hint="take --field and --reason out")
        _show_members(work, name, outcome, search, limit, output)
        return
    with work.database.read() as session:
        document = applied_document(session, name)
        with closing(outcomes.search(session, document=document, item=field, reason=wanted, text=search)) as found:
            if output == "csv":
                for line in csv.lines(report.csv_head(document), report.csv_rows(found)):
                    click.echo(line, nl=False)
            elif output == "json":
                answer = {"formatVersion": report.FORMAT_VERSION, "records": [report.to_json(one) for one in found]}
                click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
            else:
                shown = list(islice(found, limit))
                total = outcomes.count(session, document=document, item=field, reason=wanted, text=search)
                click.echo(report.to_text(shown, total, kind=document.kind, style=output_style()))


def _show_members(work: Workplace, name: str, outcome: str, search: str | None, limit: int, output: str) -> None:
    from reconciler.cli.terminal import output_style
    from reconciler.engine.looking import members_of
    from reconciler.report import csv
    from reconciler.report import matches as report

    with members_of(work.database, name, outcome, search or "") as (found, total, counts):
        if output == "csv":
            for line in csv.lines(report.CSV_HEAD, report.csv_rows(found)):
                click.echo(line, nl=False)
        elif output == "json":
            answer = {
                "formatVersion": report.FORMAT_VERSION,
                "counts": counts,
                "members": [report.to_json(one) for one in found],
            }
            click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        else:
            click.echo(report.to_text(list(islice(found, limit)), counts, total, style=output_style()))
