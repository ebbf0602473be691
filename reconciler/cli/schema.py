"""`reconcile schema`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("schema")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write all schemas into this folder.")
@common
def command(project: object, name: str | None, out: Path | None) -> None:
    """JSON Schemas of documents, plan files and the state file, for editors and CI.

    \b
    reconcile schema                          the schema of all documents
    reconcile schema --out schemas            all of them as files
    """
    from reconciler import errors
    from reconciler.cli.schemas import all_schemas, write_schemas

    if out is not None:
        click.echo(f"{write_schemas(out)} schemas written to {out}")
        return
    found = all_schemas()
    file = f"{name or 'reconcile'}.schema.json"
    if file not in found:
        known = ", ".join(sorted(name.removesuffix(".schema.json") for name in found))
        raise errors.NotFound(f"there is no schema '{name}'", hint=f"known: {known}")
    click.echo(found[file], nl=False)
