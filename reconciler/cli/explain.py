"""`reconcile explain`"""

from __future__ import annotations

import click

from reconciler.cli.options import common


@click.command("explain")
@click.argument("topic", required=False, metavar="[CODE | KIND[.KEY]]")
@common
def command(project: object, topic: str | None) -> None:
    """What an error code means and how to fix it, or what a kind and its keys are. Without a topic: all of them.

    \b
    reconcile explain E-LOOKUP
    reconcile explain ProfileFieldMapping.mappings
    """
    from reconciler.config.explain import explain, topics

    click.echo(topics() if topic is None else explain(topic))
