"""`reconcile ci`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import common

if TYPE_CHECKING:
    from reconciler.config.load import LoadedProject


@click.group("ci", no_args_is_help=False)
def command() -> None:
    """For jobs that check pull requests."""


@command.command("comment")
@click.option(
    "--base",
    required=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="The same project in a checkout of the base branch.",
)
@click.option(
    "--provider", type=click.Choice(["github", "gitlab"]), help="Whose job this is; default: found by its environment."
)
@click.option(
    "--full",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the whole plan to a file, for an artifact of the job.",
)
@click.option("--no-cache", is_flag=True, help="Parse every file anew.")
@common
def comment(project: Path | None, base: Path, provider: str | None, full: Path | None, no_cache: bool) -> int:
    """Show what a pull request changes, in one comment that is kept up to date. Needs no database and no secrets of Gainsight.

    Compares with the base branch. The comment is cut where it would be too long, and says so; the log has all of it. Where
    the job may not write comments (pull requests from forks on GitHub), the plan goes to the job's summary.

    \b
    reconcile ci comment --base ../base/customer-data
    """
    from reconciler.cli import code_host
    from reconciler.cli.load import load, place, warn
    from reconciler.report import pull_request

    job = code_host.job(provider)
    loaded = load(project, cache=not no_cache)
    whole, short, note, code = _compared(loaded, base, cache=not no_cache)
    if loaded.valid:
        warn(loaded)
    if full is not None:
        _save(full, whole, loaded)
    click.echo(whole)
    body = pull_request.comment(short, note=note, commit=job.commit, job=job.url)
    said = code_host.say(
        job, pull_request.marker(loaded.project.name), body, allow_loopback=place(loaded).allow_loopback
    )
    click.echo(f"\n{said}")
    return code


def _compared(loaded: LoadedProject, base: Path, *, cache: bool) -> tuple[str, str, str, int]:
    """The whole plan as text, as Markdown for a comment, a note about it, and the exit code."""
    from reconciler import errors
    from reconciler.cli.load import load
    from reconciler.config.discovery import PROJECT_FILE
    from reconciler.engine.imports import concerned
    from reconciler.engine.planner import compare
    from reconciler.planning.limits import exceeded
    from reconciler.report import plan as report
    from reconciler.report import pull_request

    if not loaded.valid:
        return pull_request.INVALID, pull_request.INVALID, "", 1
    there = None
    note = pull_request.NEW_PROJECT
    if (base / PROJECT_FILE).exists():
        note = ""
        try:
            there = load(base, cache=cache)
            there.require_valid()
        except (errors.ConfigInvalid, errors.ConfigIncomplete):
            return pull_request.NOTHING_TO_COMPARE_WITH, pull_request.NOTHING_TO_COMPARE_WITH, "", 0
    plan = compare(loaded, there)
    broken = exceeded(plan, loaded.project.limits)
    states = concerned(plan, loaded)
    whole = report.to_text(plan, exceeded=broken, imports=states)
    short = report.to_markdown(plan, exceeded=broken, imports=states)
    return f"{whole}\n\n{note}" if note else whole, short, note, 0


def _save(path: Path, text: str, loaded: LoadedProject) -> None:
    from reconciler.cli.files import refuse_own, write_atomically
    from reconciler.cli.load import place

    work = place(loaded)
    refuse_own(path, work.root, work.own_places)
    write_atomically(path, text.rstrip("\n") + "\n")
