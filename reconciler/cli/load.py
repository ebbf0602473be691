"""Loading a project for a command, and showing what the rules said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import LoadedProject


def load(project: Path | None, *, cache: bool = True, online: bool = False) -> LoadedProject:
    """The project with everything that its rules found; `online` replaces the pinned catalogs by live ones."""
    from reconciler.config.load import load_project

    loaded = load_project(project, Path.cwd(), use_cache=cache)
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
