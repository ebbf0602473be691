"""Checks as lines: of one connection, and of the whole installation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import click

from reconciler import errors
from reconciler.cli.terminal import output_style
from reconciler.connectors.base import Check
from reconciler.model.diagnostic import Severity
from reconciler.model.resources import CommunityImport, Connection, Model, SqlConnection
from reconciler.report.text import plural, visible

if TYPE_CHECKING:
    from reconciler.cli.wiring import Workplace
    from reconciler.config.load import LoadedProject


ATTEMPTS = 2


class _Checkable(Protocol):
    def check(self) -> Sequence[Check]: ...

    def close(self) -> None: ...


def connection_checks(work: Workplace, loaded: LoadedProject, connection: Connection) -> Sequence[Check]:
    """Everything that can be proved about a connection without leaving anything. Of a database: for what it is used."""
    work.attempts = ATTEMPTS
    used = loaded.resources.values()
    if not isinstance(connection, SqlConnection) or not any(
        isinstance(flow, CommunityImport) and flow.target == connection.name for flow in used
    ):
        return _checks(lambda: work.remote(connection))
    written = _checks(lambda: work.tables(connection))
    if not any(isinstance(model, Model) and model.connection == connection.name for model in used):
        return written
    read = _checks(lambda: work.remote(connection))
    return [*read, *(check for check in written if check.name not in {one.name for one in read})]


def _checks(make: Callable[[], _Checkable]) -> Sequence[Check]:
    try:
        remote = make()
    except errors.ReconcileError as error:
        return [_failed("driver" if isinstance(error, errors.RemoteRefused) else "secrets", error)]
    try:
        return remote.check()
    finally:
        remote.close()


def project_checks(loaded: LoadedProject) -> Iterator[Check]:
    """The documents and catalogs, as `validate` sees them."""
    mistakes = sum(found.severity is Severity.ERROR for found in loaded.diagnostics)
    detail = f"{plural(len(loaded.origins), 'document')}, {plural(mistakes, 'error')}"
    yield Check(name="documents", ok=not mistakes, detail=detail, hint="run `reconcile validate`" if mistakes else "")


def state_checks(work: Workplace) -> Iterator[Check]:
    """The database and the state file, and that the two agree."""
    from reconciler.engine.projection import VANISHED
    from reconciler.state import meta, runs, statefile

    try:
        with work.database.read() as session:
            current, newest_run = meta.read(session), runs.newest_id(session)
        detail = f"serial {current.serial}" if current else "empty: nothing has been applied yet"
        yield Check(name="database", ok=True, detail=detail)
    except errors.ReconcileError as error:
        yield _failed("database", error)
        return
    if current is None and not work.state_file.exists():
        return
    recorded = current.serial if current else 0
    try:
        found = statefile.head(statefile.read(work.state_file, lineage=current.lineage if current else None))
    except errors.ReconcileError as error:
        yield _failed("state file", error)
        return
    detail = f"serial {found.serial}, database {recorded}"
    older = found.serial == recorded and found.newest_run > newest_run
    if older:
        detail += f"; run {found.newest_run}, database {newest_run or 'none'}"
    same = found.serial == recorded and not older
    hint = "restore the newer of the two, or run `reconcile state rebuild`" if current else VANISHED
    yield Check(name="state file", ok=same, detail=detail, hint="" if same else hint)


def _failed(name: str, error: errors.ReconcileError) -> Check:
    return Check(name=name, ok=False, detail=error.message, hint=error.hint or "", exit_code=error.exit_code)


def print_checks(title: str, checks: Iterable[Check]) -> None:
    """One line a check, its hint below it where it failed."""
    style = output_style()
    click.echo(style.bold(visible(title)))
    for check in checks:
        mark = style.green("ok    ") if check.ok else style.red("FAILED")
        click.echo(f"  {mark}  {check.name:<14} {visible(check.detail)}")
        if check.hint:
            click.echo(f"          {'':<14} {style.dim('hint: ')}{visible(check.hint)}")


def verdict(checks: Iterable[Check]) -> int:
    """The exit code: 6 where credentials are the trouble, 1 for any other, 0 when all is well."""
    codes = {check.exit_code for check in checks if not check.ok}
    return max(codes, default=0)
