"""`reconcile doctor`"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Leave the connections out.")
@common
def command(project: Path | None, offline: bool) -> int:
    """Check everything that a working installation needs: documents, database, state file, secrets, connections, clock."""
    from reconciler import __version__
    from reconciler.cli.checks import connection_checks, print_checks, project_checks, state_checks, verdict
    from reconciler.cli.load import load, place
    from reconciler.cli.online import chosen
    from reconciler.cli.wiring import LOOPBACK

    loaded = load(project)
    work = place(loaded)
    click.echo(f"reconcile {__version__}, Python {platform.python_version()}, {platform.system()}")
    if os.environ.get(LOOPBACK) == "1":
        click.echo(f"{LOOPBACK}=1: connections may use plain http to this machine; do not set this in production")
    sections = {f"project {loaded.project.name} ({loaded.root})": [*project_checks(loaded), *state_checks(work)]}
    if not offline:
        with work.signals():
            for name, connection in chosen(loaded, ()).items():
                sections[name] = list(connection_checks(work, loaded, connection))
    for title, checks in sections.items():
        print_checks(title, checks)
    return verdict(check for checks in sections.values() for check in checks)
