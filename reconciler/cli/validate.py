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
    type=click.Choice(["text", "json", "github", "sarif", "junit"]),
    default="text",
    show_default=True,
    help="How to print.",
)
@click.option(
    "--output-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write that format to a file, and print the text.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--no-cache", is_flag=True, help="Parse every file anew.")
@click.option("--online", is_flag=True, help="Check attributes against the live systems (needs the secrets).")
@common
def command(
    project: Path | None, output: str, output_file: Path | None, strict: bool, no_cache: bool, online: bool
) -> int:
    """Check every document, without network or secrets. All errors at once, each with a place, a reason and a hint.

    \b
    reconcile validate
    reconcile validate --format github     annotations for a pull request
    reconcile validate --format junit --output-file junit.xml
    """
    from reconciler.cli.findings import find, render, save
    from reconciler.model.diagnostic import Severity

    findings = find(project, cache=not no_cache, online=online)
    if output_file is not None:
        save(findings, output, output_file, strict=strict)
    click.echo(render(findings, output if output_file is None else "text", strict=strict), nl=False)
    severities = {found.severity for found in findings.diagnostics}
    return 1 if Severity.ERROR in severities or (strict and severities) else 0
