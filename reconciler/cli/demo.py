"""`reconcile demo`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import Number, common


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where the demo's project goes; an earlier demo there is replaced.",
)
@click.option("--people", type=Number(20, 5000), default=200, show_default=True, help="People in the sandbox.")
@click.option("--keep", is_flag=True, help="Leave the sandbox running.")
@common
def command(project: object, folder: Path, people: int, keep: bool) -> None:
    """The whole story in a minute: a sandbox, a project, and the commands that you would type. No account needed."""
    from reconciler.cli.story import tell

    tell(folder, people=people, keep=keep)
