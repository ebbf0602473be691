"""`reconcile connections`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli.options import Group, at_every_level, common, output


@click.group("connections", cls=Group)
@common
@click.pass_context
def command(ctx: click.Context, project: Path | None) -> None:
    """The systems at both ends."""
    at_every_level(ctx, project)


@command.command("test")
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@output("text", "json")
@common
def test(project: Path | None, names: tuple[str, ...], output: str) -> int:
    """Prove that connections work: reachable, credentials, rights, limits, clock. Leaves nothing behind.

    Exit code 6 when credentials are refused, 1 for any other trouble.
    """
    from reconciler.cli.checks import connection_checks, print_checks, verdict
    from reconciler.cli.load import load, place
    from reconciler.cli.online import chosen

    loaded = load(project)
    work = place(loaded)
    with work.signals():
        found = {name: connection_checks(work, loaded, one) for name, one in chosen(loaded, names).items()}
    if output == "json":
        data = {
            name: [{"name": c.name, "ok": c.ok, "detail": c.detail, "hint": c.hint} for c in checks]
            for name, checks in found.items()
        }
        click.echo(json.dumps({"formatVersion": 1, "connections": data}, indent=2, ensure_ascii=False))
    else:
        for name, checks in found.items():
            print_checks(name, checks)
    return verdict(check for checks in found.values() for check in checks)
