"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def common(function: Command) -> Command:
    """`--project`, and the two switches that `main` and `terminal` read themselves."""
    for option in (
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
