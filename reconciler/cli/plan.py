"""`reconcile plan`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import common

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import LoadedProject
    from reconciler.model.plan import Cost, Plan

CHANGES_PRESENT = 2


@click.command("plan")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only this document (name or Kind/name) and what it needs; may repeat.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to a file for `apply FILE`."
)
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    help="Compare with another checkout of the project, and not with the state database. Cannot be applied.",
)
@click.option(
    "--format",
    "--output",
    "output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option("--no-cache", is_flag=True, help="Parse every file anew.")
@common
def command(
    project: Path | None,
    only: tuple[str, ...],
    out: Path | None,
    base: Path | None,
    output: str,
    detailed_exitcode: bool,
    no_cache: bool,
) -> int:
    """Show what apply would change. Reads only, and talks to nothing but the state database.

    \b
    reconcile plan
    reconcile plan --out plan.json && reconcile apply plan.json
    reconcile plan --format markdown        for a comment on a pull request
    reconcile plan --base ../main           what merging this checkout into that one changes; no database
    """
    from reconciler import errors
    from reconciler.cli.load import load, place, warn, warn_of_doubts
    from reconciler.cli.terminal import output_style
    from reconciler.engine.imports import concerned
    from reconciler.engine.planner import compare, make_plan, unchanged
    from reconciler.planning.limits import exceeded
    from reconciler.report import plan as report

    if base is not None and out is not None:
        raise errors.UsageError(
            "a comparison of two trees cannot be applied, so --out does not go with --base",
            hint="leave --base away to save a plan; --format json prints the comparison",
        )
    loaded = load(project, cache=not no_cache)
    work = place(loaded)
    names = tuple(sorted(only))
    known = None
    if base is not None:
        plan = compare(loaded, load(base, cache=not no_cache), only=names)
    else:
        known = unchanged(loaded, work.standing(), only=names)
        plan = known or make_plan(loaded, work.database, only=names)
    warn(loaded)
    warnings = warn_of_doubts(work) if base is None and known is None else []
    broken = exceeded(plan, loaded.project.limits)
    prices = _costs(plan, loaded, work if base is None else None)
    states = concerned(plan, loaded)
    if out is not None:
        _save(out, report.to_json(plan), work)
    match output:
        case "json":
            click.echo(report.to_json(plan, costs=prices, imports=states, warnings=warnings), nl=False)
        case "markdown":
            click.echo(
                report.to_markdown(plan, exceeded=broken, costs=prices, imports=states, warnings=warnings), nl=False
            )
        case _:
            click.echo(report.to_text(plan, exceeded=broken, costs=prices, imports=states, style=output_style()))
            if out is not None:
                click.echo(f"\nSaved to {out}. Apply exactly this with: reconcile apply {out}")
    return CHANGES_PRESENT if detailed_exitcode and not plan.empty else 0


def _costs(plan: Plan, loaded: LoadedProject, work: Workplace | None) -> tuple[Cost, ...]:
    from reconciler.model.document import SYNC

    if not any(change.id.kind == SYNC for change in plan.changes):
        return ()
    from reconciler.engine.costs import costs

    return costs(plan, loaded, work.database if work is not None else None)


def _save(path: Path, text: str, work: Workplace) -> None:
    from reconciler.cli.files import refuse_own, write_atomically

    refuse_own(path, work.root, work.own_places)
    write_atomically(path, text)
