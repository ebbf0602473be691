"""`reconcile init`"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from reconciler.cli.options import common


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--name", help="Name of the project; also starts the names of its documents.")
@click.option("--domain", help="Domain of the Gainsight CS tenant.")
@click.option("--tenant", help="Tenant of the community, as its Control URL shows it.")
@click.option("--region", help="Region of the community.")
@click.option("--sandbox", is_flag=True, help="A project for `reconcile sandbox` instead; asks nothing.")
@common
def command(
    project: object,
    folder: Path,
    name: str | None,
    domain: str | None,
    tenant: str | None,
    region: str | None,
    sandbox: bool,
) -> None:
    """Start a project in FOLDER (default: here). Asks four questions on a terminal; every answer is also an option.

    \b
    reconcile init
    reconcile init my-mappings --name acme --domain acme.gainsightcloud.com --tenant acme-en --region eu-west-1
    reconcile init --sandbox sandbox
    """
    from reconciler import errors
    from reconciler.cli.projects import write_project
    from reconciler.cli.schemas import write_schemas

    if sandbox and (name or domain or tenant or region):
        raise errors.UsageError("--sandbox asks nothing, so no other option goes with it", hint="leave one of them out")
    if sandbox:
        urls = {"cs_url": "http://127.0.0.1:9401", "cc_url": "http://127.0.0.1:9402"}
        written = write_project(folder, ["sandbox"], {**urls, "folders": "connections, mappings"})
    else:
        answers = {
            "name": _answer("Name of the project", name, "acme"),
            "domain": _answer("Domain of the CS tenant", domain, "acme.gainsightcloud.com"),
            "tenant": _answer("Tenant of the community", tenant, "acme-en"),
            "region": _answer("Region of the community", region, "eu-west-1"),
        }
        _refuse_unusable(answers)
        written = write_project(folder, ["start"], answers)
        written.append(folder / ".reconcile")
        write_schemas(written[-1])
    for path in written:
        click.echo(f"wrote {path}")
    click.echo("\nNext: reconcile validate" + (f" --project {folder}" if folder != Path() else ""))


def _answer(question: str, given: str | None, default: str) -> str:
    if given is not None:
        return given
    from reconciler import errors

    if sys.stdin is None or not sys.stdin.isatty():
        option = "--" + question.split(maxsplit=1)[0].lower()
        raise errors.UsageError(
            f"{option} is missing, and nobody can be asked", hint="`reconcile init --help` shows all options"
        )
    return str(click.prompt(question, default=default))


def _refuse_unusable(answers: dict[str, str]) -> None:
    from reconciler import errors

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", answers["name"]):
        raise errors.UsageError(
            "a project name is made of a-z, 0-9 and -, at most 41 of them", hint="for example: --name acme"
        )
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}", answers["region"]):
        raise errors.UsageError("--region is no region", hint="for example: eu-west-1, us-west-2")
    for key, value in answers.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", value):
            raise errors.UsageError(
                f"--{key} has characters that it cannot have", hint="letters, digits, dots and hyphens"
            )
