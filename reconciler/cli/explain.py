"""`reconcile explain`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("explain")
@click.argument("topic", required=False, metavar="[CODE | REASON | KIND[.KEY] | Model/NAME | CommunityImport/NAME]")
@common
def command(project: Path | None, topic: str | None) -> None:
    """What an error code means and how to fix it, what to do about a reason why a value was rejected, or what a kind and its
    keys are. Without a topic: all of them.

    Of a model of the project: where each of its columns comes from, and where it goes. Of the import of a community: which
    objects and fields it writes, and what its target lacks of them.

    \b
    reconcile explain E-LOOKUP
    reconcile explain key-conflict
    reconcile explain ProfileFieldMapping.mappings
    reconcile explain Model/active-users
    reconcile explain CommunityImport/acme-community
    """
    from reconciler.config.explain import explain, topics

    if topic is not None and topic.startswith("Model/"):
        from reconciler.cli.load import load
        from reconciler.config.lineage import explain as explain_model

        click.echo(_shown(explain_model(load(project), topic)), nl=False)
        return
    if topic is not None and topic.startswith("CommunityImport/"):
        from reconciler.cli.load import load
        from reconciler.engine.imports import explain as explain_import

        click.echo(_shown(explain_import(load(project), topic)), nl=False)
        return
    click.echo(topics() if topic is None else explain(topic))


def _shown(text: str) -> str:
    """Lines with names of queries and tenants: a terminal obeys nothing of them."""
    from reconciler.report.text import visible

    return "\n".join(map(visible, text.split("\n")))
