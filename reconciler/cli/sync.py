"""`reconcile sync`"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import common, output

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.engine.cycle import Progress, Report


@click.command("sync")
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Where a loop runs the cycles: ask it for this one, and do not wait.")
@click.option(
    "--full", is_flag=True, help="Read and compare everything, also where a cursor or an earlier pass would save it."
)
@click.option("--accept-loss", is_flag=True, help="Of an import: most of a community is gone indeed.")
@output("text", "json")
@common
def command(project: Path | None, name: str, no_wait: bool, full: bool, accept_loss: bool, output: str) -> int:
    """Run one cycle of an applied document now: read, match, compare with what was written before, write what changed.

    \b
    reconcile sync acme-profile

    Where `reconcile run` is at work on the same state, it is asked for the cycle and runs it once.

    Exit code 3 means that some values or records were rejected: `reconcile records NAME` says which and why.
    """
    from reconciler.cli.progress import watching
    from reconciler.cli.wiring import workplace
    from reconciler.engine.asking import loop_is_alive
    from reconciler.engine.cycle import exit_code
    from reconciler.engine.occasion import Occasion
    from reconciler.engine.projection import refuse_unusable, write_state_file
    from reconciler.engine.sync import sync, wish

    # What has been imported by now stays as long as the process. Without this, the interpreter looks through all of it for
    # garbage when it ends, more than once. Not at the end: some databases' drivers complain of what is left of them.
    gc.freeze()
    work = workplace(project)
    refuse_unusable(work.database, work.state_file)
    served = loop_is_alive(work.database)
    if full or accept_loss:
        wish(work.database, name, full=full, accept_loss=accept_loss)
    if no_wait:
        return _only_ask(work, name, served)
    with work.signals(), watching(work.clock) as progress:
        work.waits = progress
        report = _by_the_loop(work, name, progress) if served else None
        if report is None:
            report = sync(
                work.database,
                name,
                work.remotes(),
                holder=work.holder,
                clock=work.clock,
                stop=work.stop,
                progress=progress,
                occasion=Occasion(work.announce),
            )
    # What the cycle did is told by the exit code, too, also when nobody reads the text.
    with suppress(BrokenPipeError):
        _print(work, report, output)
        sys.stdout.flush()
    if not served:
        write_state_file(work.database, work.state_file)
    return exit_code(report)


def _only_ask(work: Workplace, name: str, served: bool) -> int:
    from reconciler import errors
    from reconciler.engine.asking import ask

    if not served:
        raise errors.UsageError("--no-wait asks a loop, and none is running", hint="start one with `reconcile run`")
    asked = ask(work.database, name, work.person, work.clock)
    click.echo(f"The loop is asked to run {asked.document}. `reconcile activity` shows what becomes of it.")
    return 0


def _by_the_loop(work: Workplace, name: str, progress: Progress) -> Report | None:
    """What became of the cycle that a loop was asked for; None when no loop is left."""
    from reconciler.engine.asking import ask, wait

    asked = ask(work.database, name, work.person, work.clock)
    progress.phase("waiting for the loop", None)
    return wait(
        work.database,
        asked,
        work.clock,
        work.stop,
        watch=lambda run: progress.phase(f"the loop runs it: run {run.id}", None),
    )


def _print(work: Workplace, report: Report, output: str) -> None:
    from reconciler.cli.terminal import output_style
    from reconciler.report import activity

    if output == "json":
        data = {"formatVersion": activity.FORMAT_VERSION, **activity.run_json(report.run, report.tallies)}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    click.echo(
        activity.run_to_text(report.run, report.tallies, notes=_member_notes(work, report), style=output_style())
    )
    if report.error is not None and report.error.hint:
        click.echo(f"\nhint: {report.error.hint}")


def _member_notes(work: Workplace, report: Report) -> Sequence[str]:
    """What there is to say of the members of a community after an import of it."""
    from reconciler.model.document import COMMUNITY_IMPORT

    if report.run.kind != COMMUNITY_IMPORT:
        return ()
    from reconciler.engine.looking import member_counts
    from reconciler.report import matches

    counts = member_counts(work.database, report.run)
    return matches.notes(report.run.document, counts) if counts else ()
