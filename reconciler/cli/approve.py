"""`reconcile approve`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("approve")
@click.argument("subject", metavar="DIGEST|COMMIT")
@common
def command(project: Path | None, subject: str) -> None:
    """Approve what the loop waits with: a plan beyond the limits or under `applyPolicy: manual`, or a rewritten branch.

    \b
    reconcile status                 says what waits, and the command
    reconcile approve 4f1c09aa21be

    Exactly that plan is approved. When anything changes before the loop applies it, it waits again.
    """
    from reconciler.cli.wiring import workplace
    from reconciler.engine.asking import approve

    work = workplace(project)
    held = approve(work.database, subject, work.person, work.clock)
    click.echo(f"Approved: {held.reason}\nThe loop goes on with it at its next look at the configuration.")
