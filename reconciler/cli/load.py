"""Loading a project for a command, and showing what the rules said."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import LoadedProject


def load(project: Path | None, *, cache: bool = True, online: bool = False) -> LoadedProject:
    """The project with everything that its rules found; `online` replaces the pinned catalogs by live ones."""
    from reconciler.config.load import load_project

    # It lives as long as the command, so the search for garbage that would come at once need not go through all of it.
    gc.disable()
    try:
        loaded = load_project(project, Path.cwd(), use_cache=cache)
    finally:
        gc.freeze()
        gc.enable()
    if not online:
        return loaded
    from reconciler.cli.online import live_catalogs

    return load_project(project, Path.cwd(), catalogs=live_catalogs(place(loaded), loaded))


def place(loaded: LoadedProject) -> Workplace:
    from reconciler.cli.wiring import Workplace

    return Workplace(root=loaded.root, project=loaded.project)


def warn(loaded: LoadedProject) -> None:
    """One line on standard error, so that warnings are known of and output stays clean."""
    count = len(loaded.diagnostics)
    if count:
        from reconciler.report.text import plural

        click.echo(f"{plural(count, 'warning')}: `reconcile validate` shows them", err=True)


def warn_of_doubts(work: Workplace) -> list[str]:
    """Say on standard error, before anything is read, why the database may not be the right one. Gives what was said."""
    from reconciler.cli.terminal import style_for
    from reconciler.engine.projection import doubts
    from reconciler.report.text import visible

    found = doubts(work.database, work.state_file)
    for text in found:
        click.echo(style_for(sys.stderr).yellow("warning:") + f" {visible(text)}", err=True)
    return found
