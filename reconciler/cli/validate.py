"""`reconcile validate`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("validate")
@click.option(
    "--format",
    "--output",
    "output",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How to print.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--no-cache", is_flag=True, help="Parse every file anew.")
@click.option("--online", is_flag=True, help="Check attributes against the live systems (needs the secrets).")
@common
def command(project: Path | None, output: str, strict: bool, no_cache: bool, online: bool) -> int:
    """Check every document, without network or secrets. All errors at once, each with a place, a reason and a hint.

    \b
    reconcile validate
    reconcile validate --format github     annotations for a pull request
    """
    from reconciler.cli.load import load, render
    from reconciler.model.diagnostic import Severity

    loaded = load(project, cache=not no_cache, online=online)
    click.echo(render(loaded, output), nl=False)
    severities = {found.severity for found in loaded.diagnostics}
    return 1 if Severity.ERROR in severities or (strict and severities) else 0
