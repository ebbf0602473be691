"""The section of the reference that lists every command with its arguments, options and examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping

import click
from docs_words import code, table

from reconciler.cli.commands import GROUPS
from reconciler.cli.group import cli

COMMON = {"project", "debug", "no_color"}
"""Options of every command: the page says them once."""


def commands() -> str:
    """All commands, in the order and under the headings of `reconcile --help`."""
    parts: list[str] = []
    for group, entries in GROUPS.items():
        parts.append(f"## {group}")
        for name in entries:
            command = cli.get_command(click.Context(cli, info_name="reconcile"), name)
            assert command is not None
            parts += _command(command, f"reconcile {name}")
    return "\n\n".join(parts)


def _command(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        yield f"### {name}"
        yield from _help(command)
        for below, inner in command.commands.items():
            yield from _command(inner, f"{name} {below}")
        return
    context = click.Context(command, info_name=name)
    yield f"### {name}"
    yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```"
    yield from _help(command)
    rows = [row for param in command.params if (row := _option(param))]
    if rows:
        yield table(("option", "what it does", "default"), rows)


def _help(command: click.Command) -> Iterator[str]:
    """Paragraphs of the help; what is kept as it stands there becomes a block."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        text = paragraph.strip()
        if text.startswith("\b"):
            kept = text.removeprefix("\b").strip()
            yield f"```text\n{kept}\n```"
        else:
            yield " ".join(text.split())


def _option(param: click.Parameter) -> tuple[str, str, str] | None:
    if not isinstance(param, click.Option) or param.name in COMMON:
        return None
    names = ", ".join(code(name) for name in param.opts)
    if not param.is_flag:
        names += f" {_value(param)}"
    default = code(str(param.default)) if param.show_default and param.default is not None else ""
    return names, param.help or "", default


def _value(param: click.Option) -> str:
    if isinstance(param.type, click.Choice):
        return " or ".join(code(str(choice)) for choice in param.type.choices)
    if param.metavar:
        return param.metavar
    if isinstance(param.type, click.IntRange):
        return f"{param.type.min:,} to {param.type.max:,}" if param.type.max else f"a number from {param.type.min}"
    return {"integer": "a number", "file": "FILE", "directory": "FOLDER"}.get(param.type.name, "TEXT")


SECTIONS: Mapping[str, Callable[[], str]] = {"commands": commands}
