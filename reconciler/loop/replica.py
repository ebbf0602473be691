"""Being one of several loops on the same state: saying so, and refusing a neighbour that cannot be shared with."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__, errors
from reconciler.state import leases, replicas
from reconciler.state.database import Database

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Equal in all containers of one machine, different on every other one, and after each start."""


def machine() -> str:
    """Names this machine as long as it runs."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """This process's place among the loops on a database."""

    database: Database
    holder: str
    machine: str

    def report(self) -> None:
        """Say that this loop is alive. Raises `errors.Locked` where an embedded database is used from two machines.

        Locks of a database file do not hold between machines, so nothing that two of them do to it is safe.
        """
        with self.database.begin() as session:
            replicas.seen(session, self.holder, self.machine, __version__)
            others = replicas.alive(session)
        if not self.database.embedded:
            return
        oldest = others[0]
        if oldest.machine != self.machine:
            raise errors.Locked(
                f"{self.database.label} is used by {oldest.holder}, which runs on another machine",
                hint="stop one of the two, or give both a PostgreSQL database (spec.database)",
            )

    def leave(self) -> None:
        """Say that this loop has stopped, and let go of what its threads still hold."""
        with self.database.begin() as session:
            replicas.gone(session, self.holder)
            leases.release_all(session, self.holder)
