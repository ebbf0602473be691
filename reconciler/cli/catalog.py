"""`reconcile catalog`"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Group, at_every_level, common, output

if TYPE_CHECKING:
    from reconciler.config.catalogs import Change
    from reconciler.model.catalog import Catalog

CHANGES_PRESENT = 2


@click.group("catalog", cls=Group)
@common
@click.pass_context
def command(ctx: click.Context, project: Path | None) -> None:
    """Remote metadata, pinned as JSON in the repository, so that validation needs neither secrets nor network."""
    at_every_level(ctx, project)


@command.command("pull")
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@common
def pull(project: Path | None, names: tuple[str, ...]) -> None:
    """Read metadata and write it to the catalog folder. Commit what it writes.

    \b
    reconcile catalog pull
    reconcile catalog pull acme-cs
    """
    from reconciler.cli.load import load, place
    from reconciler.cli.online import catalogs, catalogued, refuse_outside, unseen_fields
    from reconciler.config import catalogs as files
    from reconciler.report.text import plural, visible

    loaded = load(project)
    work = place(loaded)
    connections = catalogued(loaded, names)
    refuse_outside(loaded)
    with work.signals():
        for name, found in catalogs(work, loaded, connections):
            path = work.catalog_folder / f"{name}.json"
            changed = files.write(path, found)
            click.echo(f"{path.relative_to(work.root)}  {_outline(found)}{'' if changed else ', unchanged'}")
            for field in unseen_fields(connections[name], found):
                read = plural(found.users_read, "user")
                click.echo(
                    f"  ! profile field '{visible(field)}' is declared, but none of the {read} read has a value for it:"
                    " check that it exists in the community"
                )


@command.command("diff")
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when the tenant differs from what is pinned.")
@output("text", "json")
@common
def diff(project: Path | None, names: tuple[str, ...], detailed_exitcode: bool, output: str) -> int:
    """Show what the tenant changed since the catalog was pulled. Writes nothing."""
    from reconciler.cli.load import load, place
    from reconciler.cli.online import catalogs, catalogued, refuse_damaged
    from reconciler.config import catalogs as files
    from reconciler.model.catalog import Catalog

    loaded = load(project)
    refuse_damaged(loaded)
    work = place(loaded)
    changes: dict[str, list[Change]] = {}
    with work.signals():
        for name, found in catalogs(work, loaded, catalogued(loaded, names)):
            changes[name] = files.diff(loaded.catalogs.get(name) or Catalog(connection=name), found)
    if output == "json":
        click.echo(json.dumps({"formatVersion": 1, "catalogs": _changes_json(changes)}, indent=2, ensure_ascii=False))
    else:
        _print_changes(changes)
    return CHANGES_PRESENT if detailed_exitcode and any(changes.values()) else 0


def _outline(found: Catalog) -> str:
    from reconciler.report.text import plural

    if found.objects:
        fields = sum(len(entry.fields) for entry in found.objects.values())
        return f"{plural(len(found.objects), 'object')}, {plural(fields, 'field')}"
    return f"{plural(len(found.profile_fields), 'profile field')} seen on {plural(found.users_read, 'user')}"


def _print_changes(changes: Mapping[str, Sequence[Change]]) -> None:
    from reconciler.report.text import visible

    for name, found in changes.items():
        click.echo(f"{name}: {'as pinned' if not found else ''}".rstrip())
        for change in found:
            click.echo(f"  {visible(change.line)}")


def _changes_json(changes: Mapping[str, Sequence[Change]]) -> Mapping[str, object]:
    return {
        name: [{"action": c.action, "path": c.path, "before": c.before, "after": c.after} for c in found]
        for name, found in changes.items()
    }
