"""Options, arguments and groups that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler import __version__
from reconciler.cli.commands import COMMANDS, SUBCOMMANDS

Command = TypeVar("Command", bound=Callable[..., Any])


def common(function: Command) -> Command:
    """`--project`, `--version`, and the two switches that `main` and `terminal` read themselves."""
    for option in (
        click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s"),
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."),
        click.option("--no-color", is_flag=True, expose_value=False, help="No colours."),
        click.option(
            "--project",
            type=click.Path(path_type=Path),
            help="Project file or its folder; default: found upwards from here.",
        ),
    ):
        function = option(function)
    return function


def output(*choices: str) -> Callable[[Command], Command]:
    """`--output`, with the first choice as the default."""
    return click.option(
        "--output",
        "--format",
        "output",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How to print.",
    )


class Misused(click.BadParameter):
    """A wrong word on the command line with a hint of its own, in place of `--help`."""

    def __init__(self, message: str, hint: str, ctx: click.Context | None, param: click.Parameter | None) -> None:
        super().__init__(message, ctx, param)
        self.hint = hint


class Number(click.IntRange):
    """A whole number within limits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            limits = (f"from {self.min:,}" if self.min is not None else "", f"to {self.max:,}" if self.max else "")
            raise click.BadParameter(f"'{value}' is no number {' '.join(limits).strip()}", ctx, param) from None


class RunNumber(click.IntRange):
    """The number of a run."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            hint = "runs have numbers: `reconcile activity` lists them"
            if str(value)[:1].isalpha():
                hint += f", `reconcile activity --document {value}` those of one document"
            raise Misused(f"'{value}' is no run", hint, ctx, param) from None


class Group(click.Group):
    """Takes the common options at its own level, too, and names its commands when none or a wrong one is given."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **{**more, "invoke_without_command": True})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], known, n=1)
            more = (
                f"; did you mean '{close[0]}'?" if close else "" if len(known) > 5 else f"; known: {', '.join(known)}"
            )
            above = f"{ctx.info_name} " if ctx.parent else ""
            raise click.UsageError(f"there is no command '{above}{args[0]}'{more}", ctx)
        return super().resolve_command(ctx, args)


class Everywhere(dict[str, Any]):
    """Defaults that hold for every command below, however deep: options may stand before the command, too."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, self if key in COMMANDS or key in SUBCOMMANDS else default)


def at_every_level(ctx: click.Context, project: Path | None) -> None:
    """What a group does before its command: hand on what was said before it. Raises `click.UsageError` if there is none."""
    if project is not None:
        ctx.default_map = Everywhere(project=project)
    if ctx.invoked_subcommand is None:
        assert isinstance(ctx.command, Group)
        known = ctx.command.list_commands(ctx)
        raise click.UsageError(f"Missing command{': ' + ' or '.join(known) if len(known) <= 5 else ''}.", ctx)
