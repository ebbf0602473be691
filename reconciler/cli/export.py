"""`reconcile export`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("export")
@click.argument("name", required=False)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file; default: standard output."
)
@click.option("--raw", is_flag=True, help="Leave cells that a spreadsheet would take for a formula as they are.")
@common
def command(project: Path | None, name: str | None, out: Path | None, raw: bool) -> None:
    """The synced data as CSV: User ID, User Name, CC User Profile Field, Value, Status. Of one document, or of all.

    \b
    reconcile export acme-profile --out synced.csv
    """
    from reconciler.cli.files import refuse_own, write_atomically
    from reconciler.cli.load import warn_of_doubts
    from reconciler.cli.wiring import workplace
    from reconciler.engine.looking import export
    from reconciler.report import csv

    work = workplace(project)
    if out is not None:
        refuse_own(out, work.root, work.own_places)
    warn_of_doubts(work)
    with export(work.database, name) as (head, rows):
        lines = csv.lines(head, rows, raw=raw)
        if out is not None:
            write_atomically(out, lines)
            click.echo(f"Saved to {out}")
            return
        sys.stdout.flush()
        for line in lines:
            sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()
