"""The click group: commands are imported when they are called, and usage errors name the closest command."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import Any

import click

from reconciler import __version__
from reconciler.cli.commands import COMMANDS, SUBCOMMANDS, help_text
from reconciler.cli.options import common


class LazyGroup(click.Group):
    """Knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS:
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            more = f"; did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"there is no command '{name}'{more}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(help_text() + "\n")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
@common
@click.pass_context
def cli(ctx: click.Context, project: Path | None) -> None:
    """Mappings in YAML, reviewed in git, planned, applied and kept in sync."""
    if project is not None:
        ctx.default_map = _Everywhere(project=project)


class _Everywhere(dict[str, Any]):
    """Defaults that hold for every command below, however deep: options may stand before the command, too."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, self if key in COMMANDS or key in SUBCOMMANDS else default)
