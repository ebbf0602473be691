"""`reconcile apply`"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import Number, common

MAX_PLAN_FILE = 256 * 1024 * 1024


@click.command("apply")
@click.argument("plan_file", required=False, type=click.Path(path_type=Path), metavar="[PLAN.json]")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only this document (name or Kind/name) and what it needs; may repeat.",
)
@click.option(
    "--allow-mass-change",
    type=Number(min=1),
    default=None,
    metavar="N",
    help="Confirm that up to N recorded documents or mappings change or are forgotten.",
)
@click.option("--no-cache", is_flag=True, help="Parse every file anew.")
@common
def command(
    project: Path | None, plan_file: Path | None, only: tuple[str, ...], allow_mass_change: int | None, no_cache: bool
) -> None:
    """Record the declared documents; the next cycles use them. Nothing is sent, and nothing in a community is removed.

    \b
    reconcile apply                          plan and apply
    reconcile apply plan.json                apply exactly a reviewed plan, or refuse
    """
    from reconciler import errors
    from reconciler.cli.load import load, place, warn
    from reconciler.cli.terminal import output_style
    from reconciler.engine.applier import apply
    from reconciler.engine.projection import refuse_unusable, write_state_file
    from reconciler.report import plan as report

    if plan_file is not None and only:
        raise errors.UsageError("a plan file already says what it is limited to", hint="leave --only away")
    saved = _read(plan_file) if plan_file is not None else None
    loaded = load(project, cache=not no_cache)
    work = place(loaded)
    work.database.migrate()  # before the first look: an older database is brought up to date, not refused
    refuse_unusable(work.database, work.state_file)
    applied = apply(
        loaded,
        work.database,
        clock=work.clock,
        holder=work.holder,
        allow=allow_mass_change or 0,
        only=tuple(sorted(only)),
        saved=saved,
        commit=work.commit,
    )
    warn(loaded)
    try:
        serial = write_state_file(work.database, work.state_file)
    except errors.StateProblem as problem:
        problem.add(f"the documents are recorded all the same, serial {applied.serial}")
        raise
    click.echo(report.to_text(applied.plan, style=output_style()))
    if not applied.plan.empty:
        click.echo(f"\nApplied, serial {serial}. Next: reconcile sync NAME, then reconcile status")


def _read(path: Path) -> Mapping[str, Any]:
    from reconciler import errors
    from reconciler.model.plan import FORMAT_VERSION, digest_of_content

    hint = "write it anew with `reconcile plan --out FILE`"
    try:
        if path.stat().st_size > MAX_PLAN_FILE:
            raise errors.UsageError(f"{path} is too large for a plan file", hint=hint)
        data = json.loads(path.read_bytes())
    except OSError as problem:
        raise errors.NotFound(f"cannot read the plan file {path}: {problem.strerror}", hint=hint) from None
    except (ValueError, RecursionError):
        raise errors.UsageError(f"{path} is not a plan file: it is not JSON", hint=hint) from None
    if not isinstance(data, dict) or "formatVersion" not in data or "digest" not in data:
        raise errors.UsageError(f"{path} is not a plan file", hint=hint)
    if data["formatVersion"] != FORMAT_VERSION:
        raise errors.StalePlan(
            f"{path} has format version {data['formatVersion']}, this is {FORMAT_VERSION}", hint=hint
        )
    if isinstance(data.get("base"), dict) and data["base"].get("tree") is not None:
        raise errors.UsageError(
            f"{path} compares two trees and was not made from what is recorded, so it cannot be applied", hint=hint
        )
    if data["digest"] != digest_of_content(data):
        raise errors.StalePlan(f"{path} was changed after it was made: its digest does not match", hint=hint)
    return data
