"""The click group: commands are imported when they are called."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from reconciler.cli.commands import COMMANDS, help_text
from reconciler.cli.options import Group, at_every_level, common


class LazyGroup(Group):
    """Knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(help_text() + "\n")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@common
@click.pass_context
def cli(ctx: click.Context, project: Path | None) -> None:
    """Mappings in YAML, reviewed in git, planned, applied and kept in sync."""
    at_every_level(ctx, project)
