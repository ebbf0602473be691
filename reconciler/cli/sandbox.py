"""`reconcile sandbox`"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import Number, common


@click.command("sandbox")
@click.option("--people", type=Number(1, 1_000_000), default=1000, show_default=True, help="People in CS.")
@click.option("--communities", type=Number(1, 20), default=2, show_default=True, help="Communities.")
@click.option("--topics", type=Number(0, 1_000_000), default=200, show_default=True, help="Topics of all communities.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and sizes give the same data.")
@click.option(
    "--tidy", is_flag=True, help="No duplicates, no ambiguous companies: everybody is one person and one member."
)
@click.option(
    "--no-community-objects", is_flag=True, help="CS has none of the objects that community imports write to."
)
@click.option(
    "--without-object", "missing", multiple=True, metavar="LABEL", help="Leave out one of them. Can be given again."
)
@click.option(
    "--warehouse",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also make a small warehouse about the same companies: a SQLite file, which must not be there yet.",
)
@click.option("--cs-port", type=Number(0, 65535), default=0, help="Port of the CS API; 0 picks one.")
@click.option("--cc-port", type=Number(0, 65535), default=0, help="Port of the community API; 0 picks one.")
@common
def command(
    project: object,
    people: int,
    communities: int,
    topics: int,
    seed: int,
    tidy: bool,
    no_community_objects: bool,
    missing: tuple[str, ...],
    warehouse: Path | None,
    cs_port: int,
    cc_port: int,
) -> None:
    """Serve the Gainsight CS and community APIs on this machine, with made-up people and posts. Ctrl-C ends it.

    \b
    access key     sandbox-access-key
    client id      sandbox-client         (sandbox-client-2 for the second community, and so on)
    client secret  sandbox-secret

    Connections reach it by `baseUrl`, with RECONCILE_ALLOW_LOOPBACK=1 in the environment.
    """
    from reconciler import errors
    from reconciler.sandbox import Sandbox, SandboxConfig, SandboxError, write_warehouse

    config = SandboxConfig(
        people=people,
        communities=communities,
        topics=topics,
        seed=seed,
        quirks=not tidy,
        community_objects=not no_community_objects,
        missing_objects=missing,
        cs_port=cs_port,
        cc_port=cc_port,
    )
    try:
        if warehouse is not None:
            write_warehouse(warehouse, config)
        Sandbox(config).serve_forever()
    except SandboxError as problem:
        raise errors.ReconcileError(str(problem), hint=problem.hint) from None
